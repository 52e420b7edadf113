"""OSC as others speak it, against a session on a real JACK server: liblo, pyliblo3, ChucK, npm's
osc, python-osc."""

import ctypes
import ctypes.util
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from restem.bridge.control.osc.codec import NTP_EPOCH, encode
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.bridge.session.live import LiveSession
from restem.bridge.settings import Settings
from restem.streamer.engine.rings import Cell
from restem.streamer.mixer.parameters import amplitude, parameter
from tests.support.jack_server import BLOCK, PATIENCE_SECONDS, Desk, silence_heard, until
from tests.support.tiny_networks import PROFILE

RATE = 48000
AHEAD_SECONDS = 0.5
WATCHED = 10  # cycles of the server
JITTER = 4 * BLOCK  # of when they come, on a busy machine
NODE_MODULES = Path(__file__).parents[4] / ".ci" / "node" / "node_modules"
GAIN, MASTER = "/restem/stem/bass/gain_db", "/restem/master_gain_db"


@pytest.fixture(scope="module")
def session(jack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSession]:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE)
    channels = "1=master.left,2=master.right"
    wanted = Settings(str(path), backend="jack", server=jack, channels=channels, allowance=16384)
    with LiveSession(wanted) as session:
        session.engine.mixer.set("dry_wet", 0.0)  # the network does not matter
        session.engine.mixer.set("ceiling", False)
        yield session


@pytest.fixture(scope="module")
def server(session: LiveSession) -> Iterator[OscServer]:
    with OscServer(ControlTree(session), port=0) as server:
        yield server


@pytest.fixture(autouse=True)
def same_values(session: LiveSession) -> Iterator[None]:
    yield
    session.engine.mixer.set_all([("gain_db", 0.0, "bass"), ("master_gain_db", 0.0, None)])


def needs(tool: str, package: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}: apt install {package}")


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(path: Path, *command: str) -> Iterator[Callable[[str], Any]]:
    """A program that prints; gives what finds a pattern in that."""
    with path.open("w+") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)

        def find(expression: str) -> Any:
            said = path.read_text()
            found = re.search(expression, said, re.MULTILINE)
            assert found or process.poll() is None, said
            return found

        try:
            yield find
        finally:
            process.terminate()
            process.wait(10)


def oscsend(port: int, address: str, types: str = "", *values: object) -> None:
    """By liblo's own program; it has another port each time."""
    types_and_values = [types, *map(str, values)] if types else []
    command = ["oscsend", "127.0.0.1", str(port), address, *types_and_values]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.parametrize(("types", "value"), [("f", -6.5), ("d", -7.5), ("i", -8), ("h", -9)])
def test_oscsend_sets_with_any_type_of_number(
    session: LiveSession, server: OscServer, types: str, value: float
) -> None:
    needs("oscsend", "liblo-tools")
    oscsend(server.port, GAIN, types, value)
    until(lambda: session.engine.mixer.get("gain_db", "bass") == value, "the gain")


def test_oscsend_sets_switches_with_yes_and_no(session: LiveSession, server: OscServer) -> None:
    needs("oscsend", "liblo-tools")
    for types, value in (("T", True), ("F", False)):
        oscsend(server.port, "/restem/stem/*/mute", types)
        until(lambda: session.engine.mixer.get("mute", "drums") is value, "the switch")  # noqa: B023


def test_oscdump_reads_what_was_asked_for_at_its_port(
    session: LiveSession, server: OscServer, tmp_path: Path
) -> None:
    needs("oscdump", "liblo-tools")
    port = free_port()
    with running(tmp_path / "dump", "oscdump", "-L", str(port)) as find:

        def ask() -> Any:
            """Until it listens, nobody hears."""
            oscsend(server.port, "/restem/subscribe", "sfii", "/restem/stem/bass", 50, 60, port)
            return find(rf"{GAIN} f 0\.0")

        until(ask, "the value now")
        session.engine.mixer.set("gain_db", -12.0, "bass")
        until(lambda: find(rf"{GAIN} f -12\.0"), "the value then")
        assert find(r"/restem/stem/bass/mute i 0")


CHUCK = """
OscOut out;
OscIn in;
OscMsg message;
Std.atoi(me.arg(1)) => int port => in.port;
in.listenAll();
in => now;
out.dest("127.0.0.1", Std.atoi(me.arg(0)));
out.start("/restem/reply_to").add(port).send();
out.start("/restem/stem/bass/gain_db").add(-3.5).send();
out.start("/restem/stem/bass/gain_db").send();
out.start("/restem/nothing").add(1).send();
out.start("/restem/sync").add(7).send();
while (true) {
    while (in.recv(message)) {
        chout <= message.address <= " " <= message.typetag;
        if (message.typetag == "f") chout <= " " <= message.getFloat(0);
        if (message.typetag == "sss") chout <= " " <= message.getString(1);
        chout <= IO.newline();
        chout.flush();
    }
    in => now;
}
"""


def test_chuck_sets_reads_and_is_told_of_mistakes(
    session: LiveSession, server: OscServer, tmp_path: Path
) -> None:
    needs("chuck", "chuck")
    script, port = tmp_path / "peer.ck", free_port()
    script.write_text(CHUCK)
    command = ["chuck", "--silent", f"--port:{free_port()}", f"{script}:{server.port}:{port}"]
    with (
        running(tmp_path / "said", *command) as find,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):

        def nudge() -> Any:
            """Until it listens, nobody hears."""
            sock.sendto(encode("/go"), ("127.0.0.1", port))
            return find("/restem/synced i")

        until(nudge, "ChucK")
        assert find(rf"{GAIN} f -3\.5")
        assert find("/restem/error sss unknown_address")
    assert session.engine.mixer.get("gain_db", "bass") == -3.5


def test_pyliblo3_sets_reads_and_is_told_of_mistakes(
    session: LiveSession, server: OscServer
) -> None:
    pyliblo3 = pytest.importorskip("pyliblo3", reason="needs pyliblo3: pip install pyliblo3")
    said: list[tuple[str, list[Any]]] = []
    peer = pyliblo3.Server()
    peer.add_method(None, None, lambda path, args, *_: said.append((path, args)))
    target = pyliblo3.Address("127.0.0.1", server.port)
    peer.send(target, GAIN, ("d", -4.5))
    peer.send(target, "/restem/stem/bass/mute", True)
    peer.send(target, pyliblo3.Bundle(pyliblo3.Message("/restem/stem/{bass,bass}/gain_db")))
    peer.send(target, "/restem/stem/bass/mute", False)
    peer.send(target, "/restem/nothing", 1)
    peer.send(target, "/restem/sync", 7)

    def heard() -> bool:
        peer.recv(10)
        return ("/restem/synced", [7]) in said

    until(heard, "pyliblo3")
    assert said[0] == (GAIN, [-4.5])
    assert said[1][0] == "/restem/error"
    assert said[1][1][:2] == ["/restem/nothing", "unknown_address"]
    assert len(said) == 3
    assert session.engine.mixer.get("gain_db", "bass") == -4.5
    peer.free()


NODE = """
const osc = require("osc");
const peer = new osc.UDPPort({
    localAddress: "127.0.0.1", localPort: 0,
    remoteAddress: "127.0.0.1", remotePort: Number(process.argv[2]), metadata: true,
});
peer.on("message", (message) => {
    const args = message.args.map((arg) => arg.type + arg.value);
    console.log([message.address, ...args].join(" "));
    if (message.address === "/restem/synced") process.exit(0);
});
peer.on("error", (error) => { console.log("error", error.message); });
peer.on("ready", () => {
    const say = (address, ...args) => ({ address, args });
    peer.send({
        timeTag: osc.timeTag(-1),
        packets: [
            say("/restem/stem/bass/gain_db", { type: "d", value: -5.5 }),
            say("/restem/stem/bass/mute", { type: "T" }),
            say("/restem/stem/bass/mute", { type: "F" }),
        ],
    });
    peer.send(say("/restem/stem/bass/gain_db"));
    peer.send(say("/restem/nothing", { type: "i", value: 1 }));
    peer.send(say("/restem/sync", { type: "i", value: 7 }));
});
peer.open();
"""


def test_npms_osc_sets_reads_and_is_told_of_mistakes(
    session: LiveSession, server: OscServer, tmp_path: Path
) -> None:
    needs("node", "nodejs")
    if not (NODE_MODULES / "osc").is_dir():
        pytest.skip("needs npm's osc: npm install --prefix .ci/node --ignore-scripts osc@2.4.5")
    script = tmp_path / "peer.js"
    script.write_text(NODE)
    result = subprocess.run(
        ["node", str(script), str(server.port)],
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = result.stdout.splitlines()
    assert lines[0] == f"{GAIN} f-5.5", result.stdout + result.stderr
    assert lines[1].startswith("/restem/error s/restem/nothing sunknown_address")
    assert lines[2:] == ["/restem/synced i7"]
    assert session.engine.mixer.get("gain_db", "bass") == -5.5


def by_python_osc(port: int, at: float, changes: dict[str, float]) -> None:
    bundle = OscBundleBuilder(at)
    for address, value in changes.items():
        message = OscMessageBuilder(address)
        message.add_arg(value)
        bundle.add_content(message.build())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(bundle.build().dgram, ("127.0.0.1", port))


class TimeTag(ctypes.Structure):
    _fields_ = (("sec", ctypes.c_uint32), ("frac", ctypes.c_uint32))


def by_liblo(port: int, at: float, changes: dict[str, float]) -> None:
    name = ctypes.util.find_library("lo")
    if name is None:
        pytest.skip("needs liblo: apt install liblo-tools")
    lo = ctypes.CDLL(name)
    for function in (lo.lo_bundle_new, lo.lo_message_new, lo.lo_address_new):
        function.restype = ctypes.c_void_p
    seconds, fraction = divmod(at, 1)
    tag = TimeTag(int(seconds) + NTP_EPOCH, int(fraction * 2**32))
    bundle = ctypes.c_void_p(lo.lo_bundle_new(tag))
    for path, value in changes.items():
        message = ctypes.c_void_p(lo.lo_message_new())
        lo.lo_message_add_float(message, ctypes.c_float(value))
        lo.lo_bundle_add_message(bundle, path.encode(), message)
    address = ctypes.c_void_p(lo.lo_address_new(b"127.0.0.1", str(port).encode()))
    assert lo.lo_send_bundle(address, bundle) > 0
    lo.lo_bundle_free_recursive(bundle)
    lo.lo_address_free(address)


@pytest.fixture
def desk(jack: str, session: LiveSession) -> Iterator[Desk]:
    inputs, outputs = ([f"restem:{bus}_{side}" for side in "LR"] for bus in ("in", "out"))
    desk = Desk(jack, inputs, outputs)
    yield desk
    desk.close()


@pytest.mark.parametrize("send", [by_python_osc, by_liblo], ids=["python-osc", "liblo"])
def test_a_bundle_of_the_future_changes_the_sound_at_its_sample(
    session: LiveSession,
    server: OscServer,
    desk: Desk,
    send: Callable[[int, float, dict[str, float]], None],
) -> None:
    engine, mixer = session.engine, session.engine.mixer
    assert session.stream is not None
    session.stream.callback.be_patient(5000)
    engine.reset()
    began = desk.play(np.full((2, 20 * RATE), 0.5, np.float32))
    first = engine.rings.get(Cell.RESET) + silence_heard(engine)  # mixed as `began` is played
    steady = engine.latency.total + BLOCK
    until(lambda: desk.tape.length(began) > steady, "the dry mix")

    def tapes_clock() -> float:
        """At which frame of the tape `time.monotonic` was 0, by when its cycles come."""
        seen = []
        for _ in range(WATCHED):
            number = len(desk.tape.cycles)
            until(lambda: len(desk.tape.cycles) > number, "a cycle")  # noqa: B023
            seen.append(desk.tape.cycles[-1][0] - began - time.monotonic() * RATE)
        return max(seen)

    obeyed, before, clock = threading.Event(), server.counts.messages, tapes_clock()
    late_bundles = server.counts.late_bundles
    moment, at = time.monotonic() + AHEAD_SECONDS, time.time() + AHEAD_SECONDS
    early = session.position_at(moment)
    send(server.port, at, {MASTER: -20.0, GAIN: -10.0})
    until(lambda: server.counts.messages == before + 2, "the bundle")
    server.post(obeyed.set)
    assert obeyed.wait(PATIENCE_SECONDS)
    late, clocks = session.position_at(moment), sorted((clock, tapes_clock()))

    tape = desk.record(began, early - first + RATE)
    (change,) = mixer.history(first + steady)
    assert {setting[:2] for setting in change.changes} == {
        ("master_gain_db", -20.0),
        ("gain_db", -10.0),
    }
    assert min(early, late) - BLOCK <= change.position <= max(early, late) + BLOCK
    start, (slow, fast) = change.position - first, clocks
    assert slow - JITTER <= start - moment * RATE <= fast + JITTER
    length = round(parameter("master_gain_db").smoothing_ms * RATE / 1000)
    way = np.clip((np.arange(tape.shape[1]) - start) / length, 0, 1)
    gain = 1 + (amplitude(-20.0) - 1) * way**3 * (6 * way**2 - 15 * way + 10)
    assert np.abs(tape[0] - 0.5 * gain)[steady:].max() < 1e-5  # a sample off would be 6e-4
    assert np.array_equal(tape[0], tape[1])
    assert server.counts.late_bundles == late_bundles
