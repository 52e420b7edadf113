import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from restem.bridge.files.render import render_file
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.model.resampled import HALF, Resampled, at_rate
from restem.streamer.stream import Stream, render
from tests.support.gain_model import GAINS, Plain
from tests.support.golden import peak_error
from tests.support.tiny_networks import embedded, noise

RATES = (44100, 96000, 22050, 192000)
MODELS = (Plain(), Plain(block_size=96, latency=0), Plain(block_size=1000, latency=2345))
SAMPLES = 12001
TAIL = 500  # at the end a file stops, and a stream goes on


def filed(model: StreamingModel, mix: Tensor, sample_rate: int, folder: Path) -> Tensor:
    """What `restem render` writes."""
    soundfile.write(folder / "mix.wav", mix.T.numpy(), sample_rate, "FLOAT")
    report = render_file(model, folder / "mix.wav", folder / "stems")
    stems = [soundfile.read(path, dtype="float32", always_2d=True)[0].T for path in report.files]
    return torch.from_numpy(np.stack(stems))


@cache
def mix_and_stems(sample_rate: int) -> tuple[Tensor, Tensor]:
    mix = noise(SAMPLES)
    return mix, render(Resampled(Plain(), sample_rate), mix)


@pytest.mark.parametrize(
    ("model", "sample_rate"),
    [
        *((Plain(), rate) for rate in (*RATES, 8000, 11025, 32000, 47952, 88200)),
        *((model, rate) for model in MODELS[1:] for rate in (44100, 96000)),
    ],
    ids=lambda value: str(getattr(value, "block_size", value)),
)
def test_it_gives_what_a_rendered_file_holds(
    model: Plain, sample_rate: int, tmp_path: Path
) -> None:
    mix = noise(SAMPLES)
    tail = math.ceil(TAIL * max(1, sample_rate / 48000))
    expected = filed(model, mix, sample_rate, tmp_path)[..., :-tail]
    stems = render(Resampled(model, sample_rate), mix)
    assert peak_error(stems[..., :-tail], expected) < 6e-7


@pytest.mark.parametrize(
    # Where the device's rate leaves the top band empty, the network hears what rounding left there;
    # elsewhere rounding alone, up to 4.3e-6 between the kernels for SSE4 and AVX2.
    ("sample_rate", "worst"),
    [(44100, 1e-4), (96000, 5e-6), (22050, 1e-4), (192000, 5e-6)],
)
def test_a_network_of_its_own_mind_gives_what_a_rendered_file_holds(
    sample_rate: int, worst: float, tmp_path: Path
) -> None:
    samples = sample_rate // 10
    mix, model = noise(samples + 2000), embedded()
    expected = filed(model, mix, sample_rate, tmp_path)[..., :samples]
    stems = render(Resampled(model, sample_rate), mix)[..., :samples]
    assert peak_error(stems, expected) < worst


@pytest.mark.parametrize("host_block", [1, 64, 441, 480, 512, 1000, None])
@pytest.mark.parametrize("sample_rate", RATES)
def test_the_law_holds_for_every_host_block(sample_rate: int, host_block: int | None) -> None:
    mix, expected = mix_and_stems(sample_rate)
    stream = Stream(Resampled(Plain(), sample_rate), host_block)
    size = host_block or 333
    blocks = mix[:, : SAMPLES // size * size].split(size, dim=-1)
    played = torch.cat([stream.process(block) for block in blocks], dim=-1)[..., stream.latency :]
    assert torch.equal(played, expected[..., : played.shape[-1]])


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("model", [*MODELS, embedded()], ids=lambda model: f"{model.block_size}")
def test_with_a_sample_less_of_latency_stems_would_be_missing(
    model: StreamingModel, sample_rate: int
) -> None:
    class Hasty(Resampled):
        def _count_latency(self, p: int, q: int) -> int:
            return super()._count_latency(p, q) - 1

    def runs(running: Resampled) -> bool:
        state, block = running.init_state(), torch.zeros(2, running.block_size)
        sizes = set()
        period = math.lcm(running.block_size * 48000, model.block_size * sample_rate)
        for _ in range(period // (running.block_size * 48000) + 60):
            try:
                stems, state = running.step(block, state)
            except RuntimeError:  # the window is longer than what there is
                return False
            sizes.add(stems.shape[-1])
        return sizes == {running.block_size}

    assert runs(Resampled(model, sample_rate))
    assert not runs(Hasty(model, sample_rate))


@pytest.mark.parametrize(
    ("sample_rate", "size", "block_size", "latency"),
    [
        (44100, 512, 441, 940),
        (96000, 512, 1024, 1836),
        (22050, 96, 147, 390),
    ],
)
def test_the_latency_is_that_of_filters_blocks_and_model(
    sample_rate: int, size: int, block_size: int, latency: int
) -> None:
    running = Resampled(Plain(block_size=size), sample_rate)
    assert (running.block_size, running.latency) == (block_size, latency)


@pytest.mark.parametrize("sample_rate", RATES)
def test_a_click_leaves_where_the_law_says(sample_rate: int) -> None:
    running = Resampled(Plain(channels=1), sample_rate)
    for at in (0, 1, 4999):
        mix = torch.zeros(1, SAMPLES)
        mix[0, at] = 1
        stream = Stream(running)
        played = stream.process(mix)
        assert played[0].abs().argmax() == at + stream.latency
        lower = min(sample_rate, 48000) / sample_rate
        rung = played[:, 0].abs().amax(dim=0).nonzero() - stream.latency - at
        assert rung.abs().max() <= 2 * HALF / lower


@pytest.mark.parametrize(("sample_rate", "block_size"), [(44100, 147), (96000, 64), (22050, 441)])
def test_another_block_size_gives_the_same_stems(sample_rate: int, block_size: int) -> None:
    mix, expected = mix_and_stems(sample_rate)
    running = Resampled(Plain(), sample_rate, block_size)
    assert running.block_size == block_size
    assert peak_error(render(running, mix), expected) < 2e-7
    near = Stream(Resampled(Plain(), sample_rate), 512)
    assert Stream(running, 512).latency < near.latency or block_size > near.model.block_size


@pytest.mark.parametrize(("size", "block_size"), [(294, 320), (4116, 4480), (147, 160)])
def test_in_step_a_model_waits_for_no_more_than_its_filters(size: int, block_size: int) -> None:
    model, mix = Plain(block_size=size, sample_rate=44100), noise(SAMPLES)
    early, late = (Resampled(model, 48000, in_step=step) for step in (True, False))
    assert early.block_size == block_size
    filters = 2 * HALF * 160 // 147 + 1
    assert early.latency <= filters + math.ceil(model.latency * 160 / 147)
    assert late.latency > early.latency
    assert peak_error(render(early, mix), render(late, mix)) < 2e-7


@pytest.mark.parametrize("host_block", [1, 64, 480, 1000, None])
def test_the_law_holds_in_step(host_block: int | None) -> None:
    mix = noise(SAMPLES)
    running = Resampled(Plain(block_size=294, sample_rate=44100), 48000, in_step=True)
    stream, size = Stream(running, host_block), host_block or 333
    blocks = mix[:, : SAMPLES // size * size].split(size, dim=-1)
    played = torch.cat([stream.process(block) for block in blocks], dim=-1)[..., stream.latency :]
    assert torch.equal(played, render(running, mix)[..., : played.shape[-1]])


def test_in_step_every_step_is_one_of_the_model() -> None:
    class Counting(Plain):
        steps = 0

        def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            Counting.steps += 1
            return super().step(block, state)

    running = Resampled(Counting(block_size=4116, sample_rate=44100), 48000, in_step=True)
    state = running.init_state()
    for number in range(1, 6):
        _, state = running.step(noise(running.block_size), state)
        assert Counting.steps == number


def test_a_block_that_is_no_whole_period_is_refused() -> None:
    with pytest.raises(ValueError, match=r"multiple of 147 samples, .* got 148"):
        Resampled(Plain(), 44100, 148)


def test_silence_stays_silence() -> None:
    assert not render(Resampled(Plain(), 44100), torch.zeros(2, SAMPLES)).any()


def test_two_streams_of_one_model_do_not_hear_each_other() -> None:
    running = Resampled(Plain(), 44100)
    mixes = noise(10 * running.block_size, seed=1), noise(10 * running.block_size, seed=2)
    states = [running.init_state() for _ in mixes]
    played: list[list[Tensor]] = [[], []]
    for blocks in zip(*(mix.split(running.block_size, dim=-1) for mix in mixes), strict=True):
        for number, block in enumerate(blocks):
            stems, states[number] = running.step(block, states[number])
            played[number].append(stems)
    for mix, stems_of_one in zip(mixes, played, strict=True):
        expected = Stream(running, running.block_size).process(mix[:, : running.block_size])
        assert torch.equal(stems_of_one[0], expected)
        alone = render(running, mix)
        heard = torch.cat(stems_of_one, dim=-1)[..., running.latency :]
        assert torch.equal(heard, alone[..., : heard.shape[-1]])


def test_an_old_state_stays_valid() -> None:
    running, first = Resampled(Plain(), 44100), noise(441)
    states = [running.init_state()]
    for _ in range(4):
        states.append(running.step(first, states[-1])[1])
    again, _ = running.step(noise(441, seed=1), states[3])
    running.step(first, states[4])
    assert torch.equal(running.step(noise(441, seed=1), states[3])[0], again)


def test_a_reset_stream_starts_anew() -> None:
    stream, mix = Stream(Resampled(Plain(), 96000)), noise(5000)
    first = stream.process(mix)
    stream.reset()
    assert torch.equal(stream.process(mix), first)


def test_a_sine_keeps_its_gain_to_100_decibels() -> None:
    time = torch.arange(SAMPLES, dtype=torch.float64) / 44100
    mix = torch.sin(2 * torch.pi * 997 * time).float().expand(2, -1)
    stems = render(Resampled(Plain(), 44100), mix)
    for gain, stem in zip(GAINS, stems, strict=True):
        error = (stem - gain * mix)[:, 1000:-1000]
        assert 10 * math.log10(error.square().mean() / (gain * mix).square().mean()) < -100


def test_at_its_own_rate_a_model_is_itself() -> None:
    model = Plain()
    assert at_rate(model, 48000) is model
    assert at_rate(model, 44100).sample_rate == 44100


@pytest.mark.parametrize(
    ("sample_rate", "message"),
    [
        (7999, r"in \[8000, 192000\] Hz, got 7999"),
        (192001, r"in \[8000, 192000\] Hz, got 192001"),
        (44101, "44101:48000, and terms above 2048 are not offered in a stream"),
    ],
)
def test_rates_that_cannot_be_are_refused(sample_rate: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        at_rate(Plain(), sample_rate)
