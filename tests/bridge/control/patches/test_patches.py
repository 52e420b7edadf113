"""The patches for Max and Pd: they are what the table says, and Pd works with a real server."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from restem.bridge.control.node import READ, WRITE
from restem.bridge.control.osc.commands import COMMANDS
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.patches import max_device, max_patch, pd_patch
from restem.bridge.control.patches.__main__ import main
from restem.bridge.control.patches.widgets import global_widgets, strip_widgets
from restem.bridge.control.session_nodes import STATUS
from restem.bridge.control.tree import ControlTree
from restem.models.stems import STEMS
from restem.streamer.engine.engine import Engine
from restem.streamer.mixer.parameters import PARAMETERS, strip_names
from restem.streamer.profiles import profile_names
from tests.support.gain_model import Plain
from tests.support.jack_server import until
from tests.support.osc_console import StillSession

EXAMPLES = Path(__file__).parents[4] / "examples"
STRIPS = strip_names(STEMS)
LEVELS = {bus: (-float(n), -n - 0.5) for n, bus in enumerate((*STRIPS, "master"), 1)}
needs_py2max = pytest.mark.skipif(
    find_spec("py2max") is None, reason="needs py2max: pip install py2max"
)


# What is written.


@needs_py2max
def test_maxs_patches_are_what_the_table_says_today() -> None:
    assert (EXAMPLES / "max" / "restem.maxpat").read_text() == max_patch()
    assert (EXAMPLES / "max" / "restem.amxd").read_bytes() == max_device()


def test_pds_patch_is_what_the_table_says_today() -> None:
    assert (EXAMPLES / "pd" / "restem.pd").read_text() == pd_patch()


def validate(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "py2max", "validate", str(path)], capture_output=True, text=True
    )


@needs_py2max
@pytest.mark.parametrize("name", ["restem.maxpat", "restem.amxd"])
def test_max_finds_every_object_and_no_cord_that_cannot_be(name: str) -> None:
    result = validate(EXAMPLES / "max" / name)
    assert result.returncode == 0, result.stderr
    assert "W-UNKNOWN-OBJECT" not in result.stdout
    assert "W-OVERLAP" not in result.stdout


@needs_py2max
def test_a_patch_with_a_broken_cord_is_no_valid_one(tmp_path: Path) -> None:
    broken = json.loads(max_patch(["vocals"]))
    broken["patcher"]["lines"][0]["patchline"]["source"][1] = 9
    path = tmp_path / "broken.maxpat"
    path.write_text(json.dumps(broken))
    result = validate(path)
    assert result.returncode == 1
    assert "E-OUTLET-RANGE" in result.stderr


@dataclass
class Graph:
    """The boxes of a patch and of the parts in it, by what is written in them."""

    texts: dict[Any, str] = field(default_factory=dict)
    cords: list[tuple[Any, int, Any]] = field(default_factory=list)  # source, outlet, target

    def ends(self, box: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """All ways from a box to boxes without a cord: texts, and after a route what it matched."""
        text = self.texts[box]
        following = [(outlet, target) for source, outlet, target in self.cords if source == box]
        if not following:
            yield (*path, text)
        words = text.split()
        for outlet, target in following:
            matched = words[1 + outlet : 2 + outlet] if words[0] == "route" else [text]
            yield from self.ends(target, (*path, *matched))

    def ways(self, start: str) -> list[tuple[str, ...]]:
        return [
            way for box, text in self.texts.items() if text == start for way in self.ends(box, ())
        ]


def max_graph(patcher: dict[str, Any], graph: Graph, name: str = "") -> Graph:
    for row in patcher["boxes"]:
        box = row["box"]
        graph.texts[name + box["id"]] = box.get("text", box["maxclass"])
        if "patcher" in box:
            max_graph(box["patcher"], graph, f"{name}{box['id']}/")
    for row in patcher["lines"]:
        (source, outlet), (target, _) = row["patchline"]["source"], row["patchline"]["destination"]
        graph.cords.append((name + source, outlet, name + target))
    return graph


def pd_graph(patch: str) -> Graph:
    graph, parts = Graph(), list[list[int]]()
    for line in patch.replace(";\n", "\0").split("\0"):
        kind, *words = line.replace("\\", "").split()[1:] or [""]
        if kind == "canvas":
            parts.append([len(parts) * 1000, len(parts) * 1000])
            home = parts[-1]
        elif kind == "connect":
            source, outlet, target, _ = map(int, words)
            graph.cords.append((home[0] + source, outlet, home[0] + target))
        elif kind:
            home = parts[0] if kind == "restore" else home
            graph.texts[home[1]] = " ".join(words[2:])
            home[1] += 1
    return graph


@pytest.fixture(scope="module", params=["max", "pd"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def graph(program: str) -> Graph:
    if program == "pd":
        return pd_graph((EXAMPLES / "pd" / "restem.pd").read_text())
    content = json.loads((EXAMPLES / "max" / "restem.maxpat").read_text())
    return max_graph(content["patcher"], Graph())


def sent(graph: Graph, name: str) -> list[str]:
    """Where what is sent to a name goes."""
    addresses = []
    for way in graph.ways(f"r {name}"):
        assert way[-1] == "s restem-packets"
        (address,) = [text for text in way if "restem" in text and text[:2] not in ("r ", "s ")]
        words = address.removeprefix("prepend ").removeprefix("oscformat ").split()
        addresses.append("/" + "/".join(words).removeprefix("/"))
    return addresses


def shown(graph: Graph) -> dict[str, tuple[str, ...]]:
    """By the addresses of what comes in: the way to where it is shown."""
    ways = {}
    for start, *way in graph.ways("r restem-in"):
        assert start == "r restem-in"
        parts = [text for text in way if not text.startswith(("list", "prepend", "s "))]
        address = parts[-1] if parts[-1].startswith("/") else "/".join(["/restem", *parts])
        ways[address] = tuple(way)
    return ways


def full_control() -> ControlTree:
    """A tree with all eight stems."""
    session = StillSession()
    session.mixer = session.engine.mixer = type(session.mixer)(STEMS, 48000)
    return ControlTree(session)


def test_every_address_of_a_patch_is_in_the_tree(graph: Graph) -> None:
    tree, commands = full_control(), {f"/restem/{row.address}" for row in COMMANDS}
    names = [text[2:] for text in graph.texts.values() if text.startswith("r restem-")]
    for name in names:
        if name.endswith("-out") or name in ("restem-reply",):
            for address in sent(graph, name):
                assert address in commands or tree.nodes[address].access & WRITE
    for address in shown(graph):
        assert address == "/restem/error" or tree.nodes[address].access & READ
    asked = [text.split()[0] for text in graph.texts.values() if text.endswith(" 10 $1")]
    assert len(asked) > 5
    for address in asked:
        assert any(node.access & READ for node in tree.find(address))


def test_everything_that_can_be_set_has_a_widget_that_sends_it_and_shows_it(graph: Graph) -> None:
    ways = shown(graph)
    widgets = [one for strip in STRIPS for one in strip_widgets(strip)] + global_widgets()
    assert len(widgets) == sum(len(STRIPS) if row.scope == "stem" else 1 for row in PARAMETERS) + 3
    for one in widgets:
        assert sent(graph, f"{one.name}-out") == [one.address]
        if one.kind != "button":
            assert ways[one.address][-1] == f"s {one.name}"
            assert ways[one.address][-2] == "prepend set" or "list prepend set" in ways[one.address]
    assert sent(graph, "restem-profile-out") == ["/restem/profile"]
    (profile,) = graph.ways("r restem-playing") or [ways["/restem/profile"]]
    assert profile[-1] == "s restem-profile"


def test_nothing_that_comes_in_is_sent_out_again(graph: Graph) -> None:
    for way in shown(graph).values():
        assert way[-1].startswith("s restem-")
        assert not way[-1].endswith(("-out", "packets"))


@needs_py2max
def test_the_menu_in_max_is_filled_with_the_profiles_that_restem_names() -> None:
    graph = max_graph(json.loads(max_patch())["patcher"], Graph())
    menu = ("iter", "prepend append", "s restem-profile")
    steps, prefix = "t b l clear", "r restem-profiles"
    playing = ("zl reg", "prepend setsymbol", "s restem-profile")  # a bang, after all the others
    assert graph.ways(prefix) == [
        (prefix, steps, *way) for way in (playing, menu, ("s restem-profile",))
    ]


def test_no_patch_names_a_profile() -> None:
    """A new profile is a new YAML file, and touches no patch."""
    for text in (pd_patch(), *([max_patch()] if find_spec("py2max") else [])):
        assert [name for name in profile_names() if name in text] == []


def test_patches_are_written_for_other_stems(tmp_path: Path) -> None:
    assert main(["--pd", str(tmp_path / "two.pd"), "--stems", "vocals,rest"]) == 0
    ways = shown(pd_graph((tmp_path / "two.pd").read_text()))
    assert "/restem/stem/rest/fader" in ways
    assert "/restem/stem/bass/fader" not in ways


@pytest.mark.parametrize("stems", ["", "a b", "a,a", "vocals,residual", "fader", "x;y", "1st"])
def test_stems_that_no_patch_can_hold_are_one_line(
    stems: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--pd", str(tmp_path / "x.pd"), "--stems", stems]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("restem: error: stems must be names of letters")
    assert not list(tmp_path.iterdir())


def test_without_py2max_max_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "py2max", None)
    assert main(["--max", str(tmp_path / "x.maxpat")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("pip install py2max")


# Pd itself.


class PlainSession(StillSession):
    """With a running engine and the eight stems."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Engine(
            partial(Plain, stems=STEMS, gains=(0.1,) * len(STEMS)), 256, allowance=8192
        )
        self.mixer = self.engine.mixer
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        block = np.full((2, 256), 0.5, np.float32)
        while not self._done.wait(256 / 48000):
            self.engine.process(block)

    def levels(self) -> dict[str, tuple[float, float]]:
        return LEVELS

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self.engine.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def probe(commands: int, reports: int, names: Sequence[str]) -> str:
    """A patch that hands lines `name value` on to names, and reports what comes to names."""
    lines = [
        "#N canvas 0 0 400 300 12",
        f"#X obj 0 0 netreceive -u {commands}",
        "#X obj 0 0 list",
        "#X obj 0 0 t l l",
        "#X obj 0 0 list split 1",
        "#X obj 0 0 list split 1",
        "#X obj 0 0 list trim",
        "#X obj 0 0 send",
        "#X connect 0 0 1 0",
        "#X connect 1 0 2 0",
        "#X connect 2 0 3 0",
        "#X connect 2 1 4 0",
        "#X connect 3 1 5 0",
        "#X connect 4 0 6 1",
        "#X connect 5 0 6 0",
        "#X obj 0 0 netsend -u",
        f"#X msg 0 0 connect 127.0.0.1 {reports}",
        "#X obj 0 0 loadbang",
        "#X connect 9 0 8 0",
        "#X connect 8 0 7 0",
    ]
    for number, name in enumerate(names):
        first = 10 + 3 * number
        lines += [f"#X obj 0 0 r {name}", f"#X obj 0 0 list prepend send {name}"]
        lines += ["#X obj 0 0 list trim"]
        lines += [f"#X connect {first + n} 0 {(first + 1 + n) if n < 2 else 7} 0" for n in range(3)]
    return "".join(f"{line};\n" for line in lines)


class Pd:
    """Pure Data without a window, with the shipped patch and a probe beside it."""

    def __init__(self, folder: Path, server_port: int) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.1)
        self.commands, self.heard = free_port(), list[str]()
        widgets = [one for strip in STRIPS for one in strip_widgets(strip)] + global_widgets()
        names = [name for one in widgets for name in (one.name, f"{one.name}-out")]
        names += [f"restem-{bus}-level-{side}" for bus in LEVELS for side in ("left", "right")]
        names += [f"restem-status-{name}" for name, _ in STATUS]
        names += [f"restem-choice-{row}" for row in range(len(profile_names()))]
        names += ["restem-profile", "restem-profile-out", "restem-error"]
        path = folder / "probe.pd"
        path.write_text(probe(self.commands, self.sock.getsockname()[1], names))
        self.log = (folder / "pd.log").open("w+")
        self.process = subprocess.Popen(
            [
                *("pd", "-nogui", "-noaudio", "-nomidi", "-stderr"),
                *("-open", str(EXAMPLES / "pd" / "restem.pd"), "-open", str(path)),
                *("-send", f"restem-listen {free_port()}"),
                *("-send", f"restem-connect 127.0.0.1 {server_port}"),
            ],
            stderr=self.log,
        )

    def send(self, line: str) -> None:
        self.sock.sendto(f"{line};\n".encode(), ("127.0.0.1", self.commands))

    def receive(self) -> None:
        try:
            self.heard += self.sock.recv(65536).decode().replace("\n", " ").strip(" ;").split("; ")
        except TimeoutError:
            assert self.process.poll() is None, "pd ended"

    def hears(self, line: str, after: int = 0) -> bool:
        self.receive()
        return line in self.heard[after:]

    def wait(self, line: str, after: int = 0) -> None:
        until(partial(self.hears, line, after), f"pd to say {line!r}")

    def complaints(self) -> list[str]:
        self.log.seek(0)
        return self.log.read().splitlines()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.sock.close()
        self.log.close()


@pytest.fixture(scope="module")
def session() -> Iterator[PlainSession]:
    session = PlainSession()
    session.mixer.set("mute", True, "vocals")
    session.mixer.set("gain_db", -12.0, "orchestral")
    yield session
    session.close()


@pytest.fixture(scope="module")
def server(session: PlainSession) -> Iterator[OscServer]:
    with OscServer(ControlTree(session), port=0) as server:
        yield server


@pytest.fixture(scope="module")
def pd(server: OscServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pd]:
    if shutil.which("pd") is None:
        pytest.skip("needs Pure Data: apt install puredata-core")
    pd = Pd(tmp_path_factory.mktemp("pd"), server.port)
    yield pd
    pd.close()


def test_pd_shows_on_opening_what_is_set(pd: Pd) -> None:
    for line in (
        "restem-vocals-mute set 1",
        "restem-orchestral-gain_db set -12",
        "restem-ceiling set 1",
        "restem-profile set live-cpu",
        "restem-status-state ready",
        "restem-status-latency 6016",
    ):
        pd.wait(line)
    assert [line for line in pd.heard if "-out " in line] == []
    assert [line for line in pd.complaints() if "in use" not in line] == []  # the usual port


def test_a_hand_on_pds_widgets_moves_the_mixer(pd: Pd, session: PlainSession) -> None:
    mixer, before = session.mixer, len(pd.heard)
    pd.send("restem-bass-fader 0.5")
    pd.send("restem-drums-gain_db -6")
    pd.send("restem-drums-pan 0.25")
    pd.send("restem-drums-solo 1")
    pd.send("restem-dry_wet 0.5")
    pd.send("restem-ceiling 0")
    pd.send("restem-profile symbol live-cpu-fast")
    until(lambda: session.profile == "live-cpu-fast", "the profile")
    until(lambda: mixer.get("gain_db", "drums") == -6, "the gain")
    assert mixer.get("gain_db", "bass") == -10
    assert mixer.get("pan", "drums") == 0.25
    assert mixer.get("solo", "drums") is True
    assert mixer.get("dry_wet") == 0.5
    assert mixer.get("ceiling") is False
    pd.wait("restem-bass-gain_db set -10", before)
    pd.wait("restem-profile set live-cpu-fast", before)


def test_pds_menu_names_every_profile_and_chooses_one(pd: Pd) -> None:
    for row, name in enumerate(profile_names()):
        pd.wait(f"restem-choice-{row} {name}")
        before = len(pd.heard)
        pd.send(f"restem-choose-{row} bang")
        pd.wait(f"restem-profile-out {name}", before)
    before = len(pd.heard)
    pd.send("restem-profile symbol live-cpu-fast")
    pd.wait("restem-profile set live-cpu-fast", before)


def test_buttons_of_pd_are_given_nothing(pd: Pd, session: PlainSession) -> None:
    pd.send("restem-master_gain_db -3")
    until(lambda: session.mixer.get("master_gain_db") == -3, "the gain")
    pd.send("restem-panic bang")
    until(lambda: session.mixer.get("master_gain_db") == -90, "silence")
    pd.send("restem-record 1")
    until(lambda: session.state == "recording", "the recorder")
    pd.wait("restem-record set 1")


def test_values_set_elsewhere_move_pds_widgets_which_send_nothing(
    pd: Pd, session: PlainSession
) -> None:
    before = len(pd.heard)
    session.mixer.set("fader", 0.25, "guitars")
    session.mixer.set("mute", True, "residual")
    pd.wait("restem-guitars-fader set 0.25", before)
    pd.wait("restem-residual-mute set 1", before)
    sent = [line for line in pd.heard[before:] if "-out " in line and "guitars" in line]
    assert sent == []
    pd.send("restem-guitars-fader bang")
    pd.wait("restem-guitars-fader-out 0.25", before)
    pd.send("restem-residual-mute bang")
    pd.wait("restem-residual-mute-out 0", before)


def test_pd_shows_every_strips_level_and_the_masters(pd: Pd) -> None:
    for bus, levels in LEVELS.items():
        for side, level in zip(("left", "right"), levels, strict=True):
            pd.wait(f"restem-{bus}-level-{side} {level:g}")


def test_pd_shows_why_something_was_refused(pd: Pd) -> None:
    pd.send("restem-profile symbol nonesuch")
    pd.wait("restem-error /restem/profile failed unknown\\ profile\\ 'nonesuch'")


def test_pd_finds_restem_where_it_was_not_yet(pd: Pd) -> None:
    """Last, for it leaves the server of the other tests."""
    port, session = free_port(), StillSession()
    pd.send(f"restem-connect 127.0.0.1 {port}")
    pd.send("restem-bass-fader 0.125")  # to nobody
    pd.wait("restem-bass-fader-out 0.125")
    session.mixer.set("pan", -0.375, "bass")
    with OscServer(ControlTree(session), port=port):
        pd.wait("restem-bass-pan set -0.375")
        session.mixer.set("pan", 0.625, "bass")
        pd.wait("restem-bass-pan set 0.625")
        pd.send("restem-bass-fader 0.5")
        until(lambda: session.mixer.get("fader", "bass") == 0.5, "the fader")
