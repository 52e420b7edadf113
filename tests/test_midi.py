import random
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from models.training.midi import render, revoice, split, stem_of

FONTS = sorted(Path("/usr/share/sounds/sf2").glob("*.sf2"))


def song() -> mido.MidiFile:
    """A piano, then a violin on its channel; a bass; a snare and a cowbell; all held too long."""
    events = [
        mido.Message("program_change", channel=0, program=0),
        mido.Message("program_change", channel=1, program=33),
        mido.Message("note_on", channel=0, note=60),
        mido.Message("note_on", channel=1, note=36),
        mido.Message("note_on", channel=9, note=38),
        mido.Message("note_on", channel=9, note=56),
        mido.Message("program_change", channel=0, program=40, time=480),
        mido.Message("note_on", channel=0, note=72),
        mido.Message("note_off", channel=0, note=60, time=480),
    ]
    return mido.MidiFile(ticks_per_beat=480, tracks=[mido.MidiTrack(events)])


def notes(midi: mido.MidiFile) -> list[tuple[str, int, float]]:
    now, found = 0.0, []
    for message in midi:
        now += message.time
        if message.type.startswith("note"):
            found.append((message.type, message.note, round(now, 3)))
    return found


@pytest.mark.parametrize(
    ("channel", "program", "note", "stem"),
    [
        (0, 0, 60, "keyboards"),
        (0, 27, 60, "guitars"),
        (0, 38, 60, "bass"),
        (0, 47, 60, "percussions"),
        (0, 48, 60, "orchestral"),
        (0, 53, 60, "vocals"),
        (0, 81, 60, "synthesizers"),
        (0, 127, 60, "synthesizers"),
        (9, 0, 38, "drums"),
        (9, 0, 56, "percussions"),
    ],
)
def test_general_midi_belongs_to_stems(channel: int, program: int, note: int, stem: str) -> None:
    assert stem_of(channel, program, note) == stem


def test_each_stem_gets_its_notes_at_their_times() -> None:
    stems = split(song(), seconds=10)
    assert set(stems) == {"keyboards", "orchestral", "bass", "drums", "percussions"}
    assert notes(stems["keyboards"]) == [("note_on", 60, 0.0), ("note_off", 60, 1.0)]
    assert notes(stems["orchestral"]) == [("note_on", 72, 0.5)]


def test_tempo_and_transposition_spare_the_drums_pitch() -> None:
    stems = split(song(), seconds=10, tempo=2.0, semitones=3)
    assert notes(stems["keyboards"]) == [("note_on", 63, 0.0), ("note_off", 63, 0.5)]
    assert notes(stems["drums"]) == [("note_on", 38, 0.0)]


def test_nothing_rings_past_the_cut() -> None:
    stems = split(song(), seconds=0.75)
    for midi in stems.values():
        assert midi.length == pytest.approx(0.75, abs=0.001)
        assert sum(m.is_cc(120) for m in midi.tracks[0]) == 16


def test_a_piano_song_is_given_voices() -> None:
    names = ("MELODY", "PIANO")
    tracks = [
        mido.MidiTrack(
            [mido.MetaMessage("track_name", name=name), mido.Message("note_on", note=60)]
        )
        for name in names
    ]
    voiced = revoice(mido.MidiFile(tracks=[mido.MidiTrack(), *tracks]), random.Random(1))
    channels = {m.channel for track in voiced.tracks for m in track if m.type == "note_on"}
    assert channels == {0, 1}
    assert sum(m.type == "program_change" for track in voiced.tracks for m in track) == 2


@pytest.mark.skipif(not shutil.which("fluidsynth"), reason="needs fluidsynth")
@pytest.mark.skipif(not FONTS, reason="needs a soundfont in /usr/share/sounds/sf2")
def test_a_stem_is_rendered_dry_and_ends(tmp_path: Path) -> None:
    render(split(song(), seconds=1)["bass"], FONTS[0], tmp_path / "bass.wav")
    audio, sample_rate = soundfile.read(tmp_path / "bass.wav")
    assert sample_rate == 48000
    assert 1 <= len(audio) / sample_rate < 4
    assert 0.001 < np.abs(audio).max() <= 0.51
