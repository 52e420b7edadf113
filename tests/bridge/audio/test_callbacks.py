"""The native callbacks, called as PortAudio calls them: addresses in, audio out."""

from collections.abc import Iterator
from ctypes import POINTER, c_double, c_float, c_int, c_long, c_ulong, c_void_p, cast
from types import SimpleNamespace

import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

from restem.bridge.audio.callbacks import Callback, portaudio, portaudio_capture, portaudio_pull
from restem.bridge.audio.clock_drift import AdaptiveResampler
from restem.streamer.engine.rings import Audio, Cell
from tests.support.gain_model import Plain
from tests.support.law import Stage, expected, music

BLOCK = 256


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(Plain(), BLOCK)
    made.work()
    yield made
    made.close()


def engine_of(stage: Stage) -> SimpleNamespace:
    """The parts of an engine that a callback works on."""
    parts = {name: getattr(stage, name) for name in ("playback", "policy")}
    return SimpleNamespace(**parts, channels=2)


def call(
    native: object,
    callback: Callback,
    heard: Audio | None,
    played: Audio | None,
    flags: int = 0,
    seconds: float = 0.0,
) -> None:
    """One callback: [n, inputs] in, [n, outputs] out, both C-contiguous."""
    frames = len(heard if heard is not None else played)  # type: ignore[arg-type]
    pointers = [None if a is None else a.ctypes.data_as(POINTER(c_float)) for a in (heard, played)]
    times = (c_double * 3)(seconds, seconds, seconds)
    function = native.ctypes  # type: ignore[attr-defined]
    assert function.restype is c_int
    arguments = [cast(p, c_void_p) if p is not None else None for p in pointers]
    assert (
        function(
            *arguments,
            c_ulong(frames).value,
            cast(times, c_void_p),
            c_long(flags).value,
            callback.address,
        )
        == 0
    )


def test_what_comes_out_is_the_law_and_nothing_is_allocated(stage: Stage) -> None:
    callback = Callback(engine_of(stage), inputs=2, outputs=8)  # type: ignore[arg-type]
    mix = music(BLOCK * 60)
    heard = np.ascontiguousarray(mix.T.reshape(60, BLOCK, 2))
    played = np.zeros((60, BLOCK, 8), np.float32)
    call(portaudio, callback, heard[0], played[0])
    stage.work()
    _nrt_python.memsys_enable_stats()
    for number in range(1, 60):
        before = rtsys.get_allocation_stats()
        call(portaudio, callback, heard[number], played[number])
        after = rtsys.get_allocation_stats()
        assert (after.alloc, after.mi_alloc) == (before.alloc, before.mi_alloc)
        stage.work()
    stems = played.reshape(-1, 8).T.reshape(4, 2, -1)
    assert np.array_equal(stems[:3], expected(mix, stage.latency))
    assert callback.timings_us().shape == (2, 60)
    assert (np.diff(callback.timings_us()[1]) > 0).all()


def test_inputs_are_picked_and_a_single_one_is_on_both_sides(stage: Stage) -> None:
    mix = music(BLOCK * 40)
    channels = np.concatenate([np.ones_like(mix), mix])
    picked = Callback(engine_of(stage), inputs=4, outputs=8, input_channels=(3, 3))  # type: ignore[arg-type]
    played = []
    for start in range(0, mix.shape[1], BLOCK):
        out = np.zeros((BLOCK, 8), np.float32)
        block = np.ascontiguousarray(channels[:, start : start + BLOCK].T)
        call(portaudio, picked, block, out)
        played.append(out)
        stage.work()
    stems = np.concatenate(played).T.reshape(4, 2, -1)
    assert np.array_equal(stems[:3], expected(np.stack([mix[1], mix[1]]), stage.latency))


def test_flags_of_the_host_are_xruns(stage: Stage) -> None:
    callback = Callback(engine_of(stage), inputs=2, outputs=2)  # type: ignore[arg-type]
    heard, played = np.zeros((BLOCK, 2), np.float32), np.zeros((BLOCK, 2), np.float32)
    for flags in (0, 4, 0, 1):
        call(portaudio, callback, heard, played, flags)
    assert callback.xruns == 2


def test_blocks_beyond_the_largest_are_taken_in_parts(stage: Stage) -> None:
    callback = Callback(engine_of(stage), inputs=2, outputs=8)  # type: ignore[arg-type]
    mix = music(2500)
    played = np.zeros((2500, 8), np.float32)
    call(portaudio, callback, np.ascontiguousarray(mix.T), played)
    assert stage.rings.get(Cell.FRAMES_IN) == 2500
    assert callback.timings_us().shape == (2, 1)


def test_two_devices_meet_in_the_resampler(stage: Stage) -> None:
    resampler = AdaptiveResampler(48000, 2, BLOCK, BLOCK)
    engine = engine_of(stage)
    callback = Callback(engine, inputs=2, outputs=8, resampler=resampler)  # type: ignore[arg-type]
    sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(BLOCK * 400) / 48000)
    source = np.ascontiguousarray(np.stack([sine, sine]).astype(np.float32).T)
    played = np.zeros((BLOCK, 8), np.float32)
    peaks = []
    for number in range(400):
        now = number * BLOCK / 48000
        block = source[number * BLOCK : (number + 1) * BLOCK]
        call(portaudio_capture, callback, block, None, seconds=now)
        call(portaudio_pull, callback, None, played, seconds=now)
        stage.work()
        peaks.append(np.abs(played[:, 4]).max())
    assert max(peaks[:40]) == 0  # it listens first
    assert peaks[-1] == pytest.approx(0.5 * 0.75, rel=0.02)  # the third stem is the mix times 3/4
    assert resampler.status().underflows == 0
