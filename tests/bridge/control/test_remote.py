"""All remote controls together on a session: the README's table of addresses, row by row."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from restem.bridge.cli.main import main
from restem.bridge.control.address_table import BEGIN, COMMANDS, END, markdown, written
from restem.bridge.control.addresses import ROOT
from restem.bridge.control.node import WRITE, Node
from restem.bridge.control.remote import Remote, RemoteSettings
from restem.bridge.session.headless import FileSession
from restem.bridge.settings import Settings
from tests.support.osc_console import Console
from tests.support.tiny_networks import PROFILE, noise

README = Path(__file__).parents[3] / "README.md"
ONLY_SENT = {"error", "audio/begun", "audio/ended", "audio/credit"}


def wanted(folder: Path, **settings: Any) -> RemoteSettings:
    return RemoteSettings(**{"port": 0, "midi": True, "presets": folder, **settings})


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSession]:
    folder = tmp_path_factory.mktemp("remote")
    (folder / "small.yaml").write_text(PROFILE)
    settings = Settings(str(folder / "small.yaml"), allowance=16384, takes=str(folder / "takes"))
    with FileSession(settings) as session:
        yield session


@pytest.fixture
def remote(session: FileSession, tmp_path: Path) -> Iterator[Remote]:
    with Remote(session, wanted(tmp_path / "presets"), notify=lambda text: None) as remote:
        yield remote


def table() -> str:
    text = README.read_text(encoding="utf-8")
    (found,) = re.findall(f"{BEGIN}(.*){END}", text, re.DOTALL)
    return str(found).strip()


def test_the_readmes_table_is_what_there_is(remote: Remote) -> None:
    text = README.read_text(encoding="utf-8")
    assert text == written(text, markdown(remote.control.nodes.values()))
    with pytest.raises(ValueError, match="there is no <!-- addresses -->"):
        written("nothing", "")


def fitting_args(node: Node, folder: Path) -> tuple[Any, ...]:
    """Something that may be written to a node."""
    special = {
        "profile": str(folder / "small.yaml"),
        "preset": "mine",
        "preset/save": "mine",
        "preset/delete": "mine",
        "midi/learn": "",
        "toggle": f"{ROOT}/stem/vocals/mute",
        "inc": f"{ROOT}/stem/vocals/pan",
        "midi/forget": f"{ROOT}/stem/vocals/fader",
        "transport/load": str(folder / "song.wav"),
    }
    name = node.address.removeprefix(f"{ROOT}/")
    if name in special:
        return (special[name], *(0 for _ in node.types[1:]))
    return tuple(0 for _ in node.types)


def test_every_address_of_the_table_works(remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(PROFILE)
    soundfile.write(tmp_path / "song.wav", noise(48000).numpy().T, 48000)
    assert remote.server is not None
    console = Console(remote.server)
    console.socket.settimeout(120)
    later = []
    for row in re.findall(r"^\| `([^`]+)` ", table(), re.MULTILINE):
        address = row.replace("<stem>", "vocals")
        node = remote.control.nodes.get(address)
        if node is None:
            later.append(address.removeprefix(f"{ROOT}/"))
            continue
        if node.readable:
            (answer,) = console.ask(address)
            assert answer.address == address
            if "*" not in node.types:
                assert len(answer.args) == len(node.types)
        if node.access & WRITE and not address.endswith(("preset", "delete", "forget")):
            answers = console.ask(address, *fitting_args(node, tmp_path))
            assert not [a for a in answers if a.address == f"{ROOT}/error"], answers
    for name in ("preset", "preset/delete"):
        node = remote.control.nodes[f"{ROOT}/{name}"]
        answers = console.ask(node.address, *fitting_args(node, tmp_path))
        assert not [a for a in answers if a.address == f"{ROOT}/error"], answers
    assert sorted(later) == sorted(row.address for row in COMMANDS)
    check_commands(console, tmp_path)


def check_commands(console: Console, folder: Path) -> None:
    """Every command does what it is there for, or says why it cannot just now."""
    given: dict[str, tuple[Any, ...]] = {
        "sync": (1,),
        "subscribe": (f"{ROOT}/bypass",),
        "echo": (0,),
        "reply_to": (0,),
        "auth": ("x",),
        "render": (str(folder / "song.wav"), str(folder), str(folder / "small.yaml")),
        "audio/subscribe": ("vocals",),
        "audio/in": (0, 0, 2, np.zeros(128, "<f4").tobytes()),
    }
    last = ["audio/unsubscribe", "unsubscribe"]
    rows = {row.address: row for row in COMMANDS}
    for row in [rows[name] for name in [*(name for name in rows if name not in last), *last]]:
        if row.address in ONLY_SENT or row.address == "render/cancel":
            continue
        answers = console.ask(f"{ROOT}/{row.address}", *given.get(row.address, ()))
        errors = [answer.args for answer in answers if answer.address == f"{ROOT}/error"]
        assert errors == [], row
    console.until(f"{ROOT}/render/done")
    assert console.error(f"{ROOT}/render/cancel", 1)[1] == "failed"


def test_values_are_kept_for_the_next_session_if_asked(
    session: FileSession, tmp_path: Path
) -> None:
    mixer = session.engine.mixer
    with Remote(session, wanted(tmp_path, midi=False), notify=lambda text: None):
        mixer.set("gain_db", -7.5, "bass")
    mixer.set("gain_db", 0.0, "bass")
    for restore, gain in ((False, 0.0), (True, -7.5)):
        settings = wanted(tmp_path, midi=False, restore=restore)
        before = mixer.get("gain_db", "bass")
        assert before == 0.0
        with Remote(session, settings, notify=lambda text: None):
            assert mixer.get("gain_db", "bass") == gain
            if not restore:
                mixer.set("gain_db", -7.5, "bass")
        mixer.set("gain_db", 0.0, "bass")


def test_a_folder_that_hangs_does_not_hold_up_the_end(
    session: FileSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    remote = Remote(session, wanted(tmp_path, midi=False), said.append)
    may_go_on = threading.Event()
    monkeypatch.setattr("restem.bridge.control.remote.KEEP_SECONDS", 0.01)
    monkeypatch.setattr(remote.presets, "snapshot", lambda path: may_go_on.wait(60))
    remote.close()
    may_go_on.set()
    assert f"{tmp_path} does not answer; choose another one by --presets" in said[-1]


def test_connections_are_kept_for_the_next_session_if_asked(
    session: FileSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, settings = [("drums:out", "restem:in_L")], wanted(tmp_path, midi=False, restore=True)
    monkeypatch.setattr(session, "connections", lambda: patch)
    with Remote(session, settings, notify=lambda text: None):
        pass
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(session, "want", asked.extend)
    with Remote(session, settings, notify=lambda text: None):
        assert asked == patch
    (tmp_path / ".last-connections.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"connections\.json: damaged, remove it"):
        Remote(session, settings, notify=lambda text: None)


def test_without_its_usual_port_osc_is_left_out_and_said(
    session: FileSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with Remote(session, wanted(tmp_path, midi=False), notify=lambda text: None) as first:
        assert first.server is not None
        monkeypatch.setattr("restem.bridge.control.remote.PORT", first.server.port)
        with Remote(session, wanted(tmp_path, midi=False, port=None), said.append) as second:
            assert second.server is None
        with pytest.raises(ValueError, match="is in use; take another one"):
            Remote(session, wanted(tmp_path, midi=False, port=first.server.port), said.append)
        with pytest.raises(ValueError, match="OSCQuery needs OSC"):
            Remote(session, wanted(tmp_path, midi=False, osc=False, query_port=0), said.append)
    assert len(said) == 1
    assert said[0].endswith("is in use; take another one with --osc-port; going on without OSC")


def test_a_port_that_is_taken_is_said_before_a_model_is_loaded(
    remote: Remote, capsys: pytest.CaptureFixture[str]
) -> None:
    assert remote.server is not None
    words = ["osc", "--osc-port", str(remote.server.port), "--profile", "nowhere.yaml"]
    assert main(words) == 1
    assert "is in use; take another one" in capsys.readouterr().err


def test_restem_osc_plays_a_file_and_can_be_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(PROFILE)
    soundfile.write(tmp_path / "song.wav", noise(48000 * 4).numpy().T, 48000)
    words = ["osc", tmp_path / "song.wav", "--profile", tmp_path / "small.yaml", "--seconds", "2.5"]
    words += ["--presets", tmp_path, "--takes", tmp_path, "--osc-port", "0", "--oscquery", "0"]
    assert main([*map(str, words), "--allowance", "16384", "--json", "--record"]) == 0
    answer = capsys.readouterr()
    now = json.loads(answer.out.splitlines()[-1])
    assert (now["state"], now["link"], now["recording"]) == ("ready", "song.wav", "recording")
    assert now["levels"]["master"] != [-90, -90]
    assert "OSC: UDP and TCP port" in answer.err
    assert "OSCQuery: http://127.0.0.1:" in answer.err
    assert (tmp_path / "take-001" / "vocals.wav").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--osc-host", "203.0.113.9"], "OSC: port 7770 of 203.0.113.9"),
        (["--osc-allow", "my house", "--osc-port", "0"], "OSC: 'my house' does not appear to be"),
        (["--midi", "nowhere/map.yaml"], ""),
        (["nowhere.wav"], "nowhere.wav: No such file"),
        (["--osc-port", "0", "--announce"], "--announce needs --oscquery"),
        (["--osc-port", "0", "--jitter", "1"], "the jitter buffer must be in [64, 65536] frames"),
    ],
)
def test_what_restem_osc_cannot_do_is_one_line(
    words: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(PROFILE)
    given = ["osc", *words, "--profile", str(tmp_path / "small.yaml"), "--presets", str(tmp_path)]
    code = main([*given, "--allowance", "16384", "--seconds", "1", "--force"])
    errors = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert code == int(bool(complaint))
    assert len(errors) == code
    assert complaint in "".join(errors)
