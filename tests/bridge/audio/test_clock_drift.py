import math
from functools import cache
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys
from numpy.typing import NDArray

from restem.bridge.audio.clock_drift import (
    CAPTURED,
    FADE,
    HALF,
    MODE,
    READ,
    AdaptiveResampler,
    Audio,
    Mode,
    capture,
    play,
    pull,
    unpack,
)

RATE = 48000
Doubles = NDArray[np.float64]


@numba.njit(nogil=True)
def run(
    memory: Any,
    ppm: float,
    hertz: float,
    sizes: Any,
    jitter: float,
    seconds: float,
    gap: Any,
    last: Any,
    told: Any,
) -> None:
    """Two devices on clocks of their own, each callback late by up to `jitter` of its block.

    The input hears a sine; within `gap` (seconds) its frames are lost. The newest output stays in
    `last`, drift and fill of every pull in `told`.
    """
    np.random.seed(0)
    taken, given = sizes
    input_rate = 48000 * (1 + ppm * 1e-6)
    frames, out = np.zeros((1, taken), np.float32), np.zeros((1, given), np.float32)
    blocks, then = 0, 0.0
    pulls = int(seconds * 48000 / given)
    for k in range(pulls):
        now = (k + 0.37 + jitter * np.random.random()) * given / 48000
        while then <= now:
            if blocks and not gap[0] <= then < gap[1]:
                for i in range(taken):
                    time = ((blocks - 1) * taken + i) / input_rate
                    frames[0, i] = 0.5 * math.sin(2 * math.pi * hertz * time)
                capture(memory, frames, taken, int(then * 1e9))
            blocks += 1
            then = max(then, (blocks + jitter * np.random.random()) * taken / input_rate)
        pull(memory, out, given, int(now * 1e9))
        told[k, 0] = unpack(memory).state[2]
        told[k, 1] = memory[CAPTURED] - memory[READ] - HALF
        at = last.size - (pulls - k) * given
        if at >= 0:
            last[at : at + given] = out[0]


class Played(NamedTuple):
    resampler: AdaptiveResampler
    audio: Doubles
    ppm: Doubles  # as reported at every pull
    fill: Doubles


@cache
def played(
    ppm: float,
    sizes: tuple[int, int] = (480, 256),
    jitter: float = 1.0,
    seconds: float = 600,
    hertz: float = 1000,
    gap: tuple[float, float] = (math.inf, math.inf),
    kept: float = 1,
) -> Played:
    resampler = AdaptiveResampler(RATE, 1, *sizes)
    told = np.zeros((int(seconds * RATE / sizes[1]), 2))
    last = np.zeros(int(kept * RATE) // sizes[1] * sizes[1], np.float32)
    run(resampler.memory, ppm, hertz, sizes, jitter, seconds, gap, last, told)
    return Played(resampler, last.astype(float), 1e6 * told[:, 0], told[:, 1])


def fit_sine(audio: Doubles, hertz: float) -> tuple[float, float]:
    """The sine nearest to the audio: its frequency, and the error beside it in dB."""
    time = (np.arange(audio.size) - audio.size / 2) / RATE
    for _ in range(6):
        cosine, sine = np.cos(2 * np.pi * hertz * time), np.sin(2 * np.pi * hertz * time)
        basis = np.stack((cosine, sine, time * cosine, time * sine), axis=1)
        a, b, da, db = np.linalg.lstsq(basis, audio, rcond=None)[0]
        hertz += float((b * da - a * db) / (a * a + b * b) / (2 * np.pi))
    error = audio - a * cosine - b * sine
    return hertz, float(10 * np.log10(np.mean(error**2) / np.mean(audio**2)))


def ramp(samples: int, channels: int = 1) -> Audio:
    generator = np.random.default_rng(0)
    return generator.normal(0, 0.1, (channels, samples)).astype(np.float32)


def together(resampler: AdaptiveResampler, mix: Audio, block: int) -> Audio:
    """Both devices on one clock, the input's callback just before the output's."""
    parts = []
    for start in range(0, mix.shape[1], block):
        now, out = start * 10**9 // RATE, np.ones((mix.shape[0], block), np.float32)
        capture(resampler.memory, np.ascontiguousarray(mix[:, start : start + block]), block, now)
        pull(resampler.memory, out, block, now)
        parts.append(out)
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("hertz", [100, 1000, 5000, 12000, 18000])
@pytest.mark.parametrize("ratio", [1.0, 1.00005, 0.9997, 1.002])
def test_the_filter_keeps_a_sine_to_100_decibels(hertz: float, ratio: float) -> None:
    memory = AdaptiveResampler(RATE, 1, 480, 256).memory
    sine = np.sin(2 * np.pi * hertz * np.arange(9000) / RATE)[None].astype(np.float32)
    capture(memory, sine, 9000, 0)
    memory[MODE], memory[READ] = Mode.PLAYING, HALF
    out = np.zeros((1, 8000), np.float32)
    play(memory, unpack(memory), out, 8000, ratio)
    frequency, error = fit_sine(out[0, FADE:].astype(float), hertz * ratio)
    assert frequency == pytest.approx(hertz * ratio, rel=1e-8)
    assert error < -100


@pytest.mark.parametrize("ppm", [0.0, 50.0, -300.0])
class TestTenMinutesWithCallbacksLateByAWholeBlock:
    def test_a_sine_stays_a_sine(self, ppm: float) -> None:
        frequency, error = fit_sine(played(ppm).audio, 1000)
        assert error < -90
        assert frequency == pytest.approx(1000, rel=1e-6)

    def test_the_drift_is_found_to_a_millionth(self, ppm: float) -> None:
        reported = played(ppm).ppm
        assert np.abs(reported[reported.size // 2 :] - ppm).max() < 1
        assert played(ppm).resampler.ppm == reported[-1]

    def test_the_ring_is_never_empty_and_its_level_stays(self, ppm: float) -> None:
        resampler, _, _, fill = played(ppm)
        playing = fill[RATE // 256 :]
        assert playing.min() >= 256 + FADE - 256  # told after the pull
        assert playing.max() < resampler.latency + 480
        minutes = playing[: playing.size // 10 * 10].reshape(10, -1).mean(axis=1)
        assert np.ptp(minutes[4:]) < 10

    def test_nothing_is_lost(self, ppm: float) -> None:
        status = played(ppm).resampler.status()
        assert (status.underflows, status.overflows, status.jumps) == (0, 0, 0)
        assert status.mode is Mode.PLAYING


@pytest.mark.parametrize("sizes", [(256, 480), (256, 256), (1024, 128)])
@pytest.mark.parametrize("ppm", [-300.0, 1900.0])
def test_all_blocks_and_clocks_find_each_other(sizes: tuple[int, int], ppm: float) -> None:
    resampler, audio, reported, _ = played(ppm, sizes, jitter=0.05, seconds=60)
    assert abs(reported[-1] - ppm) < 1
    assert fit_sine(audio, 1000)[1] < -60  # after a minute; they still come closer
    assert resampler.status().underflows + resampler.status().jumps == 0


def test_one_clock_is_a_delay_to_the_bit() -> None:
    resampler, mix = AdaptiveResampler(RATE, 2, 256, 256), ramp(400 * 256, channels=2)
    out = together(resampler, mix, 256)
    heard = out[:, -100 * 256 :]
    delay = resampler.latency - 256  # the block itself has been captured already
    assert np.array_equal(heard, mix[:, -100 * 256 - delay : -delay])


@pytest.mark.parametrize("ppm", [50.0, -300.0])
def test_the_latency_is_the_reported_one(ppm: float) -> None:
    resampler, audio, _, _ = played(ppm, jitter=0.0, seconds=120, hertz=10)
    # Of the input, frames up to 0.37 blocks after the last pull's beginning have been heard.
    position = (120 * RATE // 256 - 1 + 0.37) * 256 / RATE - resampler.latency / RATE
    expected = 0.5 * np.sin(2 * np.pi * 10 * (position + np.arange(256 - 4800, 256) / RATE))
    frames = np.abs(audio[-4800:] - expected).max() / (0.5 * 2 * np.pi * 10 / RATE)
    assert frames < 0.6


GONE = {"gap": (20.0, 23.0), "seconds": 30, "kept": 30, "hertz": 200.0, "jitter": 0.3}


def test_an_input_that_vanishes_and_comes_back_is_one_underflow() -> None:
    resampler, audio, _, fill = played(50.0, **GONE)
    status = resampler.status()
    assert (status.underflows, status.jumps, status.overflows) == (1, 0, 0)
    assert not audio[int(20.2 * RATE) : int(23.3 * RATE)].any()
    assert np.abs(audio[int(24 * RATE) :]).max() > 0.49
    target = resampler.latency - HALF
    assert fill[-300:].mean() + 256 == pytest.approx(target - 240, abs=100)


def test_no_step_is_larger_than_those_of_the_sine_and_of_a_fade() -> None:
    steps = np.abs(np.diff(played(50.0, **GONE).audio))
    assert steps.max() < 0.5 * (2 * np.pi * 200 / RATE + 1.5 / FADE)


def test_a_block_that_the_input_lost_is_a_jump_and_the_latency_stays() -> None:
    lost = played(50.0, (128, 512), 0.1, 60, 1000, (20.0, 20.0 + 256 / RATE))
    status = lost.resampler.status()
    assert (status.jumps, status.underflows, status.mode) == (1, 0, Mode.PLAYING)
    assert lost.fill[-1000:].mean() == pytest.approx(lost.fill[800:1800].mean(), abs=10)


def test_a_callback_that_is_late_once_changes_nothing() -> None:
    resampler, mix = AdaptiveResampler(RATE, 1, 256, 256, 2000), ramp(256)
    out = np.zeros((1, 256), np.float32)
    for k in range(800):
        now = (k * 256 + (1000 if k == 600 else 0)) * 10**9 // RATE
        capture(resampler.memory, mix, 256, k * 256 * 10**9 // RATE)
        pull(resampler.memory, out, 256, now)
    status = resampler.status()
    assert (status.jumps, status.mode) == (0, Mode.PLAYING)
    assert abs(status.ppm) < 20


def test_an_output_that_stops_and_goes_on_is_one_overflow() -> None:
    resampler, mix = AdaptiveResampler(RATE, 1, 256, 256), ramp(300 * 256)
    together(resampler, mix, 256)
    for k in range(300, 500):
        capture(resampler.memory, mix, 256, k * 256 * 10**9 // RATE)
    out = np.zeros((1, 256), np.float32)
    for k in range(500, 800):
        now = k * 256 * 10**9 // RATE
        capture(resampler.memory, mix, 256, now)
        pull(resampler.memory, out, 256, now)
    status = resampler.status()
    assert (status.overflows, status.mode) == (1, Mode.PLAYING)
    assert status.fill + 256 == pytest.approx(resampler.latency - HALF, abs=1)


def test_before_anything_is_captured_there_is_silence() -> None:
    resampler, out = AdaptiveResampler(RATE, 2, 480, 256), np.ones((2, 256), np.float32)
    for k in range(300):
        pull(resampler.memory, out, 256, k * 256 * 10**9 // RATE)
        assert not out.any()
    assert resampler.status().underflows == 0


def test_what_is_no_number_is_silence() -> None:
    resampler, mix = AdaptiveResampler(RATE, 1, 256, 256), ramp(200 * 256)
    mix[0, ::1000] = np.nan
    mix[0, 1::1000] = np.inf
    assert np.isfinite(together(resampler, mix, 256)).all()


def test_callbacks_allocate_nothing() -> None:
    resampler, mix = AdaptiveResampler(RATE, 2, 256, 256), ramp(256, channels=2)
    out = np.zeros((2, 256), np.float32)

    @numba.njit
    def call(memory: Any, mix: Any, out: Any, times: int) -> None:
        for k in range(times):
            capture(memory, mix, 256, k * 5_333_333)
            pull(memory, out, 256, k * 5_333_333)

    def allocations(times: int) -> int:
        before = int(rtsys.get_allocation_stats().alloc)
        call(resampler.memory, mix, out, times)
        return int(rtsys.get_allocation_stats().alloc) - before

    call(resampler.memory, mix, out, 1)
    _nrt_python.memsys_enable_stats()
    assert allocations(300) == allocations(1)  # those of the call itself
    _nrt_python.memsys_disable_stats()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((48000, 0, 480, 256), "must be at least 1, got 48000 Hz, 0, 480 and 256"),
        ((48000, 2, 480, 256, 700), "at least 800 frames, both blocks and a fade, got 700"),
    ],
)
def test_sizes_that_cannot_be_are_refused(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdaptiveResampler(*arguments)
