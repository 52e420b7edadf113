"""Clients of the server: where answers go, what each may do, and what it subscribed to."""

import ipaddress
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from restem.bridge.control.addresses import Arg, Args
from restem.bridge.control.node import Node
from restem.bridge.control.osc.codec import Framing, encode

SLOWEST_HZ, FASTEST_HZ = 0.1, 100.0
RATE_HZ, LEASE_SECONDS = 10.0, 10.0  # unless asked otherwise
SHORTEST_LEASE, LONGEST_LEASE = 0.1, 86400.0
WAITING = 8192  # packets of one client that wait for their turn
BACKLOG = 1 << 20  # bytes that a TCP client may be behind
ANSWERS = 32  # to one client that are remembered
ECHOES, ECHO_SECONDS = 8, 2.0  # of them that may come back in so long; more are a loop
ERRORS_A_SECOND = 50  # that one client is told; the rest is counted


@dataclass
class Subscription:
    """Nodes that one client reads, how often, and until when (`time.monotonic`).

    A `lasting` one begins its lease anew with all that its client has done.
    """

    pattern: str
    nodes: tuple[Node, ...]
    rate_hz: float
    lease: float  # seconds
    ends: float
    port: int | None  # of the client's host; None: where its answers go
    lasting: bool = False
    seen: dict[str, Args] = field(default_factory=dict)
    last: float = -math.inf

    def due(self) -> float:
        """Due time of the next values, on a grid that all of one rate share."""
        return math.floor(self.last * self.rate_hz + 1) / self.rate_hz if self.last > 0 else 0.0

    def renew(self, lease: float | None = None) -> None:
        if lease is not None:
            self.lease, self.lasting = lease, False
        self.ends = time.monotonic() + self.lease


class Peer:
    """One sender of packets; `deliver` takes what is sent to it, and a port of its host or None."""

    def __init__(
        self,
        name: str,
        host: str,
        deliver: Callable[[bytes, int | None], bool],
        is_page: bool = False,
    ) -> None:
        """`is_page`: a page in a browser, of any origin."""
        self.name, self.host, self._deliver, self.is_page = name, host, deliver, is_page
        self.waiting: deque[bytes] = deque()
        self.subscriptions: dict[tuple[str, int | None], Subscription] = {}
        self.authorised, self.echo = False, False
        self.port: int | None = None  # where answers go, if not where its packets come from
        self.last_seen = time.monotonic()
        self.last_done = -math.inf  # when something that it asked for was done
        self.lost = 0  # packets that came too fast
        self.jobs = 0  # commands under way in the background
        self.held = 0  # those of them that its later packets wait for
        self.stale = 0  # packets that waited for those while a panic came
        self.timed: list[float] = []  # when its timed messages are due, a heap
        self.is_quiet = False  # what it sends is not answered
        self._answers: deque[bytes] = deque(maxlen=ANSWERS)  # what it was sent
        self._echoes: deque[float] = deque(maxlen=ECHOES)  # when it sent such a thing
        self._errors: deque[float] = deque(maxlen=ERRORS_A_SECOND)

    def left(self, subscription: Subscription) -> float:
        """Seconds until a subscription of this client ends."""
        ends = subscription.ends
        if subscription.lasting:
            ends = max(ends, self.last_done + subscription.lease)
        return ends - time.monotonic()

    @property
    def may_touch_files(self) -> bool:
        """True if the client is local or knows the passphrase."""
        is_here = plain_address(self.host).is_loopback and not self.is_page
        return self.authorised or is_here

    def send(self, address: str, *args: Arg, port: int | None = None) -> bool:
        """Send an answer, unless there is to be none; False if it could not be sent."""
        packet = encode(address, *args)
        if self.is_quiet:
            return True
        if packet not in self._answers:
            self._answers.append(packet)
        return self._deliver(packet, port or self.port)

    def is_loop(self, packet: bytes) -> bool:
        """True for an answer that comes back, again and again: from another restem, whose answers
        come here as ours go there."""
        if packet not in self._answers:
            return False
        self._echoes.append(time.monotonic())
        return len(self._echoes) == ECHOES and self._echoes[-1] - self._echoes[0] < ECHO_SECONDS

    def send_packet(self, packet: bytes, port: int | None = None) -> bool:
        return self._deliver(packet, port or self.port)

    def send_error(self, address: str, code: str, text: str) -> bool:
        """Send `/restem/error`, unless this client has had so many; whether it went."""
        now = time.monotonic()
        if len(self._errors) == ERRORS_A_SECOND and now - self._errors[0] < 1:
            return False
        self._errors.append(now)
        return self.send("/restem/error", shortened(address), code, shortened(text))

    def unsubscribe_below(self, root: str) -> None:
        """Drop all nodes below an address from subscriptions."""
        for key, subscription in list(self.subscriptions.items()):
            nodes = subscription.nodes
            left = tuple(node for node in nodes if not node.address.startswith(f"{root}/"))
            subscription.nodes = left
            if not left:
                del self.subscriptions[key]

    def note_own(self, values: Mapping[str, tuple[Args, Args]]) -> None:
        """Do not send back what it set itself, unless it wants that or it came to something else.

        Args:
            values: what it sent to each address, and what that came to.
        """
        for subscription in self.subscriptions.values():
            for address in values.keys() & {node.address for node in subscription.nodes}:
                sent, value = values[address]
                if sent != value:
                    subscription.seen.pop(address, None)
                elif not self.echo:
                    subscription.seen[address] = value


class Connection:
    """A TCP client's socket: frames in, frames out, never waiting."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.framing = sock, Framing()
        self.backlog = bytearray()
        self.is_open, self.has_ended = True, False  # it may still wait for answers
        self.watched = 0  # events that the server's selector waits for

    def deliver(self, packet: bytes, _: int | None) -> bool:
        if not self.is_open or len(self.backlog) > BACKLOG:
            return False
        self.backlog += self.framing.frame(packet)
        self.flush()
        return True

    def flush(self) -> None:
        """Send what can be sent."""
        try:
            while self.backlog:
                del self.backlog[: self.sock.send(self.backlog)]
        except BlockingIOError:
            return
        except OSError:
            self.is_open = False


def plain_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Address of a peer's host; an IPv4-mapped IPv6 address becomes IPv4."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def shortened(text: str) -> str:
    """Cut a text from outside to fit a packet."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in text[:300])
    return clean if len(text) <= 300 else f"{clean}..."
