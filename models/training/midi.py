"""General MIDI songs to dry stems: one FluidSynth render per stem of the eight.

Programs and percussion notes are assigned to stems, each stem's notes are written to a MIDI file of
their own, and FluidSynth renders that file without reverb or chorus: the dry stem.

    python -m models.training.midi SONGS_DIR OUT_DIR --font A.sf2 --font B.sf2 [--seconds 90]
"""

import argparse
import random
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import mido
import soundfile

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
    song: mido.MidiFile, seconds: float, tempo: float = 1.0, semitones: int = 0
) -> dict[str, mido.MidiFile]:
    """Split a song into one MIDI file per stem that plays in it.

    Args:
        song: a General MIDI song.
        seconds: where to cut, in the time of the result.
        tempo: the speed of the result, relative to the song's.
        semitones: transposition of everything but the drum channel.
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
        for message in sorted([*shared, *events], key=lambda m: m.time):
            track.append(message.copy(time=message.time - last))
            last = message.time
        # A note cut open would ring for ever, and FluidSynth renders until silence.
        off = [mido.Message("control_change", channel=c, control=120) for c in range(16)]
        track += [off[0].copy(time=max(round(seconds * 1000) - last, 0)), *off[1:]]
    # 500 ticks a beat at the default 500,000 us a beat: one tick is one millisecond.
    return {
        stem: mido.MidiFile(ticks_per_beat=500, tracks=[track]) for stem, track in tracks.items()
    }


def revoice(song: mido.MidiFile, rng: random.Random) -> mido.MidiFile:
    """Give each track of a piano-only song (POP909: MELODY, BRIDGE, PIANO) a program of its own."""
    tracks = []
    for number, track in enumerate(t for t in song.tracks if any(m.type == "note_on" for m in t)):
        lead = track.name.strip().upper() in ("MELODY", "BRIDGE")
        program = rng.choice(LEAD_PROGRAMS if lead else PART_PROGRAMS)
        voiced = mido.MidiTrack([mido.Message("program_change", channel=number, program=program)])
        voiced += [
            m.copy(channel=number) if not m.is_meta else m
            for m in track
            if m.type != "program_change"
        ]
        tracks.append(voiced)
    tempo = [mido.MidiTrack(m for m in song.tracks[0] if m.is_meta)]
    return mido.MidiFile(ticks_per_beat=song.ticks_per_beat, tracks=[*tempo, *tracks])


def render(midi: mido.MidiFile, font: Path, out: Path, sample_rate: int = 48000) -> None:
    """Render one stem dry to a 16-bit file, peaks kept 6 dB or more below full scale."""
    with tempfile.TemporaryDirectory() as folder:
        source, dry = Path(folder) / "stem.mid", Path(folder) / "stem.wav"
        midi.save(source)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.4", "-R", "0", "-C", "0"]
        command += ["-r", str(sample_rate), "-T", "wav", "-O", "float", "-F", str(dry)]
        subprocess.run(
            [*command, str(font), str(source)], check=True, capture_output=True, timeout=600
        )
        audio, _ = soundfile.read(dry, dtype="float32", always_2d=True)
    peak = abs(audio).max(initial=0.0)
    soundfile.write(out, audio * (0.5 / max(peak, 0.5)), sample_rate, subtype="PCM_16")


def render_songs(
    songs: Sequence[Path], out: Path, fonts: Sequence[Path], seconds: float, seed: int = 0
) -> None:
    """Render each song to `out/<song>/<stem>/0.wav`, with a font per stem drawn at random."""
    for path in songs:
        rng = random.Random(f"{seed} {path.stem}")
        folder = out / path.stem
        if folder.exists():
            continue
        song = mido.MidiFile(path, clip=True)
        names = {track.name.strip().upper() for track in song.tracks}
        if "PIANO" in names and "MELODY" in names:
            song = revoice(song, rng)
        stems = split(song, seconds, rng.uniform(0.88, 1.12), rng.randint(-3, 3))
        for stem, midi in stems.items():
            (folder / stem).mkdir(parents=True, exist_ok=True)
            render(midi, rng.choice(fonts), folder / stem / "0.wav")


def main() -> None:
    parser = argparse.ArgumentParser(description="Render General MIDI songs to dry stems.")
    parser.add_argument("songs", type=Path, help="folder of .mid files")
    parser.add_argument("out", type=Path, help="folder for <song>/<stem>/0.wav")
    parser.add_argument("--font", type=Path, action="append", required=True, help="a soundfont")
    parser.add_argument("--seconds", type=float, default=90.0, help="cut each song here")
    parser.add_argument("--only", default="*.mid", help="glob of the songs to render")
    args = parser.parse_args()
    render_songs(sorted(args.songs.glob(args.only)), args.out, args.font, args.seconds)


if __name__ == "__main__":
    main()
