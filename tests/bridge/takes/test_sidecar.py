from dataclasses import replace
from pathlib import Path

import pytest

from restem.bridge.takes.sidecar import (
    Change,
    Dropout,
    TakeInfo,
    by_strip,
    read_session,
    write_session,
)
from restem.streamer.engine.latency import Latency
from restem.streamer.mixer.mixer import Mixer

SESSION = TakeInfo(
    version=1,
    restem="0.1",
    state="whole",
    reason="",
    profile="mine: a profile.yaml",
    sample_rate=48000,
    channels=2,
    block_size=512,
    stems=("vocals", "ударные"),
    residual=True,
    file_format="flac",
    subtype="PCM_24",
    policy="residual",
    latency=Latency(1, 2, 3, 4),
    start=100,
    frames=10**10,
    late=2,
    late_frames=300,
    values=by_strip(Mixer(["vocals", "ударные"], 48000).values(0)),
    lost=(Dropout(5, 10), Dropout(50, 1)),
    changes=(
        Change(-7, "gain_db", -6.123456789012345, "ударные"),
        Change(0, "mute", 1.0, "vocals"),
        Change(10**10, "dry_wet", 1e-9),
    ),
)


def write(folder: Path, session: TakeInfo) -> None:
    write_session(folder, session, [change.line() for change in session.changes])


@pytest.mark.parametrize("session", [SESSION, replace(SESSION, lost=(), changes=())])
def test_what_is_written_is_read_again(tmp_path: Path, session: TakeInfo) -> None:
    write(tmp_path, replace(session, state="recording"))
    write(tmp_path, session)
    assert read_session(tmp_path) == session
    assert [path.name for path in tmp_path.iterdir()] == ["session.yaml"]


def test_a_mixer_takes_the_values_and_the_changes() -> None:
    mixer = Mixer(SESSION.stems, 48000)
    mixer.set_all(SESSION.settings)
    mixer.set_all([change.setting for change in SESSION.changes])
    assert mixer.get("gain_db", "ударные") == -6.123456789012345
    assert mixer.get("mute", "vocals") is True


def test_a_gain_above_the_faders_end_is_kept() -> None:
    mixer = Mixer(["vocals"], 48000)
    mixer.set("gain_db", 12, "vocals")
    other = Mixer(["vocals"], 48000)
    mixer.reset()
    values = by_strip(mixer.values(1))
    other.set_all(replace(SESSION, values=values).settings)
    assert other.get("gain_db", "vocals") == 12


def test_the_files_of_a_take() -> None:
    assert SESSION.files == ("mix.flac", "vocals.flac", "ударные.flac", "residual.flac")
    assert replace(SESSION, residual=False).files[-1] == "ударные.flac"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("version: 1", "version: 3", "expected a session of version 1, got 3; use the version of"),
        ("version: 1", "- 1", "session.yaml: not YAML: "),
        ("late: 2", "late: two", "late: expected int, got 'two'"),
        ('name: "mute"', 'nme: "mute"', "changes: unknown key 'nme'"),
        ("frame: 50", "frame: often", "lost: frame: expected int, got 'often'"),
        ("changes:", "changes: 5\nx:", "unknown key 'x'"),
        ("latency:\n  model: 1", "latency:\n  model: a", "latency: model: expected int, got 'a'"),
    ],
)
def test_a_damaged_sidecar_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    write(tmp_path, SESSION)
    path = tmp_path / "session.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=line) as caught:
        read_session(tmp_path)
    assert "\n" not in str(caught.value)


def test_lists_that_are_none_are_one_line(tmp_path: Path) -> None:
    write(tmp_path, replace(SESSION, changes=()))
    path = tmp_path / "session.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("changes: []", "changes: 5"), "utf-8")
    with pytest.raises(ValueError, match="changes: expected a list, got int"):
        read_session(tmp_path)


def test_a_sidecar_that_is_not_text_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "session.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"session\.yaml: not a text file in UTF-8"):
        read_session(tmp_path)
