import argparse
import csv
import json
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from benchmarks import kit
from benchmarks.borrowed import TESTED, Machine, gather, lay_out, write_layout
from restem.models.training.data.layout import read_layout
from restem.models.training.data.sampler import read_instruments
from restem.models.training.data.songs import open_songs

RATE = 48000


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """Two instruments, three MIDI files, a real song; no wheels."""
    sound = 0.1 * np.random.default_rng(0).standard_normal((2 * RATE, 2))
    notes, songs = tmp_path / "notes", tmp_path / "songs"
    (notes / "samples").mkdir(parents=True)
    with (notes / "samples.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["stem", "instrument", "file", "midi", "layer"])
        for name in ("pipe", "reed"):
            soundfile.write(notes / "samples" / f"{name}.ogg", sound, RATE)
            table.writerow(["orchestral", name, f"samples/{name}.ogg", 60, ""])
    (tmp_path / "midi").mkdir()
    for name in "abc":
        mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / "midi" / f"{name}.mid")
    (songs / "one" / "vocals").mkdir(parents=True)
    soundfile.write(songs / "one" / "vocals" / "lead.wav", sound, RATE)
    monkeypatch.setattr(kit, "fetch_wheels", lambda out, python: out.mkdir())
    return argparse.Namespace(
        out=tmp_path / "kit",
        midi=tmp_path / "midi",
        instruments=notes,
        without=["reed"],
        songs=songs,
        held_out=None,
        python="3.12",
        minutes=8.0,
        part_mib=None,
    )


def test_a_kit_is_unpacked_as_it_was_packed(arguments: argparse.Namespace, tmp_path: Path) -> None:
    sizes = dict(kit.pack(arguments))
    assert sizes["work tree"] > 1
    assert set(sizes) == {"work tree", "kit.json", "part-1", "samples.csv", "wheels"}
    assert json.loads((arguments.out / "kit.json").read_text())["minutes"]["training"] == 8
    machine = Machine(arguments.out, tmp_path / "out", "cpu")
    parts = gather(machine, jobs=2, count=None)
    assert [one.name for one in read_instruments(parts / "notes")] == ["pipe"]
    shares = sorted((machine.work / "midi").rglob("*.mid"))
    assert [path.parent.name for path in shares] == ["00", "00", "01"]


def test_real_stems_travel_as_opus_and_open_as_songs(
    arguments: argparse.Namespace, tmp_path: Path
) -> None:
    kit.pack(arguments)
    layout = write_layout(tmp_path / "layout.yaml")
    assert read_layout(layout).extensions == ("wav", "flac", "opus", "ogg")
    (song,) = open_songs(arguments.out / "part-1", layout)
    (part,) = song.parts["vocals"]
    assert (song.name, part.frames) == ("real/one", 2 * RATE)
    assert kit.size_mib(part.path) < 0.1


def test_what_a_call_cannot_carry_is_cut_or_refused(arguments: argparse.Namespace) -> None:
    arguments.part_mib = 0.001
    sizes = kit.pack(arguments)
    assert sum(name.startswith("part-") for name, _ in sizes) > 2
    with pytest.raises(ValueError, match="exists; a kit is packed anew"):
        kit.pack(arguments)


def test_a_stage_that_fails_or_takes_too_long_is_noted(tmp_path: Path) -> None:
    machine = Machine(tmp_path, tmp_path / "out", "cpu")
    assert machine.run("well", 1, "true")
    assert not machine.run("ill", 1, "false")
    assert not machine.run("long", 0.002, "sleep", "5")
    times = (tmp_path / "out" / "times.txt").read_text().splitlines()
    assert [line.split(", ")[1] for line in times] == ["exit 0", "exit 1", "exit out of time"]


def test_the_work_tree_is_laid_out_as_it_is_installed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, tmp_path / "out", "cpu")
    lay_out(machine.site)
    assert all((machine.site / "tests" / name).is_file() for name in TESTED)
    assert (machine.site / "benchmarks" / "gpu.py").is_file()
    script = "import restem.bridge.cli.main as main; print(main.__file__)"
    assert machine.run("layout", 1, sys.executable, "-c", script)
    (line,) = (machine.out / "layout.txt").read_text().splitlines()
    assert Path(line) == machine.site / "restem" / "bridge" / "cli" / "main.py"
    assert machine.run("command", 1, sys.executable, "-m", "restem", "songs", "layouts")
