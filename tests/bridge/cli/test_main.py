import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge import speed
from restem.bridge.cli import output
from restem.bridge.cli.main import main
from restem.bridge.speed import Speed
from restem.models import zoo
from restem.models.stems import STEMS
from restem.streamer.profiles import profile_names
from tests.support.tiny_networks import PROFILE, noise


@pytest.fixture(autouse=True)
def own_weights_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path / "weights"))


@pytest.fixture
def mix(tmp_path: Path) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, noise(9600).T.numpy(), 48000)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `restem` with these arguments."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as exit:
        code = int(exit.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_render_writes_eight_stems_of_the_mixes_length(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "render", mix, "-o", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith("song.wav: 8 stems, 0:00.2, real-time factor ")
    for stem in STEMS:
        info = soundfile.info(tmp_path / "out" / "song" / f"{stem}.wav")
        assert (info.frames, info.samplerate, info.channels) == (9600, 48000, 2)


def test_render_answers_in_json(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("render", mix, "-o", tmp_path, "--stems", "drums,vocals", "--format", "flac")
    code, out, _ = run(capsys, *arguments, "--json")
    (report,) = json.loads(out)
    assert code == 0
    assert [Path(file).name for file in report["files"]] == ["vocals.flac", "drums.flac"]


def test_one_bad_mix_among_good_ones_is_named_and_the_rest_is_rendered(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"not audio")
    code, out, err = run(capsys, "render", bad, mix, "-o", tmp_path / "out", "--stems", "bass")
    assert code == 1
    assert out.startswith("song.wav: 1 stem")
    assert err.startswith(f"restem: error: {bad}: ")
    assert err.count("\n") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["song"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("render",), 2, "arguments are required"),
        (("play",), 2, "invalid choice: 'play'"),
        (("render", "MIX", "-o", "OUT", "--format", "aiff"), 2, "invalid choice: 'aiff'"),
        (("render", "nowhere.wav", "-o", "OUT"), 1, "nowhere.wav: No such file"),
        (("render", "MIX", "-o", "OUT", "--stems", "voice"), 1, "unknown stem 'voice'; expected"),
        (("render", "MIX", "-o", "OUT", "--stems", ""), 1, "unknown stem ''"),
        (("render", "MIX", "-o", "OUT", "--device", "gpu"), 1, "unknown device 'gpu'; expected"),
        (("render", "MIX", "-o", "OUT", "--profile", "lve"), 1, "unknown profile 'lve'; expected"),
        (("render", "MIX", "-o", "OUT", "--profile", "offline"), 1, "restem weights fetch"),
        (("render", "MIX", "-o", "OUT", "--subtype", "PCM_7"), 1, "PCM_7"),
        (("render", "MIX", "other/song.flac", "-o", "OUT"), 1, "both would go to"),
        (("render", "MIX", "-o", "MIX"), 1, "Not a directory"),
        (("weights", "fetch", "nobodys"), 1, "nothing to fetch for 'nobodys'; expected"),
        (("weights", "fetch", "demucs-l"), 1, "nothing to fetch for 'demucs-l'"),
        (("weights", "add", "mine/bass", "--checkpoint", "no.pth"), 1, "restem: error: "),
    ],
)
def test_a_bad_call_costs_one_line_and_leaves_nothing(
    arguments: tuple[str, ...],
    code: int,
    message: str,
    mix: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {"MIX": str(mix), "OUT": str(tmp_path / "out")}
    got, out, err = run(capsys, *(places.get(argument, argument) for argument in arguments))
    assert got == code
    assert message in err.splitlines()[-1]
    assert code == 2 or err.count("\n") == 1
    assert "Traceback" not in err
    assert "[Errno" not in err
    assert out == ""
    assert not (tmp_path / "out").exists()


def test_a_mix_named_twice_is_rendered_once(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "render", mix, mix, "-o", tmp_path, "--stems", "bass, drums")
    assert (code, err, out.count("\n")) == (0, "", 1)


def test_existing_stems_are_kept_without_overwrite(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("render", mix, "-o", tmp_path, "--stems", "bass")
    assert run(capsys, *arguments)[0] == 0
    stem = tmp_path / "song" / "bass.wav"
    stem.write_bytes(b"mine")
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert "overwrite" in err
    assert stem.read_bytes() == b"mine"
    assert run(capsys, *arguments, "--overwrite")[0] == 0
    assert soundfile.info(stem).frames == 9600


def test_an_unexpected_error_is_one_line_too(
    mix: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("boom\nsecond line")

    monkeypatch.setattr("restem.bridge.batch.catalogue.build_profile", fail)
    code, _, err = run(capsys, "render", mix, "-o", tmp_path)
    assert (code, err) == (
        1,
        "restem: error: RuntimeError: boom second line (--debug shows where)\n",
    )
    with pytest.raises(RuntimeError):
        main(["render", str(mix), "-o", str(tmp_path), "--debug"])


def hear_ctrl_c() -> None:
    """A job in the background is started deaf to it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_request_to_end_leaves_no_file(name: str, tmp_path: Path) -> None:
    mix = tmp_path / "long.wav"
    soundfile.write(mix, np.zeros((48000 * 600, 1), dtype=np.int16), 48000)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "restem.bridge.cli.main", "render", str(mix), "-o", str(out)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    ) as process:
        while not list(out.glob("long/*.part")) and process.poll() is None:
            os.sched_yield()
        process.send_signal(getattr(signal, name))
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err == "restem: error: interrupted; unfinished files were removed\n"
    assert not out.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU's OpenMP, which PyTorch has on Linux")
@pytest.mark.parametrize(
    ("given", "policy"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_pytorchs_threads_do_not_spin_unless_asked_to(given: dict[str, str], policy: str) -> None:
    environment = {**os.environ, "OMP_DISPLAY_ENV": "TRUE"}
    environment.pop("OMP_WAIT_POLICY", None)
    done = subprocess.run(
        [sys.executable, "-m", "restem", "models"],
        env=environment | given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"OMP_WAIT_POLICY = '{policy}'" in done.stderr


def test_long_work_without_a_terminal_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = threading.Event()
    monkeypatch.setattr(output, "LINE_SECONDS", 0.01)
    monkeypatch.setattr(output, "print_note", lambda text: (print(text), told.set()))
    with output.progress_lines("work") as progress:
        progress(1, 4)
        assert told.wait(60)
    assert capsys.readouterr().out.splitlines()[0].startswith("work: ")
    assert output.LINE_SECONDS < 10


def test_upper_case_and_a_last_comma_are_no_mistakes(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--stems", "BASS, ,", "--format", "FLAC", "--subtype", "pcm_16", "--device", "CPU")
    code, _, err = run(capsys, "render", mix, "-o", tmp_path, *arguments)
    assert (code, err) == (0, "")
    assert soundfile.info(tmp_path / "song" / "bass.flac").subtype == "PCM_16"


def test_a_failed_mix_is_in_the_json_answer(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"not audio")
    code, out, err = run(
        capsys, "render", bad, mix, "-o", tmp_path / "out", "--stems", "bass", "--json"
    )
    failed, made = json.loads(out)
    assert (code, failed["mix"], made["mix"]) == (1, str(bad), str(mix))
    assert err == f"restem: error: {failed['error']}\n"


def test_a_song_after_a_take_is_a_song(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    take = tmp_path / "take-001"
    code, out, err = run(
        capsys, "render", "-o", tmp_path / "out", "--stems", "bass", "--session", take, mix
    )
    assert code == 1
    assert out.startswith("song.wav: 1 stem")
    assert str(take) in err


def render_apart(mixes: list[Path], out: Path, stdout: object, **env: str) -> tuple[int, str]:
    """Exit code and stderr of a render in a process of its own."""
    command = [sys.executable, "-m", "restem.bridge.cli.main", "render", *map(str, mixes)]
    done = subprocess.run(
        [*command, "-o", str(out), "--stems", "bass"],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_a_name_that_the_console_cannot_print_is_escaped(
    mix: Path, tmp_path: Path, encoding: str
) -> None:
    other = tmp_path / "日本.wav"
    other.write_bytes(mix.read_bytes())
    with (tmp_path / "answer").open("wb") as stdout:
        code, err = render_apart([other, mix], tmp_path, stdout, PYTHONIOENCODING=encoding)
    assert (code, err) == (0, "")
    lines = (tmp_path / "answer").read_text().splitlines()
    assert [line.split(":")[0] for line in lines] == [r"\u65e5\u672c.wav", "song.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_the_batch_goes_on_when_nobody_reads(mix: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(mix.read_bytes())
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "wb") as stdout:
        assert render_apart([mix, other], tmp_path, stdout) == (0, "")
    assert (tmp_path / "other" / "bass.wav").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_is_a_line_and_the_batch_goes_on(
    mix: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(mix.read_bytes())
    with open("/dev/full", "wb") as stdout:
        code, err = render_apart([mix, other], tmp_path, stdout)
    assert code == 1
    assert err.startswith("restem: error: standard output: No space left on device; ")
    assert err.count("\n") == 1
    assert (tmp_path / "other" / "bass.wav").exists()


def test_profiles_are_listed_with_samples_and_milliseconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "profiles")
    assert code == 0
    assert "2048 samples = 42.7 ms" in out
    rows = json.loads(run(capsys, "profiles", "--json")[1])
    assert rows[0]["name"] == "live-cpu"
    assert rows[0]["ready"] == "yes"
    ready = {row["name"]: row["ready"] for row in rows}
    assert "restem weights fetch dtt-bsr" in ready["studio"]


def test_profiles_are_measured_and_what_cannot_be_built_is_a_row_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.yaml").write_text(PROFILE)
    (tmp_path / "broken.yaml").write_text(PROFILE.replace("repair_dim", "repare_dim"))
    named = [
        part for name in ("broken", "small") for part in ("--profile", tmp_path / f"{name}.yaml")
    ]
    code, out, err = run(capsys, "profiles", "--measure", "--json", "--device", "cpu", *named)
    assert code == 1
    assert err.startswith("restem: note: 2 profiles are measured, each in 120 s at the most\n")
    broken, small = json.loads(out)
    assert broken["holds"] is None
    assert "repare_dim" in broken["problem"]
    assert "\n" not in broken["problem"]
    assert (small["stems"], small["weights"], small["threads"]) == (3, "seeded", 1)
    assert small["block_ms"] == pytest.approx(1000 * 1024 / 48000)
    assert 0 < small["step_p50"] <= small["step_p99"] <= small["step_worst"]
    assert small["real_time_factor"] == pytest.approx(small["step_p50"] / small["block_ms"])


def test_measured_profiles_are_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(names: list[str], device: str, threads: int) -> list[Speed]:
        assert (names, device, threads) == (profile_names(), "auto", 2)
        held = Speed(
            "one", "cpu", 2, True, "", "installed", 8, 10.0, 2.5, 3.0, 4.0, 0.25, 480, 10.0
        )
        return [held, Speed("two", "cpu", 2, False, "takes too long", "seeded", 8)]

    monkeypatch.setattr(speed, "measure_profiles", measured)
    code, out, err = run(capsys, "profiles", "--measure", "--threads", "2")
    assert code == 0
    assert err.count("\n") == 1
    cells = "one cpu 8 installed 10.0 2.5 3.0 4.0 0.25 480 = 10.0 ms yes"
    assert " ".join(out.splitlines()[2].replace("|", " ").split()) == cells
    assert "\ntwo: takes too long\n\nseeded: noise stands in" in out


@pytest.mark.parametrize("option", [("--profile", "studio"), ("--threads", 2), ("--device", "cpu")])
def test_options_of_measuring_want_it(
    option: tuple[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    complaint = f"restem: error: {option[0]} is for measuring: give --measure, too\n"
    assert run(capsys, "profiles", *option) == (1, "", complaint)


def test_models_and_weights_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    models = json.loads(run(capsys, "models", "--json")[1])
    assert [row["name"] for row in models] == [*zoo.NETWORKS]
    weights = json.loads(run(capsys, "weights", "list", "--json")[1])
    assert {row["name"] for row in weights} >= {"embedded", "dtt-bsr/vocals", "dttnet/bass"}
    assert "| dtt-bsr/vocals" in run(capsys, "weights", "list")[1]


def test_the_embedded_weights_are_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "weights", "verify")[:2] == (0, "embedded: ok\nembedded-fast: ok\n")


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        (("--two-stems", "vocals"), {"vocals", "no_vocals"}),
        (("--minus", "vocals,drums"), {"no_vocals_drums"}),
        (("--minus", "vocals", "--stems", "bass"), {"bass", "no_vocals"}),
        (("--stems", "bass,drums", "--residual"), {"bass", "drums", "residual"}),
        (("--add-up",), {*STEMS}),
    ],
)
def test_render_writes_what_is_asked_for(
    flags: tuple[str, ...],
    names: set[str],
    mix: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = run(capsys, "render", mix, "-o", tmp_path / "out", *flags)
    assert (code, err) == (0, "")
    assert {path.stem for path in (tmp_path / "out" / "song").glob("*.wav")} == names


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("--two-stems", "vocals,bass"), 1, "--two-stems: takes one stem"),
        (("--two-stems", "vocals", "--residual"), 1, "--two-stems: takes one stem"),
        (("--residual", "--add-up"), 2, "not allowed with"),
        (("--name", "../{stem}.{ext}"), 1, "leads out of the output folder"),
        (("--start", "-1"), 2, "expected seconds"),
        (("--start", "9"), 1, "lasts 0.20 s; begin before, not at 9 s"),
        (("--duration", "0"), 2, "expected seconds, more than 0"),
        (("--clip", "float", "--format", "flac"), 1, "clip float: only WAV files"),
        (("--dither",), 1, "dither is for 16-bit files"),
        (("--threads", "0"), 2, "expected a whole number"),
    ],
)
def test_flags_of_render_that_do_not_fit_cost_a_line(
    flags: tuple[str, ...],
    code: int,
    message: str,
    mix: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    got, out, err = run(capsys, "render", mix, "-o", tmp_path / "out", "--stems", "bass", *flags)
    assert (got, out) == (code, "")
    assert message in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_part_of_a_mix_is_restored_as_if_it_had_been_cut_out(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = tmp_path / "part.wav"
    soundfile.write(part, noise(9600).T.numpy()[2400:7200], 48000)
    arguments = ("-o", tmp_path / "out", "--stems", "bass")
    code, out, _ = run(capsys, "render", mix, *arguments, "--start", "0.05", "--duration", "0.1")
    assert (code, out.split(", ")[1]) == (0, "0:00.1")
    assert run(capsys, "render", part, *arguments)[0] == 0
    cut, alone = (tmp_path / "out" / name / "bass.wav" for name in ("song", "part"))
    assert soundfile.info(cut).frames == 4800
    assert cut.read_bytes() == alone.read_bytes()


def test_stems_go_to_a_folder_of_their_own_if_none_is_named(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "render", mix, "--stems", "bass")[0] == 0
    assert (tmp_path / "restem-stems" / "song" / "bass.wav").exists()


def test_files_are_called_as_wanted(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--stems", "bass,drums", "--residual", "--name", "{stem}/{mix}.{ext}")
    assert run(capsys, "render", mix, "-o", tmp_path / "out", *arguments)[0] == 0
    made = {p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.wav")}
    assert made == {"bass/song.wav", "drums/song.wav", "residual/song.wav"}


def test_threads_are_pytorchs(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", asked.append)
    assert run(capsys, "render", mix, "-o", tmp_path, "--stems", "bass", "--threads", "2")[0] == 0
    assert asked == [2]


def piped(arguments: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "restem", "render", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def test_a_mix_comes_and_a_stem_goes_through_pipes(
    mix: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = piped(["-", "-o", "-", "--minus", "vocals"], mix.read_bytes())
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(b"restem: note: -: no_vocals, 0:00.2, ")
    assert run(capsys, "render", mix, "-o", tmp_path, "--minus", "vocals")[0] == 0
    expected = (tmp_path / "song" / "no_vocals.wav").read_bytes()
    assert done.stdout == expected
    assert piped([str(mix), "-o", "-", "--minus", "vocals"], b"").stdout == expected


def test_pipes_that_cannot_work_cost_a_line() -> None:
    done = piped(["-", "-o", "-"], b"")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"restem: error: standard output takes one file of one mix")
    done = piped(["-", "-o", "-", "--stems", "bass"], b"not audio")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"restem: error: standard input: cannot be read as audio")
