import gc
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile

from benchmarks.catalogue import Instant
from restem.bridge.batch.catalogue import DONE, FAILED, SKIPPED, Outcome, Request, Summary, run
from restem.bridge.batch.inputs import Work, find_works
from restem.bridge.cli.main import main
from restem.bridge.files.render import RenderOptions, RenderReport
from restem.bridge.progress import Progress
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import Profile
from tests.support.tiny_networks import PROFILE, noise


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Three short songs, one of them broken, in a tree."""
    root = tmp_path / "songs"
    for number, name in enumerate(("a.wav", "b/c.wav")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, noise(3000 + number, seed=number).T.numpy(), 48000, "FLOAT")
    (root / "b" / "broken.wav").write_bytes(b"not audio")
    return root


def request(profile: str, out: Path, **changes: object) -> Request:
    return Request(out, profile, device="cpu", **changes)  # type: ignore[arg-type]


def outcomes(made: Iterator[Outcome]) -> dict[str, str]:
    return {outcome.work.mix.name: outcome.status for outcome in made}


def works(songs: Path, out: Path) -> list[Work]:
    return [*find_works([songs], out)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_broken_file_does_not_stop_the_others_and_the_tree_is_kept(
    profile: str, songs: Path, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    made = outcomes(run(request(profile, out), works(songs, out), jobs))
    assert made == {"a.wav": DONE, "c.wav": DONE, "broken.wav": FAILED}
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.wav"))
    assert len(files) == 6
    assert {Path(file).parent.as_posix() for file in files} == {"a", "b/c"}


def test_processes_write_what_one_writes(profile: str, songs: Path, tmp_path: Path) -> None:
    for jobs in (1, 2):
        out = tmp_path / f"{jobs}"
        assert len(outcomes(run(request(profile, out), works(songs, out), jobs))) == 3
    for path in (tmp_path / "1").rglob("*.wav"):
        assert path.read_bytes() == (tmp_path / "2" / path.relative_to(tmp_path / "1")).read_bytes()


def test_what_is_there_and_made_of_the_same_is_skipped(
    profile: str, songs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    again = request(profile, out, skip_existing=True)
    assert outcomes(run(again, works(songs, out)))["a.wav"] == DONE
    before = (out / "a" / "bass.wav").stat()
    assert outcomes(run(again, works(songs, out))) == {
        "a.wav": SKIPPED,
        "c.wav": SKIPPED,
        "broken.wav": FAILED,
    }
    assert (out / "a" / "bass.wav").stat() == before


def changed_mix(songs: Path, out: Path) -> dict[str, object]:
    soundfile.write(songs / "a.wav", noise(2000).T.numpy(), 48000, "FLOAT")
    return {}


def lost_stem(songs: Path, out: Path) -> dict[str, object]:
    (out / "a" / "bass.wav").unlink()
    return {}


def cut_stem(songs: Path, out: Path) -> dict[str, object]:
    (out / "a" / "bass.wav").write_bytes(b"")
    return {}


def lost_record(songs: Path, out: Path) -> dict[str, object]:
    (out / "a" / ".a.restem.json").write_text("{")
    return {}


def other_form(songs: Path, out: Path) -> dict[str, object]:
    return {"subtype": "PCM_16"}


def other_part(songs: Path, out: Path) -> dict[str, object]:
    return {"options": RenderOptions(duration=0.01)}


@pytest.mark.parametrize(
    "change", [changed_mix, lost_stem, cut_stem, lost_record, other_form, other_part]
)
def test_what_is_not_as_it_was_is_made_again(
    profile: str, songs: Path, tmp_path: Path, change: object
) -> None:
    out = tmp_path / "out"
    list(run(request(profile, out), works(songs, out)))
    changes = change(songs, out)  # type: ignore[operator]
    again = request(profile, out, skip_existing=True, overwrite=True, **changes)
    made = outcomes(run(again, works(songs, out)))
    assert made["a.wav"] == DONE
    assert (made["c.wav"] == SKIPPED) == (not changes)
    assert outcomes(run(again, works(songs, out)))["a.wav"] == SKIPPED


def test_other_weights_or_another_profile_are_not_the_same(profile: str, tmp_path: Path) -> None:
    described: Profile = request(profile, tmp_path).described
    assert described == request(profile, tmp_path).described
    recipe = request(profile, tmp_path).recipe
    assert recipe == request(profile, tmp_path / "elsewhere").recipe
    (tmp_path / "other.yaml").write_text(PROFILE + "live: {allowance: 4096}\n")
    assert recipe != request(str(tmp_path / "other.yaml"), tmp_path).recipe
    shipped = request("live-cpu", tmp_path).recipe
    assert [*shipped.parts["weights"]] == ["weights/embedded"]


def test_a_run_that_broke_off_while_it_named_its_files_goes_on(
    profile: str, songs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    list(run(request(profile, out), works(songs, out)))
    (out / "a" / "bass.wav").unlink()  # as if it had been the next
    made = outcomes(run(request(profile, out, skip_existing=True), works(songs, out)))
    assert made["a.wav"] == DONE
    (out / "a" / "bass.wav").unlink()
    (out / "a" / "drums.wav").write_bytes(b"mine")
    made = outcomes(run(request(profile, out, skip_existing=True), works(songs, out)))
    assert made["a.wav"] == FAILED
    assert (out / "a" / "drums.wav").read_bytes() == b"mine"


def test_mixes_of_one_name_cost_the_later_one_only(
    profile: str, songs: Path, tmp_path: Path
) -> None:
    (songs / "a.flac").write_bytes((songs / "a.wav").read_bytes())
    made = [*run(request(profile, tmp_path / "out"), works(songs, tmp_path / "out"))]
    assert [(o.work.mix.name, o.status) for o in made[:2]] == [("a.flac", DONE), ("a.wav", FAILED)]
    assert "both would go to" in made[1].error


def test_a_profile_that_cannot_be_built_ends_the_run(songs: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(PROFILE.replace("repair_dim", "repare_dim"))
    for jobs in (1, 2):
        bad = request(str(tmp_path / "bad.yaml"), tmp_path / "out")
        with pytest.raises(ValueError, match="repare_dim"):
            list(run(bad, works(songs, tmp_path), jobs))


@dataclass(frozen=True)
class Deadly(Instant):
    """A request that dies at some mixes: always, once, or while another is rendered."""

    def render(
        self, model: StreamingModel, work: Work, progress: Progress | None = None
    ) -> RenderReport:
        tries = self.out / f"{work.mix.stem}.tries"
        with tries.open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        dies = work.mix.stem.startswith("always") or (
            work.mix.stem.startswith("once") and len(tries.read_text().split()) == 1
        )
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().render(model, work, progress)


def test_a_mix_whose_process_died_is_tried_once_more_alone(tmp_path: Path) -> None:
    names = ["a", "once", "always", "b", "c"]
    works = [Work(Path(f"{name}.wav")) for name in names]
    made = [*run(Deadly(tmp_path), works, 2)]
    assert sorted(outcome.work.mix.stem for outcome in made) == sorted(names)
    failed = {o.work.mix.stem: o.error for o in made if o.status == FAILED}
    assert {*failed} == {"always"}
    assert all(f"exit code {-signal.SIGKILL}" in error for error in failed.values())
    tries = {path.stem: path.read_text().split() for path in tmp_path.glob("*.tries")}
    assert {name: len(processes) for name, processes in tries.items()} == {
        name: 1 if len(name) == 1 else 2 for name in names
    }
    again = {o.work.mix.stem for o in made[-2:]}  # when all others were done
    assert again == {name for name in names if len(name) > 1}


def test_a_summary_counts(songs: Path) -> None:
    summary = Summary()
    summary.add(Outcome(Work(songs), SKIPPED))
    summary.add(Outcome(Work(songs), FAILED, error="why"))
    assert summary.line().startswith("0 done, 1 skipped, 1 failed; 0.0 minutes of music in ")


def test_a_request_to_end_leaves_no_unfinished_file_in_any_process(
    profile: str, tmp_path: Path
) -> None:
    songs = [tmp_path / f"{number}.wav" for number in range(2)]
    for song in songs:
        soundfile.write(song, noise(48000 * 400, channels=1).T.numpy(), 48000)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "restem", "render", *map(str, songs), "--profile", profile]
    with subprocess.Popen(
        [*command, "--jobs", "2", "-o", str(out), "--report", str(tmp_path / "report")],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while len({path.parent for path in out.rglob("*.part")}) < 2 and process.poll() is None:
            os.sched_yield()
        process.terminate()
        _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert not out.exists()


def test_the_command_line_reports_line_by_line(profile: str, songs: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    command = [sys.executable, "-m", "restem", "render", str(songs), "--profile", profile]
    command += ["-o", str(tmp_path / "out"), "--report", str(report), "--skip-existing"]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (1, 1)
    assert "2 done, 0 skipped, 1 failed; " in first.stderr
    assert "0 done, 2 skipped, 1 failed; " in second.stderr
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line["status"] for line in lines[:3]] == [DONE, FAILED, DONE]
    assert [line["status"] for line in lines[3:]] == [SKIPPED, FAILED, SKIPPED]
    assert "cannot be read as audio" in next(line["error"] for line in lines if "error" in line)


@pytest.mark.parametrize("jobs", [1, 2])
def test_works_are_found_as_they_are_needed(tmp_path: Path, jobs: int) -> None:
    found = 0

    def names() -> Iterator[Path]:
        nonlocal found
        for found in range(1, 301):
            yield tmp_path / f"{found // 2}.wav"  # every other one is there already

    request = Instant(tmp_path / "out")
    for done, _ in enumerate(run(request, find_works(names(), tmp_path), jobs), start=1):
        assert found <= 2 * (done + jobs) + 1
    assert done == 151


def test_the_memory_of_a_run_does_not_grow_by_its_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From list to report; a path and its outcome take 500 bytes and more where they are kept."""
    held: dict[int, int] = {}

    def watched(*arguments: Any) -> Iterator[Outcome]:
        for number, outcome in enumerate(run(*arguments), start=1):
            yield outcome
            if number in (200, 1500):  # the last of two lists
                gc.collect()
                held[number] = tracemalloc.get_traced_memory()[0]

    monkeypatch.setattr("restem.bridge.batch.catalogue.Request", Instant)
    monkeypatch.setattr("restem.bridge.batch.catalogue.run", watched)
    listed, report = tmp_path / "list", tmp_path / "report"
    command = ["render", "--list", str(listed), "-o", str(tmp_path / "out"), "--json"]
    tracemalloc.start()
    with (tmp_path / "answers").open("w", encoding="utf-8") as answers:
        monkeypatch.setattr("sys.stdout", answers)
        for paths in (1500, 200):
            listed.write_text("".join(f"/music/{n // 20}/{n:05}.flac\n" for n in range(paths)))
            assert main([*command, "--report", str(report)]) == 0
    tracemalloc.stop()
    assert report.read_text().count('"done"') == 1700
    assert (held[1500] - held[200]) / 1300 < 200


def test_json_names_every_mix_once(
    profile: str, songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["render", str(songs), "-o", str(tmp_path / "out"), "--profile", profile, "--json"]
    assert main(command) == 1
    out = capsys.readouterr().out
    answers = json.loads(out)
    assert [Path(answer["mix"]).name for answer in answers] == ["a.wav", "broken.wav", "c.wav"]
    assert out == json.dumps(answers, indent=2) + "\n"


def test_json_of_a_run_that_cannot_begin_is_nothing(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["render", str(songs), "-o", str(tmp_path / "out"), "--profile", "nonesuch", "--json"]
    assert main(command) == 1
    assert capsys.readouterr().out == ""
