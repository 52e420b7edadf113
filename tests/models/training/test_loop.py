import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

from restem.models.embedded import EmbeddedCascade
from restem.models.training.data.songs import Song, open_songs
from restem.models.training.loop import Clips, Progress, Trainer, train, validate
from restem.models.training.recipes import DataConfig, Recipe, ValidationConfig
from restem.models.training.trainers.embedded import EmbeddedTrainingConfig
from restem.models.weights import store
from tests.support.embedded_params import PARAMS
from tests.support.tiny_networks import noise

CPU = torch.device("cpu")
RECIPE = Recipe(
    "a tiny cascade",
    embedded=EmbeddedTrainingConfig(PARAMS),
    data=DataConfig(clip_seconds=0.5, batch_size=1, workers=0),
    validation=ValidationConfig(every_minutes=60, clips=2, clip_seconds=0.5),
    steps=3,
)


@pytest.fixture
def songs(tmp_path: Path) -> list[Song]:
    rng = np.random.default_rng(0)
    for song in ("one", "two"):
        for stem in ("vocals", "bass", "drums"):
            path = tmp_path / "songs" / song / stem / "0.wav"
            path.parent.mkdir(parents=True)
            soundfile.write(path, 0.1 * rng.standard_normal((48000 * 4, 2)), 48000)
    return open_songs(tmp_path / "songs")


def run(recipe: Recipe, songs: list[Song], out: Path) -> list[Progress]:
    seen: list[Progress] = []
    train(recipe, songs[:1], songs[1:], out, CPU, seen.append)
    return seen


def rows(out: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_a_run_leaves_weights_a_log_and_its_split(songs: list[Song], tmp_path: Path) -> None:
    out = tmp_path / "out"
    seen = run(RECIPE, songs, out)
    assert [progress.steps for progress in seen] == [1, 2, 3]
    assert [progress.fraction for progress in seen] == pytest.approx([1 / 3, 2 / 3, 1])
    (row,) = rows(out)
    assert row["steps"] == 3
    assert set(row["scores"]) <= {"vocals", "bass", "drums"}
    assert row["scores"]
    assert isinstance(store.load_network(out / "weights.safetensors"), EmbeddedCascade)
    split = yaml.safe_load((out / "split.yaml").read_text())
    assert split == {"training": ["one"], "held_out": ["two"]}


def test_a_run_is_continued_where_it_stopped(songs: list[Song], tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(RECIPE, songs, out)
    seen = run(replace(RECIPE, steps=5), songs, out)
    assert [progress.steps for progress in seen] == [4, 5]
    assert [row["steps"] for row in rows(out)] == [3, 5]
    assert rows(out)[1]["minutes"] > rows(out)[0]["minutes"]
    assert run(replace(RECIPE, steps=5), songs, out) == []


def test_an_interrupted_run_keeps_its_last_step(songs: list[Song], tmp_path: Path) -> None:
    def interrupt(now: Progress) -> None:
        if now.steps == 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, songs[:1], songs[1:], out, CPU, interrupt)
    assert [progress.steps for progress in run(RECIPE, songs, out)] == [3]


def test_a_killed_run_goes_on_from_its_last_checkpoint(
    songs: list[Song], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restem.models.training.loop.SAVE_MINUTES", 0.0)
    out, seen = tmp_path / "out", list[int]()

    def watch(now: Progress) -> None:
        seen.append(now.steps)
        if now.steps == 2:
            (out / "last.pt").rename(tmp_path / "kept.pt")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(RECIPE, songs[:1], songs[1:], out, CPU, watch)
    (tmp_path / "kept.pt").replace(out / "last.pt")  # as if nothing had been saved at the end
    train(RECIPE, songs[:1], songs[1:], out, CPU, lambda now: seen.append(now.steps))
    assert seen == [1, 2, 3]


def test_a_run_may_draw_from_the_memory_of_its_device(songs: list[Song], tmp_path: Path) -> None:
    recipe = replace(RECIPE, data=replace(RECIPE.data, resident=True, batch_size=2))
    assert [progress.steps for progress in run(recipe, songs, tmp_path / "out")] == [1, 2, 3]
    again = replace(recipe, steps=4, data=replace(recipe.data, resident=False))
    assert [progress.steps for progress in run(again, songs, tmp_path / "out")] == [4]


def test_a_folder_with_another_run_is_refused(songs: list[Song], tmp_path: Path) -> None:
    run(RECIPE, songs, tmp_path / "out")
    before = (tmp_path / "out" / "last.pt").read_bytes()
    with pytest.raises(ValueError, match="holds a run of another recipe; choose another folder"):
        run(replace(RECIPE, seed=7), songs, tmp_path / "out")
    assert (tmp_path / "out" / "last.pt").read_bytes() == before


def test_a_broken_checkpoint_is_refused(songs: list[Song], tmp_path: Path) -> None:
    run(RECIPE, songs, tmp_path / "out")
    (tmp_path / "out" / "last.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="a broken checkpoint; remove it to begin anew"):
        run(replace(RECIPE, steps=9), songs, tmp_path / "out")


def test_clips_depend_on_their_seed_alone(songs: list[Song]) -> None:
    def first(*seed: int) -> torch.Tensor:
        return next(iter(Clips(songs, ("bass", "drums"), 48000, RECIPE.data, seed)))[0]

    assert torch.equal(first(1, 0), first(1, 0))
    assert not torch.equal(first(1, 0), first(2, 0))


def test_a_network_of_one_stem_hears_it_in_every_clip(songs: list[Song]) -> None:
    clips = iter(Clips(songs, ("bass",), 48000, RECIPE.data, (0,)))
    for _ in range(10):
        mix, targets = next(clips)
        assert targets.shape == (1, 2, 24000)
        assert targets.any()
        assert mix.shape == (2, 24000)


class Deaf:
    """Lets everything through, whatever it is trained on."""

    sample_rate, stems = 48000, ("vocals", "bass")

    def restore(self, mix: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"separator": mix.expand(2, -1, -1)}


def test_validation_scores_only_stems_that_play() -> None:
    mix, targets = noise(48000), torch.zeros(2, 2, 48000)
    targets[1] = mix
    trainee: Trainer = Deaf()  # type: ignore[assignment]
    scores = validate(trainee, [(mix, targets)])
    assert set(scores) == {"bass"}
    assert scores["bass"]["mix"] == scores["bass"]["separator"] > 60
    assert scores["bass"]["clips"] == 1
