from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restem.streamer.model.chunked import Chunked, crossfade
from restem.streamer.stream import render
from tests.support.tiny_networks import Halves, noise


class MovingAverage(Halves):
    """Each sample becomes the mean of itself, 5 samples before and 3 after it."""

    def __call__(self, mix: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(mix, (5, 3))
        mean = padded.unfold(-1, 9, 1).mean(-1)
        return torch.stack((mean, mix - mean))


class Reach(Halves):
    """Answers with how many samples of the window lie before each sample."""

    def __call__(self, mix: Tensor) -> Tensor:
        return torch.arange(mix.shape[-1]).expand(2, 2, -1).float()


@pytest.mark.parametrize("fade", [0, 1, 16])
@pytest.mark.parametrize("block_size", [16, 37, 64])
def test_a_finite_receptive_field_is_streamed_exactly(block_size: int, fade: int) -> None:
    mix = noise(1000)
    model = Chunked(MovingAverage(), block_size=block_size, context=5, fade=fade, lookahead=3)
    torch.testing.assert_close(render(model, mix), MovingAverage()(mix), rtol=0, atol=1e-7)


def test_less_lookahead_than_the_network_reaches_is_not_exact() -> None:
    mix = noise(1000)
    model = Chunked(MovingAverage(), block_size=16, context=5, lookahead=2)
    assert not torch.allclose(render(model, mix), MovingAverage()(mix), atol=1e-4)


@pytest.mark.parametrize("lookahead", [0, 7, 100])
@pytest.mark.parametrize("context", [0, 9, 100])
def test_the_network_always_sees_context_and_lookahead(context: int, lookahead: int) -> None:
    model = Chunked(Reach(), block_size=10, context=context, lookahead=lookahead)
    seen = render(model, noise(200))
    assert seen.min() == context
    assert seen.max() == context + 9


def test_latency_is_fade_plus_lookahead() -> None:
    assert Chunked(Halves(), block_size=64, context=9, fade=10, lookahead=20).latency == 30


def test_the_state_handed_in_stays_valid() -> None:
    model = Chunked(MovingAverage(), block_size=32, context=5, fade=8, lookahead=3)
    _, state = model.step(noise(32), model.init_state())
    first, _ = model.step(noise(32, seed=1), state)
    again, _ = model.step(noise(32, seed=1), state)
    assert torch.equal(first, again)


def test_the_state_does_not_grow() -> None:
    model = Chunked(MovingAverage(), block_size=32, context=5, fade=8, lookahead=3)
    state = model.init_state()
    shapes = [value.shape for value in state[:2]]
    for _ in range(10):
        _, state = model.step(noise(32), state)
        assert [value.shape for value in state[:2]] == shapes


def test_a_crossfade_of_equals_is_bit_exact() -> None:
    same = noise(64)
    rise = torch.sin(torch.linspace(0, torch.pi / 2, 64)) ** 2
    assert torch.equal(crossfade(same, same, rise), same)


def test_a_crossfade_begins_with_the_old_and_ends_with_the_new() -> None:
    model = Chunked(Halves(), block_size=64, fade=64)
    old, new = torch.zeros(2, 64), torch.ones(2, 64)
    mixed = crossfade(old, new, model._rise)
    assert mixed[0, 0] < 0.001
    assert mixed[0, -1] > 0.999
    assert torch.all(mixed.diff() > 0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"block_size": 0}, "block_size must be at least 1 sample, got 0"),
        ({"block_size": 8, "fade": 9}, r"fade must be in \[0, block_size=8\], got 9"),
        ({"block_size": 8, "context": -1}, "must not be negative, got -1 and 0"),
        ({"block_size": 8, "lookahead": -2}, "must not be negative, got 0 and -2"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Chunked(Halves(), **sizes)


def test_what_is_no_offline_network_is_refused() -> None:
    for wrong in (torch.nn.Identity(), lambda mix: mix):
        with pytest.raises(TypeError, match=r"must have sample_rate, stems, .* has no sample_rate"):
            Chunked(wrong, block_size=64)  # type: ignore[arg-type]


class Short(Halves):
    def __init__(self, answer: Callable[[Tensor], Tensor]) -> None:
        self.answer = answer

    def __call__(self, mix: Tensor) -> Tensor:
        return self.answer(super().__call__(mix))


@pytest.mark.parametrize("answer", [lambda x: x[0], lambda x: x[:1], lambda x: x[..., 1:]])
def test_a_network_that_answers_another_shape_is_named(answer: Callable[[Tensor], Tensor]) -> None:
    model = Chunked(Short(answer), block_size=64, context=8, lookahead=8)
    with pytest.raises(ValueError, match=r"Short must answer \[2 stems, 2 channels, 80 samples\]"):
        render(model, noise(64))
