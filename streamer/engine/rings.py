"""Rings between the audio callback, the workers and the recorder, in shared memory.

One segment holds everything that they share. Positions are frames since the stream began, as 64-bit
counts that never wrap; frame `q` of a ring lies at `q mod capacity`.

    callback ──► mix ring ─┬─► worker of deck 0 ──► stems ring 0 ─┬─► callback ──► tap ring
                           └─► worker of deck 1 ──► stems ring 1 ─┘                └─► recorder

Each ring has one writer, and a cursor that only this writer moves: it stores the frames, then the
cursor (release); whoever reads loads the cursor (acquire), then the frames. So no reader sees a
cursor before the frames below it: x86 keeps the order of stores and of loads anyway, ARM is told to
by the release and acquire instructions that `streamer.atomics` compiles to. Nobody locks or waits.
A reader that is slower than `capacity` finds its frames overwritten; positions tell.

Of a deck's stems the frames in [READY_FROM, READY_UNTIL) are there, if its BLOCK_ORIGIN is the last
RESET; the others were never written, or hold an older passage. A worker stores READY_FROM,
READY_UNTIL, BLOCK_ORIGIN in this order; whoever reads loads them in the opposite one
(`playback_kernel.ready_span`).

The segment, little-endian, version 2, for clients in other languages:

    byte 0      int64   MAGIC, written last
    byte 8      int64   one for each `Field`, in its order
    byte 512    int64   one for each `Cell`, each at the start of a cache line (64 bytes) of its
                        own: 16 lines for all, 16 for deck 0, 16 for deck 1; the rest is kept free
    byte 3584   float64 [4], of the callback: how wet deck 0 and deck 1 are, which of them is heard,
                        whether the last block was late
    byte 8192   int64   durations of a worker's newest steps in ns, 0: none yet, [2 decks, 256]
    byte 16384  float32 mix ring    [channels, capacity]
                float32 stems rings [2 decks, stems, channels, capacity]
                float32 tap ring    [taps, capacity]
                int64   state of the mixer, from the next cache line on; see `streamer.mixer.kernel`

Shape letters: `s` stem, `c` channel, `n` frame.
"""

import os
from dataclasses import asdict, dataclass, fields
from enum import IntEnum, auto
from hashlib import blake2b
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from restem.streamer.atomics import Words, load_acquire, store_release
from restem.streamer.mixer.kernel import CHUNK, OFFSETS, State, part_offsets

Audio = NDArray[np.float32]

MAGIC = int.from_bytes(b"RESTEM\x00\x01", "little")
VERSION = 2
LINE = 8  # int64 in a cache line
CELLS_AT = 64  # int64
LINES = 16  # cache lines for the cells of all, and as many for those of each deck
FADES_AT = 448  # int64
HEADER = 2048  # int64
DECKS = 2
TIMES_AT, TIMES = 1024, 256  # int64


class Field(IntEnum):
    """Constant of the whole run; the index of an int64."""

    VERSION = 1
    SAMPLE_RATE = auto()  # Hz
    CHANNELS = auto()  # of the mix and of each stem
    STEMS = auto()
    TAPS = auto()  # channels of the tap ring
    CAPACITY = auto()  # frames, a power of two
    LATENCY = auto()  # frames from the mix to the stems, all told
    FADE = auto()  # frames of a fade between stems and dry mix
    HOST_BLOCK = auto()  # frames in every callback; 0: they may differ
    OWNER = auto()  # process id of the maker
    LAYOUT = auto()  # `layout_hash` of the maker
    MIXER = auto()  # int64 of the mixer's state
    POLICY = auto()  # a `LatePolicy`: where the dry mix goes while stems are late


class Cell(IntEnum):
    """Variable that one side writes and another reads; a count unless said otherwise."""

    FRAMES_IN = 0  # callback: frames of the mix that are in the ring
    FRAMES_OUT = auto()  # callback: frames that have been played, all in the tap ring
    CALLBACKS = auto()  # callback
    LATE = auto()  # callback: times that stems were missing
    LATE_FRAMES = auto()  # callback: frames in which dry mix stood in, fades included
    BAD_SAMPLES = auto()  # callback: samples of the mix that were no audio, replaced by silence
    ACTIVE = auto()  # engine: the deck to play
    RESET = auto()  # engine: position of the last reset; what is older is silence
    # One set per deck; `cell` adds the deck's offset.
    READY_UNTIL = auto()  # worker: stems from READY_FROM to below this position are in the ring
    BEAT = auto()  # worker: goes up while it lives
    STEPS = auto()  # worker
    DROPPED = auto()  # worker: blocks that were skipped to catch up
    BLOCK_ORIGIN = (
        auto()
    )  # worker: the last reset that it has seen; engine: -1 before a new one comes
    READY_FROM = auto()  # worker: where its run of blocks begins; what is older may be anything
    BAD_ANSWERS = auto()  # worker: steps whose answer was not finite; dry mix stands in


FIRST_OF_DECK = Cell.READY_UNTIL


def cell(which: Cell, deck: int = 0) -> int:
    """The index of a cell in `Rings.header`."""
    line = which if which < FIRST_OF_DECK else LINES * (1 + deck) + which - FIRST_OF_DECK
    return CELLS_AT + line * LINE


def layout_hash() -> int:
    """A positive int64 that differs between layouts of the segment: names, places and sizes."""
    places = [*((f.name, int(f)) for f in Field), *((c.name, cell(c, 1)) for c in Cell)]
    mixer = (CHUNK, OFFSETS, State._fields, part_offsets(1), part_offsets(2))
    text = repr((VERSION, places, FADES_AT, HEADER, DECKS, TIMES_AT, TIMES, mixer))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


@dataclass(frozen=True)
class Geometry:
    """Purpose of a segment; sizes in frames at `sample_rate`, in Hz."""

    sample_rate: int
    channels: int
    stems: int
    taps: int
    latency: int
    fade: int
    capacity: int
    host_block: int = 0  # in every callback; 0: they may differ
    mixer: int = 0  # int64 of its state
    policy: int = 0  # a `LatePolicy`

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.capacity & (self.capacity - 1):
            raise ValueError(f"capacity must be a power of two, got {self.capacity}")
        if self.capacity < 2 * self.latency:
            raise ValueError(
                f"capacity must be at least twice the latency of {self.latency} frames, "
                f"got {self.capacity}"
            )

    @property
    def mixer_at(self) -> int:
        """Byte at which the mixer's state begins."""
        rows = self.channels + DECKS * self.stems * self.channels + self.taps
        end = 8 * HEADER + 4 * rows * self.capacity
        return -(-end // (8 * LINE)) * 8 * LINE

    @property
    def bytes(self) -> int:
        return self.mixer_at + 8 * self.mixer


class Rings:
    """A segment, and views of its parts.

    Args:
        geometry: makes a new segment; None attaches to one that is there.
        name: of the segment; a new one gets a name of its own.

    Raises:
        ValueError: the segment is none of restem's, or of another version; there is no memory.
        FileNotFoundError: there is no segment of that name.
    """

    def __init__(self, geometry: Geometry | None = None, name: str | None = None) -> None:
        own = geometry is not None
        if geometry is not None:
            name = name or f"restem-{os.getpid()}-{os.urandom(4).hex()}"
        self.memory = SharedMemory(name, create=own, size=geometry.bytes if geometry else 0)
        if geometry is not None:
            self._allocate(geometry.bytes)
        self.name, self._own = self.memory.name, own
        self.header = np.ndarray(HEADER, np.int64, self.memory.buf)
        if geometry is not None:
            self.header[Field.VERSION] = VERSION
            self.header[Field.OWNER] = os.getpid()
            self.header[Field.LAYOUT] = layout_hash()
            for key, value in asdict(geometry).items():
                self.header[Field[key.upper()]] = value
            self.header[FADES_AT : FADES_AT + 4].view(np.float64)[:] = 1, 0, 0, 0
            store_release(self.header, 0, MAGIC)
        elif load_acquire(self.header, 0) != MAGIC or self.header[Field.LAYOUT] != layout_hash():
            del self.header
            self.memory.close()
            raise ValueError(f"{name}: no segment of restem, or of another version")
        self.geometry = Geometry(
            **{
                field.name: int(self.header[Field[field.name.upper()]])
                for field in fields(Geometry)
            }
        )
        self._map()

    def _allocate(self, size: int) -> None:
        """Take the pages now and touch them: no audio thread waits for one, or dies of the lack."""
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self.memory._fd, 0, size)  # type: ignore[attr-defined]
            except OSError as error:
                self.memory.close()
                self.memory.unlink()
                raise ValueError(
                    f"shared memory: the rings need {size / 1e6:.0f} MB: {error.strerror}; "
                    "make /dev/shm larger (in a container: --shm-size=256m)"
                ) from error
        np.ndarray(size, np.uint8, self.memory.buf).fill(0)

    def _map(self) -> None:
        g, at = self.geometry, 8 * HEADER
        shapes = (
            (g.channels, g.capacity),
            (DECKS, g.stems, g.channels, g.capacity),
            (g.taps, g.capacity),
        )
        views: list[Audio] = []
        for shape in shapes:
            views.append(np.ndarray(shape, np.float32, self.memory.buf, offset=at))
            at += views[-1].nbytes
        self.mix, self.stems, self.tap = views
        self.mixer: Words = np.ndarray(g.mixer, np.int64, self.memory.buf, offset=g.mixer_at)
        self.fades = self.header[FADES_AT : FADES_AT + 4].view(np.float64)
        times = self.header[TIMES_AT : TIMES_AT + DECKS * TIMES]
        self.step_times = times.reshape(DECKS, TIMES)

    def get(self, which: Cell, deck: int = 0) -> int:
        """Load a cell; the frames that it speaks of may be read after it."""
        return int(load_acquire(self.header, cell(which, deck)))

    def put(self, which: Cell, value: int, deck: int = 0) -> None:
        """Store a cell of one's own, after the frames that it speaks of."""
        store_release(self.header, cell(which, deck), value)

    def close(self) -> None:
        """Unmap the segment; its creator also unlinks it."""
        del self.header, self.mix, self.stems, self.tap  # they would point to nothing
        del self.mixer, self.fades, self.step_times
        self.memory.close()
        if self._own:
            self.memory.unlink()


def read_ring(ring: Audio, start: int, count: int) -> Audio:
    """Copy frames [start, start + count) out of a ring, [.., capacity] -> [.., count].

    Frames before 0 are silence.
    """
    capacity = ring.shape[-1]
    frames = np.zeros((*ring.shape[:-1], count), np.float32)
    done = min(max(-start, 0), count)
    while done < count:
        at = (start + done) % capacity
        part = min(capacity - at, count - done)
        frames[..., done : done + part] = ring[..., at : at + part]
        done += part
    return frames


def write_ring(ring: Audio, start: int, frames: Audio) -> None:
    """Copy frames into a ring from `start` on; frames before 0 are left out."""
    capacity, count = ring.shape[-1], frames.shape[-1]
    done = min(max(-start, 0), count)
    while done < count:
        at = (start + done) % capacity
        part = min(capacity - at, count - done)
        ring[..., at : at + part] = frames[..., done : done + part]
        done += part
