"""Dispatch of clients' requests to a session, over any transport: in order, in one thread.

    packet ─► bundles ─┬─► changes of the mixer, together, at once or at a sample
                       └─► other messages: commands, nodes that are read or written
    subscriptions ◄── values that changed, at each client's own rate

A bundle is one moment: all its changes begin at one sample, or, if one is refused, none is made.
One with a time in the future is handed to the mixer at once, which begins it at that sample;
its other messages wait here. Nothing in this thread sleeps or waits; what takes long runs in
another one and answers later.
"""

import heapq
import itertools
import math
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from restem.bridge.control.addresses import ROOT, Args, parameter_address
from restem.bridge.control.node import Node, RefusalError, WriteResult, as_arg
from restem.bridge.control.osc.codec import (
    LARGEST_DATAGRAM,
    Bundle,
    Message,
    PacketError,
    decode,
    encode,
)
from restem.bridge.control.osc.peers import Peer, Subscription
from restem.bridge.control.tree import ControlTree
from restem.streamer.mixer.mixer import Setting

FARTHEST_SECONDS = 3600.0  # that a bundle may be ahead
OPEN_TO_ALL = (f"{ROOT}/auth", f"{ROOT}/ping")  # without the passphrase
SCHEDULED = 2000  # messages of one client that may wait for their time
LONGEST_TIMED = 1000  # letters or bytes in an argument of one
JOBS = 16  # slow commands of one client that may wait for each other
SUBSCRIPTIONS = 64  # of one client
Command = Callable[[Peer, Args], None]


@dataclass
class Counts:
    """Counters since the server started."""

    packets: int = 0
    messages: int = 0
    malformed: int = 0
    refused: int = 0  # messages, or bundles with such
    clipped: int = 0
    late_bundles: int = 0  # whose time had passed
    lost: int = 0  # packets that came too fast for their client's queue
    faults: int = 0  # of restem's own
    denied: int = 0  # packets of hosts that are not allowed
    unsent: int = 0  # answers that could not be sent, and errors that were too many


class Dispatcher:
    """Obeys the clients of a `ControlTree`; a server brings their packets, and calls all of it in
    one thread, where nothing else is said.

    Args:
        control: what is read and set.
        passphrase: what clients must send to /restem/auth first; None for nothing.
        notify: gets a line about what concerns the user.
    """

    def __init__(
        self, control: ControlTree, passphrase: str | None, notify: Callable[[str], None]
    ) -> None:
        self.control, self.passphrase, self.notify = control, passphrase, notify
        self.counts = Counts()
        self.commands: dict[str, Command] = {}
        self._scheduled: list[tuple[float, int, Peer, Message]] = []
        self._numbers = itertools.count()
        self._background = ThreadPoolExecutor(1, "restem control")

    def post(self, work: Callable[[], None]) -> None:
        """Post work to the server's thread; from any thread."""
        raise NotImplementedError

    def clients(self) -> list[Peer]:
        """All connected clients."""
        raise NotImplementedError

    def add_command(self, address: str, command: Command) -> None:
        """Register a command for an address; before `start`. It may raise `RefusalError`."""
        self.commands[address] = command

    def broadcast(self, address: str, *args: str | int | float) -> None:
        """Send a message to all that subscribed to anything; in the server's thread."""
        for client in self.clients():
            if client.subscriptions:
                self.note(client.send(address, *args))

    def in_background(self, client: Peer, work: Callable[[], Callable[[], None]]) -> None:
        """Do what takes long, one after the other; what it answers with runs in the server's
        thread. `sync` waits for it.
        """
        client.jobs += 1

        def run() -> None:
            answer: Callable[[], None] | None = None
            try:
                answer = work()
            finally:
                self.post(lambda: self._done(client, answer))

        self._background.submit(run)

    def _done(self, client: Peer, answer: Callable[[], None] | None) -> None:
        client.jobs -= 1
        if answer:
            answer()

    def dispatch(self, client: Peer, packet: bytes) -> None:
        client.last_seen = time.monotonic()
        try:
            bundles = decode(packet)
        except PacketError as error:
            self.counts.malformed += 1
            self.note(client.complain("", "malformed", f"{error}"))
            return
        for bundle in bundles:
            try:
                self._dispatch_bundle(client, bundle)
            except Exception as error:  # a fault of ours must not end the service
                self.note_fault(error)
                self._refuse(client, "", "fault", "restem failed at this; it goes on")

    def _dispatch_bundle(self, client: Peer, bundle: Bundle) -> None:
        """Make a bundle's changes as one, and dispatch its other messages in order."""
        self.counts.messages += len(bundle.messages)
        ahead = 0.0 if bundle.time is None else bundle.time - time.time()
        due = time.monotonic() + ahead
        if ahead > FARTHEST_SECONDS:
            self._refuse(client, "", "too_far", f"a time {ahead:.0f} s from now")
            return
        if bundle.time is not None and ahead < 0:
            self.counts.late_bundles += 1
        timed = ahead > 0
        changes: list[Setting] = []
        answer = WriteResult()
        others: list[Message] = []
        for message in bundle.messages:
            try:
                self.check_let_in(client, message.address)
                mine = self._changes(message, answer)
            except RefusalError as error:
                self._refuse(client, message.address, error.code, str(error))
                return
            if mine is None:
                others.append(message)
            changes += mine or ()
        if timed:
            try:
                note_timed(client, bundle.messages, due)
            except RefusalError as error:
                self._refuse(client, "", error.code, str(error))
                return
        if changes:
            self.control.move(changes, self.control.session.position_at(due) if timed else None)
            self._say_clipped(client, answer)
            if not timed:
                client.note_own({parameter_address(c[0], c[2]): (as_arg(c[1]),) for c in changes})
        for message in others:
            if timed:
                heapq.heappush(self._scheduled, (due, next(self._numbers), client, message))
            else:
                self._try(client, message)

    def _changes(self, message: Message, answer: WriteResult) -> list[Setting] | None:
        """The mixer's changes that a message asks for; None if it asks for something else.

        Raises:
            RefusalError: it cannot be done.
        """
        if message.address in self.commands or not message.args:
            return None
        nodes = self.control.find(message.address)
        movable = [node for node in nodes if node.parameter is not None]
        if not movable:
            for node in nodes:
                self.control.check(node, message.args)
            return None
        if len(movable) < len(nodes):
            raise RefusalError("mixed", f"{message.address} means parameters and other things")
        return [self.control.change_of(node, message.args, answer) for node in movable]

    def check_let_in(self, client: Peer, address: str) -> None:
        """Refuse what wants the passphrase to a client that has not sent it."""
        if self.passphrase and not client.authorised and address not in OPEN_TO_ALL:
            raise RefusalError("auth", f"send the passphrase to {ROOT}/auth first")

    def _try(self, client: Peer, message: Message) -> None:
        try:
            self._dispatch_message(client, message)
        except RefusalError as error:
            self._refuse(client, message.address, error.code, str(error))

    def _refuse(self, client: Peer, address: str, code: str, text: str) -> None:
        self.counts.refused += 1
        self.note(client.complain(address, code, text))

    def _say_clipped(self, client: Peer, answer: WriteResult) -> None:
        for address, text in answer.clipped:
            self.counts.clipped += 1
            self.note(client.complain(address, "clipped", text))

    def note(self, sent: bool) -> None:
        self.counts.unsent += not sent

    def _dispatch_message(self, client: Peer, message: Message) -> None:
        """Dispatch a message that is no change of the mixer's."""
        self.check_let_in(client, message.address)
        command = self.commands.get(message.address)
        if command is not None:
            command(client, message.args)
            return
        nodes = self.control.find(message.address)
        buttons = [node for node in nodes if node.is_button]
        if message.args or buttons == nodes:
            for node in nodes:
                self._write(client, node, message.args)
        else:
            for address, args in self.control.read_all(nodes).items():
                self.note(client.send(address, *args))

    def _write(self, client: Peer, node: Node, args: Args) -> None:
        is_choice = node.choices is not None and args[:1] and args[0] in node.choices()
        if node.touches_files and not is_choice and not client.may_touch_files:
            raise RefusalError("auth", f"{node.address}: files are for this machine's programs")
        if not node.slow:
            self._say_clipped(client, self.control.write(node, args))
            if node.readable:
                client.note_own({node.address: self.control.read(node)})
            return
        if client.jobs >= JOBS:
            raise RefusalError("busy", f"{JOBS} of your commands are under way; wait for /sync")

        def work() -> Callable[[], None]:
            try:
                self.control.write(node, args)
            except RefusalError as error:
                code, text = error.code, str(error)
                return lambda: self._refuse(client, node.address, code, text)
            if not node.readable:
                return lambda: None
            value = self.control.read(node)

            def notify() -> None:
                client.note_own({node.address: value})
                self.note(client.send(node.address, *value))

            return notify

        self.in_background(client, work)

    def catch_up(self) -> None:
        """Dispatch messages that are due."""
        while self._scheduled and self._scheduled[0][0] <= time.monotonic():
            _, _, client, message = heapq.heappop(self._scheduled)
            self._try(client, message)

    def note_fault(self, error: Exception) -> None:
        self.counts.faults += 1
        if self.counts.faults == 1:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.notify(
                f"OSC: a fault in {where.name}: {type(error).__name__}: {error}; it goes on"
            )

    def finish(self) -> None:
        """Finish background work under way, and cancel the rest."""
        self._background.shutdown(cancel_futures=True)

    # Subscriptions.

    def subscription(
        self, wanted: str, rate_hz: float, lease: float = math.inf, port: int | None = None
    ) -> Subscription:
        """Resolve an address or a pattern to a subscription.

        Raises:
            RefusalError: there is none, or it has no value.
        """
        nodes = tuple(node for node in self.control.find(wanted) if node.readable)
        if not nodes:
            raise RefusalError("write_only", f"{wanted} has no value")
        return Subscription(wanted, nodes, rate_hz, lease, time.monotonic() + lease, port)

    def subscribe(self, client: Peer, subscription: Subscription) -> None:
        """Send the values now, and what changes from now on; in the server's thread."""
        key = subscription.pattern, subscription.port
        if len(client.subscriptions) >= SUBSCRIPTIONS and key not in client.subscriptions:
            raise RefusalError("too_many", f"you have {SUBSCRIPTIONS} subscriptions already")
        client.subscriptions[key] = subscription
        self._send_changes(client, subscription, {})

    def next_due(self) -> float:
        """Time of the next scheduled message or subscription, by `time.monotonic`."""
        due = [self._scheduled[0][0]] if self._scheduled else []
        for client in self.clients():
            due += [each.due() for each in client.subscriptions.values()]
        return min(due, default=math.inf)

    def update(self) -> None:
        """Send what changed to whom it is due; end leases."""
        now = time.monotonic()
        sent: dict[str, Args] = {}
        for client in self.clients():
            for key, subscription in list(client.subscriptions.items()):
                if now >= subscription.ends:
                    del client.subscriptions[key]
                elif now >= subscription.due():
                    self._send_changes(client, subscription, sent)

    def _send_changes(
        self, client: Peer, subscription: Subscription, known: dict[str, Args]
    ) -> None:
        """Send the values that a subscriber has not seen; `known` are those read this time."""
        subscription.last = time.monotonic()  # at first, lest one that fails keeps us busy
        missing = [node for node in subscription.nodes if node.address not in known]
        known.update(self.control.read_all(missing))
        for node in subscription.nodes:
            value = known[node.address]
            if subscription.seen.get(node.address) == value:
                continue
            packet = encode(node.address, *value)
            if len(packet) > LARGEST_DATAGRAM:
                subscription.seen[node.address] = value
                client.complain(node.address, "too_large", f"{len(packet)} bytes: ask over TCP")
            elif client.send_packet(packet, subscription.port):
                subscription.seen[node.address] = value


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
