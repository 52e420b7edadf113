from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from restem.models.training.data.resident import Resident
from restem.models.training.data.songs import Song, open_songs
from restem.models.training.trainers.embedded import EmbeddedTrainer, EmbeddedTrainingConfig
from tests.support.embedded_params import PARAMS

RATE = 8000
STEMS = ("vocals", "guitars", "bass")
CPU = torch.device("cpu")


def value(song: int, stem: str, second: int) -> float:
    """Every second of every stem has a constant of its own."""
    return 0.02 + 0.1 * STEMS.index(stem) + 0.03 * song + 0.001 * second


@pytest.fixture
def songs(tmp_path: Path) -> list[Song]:
    """Two songs; the first has no bass, the second's guitars rest in its second second."""
    for number, (name, stems) in enumerate((("a/x", STEMS[:2]), ("b/y", STEMS[1:]))):
        for stem in stems:
            seconds = [
                0.0 if (stem, number, s) == ("guitars", 1, 1) else value(number, stem, s)
                for s in range(6)
            ]
            audio = np.repeat(np.repeat(seconds, RATE)[:, None], 2, axis=1)
            (tmp_path / name / stem).mkdir(parents=True)
            soundfile.write(tmp_path / name / stem / "0.wav", audio, RATE)
    layout = tmp_path / "layout.yaml"
    patterns = "\n".join(f"  {stem}: ['{stem}/*']" for stem in STEMS)
    layout.write_text(f"description: two\nsongs: ['*/*']\nstems:\n{patterns}\n")
    return open_songs(tmp_path, layout)


def test_stems_drawn_together_are_one_moment_of_one_song(songs: list[Song]) -> None:
    clips = Resident(songs, STEMS, RATE, CPU).clips(64, RATE, together=1.0)
    seen = set()
    for vocals, guitars, bass in clips[:, :, 0]:
        number = 0 if vocals.any() else 1
        seen.add(number)
        assert not (bass if number == 0 else vocals).any()
        other, stem = (vocals, "vocals") if number == 0 else (bass, "bass")
        shift = value(number, "guitars", 0) - value(number, stem, 0)
        sounding = guitars > 0
        torch.testing.assert_close(guitars[sounding], other[sounding] + shift, rtol=0, atol=1e-3)
    assert seen == {0, 1}


def test_stems_drawn_apart_come_from_any_song_and_play(songs: list[Song]) -> None:
    clips = Resident(songs, STEMS, RATE, CPU).clips(200, 2 * RATE, together=0.0)
    playing = clips.flatten(2).any(-1)
    assert 0.5 < playing.float().mean() < 0.75
    assert torch.any(playing[:, 0] & playing[:, 2])  # which no song has
    assert playing.any(-1).all()


def test_sources_are_drawn_as_often_as_they_weigh(songs: list[Song]) -> None:
    resident = Resident(songs, STEMS, RATE, CPU, {"a": 3.0, "b": 1.0})
    first, _ = resident.starts(2000, RATE, 0.0, torch.Generator().manual_seed(0))
    drawn = first[:, 1][first[:, 1] >= 0]
    own = resident.offsets[1, 1]
    assert (drawn < own).float().mean() == pytest.approx(0.75, abs=0.04)


def test_past_the_end_of_a_song_is_silence_not_the_next_song(songs: list[Song]) -> None:
    resident = Resident(songs, STEMS, RATE, CPU)
    clips = resident.clips(200, 9 * RATE, together=1.0)
    assert not clips[..., 8 * RATE :].any()


def test_batches_are_mastered_mixes_and_one_seed_gives_one(songs: list[Song]) -> None:
    resident = Resident(songs, STEMS, RATE, CPU)
    first, again, other = (next(resident.batches(3, RATE, 0.4, seed)) for seed in (1, 1, 2))
    assert (first[0].shape, first[1].shape) == ((3, 2, RATE), (3, 3, 2, RATE))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_a_batch_costs_as_many_operations_for_many_clips_as_for_one(songs: list[Song]) -> None:
    resident, counts = Resident(songs, STEMS, RATE, CPU), []
    for batch in (2, 16):
        batches = resident.batches(batch, RATE, 0.4, seed=0)
        with torch.profiler.profile() as profile:
            next(batches)
        counts.append(sum(event.count for event in profile.key_averages()))
    assert counts[1] == pytest.approx(counts[0], rel=0.1)


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(ValueError, match="no songs to train on"):
        Resident([], STEMS, RATE, CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_training_on_a_gpu_learns_from_its_memory(songs: list[Song]) -> None:
    device = torch.device("cuda")
    resident = Resident(songs, STEMS, RATE, device)
    mix, targets = next(resident.batches(2, RATE, 0.4, seed=0))
    params = {**PARAMS, "stems": STEMS, "sample_rate": RATE}
    training = EmbeddedTrainer(EmbeddedTrainingConfig(params, precision="bf16"), device)
    losses = [sum(training.step(mix, targets, progress=0.05).values()) for _ in range(30)]
    assert losses[-1] < losses[0]
