"""The engine for audio threads: native callbacks that need an address and nothing else.

`Callback.context` holds the addresses of everything that `playback_kernel.perform` works on; the C
functions here, and that of `bridge.audio.jack`, take it as their user data. No interpreter is
involved: while Python collects garbage or handles messages, the audio thread does not notice.
"""

import sys
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import cfunc, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from restem.bridge.audio.clock_drift import AdaptiveResampler, capture, pull
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import LARGEST, perform
from restem.streamer.engine.rings import DECKS, HEADER, Audio
from restem.streamer.mixer.kernel import OUTPUTS

# Words of a context: addresses, then sizes, then the callback's own.
(
    AT_HEADER,
    AT_MIX,
    AT_DECKS,
    AT_TAP,
    AT_STATE,
    AT_WEIGHTS,
    AT_STRIPS,
    AT_DRY,
    AT_MEMORY,
    AT_HEARD,
    AT_OUT,
    AT_TIMES,
    AT_CLOCKS,
    AT_CAPTURED,
    CHANNELS,
    STEMS,
    CAPACITY,
    TAPS,
    WORDS_OF_MEMORY,
    WORDS_OF_CLOCKS,
    POLICY,
    PATIENCE_MS,
    INPUTS,
    LEFT,
    RIGHT,
    OUTPUTS_USED,
    XRUNS,
    CALLS,
    LONGEST,
    PORTS,
) = range(30)
DURATIONS = 1 << 16  # callbacks whose durations, and beginnings, are kept
SCRATCH, OTHER_SCRATCH = 2 * DURATIONS, 2 * DURATIONS + 2  # two words for each thread
TIMES = 2 * DURATIONS + 4  # durations, beginnings, and scratch
carray: Any = numba.carray  # type: ignore[attr-defined]
MONOTONIC = 6 if sys.platform == "darwin" else 1
CLOCK = sys.platform != "win32"  # where libc has clock_gettime

_clock_gettime: Any = types.ExternalFunction(
    "clock_gettime", types.int32(types.int32, types.voidptr)
)


def _pointer(typing_context: Any, address: Any) -> Any:
    """An address as a pointer."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), build


pointer: Any = intrinsic(_pointer)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def now_ns(times: NDArray[np.int64], scratch: int = SCRATCH) -> Any:
    """Nanoseconds on the monotonic clock; two words of `times` are its scratch."""
    if not CLOCK:
        return 0
    _clock_gettime(MONOTONIC, times[scratch:].ctypes)
    return times[scratch] * 1_000_000_000 + times[scratch + 1]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def floats(context: NDArray[np.int64], word: int, size: int) -> Any:
    """[size] float32 at the address in a word."""
    return carray(pointer(context[word]), (size,), np.float32)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def perform_at(context: NDArray[np.int64], count: int) -> None:
    """`perform` on what a context points to; the mix lies in `Fades.heard`, outputs in `.out`."""
    channels, stems, capacity = context[CHANNELS], context[STEMS], context[CAPACITY]
    perform(
        carray(pointer(context[AT_HEADER]), (HEADER,), np.int64),
        floats(context, AT_MIX, channels * capacity).reshape((channels, capacity)),
        floats(context, AT_DECKS, DECKS * stems * channels * capacity).reshape(
            (DECKS, stems, channels, capacity)
        ),
        floats(context, AT_TAP, context[TAPS] * capacity).reshape((context[TAPS], capacity)),
        carray(pointer(context[AT_STATE]), (4,), np.float64),
        floats(context, AT_WEIGHTS, (DECKS + 1) * LARGEST).reshape((DECKS + 1, LARGEST)),
        floats(context, AT_STRIPS, (stems + 1) * channels * LARGEST).reshape(
            (stems + 1, channels, LARGEST)
        ),
        floats(context, AT_DRY, channels * LARGEST).reshape((channels, LARGEST)),
        carray(pointer(context[AT_MEMORY]), (context[WORDS_OF_MEMORY],), np.int64),
        context[POLICY],
        context[PATIENCE_MS],
        floats(context, AT_HEARD, channels * LARGEST).reshape((channels, LARGEST)),
        floats(context, AT_OUT, OUTPUTS * LARGEST).reshape((OUTPUTS, LARGEST)),
        count,
    )


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
    return carray(pointer(context[AT_CLOCKS]), (context[WORDS_OF_CLOCKS],), np.int64)


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
    """Run the engine on what lies in `Fades.heard`, into [n, o] from frame `done` on."""
    outs = context[OUTPUTS_USED]
    out = floats(context, AT_OUT, OUTPUTS * LARGEST).reshape((OUTPUTS, LARGEST))
    perform_at(context, count)
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
        listen(context, source, AT_HEARD, done, count)
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
    heard = floats(context, AT_HEARD, channels * LARGEST).reshape((channels, LARGEST))
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
        heard: which inputs are left and right; the first two if None, a single one on both sides.
        resampler: between an input and an output device with clocks of their own.
    """

    def __init__(
        self,
        engine: Engine,
        inputs: int,
        outputs: int,
        ports: tuple[int, ...] = (),
        heard: tuple[int, int] | None = None,
        resampler: AdaptiveResampler | None = None,
    ) -> None:
        left, right = heard or (0, min(1, inputs - 1))
        assert 0 <= min(left, right) <= max(left, right) < inputs
        if not 1 <= outputs <= OUTPUTS:
            raise ValueError(f"outputs must be in [1, {OUTPUTS}], got {outputs}")
        self.engine = engine
        self.times = np.zeros(TIMES, np.int64)
        between = resampler.memory if resampler else np.zeros(1, np.int64)
        rings, fades, memory = engine.rings, engine.fades, engine.mixer.memory
        self._arrays = (
            *(rings.header, rings.mix, rings.stems, rings.tap, fades.state, fades.weights),
            *(fades.strips, fades.dry, memory, fades.heard, fades.out, self.times),
            *(between, np.zeros((engine.channels, LARGEST), np.float32)),
        )
        geometry = rings.geometry
        self.context = np.array(
            [
                *(array.ctypes.data for array in self._arrays),
                *(geometry.channels, geometry.stems, geometry.capacity, geometry.taps),
                *(len(memory), len(between), int(engine.policy), 0),
                *(inputs, left, right, outputs, 0, 0, 0),
                *ports,
            ],
            np.int64,
        )

    @property
    def address(self) -> int:
        """Of the context: the callback's user data."""
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
        """When the newest callback began, by `time.monotonic`; None if that is not known."""
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
