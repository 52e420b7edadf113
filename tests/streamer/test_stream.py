import math
from collections.abc import Callable, Iterator
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from restem.streamer.model.chunked import Chunked, ChunkedState
from restem.streamer.model.combine import Series
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.model.resampled import at_rate
from restem.streamer.profiles import profile_names
from restem.streamer.stream import Stream, render, render_blocks
from tests.support.tiny_networks import Halves, noise, shipped, small_models, transparent

SMALL = tuple(small_models())
MODELS = (*SMALL, *(f"profile {name}" for name in profile_names()))
NATIVE = ("embedded", "profile live-cpu", "profile live-cpu-fast", "profile mel-rnn")
EXTRACTING = ("extraction", "profile live-vocals", "profile studio-vocals")
WINDOWED = tuple(name for name in MODELS if name not in (*NATIVE, *EXTRACTING))
RANDOM = torch.randint(0, 3000, (64,), generator=torch.Generator().manual_seed(1)).tolist()
HOST_BLOCKS = (1, 13, 64, 480, 512, 1000, 4096)
PLAYED = [  # a second's samples one by one are for small models; re-blocking knows only the block
    (name, size)
    for name, size in product(MODELS, HOST_BLOCKS)
    if size >= 64 or name in (*SMALL, *NATIVE)
]


@cache
def model_named(name: str) -> StreamingModel:
    kind, _, profile = name.partition("profile ")
    return shipped(profile) if profile else small_models()[kind]


@cache
def mix_and_render(name: str) -> tuple[Tensor, Tensor]:
    """A mix that lasts past the first block's way out, and what the file render makes of it."""
    model = model_named(name)
    mix = noise(model.block_size + model.latency + 5000)
    return mix, render(model, mix)


def same(name: str, one: Tensor, other: Tensor) -> bool:
    """Bit for bit; the U-Nets' own arithmetic may depend on where in memory a window lies."""
    if name in ("halves", *NATIVE):
        return torch.equal(one, other)
    return bool((one - other).abs().max() <= 1e-5 * other.abs().max())


def stream_in(stream: Stream, mix: Tensor, sizes: list[int]) -> Tensor:
    """Play the mix in blocks of the sizes given, over and over; a rest is left unplayed."""
    parts, start, turn = [], 0, 0
    while start + sizes[turn % len(sizes)] <= mix.shape[-1]:
        size = sizes[turn % len(sizes)]
        parts.append(stream.process(mix[:, start : start + size]))
        start, turn = start + size, turn + 1
    return torch.cat(parts, dim=-1)


@pytest.mark.parametrize(("name", "host_block"), PLAYED)
def test_streamed_is_rendered(name: str, host_block: int) -> None:
    mix, rendered = mix_and_render(name)
    stream = Stream(model_named(name), host_block)
    streamed = stream_in(stream, mix, [host_block])[..., stream.latency :]
    assert streamed.shape[-1] > 1000
    assert same(name, streamed, rendered[..., : streamed.shape[-1]])


@pytest.mark.parametrize("name", MODELS)
def test_streamed_in_random_blocks_is_rendered(name: str) -> None:
    mix, rendered = mix_and_render(name)
    stream = Stream(model_named(name))
    streamed = stream_in(stream, mix, RANDOM)[..., stream.latency :]
    assert streamed.shape[-1] > 1000
    assert same(name, streamed, rendered[..., : streamed.shape[-1]])


@pytest.mark.parametrize("name", WINDOWED)
def test_nothing_is_heard_before_the_latency_has_passed(name: str) -> None:
    mix, _ = mix_and_render(name)
    model = model_named(name)
    stream = Stream(model)
    heard = stream_in(stream, mix, [1000])
    # A chain's last stage answers to the nothing that the one before gives it.
    last = model.models[-1] if isinstance(model, Series) else model
    assert not heard[..., : stream.reblocking + last.latency].any()
    assert heard[..., stream.latency :].any()


@pytest.mark.parametrize("name", MODELS)
def test_nan_in_the_future_never_leaks_back(name: str) -> None:
    mix, _ = mix_and_render(name)
    model = model_named(name)
    at = model.latency + 1000
    poisoned = mix.clone()
    poisoned[:, at] = torch.nan
    healthy, ill = (stream_in(Stream(model), m, [100]) for m in (mix, poisoned))
    # The NaN enters the model with its whole block, whose answer leaves after the re-blocking.
    before = at // model.block_size * model.block_size + Stream(model).reblocking
    before = min(before, ill.shape[-1])
    assert before >= at
    assert same(name, ill[..., :before], healthy[..., :before])
    if name in EXTRACTING:  # not all of a window is ill: wait for the sample's own time
        before = at + model.latency + Stream(model).reblocking
    if before < ill.shape[-1]:
        assert ill[..., before:].isnan().any()


@pytest.mark.parametrize("name", MODELS)
def test_reset_forgets(name: str) -> None:
    mix, _ = mix_and_render(name)
    stream = Stream(model_named(name))
    first = stream_in(stream, mix, [4096])
    stream_in(stream, mix, [777])
    stream.reset()
    assert same(name, stream_in(stream, mix, [4096]), first)


@pytest.mark.parametrize("name", MODELS)
def test_two_streams_on_one_model_do_not_disturb_each_other(name: str) -> None:
    mix, rendered = mix_and_render(name)
    streams = [Stream(model_named(name), 500) for _ in range(2)]
    heard: list[list[Tensor]] = [[], []]
    for block in mix.split(500, dim=-1)[:-1]:
        heard[0].append(streams[0].process(block))
        heard[1].append(streams[1].process(-0.5 * block.flip(0)))
    first = torch.cat(heard[0], dim=-1)[..., streams[0].latency :]
    assert same(name, first, rendered[..., : first.shape[-1]])
    assert not same(name, torch.cat(heard[1], dim=-1)[..., streams[1].latency :], first)


@pytest.mark.parametrize("name", MODELS)
def test_latency_is_the_models_and_the_reblockings(name: str) -> None:
    model = model_named(name)
    for host_block in HOST_BLOCKS:
        reblocking = model.block_size - math.gcd(host_block, model.block_size)
        stream = Stream(model, host_block)
        assert stream.latency == model.latency + reblocking
        stream.process(noise(host_block))
        assert stream.latency == model.latency + reblocking
    assert Stream(model).latency == model.latency + model.block_size - 1


@pytest.mark.parametrize(
    ("name", "host_block"),
    [case for case in [*PLAYED, *product(MODELS, [None])] if case[0] in WINDOWED],
)
def test_a_click_leaves_at_its_time_plus_latency(name: str, host_block: int | None) -> None:
    model = transparent(model_named(name))
    click = torch.zeros(2, model.block_size + model.latency + 5000)
    click[:, 1000] = 1
    stream = Stream(model, host_block)
    heard = stream_in(stream, click, [host_block] if host_block else RANDOM)
    assert set(heard.nonzero()[:, 2].tolist()) == {1000 + stream.latency}


def test_a_native_networks_stems_lag_the_mix_by_the_latency() -> None:
    stream = Stream(model_named("embedded"), 100)
    mix = noise(20000)
    heard = stream_in(stream, mix, [100]).sum(0)
    spectra = [torch.fft.rfft(x, n=2**15) for x in (heard, mix)]
    correlation = torch.fft.irfft(spectra[0] * spectra[1].conj())
    assert correlation.argmax(dim=-1).tolist() == [stream.latency] * 2


def test_reblocking_is_the_least_possible() -> None:
    # With one sample less, some call would owe samples that no finished step has given.
    for host_block, block_size in product(range(1, 25), range(1, 25)):
        model = Chunked(Halves(), block_size=block_size)
        owed = [
            host_block * n - host_block * n // block_size * block_size
            for n in range(1, block_size + 1)
        ]
        assert Stream(model, host_block).latency == max(owed)


@pytest.mark.parametrize("samples", [0, 1, 13, 64, 65, 480, 1000])
def test_render_keeps_the_length(samples: int) -> None:
    model = Chunked(Halves(), block_size=64, context=8, fade=16, lookahead=24)
    mix = noise(samples)
    assert render(model, mix).shape == (2, 2, samples)
    assert torch.allclose(render(model, mix).sum(0), mix)


@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 1023, 1024])
def test_an_empty_block_gets_an_empty_answer_at_any_time(samples: int) -> None:
    stream = Stream(small_models()["embedded"])
    stream.process(noise(samples))
    assert stream.process(noise(0)).shape == (3, 2, 0)
    assert stream.process(noise(7)).shape == (3, 2, 7)


class OneBlockLate(Chunked):
    """A model whose state is the very block that it was given."""

    def __init__(self) -> None:
        super().__init__(Halves(), block_size=64)
        self.latency = 64

    def init_state(self) -> Tensor:
        return torch.zeros(2, 64)

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return torch.stack((state, state)), block


@pytest.mark.parametrize("host_block", [64, 100])
def test_a_state_may_keep_the_block_itself(host_block: int) -> None:
    stream, mix = Stream(OneBlockLate(), host_block), noise(2000)
    heard = stream_in(stream, mix, [host_block])[0, :, stream.latency :]
    assert torch.equal(heard, mix[:, : heard.shape[-1]])


@pytest.mark.parametrize("host_block", [64, 100])
def test_the_answer_is_the_callers_to_change(host_block: int) -> None:
    stream, other = (Stream(small_models()["embedded"], host_block) for _ in range(2))
    for seed in range(20):
        expected = other.process(noise(host_block, seed)).clone()
        answer = stream.process(noise(host_block, seed))
        assert torch.equal(answer, expected)
        answer *= 0.5


def test_an_array_is_as_good_as_a_tensor() -> None:
    model, mix = small_models()["embedded"], noise(2000)
    expected = render(model, mix)
    for array in (mix.numpy(), mix.double().numpy(), mix.numpy().T.copy().T, mix.numpy()[:, :]):
        array.flags.writeable = False
        assert torch.equal(render(model, array), expected)
        assert torch.equal(torch.cat([*render_blocks(model, [array])], dim=-1), expected)
    backwards = mix.flip(-1).numpy()[:, ::-1]
    assert torch.equal(Stream(model).process(backwards), Stream(model).process(mix))


WRONG_TYPES = (
    (noise(64).mul(32767).to(torch.int16), "in floating point, full scale ±1, got torch.int16"),
    (noise(64).mul(32767).to(torch.int32).numpy(), "in floating point, full scale ±1, got int32"),
    (noise(64).to(torch.complex64), "got torch.complex64"),
    (noise(64).numpy().astype(np.complex64), "got complex64"),
    (noise(64) > 0, "got torch.bool"),
    (noise(64).tolist(), r"a torch\.Tensor or a numpy\.ndarray, got list"),
)
WRONG_VALUES = (
    (noise(64)[0], r"\[2 channels, samples\], got \[64\]"),
    (noise(64).T, r"\[2 channels, samples\], got \[64, 2\]"),
    (noise(64)[None].numpy(), r"\[2 channels, samples\], got \[1, 2, 64\]"),
    (torch.tensor(0.5), r"\[2 channels, samples\], got \[\]"),
)
CALLS: dict[str, Callable[[Any], Any]] = {
    "process": lambda audio: Stream(small_models()["halves"]).process(audio),
    "render": lambda audio: render(small_models()["halves"], audio),
    "render_blocks": lambda audio: [*render_blocks(small_models()["halves"], [audio])],
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_no_audio_is_refused(call: str) -> None:
    for audio, line in WRONG_TYPES:
        with pytest.raises(TypeError, match=line):
            CALLS[call](audio)
    for audio, line in WRONG_VALUES:
        with pytest.raises(ValueError, match=line):
            CALLS[call](audio)


@pytest.mark.parametrize("call", ["process", "render"])
def test_integers_made_floats_are_refused(call: str) -> None:
    with pytest.raises(ValueError, match=r"got a peak of 29.*divide 16-bit integers"):
        CALLS[call](torch.full((2, 64), -29000.0))
    CALLS[call](torch.full((2, 64), 100.0))


class OutOfMemory(Chunked):
    """A model whose step fails at will."""

    fails_in = math.inf  # steps

    def step(self, block: Tensor, state: ChunkedState) -> tuple[Tensor, ChunkedState]:
        self.fails_in -= 1
        if self.fails_in < 0:
            raise torch.OutOfMemoryError("no memory")
        return super().step(block, state)


@pytest.mark.parametrize("fails_in", [0, 1, 2])
@pytest.mark.parametrize("before", [0, 33, 63, 64])
def test_a_call_that_fails_may_be_made_again(before: int, fails_in: int) -> None:
    model = OutOfMemory(Halves(), block_size=64, context=8, fade=16, lookahead=24)
    mix = noise(2000)
    expected = Stream(model).process(mix)
    stream = Stream(model)
    parts = [stream.process(mix[:, :before])]
    for stop in (before + 200, 2000):
        model.fails_in = fails_in
        with pytest.raises(torch.OutOfMemoryError):
            stream.process(mix[:, before:stop])
        model.fails_in = math.inf
        parts.append(stream.process(mix[:, before:stop]))
        before = stop
    assert torch.equal(torch.cat(parts, dim=-1), expected)


@pytest.mark.parametrize("name", SMALL)
def test_streams_move_in_and_out_of_inference_mode(name: str) -> None:
    mix, rendered = mix_and_render(name)
    with torch.inference_mode():
        stream = Stream(model_named(name))
        parts = [stream.process(mix[:, :100])]
    parts.append(stream.process(mix[:, 100:3000]))
    with torch.inference_mode():
        parts.append(stream.process(mix[:, 3000:3001]))
    parts.append(stream.process(mix[:, 3001:]))
    heard = torch.cat(parts, dim=-1)[..., stream.latency :]
    assert same(name, heard, rendered[..., : heard.shape[-1]])


@pytest.fixture
def double_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("name", SMALL)
def test_the_default_type_of_tensors_changes_nothing(name: str) -> None:
    torch.set_default_dtype(torch.float32)
    mix, rendered = mix_and_render(name)
    torch.set_default_dtype(torch.float64)
    streamed = Stream(model_named(name)).process(mix)
    assert streamed.dtype == torch.float32
    assert same(name, render(model_named(name), mix), rendered)


@pytest.mark.usefixtures("double_by_default")
@pytest.mark.parametrize("name", SMALL)
def test_models_built_while_another_type_is_the_default_run(name: str) -> None:
    model = at_rate(small_models()[name], 44100)
    assert render(model, noise(3000).float()).dtype == torch.float32


def test_rendering_in_pieces_is_rendering_at_once() -> None:
    model = small_models()["embedded"]
    mix = noise(3001)
    pieces = render_blocks(model, [mix[:, :5], mix[:, 5:5], mix[:, 5:2000], mix[:, 2000:]])
    assert torch.equal(torch.cat([*pieces], dim=-1), render(model, mix))


def test_another_block_size_than_promised_is_refused() -> None:
    stream = Stream(small_models()["halves"], 64)
    with pytest.raises(ValueError, match="promised blocks of 64 samples, got 65"):
        stream.process(noise(65))


def test_mono_is_refused_by_a_stereo_stream() -> None:
    with pytest.raises(ValueError, match=r"\[2 channels, samples\], got \[1, 64\]"):
        Stream(small_models()["halves"]).process(noise(64, channels=1))


def test_a_host_block_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 sample, got 0"):
        Stream(small_models()["halves"], 0)


@pytest.mark.parametrize("sample_rate", [44100, 48000, 96000])
def test_a_render_at_another_rate_comes_back_at_it(sample_rate: int) -> None:
    model = small_models()["halves"]
    mix = noise(sample_rate // 4).float()
    spectrum = torch.fft.rfft(mix)
    spectrum[:, int(0.4 * 44100 / 4) :] = 0
    mix = torch.fft.irfft(spectrum, mix.shape[-1])
    stems = render(model, mix, sample_rate)
    assert isinstance(stems, torch.Tensor)
    arrays = render(model, mix.numpy(), sample_rate)
    assert isinstance(arrays, np.ndarray)
    np.testing.assert_array_equal(arrays, stems.numpy())
    middle = slice(1000, -1000)
    assert torch.allclose(stems.sum(0)[:, middle], mix[:, middle], atol=1e-3)


@pytest.mark.parametrize("sample_rate", [0, -1, 44100.5])
def test_a_sample_rate_that_is_none_is_refused(sample_rate: float) -> None:
    with pytest.raises(ValueError, match="sample_rate must be a whole number of Hz"):
        render(small_models()["halves"], noise(64), sample_rate)  # type: ignore[call-overload]
