"""Steps that clients' messages come to, and those that wait for their time."""

import heapq
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.node import RefusalError, WriteResult
from restem.bridge.control.osc.codec import Bundle, Message
from restem.bridge.control.osc.peers import Peer
from restem.streamer.mixer.mixer import Setting

AUTH = f"{ROOT}/auth"
SCHEDULED = 2000  # messages of one client that may wait for their time
LONGEST_TIMED = 1000  # letters or bytes in an argument of one


@dataclass
class Moves:
    """Changes that stand beside each other: a mixer makes them at one sample."""

    settings: dict[str, list[Setting]] = field(default_factory=dict)  # by the roots of trees
    sent: dict[str, tuple[Args, Args]] = field(default_factory=dict)  # and what it comes to
    answer: WriteResult = field(default_factory=WriteResult)


Step = Moves | Message


class Schedule:
    """Steps of all clients that wait for their time; in the server's thread, but for `moment`."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Peer, list[Step]]] = []  # a heap, by due times
        self._numbers = itertools.count()
        self._cancelled = -1  # the moment of the last cancellation

    def __len__(self) -> int:
        return len(self._waiting)

    def moment(self) -> int:
        """Number of a moment, for `is_cancelled` and `cancel`; from any thread."""
        return next(self._numbers)

    def add(self, client: Peer, steps: list[Step], due: float) -> None:
        """Keep steps until a moment of `time.monotonic`."""
        heapq.heappush(self._waiting, (due, self.moment(), client, steps))

    def pop_due(self) -> Iterator[tuple[Peer, list[Step]]]:
        """Steps whose time has come."""
        while self.next_due() <= time.monotonic():
            _, _, client, steps = heapq.heappop(self._waiting)
            yield client, steps

    def next_due(self) -> float:
        """Due time of the first, by `time.monotonic`."""
        return self._waiting[0][0] if self._waiting else math.inf

    def cancel(self, moment: int) -> None:
        """Drop what has waited since before a moment."""
        self._cancelled = moment
        self._waiting = [each for each in self._waiting if each[1] > moment]
        heapq.heapify(self._waiting)

    def is_cancelled(self, moment: int) -> bool:
        """True if something that has waited since then was cancelled."""
        return moment < self._cancelled


def note_timed(client: Peer, messages: Sequence[Message], due: float) -> None:
    """Keep count of what waits for its time, in the mixer or here.

    Raises:
        RefusalError: it is too much.
    """
    now = time.monotonic()
    while client.timed and client.timed[0] <= now:
        heapq.heappop(client.timed)
    if len(client.timed) + len(messages) > SCHEDULED:
        raise RefusalError("too_many", f"at most {SCHEDULED} messages of yours may wait")
    args = (arg for message in messages for arg in message.args)
    if any(isinstance(arg, str | bytes) and len(arg) > LONGEST_TIMED for arg in args):
        raise RefusalError("too_large", f"arguments that wait have at most {LONGEST_TIMED} bytes")
    for _ in messages:
        heapq.heappush(client.timed, due)


def parted_at_auth(bundle: Bundle) -> Iterator[Bundle]:
    """A bundle in parts: a passphrase is heard at once, and holds for what comes after it."""
    for is_auth, group in itertools.groupby(bundle.messages, lambda m: m.address == AUTH):
        yield Bundle(tuple(group), None if is_auth else bundle.time)
