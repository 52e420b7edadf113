"""The engine for audio threads: native callbacks that need an address and nothing else.

`Callback.context` holds the addresses of everything that `playback_kernel.process_block` works on;
the C functions here, and that of `bridge.audio.jack`, take it as their user data. No interpreter is
involved: while Python collects garbage or handles messages, the audio thread does not notice.
"""

import sys
from typing import Any

import numba
import numpy as np
from numba import cfunc, types
from numpy.typing import NDArray

from restem.bridge.audio.clock_drift import AdaptiveResampler, capture, pull
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import (
    AT_INPUT,
    AT_OUTPUT,
    CHANNELS,
    CONTEXT_WORDS,
    LARGEST,
    OUTPUTS_USED,
    PATIENCE_MS,
    carray,
    floats,
    pointer,
    process_at,
)
from restem.streamer.engine.rings import Audio
from restem.streamer.mixer.kernel import OUTPUTS

# Words of a callback's context: those of the playback, then its own.
(
    AT_TIMES,
    AT_CLOCKS,
    AT_CAPTURED,
    CLOCKS_WORDS,
    INPUTS,
    LEFT,
    RIGHT,
    XRUNS,
    CALLS,
    LONGEST,
    PORTS,
) = range(CONTEXT_WORDS, CONTEXT_WORDS + 11)
DURATIONS = 1 << 16  # callbacks whose durations, and beginnings, are kept
SCRATCH, OTHER_SCRATCH = 2 * DURATIONS, 2 * DURATIONS + 2  # two words for each thread
TIMES = 2 * DURATIONS + 4  # durations, beginnings, and scratch
MONOTONIC = 6 if sys.platform == "darwin" else 1
CLOCK = sys.platform != "win32"  # where libc has clock_gettime

_clock_gettime: Any = types.ExternalFunction(
    "clock_gettime", types.int32(types.int32, types.voidptr)
)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def now_ns(times: NDArray[np.int64], scratch: int = SCRATCH) -> Any:
    """Nanoseconds on the monotonic clock; two words of `times` are its scratch."""
    if not CLOCK:
        return 0
    _clock_gettime(MONOTONIC, times[scratch:].ctypes)
    return times[scratch] * 1_000_000_000 + times[scratch + 1]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def finish(context: NDArray[np.int64], began: int) -> None:
    """Note when a callback began, and how long it took."""
    times = carray(pointer(context[AT_TIMES]), (TIMES,), np.int64)
    took = now_ns(times) - began
    times[context[CALLS] % DURATIONS] = took
    times[DURATIONS + context[CALLS] % DURATIONS] = began
    context[CALLS] += 1
    context[LONGEST] = max(context[LONGEST], took)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def clocks(context: NDArray[np.int64]) -> Any:
    """The memory of the resampler between two devices."""
    return carray(pointer(context[AT_CLOCKS]), (context[CLOCKS_WORDS],), np.int64)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def listen(context: NDArray[np.int64], source: Audio, word: int, done: int, count: int) -> Any:
    """Pick the channels that are heard from [n, i], from frame `done` on.

    Returns:
        [c, LARGEST] at the address in a word.
    """
    channels = context[CHANNELS]
    heard = floats(context, word, channels * LARGEST).reshape((channels, LARGEST))
    for channel in range(channels):
        taken = context[LEFT + channel]
        for i in range(count):
            heard[channel, i] = source[done + i, taken]
    return heard


@numba.njit(nogil=True, cache=True, error_model="numpy")
def play(context: NDArray[np.int64], target: Audio, done: int, count: int) -> None:
    """Run the engine on what lies in `Playback.input`, into [n, o] from frame `done` on."""
    outs = context[OUTPUTS_USED]
    out = floats(context, AT_OUTPUT, outs * LARGEST).reshape((outs, LARGEST))
    process_at(context, count)
    for output in range(outs):
        for i in range(count):
            target[done + i, output] = out[output, i]


PA_STREAM_CALLBACK = types.int32(
    types.voidptr, types.voidptr, types.uintp, types.voidptr, types.uintp, types.voidptr
)


@cfunc(PA_STREAM_CALLBACK, cache=True)
def portaudio(inputs: Any, outputs: Any, frames: int, time_info: Any, flags: int, user: Any) -> int:
    """A PaStreamCallback for interleaved float32."""
    context = carray(user, (PORTS,), np.int64)
    times = carray(pointer(context[AT_TIMES]), (TIMES,), np.int64)
    began = now_ns(times)
    source = carray(inputs, (frames, context[INPUTS]), np.float32)
    target = carray(outputs, (frames, context[OUTPUTS_USED]), np.float32)
    context[XRUNS] += flags != 0
    done = 0
    while done < frames:
        count = min(LARGEST, frames - done)
        listen(context, source, AT_INPUT, done, count)
        play(context, target, done, count)
        done += count
    finish(context, began)
    return 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def common_ns(times: NDArray[np.int64], scratch: int, time_info: Any) -> Any:
    """A clock that two devices have in common: where there is no other, PortAudio's own."""
    if CLOCK:
        return now_ns(times, scratch)
    # PaStreamCallbackTimeInfo: adc, now and dac, in seconds.
    return np.int64(1e9 * carray(time_info, (3,), np.float64)[1])


@cfunc(PA_STREAM_CALLBACK, cache=True)
def portaudio_capture(
    inputs: Any, outputs: Any, frames: int, time_info: Any, flags: int, user: Any
) -> int:
    """The callback of an input device with a clock of its own."""
    context = carray(user, (PORTS,), np.int64)
    times = carray(pointer(context[AT_TIMES]), (TIMES,), np.int64)
    now = common_ns(times, OTHER_SCRATCH, time_info)
    source = carray(inputs, (frames, context[INPUTS]), np.float32)
    done = 0
    while done < frames:
        count = min(LARGEST, frames - done)
        captured = listen(context, source, AT_CAPTURED, done, count)
        capture(clocks(context), captured, count, now)
        done += count
    return 0


@cfunc(PA_STREAM_CALLBACK, cache=True)
def portaudio_pull(
    inputs: Any, outputs: Any, frames: int, time_info: Any, flags: int, user: Any
) -> int:
    """The callback of an output device whose input device has a clock of its own."""
    context = carray(user, (PORTS,), np.int64)
    times = carray(pointer(context[AT_TIMES]), (TIMES,), np.int64)
    began, now = now_ns(times), common_ns(times, SCRATCH, time_info)
    channels = context[CHANNELS]
    target = carray(outputs, (frames, context[OUTPUTS_USED]), np.float32)
    heard = floats(context, AT_INPUT, channels * LARGEST).reshape((channels, LARGEST))
    context[XRUNS] += flags != 0
    done = 0
    while done < frames:
        count = min(LARGEST, frames - done)
        pull(clocks(context), heard, count, now)
        play(context, target, done, count)
        done += count
    finish(context, began)
    return 0


class Callback:
    """An engine, made ready for an audio thread; keeps all that it points to.

    Args:
        engine: it must outlive the audio stream.
        inputs, outputs: channels of the stream; for JACK as many as `ports`.
        ports: addresses of JACK's ports, inputs first.
        input_channels: inputs that are left and right; the first two if None, a single one on both
            sides.
        resampler: between an input and an output device with clocks of their own.
    """

    def __init__(
        self,
        engine: Engine,
        inputs: int,
        outputs: int,
        ports: tuple[int, ...] = (),
        input_channels: tuple[int, int] | None = None,
        resampler: AdaptiveResampler | None = None,
    ) -> None:
        left, right = input_channels or (0, min(1, inputs - 1))
        assert 0 <= min(left, right) <= max(left, right) < inputs
        if not 1 <= outputs <= OUTPUTS:
            raise ValueError(f"outputs must be in [1, {OUTPUTS}], got {outputs}")
        self.engine = engine
        self.times = np.zeros(TIMES, np.int64)
        between = resampler.memory if resampler else np.zeros(1, np.int64)
        captured = np.zeros((engine.channels, LARGEST), np.float32)
        self._arrays = (engine.playback, self.times, between, captured)
        own = [
            *(array.ctypes.data for array in (self.times, between, captured)),
            *(len(between), inputs, left, right, 0, 0, 0),
            *ports,
        ]
        self.context = np.concatenate(
            [engine.playback.context(engine.policy, outputs), np.array(own, np.int64)]
        )

    @property
    def address(self) -> int:
        """Pointer to the context, the user data."""
        return self.context.ctypes.data

    def be_patient(self, patience_ms: int) -> None:
        """From now on wait so long for late stems, 0 in real time; see `playback_kernel`."""
        self.context[PATIENCE_MS] = patience_ms

    @property
    def xruns(self) -> int:
        """Callbacks that were told of an over- or underrun."""
        return int(self.context[XRUNS])

    @property
    def last_began(self) -> float | None:
        """Start of the newest callback, by `time.monotonic`; None if unknown."""
        calls = int(self.context[CALLS])
        began = int(self.times[DURATIONS + (calls - 1) % DURATIONS]) if calls else 0
        return began / 1e9 if began else None

    def timings_us(self) -> NDArray[np.float64]:
        """The newest callbacks in their order: how long each took, and when it began, [2, n] in
        microseconds of the monotonic clock.
        """
        calls = int(self.context[CALLS])
        times = self.times[: 2 * DURATIONS].reshape(2, DURATIONS) / 1000
        return np.roll(times, -calls, axis=1) if calls > DURATIONS else times[:, :calls]
