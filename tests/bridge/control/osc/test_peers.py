"""Two restems that were pointed at each other: what goes to and fro between them dies out."""

import time
from collections.abc import Iterator

import pytest

from restem.bridge.control.osc.peers import ECHOES
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from tests.support.osc_console import PATIENCE_SECONDS, Console, StillSession

QUIET_SECONDS = 0.3


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def pair() -> Iterator[tuple[OscServer, OscServer]]:
    with (
        OscServer(ControlTree(StillSession()), port=0) as one,
        OscServer(ControlTree(StillSession()), port=0) as two,
    ):
        yield one, two


def settle(*servers: OscServer) -> int:
    """Packets that came by the time that no more do."""
    until = time.monotonic() + PATIENCE_SECONDS
    seen, since = -1, time.monotonic()
    while time.monotonic() < until:
        now = sum(server.counts.packets for server in servers)
        if now != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > QUIET_SECONDS:
            return seen
        time.sleep(0.01)
    raise AssertionError(f"{seen} packets, and no end")


@pytest.mark.parametrize(
    ("address", "args"),
    [
        ("/restem/echo", (0,)),
        ("/restem/subscribe", ("/restem/bypass", 10.0, 60.0)),
        ("/restem/subscribers", ()),
        ("/restem/profile", ()),
        ("/restem/record", ()),
        ("/restem/auth", ("x",)),
        ("/restem/sync", (1,)),
        ("/restem/ping", (1,)),
        ("/restem/nothing", (1,)),
        ("/restem/preset", ("none",)),
        ("/restem/dump", ()),
    ],
)
def test_what_goes_to_and_fro_between_two_restems_dies_out(
    pair: tuple[OscServer, OscServer], address: str, args: tuple[object, ...]
) -> None:
    one, two = pair
    console = Console(one)
    console.send("/restem/reply_to", two.port)
    console.send(address, *args)
    assert settle(one, two) < 20 * ECHOES + 200
    other = Console(two)
    assert other.ask("/restem/ping", 2)[0].args == (2,)


def test_leases_of_two_restems_at_each_other_end(pair: tuple[OscServer, OscServer]) -> None:
    one, two = pair
    console = Console(one)
    console.send("/restem/reply_to", two.port)
    console.send("/restem/subscribe", "/restem/bypass", 10.0, 60.0)
    console.send("/restem/renew")
    settle(one, two)
    assert one.counts.looped + two.counts.looped > 0


def test_who_says_the_same_now_and_then_is_answered_each_time(
    pair: tuple[OscServer, OscServer],
) -> None:
    console = Console(pair[0])
    for _ in range(ECHOES - 1):
        assert console.ask("/restem/echo", 1)[0].args == (1,)


def test_switches_that_go_to_and_fro_are_all_obeyed(session: StillSession) -> None:
    mute = "/restem/stem/vocals/mute"
    with OscServer(ControlTree(session), port=0) as server:
        console = Console(server)
        for value in [1, 0] * 20 + [1]:
            console.ask(mute)  # so that the value was an answer
            console.send(mute, value)
            console.settled()
            assert session.mixer.get("mute", "vocals") is bool(value)
