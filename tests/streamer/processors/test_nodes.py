from collections.abc import Callable
from typing import Any

import numpy as np
import pedalboard as pb
import pytest

from restem.streamer.processors.chain import Chain
from restem.streamer.processors.nodes import NativeBoard, PythonProcessor
from restem.streamer.resampler import Audio
from tests.support.plugins import (
    LIMITER,
    RATE,
    VARYING,
    Same,
    late,
    needs_limiter,
    noise,
    stream,
    streamed,
)

Make = Callable[[], Any]
NATIVE: dict[str, Make] = {
    "reverb": pb.Reverb,
    "delay": lambda: pb.Delay(0.01, feedback=0.5),
    "chorus": pb.Chorus,
    "phaser": pb.Phaser,
    "compressor": lambda: pb.Compressor(-30, 4),
    "limiter": lambda: pb.Limiter(-20),
    "ladder": pb.LadderFilter,
    "late": lambda: late(1000),
    "mp3": pb.MP3Compressor,
    "resample": lambda: pb.Resample(22050),
}


@pytest.mark.parametrize("sizes", [VARYING, (1000,), (24, 5000)], ids=str)
@pytest.mark.parametrize("name", NATIVE)
def test_native_plugins_stream_as_they_process_whole_signals(
    name: str, sizes: tuple[int, ...]
) -> None:
    audio = noise(20000)
    expected = NATIVE[name]().process(audio, RATE)
    answer = streamed(Chain([NATIVE[name](), Same()]), audio, sizes)
    # A codec's and a resampler's last samples depend on what follows.
    count = 20000 - (4000 if name in ("mp3", "resample") else 0)
    assert answer.shape == expected.shape
    np.testing.assert_array_equal(answer[:, :count], expected[:, :count])


def test_the_trap_is_there() -> None:
    """Growing blocks make Pedalboard's own stream forget; if not, a workaround can go."""
    audio = noise(20000)
    reverb = pb.Reverb()
    expected = reverb.process(audio, RATE)
    assert np.abs(stream(reverb, audio) - expected).max() > 0.01


@needs_limiter
@pytest.mark.parametrize("sizes", [VARYING, (600, 700), (2000, 1, 3000)], ids=str)
def test_a_vst3_streams_as_it_processes_whole_signals(sizes: tuple[int, ...]) -> None:
    audio = 5 * noise(20000)
    plugin = pb.load_plugin(str(LIMITER), {"threshold_db": -20.0})
    expected = plugin.process(audio, RATE)
    np.testing.assert_array_equal(streamed(Chain([Same(), plugin]), audio, sizes), expected)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 513, 5000])
def test_the_latency_of_native_plugins_is_measured(samples: int) -> None:
    assert NativeBoard([pb.Gain(), late(samples), pb.Gain()]).latency_at(RATE, 2) == samples


def test_measuring_leaves_nothing_behind() -> None:
    audio = noise(5000)
    native = NativeBoard([pb.Delay(0.01), late(300)])
    expected = native.process_all(audio, RATE, 8192)
    native.latency_at(RATE, 2)
    np.testing.assert_array_equal(native.process_all(audio, RATE, 8192), expected)


@pytest.mark.parametrize("plugin", [pb.PitchShift(3), pb.GSMFullRateCompressor()])
def test_plugins_that_cannot_stream_say_so(plugin: Any) -> None:
    with pytest.raises(RuntimeError, match="cannot stream"):
        Chain([plugin])(noise(512), RATE, reset=False)


def test_plugins_that_cannot_stream_process_whole_signals() -> None:
    audio = noise(48000)
    expected = pb.PitchShift(3)(audio, RATE)
    np.testing.assert_array_equal(Chain([pb.PitchShift(3), Same()])(audio, RATE), expected)
    assert np.abs(expected).max() > 0.01


class Wrong(Same):
    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def process(self, *_: Any, **__: Any) -> Audio:
        return np.zeros(self.shape, np.float32)


@pytest.mark.parametrize("shape", [(2, 99), (1, 100), (100,)])
def test_a_processor_that_answers_another_shape_is_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Wrong\.process must answer \[2, 100\]"):
        PythonProcessor(Wrong(shape)).process_all(noise(100), RATE, 8192)
