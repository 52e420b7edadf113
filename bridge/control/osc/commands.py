"""The commands of the OSC server itself, as a table and as what they do."""

import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.node import RefusalError
from restem.bridge.control.osc.peers import (
    FASTEST_HZ,
    LEASE_SECONDS,
    LONGEST_LEASE,
    RATE_HZ,
    SLOWEST_HZ,
    Peer,
)
from restem.bridge.control.osc.service import Dispatcher


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


class Commands:
    """Obeys them for a service."""

    def __init__(self, service: Dispatcher) -> None:
        self._service = service
        for row in COMMANDS:
            if row.address != "error":  # which is only sent
                service.add_command(f"{ROOT}/{row.address}", getattr(self, f"_{row.address}"))

    def _ping(self, client: Peer, args: Args) -> None:
        self._service.note(client.send(f"{ROOT}/pong", *coming_back(args)))

    def _sync(self, client: Peer, args: Args) -> None:
        def answer() -> None:
            self._service.note(client.send(f"{ROOT}/synced", *coming_back(args)))

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
        rate = number_in(numbers, 0, RATE_HZ, SLOWEST_HZ, FASTEST_HZ)
        lease = number_in(numbers, 1, LEASE_SECONDS, 0.1, LONGEST_LEASE)
        port = int(number_in(numbers, 2, 0, 0, 65535)) or None
        subscription = self._service.subscription(wanted, rate, lease, port)
        self._service.note(client.send(f"{ROOT}/subscribe", wanted, rate, lease))
        self._service.subscribe(client, subscription)

    def _renew(self, client: Peer, args: Args) -> None:
        lease = number_in(args, 0, 0, 0.1, LONGEST_LEASE) if args else None
        if not client.subscriptions:
            raise RefusalError("no_subscription", "you have no subscription; it may have ended")
        for subscription in client.subscriptions.values():
            subscription.renew(lease)
        self._service.note(client.send(f"{ROOT}/renew", len(client.subscriptions)))

    def _unsubscribe(self, client: Peer, args: Args) -> None:
        ended = [key for key in client.subscriptions if not args or key[0] == args[0]]
        if not ended:
            raise RefusalError("no_subscription", "you have no such subscription")
        for key in ended:
            del client.subscriptions[key]
        self._service.note(client.send(f"{ROOT}/unsubscribe", len(ended)))

    def _subscribers(self, client: Peer, _: Args) -> None:
        now = time.monotonic()
        rows = [
            (c.name, s.pattern, s.rate_hz, max(0.0, s.ends - now))
            for c in self._service.clients()
            for s in c.subscriptions.values()
        ]
        self._service.note(client.send(f"{ROOT}/subscribers", len(rows)))
        for row in rows:
            self._service.note(client.send(f"{ROOT}/subscriber", *row))

    def _dump(self, client: Peer, _: Args) -> None:
        values = self._service.control.read_all(self._service.control.find(ROOT))
        for address, args in values.items():
            self._service.note(client.send(address, *args))
        self._service.note(client.send(f"{ROOT}/dumped", len(values)))

    def _echo(self, client: Peer, args: Args) -> None:
        if args:
            client.echo = bool(args[0])
        self._service.note(client.send(f"{ROOT}/echo", int(client.echo)))

    def _reply_to(self, client: Peer, args: Args) -> None:
        if args:
            client.port = int(number_in(args, 0, 0, 0, 65535)) or None
        self._service.note(client.send(f"{ROOT}/reply_to", client.port or 0))

    def _auth(self, client: Peer, args: Args) -> None:
        given = args[0] if args and isinstance(args[0], str) else ""
        if self._service.passphrase:
            client.authorised = hmac.compare_digest(
                given.encode(), self._service.passphrase.encode()
            )
            if not client.authorised:
                raise RefusalError("auth", "this is not the passphrase")
        self._service.note(client.send(f"{ROOT}/auth", 1))


def coming_back(args: Args) -> Args:
    """Argument to echo to a client: at most one number or short text.

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
