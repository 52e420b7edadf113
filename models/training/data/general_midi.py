"""General MIDI songs to dry stems: one render per stem of the eight.

Programs and percussion notes are assigned to stems, each stem's notes are written to a MIDI file of
their own, and FluidSynth, without reverb or chorus, or a sampler (`models.training.data.sampler`)
renders that file: the dry stem.

    OUT/<song>/<stem>/0.wav     layout `restem`; a song is there when all of it is there
    OUT/songs.yaml              how: source, font of each stem, tempo, transposition, tuning
"""

import math
import random
import secrets
import shutil
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import mido
import numpy as np
import soundfile
import yaml

from restem.models.atomic_write import atomically
from restem.models.errors import one_line

DRUM_CHANNEL = 9  # channel 10 of the General MIDI standard, counted from zero
PERCUSSION_NOTES = frozenset({37, 39, 54, 56, 58, *range(60, 82)})
PROGRAMS = {  # General MIDI programs, counted from zero
    "keyboards": (*range(0, 8), *range(16, 24)),
    "percussions": (*range(8, 16), 47, *range(112, 120)),
    "guitars": (*range(24, 32), *range(104, 109)),
    "bass": tuple(range(32, 40)),
    "vocals": (52, 53, 54),
    "orchestral": (*(p for p in range(40, 52) if p != 47), *range(55, 80), 109, 110, 111),
}
STEM_OF_PROGRAM = {program: stem for stem, programs in PROGRAMS.items() for program in programs}
LEAD_PROGRAMS = (53, 54, 52, 53, 80, 81, 84, 87, 40, 56, 65, 68, 73, 26, 29, 11, 12)
PART_PROGRAMS = (0, 4, 5, 16, 18, 24, 25, 27, 46, 48, 49, 50, 81, 88, 89, 90, 95, 12, 61)


def stem_of(channel: int, program: int, note: int) -> str:
    """Name the stem that a General MIDI note belongs to."""
    if channel == DRUM_CHANNEL:
        return "percussions" if note in PERCUSSION_NOTES else "drums"
    return STEM_OF_PROGRAM.get(program, "synthesizers")


def split(
    song: mido.MidiFile, seconds: float, tempo: float = 1.0, semitones: int = 0, cents: int = 0
) -> dict[str, mido.MidiFile]:
    """Split a song into one MIDI file per stem that plays in it.

    Args:
        song: a General MIDI song.
        seconds: where to cut, in the time of the result.
        tempo: the speed of the result, relative to the song's.
        semitones: transposition of everything but the drum channel.
        cents: retuning of the same, -100 to 99.
    """
    tracks: dict[str, mido.MidiTrack] = {}
    program = [0] * 16
    owner: dict[tuple[int, int], str] = {}
    shared: list[mido.Message] = []  # everything but notes, in absolute milliseconds
    notes: dict[str, list[mido.Message]] = {}
    now = 0.0
    for message in song:  # iterating a file gives seconds
        now += message.time / tempo
        if now > seconds:
            break
        if message.is_meta:
            continue
        at = round(now * 1000)
        if message.type == "program_change":
            program[message.channel] = message.program
        if message.type in ("note_on", "note_off"):
            drum = message.channel == DRUM_CHANNEL
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                owner[key] = stem_of(message.channel, program[message.channel], message.note)
            stem = owner.get(key)
            pitch = message.note if drum else message.note + semitones
            if stem and 0 <= pitch <= 127:
                notes.setdefault(stem, []).append(message.copy(note=pitch, time=at))
        elif message.type != "sysex":
            shared.append(message.copy(time=at))
    for stem, events in notes.items():
        last = 0
        track = tracks.setdefault(stem, mido.MidiTrack())
        for message in sorted([*_tuning(cents), *shared, *events], key=lambda m: m.time):
            track.append(message.copy(time=message.time - last))
            last = message.time
        # A note cut open would ring for ever, and FluidSynth renders until silence.
        off = [mido.Message("control_change", channel=c, control=120) for c in range(16)]
        track += [off[0].copy(time=max(round(seconds * 1000) - last, 0)), *off[1:]]
    # 500 ticks a beat at the default 500,000 us a beat: one tick is one millisecond.
    return {
        stem: mido.MidiFile(ticks_per_beat=500, tracks=[track]) for stem, track in tracks.items()
    }


def _tuning(cents: int) -> list[mido.Message]:
    """Tell every channel but the drums' its fine tuning: registered parameter 1, 14 bits."""
    value = 8192 + math.ceil(cents * 81.92)  # FluidSynth rounds down to whole cents
    # FluidSynth acts on the high byte, so the low one comes first; 127 127 closes the parameter.
    sequence = ((101, 0), (100, 1), (38, value & 127), (6, value >> 7), (101, 127), (100, 127))
    return [
        mido.Message("control_change", channel=channel, control=control, value=byte)
        for channel in range(16)
        if channel != DRUM_CHANNEL and cents
        for control, byte in sequence
    ]


def off_channel_ten(drums: mido.MidiFile) -> mido.MidiFile:
    """Move drums to channel 1, program 1: where fonts that are nothing but a kit have it."""
    track, now, last = mido.MidiTrack(), 0, 0
    for message in drums.tracks[0]:
        now += message.time
        picks_sound = message.type == "program_change" or message.is_cc(0) or message.is_cc(32)
        if message.channel == DRUM_CHANNEL and not picks_sound:
            track.append(message.copy(channel=0, time=now - last))
            last = now
    return mido.MidiFile(ticks_per_beat=drums.ticks_per_beat, tracks=[track])


def revoice(song: mido.MidiFile, rng: random.Random) -> mido.MidiFile:
    """Give each track of a piano-only song (POP909: MELODY, BRIDGE, PIANO) a program of its own."""
    tracks = []
    channels = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    played = [track for track in song.tracks if any(m.type == "note_on" for m in track)]
    for number, track in enumerate(played):
        channel = channels[number % len(channels)]
        lead = track.name.strip().upper() in ("MELODY", "BRIDGE")
        program = rng.choice(LEAD_PROGRAMS if lead else PART_PROGRAMS)
        voiced = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
        voiced += [
            m.copy(channel=channel) if hasattr(m, "channel") else m
            for m in track
            if m.type != "program_change"
        ]
        tracks.append(voiced)
    tempo = [mido.MidiTrack(m for m in song.tracks[0] if m.is_meta)]
    return mido.MidiFile(ticks_per_beat=song.ticks_per_beat, tracks=[*tempo, *tracks])


def render(midi: mido.MidiFile, font: Path, out: Path, sample_rate: int = 48000) -> bool:
    """Render one stem dry to a 16-bit file, peaks kept 6 dB or more below full scale.

    Returns:
        Whether anything sounds; if not, nothing is written.

    Raises:
        RuntimeError: FluidSynth failed, or could not load the font; it says so on stderr only.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, dry = Path(folder) / "stem.mid", Path(folder) / "stem.wav"
        midi.save(source)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.4", "-R", "0", "-C", "0"]
        command += ["-r", str(sample_rate), "-T", "wav", "-O", "float", "-F", str(dry)]
        command += ["-o", "synth.default-soundfont="]  # else it stands in for one that is broken
        try:
            result = subprocess.run(
                [*command, str(font), str(source)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=600,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError("fluidsynth did not finish in 10 minutes") from error
        # Though it cannot load the font, it writes a file and exits with 0.
        lines = result.stderr.splitlines()
        faults = [line for line in lines if line.startswith("fluidsynth: error")]
        if faults or result.returncode or not dry.is_file():
            fault = (faults or lines[-1:] or [f"exit code {result.returncode}"])[0]
            raise RuntimeError(f"fluidsynth: {fault.removeprefix('fluidsynth: error: ')}")
        audio, _ = soundfile.read(dry, dtype="float32", always_2d=True)
    peak = abs(audio).max(initial=0.0)
    if peak:
        soundfile.write(out, audio * (0.5 / max(peak, 0.5)), sample_rate, subtype="PCM_16")
    return bool(peak)


@dataclass(frozen=True)
class Fonts:
    """Soundfonts; `drums` are those with nothing but a kit, as program 1 of bank 0."""

    general: Sequence[Path]
    drums: Sequence[Path] = ()

    def check(self) -> None:
        """Load every font and play its drums.

        Raises:
            ValueError: no FluidSynth here, or a font is missing, broken or of another kind.
        """
        if not shutil.which("fluidsynth"):
            raise ValueError("fluidsynth is not installed; on Debian: apt install fluidsynth")
        if not self.general:
            raise ValueError("no soundfont was given")
        kinds = ((self.general, "--drum-font if it is nothing but a kit"), (self.drums, "--font"))
        for fonts, other in kinds:
            for font in fonts:
                if not font.is_file():
                    raise ValueError(f"{font}: no such soundfont")
                with font.open("rb") as file:
                    if file.read(12)[8:] != b"sfbk":
                        raise ValueError(f"{font}: not a soundfont (.sf2, .sf3)")
                try:
                    sounds = self._sounds(font)
                except RuntimeError as error:
                    raise ValueError(f"{font}: cannot be loaded: {error}") from error
                if not sounds:
                    raise ValueError(f"{font}: its drums are silent; try it as {other}")

    def _sounds(self, font: Path) -> bool:
        hits = [
            mido.Message(kind, channel=DRUM_CHANNEL, note=note, time=time)
            for note in (36, 38, 42)
            for kind, time in (("note_on", 0), ("note_off", 100))
        ]
        drums = mido.MidiFile(ticks_per_beat=500, tracks=[mido.MidiTrack(hits)])
        with tempfile.TemporaryDirectory() as folder:
            return self.render("drums", drums, font, Path(folder) / "probe.wav")

    def draw(self, stem: str, rng: random.Random) -> Path:
        """A font for a stem."""
        return rng.choice([*self.general, *(self.drums if stem == "drums" else ())])

    def render(self, stem: str, midi: mido.MidiFile, font: Path, out: Path) -> bool:
        """Render a stem with one of these fonts; as the function `render`."""
        return render(off_channel_ten(midi) if font in self.drums else midi, font, out)

    def play(
        self, stem: str, midi: mido.MidiFile, rng: random.Random, out: Path
    ) -> tuple[str, bool]:
        font = self.draw(stem, rng)
        return font.resolve().name, self.render(stem, midi, font, out)


class Sounds(Protocol):
    """Sounds that play the notes of a stem."""

    def check(self) -> None:
        """Raise ValueError unless everything can be used."""

    def play(
        self, stem: str, midi: mido.MidiFile, rng: random.Random, out: Path
    ) -> tuple[str, bool]:
        """Render a stem dry to a 16-bit file with what is drawn for it.

        Returns:
            The name of what played it, and whether anything sounds; if not, nothing is written.
        """


@dataclass(frozen=True)
class Several:
    """Sounds of more than one kind, drawn for every stem anew."""

    kinds: Sequence[Sounds]

    def check(self) -> None:
        for sounds in self.kinds:
            sounds.check()

    def play(
        self, stem: str, midi: mido.MidiFile, rng: random.Random, out: Path
    ) -> tuple[str, bool]:
        return rng.choice(self.kinds).play(stem, midi, rng, out)


@dataclass
class Take:
    """Settings of a rendered song; its entry in the manifest."""

    source: str  # below the folder of MIDI files
    seconds: float
    tempo: float  # relative to the source's
    semitones: int
    cents: int
    fonts: dict[str, str] = field(default_factory=dict)  # or instruments, by stem


@dataclass
class Report:
    """Names of songs by outcome."""

    rendered: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # were there already
    failed: list[str] = field(default_factory=list)


class _Manifest:
    """OUT/songs.yaml: takes by song. It knows of a song before the song is there, never after."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, threading.Lock()
        self.entries: dict[str, str] = {}  # as they are written
        try:
            takes = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            takes = {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ValueError(f"{path}: cannot be read: {one_line(error)}") from error
        if not isinstance(takes, dict):
            raise ValueError(f"{path}: expected a mapping of songs, got {takes!r}")
        for name, take in takes.items():
            self._enter(str(name), take)

    def _enter(self, name: str, take: dict[str, Any]) -> None:
        self.entries[name] = yaml.safe_dump(
            {name: take}, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000
        )

    def add(self, name: str, take: Take) -> None:
        with self.lock, atomically(self.path) as part:
            self._enter(name, asdict(take))
            part.write_text("".join(map(self.entries.__getitem__, sorted(self.entries))), "utf-8")


def find_songs(folder: Path) -> dict[str, Path]:
    """The MIDI files below a folder by the names that their songs get.

    Raises:
        ValueError: there are none, or two would get one name.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    songs: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = "-".join(path.relative_to(folder).with_suffix("").parts)
        if path.suffix.lower() not in (".mid", ".midi") or name.startswith("."):
            continue
        if name in songs:
            raise ValueError(f"{songs[name]} and {path} would both be rendered to {name}")
        songs[name] = path
    if not songs:
        raise ValueError(f"{folder}: no MIDI files; expected some .mid or .midi")
    return songs


def render_songs(
    folder: Path,
    out: Path,
    sounds: Sounds,
    seconds: float = 90.0,
    seed: int = 0,
    jobs: int = 1,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Report:
    """Render every song below a folder that is not there yet; sounds per stem, a tuning per song.

    A song that cannot be rendered is named by a warning, and the others go on.

    Args:
        folder: of MIDI files.
        out: gets a folder per song, all at once when the song is finished, and `songs.yaml`.
        sounds: soundfonts or recordings, drawn from for every stem anew.
        seconds: where each song is cut.
        seed: with the song's name, decides on all that is drawn.
        jobs: songs rendered at a time.
        progress: called with the number of songs done and of all.

    Raises:
        ValueError: no songs, no FluidSynth, or a font that cannot be used.
    """
    if seconds <= 0 or jobs < 1:
        raise ValueError(f"seconds and jobs must be positive, got {seconds} and {jobs}")
    songs = find_songs(folder)
    sounds.check()
    manifest = _Manifest(out / "songs.yaml")
    report = Report(kept=[name for name in songs if (out / name).exists()])
    if unknown := [name for name in report.kept if name not in manifest.entries]:
        warnings.warn(
            f"{out}: {len(unknown)} songs that songs.yaml does not know are kept, "
            f"{unknown[0]} the first",
            stacklevel=2,
        )

    def work(name: str) -> list[str]:
        take = Take(songs[name].relative_to(folder).as_posix(), seconds, 1.0, 0, 0)
        return _render_song(songs[name], out / name, take, sounds, seed, manifest)

    new = [name for name in songs if name not in report.kept]
    pool = ThreadPoolExecutor(jobs)
    try:
        for done, (name, problems) in enumerate(zip(new, pool.map(work, new), strict=True)):
            for problem in problems:
                warnings.warn(f"{songs[name]}: {problem}", stacklevel=2)
            (report.rendered if (out / name).exists() else report.failed).append(name)
            progress(done + 1, len(new))
    finally:
        pool.shutdown(cancel_futures=True)
    return report


def _render_song(
    path: Path, out: Path, take: Take, sounds: Sounds, seed: int, manifest: _Manifest
) -> list[str]:
    """Render a song whole or not at all; returns what went wrong."""
    rng = random.Random(f"{seed} {out.name}")
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    problems = []
    try:
        song = _read_song(path, rng)
        take.tempo = round(rng.uniform(0.88, 1.12), 4)
        take.semitones, take.cents = rng.randint(-3, 3), rng.randint(-30, 30)
        stems = split(song, take.seconds, take.tempo, take.semitones, take.cents)
        for stem, midi in stems.items():
            (part / stem).mkdir(parents=True)
            name, sounding = sounds.play(stem, midi, rng, part / stem / "0.wav")
            if sounding:
                take.fonts[stem] = name
            else:
                (part / stem).rmdir()
                problems.append(f"{stem}: silent with {name}: left out")
        if not take.fonts:
            return [*problems, "no note sounds: song skipped"]
        _pad([part / stem / "0.wav" for stem in take.fonts])
        manifest.add(out.name, take)
        part.rename(out)
    except Exception as error:  # whatever is wrong with one song, the others go on
        problems.append(f"{one_line(error)}: song skipped")
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return problems


def _read_song(path: Path, rng: random.Random) -> mido.MidiFile:
    try:
        song = mido.MidiFile(path, clip=True)
        _ = song.length
    except Exception as error:  # a stranger's file can make the parser fail in any way
        raise ValueError(f"not a MIDI file that can be played ({one_line(error)})") from error
    names = {track.name.strip().upper() for track in song.tracks}
    return revoice(song, rng) if "PIANO" in names and "MELODY" in names else song


def _pad(paths: Sequence[Path]) -> None:
    """Make files equally long, with silence: fonts ring for different times."""
    frames = [soundfile.info(path).frames for path in paths]
    for path, own in zip(paths, frames, strict=True):
        with soundfile.SoundFile(path, "r+") as file:
            file.seek(0, soundfile.SEEK_END)
            file.write(np.zeros((max(frames) - own, file.channels), dtype=np.int16))
