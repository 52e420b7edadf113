"""The OSC server: one thread that reads, obeys in order, answers, and keeps subscribers up to date.

    UDP ──► a socket and a queue for each client ──► one packet of each in turn ─┬─► Control
    TCP ──┘                                                                      └─► commands
    subscriptions ◄── values that changed, at each client's own rate

On UDP the first packet of a client comes in through the common socket. The next ones have one of
their own, connected to the client, wherever the system allows two of the same port: so a flood
fills its sender's buffer, not the others'.

A bundle is one moment: all its changes begin at one sample, or, if one is refused, none is made.
One with a time in the future is handed to the mixer at once, which begins it at that sample;
its other messages wait here. Nothing in this thread sleeps or waits; what takes long runs in
another one and answers later.
"""

import errno
import heapq
import hmac
import ipaddress
import itertools
import math
import selectors
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from bridge.control import (
    ROOT,
    Answer,
    Control,
    Node,
    RefusalError,
    as_arg,
    parameter_address,
)
from bridge.osc.clients import (
    FASTEST_HZ,
    LEASE_SECONDS,
    LONGEST_LEASE,
    RATE_HZ,
    SLOWEST_HZ,
    WAITING,
    Client,
    Connection,
    Subscription,
)
from bridge.osc.packets import Args, Bundle, Message, PacketError, decode, encode
from streamer.mixer import Setting

HOST, PORT = "127.0.0.1", 7770
RECEIVE_BUFFER = 8 << 20  # bytes; the system may allow less
DRAINED = 500  # packets read from a socket before any is obeyed
TURN_SECONDS = 0.01  # of obeying, before the sockets are looked at again
WAITING_BYTES = 64 << 20  # of all clients' packets that wait for their turn
CLIENTS = 500  # UDP senders that are remembered
IDLE_SECONDS = 600.0  # after which one that has no subscription is forgotten
CONNECTIONS = 64
FARTHEST_SECONDS = 3600.0  # that a bundle may be ahead
SCHEDULED = 10_000  # messages that may wait for their time
SWEEP_SECONDS = 1.0  # between two looks for leases that ended
Command = Callable[[Client, Args], None]


@dataclass(frozen=True)
class CommandRow:
    """A command of the server itself, for the tables: what it takes, and what comes back."""

    address: str
    arguments: str
    description: str


COMMANDS = (
    CommandRow("ping", "[n]", "Answers /restem/pong with the same number or text."),
    CommandRow("sync", "n", "Answers /restem/synced n once all that was sent before is done."),
    CommandRow(
        "subscribe",
        "pattern [rate_hz] [lease_s] [port]",
        "Sends what the pattern means, the values now first, then what changes, at most rate_hz "
        "(10) times a second, until the lease (10 s) ends; to another port of yours if you say "
        "so. Answers with pattern, rate and lease as they are.",
    ),
    CommandRow("renew", "[lease_s]", "Begins the leases of all your subscriptions again."),
    CommandRow("unsubscribe", "[pattern]", "Ends a subscription, or all of yours."),
    CommandRow(
        "subscribers",
        "",
        "Answers with their number, then /restem/subscriber client pattern rate_hz seconds_left.",
    ),
    CommandRow("dump", "", "Sends all values, then /restem/dumped and their number."),
    CommandRow("echo", "0 or 1", "Whether subscriptions send back what you set yourself (0)."),
    CommandRow("reply_to", "port", "Lets answers go to another port of your host; 0 ends that."),
    CommandRow("auth", "passphrase", "Lets you in where a passphrase is wanted."),
    CommandRow(
        "error", "", "Only sent: the address that was refused, a code, and why, in one line."
    ),
)


@dataclass
class Counts:
    """What came in since the server began."""

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


class OscServer:
    """Serves a `Control` until it is closed.

    Args:
        control: what is read and set.
        host: an address of this machine; 127.0.0.1 is heard by this machine alone.
        port: of UDP and TCP both; 0 for any that is free, see `port`.
        passphrase: what clients must send to /restem/auth first; None for nothing.
        allowed: networks or addresses that may talk, such as 192.168.1.0/24; all if empty.
        tell: gets a line about what concerns the user.

    Raises:
        ValueError: the address is none of this machine, the port is taken, a network is none.
    """

    def __init__(
        self,
        control: Control,
        host: str = HOST,
        port: int = PORT,
        passphrase: str | None = None,
        allowed: Sequence[str] = (),
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.control, self.host, self.counts, self._tell = control, host, Counts(), tell
        self._passphrase = passphrase
        try:
            self._allowed = [ipaddress.ip_network(text.strip()) for text in allowed]
        except ValueError as error:
            raise ValueError(f"OSC: {error}; expected e.g. 192.168.1.0/24") from error
        self._udp, self._listener = self._open(host, port)
        self.port: int = self._udp.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for sock in (self._udp, self._listener, self._woken):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._clients: dict[tuple[str, int], Client] = {}
        self._private: dict[socket.socket, tuple[str, int]] = {}  # whose they are
        self._connections: dict[socket.socket, tuple[Connection, Client]] = {}
        self._guests: list[Client] = []  # of other transports
        self._ready: dict[int, Client] = {}  # those with packets waiting, in turn
        self._waiting = 0  # bytes of them all
        self._scheduled: list[tuple[float, int, Client, Message]] = []
        self._numbers = itertools.count()
        self._posted: list[Callable[[], None]] = []
        self._background = ThreadPoolExecutor(1, "restem control")
        self._swept = time.monotonic()
        self._denied_told = False
        self._commands: dict[str, Command] = {
            f"{ROOT}/{row.address}": getattr(self, f"_{row.address}")
            for row in COMMANDS
            if row.address != "error"
        }
        self._open_to_all = {f"{ROOT}/auth", f"{ROOT}/ping"}
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="restem osc", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    @staticmethod
    def _open(host: str, port: int, tries: int = 8) -> tuple[socket.socket, socket.socket]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            family, address = found[0][0], found[0][4]
        except OSError as error:
            raise ValueError(f"OSC: {host}: {error.strerror or error}") from error
        udp = socket.socket(family, socket.SOCK_DGRAM)
        tcp = socket.socket(family, socket.SOCK_STREAM)
        try:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            udp.bind(address)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # of clients' own sockets
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind((address[0], udp.getsockname()[1], *address[2:]))
            tcp.listen(CONNECTIONS)
        except OSError as error:
            udp.close()
            tcp.close()
            if port == 0 and tries and error.errno == errno.EADDRINUSE:  # by TCP
                return OscServer._open(host, port, tries - 1)
            why = "is in use" if error.errno == errno.EADDRINUSE else f"{error.strerror}"
            raise ValueError(f"OSC: port {port} of {host} {why}; take another one") from error
        return udp, tcp

    def add_command(self, address: str, command: Command) -> None:
        """Let somebody else obey an address; before `start`. It may raise `RefusalError`."""
        self._commands[address] = command

    def post(self, work: Callable[[], None]) -> None:
        """Let the server's thread do something soon; from any thread."""
        self._posted.append(work)
        with suppress(OSError):  # full, so it wakes anyway, or closed
            self._wake.send(b"\0")

    def join(self, client: Client) -> None:
        """Let a client of another transport take part, until it leaves; from any thread."""
        self.post(lambda: self._guests.append(client))

    def leave(self, client: Client) -> None:
        """End that; from any thread."""

        def end() -> None:
            client.subscriptions.clear()
            self._forget(client)
            if client in self._guests:
                self._guests.remove(client)

        self.post(end)

    def receive(self, client: Client, packet: bytes) -> None:
        """A packet of one that joined; from any thread."""

        def take() -> None:
            self.counts.packets += 1
            self._queue(client, packet)

        self.post(take)

    def in_background(self, client: Client, work: Callable[[], Callable[[], None]]) -> None:
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

    def _done(self, client: Client, answer: Callable[[], None] | None) -> None:
        client.jobs -= 1
        if answer:
            answer()

    def broadcast(self, address: str, *args: str | int | float) -> None:
        """Send a message to all that subscribed to anything; in the server's thread."""
        for client in self._all_clients():
            if client.subscriptions:
                self._note(client.send(address, *args))

    def _all_clients(self) -> list[Client]:
        return [
            *self._clients.values(),
            *(client for _, client in self._connections.values()),
            *self._guests,
        ]

    # The thread's loop.

    def _serve(self) -> None:
        while not self._closing:
            ready = {key.fileobj: events for key, events in self._selector.select(self._patience())}
            earlier = self._udp in ready and not self._drain(self._udp)
            for sock, events in ready.items():
                if sock is self._listener:
                    self._accept()
                elif sock is self._woken:
                    self._woken.recv(4096)
                elif sock in self._private:
                    if not earlier:  # or later packets would overtake them
                        self._drain(sock)
                elif sock in self._connections:
                    self._talk(sock, events)
            posted, self._posted = self._posted, []
            for work in posted:
                work()
            try:
                self._take_turns()
                self._catch_up()
                self._update(time.monotonic())
            except Exception as error:  # a fault of ours must not end the service
                self._fault(error)

    def _catch_up(self) -> None:
        """Obey messages whose time has come."""
        while self._scheduled and self._scheduled[0][0] <= time.monotonic():
            _, _, client, message = heapq.heappop(self._scheduled)
            self._try(client, message)

    def _patience(self) -> float:
        """How long nothing is to be done, in seconds."""
        if self._ready or self._posted:
            return 0.0
        now = time.monotonic()
        due = [self._swept + SWEEP_SECONDS]
        if self._scheduled:
            due.append(self._scheduled[0][0])
        for client in self._all_clients():
            due += [subscription.due() for subscription in client.subscriptions.values()]
        return max(0.0, min(due) - now)

    def _drain(self, sock: socket.socket) -> bool:
        """Read a UDP socket; whether all of it."""
        for _ in range(DRAINED):
            try:
                packet, address = sock.recvfrom(1 << 16)
            except BlockingIOError:
                return True
            except OSError:
                continue  # a port that answers were sent to is closed
            self.counts.packets += 1
            client = self._clients.get(address[:2]) or self._welcome(address)
            if client is not None:
                self._queue(client, packet)
        return False

    def _welcome(self, address: tuple[str, int]) -> Client | None:
        if not self.may_talk(address[0]):
            return None

        def deliver(packet: bytes, port: int | None) -> bool:
            target = address if port is None else (address[0], port, *address[2:])
            try:
                self._udp.sendto(packet, target)
            except OSError:
                return False
            return True

        if len(self._clients) >= CLIENTS:
            idle = [c for c in self._clients.items() if not c[1].subscriptions and not c[1].jobs]
            self._dismiss(min(idle or self._clients.items(), key=lambda item: item[1].heard)[0])
        self._clients[address[:2]] = Client(f"{address[0]}:{address[1]}", address[0], deliver)
        own = socket.socket(self._udp.family, socket.SOCK_DGRAM)
        try:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            own.setblocking(False)
            own.bind(self._udp.getsockname())
            own.connect(address)
        except OSError:
            own.close()  # then the common socket has to do
        else:
            self._private[own] = address[:2]
            self._selector.register(own, selectors.EVENT_READ)
        return self._clients[address[:2]]

    def _dismiss(self, address: tuple[str, int]) -> None:
        """Forget a UDP client."""
        self._forget(self._clients.pop(address))
        for sock in [sock for sock, whose in self._private.items() if whose == address]:
            del self._private[sock]
            self._selector.unregister(sock)
            sock.close()

    def may_talk(self, host: str) -> bool:
        """Whether an address is among those that are allowed; if not, that is counted and told."""
        where = ipaddress.ip_address(host.partition("%")[0])
        if not self._allowed or any(where in network for network in self._allowed):
            return True
        self.counts.denied += 1
        if not self._denied_told:
            self._denied_told = True
            self._tell(f"OSC: {host} is not among the hosts that are allowed; it is not heard")
        return False

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError:
            return
        if len(self._connections) >= CONNECTIONS or not self.may_talk(address[0]):
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock)
        client = Client(f"tcp {address[0]}:{address[1]}", address[0], connection.deliver)
        self._connections[sock] = connection, client
        self._selector.register(sock, selectors.EVENT_READ)

    def _talk(self, sock: socket.socket, events: int) -> None:
        connection, client = self._connections[sock]
        if events & selectors.EVENT_WRITE:
            connection.flush()
        if events & selectors.EVENT_READ:
            try:
                received = sock.recv(1 << 16)
                connection.is_open &= bool(received)
                for packet in connection.framing.feed(received):
                    self.counts.packets += 1
                    self._queue(client, packet)
            except BlockingIOError:
                pass
            except OSError:
                connection.is_open = False
            except PacketError as error:
                self.counts.malformed += 1
                client.complain("", "malformed", f"{error}; the connection is closed")
                connection.is_open = False
        if not connection.is_open:
            self._hang_up(sock)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.backlog else 0)
        if self._selector.get_key(sock).events != wanted:
            self._selector.modify(sock, wanted)

    def _hang_up(self, sock: socket.socket) -> None:
        _, client = self._connections.pop(sock)
        client.subscriptions.clear()
        self._forget(client)
        self._selector.unregister(sock)
        sock.close()

    def _forget(self, client: Client) -> None:
        """Drop what a client still wanted."""
        self._ready.pop(id(client), None)
        self._waiting -= sum(map(len, client.waiting))
        client.waiting.clear()

    def _queue(self, client: Client, packet: bytes) -> None:
        if len(client.waiting) >= WAITING or self._waiting > WAITING_BYTES:
            client.lost += 1
            self.counts.lost += 1
            if client.lost % WAITING == 1:
                client.complain("", "too_fast", f"packets come too fast; {client.lost} were lost")
            return
        client.waiting.append(packet)
        self._waiting += len(packet)
        self._ready[id(client)] = client

    def _take_turns(self) -> None:
        """Obey some packets, one of each client that waits, and again."""
        until = time.monotonic() + TURN_SECONDS
        while self._ready and time.monotonic() < until:
            for number, client in list(self._ready.items()):
                packet = client.waiting.popleft()
                self._waiting -= len(packet)
                if not client.waiting:
                    del self._ready[number]
                self._receive(client, packet)

    def _fault(self, error: Exception) -> None:
        self.counts.faults += 1
        if self.counts.faults == 1:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._tell(f"OSC: a fault in {where.name}: {type(error).__name__}: {error}; it goes on")

    # What is asked.

    def _receive(self, client: Client, packet: bytes) -> None:
        client.heard = time.monotonic()
        try:
            bundles = decode(packet)
        except PacketError as error:
            self.counts.malformed += 1
            self._note(client.complain("", "malformed", f"{error}"))
            return
        for bundle in bundles:
            try:
                self._obey_bundle(client, bundle)
            except Exception as error:  # a fault of ours must not end the service
                self._fault(error)
                self._refuse(client, "", "fault", "restem failed at this; it goes on")

    def _obey_bundle(self, client: Client, bundle: Bundle) -> None:
        """Make a bundle's changes as one, and obey its other messages in their order."""
        self.counts.messages += len(bundle.messages)
        ahead = 0.0 if bundle.time is None else bundle.time - time.time()
        due = time.monotonic() + ahead
        if ahead > FARTHEST_SECONDS:
            self._refuse(client, "", "too_far", f"a time {ahead:.0f} s from now")
            return
        if bundle.time is not None and ahead < 0:
            self.counts.late_bundles += 1
        timed = ahead > 0
        if timed and len(self._scheduled) + len(bundle.messages) > SCHEDULED:
            self._refuse(client, "", "too_many", f"more than {SCHEDULED} messages wait already")
            return
        changes: list[Setting] = []
        answer = Answer()
        others: list[Message] = []
        for message in bundle.messages:
            try:
                mine = self._changes(client, message, answer)
            except RefusalError as error:
                self._refuse(client, message.address, error.code, str(error))
                return
            if mine is None:
                others.append(message)
            changes += mine or ()
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

    def _changes(self, client: Client, message: Message, answer: Answer) -> list[Setting] | None:
        """The mixer's changes that a message asks for; None if it asks for something else."""
        if message.address in self._commands or not message.args:
            return None
        self.check_let_in(client, message.address)
        nodes = self.control.find(message.address)
        movable = [node for node in nodes if node.parameter is not None]
        if not movable:
            return None
        return [self.control.change_of(node, message.args, answer) for node in movable]

    def check_let_in(self, client: Client, address: str) -> None:
        """Refuse what wants the passphrase to a client that has not sent it."""
        if self._passphrase and not client.authorised and address not in self._open_to_all:
            raise RefusalError("auth", f"send the passphrase to {ROOT}/auth first")

    def _try(self, client: Client, message: Message) -> None:
        try:
            self._obey(client, message)
        except RefusalError as error:
            self._refuse(client, message.address, error.code, str(error))

    def _refuse(self, client: Client, address: str, code: str, text: str) -> None:
        self.counts.refused += 1
        self._note(client.complain(address, code, text))

    def _say_clipped(self, client: Client, answer: Answer) -> None:
        for address, text in answer.clipped:
            self.counts.clipped += 1
            self._note(client.complain(address, "clipped", text))

    def _note(self, sent: bool) -> None:
        self.counts.unsent += not sent

    def _obey(self, client: Client, message: Message) -> None:
        """Obey one message that is no change of the mixer's."""
        self.check_let_in(client, message.address)
        command = self._commands.get(message.address)
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
                self._note(client.send(address, *args))

    def _write(self, client: Client, node: Node, args: Args) -> None:
        if node.touches_files and not client.may_touch_files:
            raise RefusalError("auth", f"{node.address} is for this machine, or with a passphrase")
        if not node.slow:
            self._say_clipped(client, self.control.write(node, args))
            return

        def work() -> Callable[[], None]:
            try:
                self.control.write(node, args)
            except RefusalError as error:
                code, text = error.code, str(error)
                return lambda: self._refuse(client, node.address, code, text)
            if not node.readable:
                return lambda: None
            value = self.control.read(node)
            return lambda: self._note(client.send(node.address, *value))

        self.in_background(client, work)

    # Commands.

    def _ping(self, client: Client, args: Args) -> None:
        self._note(client.send(f"{ROOT}/pong", *coming_back(args)))

    def _sync(self, client: Client, args: Args) -> None:
        def answer() -> None:
            self._note(client.send(f"{ROOT}/synced", *coming_back(args)))

        if len(args) != 1:
            raise RefusalError("wrong_count", "sync takes a number, which comes back")
        if client.jobs:
            self.in_background(client, lambda: answer)
        else:
            answer()

    def _subscribe(self, client: Client, args: Args) -> None:
        wanted, *numbers = args or ("",)
        if not isinstance(wanted, str) or not wanted or len(args) > 4:
            raise RefusalError("wrong_type", "subscribe takes pattern [rate_hz] [lease_s] [port]")
        rate = number_in(numbers, 0, RATE_HZ, SLOWEST_HZ, FASTEST_HZ)
        lease = number_in(numbers, 1, LEASE_SECONDS, 0.1, LONGEST_LEASE)
        port = int(number_in(numbers, 2, 0, 0, 65535)) or None
        subscription = self.subscription(wanted, rate, lease, port)
        self._note(client.send(f"{ROOT}/subscribe", wanted, rate, lease))
        self.subscribe(client, subscription)

    def _renew(self, client: Client, args: Args) -> None:
        lease = number_in(args, 0, 0, 0.1, LONGEST_LEASE) if args else None
        if not client.subscriptions:
            raise RefusalError("no_subscription", "you have no subscription; it may have ended")
        for subscription in client.subscriptions.values():
            subscription.renew(lease)
        self._note(client.send(f"{ROOT}/renew", len(client.subscriptions)))

    def _unsubscribe(self, client: Client, args: Args) -> None:
        ended = [key for key in client.subscriptions if not args or key[0] == args[0]]
        if not ended:
            raise RefusalError("no_subscription", "you have no such subscription")
        for key in ended:
            del client.subscriptions[key]
        self._note(client.send(f"{ROOT}/unsubscribe", len(ended)))

    def _subscribers(self, client: Client, _: Args) -> None:
        now = time.monotonic()
        rows = [
            (c.name, s.pattern, s.rate_hz, max(0.0, s.ends - now))
            for c in self._all_clients()
            for s in c.subscriptions.values()
        ]
        self._note(client.send(f"{ROOT}/subscribers", len(rows)))
        for row in rows:
            self._note(client.send(f"{ROOT}/subscriber", *row))

    def _dump(self, client: Client, _: Args) -> None:
        values = self.control.read_all(self.control.find(ROOT))
        for address, args in values.items():
            self._note(client.send(address, *args))
        self._note(client.send(f"{ROOT}/dumped", len(values)))

    def _echo(self, client: Client, args: Args) -> None:
        if args:
            client.echo = bool(args[0])
        self._note(client.send(f"{ROOT}/echo", int(client.echo)))

    def _reply_to(self, client: Client, args: Args) -> None:
        if args:
            client.port = int(number_in(args, 0, 0, 0, 65535)) or None
        self._note(client.send(f"{ROOT}/reply_to", client.port or 0))

    def _auth(self, client: Client, args: Args) -> None:
        given = args[0] if args and isinstance(args[0], str) else ""
        if self._passphrase:
            client.authorised = hmac.compare_digest(given.encode(), self._passphrase.encode())
            if not client.authorised:
                raise RefusalError("auth", "this is not the passphrase")
        self._note(client.send(f"{ROOT}/auth", 1))

    # Subscriptions.

    def subscription(
        self, wanted: str, rate_hz: float, lease: float = math.inf, port: int | None = None
    ) -> Subscription:
        """What an address or a pattern means, to be subscribed to.

        Raises:
            RefusalError: there is none, or it has no value.
        """
        nodes = tuple(node for node in self.control.find(wanted) if node.readable)
        if not nodes:
            raise RefusalError("write_only", f"{wanted} has no value")
        return Subscription(wanted, nodes, rate_hz, lease, time.monotonic() + lease, port)

    def subscribe(self, client: Client, subscription: Subscription) -> None:
        """Send the values now, and what changes from now on; in the server's thread."""
        client.subscriptions[subscription.pattern, subscription.port] = subscription
        self._send_changes(client, subscription, {})

    def _update(self, now: float) -> None:
        """Send what changed to whom it is due; end leases."""
        sent: dict[str, Args] = {}
        for client in self._all_clients():
            for key, subscription in list(client.subscriptions.items()):
                if now >= subscription.ends:
                    del client.subscriptions[key]
                elif now >= subscription.due():
                    self._send_changes(client, subscription, sent)
        if now - self._swept > SWEEP_SECONDS:
            self._swept = now
            for address, client in list(self._clients.items()):
                if now - client.heard > IDLE_SECONDS and not (client.subscriptions or client.jobs):
                    self._dismiss(address)
            for sock, (connection, _) in list(self._connections.items()):
                if not connection.is_open:
                    self._hang_up(sock)

    def _send_changes(
        self, client: Client, subscription: Subscription, known: dict[str, Args]
    ) -> None:
        """Send the values that a subscriber has not seen; `known` are those read this time."""
        missing = [node for node in subscription.nodes if node.address not in known]
        known.update(self.control.read_all(missing))
        subscription.last = time.monotonic()
        for node in subscription.nodes:
            value = known[node.address]
            if subscription.seen.get(node.address) != value and client.send_packet(
                encode(node.address, *value), subscription.port
            ):
                subscription.seen[node.address] = value

    def close(self) -> None:
        """Say good-bye to subscribers, end what is under way."""
        self._background.shutdown(cancel_futures=True)

        def end() -> None:
            self.broadcast(f"{ROOT}/shutdown")
            self._closing = True

        self.post(end)
        if self._thread.ident is not None:
            self._thread.join()
        for sock in list(self._connections):
            self._hang_up(sock)
        self._selector.close()
        for sock in (*self._private, self._udp, self._listener, self._wake, self._woken):
            sock.close()

    def __enter__(self) -> "OscServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def coming_back(args: Args) -> Args:
    """What a client wants to hear again: at most one number or short text.

    Raises:
        RefusalError: it is something else.
    """
    if len(args) > 1 or any(isinstance(arg, bytes) or len(str(arg)) > 300 for arg in args):
        raise RefusalError("wrong_type", "takes one number or short text, which comes back")
    return args


def number_in(
    args: Iterable[object], index: int, default: float, least: float, largest: float
) -> float:
    """An optional number among arguments, clipped.

    Raises:
        RefusalError: it is no number.
    """
    given = list(args)
    if index >= len(given):
        return default
    number = given[index]
    if isinstance(number, bool) or not isinstance(number, int | float) or number != number:
        raise RefusalError("wrong_type", f"expected a number, got {number!r}")
    return min(max(float(number), least), largest)
