"""Panic and what waits: recalls, commands and packets that are queued bring no level back."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage

from restem.bridge.control.osc.codec import encode
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.presets import Presets
from restem.bridge.control.tree import ControlTree
from tests.support.jack_server import until
from tests.support.osc_console import PATIENCE_SECONDS, Console, StillSession

MASTER = "/restem/master_gain_db"


@pytest.fixture
def session() -> StillSession:
    return StillSession()


@pytest.fixture
def box(session: StillSession, tmp_path: Path) -> Presets:
    """Presets with one, "loud", at 0 dB."""
    box = Presets(session.mixer, tmp_path)
    box.save("loud")
    return box


@pytest.fixture
def server(session: StillSession, box: Presets) -> Iterator[OscServer]:
    control = ControlTree(session, box.nodes())
    control.cancellers.append(box.cancel)
    with OscServer(control, port=0) as server:
        yield server


@pytest.fixture
def console(server: OscServer) -> Console:
    return Console(server)


@pytest.fixture
def other(server: OscServer) -> Console:
    return Console(server)


def bundle(*packets: bytes, at: float = IMMEDIATELY) -> bytes:
    builder = OscBundleBuilder(at)
    for packet in packets:
        builder.add_content(OscMessage(packet))
    dgram: bytes = builder.build().dgram
    return dgram


def refusals(console: Console) -> list[str]:
    return [m.args[1] for m in console.settled() if m.address == "/restem/error"]


def hold(session: StillSession, console: Console) -> None:
    """Keep the thread of slow work busy until `may_switch` is set."""
    session.may_switch.clear()
    console.send("/restem/profile", "live-cpu-fast")
    console.ask_ping(1)


def recall(console: Console) -> None:
    console.send("/restem/preset", "loud")


def recall_slowly(console: Console) -> None:
    console.send("/restem/preset", "loud", 1.0)


def recall_and_set(console: Console) -> None:
    console.send_packet(bundle(encode("/restem/preset", "loud"), encode(MASTER, -1.0)))


def recall_then_set(console: Console) -> None:
    recall(console)
    console.send(MASTER, -1.0)


def recall_then_time(console: Console) -> None:
    recall(console)
    console.send_packet(bundle(encode(MASTER, -1.0), at=time.time() + 30))


def recall_twice(console: Console) -> None:
    recall(console)
    recall(console)


@pytest.mark.parametrize(
    "ask", [recall, recall_slowly, recall_and_set, recall_then_set, recall_then_time, recall_twice]
)
def test_a_recall_that_is_queued_while_another_panics_brings_no_level_back(
    session: StillSession,
    server: OscServer,
    console: Console,
    other: Console,
    ask: Callable[[Console], None],
) -> None:
    hold(session, other)
    ask(console)
    other.ask_ping(2)
    other.send("/restem/panic")
    other.ask_ping(3)
    session.may_switch.set()
    assert "cancelled" in refusals(console)
    assert server.counts.faults == 0
    assert session.mixer.get("master_gain_db") == -90


def test_a_recall_that_reads_its_file_while_another_panics_brings_no_level_back(
    session: StillSession,
    box: Presets,
    console: Console,
    other: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads, may_read, read = threading.Event(), threading.Event(), box._read

    def slowly(path: Path) -> object:
        reads.set()
        assert may_read.wait(PATIENCE_SECONDS)
        return read(path)

    monkeypatch.setattr(box, "_read", slowly)
    recall(console)
    assert reads.wait(PATIENCE_SECONDS)
    other.send("/restem/panic")
    other.ask_ping(1)
    may_read.set()
    assert refusals(console) == ["cancelled"]
    assert session.mixer.get("master_gain_db") == -90
    assert box.current == "loud"  # saved


def test_what_is_sent_after_a_panic_is_obeyed(
    session: StillSession, console: Console, other: Console
) -> None:
    hold(session, other)
    recall(console)
    console.send("/restem/panic")
    console.send(MASTER, -1.0)
    session.may_switch.set()
    assert refusals(console) == []
    assert session.mixer.get("master_gain_db") == -1


def test_other_slow_commands_survive_a_panic(
    session: StillSession, console: Console, other: Console
) -> None:
    hold(session, other)
    console.send("/restem/record", 1)
    console.ask_ping(1)
    other.send("/restem/panic")
    other.ask_ping(2)
    session.may_switch.set()
    assert refusals(console) == []
    assert (session.profile, session.state) == ("live-cpu-fast", "recording")


def test_a_share_that_hangs_does_not_stop_osc(
    server: OscServer,
    box: Presets,
    console: Console,
    other: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert console.ask("/restem/preset/names")[0].args == ("loud",)
    hangs, ends, listed = threading.Event(), threading.Event(), Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path == box.folder:
            hangs.set()
            assert ends.wait(PATIENCE_SECONDS)
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    try:
        for address in ("/restem/preset/names", "/restem/dump", "/restem/preset"):
            console.send(address)
        console.send("/restem/subscribe", "/restem", 100, 60)
        console.settled()
        assert hangs.is_set()
        assert other.ask("/restem/preset/names")[0].args == ("loud",)
        assert not ends.is_set()
    finally:
        ends.set()
    monkeypatch.undo()
    box.snapshot(box.folder / "quiet.yaml")
    until(lambda: box.names() == ("loud", "quiet"), "the new preset")
