"""Songs as folders of stems, random training clips drawn from them, and their split in two.

A layout says which file of a song is (part of) which stem; a stem is the sum of its parts. Layouts
are YAML files: some ship with restem, `models.training.data.layout` says how to write another.
"""

import math
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import yaml
from numpy.typing import NDArray

from restem.models.atomic_write import atomically
from restem.models.stems import STEMS
from restem.models.training.data.activity import FileScan, Progress, inspect_all
from restem.models.training.data.layout import (
    DEFAULT,
    SongFiles,
    layout_names,
    list_songs,
    read_layout,
    unmatched,
)

Audio = NDArray[np.float32]
# soxr's filter is shorter than this, in samples of the lower rate.
RESAMPLER_REACH = 256
# Clips start on a grid that all usual sample rates share: parts stay aligned to the sample.
STARTS_PER_SECOND = 25


@dataclass(frozen=True)
class Part:
    """One recorded part of a stem and the seconds in which it plays."""

    path: Path
    sample_rate: int
    active: tuple[int, ...]
    frames: int = 0

    @property
    def duration_seconds(self) -> float:
        return self.frames / self.sample_rate

    def read(self, second: float, duration_seconds: float, sample_rate: int | None = None) -> Audio:
        """Read from `second` on, padded with silence past the end.

        Args:
            second: where to start, not before 0.
            duration_seconds: of the clip.
            sample_rate: of the clip, in Hz; the part's own if None.

        Returns:
            [2, round(duration_seconds * sample_rate)]; mono becomes two equal channels. Whatever
            their own rates, parts that are read at one rate are aligned with each other.
        """
        rate = sample_rate or self.sample_rate
        start, count = max(round(second * rate), 0), round(duration_seconds * rate)
        if rate == self.sample_rate:
            return self._frames(start, count)
        #            | reach | start ... start + count | reach |      at `rate`
        #  ^ first, on the grid of instants that are samples at both rates
        common = math.gcd(rate, self.sample_rate)
        own_step, step = self.sample_rate // common, rate // common
        reach = RESAMPLER_REACH * rate // min(rate, self.sample_rate) + 1
        first = max(start - reach, 0) // step
        last = -(-(start + count + reach) // step)
        own = self._frames(first * own_step, (last - first) * own_step)
        clip = soxr.resample(own.T, self.sample_rate, rate)[start - first * step :][:count]
        return np.ascontiguousarray(clip.T)

    def _frames(self, start: int, count: int) -> Audio:
        with soundfile.SoundFile(self.path) as file:
            file.seek(min(start, file.frames))
            found = file.read(count, dtype="float32", always_2d=True)  # [n, c]
        audio = np.zeros((2, count), dtype=np.float32)
        audio[:, : len(found)] = found.T
        return audio


@dataclass(frozen=True)
class Song:
    """The parts of a song that can be used."""

    name: str  # its folder, below the folder of songs
    parts: dict[str, tuple[Part, ...]]  # by stem
    mixture: Part | None = None
    duration_seconds: float = 0.0  # of the longest part


def open_songs(
    folder: Path,
    layout: str | Path = DEFAULT,
    progress: Progress = lambda done, total: None,
) -> list[Song]:
    """Open every song below a folder.

    Every file is listened to, once: what was found is remembered (`models.training.data.activity`).
    Whatever cannot be used is left out with a warning that names it.

    Args:
        folder: the folder of songs.
        layout: a name of `layout_names`, or a YAML file.
        progress: called with the number of files heard and the number of all.

    Raises:
        ValueError: there is no song, no such layout, or it is wrong.
    """
    rules = read_layout(layout)
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    listings = list_songs(folder, rules)
    if not listings:
        expected = f"expected {folder}/{rules.example} (layout {_name(layout)})"
        raise ValueError(f"{folder}: no songs; {expected}, found {_found(folder)}")
    if lost := unmatched(listings):
        _warn(f"{folder}: files of no stem are left out: {lost}")
    findings = inspect_all([path for listing in listings for path in _paths(listing)], progress)
    songs = [song for listing in listings if (song := _open_song(listing, findings))]
    if not songs:
        raise ValueError(f"{folder}: no songs; nothing in {len(listings)} folders can be used")
    return songs


def draw_stems(
    songs: Sequence[Song],
    duration_seconds: float,
    rng: np.random.Generator,
    together: float = 0.4,
    sample_rate: int = 48000,
    always: str | None = None,
    sources: Mapping[str, float] | None = None,
) -> dict[str, Audio]:
    """Draw one clip of each of a random set of stems.

    Args:
        songs: where to draw from.
        duration_seconds: of the clips.
        rng: all chance comes from here.
        together: how often the stems come from one moment of one song; otherwise each stem is
            drawn from any song and any moment in which it plays.
        sample_rate: of the clips, in Hz.
        always: a stem that is drawn, and plays, if any song has it.
        sources: how often songs come from each folder of songs, relative to the others; folders
            that are not named, and all songs if left out, count for their songs.

    Returns:
        [2, n] by stem; stems that were not drawn are left out.
    """
    if rng.random() < together:
        having = [song for song in songs if always in song.parts] or songs
        song = _draw(having, rng, sources)
        stem = always if always in song.parts else str(rng.choice(sorted(song.parts)))
        anchor = song.parts[stem]
        second = _start(anchor[rng.integers(len(anchor))], duration_seconds, rng)
        return {
            stem: _sum([part.read(second, duration_seconds, sample_rate) for part in parts])
            for stem, parts in song.parts.items()
        }
    clips = {}
    for stem in STEMS:
        players = [song for song in songs if stem in song.parts]
        if not players or (rng.random() > 0.6 and stem != always):
            continue
        # A real multitrack has many parts, a rendered song one: the real ones are drawn more often.
        song = _draw(players, rng, sources, [len(song.parts[stem]) ** 1.5 for song in players])
        parts = song.parts[stem]
        part = parts[rng.integers(len(parts))]
        second = _start(part, duration_seconds, rng)
        heard = parts if sources and rng.random() < 0.5 else (part,)
        clips[stem] = _sum([part.read(second, duration_seconds, sample_rate) for part in heard])
    return clips


def source_of(song: Song) -> str:
    """The folder that a song lies in, below the folder of songs; empty if in that one itself."""
    return song.name.partition("/")[0] if "/" in song.name else ""


def _draw(
    songs: Sequence[Song],
    rng: np.random.Generator,
    sources: Mapping[str, float] | None,
    weights: Sequence[float] | None = None,
) -> Song:
    """Draw by source, if there are weights for sources, or else by the songs' own weights."""
    if sources:
        names = [source_of(song) for song in songs]
        counts = Counter(names)
        weights = [sources.get(name, counts[name]) / counts[name] for name in names]
    if weights is None:
        return songs[int(rng.integers(len(songs)))]
    share = np.array(weights, dtype=np.float64)
    return songs[rng.choice(len(songs), p=share / share.sum())]


def split_songs(
    songs: Sequence[Song], held_out: float = 0.1, seed: int = 0
) -> tuple[list[Song], list[Song]]:
    """Split songs in those to train on and those to hold out.

    A hash of its name and the seed decides on each song by itself, so adding songs moves no other.
    The one exception: where that leaves a side empty, the song nearest to it crosses over.

    Args:
        songs: any number.
        held_out: the share that is held out, about; between 0 and 1.
        seed: another one gives another split.

    Returns:
        The songs to train on, then the others.
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must be between 0 and 1, got {held_out}")
    ranks = {song.name: _rank(song.name, seed) for song in songs}
    ordered = sorted(songs, key=lambda song: ranks[song.name])
    count = sum(rank < held_out for rank in ranks.values())
    if len(ordered) > 1:
        count = min(max(count, 1), len(ordered) - 1)
    apart = {song.name for song in ordered[:count]}
    return (
        [song for song in songs if song.name not in apart],
        [song for song in songs if song.name in apart],
    )


def write_split(path: Path, training: Sequence[Song], held_out: Sequence[Song]) -> None:
    """Write the names of both sides as YAML."""
    sides = {
        "training": sorted(song.name for song in training),
        "held_out": sorted(song.name for song in held_out),
    }
    with atomically(path) as part:
        part.write_text(yaml.safe_dump(sides, allow_unicode=True), encoding="utf-8")


def summarize(songs: Sequence[Song]) -> list[dict[str, Any]]:
    """By stem: how many songs have it and for how many minutes it plays, its parts together."""
    return [
        {
            "stem": stem,
            "songs": sum(stem in song.parts for song in songs),
            "minutes": round(sum(_playing(song, stem) for song in songs) / 60, 1),
        }
        for stem in STEMS
    ]


def describe_layouts() -> list[dict[str, str]]:
    """The package's layouts for people and scripts."""
    return [
        {"layout": name, "description": read_layout(name).description} for name in layout_names()
    ]


def _open_song(listing: SongFiles, findings: dict[Path, FileScan]) -> Song | None:
    """The song with all that can be used; whatever cannot is said."""
    for path in _paths(listing):
        if problem := findings[path].problem:
            _warn(f"{path}: {problem}: left out")
    parts = {}
    for stem in STEMS:
        sound = [path for path in listing.stems.get(stem, ()) if not findings[path].problem]
        if sound:
            parts[stem] = tuple(_part(path, findings[path]) for path in sound)
    if not parts:
        _warn(f"{listing.problem or f'{listing.folder}: no stem can be used'}: song skipped")
        return None
    everything = [part for of_stem in parts.values() for part in of_stem]
    durations = sorted(part.duration_seconds for part in everything)
    if durations[-1] - durations[0] > 1:
        _warn(
            f"{listing.folder}: stems of {durations[0]:.1f} to {durations[-1]:.1f} s: "
            "the shorter ones end in silence"
        )
    rates = sorted({part.sample_rate for part in everything})
    if len(rates) > 1:
        named = ", ".join(f"{rate}" for rate in rates)
        _warn(f"{listing.folder}: stems at {named} Hz: resampled when they are read")
    mixture = None
    if listing.mixture and not findings[listing.mixture].problem:
        mixture = _part(listing.mixture, findings[listing.mixture])
    return Song(listing.name, parts, mixture, durations[-1])


def _part(path: Path, finding: FileScan) -> Part:
    return Part(path, finding.sample_rate, finding.active, finding.frames)


def _paths(listing: SongFiles) -> list[Path]:
    paths = [path for paths in listing.stems.values() for path in paths]
    return paths + ([listing.mixture] if listing.mixture else [])


def _found(folder: Path) -> str:
    """Describe the contents of a folder without songs, and the layout that fits it best."""
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))
    listings = {name: list_songs(folder, read_layout(name)) for name in layout_names()}
    stems = {name: sum(len(song.stems) for song in songs) for name, songs in listings.items()}
    best = max(stems, key=lambda name: stems[name])
    hint = f"; it looks like layout {best}" if stems[best] else ""
    return (_few(names) if names else "nothing") + hint


def _name(layout: str | Path) -> str:
    return layout if isinstance(layout, str) else layout.name


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)


def _rank(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on nothing else."""
    digest = blake2b(f"{seed} {name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _playing(song: Song, stem: str) -> int:
    """Seconds in which any part of the stem plays."""
    return len({second for part in song.parts.get(stem, ()) for second in part.active})


def _start(part: Part, duration_seconds: float, rng: np.random.Generator) -> float:
    """A start from which a clip has a second in which the part plays."""
    second = part.active[rng.integers(len(part.active))]
    start = max(0.0, second - rng.random() * (duration_seconds - 1))
    return math.floor(start * STARTS_PER_SECOND) / STARTS_PER_SECOND


def _sum(clips: Sequence[Audio]) -> Audio:
    total: Audio = np.sum(clips, axis=0, dtype=np.float32)
    return total
