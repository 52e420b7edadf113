"""Songs as folders of stems, and random training clips drawn from them.

SONGS/<song>/<stem>/<part>.wav      any number of parts; a stem is the sum of those drawn
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.stems import STEMS

Audio = NDArray[np.float32]
ACTIVE_RMS = 10 ** (-45 / 20)


@dataclass(frozen=True)
class Part:
    """One recorded part of a stem and the seconds in which it plays."""

    path: Path
    sample_rate: int
    active: tuple[int, ...]

    def read(self, second: float, duration_seconds: float) -> Audio:
        """Read [c, n] from `second` on, padded with silence past the end."""
        frames = round(duration_seconds * self.sample_rate)
        start = max(round(second * self.sample_rate), 0)
        audio = soundfile.read(
            self.path, frames, start, dtype="float32", always_2d=True, fill_value=0.0
        )[0]
        return np.ascontiguousarray(audio.T)


@dataclass(frozen=True)
class Song:
    name: str
    parts: dict[str, tuple[Part, ...]]  # by stem


def open_part(path: Path) -> Part:
    """Open a part and find the whole seconds in which it is louder than -45 dBFS."""
    sample_rate = soundfile.info(path).samplerate
    seconds = soundfile.blocks(path, sample_rate, dtype="float32", always_2d=True)
    active = [i for i, block in enumerate(seconds) if np.sqrt(np.mean(block**2)) > ACTIVE_RMS]
    return Part(path, sample_rate, tuple(active))


def open_songs(folder: Path) -> list[Song]:
    """Open every song below a folder.

    Raises:
        ValueError: there is none.
    """
    songs = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        parts = {}
        for stem in STEMS:
            opened = [open_part(p) for p in sorted((path / stem).glob("*.wav"))]
            if audible := tuple(part for part in opened if part.active):
                parts[stem] = audible
        if parts:
            songs.append(Song(path.name, parts))
    if not songs:
        raise ValueError(f"{folder}: no songs; expected {folder}/<song>/<stem>/*.wav")
    return songs


def draw_stems(
    songs: Sequence[Song], duration_seconds: float, rng: np.random.Generator, together: float = 0.4
) -> dict[str, Audio]:
    """Draw one clip of each of a random set of stems.

    Args:
        songs: where to draw from.
        duration_seconds: of the clips.
        rng: all chance comes from here.
        together: how often the stems come from one moment of one song; otherwise each stem is
            drawn from any song and any moment in which it plays.

    Returns:
        [c, n] by stem; stems that were not drawn are left out.
    """
    if rng.random() < together:
        song = songs[int(rng.integers(len(songs)))]
        anchor = song.parts[str(rng.choice(sorted(song.parts)))][0]
        second = _start(anchor, duration_seconds, rng)
        return {
            stem: _sum([part.read(second, duration_seconds) for part in parts])
            for stem, parts in song.parts.items()
        }
    clips = {}
    for stem in STEMS:
        players = [song for song in songs if stem in song.parts]
        if not players or rng.random() > 0.6:
            continue
        # A real multitrack has many parts, a rendered song one: the real ones are drawn more often.
        weight = np.array([len(song.parts[stem]) for song in players]) ** 1.5
        song = players[rng.choice(len(players), p=weight / weight.sum())]
        parts = song.parts[stem]
        part = parts[rng.integers(len(parts))]
        clips[stem] = part.read(_start(part, duration_seconds, rng), duration_seconds)
    return clips


def _start(part: Part, duration_seconds: float, rng: np.random.Generator) -> float:
    second = part.active[rng.integers(len(part.active))]
    return max(0.0, second - rng.random() * (duration_seconds - 1))


def _sum(clips: Sequence[Audio]) -> Audio:
    total: Audio = np.sum(clips, axis=0, dtype=np.float32)
    return total
