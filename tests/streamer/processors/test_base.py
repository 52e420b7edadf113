from typing import Any

import numpy as np
import pedalboard
import pytest

from restem.streamer.processors.base import ChannelLayout
from restem.streamer.processors.chain import Chain
from tests.support.plugins import RATE, Same, late, noise

SHAPES = [(2, 2), (2, 512), (512, 2), (1, 1), (3, 2), (2, 3), (16, 12), (16, 1000), (12, 16)]
SHAPES += [(9,), (1,), (0,), (0, 2), (2, 0), (0, 0), (1, 5), (5, 1), (12, 12), (1, 2), (2, 1)]


def outcome(plugin: Any, array: object, *arguments: object) -> object:
    """The answer, or the kind of the error."""
    try:
        answer = plugin(array, *(arguments or (48000,)))
    except Exception as error:
        return type(error)
    return answer.shape, answer.dtype, answer.flags.c_contiguous, answer.tobytes()


def memory() -> Any:
    """It tells which dimension is time."""
    return pedalboard.Compressor(-60, 10)


@pytest.mark.parametrize("seed", range(20))
def test_layouts_are_guessed_as_pedalboard_guesses_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    ours, native = Chain([Same(), memory()]), memory()
    for turn in range(40):
        if random.random() < 0.05:
            ours.reset()
            native.reset()
        shape = SHAPES[random.integers(len(SHAPES))]
        array = random.standard_normal(shape).astype(np.float32)
        assert outcome(ours, array) == outcome(native, array), (turn, shape)


ARRAYS = [
    *(np.ones((2, 9), kind) for kind in ("f4", "f8", ">f4", ">f8", "f2", "i2", "i4", "u1", "?")),
    *(np.ones((2, 9), kind) for kind in (np.longdouble, "c8", "c16", object)),
    *(np.float32(1), np.zeros(()), np.ones((2, 3, 4)), [0.0, 1.0], (0.0,), None, 1.0, "audio"),
    memoryview(np.ones(9, np.float32)),
    np.ones((2, 18), np.float32)[:, ::2],
    np.ones((9, 2), np.float32)[::-1],
    np.asfortranarray(np.ones((2, 9))),
    np.array([[np.nan, np.inf, -np.inf, 0, 1]], np.float32),
    np.ma.ones((2, 9)),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{type(a).__name__} {np.shape(a)}")
def test_arrays_are_taken_as_pedalboard_takes_them(array: object) -> None:
    assert outcome(Chain([Same()]), array) == outcome(pedalboard.Gain(0), array)


@pytest.mark.parametrize(
    "arguments",
    [
        *((rate,) for rate in ("48000", None, 1j, True, np.float32(48000), np.int64(48000))),
        *((rate,) for rate in (44100.5, [48000], np.array([48000.0]))),
        *((48000, size) for size in (512.0, 2.5, None, "512", -1, 2**32, 2**40, True, np.int64(5))),
        *((48000, 512, reset) for reset in (None, 1, 0, np.bool_(0), "yes", [])),
    ],
)
def test_arguments_are_taken_as_pedalboard_takes_them(arguments: tuple[object, ...]) -> None:
    audio = np.ones((2, 9), np.float32)
    assert outcome(Chain([Same()]), audio, *arguments) == outcome(
        pedalboard.Gain(0), audio, *arguments
    )


@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, -np.inf])
def test_sample_rates_that_crash_pedalboard_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="sample_rate must be above 0 Hz"):
        Chain([pedalboard.Reverb()])(np.zeros((2, 9), np.float32), rate)


def test_a_buffer_size_that_hangs_pedalboard_is_refused() -> None:
    with pytest.raises(ValueError, match="buffer_size must be at least 1 sample, got 0"):
        Chain([pedalboard.Gain()])(np.zeros((2, 9), np.float32), 48000, 0)


def test_answers_are_new_and_inputs_stay() -> None:
    audio = np.ones((2, 9), np.float32)
    for chain in (Chain(), Chain([None]), Chain([Same()]), Chain([pedalboard.Gain(6)])):
        answer = chain(audio, 48000)
        answer[:] = 7
        assert (audio == 1).all()


def test_a_layout_speaks_for_the_array_read_last() -> None:
    layout = ChannelLayout()
    assert layout.read(np.zeros((9, 2))).shape == (2, 9)
    assert layout.write(np.zeros((2, 5), np.float32)).shape == (5, 2)
    layout.read(np.zeros(9))
    assert layout.write(np.zeros((1, 5), np.float32)).shape == (5,)


@pytest.mark.parametrize("samples", [2, 3, 1000])
def test_a_mono_stream_that_ends_with_one_sample_keeps_its_layout(samples: int) -> None:
    audio = noise(1000 + 1, 1)
    for layout in (audio, audio.T):
        board = Chain([late(samples), Same()])
        axis = layout.shape.index(1001)
        blocks = np.split(layout, [1000], axis=axis)
        parts = [board(block, RATE, reset=False) for block in blocks]
        np.testing.assert_array_equal(np.concatenate((*parts, board.flush()), axis=axis), layout)
