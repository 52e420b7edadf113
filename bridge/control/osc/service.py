"""Dispatch of clients' requests to a session, over any transport: in order, in one thread.

    packet ─► bundles ─► steps ─┬─► changes of the mixer, together, at once or at a sample
                                └─► other messages: commands, nodes that are read or written
    subscriptions ◄── values that changed, at each client's own rate

A bundle's messages are obeyed in their order, and, if a change is refused, none is made. Changes
that stand beside each other begin at one sample. Those at the beginning of a bundle with a time in
the future are handed to the mixer at once, which begins them at that sample; what follows waits
here. Nothing in this thread sleeps or waits; what takes long runs in another one, answers later,
and what is behind it in its bundle comes after it.
"""

import itertools
import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.background import Background
from restem.bridge.control.node import Node, RefusalError, WriteResult, as_arg
from restem.bridge.control.osc.codec import (
    LARGEST_DATAGRAM,
    Bundle,
    Message,
    PacketError,
    decode,
    encode,
)
from restem.bridge.control.osc.counts import Counts
from restem.bridge.control.osc.peers import Peer, Subscription
from restem.bridge.control.osc.schedule import (
    AUTH,
    Moves,
    Schedule,
    Step,
    note_timed,
    parted_at_auth,
)
from restem.bridge.control.tree import ControlTree

FARTHEST_SECONDS = 60.0  # that a bundle may be ahead; more is another clock's time
ERROR = f"{ROOT}/error"
ALIVE = "/ping"  # TouchOSC's, again and again, which wants no answer
OPEN_TO_ALL = (AUTH, f"{ROOT}/ping", ALIVE)  # without the passphrase
JOBS = 16  # slow commands of one client that may wait for each other
SUBSCRIPTIONS = 64  # of one client
FINISH_SECONDS = 10.0  # that a slow command may take at the end
UNMOUNT_SECONDS = 5.0  # that it may take until no client uses a session any more
Command = Callable[[Peer, Args], None]


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
        self._scheduled = Schedule()
        self._background = Background("restem control")
        control.cancellers.append(self.cancel)

    def post(self, work: Callable[[], None]) -> None:
        """Post work to the server's thread; from any thread."""
        raise NotImplementedError

    def is_in_turn(self) -> bool:
        """True in the server's thread."""
        raise NotImplementedError

    def clients(self) -> list[Peer]:
        """All connected clients."""
        raise NotImplementedError

    def resume(self, client: Peer) -> None:
        """Go on with the packets of a client that waited for a slow command."""
        raise NotImplementedError

    def is_own(self, host: str, port: int) -> bool:
        """True if packets to there would come back."""
        raise NotImplementedError

    def mount(self, tree: ControlTree) -> None:
        """Serve a further session, too; from any thread."""
        self.post(lambda: self.control.mount(tree))

    def unmount(self, tree: ControlTree) -> None:
        """Serve it no longer; from any other thread, which may close the session afterwards."""
        done = threading.Event()

        def end() -> None:
            self.control.unmount(tree)
            for client in self.clients():
                client.unsubscribe_below(tree.root)
            done.set()

        self.post(end)
        done.wait(UNMOUNT_SECONDS)

    def add_command(self, address: str, command: Command) -> None:
        """Register a command for an address; before `start`. It may raise `RefusalError`."""
        self.commands[address] = command

    def broadcast(self, address: str, *args: str | int | float) -> None:
        """Send a message to all that subscribed to anything; in the server's thread."""
        for client in self.clients():
            if client.subscriptions:
                self.count_unsent(client.send(address, *args))

    def in_background(
        self, client: Peer, work: Callable[[], Callable[[], None]], in_turn: bool = False
    ) -> None:
        """Do what takes long, one after the other; what it answers with runs in the server's
        thread. `sync` waits for it, and, if it is `in_turn`, so do the client's later packets.

        Raises:
            RefusalError: no more is begun.
        """

        def run() -> None:
            try:
                answer = work()
            except Exception as error:
                answer = partial(self._fail, client, error)
            self.post(lambda: self._done(client, answer, in_turn))

        self._background.submit(run)
        client.jobs += 1
        client.held += in_turn

    def _done(self, client: Peer, answer: Callable[[], None], in_turn: bool) -> None:
        client.jobs -= 1
        client.held -= in_turn
        try:
            answer()
        finally:
            if in_turn and not client.held:
                self.resume(client)

    def _fail(self, client: Peer, error: Exception) -> None:
        """Tell of a fault of ours, which must not end the service."""
        self.note_fault(error)
        self._refuse(client, "", "fault", "restem failed at this; it goes on")

    def dispatch(self, client: Peer, packet: bytes) -> None:
        """Dispatch a packet; one that goes to and fro between two restems is not answered."""
        client.is_quiet = client.is_loop(packet)
        self.counts.looped += client.is_quiet
        try:
            self._dispatch_packet(client, packet)
        finally:
            client.is_quiet = False

    def _dispatch_packet(self, client: Peer, packet: bytes) -> None:
        client.last_seen = time.monotonic()
        is_stale, client.stale = client.stale > 0, max(0, client.stale - 1)
        try:
            bundles = decode(packet)
        except PacketError as error:
            self.counts.malformed += 1
            self.count_unsent(client.send_error("", "malformed", f"{error}"))
            return
        for bundle in itertools.chain.from_iterable(map(parted_at_auth, bundles)):
            try:
                self._dispatch_bundle(client, bundle, is_stale)
            except Exception as error:
                self._fail(client, error)

    def _dispatch_bundle(self, client: Peer, bundle: Bundle, is_stale: bool) -> None:
        """Check a bundle's changes, and obey all of it in its order, or refuse it.

        Args:
            client: of whom.
            bundle: of one moment.
            is_stale: it waited while a panic came, so that it moves nothing.
        """
        self.counts.messages += len(bundle.messages)
        ahead = 0.0 if bundle.time is None else bundle.time - time.time()
        due = time.monotonic() + ahead
        if ahead > FARTHEST_SECONDS:
            text = f"a time {ahead / 60:.0f} minutes from now, by restem's clock; 1 at most"
            self._refuse(client, "", "too_far", text)
            return
        if bundle.time is not None and ahead < 0:
            self.counts.late_bundles += 1
        steps = self._steps(client, bundle.messages)
        if steps is None:
            return
        if is_stale:
            steps = self._still(client, steps)
        if not steps:
            return
        if ahead <= 0:
            self._run(client, deque(steps))
            return
        try:
            note_timed(client, bundle.messages, due)
        except RefusalError as error:
            self._refuse(client, "", error.code, str(error))
        else:
            self._schedule(client, steps, due)

    def _steps(self, client: Peer, messages: Sequence[Message]) -> list[Step] | None:
        """Messages as steps, changes of the mixer joined with their neighbours; None if one is
        refused, which its client is told.
        """
        steps: list[Step] = []
        for message in messages:
            moves = steps[-1] if steps and isinstance(steps[-1], Moves) else Moves()
            try:
                self.check_let_in(client, message.address)
                is_move = self._add_changes(message, moves)
            except RefusalError as error:
                self._refuse(client, message.address, error.code, str(error))
                return None
            if not is_move:
                steps.append(message)
            elif not steps or steps[-1] is not moves:
                steps.append(moves)
        return steps

    def _add_changes(self, message: Message, moves: Moves) -> bool:
        """Add the mixer's changes that a message asks for; whether it asks for such.

        Raises:
            RefusalError: it cannot be done.
        """
        if message.address in self.commands or not message.args:
            return False
        nodes = self.control.targets(message.address)
        movable = [node for node in nodes if node.parameter is not None]
        if not movable:
            for node in nodes:
                self.control.check(node, message.args)
            return False
        if len(movable) < len(nodes):
            raise RefusalError("mixed", f"{message.address} means parameters and other things")
        for node in movable:
            setting = self.control.change_of(node, message.args, moves.answer)
            moves.settings.setdefault(self.control.tree_of(node).root, []).append(setting)
            moves.sent[node.address] = message.args, (as_arg(setting[1]),)
        return True

    def _schedule(self, client: Peer, steps: list[Step], due: float) -> None:
        """Hand changes that begin a bundle to the mixer, and keep the others until their time."""
        first = steps[0]
        if isinstance(first, Moves):
            self.control.move_all(first.settings, due)
            self._notify_clipped(client, first.answer)
            steps = steps[1:]
        if steps:
            self._scheduled.add(client, steps, due)

    def _run(self, client: Peer, steps: deque[Step]) -> None:
        """Take steps in their order; those behind a slow one once it is done."""
        while steps:
            step, jobs = steps.popleft(), client.jobs
            if isinstance(step, Moves):
                self.control.move_all(step.settings)
                client.last_done = time.monotonic()
                self._notify_clipped(client, step.answer)
                client.note_own(step.sent)
            else:
                self._try(client, step)
            if steps and client.jobs > jobs:
                self._wait_and_run(client, steps)
                return

    def _wait_and_run(self, client: Peer, steps: deque[Step]) -> None:
        """Take steps once what is under way in the background is done."""
        moment = self._scheduled.moment()

        def rest() -> None:
            is_cancelled = self._scheduled.is_cancelled(moment)
            self._run(client, deque(self._still(client, steps) if is_cancelled else steps))

        try:
            self.in_background(client, lambda: rest, in_turn=client.held > 0)
        except RefusalError as error:
            self._refuse(client, "", error.code, str(error))

    def cancel(self) -> None:
        """Drop what waits for its time, and what would move something behind a slow command; from
        any thread."""
        moment = self._scheduled.moment()
        if self.is_in_turn():
            self._cancel_waiting(moment)
        else:
            self.post(lambda: self._cancel_waiting(moment))

    def _cancel_waiting(self, moment: int) -> None:
        self._scheduled.cancel(moment)
        for client in self.clients():
            client.timed.clear()
            client.stale = len(client.waiting) if client.held else 0

    def _still(self, client: Peer, steps: Iterable[Step]) -> list[Step]:
        """Steps without those that move something, of which their client is told."""
        steps = list(steps)
        still = [step for step in steps if not self._is_move(step)]
        if len(still) < len(steps):
            self._refuse(client, "", "cancelled", "this was cancelled while it waited")
        return still

    def _is_move(self, step: Step) -> bool:
        if isinstance(step, Moves):
            return True
        nodes = self.control.named(step.address)
        return any(node.moves and (step.args or node.is_button) for node in nodes)

    def check_let_in(self, client: Peer, address: str) -> None:
        """Refuse what wants the passphrase to a client that has not sent it."""
        if self.passphrase and not client.authorised and address not in OPEN_TO_ALL:
            raise RefusalError("auth", f"send the passphrase to {ROOT}/auth first")

    def _try(self, client: Peer, message: Message) -> None:
        try:
            self._dispatch_message(client, message)
            client.last_done = time.monotonic()
        except RefusalError as error:
            self._refuse(client, message.address, error.code, str(error))

    def _refuse(self, client: Peer, address: str, code: str, text: str) -> None:
        self.counts.refused += 1
        if address == ERROR:
            return  # of another program like this one: complaints about complaints have no end
        self.count_unsent(client.send_error(address, code, text))

    def _notify_clipped(self, client: Peer, answer: WriteResult) -> None:
        for address, text in answer.clipped:
            self.notify_clipped(client, address, text)

    def notify_clipped(self, client: Peer, address: str, text: str) -> None:
        """Tell that something else was done than was asked."""
        self.counts.clipped += 1
        self.count_unsent(client.send_error(address, "clipped", text))

    def count_unsent(self, sent: bool) -> None:
        self.counts.unsent += not sent

    def _dispatch_message(self, client: Peer, message: Message) -> None:
        """Dispatch a message that is no change of the mixer's."""
        self.check_let_in(client, message.address)
        command = self.commands.get(message.address)
        if command is not None:
            command(client, message.args)
            return
        nodes = self.control.named(message.address)
        if message.args or (nodes and all(node.is_button for node in nodes)):
            for node in nodes or self.control.targets(message.address):
                self._write(client, node, message.args)
        else:
            nodes = nodes or self.control.find(message.address)
            for address, args in self.control.read_all(nodes).items():
                self.count_unsent(client.send(address, *args))

    def _write(self, client: Peer, node: Node, args: Args) -> None:
        is_choice = node.choices is not None and args[:1] and args[0] in node.choices()
        if node.touches_files and not is_choice and not client.may_touch_files:
            raise RefusalError("auth", f"{node.address}: files are for this machine's programs")
        if not node.slow:
            self._notify_clipped(client, self.control.write(node, args))
            if node.readable:
                client.note_own({node.address: (args, self.control.read(node))})
            return
        if client.jobs >= JOBS:
            raise RefusalError("busy", f"{JOBS} of your commands are under way; wait for /sync")

        prepared, is_quiet = self.control.prepared(node), client.is_quiet

        def work() -> Callable[[], None]:
            try:
                self.control.write(prepared, args)
            except RefusalError as error:
                code, text = error.code, str(error)
                return lambda: self._refuse(client, node.address, code, text)
            if not node.readable:
                return lambda: None
            value = self.control.read(node)

            def notify() -> None:
                client.note_own({node.address: (args, value)})
                if not node.in_turn and not is_quiet:
                    self.count_unsent(client.send(node.address, *value))

            return notify

        self.in_background(client, work, node.in_turn)

    def catch_up(self) -> None:
        """Take steps whose time has come."""
        for client, steps in self._scheduled.pop_due():
            self._run(client, deque(steps))

    def note_fault(self, error: Exception) -> None:
        self.counts.faults += 1
        if self.counts.faults == 1:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.notify(
                f"OSC: a fault in {where.name}: {type(error).__name__}: {error}; it goes on"
            )

    def finish(self) -> None:
        """End the work that is under way in the background, and begin no more."""
        self._background.finish(FINISH_SECONDS)

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

    def check_room(self, client: Peer, subscription: Subscription) -> None:
        """Refuse one subscription too many."""
        key = subscription.pattern, subscription.port
        if len(client.subscriptions) >= SUBSCRIPTIONS and key not in client.subscriptions:
            raise RefusalError("too_many", f"you have {SUBSCRIPTIONS} subscriptions already")

    def subscribe(self, client: Peer, subscription: Subscription) -> None:
        """Send the values now, and what changes from now on; in the server's thread."""
        self.check_room(client, subscription)
        client.subscriptions[subscription.pattern, subscription.port] = subscription
        self._send_changes(client, subscription, {})

    def next_due(self) -> float:
        """Time of the next scheduled message or subscription, by `time.monotonic`."""
        due = [self._scheduled.next_due()]
        for client in self.clients():
            due += [each.due() for each in client.subscriptions.values()]
        return min(due)

    def update(self) -> None:
        """Send what changed to whom it is due; end leases."""
        now = time.monotonic()
        sent: dict[str, Args] = {}
        for client in self.clients():
            for key, subscription in list(client.subscriptions.items()):
                if client.left(subscription) <= 0:
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
                client.send_error(node.address, "too_large", f"{len(packet)} bytes: ask over TCP")
            elif client.send_packet(packet, subscription.port):
                subscription.seen[node.address] = value
