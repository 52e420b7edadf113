"""The commands of the OSC server itself, as a table and as what they do."""

import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.node import RefusalError
from restem.bridge.control.osc.peers import (
    FASTEST_HZ,
    LEASE_SECONDS,
    LONGEST_LEASE,
    RATE_HZ,
    SHORTEST_LEASE,
    SLOWEST_HZ,
    Peer,
)
from restem.bridge.control.osc.service import ALIVE, Dispatcher

FREE_TRIES = 3  # wrong passphrases of a host before it has to wait
LONGEST_WAIT = 60.0  # seconds
HOSTS = 1000  # whose wrong passphrases are remembered


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
        "(10) times a second, until the lease ends; if you give none, until you have asked for "
        "nothing for 10 s. To another port of yours if you say so. Answers with pattern, rate and "
        "lease as they are.",
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


class Commands:
    """Obeys them for a service."""

    def __init__(self, service: Dispatcher) -> None:
        self._service, self._doorkeeper = service, Doorkeeper(service.notify)
        for row in COMMANDS:
            if row.address != "error":  # which is only sent
                service.add_command(f"{ROOT}/{row.address}", getattr(self, f"_{row.address}"))
        service.add_command(ALIVE, lambda client, args: None)

    def _ping(self, client: Peer, args: Args) -> None:
        self._service.count_unsent(client.send(f"{ROOT}/pong", *coming_back(args)))

    def _sync(self, client: Peer, args: Args) -> None:
        def answer() -> None:
            self._service.count_unsent(client.send(f"{ROOT}/synced", *coming_back(args)))

        if len(args) != 1:
            raise RefusalError("wrong_count", "sync takes a number, which comes back")
        if client.jobs:
            self._service.in_background(client, lambda: answer)
        else:
            answer()

    def _subscribe(self, client: Peer, args: Args) -> None:
        wanted, *numbers = args or ("",)
        if not isinstance(wanted, str) or not wanted or len(args) > 4:
            raise RefusalError("wrong_type", "subscribe takes pattern [rate_hz] [lease_s] [port]")
        rate, rate_clipped = clipped(numbers, 0, "rate_hz", RATE_HZ, SLOWEST_HZ, FASTEST_HZ)
        lease, lease_clipped = lease_in(numbers, 1)
        port = port_in(self._service, client, numbers, 2)
        subscription = self._service.subscription(wanted, rate, lease, port)
        subscription.lasting = len(numbers) < 2
        self._service.check_room(client, subscription)
        self._notify_clipped(client, "subscribe", rate_clipped, lease_clipped)
        self._service.count_unsent(client.send(f"{ROOT}/subscribe", wanted, rate, lease))
        self._service.subscribe(client, subscription)

    def _renew(self, client: Peer, args: Args) -> None:
        lease, lease_clipped = lease_in(args, 0)
        if not client.subscriptions:
            raise RefusalError("no_subscription", "you have no subscription; it may have ended")
        for subscription in client.subscriptions.values():
            subscription.renew(lease if args else None)
        self._notify_clipped(client, "renew", lease_clipped)
        self._service.count_unsent(client.send(f"{ROOT}/renew", len(client.subscriptions)))

    def _notify_clipped(self, client: Peer, command: str, *texts: str) -> None:
        for text in filter(None, texts):
            self._service.notify_clipped(client, f"{ROOT}/{command}", text)

    def _unsubscribe(self, client: Peer, args: Args) -> None:
        ended = [key for key in client.subscriptions if not args or key[0] == args[0]]
        if not ended:
            raise RefusalError("no_subscription", "you have no such subscription")
        for key in ended:
            del client.subscriptions[key]
        self._service.count_unsent(client.send(f"{ROOT}/unsubscribe", len(ended)))

    def _subscribers(self, client: Peer, _: Args) -> None:
        rows = [
            (c.name, s.pattern, s.rate_hz, max(0.0, c.left(s)))
            for c in self._service.clients()
            for s in c.subscriptions.values()
        ]
        self._service.count_unsent(client.send(f"{ROOT}/subscribers", len(rows)))
        for row in rows:
            self._service.count_unsent(client.send(f"{ROOT}/subscriber", *row))

    def _dump(self, client: Peer, _: Args) -> None:
        values = self._service.control.read_all(self._service.control.find(ROOT))
        for address, args in values.items():
            self._service.count_unsent(client.send(address, *args))
        self._service.count_unsent(client.send(f"{ROOT}/dumped", len(values)))

    def _echo(self, client: Peer, args: Args) -> None:
        if args:
            if not isinstance(args[0], bool | int | float):
                raise RefusalError("wrong_type", f"echo takes 0 or 1, got {args[0]!r}")
            client.echo = bool(args[0])
        self._service.count_unsent(client.send(f"{ROOT}/echo", int(client.echo)))

    def _reply_to(self, client: Peer, args: Args) -> None:
        if args:
            client.port = port_in(self._service, client, args, 0)
        self._service.count_unsent(client.send(f"{ROOT}/reply_to", client.port or 0))

    def _auth(self, client: Peer, args: Args) -> None:
        given = args[0] if args and isinstance(args[0], str) else ""
        if self._service.passphrase:
            self._doorkeeper.check_patience(client.host)
            client.authorised = hmac.compare_digest(
                given.encode(), self._service.passphrase.encode()
            )
            if not client.authorised:
                self._doorkeeper.note_wrong(client.host)
                raise RefusalError("auth", "this is not the passphrase")
            self._doorkeeper.forget(client.host)
        self._service.count_unsent(client.send(f"{ROOT}/auth", 1))


def coming_back(args: Args) -> Args:
    """Argument to echo to a client: at most one number or short text.

    Raises:
        RefusalError: it is something else.
    """
    if len(args) > 1 or any(isinstance(arg, bytes) or len(str(arg)) > 300 for arg in args):
        raise RefusalError("wrong_type", "takes one number or short text, which comes back")
    return args


class Doorkeeper:
    """Wrong passphrases of each host: after a few, the next ones have to wait, ever longer.

    Args:
        notify: gets a line when a host has to wait for the first time.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._wrong: dict[str, tuple[int, float]] = {}  # how many, and until when to wait

    def check_patience(self, host: str) -> None:
        """Refuse a host that has to wait."""
        _, until = self._wrong.get(host, (0, 0.0))
        left = until - time.monotonic()
        if left > 0:
            raise RefusalError("auth", f"too many wrong passphrases; wait for {left:.1f} s")

    def note_wrong(self, host: str) -> None:
        """Count a wrong passphrase."""
        number = self._wrong.pop(host, (0, 0.0))[0] + 1
        wait = min(2.0 ** (number - FREE_TRIES), LONGEST_WAIT) if number > FREE_TRIES else 0.0
        self._wrong[host] = number, time.monotonic() + wait
        if number == FREE_TRIES + 1:
            self._notify(f"OSC: {host} sent {number} wrong passphrases; it has to wait now")
        if len(self._wrong) > HOSTS:
            del self._wrong[next(iter(self._wrong))]

    def forget(self, host: str) -> None:
        """Forget the wrong ones of a host that knew the right one."""
        self._wrong.pop(host, None)


def number_in(args: Sequence[object], index: int, default: float) -> float:
    """An optional number among arguments.

    Raises:
        RefusalError: it is no number.
    """
    if index >= len(args):
        return default
    number = args[index]
    if isinstance(number, bool) or not isinstance(number, int | float) or number != number:
        raise RefusalError("wrong_type", f"expected a number, got {number!r}")
    return float(number)


def clipped(
    args: Sequence[object], index: int, name: str, default: float, least: float, largest: float
) -> tuple[float, str]:
    """An optional number among arguments, clipped, and a line about that, empty if it was not.

    Raises:
        RefusalError: it is no number.
    """
    given = number_in(args, index, default)
    number = min(max(given, least), largest)
    text = f"{name} {given:g} is not in [{least:g}, {largest:g}]: {number:g}"
    return number, "" if number == given else text


def lease_in(args: Sequence[object], index: int) -> tuple[float, str]:
    """A lease in seconds among arguments; as `clipped`."""
    return clipped(args, index, "lease_s", LEASE_SECONDS, SHORTEST_LEASE, LONGEST_LEASE)


def port_in(service: Dispatcher, client: Peer, args: Sequence[object], index: int) -> int | None:
    """A port of a client's host among arguments, None for 0 or if there is none.

    Raises:
        RefusalError: it is no port, or restem's own.
    """
    number = number_in(args, index, 0)
    if not 0 <= number <= 65535 or number != int(number):
        raise RefusalError("wrong_type", f"port must be a whole number to 65535, got {number:g}")
    port = int(number)
    if service.is_own(client.host, port):
        raise RefusalError("own_port", f"port {port} is restem's own; say where you listen")
    return port or None
