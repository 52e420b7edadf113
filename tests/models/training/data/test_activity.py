import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.models.training.data import activity
from restem.models.training.data.activity import FileScan, inspect, inspect_all

RATE = 8000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESTEM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "songs.json"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were listened to."""
    paths: list[Path] = []

    def listen(path: Path) -> FileScan:
        paths.append(path)
        return inspect(path)

    monkeypatch.setattr(activity, "inspect", listen)
    return paths


def write(path: Path, levels: list[float], channels: int = 1) -> Path:
    """A second at each level."""
    audio = np.repeat(np.float32(levels), RATE)[:, None].repeat(channels, axis=1)
    soundfile.write(path, audio, RATE, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def test_the_seconds_louder_than_the_threshold_are_found(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", [0, 0.1, 0.0056, 0.0057, 0, 0.5])
    assert inspect(path) == FileScan(RATE, 6 * RATE, (1, 3, 5))


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_what_cannot_be_used_says_why(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    assert inspect(path).problem == "no such file"
    path.write_bytes(b"")
    assert inspect(path).problem == "empty"
    path.write_bytes(b"junk" * 100)
    assert inspect(path).problem == "cannot be read (Format not recognised)"
    assert inspect(write(path, [])).problem == "empty"
    assert inspect(write(path, [0, 0, 0])).problem == "silent, never above -45 dBFS"
    assert inspect(write(path, [0.1], channels=3)).problem == "3 channels, expected 1 or 2"
    path.unlink()
    path.mkdir()
    assert inspect(path).problem.startswith("cannot be read (")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_file_with_a_number_that_is_none_is_named(tmp_path: Path, bad: float) -> None:
    audio = np.full((3 * RATE, 2), 0.1, dtype=np.float32)
    audio[RATE + 7, 1] = bad
    soundfile.write(tmp_path / "a.wav", audio, RATE, subtype="FLOAT")
    assert inspect(tmp_path / "a.wav").problem == "NaN or Inf in second 1"


def test_a_file_cut_off_is_found(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(scale=0.1, size=(4 * RATE, 2))
    path = tmp_path / "a.flac"
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[:30000])
    assert inspect(path).problem.startswith(("cannot be read (", "cut short"))


def test_a_file_that_has_not_changed_is_heard_once(tmp_path: Path, heard: list[Path]) -> None:
    paths = [write(tmp_path / "a.wav", [0, 0.1, 0.1, 0, 0.1]), write(tmp_path / "b.wav", [0])]
    first = inspect_all(paths)
    assert sorted(heard) == paths
    assert inspect_all(paths) == first == {path: inspect(path) for path in paths}
    assert len(heard) == 2


def test_a_file_that_has_changed_is_heard_again(tmp_path: Path, heard: list[Path]) -> None:
    path = write(tmp_path / "a.wav", [0.1, 0])
    inspect_all([path])
    write(path, [0, 0.1])
    os.utime(path, ns=(1, 1))
    assert inspect_all([path])[path].active == (1,)
    write(path, [0, 0, 0.1])
    os.utime(path, ns=(1, 1))
    assert inspect_all([path])[path].active == (2,)
    assert len(heard) == 3


def test_one_folder_does_not_push_out_another(tmp_path: Path, heard: list[Path]) -> None:
    paths = [write(tmp_path / f"{name}.wav", [0.1]) for name in "ab"]
    for path in (*paths, *paths):
        inspect_all([path])
    assert heard == paths


def test_what_could_not_be_read_is_tried_again(tmp_path: Path, heard: list[Path]) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"junk")
    for _ in range(2):
        assert inspect_all([path])[path].problem
    assert len(heard) == 2


def broken_caches(path: Path) -> list[str]:
    """Caches of all kinds that say nothing, or nothing to be trusted, about a file."""
    status = path.stat()
    entry = {"file": [status.st_size, status.st_mtime_ns], "sample_rate": 1, "frames": 1}
    entries = [{}, entry, {**entry, "active": 3, "problem": ""}, [], None, "x"]
    files = [{"version": activity.VERSION, "files": {str(path): e}} for e in entries]
    wrong = {**entry, "active": [[0, 1]], "problem": ""}
    others = [{"version": -1, "files": {str(path): wrong}}, {"version": activity.VERSION}, [], None]
    return ["", "{", *map(json.dumps, [*files, *others])]


def test_a_broken_cache_is_rebuilt(tmp_path: Path, cache: Path, heard: list[Path]) -> None:
    path = write(tmp_path / "a.wav", [0, 0.1])
    expected = inspect_all([path])
    for number, text in enumerate(broken_caches(path)):
        cache.write_text(text)
        assert inspect_all([path]) == expected
        assert inspect_all([path]) == expected
        assert len(heard) == 2 + number
    cache.write_bytes(b"\xff\xfe\x00")
    assert inspect_all([path]) == expected


def test_a_cache_that_cannot_be_kept_is_said(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    path = write(tmp_path / "a.wav", [0.1])
    with pytest.warns(UserWarning, match=r"songs\.json: cannot be written"):
        assert inspect_all([path])[path].active == (0,)


def test_an_interrupted_run_keeps_what_it_has_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: list[Path]
) -> None:
    paths = [write(tmp_path / f"{name}.wav", [0.1]) for name in "abc"]

    def stop(done: float, total: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspect_all(paths, stop)
    heard.clear()
    assert len(inspect_all(paths)) == 3
    assert heard == paths[2:]


def test_two_processes_at_once_leave_a_cache_that_can_be_read(tmp_path: Path, cache: Path) -> None:
    for number in range(40):
        write(tmp_path / f"{number}.wav", [0, 0.1])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from restem.models.training.data.activity import inspect_all\n"
        "for path in sorted(Path(sys.argv[1]).glob(sys.argv[2])): inspect_all([path])"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), glob])
        for glob in ("?.wav", "??.wav")
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    kept = json.loads(cache.read_text())["files"]
    assert str(tmp_path / "9.wav") in kept or str(tmp_path / "39.wav") in kept
    assert list(cache.parent.iterdir()) == [cache]
