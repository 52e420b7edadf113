"""Kernel of the audio thread: writes the mix to its ring, reads stems, or dry mix if they are late.

Everything here is compiled by Numba, needs no interpreter, and works on memory that it is given: it
never allocates, locks, waits or raises.

Stems are taken `latency` frames behind the mix. A frame `q` is wet while the deck's stems begin at
or before it and reach at least a fade beyond it; when they do not, the fade to the dry mix begins,
and is over just before the stems run out:

    stems   ──────────────────────────┐ cursor        ┌───────  a worker that left blocks out
    wet     ──────────────╲___________________________╱‾‾‾‾‾‾‾  the fade is part of the latency
    dry     ______________╱‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾╲_______  the mix at the same q

Time never shifts: a late answer finds its frames already played, and is not read.

Where the clock can wait (a freewheeling server, a file), `patience_ms` lets it wait for stems.
"""

import sys
from enum import IntEnum
from typing import Any, NamedTuple

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from restem.streamer.atomics import Words, load_acquire, store_release
from restem.streamer.engine.rings import DECKS, HEADER, Audio, Cell, Field, Rings, cell
from restem.streamer.mixer.kernel import OUTPUTS, mix_block

WAS_LATE = 3  # index in `Rings.fades`
LOUDEST = 1e5  # of an input; beyond is no audio, and would poison a network's memory
LARGEST = 1024  # frames at a time; larger host blocks are taken in parts

# Indices are constants to the compiler.
FADE, LATENCY = int(Field.FADE), int(Field.LATENCY)
FRAMES_IN, FRAMES_OUT, CALLBACKS = cell(Cell.FRAMES_IN), cell(Cell.FRAMES_OUT), cell(Cell.CALLBACKS)
LATE, LATE_FRAMES = cell(Cell.LATE), cell(Cell.LATE_FRAMES)
BAD_SAMPLES, ACTIVE, RESET = cell(Cell.BAD_SAMPLES), cell(Cell.ACTIVE), cell(Cell.RESET)
NAP_US = 200  # between two looks at a deck that is waited for
NAPS = sys.platform != "win32"  # where libc has usleep
READY_UNTIL_0, READY_UNTIL_1 = cell(Cell.READY_UNTIL, 0), cell(Cell.READY_UNTIL, 1)
BLOCK_ORIGIN_0, BLOCK_ORIGIN_1 = cell(Cell.BLOCK_ORIGIN, 0), cell(Cell.BLOCK_ORIGIN, 1)
READY_FROM_0, READY_FROM_1 = cell(Cell.READY_FROM, 0), cell(Cell.READY_FROM, 1)


class LatePolicy(IntEnum):
    """Routing of the dry mix while stems are late."""

    RESIDUAL = 0  # to a strip of its own
    SPREAD = 1  # to every stem, in equal parts
    SILENCE = 2  # nowhere


RESIDUAL, SPREAD = int(LatePolicy.RESIDUAL), int(LatePolicy.SPREAD)


_usleep: Any = types.ExternalFunction("usleep", types.int32(types.uint32))


class PlaybackScratch:
    """Memory for what the audio thread computes; arrays never move."""

    def __init__(self, stems: int, channels: int) -> None:
        self.weights = np.zeros((DECKS + 1, LARGEST), np.float32)  # of deck 0, deck 1 and dry mix
        self.strips = np.zeros((stems + 1, channels, LARGEST), np.float32)  # the last: residual
        self.dry = np.zeros((channels, LARGEST), np.float32)
        self.input = np.zeros((channels, LARGEST), np.float32)
        self.output = np.zeros((OUTPUTS, LARGEST), np.float32)


class Playback(NamedTuple):
    """All memory that the audio thread works on; nothing of it ever moves."""

    header: Words  # the first five, and `mixer`: of `Rings`
    mix: Audio  # [c, n]
    decks: Audio  # [2, s, c, n]
    tap: Audio  # [taps, n]
    fades: NDArray[np.float64]
    weights: Audio  # [3, LARGEST], from here on: of `PlaybackScratch`
    strips: Audio  # [s + 1, c, LARGEST]
    dry: Audio  # [c, LARGEST]
    input: Audio  # [c, LARGEST], the mix's next frames
    output: Audio  # [OUTPUTS, LARGEST], what is to be heard
    mixer: Words  # `Mixer.memory`

    @classmethod
    def of(cls, rings: Rings, mixer: Words) -> "Playback":
        """Memory to play what is in the rings, with scratch of its own.

        Args:
            rings: of the engine.
            mixer: `Mixer.memory`.
        """
        scratch = PlaybackScratch(rings.geometry.stems, rings.geometry.channels)
        return cls(
            *(rings.header, rings.mix, rings.stems, rings.tap, rings.fades, scratch.weights),
            *(scratch.strips, scratch.dry, scratch.input, scratch.output, mixer),
        )

    def context(self, policy: LatePolicy, outputs: int = OUTPUTS) -> Words:
        """Arguments of native code: addresses in the order of the fields, then `CHANNELS` etc.

        The arrays must live as long as it. Only the first `outputs` are filled.
        """
        _, stems, channels, capacity = self.decks.shape
        sizes = (channels, stems, capacity, len(self.tap), len(self.mixer))
        return np.array([*(a.ctypes.data for a in self), *sizes, policy, 0, outputs], np.int64)


# Words of a context.
AT_INPUT, AT_OUTPUT = Playback._fields.index("input"), Playback._fields.index("output")
CHANNELS, STEMS, CAPACITY, TAPS, MIXER_WORDS, POLICY, PATIENCE_MS, OUTPUTS_USED = range(
    len(Playback._fields), len(Playback._fields) + 8
)
CONTEXT_WORDS = OUTPUTS_USED + 1


def _pointer(typing_context: Any, address: Any) -> Any:
    """An address as a pointer."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), build


pointer: Any = intrinsic(_pointer)
carray: Any = numba.carray  # type: ignore[attr-defined]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def floats(context: Words, word: int, size: int) -> Any:
    """[size] float32 at the address in a word."""
    return carray(pointer(context[word]), (size,), np.float32)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def view(context: Words) -> Any:
    """The `Playback` that a context points to."""
    channels, stems, capacity = context[CHANNELS], context[STEMS], context[CAPACITY]
    return Playback(
        carray(pointer(context[0]), (HEADER,), np.int64),
        floats(context, 1, channels * capacity).reshape((channels, capacity)),
        floats(context, 2, DECKS * stems * channels * capacity).reshape(
            (DECKS, stems, channels, capacity)
        ),
        floats(context, 3, context[TAPS] * capacity).reshape((context[TAPS], capacity)),
        carray(pointer(context[4]), (4,), np.float64),
        floats(context, 5, (DECKS + 1) * LARGEST).reshape((DECKS + 1, LARGEST)),
        floats(context, 6, (stems + 1) * channels * LARGEST).reshape(
            (stems + 1, channels, LARGEST)
        ),
        floats(context, 7, channels * LARGEST).reshape((channels, LARGEST)),
        floats(context, 8, channels * LARGEST).reshape((channels, LARGEST)),
        floats(context, 9, context[OUTPUTS_USED] * LARGEST).reshape(
            (context[OUTPUTS_USED], LARGEST)
        ),
        carray(pointer(context[10]), (context[MIXER_WORDS],), np.int64),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def write_input(header: Words, ring: Audio, frames: Audio, count: int) -> None:
    """Append [c, count] to the mix ring; NaN, Inf and absurd values become silence."""
    position = header[FRAMES_IN]
    mask = ring.shape[1] - 1
    bad = 0
    for channel in range(ring.shape[0]):
        for i in range(count):
            value = frames[channel, i]
            if not abs(value) <= LOUDEST:  # not a number, or an uninitialised buffer
                value = np.float32(0)
                bad += 1
            ring[channel, (position + i) & mask] = value
    header[BAD_SAMPLES] += bad
    store_release(header, FRAMES_IN, position + count)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def ready_span(header: Words, deck: int, reset: int) -> Any:
    """The span of a deck's stems in its ring, (0, -1) while they are older than the last reset.

    In the opposite order of the worker's stores: once the origin is the last reset, the end speaks
    of what came after; and no end is seen without the beginning of its run of blocks.
    """
    if load_acquire(header, BLOCK_ORIGIN_1 if deck else BLOCK_ORIGIN_0) != reset:
        return np.int64(0), np.int64(-1)
    until = load_acquire(header, READY_UNTIL_1 if deck else READY_UNTIL_0)
    return load_acquire(header, READY_FROM_1 if deck else READY_FROM_0), until


@numba.njit(nogil=True, cache=True, error_model="numpy")
def await_stems(header: Words, until: int, patience_ms: int) -> None:
    """Nap until the active deck's stems reach a position, or patience is over.

    A run of blocks that begins later brings none: its end is beyond the position at once.
    """
    if NAPS:
        for _ in range(patience_ms * 1000 // NAP_US):
            reset = load_acquire(header, RESET)
            if until <= reset:
                return
            begin, end = ready_span(header, load_acquire(header, ACTIVE), reset)
            if max(begin, end) >= until:
                return
            _usleep(NAP_US)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def crossfade_weights(
    header: Words,
    fades: NDArray[np.float64],
    weights: Audio,
    start: int,
    count: int,
    reset: int,
) -> None:
    """Say for each frame from `start` on how much of each deck and of the dry mix is heard."""
    fade = header[FADE]
    step = 1.0 / fade
    active = load_acquire(header, ACTIVE)
    from_0, until_0 = ready_span(header, 0, reset)
    from_1, until_1 = ready_span(header, 1, reset)
    late = 0
    for i in range(count):
        q = start + i
        if q < reset:  # before all music: silence, and both decks start as they are
            first = max(reset, q)
            fades[0] = 1.0 if from_0 <= first and first + fade <= until_0 else 0.0
            fades[1] = 1.0 if from_1 <= first and first + fade <= until_1 else 0.0
            fades[2] = float(active)
            weights[0, i] = weights[1, i] = weights[2, i] = 0
            continue
        wet_0 = from_0 <= q and q + fade <= until_0
        wet_1 = from_1 <= q and q + fade <= until_1
        fades[0] = approach(fades[0], 1.0 if wet_0 else 0.0, step)
        fades[1] = approach(fades[1], 1.0 if wet_1 else 0.0, step)
        heard = float(active)
        if fades[active] == 1.0 or fades[1 - active] == 0.0:
            fades[2] = approach(fades[2], heard, step)
        share, full_0, full_1 = smooth(fades[2]), smooth(fades[0]), smooth(fades[1])
        weights[0, i] = (1.0 - share) * full_0
        weights[1, i] = share * full_1
        # Not 1 less the others: where both decks are full, it is 0 to the bit.
        weights[2, i] = (1.0 - share) * (1.0 - full_0) + share * (1.0 - full_1)
        late += weights[2, i] > 0
    header[LATE_FRAMES] += late
    header[LATE] += late > 0 and fades[WAS_LATE] == 0
    fades[WAS_LATE] = late > 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def approach(value: float, target: float, step: float) -> float:
    return min(value + step, target) if value < target else max(value - step, target)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def smooth(x: float) -> float:
    """sin² without the sine: from 0 to 1, flat at both ends."""
    return x * x * (3.0 - 2.0 * x)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def fill_strips(
    mix: Audio,
    decks: Audio,
    weights: Audio,
    policy: int,
    start: int,
    count: int,
    reset: int,
    strips: Audio,
    dry: Audio,
) -> None:
    """Fill strips [stems + 1, c, count] and dry mix [c, count] with the frames from `start` on."""
    mask = mix.shape[1] - 1
    stems = decks.shape[1]
    plain_0 = plain_1 = True  # a deck alone, for the whole block: its samples to the bit
    for i in range(count):
        plain_0 = plain_0 and weights[0, i] == 1
        plain_1 = plain_1 and weights[1, i] == 1
    for channel in range(mix.shape[0]):
        for i in range(count):
            q = start + i
            dry[channel, i] = mix[channel, q & mask] if q >= reset else np.float32(0)
            strips[stems, channel, i] = np.float32(0)
            if policy == RESIDUAL:
                strips[stems, channel, i] = weights[2, i] * dry[channel, i]
        share = np.float32(1.0 / stems if policy == SPREAD else 0.0)
        for stem in range(stems):
            if plain_0 or plain_1:
                deck = 0 if plain_0 else 1
                for i in range(count):
                    strips[stem, channel, i] = decks[deck, stem, channel, (start + i) & mask]
                continue
            for i in range(count):
                value = share * weights[2, i] * dry[channel, i]
                at = (start + i) & mask
                if weights[0, i] > 0:
                    value += weights[0, i] * decks[0, stem, channel, at]
                if weights[1, i] > 0:
                    value += weights[1, i] * decks[1, stem, channel, at]
                strips[stem, channel, i] = value


@numba.njit(nogil=True, cache=True, error_model="numpy")
def write_tap(tap: Audio, strips: Audio, start: int, count: int) -> None:
    """Write strips, as they go to the mixer, to the tap ring; row by row, channels inside."""
    mask = tap.shape[1] - 1
    for row in range(tap.shape[0]):
        strip, channel = divmod(row, strips.shape[1])
        for i in range(count):
            tap[row, (start + i) & mask] = strips[strip, channel, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def process_block(p: Playback, policy: int, patience_ms: int, count: int) -> None:
    """Process the frames of the mix in `input`, [c, count], into `output`; `LARGEST` at most.

    Args:
        policy: a `LatePolicy`.
        patience_ms: how long this may wait for stems; 0 in real time.
    """
    start = p.header[FRAMES_IN] - p.header[LATENCY]
    write_input(p.header, p.mix, p.input, count)
    if patience_ms > 0:
        await_stems(p.header, start + count - 1 + p.header[FADE], patience_ms)
    reset = load_acquire(p.header, RESET)
    crossfade_weights(p.header, p.fades, p.weights, start, count, reset)
    fill_strips(p.mix, p.decks, p.weights, policy, start, count, reset, p.strips, p.dry)
    write_tap(p.tap, p.strips, start, count)
    store_release(p.header, FRAMES_OUT, start + count)
    mix_block(p.mixer, p.dry, p.strips, p.output, count)
    p.header[CALLBACKS] += 1


@numba.njit(nogil=True, cache=True, error_model="numpy")
def process_at(context: Words, count: int) -> None:
    """`process_block` on what a context points to, with its policy and patience."""
    process_block(view(context), context[POLICY], context[PATIENCE_MS], count)
