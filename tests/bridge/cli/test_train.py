"""From raw folders to an exported file that renders, through the command line alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge.cli.main import main
from restem.models.weights.store import describe_weights

RECIPE = {
    "description": "a tiny cascade",
    "embedded": {
        "params": {
            "n_fft": 1024,
            "hop_length": 512,
            "bands": [[8, 4, 1], [4, 30, 4]],
            "separator_dim": 8,
            "summary_dim": 8,
            "repair_dim": 8,
        }
    },
    "data": {"clip_seconds": 0.5, "batch_size": 1, "workers": 0},
    "validation": {"clips": 2, "clip_seconds": 0.5},
    "steps": 3,
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(RECIPE))  # JSON is YAML
    return path


def songs(folder: Path, *names: str) -> Path:
    rng = np.random.default_rng(0)
    for name in names:
        for stem in ("vocals", "bass"):
            path = folder / name / f"{stem}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * rng.standard_normal((48000 * 3, 2)), 48000)
    return folder


def restem(*words: object) -> int:
    return main([str(word) for word in words])


def test_folders_become_a_file_that_renders(recipe: Path, tmp_path: Path) -> None:
    data, out, mix = songs(tmp_path / "data", "a", "b", "c"), tmp_path / "run", tmp_path / "mix.wav"
    assert restem("train", recipe, "--songs", data, "-o", out) == 0
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    weights = tmp_path / "shelf" / "mine.safetensors"
    assert restem("train", recipe, "-o", out, "--export", weights) == 0
    assert weights.read_bytes() == (out / "weights.safetensors").read_bytes()
    assert describe_weights(weights).params["repair_strength"]
    soundfile.write(mix, 0.1 * np.random.default_rng(1).standard_normal((9000, 2)), 48000)
    for number, profile in enumerate((out / "profile.yaml", weights.with_suffix(".yaml"))):
        assert restem("render", mix, "-o", tmp_path / f"{number}", "--profile", profile) == 0
    first, second = (soundfile.read(tmp_path / n / "mix" / "bass.wav")[0] for n in "01")
    assert first.shape == (9000, 2)
    assert np.array_equal(first, second)


def test_an_export_replaces_no_file_and_no_other_recipes_run(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = songs(tmp_path / "data", "a", "b"), tmp_path / "run"
    assert restem("train", recipe, "--songs", data, "-o", out, "--seed", 5) == 0
    weights, profile = tmp_path / "out.safetensors", tmp_path / "other.yaml"
    assert restem("train", recipe, "-o", out, "--export", weights) == 0
    before = weights.read_bytes()
    profile.write_text("mine")
    for words, complaint in (
        ([recipe, "--export", weights], f"{weights}: exists; remove it or choose another name"),
        ([recipe, "--export", recipe.with_suffix(".safetensors")], f"{recipe}: exists; remove"),
        ([recipe, "--export", profile.with_suffix(".safetensors")], f"{profile}: exists; remove"),
        (["embedded", "--export", tmp_path / "new.safetensors"], "holds a run of another recipe"),
    ):
        capsys.readouterr()
        assert restem("train", *words, "-o", out) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line
    assert (weights.read_bytes(), profile.read_text()) == (before, "mine")
    assert not (tmp_path / "new.safetensors").exists()


def test_held_out_songs_may_have_a_folder_of_their_own(recipe: Path, tmp_path: Path) -> None:
    data, others = songs(tmp_path / "data", "a"), songs(tmp_path / "others", "b")
    assert restem("train", recipe, "--songs", data, "--held-out", others, "-o", tmp_path / "r") == 0
    split = (tmp_path / "r" / "split.yaml").read_text()
    assert split.index("held_out") < split.index("b") < split.index("training")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--songs", "{data}", "--held-out", "{data}"], "held-out songs are among the training"),
        (["--songs", "{data}", "{data}"], "songs of one name in two folders: a, b; rename one"),
        (["--songs", "{one}"], "one song cannot be split; give more, or --held-out FOLDER"),
        (["--songs", "{nothing}"], "no such folder"),
        ([], "--songs FOLDER: the songs to train on are missing"),
        (["--songs", "{data}", "--steps", "0"], "steps: expected at least 1, got 0"),
        (["--export", "{nothing}.safetensors"], "no checkpoint; train first"),
        (["--export", "{nothing}.pth"], "weights are exported as .safetensors"),
    ],
)
def test_what_cannot_be_trained_is_said_in_one_line(
    recipe: Path,
    tmp_path: Path,
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = {
        "data": songs(tmp_path / "data", "a", "b"),
        "one": songs(tmp_path / "one", "a"),
        "nothing": tmp_path / "nothing",
    }
    given = [word.format(**places) for word in words]
    assert restem("train", recipe, "-o", tmp_path / "run", *given) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_an_unknown_recipe_is_answered_with_the_choices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restem("train", "embeded", "--songs", tmp_path, "-o", tmp_path) == 1
    assert "expected one of demucs-l, dtt-bsr, dttnet, embedded" in capsys.readouterr().err
