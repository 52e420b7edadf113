from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Delayed, Extraction, Parallel, Series, first_stage
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.model.resampled import Resampled, at_rate
from restem.streamer.stem_restorer import StemRestorer
from restem.streamer.stream import Stream, render
from tests.support.tiny_networks import Halves, embedded, extraction, noise, spleeter


class Doubled(Halves):
    """A second stage: stems in, stems out."""

    input_shape = (2, 2)

    def __call__(self, stems: Tensor) -> Tensor:
        return 2 * stems


def test_latencies_add_up_along_a_series() -> None:
    first = Chunked(Halves(), block_size=64, fade=3, lookahead=4)
    second = Chunked(Doubled(), block_size=64, lookahead=5)
    assert Series(first, second).latency == 12


def test_a_series_does_one_after_the_other() -> None:
    first = Chunked(Halves(), block_size=64, fade=3, lookahead=4)
    second = Chunked(Doubled(), block_size=64, lookahead=5)
    mix = noise(1000)
    torch.testing.assert_close(render(Series(first, second), mix), 2 * Halves()(mix))


def test_a_series_knows_its_ends() -> None:
    first, second = (Chunked(n, block_size=64) for n in (Halves(), Doubled()))
    series = Series(first, second)
    assert (series.channels, series.stems, series.block_size) == (2, second.stems, 64)
    assert series.device == torch.device("cpu")


def test_models_of_different_block_sizes_do_not_chain() -> None:
    with pytest.raises(ValueError, match=r"agree on block_size, got \[64, 65\]"):
        Series(Chunked(Halves(), block_size=64), Chunked(Doubled(), block_size=65))


def test_an_empty_series_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        Series()


def test_models_side_by_side_each_give_their_stems_to_one_mix() -> None:
    first = Chunked(Halves(), block_size=64, fade=3, lookahead=4)
    second = Chunked(Others(), block_size=64, fade=3, lookahead=4)
    both = Parallel(first, second, stems=("drums", "bass", "vocals"))
    assert (both.latency, both.stems) == (7, ("drums", "bass", "vocals"))
    mix = noise(500)
    together, (vocals, drums), (bass,) = (render(model, mix) for model in (both, first, second))
    assert torch.equal(together, torch.stack((drums, bass, vocals)))


def test_models_side_by_side_must_be_alike_but_for_their_stems() -> None:
    first, other = (Chunked(n, block_size=64, lookahead=4) for n in (Halves(), Others()))
    with pytest.raises(ValueError, match=r"agree on latency, got \[4, 5\]"):
        Parallel(first, Chunked(Others(), block_size=64, lookahead=5), stems=())
    with pytest.raises(ValueError, match="expected the stems"):
        Parallel(first, other, stems=("bass", "drums"))
    with pytest.raises(ValueError, match="a model at least"):
        Parallel(stems=())


class Others(Halves):
    stems = ("bass",)

    def __call__(self, mix: Tensor) -> Tensor:
        return -mix[None]


class Quarter(Halves):
    """A quarter of the mix is the voice."""

    stems = ("vocals",)

    def __call__(self, mix: Tensor) -> Tensor:
        return 0.25 * mix[None]


class Thirds(Halves):
    """Two thirds and one third of what it is given."""

    stems = ("bass", "drums")

    def __call__(self, mix: Tensor) -> Tensor:
        return torch.stack((2 * mix / 3, mix / 3))


ALL = ("drums", "vocals", "bass")
SIZES = [(64, 64), (64, 48), (48, 64), (100, 7)]


def quarter_and_thirds(first: int, second: int) -> Extraction:
    """Windows of these block sizes, with latencies of 7 and 5 samples."""
    return Extraction(
        Chunked(Quarter(), block_size=first, fade=3, lookahead=4),
        Chunked(Thirds(), block_size=second, lookahead=5),
        ALL,
    )


@pytest.mark.parametrize("sizes", SIZES)
def test_the_second_model_gets_what_the_first_leaves(sizes: tuple[int, int]) -> None:
    mix = noise(1000)
    drums, vocals, bass = render(quarter_and_thirds(*sizes), mix)
    torch.testing.assert_close(vocals, 0.25 * mix)
    torch.testing.assert_close(drums, 0.25 * mix)
    torch.testing.assert_close(bass, 0.5 * mix)


@pytest.mark.parametrize("host_block", [1, 13, 64, 480, 512, 1000, 4096, None])
@pytest.mark.parametrize("sizes", SIZES)
def test_a_click_leaves_both_models_at_its_time_plus_latency(
    sizes: tuple[int, int], host_block: int | None
) -> None:
    click = torch.zeros(2, 10000 if host_block == 4096 else 2000)
    click[:, 1000] = 1
    stream = Stream(quarter_and_thirds(*sizes), host_block)
    blocks = click.split(host_block or 700, dim=-1)
    heard = torch.cat([stream.process(b) for b in blocks if b.shape[-1] == blocks[0].shape[-1]], -1)
    for stem in heard:
        # What the second gets beside the click is what rounding leaves of a quarter: nothing.
        assert set(stem.nonzero()[:, 1].tolist()) == {1000 + stream.latency}


def test_the_latency_of_an_extraction_is_that_of_both_and_of_the_reblocking() -> None:
    assert quarter_and_thirds(64, 64).latency == 7 + 5
    assert quarter_and_thirds(64, 48).latency == 7 + 5 + 48 - 16


def test_of_what_is_not_wanted_the_mix_is_rid_all_the_same() -> None:
    first = Chunked(Quarter(), block_size=64)
    mix = noise(500)
    (drums,) = render(Extraction(first, Chunked(Thirds(), block_size=64), ("drums",)), mix)
    torch.testing.assert_close(drums, 0.25 * mix)


def test_a_delayed_model_is_later_by_so_many_samples() -> None:
    model, mix = embedded(), noise(2000)
    late = Delayed(model, 777)
    assert late.latency == model.latency + 777
    assert torch.equal(render(late, mix), render(model, mix))


def test_models_that_do_not_fit_are_named() -> None:
    quarter, thirds = (Chunked(n, block_size=64) for n in (Quarter(), Thirds()))
    with pytest.raises(
        ValueError, match=r"expected some of the stems \['vocals', 'bass', 'drums'\]"
    ):
        Extraction(quarter, thirds, ("vocals", "choir"))
    with pytest.raises(ValueError, match=r"both models must agree on sample_rate, got \[48000, 44"):
        Extraction(quarter, Resampled(thirds, 44100), ALL)
    with pytest.raises(TypeError, match="a streaming model"):
        Extraction(quarter, Thirds(), ALL)  # type: ignore[arg-type]


RANDOM = torch.randint(0, 600, (40,), generator=torch.Generator().manual_seed(2)).tolist()


def other_blocks() -> StreamingModel:
    return extraction(80)


def other_rate() -> StreamingModel:
    """As `live-vocals` is: windows at 44.1 kHz in step with blocks at 48 kHz."""
    network = spleeter().select(["vocals"])
    windows = Chunked(network, context=660, block_size=294, fade=6)
    first = Resampled(windows, 48000, in_step=True)
    return Extraction(first, embedded().select(["bass", "drums"]), ("vocals", "bass", "drums"))


def at_a_devices_rate() -> StreamingModel:
    return at_rate(other_rate(), 44100)


@pytest.mark.parametrize("host_block", [1, 13, 64, 480, 512, 1000, 4096, None])
@pytest.mark.parametrize("build", [other_blocks, other_rate, at_a_devices_rate])
def test_an_extraction_streams_what_it_renders(
    build: Callable[[], StreamingModel], host_block: int | None
) -> None:
    model, samples = build(), 9000 if host_block == 4096 else 3500
    mix = noise(samples)
    rendered, stream = render(model, mix), Stream(model, host_block)
    sizes = RANDOM if host_block is None else [host_block] * (samples // host_block)
    whole, parts, start = 0, [], 0
    for size in sizes:
        if start + size > samples:
            break
        parts.append(stream.process(mix[:, start : start + size]))
        start += size
    heard = torch.cat(parts, dim=-1)[..., stream.latency :]
    whole = heard.shape[-1]
    assert whole > 1000
    error = (heard - rendered[..., :whole]).abs().max()
    assert error <= 1e-5 * rendered.abs().max()
    assert all(bool(stem.any()) for stem in rendered)


def test_what_is_taken_out_leaves_no_sooner_than_the_latency() -> None:
    for model in (extraction(), extraction(80)):
        stream = Stream(model, 100)
        heard = torch.cat([stream.process(b) for b in noise(4000).split(100, dim=-1)], dim=-1)
        assert not heard[0, :, : stream.latency].any()
        assert heard[..., stream.latency :].any(dim=-1).all()


def test_the_first_stage_of_an_extraction_lacks_the_others_repair() -> None:
    model, mix = extraction(80), noise(3000)
    stage = first_stage(model)
    assert isinstance(stage, Extraction)
    assert (stage.latency, stage.stems) == (model.latency, model.stems)
    separated, repaired = render(stage, mix), render(model, mix)
    assert torch.equal(separated[0], repaired[0])
    assert not torch.allclose(separated[1:], repaired[1:])


def test_a_series_takes_what_the_model_before_gives() -> None:
    first, second = (Chunked(n, block_size=64) for n in (Halves(), Doubled()))
    line = r"the one before gives, \[2, 2, 'samples'\], got one that takes \[2, 'samples'\]"
    for models in ((first, first), (first, second, first), (Series(first, second), first)):
        with pytest.raises(ValueError, match=line):
            Series(*models)
    Series(Series(first, second), Series(second, second))


def test_offline_networks_do_not_chain() -> None:
    for build in (Series, Stream, lambda model: render(model, noise(64)), StemRestorer):
        with pytest.raises(TypeError, match=r"in a Chunked\) must have .*Halves has no block_size"):
            build(Halves())  # type: ignore[operator]
