"""The mixer's native half, for audio callbacks: it never allocates, locks, waits or raises.

    stems ─ clean ─ gain left, right ─┬─ direct outs
              │                       Σ ─ dry/wet ─ master gain ─ ceiling ─ bypass ─ master
    dry ─── clean ────────────────────────┴─────────────────────────────────┘
              └─ dry - stem ─ the mix without it

All of its state is one int64 array, `memory`, that never moves: a callback needs its address and
nothing else. Its parts are in `State`.

Shape letters: `s` strip (a stem; the residual is the last), `c` channel (1 or 2), `n` sample, `o`
output, `k` coefficient (left and right of every strip, then `wet` to `ceiling`).
"""

import itertools
import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from restem.streamer.atomics import Words, exchange, load_acquire, raise_to, store_release

Audio = NDArray[np.float32]

CHUNK = 64  # samples at a time, inside a block
RAMPS = 8  # changes that may be under way at once
ROWS = 65  # snapshots in one publication: what holds now, and the timed ones
LOG = 256  # entries
OUTPUTS = 64  # more play silence
GLOBALS = 4  # coefficients after those of the strips
WET, MASTER_GAIN, BYPASS, CEILING = range(GLOBALS)

HUGE = np.float32(1e9)  # +180 dBFS: no music, but a network that has lost its way
ZERO, ONE = np.float32(0), np.float32(1)
KNEE = np.float32(10 ** (-1 / 20))
ROOM = ONE - KNEE  # between knee and full scale

# Words of `memory`. What another thread writes has a cache line of its own.
STRIPS, SPACING = 0, 1  # how many; samples between the beginnings of two ramps, at least
SEQUENCE = 8  # goes up by two with every publication, odd while one is being written
# The callback's own; the last three are read by others.
SEEN, WAIT, SLOT, PAGE, ROW, BEGUN, BAD, MIXED, LOGGED = range(16, 25)
OFFSETS = 32  # where the parts begin

ALWAYS, NEVER = -(2**62), 2**62  # positions: of what holds now, and after the last snapshot


class State(NamedTuple):
    """Views of `memory`."""

    # Published: snapshots in the order of their positions, then a position that never comes. Each
    # is a position, bits of the targets, lengths of their ramps in samples.
    wanted: Words  # [row, 1 + 2 k]
    inbox: Words  # [2, row, 1 + 2 k] copies: the newest whole one, and room for the next
    fresh: NDArray[np.float64]  # the same memory
    targets: NDArray[np.float64]  # [k] where coefficients are when all ramps are over
    drops: NDArray[np.float64]  # [ramp, k] how far away each ramp began
    rates: NDArray[np.float64]  # [ramp, k] 1 / length
    left: Words  # [ramp, k] samples until it is over
    line: NDArray[np.float64]  # [CHUNK]
    curves: Audio  # [k, CHUNK] coefficients, sample by sample
    sources: Audio  # [row, CHUNK] left and right of master, of every strip, of dry; silence
    bits: NDArray[np.int32]  # the same memory
    tops: Words  # [2 s + 2] peaks of this block, as the bits of a float32, which sort like integers
    peaks: Words  # [2 s + 2] peaks since they were last read
    routes: Words  # [OUTPUTS] the row that each output plays; behind silence, dry less a stem
    log: Words  # [LOG, 2] which publication was begun, at which position


def part_offsets(strips: int) -> list[int]:
    """Beginnings of the parts of `memory`, in words, and at last its end."""
    size = 2 * strips + GLOBALS
    rows, meters = 2 * strips + 5, 2 * strips + 2
    mail = ROWS * (1 + 2 * size)
    sizes = [mail, 2 * mail, size, *3 * [RAMPS * size], CHUNK]
    sizes += [size * CHUNK // 2, rows * CHUNK // 2, meters, meters, OUTPUTS, 2 * LOG]
    lines = [math.ceil(words / 8) for words in (OFFSETS + len(sizes) + 1, *sizes)]
    return [8 * line for line in itertools.accumulate(lines)]


def memory_words(strips: int) -> int:
    """Size of `memory` in words; it begins at a cache line."""
    return part_offsets(strips)[-1]


def prepare_memory(memory: Words, strips: int, spacing: int) -> None:
    """Lay out `memory_words` zeros as `unpack` reads them."""
    offsets = part_offsets(strips)
    memory[STRIPS], memory[SPACING] = strips, spacing
    memory[OFFSETS : OFFSETS + len(offsets)] = offsets


@numba.njit(nogil=True, cache=True, error_model="numpy")
def part(memory: Words, number: int, size: int) -> Words:
    begin = memory[OFFSETS + number]
    return memory[begin : begin + size]


@numba.njit("(int64[::1],)", nogil=True, cache=True, error_model="numpy")
def unpack(memory: Words) -> State:
    """Find the parts of `memory`; copies nothing."""
    strips = memory[STRIPS]
    size = 2 * strips + GLOBALS
    rows, meters = 2 * strips + 5, 2 * strips + 2
    width = 1 + 2 * size
    inbox = part(memory, 1, 2 * ROWS * width)
    sources = part(memory, 8, rows * CHUNK // 2)
    return State(
        part(memory, 0, ROWS * width).reshape((ROWS, width)),
        inbox.reshape((2, ROWS, width)),
        inbox.view(np.float64).reshape((2, ROWS, width)),
        part(memory, 2, size).view(np.float64),
        part(memory, 3, RAMPS * size).view(np.float64).reshape((RAMPS, size)),
        part(memory, 4, RAMPS * size).view(np.float64).reshape((RAMPS, size)),
        part(memory, 5, RAMPS * size).reshape((RAMPS, size)),
        part(memory, 6, CHUNK).view(np.float64),
        part(memory, 7, size * CHUNK // 2).view(np.float32).reshape((size, CHUNK)),
        sources.view(np.float32).reshape((rows, CHUNK)),
        sources.view(np.int32).reshape((rows, CHUNK)),
        part(memory, 9, meters),
        part(memory, 10, meters),
        part(memory, 11, OUTPUTS),
        part(memory, 12, 2 * LOG).reshape((LOG, 2)),
    )


@numba.njit("(int64[::1], int64[:, ::1])", nogil=True, cache=True, error_model="numpy")
def publish(memory: Words, rows: Words) -> None:
    """Hand snapshots, [row, 1 + 2 k] as in `State.wanted`, to the callback: all, or none yet.

    A sequence lock: the number is odd while words are being written, and a reader who finds it odd,
    or changed after reading, tries again later. Every word is stored with release and loaded with
    acquire, so that this holds on ARM as on x86: a reader who gets a word of a newer publication
    acquires its odd number with it, and cannot miss it when it looks again; a reader who finds a
    publication's even number has all of its words. One writer, one reader.
    """
    sequence = memory[SEQUENCE]
    wanted = unpack(memory).wanted
    store_release(memory, SEQUENCE, sequence + 1)
    for row in range(rows.shape[0]):
        for word in range(rows.shape[1]):
            store_release(wanted[row], word, rows[row, word])
    if rows.shape[0] < ROWS:
        store_release(wanted[rows.shape[0]], 0, NEVER)
    store_release(memory, SEQUENCE, sequence + 2)


@numba.njit("boolean(int64[::1])", nogil=True, cache=True, error_model="numpy")
def receive(memory: Words) -> bool:
    """Copy what was published last to the inbox; whether it is news, and whole."""
    sequence = load_acquire(memory, SEQUENCE)
    if sequence == memory[SEEN] or sequence & 1:
        return False
    state = unpack(memory)
    page = 1 - memory[PAGE]  # the other one is in use until this one is whole
    for row in range(ROWS):
        source, target = state.wanted[row], state.inbox[page, row]
        target[0] = load_acquire(source, 0)
        if target[0] == NEVER:
            break
        for word in range(1, target.size):
            target[word] = load_acquire(source, word)
    if load_acquire(memory, SEQUENCE) != sequence:
        return False
    memory[SEEN], memory[PAGE] = sequence, page
    return True


@numba.njit(nogil=True, cache=True, error_model="numpy")
def poll_changes(memory: Words, state: State, position: int) -> int:
    """Begin what is due; answers the position at which to look again, if nothing is published.

    The last snapshot whose position has come is the one that holds. No memory of earlier ones is
    needed: a publication repeats all snapshots that its writer does not yet know to be begun, each
    with the changes of those before it, so a late publication cannot undo one.
    """
    receive(memory)
    rows = state.inbox[memory[PAGE]]
    row = 0
    while row + 1 < ROWS and rows[row + 1, 0] <= position:
        row += 1
    if memory[SEEN] != memory[BEGUN] or row != memory[ROW]:
        memory[BEGUN], memory[ROW] = memory[SEEN], row
        begin_ramps(memory, state, row)
        entry = state.log[memory[LOGGED] % LOG]
        entry[0], entry[1] = memory[SEEN], position
        store_release(memory, LOGGED, memory[LOGGED] + 1)
    return rows[row + 1, 0] if row + 1 < ROWS else NEVER


@numba.njit(nogil=True, cache=True, error_model="numpy")
def begin_ramps(memory: Words, state: State, row: int) -> None:
    """Start ramps to the targets of a snapshot in the inbox."""
    slot, size, page = memory[SLOT], state.targets.size, memory[PAGE]
    fresh, lengths = state.fresh[page, row, 1 : 1 + size], state.inbox[page, row, 1 + size :]
    moved = False
    for k in range(size):
        if fresh[k] != state.targets[k]:
            state.drops[slot, k] = state.targets[k] - fresh[k]
            state.rates[slot, k] = 1.0 / lengths[k]
            state.left[slot, k] = lengths[k]
            state.targets[k] = fresh[k]
            moved = True
    if moved:
        memory[SLOT] = (slot + 1) % RAMPS
        memory[WAIT] = memory[SPACING]


@numba.njit("(int64[::1],)", nogil=True, cache=True, error_model="numpy")
def finish_ramps(memory: Words) -> None:
    """Begin what is due and end all ramps; peaks and counts at zero. Not while a callback runs."""
    state = unpack(memory)
    poll_changes(memory, state, memory[MIXED])
    state.left[:] = 0
    state.peaks[:] = 0
    memory[WAIT] = memory[SLOT] = memory[BAD] = 0


@numba.njit(nogil=True, cache=True, error_model="numpy")
def is_moving(state: State, k: int) -> bool:
    """Tell whether a ramp of a coefficient is under way."""
    for slot in range(RAMPS):  # noqa: SIM110 (Numba knows no generators)
        if state.left[slot, k] > 0:
            return True
    return False


@numba.njit(nogil=True, cache=True, error_model="numpy")
def ramp(state: State, k: int, count: int) -> None:
    """Write the next samples of a coefficient.

    Each change of a target is a ramp of its own, and a coefficient is its target plus what the
    ramps under way have still to go, each on the quintic smoothstep u³ (6 u² - 15 u + 10):

        target[k] + Σ drops[ramp, k] · smoothstep(left / length)

    A sum of C2 curves is C2, so a target may change in mid-ramp; all curves are monotone, so the
    coefficient never leaves the range of its targets; ramps that are over add nothing, so it ends
    on its target to the bit.
    """
    line, curve = state.line, state.curves[k]
    if not is_moving(state, k):
        still = np.float32(state.targets[k])
        for i in range(count):
            curve[i] = still
        return
    for i in range(count):
        line[i] = state.targets[k]
    for slot in range(RAMPS):
        left = state.left[slot, k]
        if left > 0:
            drop, rate = state.drops[slot, k], state.rates[slot, k]
            for i in range(min(count, left)):
                u = (left - i) * rate
                line[i] += drop * (u * u * u * (u * (6.0 * u - 15.0) + 10.0))
            state.left[slot, k] = left - min(count, left)
    for i in range(count):
        curve[i] = np.float32(line[i])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def block_peak(bits: NDArray[np.int32], count: int) -> np.int32:
    """The largest |x|, as bits."""
    largest = np.int32(0)
    for i in range(count):
        largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
    return largest


@numba.njit(nogil=True, cache=True, error_model="numpy")
def mix_strip(state: State, strip: int, side: int, samples: Audio, start: int, count: int) -> int:
    """Weigh one side of a strip and add it to the master; how many samples were no audio."""
    row = 2 + 2 * strip + side
    gain, faded, total = state.curves[2 * strip + side], state.sources[row], state.sources[side]
    bad = 0
    for i in range(count):
        x = samples[start + i]
        good = abs(x) <= HUGE  # not so for NaN
        bad += not good
        faded[i] = (x if good else ZERO) * gain[i]
    for i in range(count):
        total[i] += faded[i]
    meter = 2 * strip + side
    state.tops[meter] = max(state.tops[meter], block_peak(state.bits[row], count))
    return bad


@numba.njit(nogil=True, cache=True, error_model="numpy")
def soft_clip(x: np.float32, share: np.float32) -> np.float32:
    """The ceiling: below the knee x itself, above it a curve that has x's slope and curvature at
    the knee and 1 as its asymptote; `share` of it."""
    over = abs(x) - KNEE
    if over <= ZERO:
        return x
    bent = KNEE + over / np.sqrt(ONE + (over / ROOM) * (over / ROOM))
    return (ONE - share) * x + share * math.copysign(bent, x)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def mix_master(
    memory: Words, state: State, side: int, samples: Audio, start: int, count: int
) -> int:
    """Finish one side of the master; how many samples of the dry mix were no audio."""
    strips = memory[STRIPS]
    row, k = 2 + 2 * strips + side, 2 * strips
    total, dry = state.sources[side], state.sources[row]
    wet, gain = state.curves[k + WET], state.curves[k + MASTER_GAIN]
    bypass, ceiling = state.curves[k + BYPASS], state.curves[k + CEILING]
    bad = 0
    for i in range(count):
        x = samples[start + i]
        good = abs(x) <= HUGE
        bad += not good
        dry[i] = x if good else ZERO
    for i in range(count):
        mixed = (total[i] * wet[i] + dry[i] * (ONE - wet[i])) * gain[i]
        mixed = soft_clip(mixed, ceiling[i])
        total[i] = mixed * (ONE - bypass[i]) + dry[i] * bypass[i]
    state.tops[k + side] = max(state.tops[k + side], block_peak(state.bits[side], count))
    return bad


@numba.njit(nogil=True, cache=True, error_model="numpy")
def play_outputs(state: State, stems: Audio, out: Audio, start: int, count: int) -> None:
    silence = state.sources.shape[0] - 1
    for output in range(out.shape[0]):
        row = load_acquire(state.routes, output) if output < OUTPUTS else silence
        if row > silence:
            play_minus(state, stems, row - silence - 1, out[output], start, count)
            continue
        for i in range(count):
            out[output, start + i] = state.sources[row, i]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def play_minus(state: State, stems: Audio, number: int, out: Audio, start: int, count: int) -> None:
    """Play a side of the dry mix less a stem as it came; `number` is 2 * strip + side."""
    strip, side = number // 2, number % 2
    dry = state.sources[state.sources.shape[0] - 3 + side]
    samples = stems[strip, min(side, stems.shape[1] - 1)]
    for i in range(count):
        x = samples[start + i]
        out[start + i] = dry[i] - (x if abs(x) <= HUGE else ZERO)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def play_chunk(
    memory: Words, state: State, dry: Audio, stems: Audio, start: int, count: int
) -> int:
    """Fill `state.sources`; how many samples were no audio."""
    strips, last = memory[STRIPS], dry.shape[0] - 1
    for k in range(state.targets.size):
        ramp(state, k, count)
    bad = 0
    for side in range(2):  # a mono signal is on both
        channel = min(side, last)
        state.sources[side, :count] = ZERO
        found = 0
        for strip in range(strips):
            found += mix_strip(state, strip, side, stems[strip, channel], start, count)
        found += mix_master(memory, state, side, dry[channel], start, count)
        bad += found if side == channel else 0
    return bad


@numba.njit(
    "(int64[::1], float32[:, ::1], float32[:, :, ::1], float32[:, ::1], int64)",
    nogil=True,
    cache=True,
    error_model="numpy",
)
def mix_block(memory: Words, dry: Audio, stems: Audio, out: Audio, count: int) -> None:
    """Mix the next `count` samples. How a stream is cut into blocks does not change a bit.

    A change that was published before begins with the first sample, a timed one with its own; but
    no sooner than `SPACING` samples after the one before. Each is noted in the log.

    Samples that are no audio (NaN, Inf, beyond 1e9) become 0 and are counted. The sum is taken in
    the order of the strips, in float32.

    Args:
        memory: of a `Mixer`.
        dry: [c, n] the mix as it came, as late as the stems; n is at least `count`.
        stems: [s, c, n]
        out: [o, n]
    """
    state = unpack(memory)
    state.tops[:] = 0
    position = memory[MIXED]
    bad = done = 0
    while done < count:
        size = min(count - done, CHUNK)
        if memory[WAIT] == 0:
            size = min(size, poll_changes(memory, state, position + done) - (position + done))
        if memory[WAIT] > 0:  # look again on the very sample, wherever the host's block ends
            size = min(size, memory[WAIT])
            memory[WAIT] -= size
        bad += play_chunk(memory, state, dry, stems, done, size)
        play_outputs(state, stems, out, done, size)
        done += size
    for meter in range(state.tops.size):
        raise_to(state.peaks, meter, state.tops[meter])
    store_release(memory, BAD, memory[BAD] + bad)
    store_release(memory, MIXED, position + count)


def read_peaks(state: State) -> list[float]:
    """Peaks since the last call, [2 s + 2]; none is lost or told twice."""
    bits = np.array([exchange(state.peaks, i, 0) for i in range(state.peaks.size)], np.int32)
    peaks: list[float] = bits.view(np.float32).tolist()
    return peaks
