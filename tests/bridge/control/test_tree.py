"""Switches that are flipped, numbers that are moved by steps, solos that are cleared."""

from collections.abc import Iterator

import pytest

from restem.bridge.control.osc.codec import Message
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.streamer.mixer.parameters import parameter
from tests.support.engine_player import until
from tests.support.midi_desk import MUTE, Desk
from tests.support.osc_console import Console, StillSession, run

GAIN = "/restem/stem/vocals/gain_db"


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def server(session: StillSession) -> Iterator[OscServer]:
    with OscServer(ControlTree(session), port=0) as server:
        yield server


@pytest.fixture
def console(server: OscServer) -> Console:
    return Console(server)


@pytest.fixture
def second(server: OscServer) -> ControlTree:
    """A further session's tree, mounted at /restem/2."""
    tree = ControlTree(StillSession(), root="/restem/2")
    server.mount(tree)
    return tree


def mutes(session: StillSession) -> list[str]:
    return [strip for strip in session.mixer.strips if session.mixer.get("mute", strip)]


@pytest.mark.parametrize("address", [MUTE, "/restem/stem/1/mute", "/restem/stem/{vocals,1}/mute"])
def test_a_switch_is_flipped_by_a_button(
    console: Console, session: StillSession, address: str
) -> None:
    for given, muted in (((), ["vocals"]), ((1.0,), []), ((0.0,), []), ((1,), ["vocals"])):
        assert console.ask(f"{address}/toggle", *given) == []
        assert mutes(session) == muted


def test_a_pattern_flips_every_switch_that_it_means(
    console: Console, session: StillSession
) -> None:
    console.ask("/restem/stem/bass/mute", 1)
    assert console.ask("/restem/stem/{vocals,bass}/mute/toggle") == []
    assert mutes(session) == ["vocals"]
    assert console.ask("/restem/toggle", "/restem/stem/{vocals,bass}/mute") == []
    assert mutes(session) == ["bass"]
    assert console.ask("/restem/record/toggle") == []
    assert session.state == "recording"


def test_a_number_moves_by_steps_within_its_range(console: Console, session: StillSession) -> None:
    highest = parameter("gain_db").high
    for step, gain in ((-6.0, -6), (2, -4), (1000.0, highest), (-1000.0, -90)):
        assert console.ask(f"{GAIN}/inc", step) == []
        assert session.mixer.get("gain_db", "vocals") == gain
    assert console.ask("/restem/inc", "/restem/stem/*/pan", 0.25) == []
    assert {session.mixer.get("pan", strip) for strip in session.mixer.strips} == {0.25}


@pytest.mark.parametrize(
    ("address", "args", "code"),
    [
        (f"{GAIN}/toggle", (), "unknown_address"),
        (f"{MUTE}/inc", (1,), "unknown_address"),
        (f"{GAIN}/inc", ("much",), "wrong_type"),
        (f"{GAIN}/inc", (float("nan"),), "wrong_type"),
        (f"{GAIN}/inc", (1, 2), "wrong_count"),
        ("/restem/toggle", ("/restem/nothing",), "unknown_address"),
        ("/restem/toggle", (GAIN,), "unknown_address"),
        ("/restem/stem/vocals/toggle", (), "unknown_address"),
    ],
)
def test_what_cannot_be_flipped_or_moved_is_refused(
    console: Console, session: StillSession, address: str, args: tuple[object, ...], code: str
) -> None:
    before = session.mixer.now()
    assert console.error(address, *args)[1] == code
    assert session.mixer.now() == before


def test_who_flips_a_switch_is_sent_where_it_is(console: Console) -> None:
    console.ask("/restem/subscribe", MUTE, 50, 60)
    console.send(f"{MUTE}/toggle")
    assert console.until(MUTE)[-1].args == (1,)


def test_all_solos_are_cleared_at_once(console: Console, session: StillSession) -> None:
    console.ask("/restem/stem/{vocals,bass}/solo", 1)
    assert console.ask("/restem/solo/clear") == []
    assert not any(session.mixer.get("solo", strip) for strip in session.mixer.strips)


def test_relatives_are_listed_once_each(session: StillSession) -> None:
    control = ControlTree(session)
    listed = [name for name in control.nodes if name.endswith(("/toggle", "/inc"))]
    assert listed == ["/restem/toggle", "/restem/inc"]
    for name in listed:
        assert "<address>" in control.nodes[name].description


def test_a_pad_may_flip_and_clear() -> None:
    desk = Desk(
        f"channel: 1, note: 36, address: {MUTE}/toggle",
        "channel: 1, note: 37, address: /restem/solo/clear",
    )
    desk.mixer.set("solo", True, "drums")
    desk.note(36, 100, 0)
    desk.note(37, 100, 0)
    assert desk.get("mute") is True
    assert desk.get("solo", "drums") is False


def test_a_further_session_is_moved_at_its_own_root_alone(
    console: Console, session: StillSession, second: ControlTree
) -> None:
    first, other = session.mixer, second.mixer
    assert console.ask("/restem/2/stem/vocals/gain_db", -6.0) == []
    assert console.ask("/restem/2/stem/1/pan", 0.5) == []
    assert console.ask("/restem/2/stem/vocals/mute/toggle") == []
    assert console.ask("/restem/*/stem/bass/mute", 1) == []
    assert console.ask("/restem/stem/*/solo", 1) == []
    assert [other.get(name, "vocals") for name in ("gain_db", "pan", "mute", "solo")] == [
        *(-6.0, 0.5, True, False)
    ]
    assert [first.get(name, "vocals") for name in ("gain_db", "pan", "mute", "solo")] == [
        *(0.0, 0.0, False, True)
    ]
    assert (first.get("mute", "bass"), other.get("mute", "bass")) == (False, True)
    (answer,) = console.ask("/restem/2/stem/vocals/gain_db")
    assert answer == Message("/restem/2/stem/vocals/gain_db", (-6.0,))
    below = {answer.address for answer in console.ask("/restem/2")}
    assert below == {node.address for node in second.nodes.values() if not node.detail} & below
    assert "/restem/2/bypass" in below
    assert "/restem/2/stem/vocals/pan" in {answer.address for answer in console.ask("/restem")}


def test_changes_of_a_time_begin_at_each_sessions_own_position(
    server: OscServer, session: StillSession, second: ControlTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "position_at", lambda moment: 100 * moment)
    monkeypatch.setattr(second.session, "position_at", lambda moment: 1000 * moment)
    until(lambda: bool(server.control.further))
    roots = "/restem", "/restem/2", "/restem/3"
    changes = {root: [("bypass", True, None)] for root in roots}
    server.control.move_all(changes, due=1)
    mixers = session.mixer, second.mixer
    for mixer in mixers:
        run(mixer, 512)
    assert [mixer.now()["bypass", None] for mixer in mixers] == [True, False]
    run(second.mixer, 512)
    assert second.mixer.now()["bypass", None] is True


def test_a_session_that_has_left_is_subscribed_to_no_more_and_refused(
    server: OscServer, console: Console, second: ControlTree
) -> None:
    console.ask("/restem/subscribe", "/restem/2/bypass", 100.0, 60.0)
    console.ask("/restem/subscribe", "/restem/**/bypass", 100.0, 60.0)
    console.ask("/restem/subscribe", "/restem", 100.0, 60.0)
    server.unmount(second)
    second.mixer.set("bypass", True)
    console.settled()
    answers = console.ask("/restem/2/bypass", 1)
    assert [a.args[1] for a in answers if a.address == "/restem/error"] == ["unknown_address"]
    assert not [a for a in answers if a.address.startswith("/restem/2/")]
    answers = console.ask("/restem/subscribers")
    assert not any("/restem/2" in str(answer.args) for answer in answers)
    console.ask("/restem/dry_wet", 0.25)
    assert Message("/restem/dry_wet", (0.25,)) in console.ask("/restem/dry_wet")
    assert server.counts.faults == 0
