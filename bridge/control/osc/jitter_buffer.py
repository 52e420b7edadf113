"""A jitter buffer: audio from datagrams that come late, twice, in another order or not at all."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.node import RefusalError
from restem.bridge.session.transport import Block
from restem.streamer.engine.rings import Audio

AUDIO = f"{ROOT}/audio"
OUT = f"{AUDIO}/out"
FADE = 64  # frames, on each side of a gap
CAPACITY = 1 << 18  # frames of the jitter buffer's memory
AHEAD = 1 << 17  # frames that a packet may be ahead of what is played
LONGEST_JITTER = 1 << 16
CREDIT, CREDIT_STEP = 8192, 1024  # frames that a sender may be ahead; between two tellings
WINDOW = 4096  # packets by which a sequence number may be off
STALL_SECONDS = 0.25  # without a packet over UDP: the wall clock goes on
SILENT_SECONDS = 1.0  # without a packet: over UDP the stream ends, over TCP if another one waits
GONE_SECONDS = 10.0  # without a packet over TCP


@dataclass
class Counts:
    """Counters of a stream's packets."""

    packets: int = 0  # that were in time
    lost: int = 0  # numbers that are missing so far
    doubled: int = 0
    reordered: int = 0  # overtaken by others, and in time
    late: int = 0  # after their frames, or some of them, were played
    lost_frames: int = 0  # silence where the sender had audio
    refused: int = 0
    unsent: int = 0  # packets of stems that a client did not take


@dataclass(frozen=True)
class Limits:
    """Settings common to a server's streams."""

    sample_rate: int  # Hz
    channels: int  # of the mix
    jitter: int  # frames
    tail: int  # frames that are played after the end, so that its stems come out
    stall_seconds: float = STALL_SECONDS
    silent_seconds: float = SILENT_SECONDS


class JitterBuffer:
    """A sender's stream: packets come in any order, frames leave in theirs.

        played ─┬─ next ─ block ─┬─ FADE ─┬─ may still come ─┬─ end
                                 └─ decided: what is missing there stays silent

    Frames may be missing within what is played next; it is decided a fade ahead.

    Args:
        name: the sender's.
        limits: of the server.
        live: whether the wall clock goes on if it stalls.
        on_over: called in the clock's thread when all has been played.
    """

    paced = False

    def __init__(
        self, name: str, limits: Limits, live: bool, on_over: Callable[["JitterBuffer"], None]
    ) -> None:
        self.name, self.limits, self.live = name, limits, live
        self.counts = Counts()
        self.over = self.challenged = False
        self._on_over = on_over
        self._ring = np.zeros((limits.channels, CAPACITY), np.float32)
        self._there = np.zeros(CAPACITY, np.bool_)
        self._lock = threading.Lock()
        self._seen: set[int] = set()
        self._numbers = 0  # different ones so far
        self._lowest = self._newest = -1
        self._first = self.next = self._decided = self._end = -1
        self._begun = self._closed = False
        self._alive = self._due = time.monotonic()

    @property
    def position(self) -> int:
        """Output position of the next block, in frames."""
        return self.next + self.limits.jitter

    @property
    def credit(self) -> int:
        return self.next + self.limits.jitter + CREDIT

    def push(self, sequence: int, position: int, audio: Audio) -> None:
        """Take a packet's frames, [c, n].

        Raises:
            RefusalError: they are too far off, overlap, or, though new, were to be played already.
        """
        with self._lock:
            end = position + audio.shape[1]
            if self._newest < 0:
                self._lowest, self._newest = sequence, sequence - 1
                self.next = self._decided = self._end = position
            if sequence in self._seen:
                self.counts.doubled += 1
                self._hear()
                return
            try:
                self._check(sequence, position, end)
            except RefusalError:
                self.counts.refused += 1
                raise
            self._hear()
            is_new = sequence > self._newest
            self._note_number(sequence)
            if not self._begun and position < self.next:  # the first was overtaken
                self.next = self._decided = position
            is_late = position < self._decided
            self.counts.packets += not is_late
            self.counts.late += is_late
            self.counts.reordered += not is_new and not is_late
            if end > self._end:
                # Silence was played beyond the end that was known, and it was none.
                self.counts.lost_frames += max(0, min(self._decided, end) - self._end)
                self._end = end
            begin = min(max(position, self._decided), end)
            at = np.arange(begin, end) % CAPACITY
            self._ring[:, at] = audio[:, begin - position :]
            self._there[at] = True
            if is_late and is_new:
                raise RefusalError(
                    "late",
                    f"frames from {position} on were due before {self._decided}: count on from "
                    f"there, or send {AUDIO}/end and begin anew",
                )

    def _check(self, sequence: int, position: int, end: int) -> None:
        if abs(sequence - self._newest) > WINDOW:
            raise RefusalError(
                "out_of_range",
                f"sequence number {sequence} after {self._newest}; count packets one by one",
            )
        base = self.next if self._begun else min(self.next, position)
        if max(end, self._end) > base + AHEAD:
            raise RefusalError(
                "out_of_range",
                f"frames from {position} on, where {self.next} is played next and at most "
                f"{AHEAD} may be ahead; send {AUDIO}/end to begin elsewhere",
            )
        if self._closed and end > self._end:
            raise RefusalError("ended", f"the stream ends; wait for {AUDIO}/ended")
        at = np.arange(max(position, self._decided), end) % CAPACITY
        if self._there[at].any():
            raise RefusalError("overlap", f"frames from {position} on were sent in another packet")

    def _hear(self) -> None:
        self._alive, self.challenged = time.monotonic(), False

    def _note_number(self, sequence: int) -> None:
        self._seen.add(sequence)
        self._numbers += 1
        self._lowest = min(self._lowest, sequence)
        self._newest = max(self._newest, sequence)
        if len(self._seen) > 3 * WINDOW:
            self._seen = {number for number in self._seen if number >= self._newest - WINDOW}
        self.counts.lost = self._newest - self._lowest + 1 - self._numbers

    def close(self, position: int | None = None) -> None:
        """End the stream with its newest frame, or at a position beyond it.

        Raises:
            RefusalError: the position is too far off.
        """
        with self._lock:
            if position is not None and not self._end <= position <= self.next + AHEAD:
                raise RefusalError(
                    "out_of_range",
                    f"the end must be in [{self._end}, {self.next + AHEAD}], got {position}",
                )
            self._end = max(self._end, position or 0)
            self._closed = True

    def read(self, count: int) -> Block | None:
        with self._lock:
            now = time.monotonic()
            if self._closed and self._begun and self.next >= self._end + self.limits.tail:
                self.over = True
                self._on_over(self)
                return None
            self._judge(now)
            if not self._may_play(count, now):
                return None
            return self._take(count)

    def _judge(self, now: float) -> None:
        """End the stream of who is gone."""
        impatient = self.live or self.challenged
        silent = self.limits.silent_seconds
        limit = silent if impatient else max(silent, GONE_SECONDS)
        if now - self._alive > limit:
            self._closed = True

    def _may_play(self, count: int, now: float) -> bool:
        if self._end >= self.next + count + self.limits.jitter:
            self._alive = self._due = now  # who waits for us is not silent
            return True
        stalled = now - self._alive > self.limits.stall_seconds
        if not self._closed and not (self.live and stalled):
            self._due = now
            return False
        if now < self._due:
            return False
        period = count / self.limits.sample_rate
        self._due = max(self._due, now - period) + period
        return True

    def _take(self, count: int) -> Block:
        fresh, self._begun = not self._begun, True
        if fresh:
            self._first = self.next
        begin, until = self.next, self.next + count + FADE
        decided = np.arange(self._decided, min(until, self._end)) % CAPACITY
        self.counts.lost_frames += int(np.count_nonzero(~self._there[decided]))
        self._decided = until
        frames = np.arange(begin - FADE, until)
        at = frames % CAPACITY
        there = self._there[at] | (frames < self._first)
        if self._closed:
            there |= frames >= self._end
        audio = self._ring.take(at[FADE:-FADE], axis=1)
        if not there.all():
            audio *= gap_gains(there)
        self._ring[:, at[:count]] = 0
        self._there[at[:count]] = False
        position = self.position
        self.next += count
        return Block(audio, position, fresh)


def gap_gains(there: NDArray[np.bool_], fade: int = FADE) -> Audio:
    """The gain of frames some of which are missing: 0 there, sin² ramps before and behind.

    Args:
        there: [fade + n + fade]

    Returns:
        [n]

    >>> gap_gains(np.array([1, 1, 1, 1, 0, 1, 1, 1, 1]) > 0, 1)
    array([1. , 1. , 0.5, 0. , 0.5, 1. , 1. ], dtype=float32)
    """
    far = len(there) + fade
    missing = np.concatenate([[-far], np.flatnonzero(~there), [2 * far]])
    at = np.arange(fade, len(there) - fade)
    right = np.searchsorted(missing, at)
    distance = np.minimum(missing[right] - at, at - missing[right - 1])
    distance = np.where(there[at], np.minimum(distance, fade + 1), 0)
    gains: Audio = (np.sin(np.pi / 2 * distance / (fade + 1)) ** 2).astype(np.float32)
    return gains
