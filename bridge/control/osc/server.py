"""The OSC server: sockets, queues and one thread, in which the service obeys.

    UDP ─ one socket ───────────────┬─► a queue for each client ─► one packet of each in turn
    TCP ─ a socket for each client ─┘                                  └─► Dispatcher

The UDP socket is drained often, and far more is read than obeyed: so a flood fills its sender's
queue, and the others' packets are not lost behind it. No other program can share its port.
"""

import errno
import ipaddress
import selectors
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import lru_cache

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.node import Node
from restem.bridge.control.osc.codec import PacketError
from restem.bridge.control.osc.commands import Commands
from restem.bridge.control.osc.counts import Counts
from restem.bridge.control.osc.peers import WAITING, Connection, Peer, plain_address
from restem.bridge.control.osc.service import Dispatcher
from restem.bridge.control.tree import ControlTree

HOST, PORT = "127.0.0.1", 7770
RECEIVE_BUFFER = 8 << 20  # bytes; the system may allow less
DRAINED = 4000  # packets read from a socket before any is obeyed
TURN_SECONDS = 0.002  # of obeying, before the sockets are looked at again
WAITING_BYTES = 64 << 20  # of all clients' packets that wait for their turn
CLIENTS = 100  # UDP senders that are remembered
IDLE_SECONDS = 600.0  # after which one that has no subscription is forgotten
CONNECTIONS = 64
PAUSE_SECONDS = 0.01
SWEEP_SECONDS = 1.0  # between two looks for leases that ended


class PortTakenError(ValueError):
    """The port is already in use."""


class OscServer(Dispatcher):
    """Serves a `ControlTree` until it is closed.

    Args:
        control: what is read and set.
        host: an address of this machine; 127.0.0.1 is heard by this machine alone.
        port: of UDP and TCP both; 0 for any that is free, see `port`.
        passphrase: what clients must send to /restem/auth first; None for nothing.
        allowed: networks or addresses that may talk, such as 192.168.1.0/24; all if empty.
        notify: gets a line about what concerns the user.

    Raises:
        ValueError: the address is none of this machine, the port is taken, a network is none.
    """

    def __init__(
        self,
        control: ControlTree,
        host: str = HOST,
        port: int = PORT,
        passphrase: str | None = None,
        allowed: Sequence[str] = (),
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        super().__init__(control, passphrase, notify)
        self.host = host
        try:
            self._allowed = [ipaddress.ip_network(text.strip()) for text in allowed]
        except ValueError as error:
            raise ValueError(f"OSC: {error}; expected e.g. 192.168.1.0/24") from error
        self._udp, self._listener = self._open(host, port)
        self.port: int = self._udp.getsockname()[1]
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._selector = selectors.DefaultSelector()
        for sock in (self._udp, self._listener, self._woken):
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ)
        self._clients: dict[tuple[str, int], Peer] = {}
        self._connections: dict[socket.socket, tuple[Connection, Peer]] = {}
        self._guests: list[Peer] = []  # of other transports
        self._ready: dict[int, Peer] = {}  # those with packets waiting, in turn
        self._waiting = 0  # bytes of them all
        self._posted: deque[Callable[[], None]] = deque()
        self._swept = time.monotonic()
        self._denied_told = False
        self._closing = False
        Commands(self)
        names = [each.name for each in fields(Counts)]
        control.add(
            Node(
                f"{ROOT}/osc/counts",
                "i" * len(names),
                f"Since restem began: {', '.join(names)}.",
                read=lambda: tuple(getattr(self.counts, name) for name in names),
            )
        )
        self._thread = threading.Thread(target=self._serve, name="restem osc", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    @staticmethod
    def check_free(host: str = HOST, port: int = PORT) -> None:
        """Find out whether a server could be opened there.

        Raises:
            ValueError: as `OscServer`.
        """
        for sock in OscServer._open(host, port):
            sock.close()

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
            claim(udp)
            udp.bind(address)
            claim(tcp)
            tcp.bind((address[0], udp.getsockname()[1], *address[2:]))
            tcp.listen(CONNECTIONS)
        except OSError as error:
            udp.close()
            tcp.close()
            if port == 0 and tries and error.errno == errno.EADDRINUSE:  # by TCP
                return OscServer._open(host, port, tries - 1)
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"OSC: port {port} of {host} is in use; take another one"
                ) from error
            raise ValueError(f"OSC: port {port} of {host}: {error.strerror}") from error
        return udp, tcp

    def post(self, work: Callable[[], None]) -> None:
        """Post work to the server's thread; from any thread."""
        self._posted.append(work)
        with suppress(OSError):  # full, so it wakes anyway, or closed
            self._wake.send(b"\0")

    def is_in_turn(self) -> bool:
        return threading.get_ident() == self._thread.ident

    def join(self, client: Peer) -> None:
        """Add a client of another transport, until it leaves; from any thread."""
        self.post(lambda: self._guests.append(client))

    def leave(self, client: Peer) -> None:
        """End that; from any thread."""

        def end() -> None:
            client.subscriptions.clear()
            self._forget(client)
            if client in self._guests:
                self._guests.remove(client)

        self.post(end)

    def receive(self, client: Peer, packet: bytes) -> None:
        """A packet of one that joined; from any thread."""

        def take() -> None:
            self.counts.packets += 1
            self._queue(client, packet)

        self.post(take)

    def clients(self) -> list[Peer]:
        return [
            *self._clients.values(),
            *(client for _, client in self._connections.values()),
            *self._guests,
        ]

    # The thread's loop.

    def _serve(self) -> None:
        turn = (
            self._listen,
            self._do_posted,
            self._take_turns,
            self.catch_up,
            self.update,
            self._sweep,
        )
        while not self._closing:
            for work in turn:
                try:
                    work()
                except Exception as error:  # a fault of ours must not end the service
                    self.note_fault(error)

    def _listen(self) -> None:
        """Read what comes in, until there is something else to do."""
        ready = {key.fileobj: events for key, events in self._selector.select(self._patience())}
        for sock, events in ready.items():
            if sock is self._udp:
                self._drain()
            elif sock is self._listener:
                self._accept()
            elif sock is self._woken:
                self._woken.recv(4096)
            elif sock in self._connections:
                self._talk(sock, events)

    def _do_posted(self) -> None:
        while self._posted:
            self._posted.popleft()()

    def _sweep(self) -> None:
        """Listen to what can be sent to, and forget who is gone."""
        now = time.monotonic()
        is_time = now - self._swept > SWEEP_SECONDS
        for sock in list(self._connections):
            self._watch(sock)
        if is_time:
            self._swept = now
            for address, client in list(self._clients.items()):
                if now - client.last_seen > IDLE_SECONDS and not (
                    client.subscriptions or client.jobs
                ):
                    self._forget(self._clients.pop(address))

    def _watch(self, sock: socket.socket) -> None:
        """Wait for what it can be read or written for; hang up once nothing is left to do."""
        connection, client = self._connections[sock]
        if not connection.is_open or (connection.has_ended and not client.waiting):
            self._hang_up(sock)
            return
        reads = not connection.has_ended and len(client.waiting) < WAITING // 2
        wanted = (selectors.EVENT_READ if reads else 0) | (
            selectors.EVENT_WRITE if connection.backlog else 0
        )
        if wanted != connection.watched:
            if connection.watched:
                self._selector.unregister(sock)
            if wanted:
                self._selector.register(sock, wanted)
            connection.watched = wanted

    def _patience(self) -> float:
        """Seconds until the next deadline (select's timeout)."""
        if self._ready or self._posted:
            return 0.0
        due = min(self._swept + SWEEP_SECONDS, self.next_due())
        return max(0.0, due - time.monotonic())

    def _drain(self) -> None:
        """Read the UDP socket."""
        for _ in range(DRAINED):
            try:
                packet, address = self._udp.recvfrom(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                continue  # a port that answers were sent to is closed
            self.counts.packets += 1
            client = self._clients.get(address[:2]) or self._welcome(address)
            if client is not None:
                self._queue(client, packet)

    def _welcome(self, address: tuple[str, int]) -> Peer | None:
        if self.is_own(address[0], address[1]):
            self.counts.own += 1
            return None
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
            oldest = min(idle or self._clients.items(), key=lambda item: item[1].last_seen)[0]
            self._forget(self._clients.pop(oldest))
        client = Peer(f"{address[0]}:{address[1]}", address[0], deliver)
        self._clients[address[:2]] = client
        return client

    def is_own(self, host: str, port: int) -> bool:
        if port != self.port:
            return False
        where, bound = plain_address(host), plain_address(self._udp.getsockname()[0])
        return is_here(str(where)) if bound.is_unspecified else where == bound

    def may_talk(self, host: str) -> bool:
        """Check an address against those allowed; denials are counted, the first is reported."""
        where = plain_address(host)
        if not self._allowed or any(where in network for network in self._allowed):
            return True
        self.counts.denied += 1
        if not self._denied_told:
            self._denied_told = True
            self.notify(f"OSC: {host} is not among the hosts that are allowed; it is not heard")
        return False

    def _accept(self) -> None:
        try:
            sock, address = self._listener.accept()
        except OSError:
            time.sleep(PAUSE_SECONDS)  # there are too many, and it stays readable
            return
        if len(self._connections) >= CONNECTIONS or not self.may_talk(address[0]):
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock)
        client = Peer(f"tcp {address[0]}:{address[1]}", address[0], connection.deliver)
        self._connections[sock] = connection, client
        self._watch(sock)

    def _talk(self, sock: socket.socket, events: int) -> None:
        connection, client = self._connections[sock]
        if events & selectors.EVENT_WRITE:
            connection.flush()
        if events & selectors.EVENT_READ:
            try:
                received = sock.recv(1 << 14)
                connection.has_ended = not received
                for packet in connection.framing.feed(received):
                    self.counts.packets += 1
                    self._queue(client, packet)
            except BlockingIOError:
                pass
            except OSError:
                connection.is_open = False
            except PacketError as error:
                self.counts.malformed += 1
                client.send_error("", "malformed", f"{error}; the connection is closed")
                connection.is_open = False

    def _hang_up(self, sock: socket.socket) -> None:
        connection, client = self._connections.pop(sock)
        client.subscriptions.clear()
        self._forget(client)
        if connection.watched:
            self._selector.unregister(sock)
        sock.close()

    def _forget(self, client: Peer) -> None:
        """Drop what a client still wanted."""
        self._ready.pop(id(client), None)
        self._waiting -= sum(map(len, client.waiting))
        client.waiting.clear()

    def _queue(self, client: Peer, packet: bytes) -> None:
        if len(client.waiting) >= WAITING or self._waiting > WAITING_BYTES:
            client.lost += 1
            self.counts.lost += 1
            if client.lost % WAITING == 1:
                client.send_error("", "too_fast", f"packets come too fast; {client.lost} were lost")
            return
        client.waiting.append(packet)
        self._waiting += len(packet)
        if not client.held:
            self._ready[id(client)] = client

    def resume(self, client: Peer) -> None:
        if client.waiting:
            self._ready[id(client)] = client

    def _take_turns(self) -> None:
        """Dispatch some packets, one of each client that waits, and again."""
        until = time.monotonic() + TURN_SECONDS
        while self._ready and time.monotonic() < until:
            for number, client in list(self._ready.items()):
                packet = client.waiting.popleft()
                self._waiting -= len(packet)
                self.dispatch(client, packet)
                if not client.waiting or client.held:
                    self._ready.pop(number, None)

    def close(self) -> None:
        """Say good-bye to subscribers, end what is under way."""
        self.finish()

        def end() -> None:
            self.broadcast(f"{ROOT}/shutdown")
            self._closing = True

        self.post(end)
        if self._thread.ident is not None:
            self._thread.join()
        for sock in list(self._connections):
            self._hang_up(sock)
        self._selector.close()
        for sock in (self._udp, self._listener, self._wake, self._woken):
            sock.close()

    def __enter__(self) -> "OscServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def claim(sock: socket.socket) -> None:
    """Keep other programs from taking a socket's port; one that has ended may have had it."""
    if sys.platform == "win32":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    elif sock.type == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


@lru_cache(maxsize=256)
def is_here(host: str) -> bool:
    """True if an address is one of this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
