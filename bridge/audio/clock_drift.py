"""Two devices on different clocks: capture at the input's pace, pull at the output's.

    input device ─► capture ─► ring ─► windowed sinc, ratio ─► pull ─► output device
                       └─ time ─────────► loop ──┘

Two crystals differ by some parts per million, so one device gives more than the other takes. `pull`
reads the ring at a ratio that a slow loop steers, so that the fill level stays at its target.

The level is counted to a fraction of a frame: frames in the ring, and those that the input device
has got since it last called, from the times of both callbacks. Callbacks come late by up to a whole
block, at random: a Kalman filter of level and drift, the loop of [1] and [2] with a bandwidth that
falls as it learns, hears through that. What it knows of the drift is the ratio, and the rest of
the level's error is taken up over 10 s and more.

    level  ┬ the input's clock, now              x - read, of which the mean is `latency`
           │ frames in the ring
           │ half a filter
           ┴ what `pull` gives first: read

Where frames are missing, too many, or elsewhere than they were, `pull` fades to silence, listens
for half a second, and goes on from the level that it should have.

[1] F. Adriaensen, Using a DLL to filter time, Linux Audio Conference 2005.
[2] F. Adriaensen, Controlling adaptive resampling, Linux Audio Conference 2012 (zita-ajbridge).

The functions are for audio callbacks: they never allocate, lock, wait or raise. All of their state
is one int64 array, `memory`, that never moves: a callback needs its address and its length.

Shape letters: `c` channel, `n` frame, `p` phase of a filter, `w` frame of a filter's window.
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from restem.streamer.atomics import Words, load_acquire, store_release

Audio = NDArray[np.float32]

HALF = 24  # frames on each side of a filter's centre: -110 dB from 27.6 kHz on, at 48 kHz
WINDOW = 2 * HALF
PHASES = 512  # of a frame; between two of them coefficients are interpolated, to -111 dB at 18 kHz
STOPBAND_DB = 110
FADE = 64  # frames
LARGEST_DRIFT = 0.002  # of the ratio
LIKELY_DRIFT = 3e-4  # standard deviation, before anything is known
BANDWIDTH_HZ = 0.001  # of the loop, once it has learned
CATCH_UP_SECONDS = 10.0  # at least, in which an error of the level is taken up
LISTEN_SECONDS = 0.5  # before it plays
ANYWHERE = 1e18  # variance of a level of which nothing is known
MEAN_SECONDS = 1.0  # over which an error must last to be a jump
OUTLIER = 10.0  # standard deviations: no jitter, and no news of the clocks
CALLS = 64  # newest callbacks of the input device that are remembered

# Words of `memory`: what is fixed, then a cache line for each side.
CHANNELS, CAPACITY, SAMPLE_RATE, LATENCY = range(4)
CAPTURED, RECORDS = 8, 9  # the input's: frames and callbacks so far
READ, SEEN, SILENT, LISTENED, MODE, UNDERFLOWS, OVERFLOWS, JUMPS = range(16, 24)
AT_STATE, AT_CALLS, AT_BLEND, AT_TABLE = 32, 56, 184, 208
AT_RING = AT_TABLE + (PHASES + 1) * WINDOW // 2

# Of `Parts.state`.
(
    FRACTION,  # of a frame, beyond READ
    LEVEL,  # frames from there to the input's clock
    DRIFT,  # input frames that come for one output frame, less one
    VAR_LEVEL,
    COVARIANCE,
    VAR_DRIFT,
    MEAN_ERROR,
    PULL,  # how much of the level's error a frame takes up
    GAIN,
    NOISE,  # variance of a measured level
    WANDER,  # of the drift's variance, in a frame
) = range(11)


class Mode(IntEnum):
    """State of `pull`."""

    LISTENING = 0
    PLAYING = 1
    FADING = 2


LISTENING, PLAYING, FADING = map(int, Mode)


class Parts(NamedTuple):
    """Views of `memory`."""

    state: NDArray[np.float64]
    calls: Words  # [CALLS, 2] of the input's callbacks: frames so far, time in ns
    coefficients: Audio  # [w] one frame's filter
    table: Audio  # [p, w]
    ring: Audio  # [c, capacity + WINDOW], the first frames once more at the end


@numba.njit(nogil=True, cache=True, error_model="numpy")
def unpack(memory: Words) -> Parts:
    """Find the parts of `memory`; copies nothing."""
    channels, length = memory[CHANNELS], memory[CAPACITY] + WINDOW
    ring = memory[AT_RING : AT_RING + channels * length // 2]
    return Parts(
        memory[AT_STATE:AT_CALLS].view(np.float64),
        memory[AT_CALLS : AT_CALLS + 2 * CALLS].reshape((CALLS, 2)),
        memory[AT_BLEND : AT_BLEND + HALF].view(np.float32),
        memory[AT_TABLE:AT_RING].view(np.float32).reshape((PHASES + 1, WINDOW)),
        ring.view(np.float32).reshape((channels, length)),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def capture(memory: Words, frames: Audio, count: int, now: int) -> None:
    """Take the input device's next frames; NaN and Inf become silence.

    Args:
        memory: of an `AdaptiveResampler`.
        frames: [c, n]; n is at least `count`.
        now: ns, when the callback began, on the clock that `pull` is given too.
    """
    parts = unpack(memory)
    captured, capacity, records = memory[CAPTURED], memory[CAPACITY], memory[RECORDS]
    mask = capacity - 1
    for channel in range(memory[CHANNELS]):
        for i in range(count):
            value = frames[channel, i]
            value = value if np.isfinite(value) else np.float32(0)
            at = (captured + i) & mask
            parts.ring[channel, at] = value
            if at < WINDOW:
                parts.ring[channel, capacity + at] = value
    memory[CAPTURED] = captured + count
    parts.calls[records % CALLS, 0] = captured + count
    parts.calls[records % CALLS, 1] = now
    store_release(memory, RECORDS, records + 1)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def pull(memory: Words, out: Audio, count: int, now: int) -> None:
    """Give the output device's next frames.

    Args:
        memory: of an `AdaptiveResampler`.
        out: [c, n]; n is at least `count`.
        now: ns, when the callback began.
    """
    parts = unpack(memory)
    state = parts.state
    records = load_acquire(memory, RECORDS)
    captured = int(parts.calls[(records - 1) % CALLS, 0]) if records else 0
    update_filter(memory, state, parts.calls, records, count, now)
    check_level(memory, state, captured, count)
    if memory[MODE] == LISTENING and memory[LISTENED] >= LISTEN_SECONDS * memory[SAMPLE_RATE]:
        synchronise(memory, state, captured, count)
    error = state[LEVEL] - memory[LATENCY]
    bend = state[DRIFT] + state[PULL] * error
    ratio = 1.0 + min(max(bend, -LARGEST_DRIFT), LARGEST_DRIFT)
    play(memory, parts, out, count, ratio)
    predict(state, count, ratio)
    if memory[MODE] == FADING and state[GAIN] == 0:
        memory[MODE] = LISTENING
        reset_filter(memory, state)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def reset_filter(memory: Words, state: NDArray[np.float64]) -> None:
    """Know nothing of the level, and of the drift what it was."""
    state[VAR_LEVEL], state[COVARIANCE] = ANYWHERE, 0
    state[VAR_DRIFT] = LIKELY_DRIFT**2
    state[MEAN_ERROR] = state[PULL] = 0
    memory[LISTENED] = 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def update_filter(
    memory: Words, state: NDArray[np.float64], calls: Words, records: int, count: int, now: int
) -> None:
    """Measure the level, if the input device has called, and correct what is thought of it."""
    memory[SILENT] += count
    memory[LISTENED] += count
    if records == memory[SEEN]:
        return
    since = memory[LATENCY] if memory[SILENT] > memory[LATENCY] else memory[SILENT]
    memory[SEEN], memory[SILENT] = records, 0
    captured, then = calls[(records - 1) % CALLS]
    age = (now - then) * 1e-9 * memory[SAMPLE_RATE]
    error = (captured - memory[READ]) - state[FRACTION] + age - state[LEVEL]
    total = state[VAR_LEVEL] + state[NOISE]
    share = min(since / (MEAN_SECONDS * memory[SAMPLE_RATE]), 1.0)
    limit = OUTLIER * math.sqrt(total)
    if abs(error) > limit:
        state[MEAN_ERROR] += share * (math.copysign(limit, error) - state[MEAN_ERROR])
        return
    gain, drift_gain = state[VAR_LEVEL] / total, state[COVARIANCE] / total
    rest = state[NOISE] / total  # 1 - gain, whatever the gain
    state[LEVEL] += gain * error
    state[DRIFT] += drift_gain * error
    state[DRIFT] = min(max(state[DRIFT], -LARGEST_DRIFT), LARGEST_DRIFT)
    state[VAR_DRIFT] -= drift_gain * state[COVARIANCE]
    state[COVARIANCE] *= rest
    state[VAR_LEVEL] *= rest
    state[PULL] = min(0.5 * gain / since, 1 / (CATCH_UP_SECONDS * memory[SAMPLE_RATE]))
    state[MEAN_ERROR] += share * (rest * error - state[MEAN_ERROR])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def predict(state: NDArray[np.float64], count: int, ratio: float) -> None:
    """Advance the filter by `count` frames pulled at a ratio."""
    wander = state[WANDER] * count
    state[LEVEL] += count * (1 + state[DRIFT] - ratio)
    state[VAR_LEVEL] += count * (2 * state[COVARIANCE] + count * (state[VAR_DRIFT] + wander / 3))
    state[COVARIANCE] += count * (state[VAR_DRIFT] + wander / 2)
    state[VAR_DRIFT] += wander


@numba.njit(nogil=True, cache=True, error_model="numpy")
def check_level(memory: Words, state: NDArray[np.float64], captured: int, count: int) -> None:
    """Begin to fade while there is still enough to fade with."""
    filled = captured - memory[READ] - HALF
    elsewhere = abs(state[MEAN_ERROR]) > memory[LATENCY] // 8
    if memory[MODE] == LISTENING and (elsewhere or memory[SILENT] > memory[LATENCY]):
        reset_filter(memory, state)
    if memory[MODE] != PLAYING:
        return
    if filled < count * (1 + LARGEST_DRIFT) + FADE + 1:
        memory[UNDERFLOWS] += 1
    elif filled > memory[CAPACITY] // 2:
        memory[OVERFLOWS] += 1
        if filled + 2 * WINDOW > memory[CAPACITY]:
            state[GAIN] = 0
    elif elsewhere:
        memory[JUMPS] += 1
    else:
        return
    memory[MODE] = FADING


@numba.njit(nogil=True, cache=True, error_model="numpy")
def synchronise(memory: Words, state: NDArray[np.float64], captured: int, count: int) -> None:
    """Read from where the level is what it should be, if the frames are there."""
    position = memory[READ] + state[FRACTION] + state[LEVEL] - memory[LATENCY]
    read = math.floor(position)
    filled = captured - read - HALF
    if filled < count * (1 + LARGEST_DRIFT) + FADE + 1 or filled > memory[CAPACITY] // 2:
        reset_filter(memory, state)
        return
    memory[READ], state[FRACTION] = read, position - read
    state[LEVEL] = memory[LATENCY]
    memory[MODE] = PLAYING


@numba.njit(nogil=True, cache=True, error_model="numpy")
def play(memory: Words, parts: Parts, out: Audio, count: int, ratio: float) -> None:
    """Resample [c, count] at a ratio, and move on."""
    state, ring, coefficients = parts.state, parts.ring, parts.coefficients
    channels, mask, mode = memory[CHANNELS], memory[CAPACITY] - 1, memory[MODE]
    read, fraction, gain = memory[READ], state[FRACTION], state[GAIN]
    for i in range(count):
        gain = min(gain + 1 / FADE, 1.0) if mode == PLAYING else max(gain - 1 / FADE, 0.0)
        if gain == 0:
            for channel in range(channels):
                out[channel, i] = 0
        else:
            interpolate(parts.table, fraction, coefficients)
            first = (read - HALF + 1) & mask
            weight = np.float32(gain * gain * (3 - 2 * gain))
            for channel in range(channels):
                out[channel, i] = weight * convolve(ring, channel, first, coefficients)
        fraction += ratio
        whole = int(fraction)
        read, fraction = read + whole, fraction - whole
    memory[READ], state[FRACTION], state[GAIN] = read, fraction, gain


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def interpolate(table: Audio, fraction: float, coefficients: Audio) -> None:
    """The filter for a fraction of a frame, from those of the phases around it."""
    place = fraction * PHASES
    phase = int(place)
    share = np.float32(place - phase)
    for w in range(WINDOW):
        coefficients[w] = table[phase, w] + share * (table[phase + 1, w] - table[phase, w])


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=True)
def convolve(ring: Audio, channel: int, first: int, coefficients: Audio) -> np.float32:
    """Filter the window that begins at `first`."""
    total = np.float32(0)
    for w in range(WINDOW):
        total += ring[channel, first + w] * coefficients[w]
    return total


def filter_table() -> Audio:
    """[p, w] windowed sincs for every phase of a frame, both ends included."""
    fraction = np.linspace(0, 1, PHASES + 1)[:, None]
    time = fraction + HALF - 1 - np.arange(WINDOW)
    beta = 0.1102 * (STOPBAND_DB - 8.7)  # Kaiser's
    taper = np.i0(beta * np.sqrt(np.maximum(1 - (time / HALF) ** 2, 0))) / np.i0(beta)
    coefficients = np.sinc(time) * taper
    table: Audio = (coefficients / coefficients.sum(axis=1, keepdims=True)).astype(np.float32)
    return table


@dataclass(frozen=True)
class DriftStatus:
    """Drift of two clocks against each other; counts since the start."""

    mode: Mode
    ppm: float  # how much faster the input device's clock is
    fill: int  # frames in the ring, beyond the filter
    underflows: int  # the input did not come
    overflows: int  # the output did not
    jumps: int  # frames were lost or time was


class AdaptiveResampler:
    """A ring between two devices, read at the ratio of their clocks; it keeps all it points to.

    Args:
        sample_rate: Hz, the same for both; clocks may differ from it by 0.1 % each.
        channels: of the input device.
        capture_block, block: frames in the callbacks of the input and of the output device.
        target: frames in the ring, in the mean, when a pull begins. None for what stands callbacks
            that come a whole block late: 1.5 of both blocks and two fades.

    Raises:
        ValueError: a size is below 1, or the target below both blocks and a fade.
    """

    def __init__(
        self,
        sample_rate: int,
        channels: int,
        capture_block: int,
        block: int,
        target: int | None = None,
    ) -> None:
        if min(sample_rate, channels, capture_block, block) < 1:
            raise ValueError(
                "sample rate, channels and blocks must be at least 1, "
                f"got {sample_rate} Hz, {channels}, {capture_block} and {block}"
            )
        least = capture_block + block + FADE
        if target is None:
            target = math.ceil(1.5 * (capture_block + block)) + 2 * FADE
        if target < least:
            raise ValueError(
                f"target must be at least {least} frames, both blocks and a fade, got {target}"
            )
        self.latency = target + HALF  # frames, from input to output, apart from the devices' own
        needed = 8 * (self.latency + capture_block + block)
        capacity = 1 << (needed - 1).bit_length()
        self.memory = np.zeros(AT_RING + channels * (capacity + WINDOW) // 2, np.int64)
        self.memory[:4] = channels, capacity, sample_rate, self.latency
        self._parts = unpack(self.memory)
        self._parts.table[:] = filter_table()
        state = self._parts.state
        state[NOISE] = (self.latency / 8) ** 2
        bandwidth = 2 * math.pi * BANDWIDTH_HZ / sample_rate
        state[WANDER] = bandwidth**4 * state[NOISE] * max(capture_block, block)
        reset_filter(self.memory, state)

    @property
    def ppm(self) -> float:
        """Excess rate of the input device's clock, in parts per million."""
        return 1e6 * float(self._parts.state[DRIFT])

    def status(self) -> DriftStatus:
        memory = self.memory
        return DriftStatus(
            mode=Mode(int(memory[MODE])),
            ppm=self.ppm,
            fill=int(memory[CAPTURED] - memory[READ]) - HALF,
            underflows=int(memory[UNDERFLOWS]),
            overflows=int(memory[OVERFLOWS]),
            jumps=int(memory[JUMPS]),
        )
