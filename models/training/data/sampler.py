"""Recorded notes as instruments: MIDI parts played by a plain sampler.

FOLDER/samples.csv names the files: the stem, the instrument (any name), the path below FOLDER, the
MIDI note (may be broken; empty if unpitched) and, where there are several, the layer: how loud it
was played (pp to fff, or a number).

A note is the nearest recording, shifted by at most four semitones; notes out of an instrument's
reach move by octaves. Where a note outlasts its recording, the recording's end is repeated,
decaying as it did.
"""

import csv
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import soundfile
import soxr

from restem.models.stems import STEMS
from restem.models.training.data.songs import Audio
from restem.models.training.data.synthesis import Patch

SAMPLE_RATE = 48000
REACH = 4  # semitones
LONGEST = 20.0  # seconds that a note is held
HIT = 3.5  # seconds: what rings longer is a loop or a texture, not a hit
PEDAL = 64
LAYERS = {"ppp": 0, "pp": 1, "p": 2, "mp": 3, "m": 4, "mf": 4, "f": 5, "ff": 6, "fff": 7}
# Which instruments suit a General MIDI program, by their names; any of the stem may play it.
SUITS = (
    (range(0, 4), r"grand|piano|c3|c5|upright|cp80"),
    (range(4, 8), r"rhodes|wurli|pianet|cp80|ep"),
    (range(16, 24), r"organ|unitra"),
    (range(24, 26), r"acoustic|martin|open-strings"),
    (range(26, 29), r"electric|twang|muted|emily"),
    (range(29, 32), r"electric|twang|emily"),
    (range(104, 109), r"sitar|ganjo|banjo"),
    (range(32, 33), r"pizz|jazz"),
    (range(33, 38), r"swag|pasta|killer|growly"),
    (range(40, 44), r"cello|viola|violin|arco|contrabass|cyborg|tagel"),
    (range(44, 45), r"trem"),
    (range(45, 46), r"pizz"),
    (range(46, 47), r"harp"),
    (range(48, 52), r"section|viola|strings|cello-sus|contrabass"),
    (range(56, 64), r"tuba|horn|trumpet|trombone|brass"),
    (range(64, 68), r"sax"),
    (range(68, 72), r"bassoon|oboe|clarinet|shanai"),
    (range(72, 80), r"flute|recorder"),
)
# What a note of the drum channel is played with, by the recordings' names.
PIECES = (
    ((35, 36), r"^ks_|^bd_|bass_(hard|soft)|kick"),
    ((38, 40), r"^s[ce]_|^sn_|snare"),
    ((42, 44), r"^h[ctf]_|closed|pedal"),
    ((46,), r"^h[olh]_|cymbal_open"),
    ((41, 43, 45, 47, 48, 50), r"^t[hlm]_|_tom_"),
    ((49, 51, 52, 53, 55, 57, 59), r"cymbal_(hard|soft|open)|splash|crash|ride"),
)


class Note(NamedTuple):
    """A note of one part; times in seconds."""

    start: float
    end: float
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Recording:
    path: Path
    pitch: float | None
    layer: float  # louder ones are higher
    group: str  # the same name but for layers and repetitions


@dataclass(frozen=True)
class Instrument:
    """The recordings of one instrument."""

    name: str
    stem: str
    recordings: tuple[Recording, ...]

    @property
    def pitched(self) -> tuple[Recording, ...]:
        return tuple(one for one in self.recordings if one.pitch is not None)


def read_instruments(folder: Path) -> list[Instrument]:
    """Read FOLDER/samples.csv.

    Raises:
        ValueError: it cannot be read, lacks a column, or names a file that is not there.
    """
    table = folder / "samples.csv"
    found: dict[tuple[str, str], list[Recording]] = {}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                path = folder / row["file"]
                if row["stem"] not in STEMS or not path.is_file():
                    raise ValueError(f"{table}: {row['file']}: no such file, or no stem of ours")
                pitch = float(row["midi"]) if row["midi"].strip() else None
                entry = Recording(path, pitch, _layer(row["layer"]), _group(path.stem))
                found.setdefault((row["stem"], row["instrument"]), []).append(entry)
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ValueError(f"{table}: cannot be read: {error!r}") from error
    return [Instrument(name, stem, tuple(rows)) for (stem, name), rows in sorted(found.items())]


def _layer(name: str) -> float:
    name = name.strip().lower()
    return float(name) if name.replace(".", "", 1).isdigit() else LAYERS.get(name, 4)


def _group(name: str) -> str:
    return re.sub(r"_(vl|rr)\d+|_(hard|soft|ff|mf|mp|pp|f|p|Loud|Medium|Soft)$", "", name)


def parts(midi: mido.MidiFile) -> dict[tuple[int, int], list[Note]]:
    """The notes of a MIDI file by channel and program, held as long as the pedal is down."""
    program, pedal, now = [0] * 16, [False] * 16, 0.0
    sounding: dict[tuple[int, int], list[tuple[float, int, int]]] = {}
    held: dict[int, list[tuple[tuple[int, int], Note]]] = {}
    done: dict[tuple[int, int], list[Note]] = {}

    def release(channel: int) -> None:
        for part, note in held.pop(channel, []):
            done.setdefault(part, []).append(note._replace(end=now))

    for message in midi:
        now += message.time
        if message.type == "program_change":
            program[message.channel] = message.program
        elif message.is_cc(PEDAL):
            pedal[message.channel] = message.value >= 64
            if not pedal[message.channel]:
                release(message.channel)
        elif message.type in ("note_on", "note_off"):
            key = (message.channel, message.note)
            for start, velocity, voice in sounding.pop(key, []):
                note, part = Note(start, now, message.note, velocity), (message.channel, voice)
                if pedal[message.channel] and message.channel != 9:
                    held.setdefault(message.channel, []).append((part, note))
                else:
                    done.setdefault(part, []).append(note)
            if message.type == "note_on" and message.velocity:
                voice = program[message.channel]
                sounding.setdefault(key, []).append((now, message.velocity, voice))
    for (channel, pitch), left in sounding.items():
        for start, velocity, voice in left:
            done.setdefault((channel, voice), []).append(Note(start, now, pitch, velocity))
    for channel in list(held):
        release(channel)
    return {part: sorted(notes) for part, notes in done.items()}


class Sampler:
    """Plays the parts of a stem with instruments that are drawn for each."""

    def __init__(self, instruments: Iterable[Instrument], synthesised: float = 0.5) -> None:
        """`synthesised`: how often a part for synthesizers is played by a patch of our own."""
        self.by_stem: dict[str, list[Instrument]] = {stem: [] for stem in STEMS}
        for instrument in instruments:
            self.by_stem[instrument.stem].append(instrument)
        self.synthesised = synthesised

    def play(self, stem: str, midi: mido.MidiFile, rng: random.Random) -> tuple[Audio, list[str]]:
        """Play a stem's MIDI file.

        Returns:
            [n, 2], peak 0.5, and the names of the instruments; no samples if nothing can play it.
        """
        seconds = midi.length + 4
        mix = np.zeros((round(seconds * SAMPLE_RATE), 2), dtype=np.float32)
        names = []
        for (channel, program), notes in sorted(parts(midi).items()):
            if stem in ("drums", "percussions") and (channel == 9 or not 8 <= program < 16):
                name, voice = self._kit(stem, rng)
            else:
                name, voice = self._voice(stem, program, notes, rng)
            names.append(name)
            gain, pan = rng.uniform(0.5, 1.0), rng.uniform(0.25, 0.75)
            sides = np.array([np.cos(pan * np.pi / 2), np.sin(pan * np.pi / 2)], np.float32)
            late, tilt = rng.uniform(0, 0.008), rng.uniform(0.8, 1.8)
            for note in notes:
                sound = voice(note)
                if sound is None or not len(sound):
                    continue
                start = note.start + abs(rng.gauss(0, late))
                first = round(start * SAMPLE_RATE)
                velocity = min(max(note.velocity + rng.gauss(0, 5), 8), 127)
                level = gain * (velocity / 127) ** tilt
                room = mix[first : first + len(sound)]
                room += sound[: len(room)] * (sides * np.float32(level))
        peak = float(np.abs(mix).max(initial=0))
        if not peak:
            return mix[:0], names
        mix *= np.float32(0.5 / peak)
        return mix, names

    def _voice(
        self, stem: str, program: int, notes: Sequence[Note], rng: random.Random
    ) -> tuple[str, Callable[[Note], Audio | None]]:
        """An instrument for a part, drawn from those that reach its notes."""
        band = [one for one in self.by_stem[stem] if len(one.pitched) > 4]
        own = {"synthesizers": self.synthesised, "bass": 0.25, "percussions": 1.0}.get(stem, 0.0)
        if not band or rng.random() < own:
            patch = Patch(stem, rng, SAMPLE_RATE)
            return patch.name, lambda note: patch.play(note.pitch, note.end - note.start)
        pattern = next((names for programs, names in SUITS if program in programs), "")
        suited = [one for one in band if pattern and re.search(pattern, one.name)]
        choice = suited if suited and rng.random() < 0.75 else band
        weights = [0.02 + _covered(one, notes) ** 2 for one in choice]
        instrument = rng.choices(choice, weights)[0]
        detune, release = rng.gauss(0, 0.06), rng.uniform(0.05, 0.25)

        def play(note: Note) -> Audio | None:
            recording, shift = _nearest(instrument, note)
            if recording is None:
                return None
            sound = _shifted(recording.path, round(20 * (shift + detune)) / 20)
            length = min(note.end - note.start, LONGEST)
            return _held(sound, round(length * SAMPLE_RATE), round(release * SAMPLE_RATE))

        return instrument.name, play

    def _kit(self, stem: str, rng: random.Random) -> tuple[str, Callable[[Note], Audio | None]]:
        """Unpitched recordings, a group of them for each note of the drum channel."""
        band = self.by_stem[stem]
        favourite = rng.choice(band) if band else None
        chosen: dict[int, list[Recording]] = {}

        def group(pitch: int) -> list[Recording]:
            pattern = next((names for notes, names in PIECES if pitch in notes), None)
            pattern = pattern if stem == "drums" else None
            rooms = [[favourite], band] if favourite and rng.random() < 0.7 else [band]
            for room in rooms:
                fitting: dict[tuple[str, str], list[Recording]] = {}
                for one in room:
                    for recording in one.recordings:
                        name = recording.path.stem
                        if (pattern is None or re.search(pattern, name)) and _is_hit(recording):
                            fitting.setdefault((one.name, recording.group), []).append(recording)
                if fitting:
                    found = fitting[rng.choice(sorted(fitting))]
                    return sorted(found, key=lambda one: (one.layer, one.path.stem))
            return []

        shift = rng.gauss(0, 1)

        def play(note: Note) -> Audio | None:
            if note.pitch not in chosen:
                chosen[note.pitch] = group(note.pitch)
            found = chosen[note.pitch]
            if not found:
                return None
            louder = min(int(note.velocity / 128 * len(found)), len(found) - 1)
            return _shifted(found[louder].path, round(4 * shift) / 4)

        return favourite.name if favourite else "none", play


class Recordings:
    """Sounds for `general_midi.render_songs`: FOLDER/samples.csv and what it names."""

    def __init__(self, folder: Path, without: Sequence[str] = ()) -> None:
        """`without` names instruments that are left out, to be held out of training."""
        self.folder, self.without = folder, without

    @cached_property
    def sampler(self) -> Sampler:
        instruments = read_instruments(self.folder)
        return Sampler(one for one in instruments if one.name not in self.without)

    def check(self) -> None:
        """Read the table.

        Raises:
            ValueError: as `read_instruments`, or an instrument that is left out is not there.
        """
        names = {one.name for one in read_instruments(self.folder)}
        if unknown := sorted(set(self.without) - names):
            raise ValueError(f"{self.folder}: no such instruments: {', '.join(unknown)}")

    def play(
        self, stem: str, midi: mido.MidiFile, rng: random.Random, out: Path
    ) -> tuple[str, bool]:
        audio, names = self.sampler.play(stem, midi, rng)
        if len(audio):
            soundfile.write(out, audio, SAMPLE_RATE, subtype="PCM_16")
        return ", ".join(names), bool(len(audio))


def _covered(instrument: Instrument, notes: Sequence[Note]) -> float:
    pitches = np.array([one.pitch for one in instrument.pitched], dtype=np.float64)
    wanted = np.array([note.pitch for note in notes], dtype=np.float64)
    return float((np.abs(wanted[:, None] - pitches).min(axis=1) <= REACH).mean())


def _nearest(instrument: Instrument, note: Note) -> tuple[Recording | None, float]:
    """The recording for a note, and the shift in semitones that it needs."""
    candidates = instrument.pitched
    pitches = np.array([one.pitch for one in candidates], dtype=np.float64)
    for octave in (0, 12, -12, 24, -24):
        away = np.abs(note.pitch + octave - pitches)
        if away.min() <= REACH:
            break
    else:
        return None, 0.0
    close = [one for one, far in zip(candidates, away, strict=True) if far < away.min() + 0.5]
    close.sort(key=lambda one: one.layer)
    recording = close[min(int(note.velocity / 128 * len(close)), len(close) - 1)]
    assert recording.pitch is not None
    return recording, note.pitch + octave - recording.pitch


@lru_cache(maxsize=500)
def _read(path: Path) -> Audio:
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != SAMPLE_RATE:
        audio = soxr.resample(audio, rate, SAMPLE_RATE)
    stereo: Audio = np.repeat(audio, 2, axis=1) if audio.shape[1] == 1 else audio[:, :2]
    return stereo


@lru_cache(maxsize=500)
def _shifted(path: Path, semitones: float) -> Audio:
    sound = _read(path)
    if semitones:
        sound = soxr.resample(sound, SAMPLE_RATE * 2 ** (semitones / 12), SAMPLE_RATE)
    return np.ascontiguousarray(sound, dtype=np.float32)


@lru_cache(maxsize=4000)
def _is_hit(recording: Recording) -> bool:
    return float(soundfile.info(recording.path).duration) < HIT


def _held(sound: Audio, length: int, release: int) -> Audio:
    """A note of `length` samples and its release, from a recording of any length."""
    total = length + release
    if len(sound) < total:
        sound = _extended(sound, total)
    note = sound[:total].copy()
    fade = min(release, len(note))
    note[len(note) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 2
    return note


def _extended(sound: Audio, total: int) -> Audio:
    """Repeat the end of a recording, crossfaded, decaying as it did."""
    end = len(sound) - min(len(sound) // 20, 2400)  # the last moment may be faded out
    loop = int(0.4 * end)
    cross = loop // 3
    if loop < 2400:
        return sound
    early, late = (
        float(np.sqrt(np.mean(p**2)) + 1e-6) for p in np.split(sound[end - loop : end], [loop // 2])
    )
    decay = min(late / early, 1.0) ** (2 * (loop - cross) / loop)
    if decay < 0.2:
        return sound
    decay = 1.0 if decay > 0.85 else decay
    rise = np.linspace(0, 1, cross, dtype=np.float32)[:, None]
    pieces, last, gain = [sound[: end - cross]], sound[end - cross : end], 1.0
    count = end - cross
    while count < total:
        gain *= decay
        segment = sound[end - loop : end] * np.float32(gain)
        pieces.append(last * (1 - rise) + segment[:cross] * rise)
        pieces.append(segment[cross : loop - cross])
        last = segment[loop - cross :]
        count += loop - cross
    return np.concatenate(pieces)
