from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.training.songs import draw_stems, open_part, open_songs


def write(path: Path, level: float, seconds: float = 4.0, sounding: float = 4.0) -> None:
    """A part at a constant level up to `sounding` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.zeros((round(seconds * 8000), 2), dtype=np.float32)
    audio[: round(sounding * 8000)] = level
    soundfile.write(path, audio, 8000, subtype="FLOAT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "one" / "vocals" / "lead.wav", 0.1)
    write(tmp_path / "one" / "vocals" / "choir.wav", 0.2)
    write(tmp_path / "one" / "bass" / "0.wav", 0.4)
    write(tmp_path / "two" / "bass" / "0.wav", 0.3)
    write(tmp_path / "two" / "drums" / "0.wav", 0.0)
    return tmp_path


def test_songs_are_folders_of_stems_and_silent_parts_are_left_out(folder: Path) -> None:
    one, two = open_songs(folder)
    assert {stem: len(parts) for stem, parts in one.parts.items()} == {"vocals": 2, "bass": 1}
    assert set(two.parts) == {"bass"}


def test_a_part_knows_the_seconds_in_which_it_plays(tmp_path: Path) -> None:
    write(tmp_path / "part.wav", 0.1, seconds=5, sounding=2.5)
    assert open_part(tmp_path / "part.wav").active == (0, 1, 2)


def test_reading_past_the_end_gives_silence(tmp_path: Path) -> None:
    write(tmp_path / "part.wav", 0.1, seconds=2)
    audio = open_part(tmp_path / "part.wav").read(1.5, 1.0)
    assert audio.shape == (2, 8000)
    assert audio[:, :4000].min() > 0
    assert not audio[:, 4000:].any()


def test_stems_drawn_together_are_one_moment_of_one_song(folder: Path) -> None:
    songs = open_songs(folder)[:1]
    clips = draw_stems(songs, 2.0, np.random.default_rng(0), together=1.0)
    assert set(clips) == {"vocals", "bass"}
    assert clips["vocals"].max() == pytest.approx(0.3)


def test_stems_drawn_apart_come_from_any_song(folder: Path) -> None:
    songs, rng = open_songs(folder), np.random.default_rng(0)
    drawn = [draw_stems(songs, 1.0, rng, together=0.0) for _ in range(60)]
    levels = {round(float(clips["bass"].max()), 2) for clips in drawn if "bass" in clips}
    assert levels == {0.3, 0.4}
    assert {frozenset(clips) for clips in drawn} >= {frozenset(), frozenset({"vocals", "bass"})}


def test_a_folder_without_songs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no songs; expected"):
        open_songs(tmp_path)
