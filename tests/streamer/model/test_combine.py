import pytest
import torch
from torch import Tensor

from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Parallel, Series
from restem.streamer.stem_restorer import StemRestorer
from restem.streamer.stream import Stream, render
from tests.support.tiny_networks import Halves, noise


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
