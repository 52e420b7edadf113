import csv
import random
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from restem.bridge.cli.main import main
from restem.models.training.data.sampler import Recordings, Sampler, parts, read_instruments
from restem.models.training.data.songs import Audio, open_songs
from restem.models.training.data.synthesis import Patch

RATE = 48000
HEADER = ("stem", "instrument", "file", "midi", "layer")


def tone(pitch: float, seconds: float, decay: float = 0.0) -> Audio:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * np.exp(-decay * time)
    return np.stack((wave, wave), axis=1).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pipe that holds, a string that decays in two layers, and a drum."""
    rows = [("orchestral", "pipe", f"pipe{n}.wav", n, "") for n in range(48, 84, 5)]
    rows += [
        ("guitars", "string", f"string{n}_{layer}.wav", n, layer)
        for n in range(40, 80, 4)
        for layer in ("p", "f")
    ]
    rows += [("drums", "kit", f"bd_{n}.wav", "", n) for n in (1, 2)]
    for stem, _, file, pitch, layer in rows:
        if stem == "drums":
            audio = tone(30 + 12 * int(layer), 0.3, 10)
        else:
            audio = tone(float(pitch), 1.0, 0 if stem == "orchestral" else 3)
        soundfile.write(tmp_path / file, audio * (0.3 if layer == "p" else 1), RATE)
    with (tmp_path / "samples.csv").open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return tmp_path


def melody(*notes: tuple[int, float], program: int = 73, channel: int = 0) -> mido.MidiFile:
    """Notes of (pitch, seconds) one after the other."""
    track = mido.MidiTrack([mido.Message("program_change", channel=channel, program=program)])
    for pitch, seconds in notes:
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=100))
        end = mido.Message("note_off", channel=channel, note=pitch, time=round(1000 * seconds))
        track.append(end)
    return mido.MidiFile(ticks_per_beat=500, tracks=[track])


def pitch_of(audio: Audio) -> float:
    spectrum = np.abs(np.fft.rfft(audio[:, 0] * np.hanning(len(audio)), 1 << 18))
    return 69 + 12 * np.log2(spectrum.argmax() * RATE / (1 << 18) / 440)


def play(folder: Path, stem: str, midi: mido.MidiFile) -> Audio:
    audio, _ = Sampler(read_instruments(folder)).play(stem, midi, random.Random(0))
    return audio


@pytest.mark.parametrize("pitch", [48, 55, 66, 84, 30, 100])
def test_a_note_has_its_pitch_though_no_recording_does(folder: Path, pitch: int) -> None:
    heard = pitch_of(play(folder, "orchestral", melody((pitch, 0.8)))[2400:36000])
    away = (heard - pitch) % 12  # an octave's move is allowed where the instrument ends
    assert min(away, 12 - away) < 0.3


def test_a_note_outlasts_its_recording_as_it_sounds(folder: Path) -> None:
    held = play(folder, "orchestral", melody((60, 6.0)))
    levels = [np.sqrt(np.mean(held[s * RATE : (s + 1) * RATE] ** 2)) for s in range(6)]
    assert min(levels) > 0.8 * max(levels)
    struck = play(folder, "guitars", melody((60, 3.0), program=25))
    levels = [np.sqrt(np.mean(struck[s * RATE : (s + 1) * RATE] ** 2)) for s in range(3)]
    assert levels[0] > 2 * levels[1] > 0


def test_notes_end_with_the_music(folder: Path) -> None:
    audio = play(folder, "orchestral", melody((60, 1.0)))
    assert np.abs(audio[:RATE]).max() == pytest.approx(0.5, abs=0.01)
    assert not audio[round(1.4 * RATE) :].any()


def test_a_hit_is_a_recording_of_its_piece(folder: Path) -> None:
    audio = play(folder, "drums", melody((36, 0.1), channel=9))
    assert np.abs(audio).max() == pytest.approx(0.5, abs=0.01)
    assert not len(play(folder, "drums", melody((49, 0.1), channel=9)))  # there is no cymbal


def test_the_pedal_holds_notes() -> None:
    midi = melody((60, 0.5), (62, 0.5))
    midi.tracks[0].insert(1, mido.Message("control_change", control=64, value=127))
    midi.tracks[0].append(mido.Message("control_change", control=64, value=0, time=1000))
    (notes,) = parts(midi).values()
    assert [(note.pitch, round(note.start, 2), round(note.end, 2)) for note in notes] == [
        (60, 0.0, 2.0),
        (62, 0.5, 2.0),
    ]


def test_one_seed_plays_one_way(folder: Path) -> None:
    first, again = (play(folder, "guitars", melody((50, 0.5), (53, 0.5))) for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("stem", ["synthesizers", "bass", "percussions"])
def test_patches_are_in_tune_and_end(stem: str) -> None:
    for seed in range(20):
        patch = Patch(stem, random.Random(seed), RATE)
        audio = patch.play(60, 0.5)
        assert np.isfinite(audio).all()
        assert np.abs(audio).max() == pytest.approx(0.5, rel=1e-3)
        assert np.abs(audio[-100:]).max() < 0.02
        if patch.kind in ("saws", "pulse") and patch.octave == 0 and patch.noise == 0:
            spectrum = np.abs(np.fft.rfft(audio[:, 0], RATE))
            assert spectrum[np.arange(1, 6) * 262 + np.arange(-3, 3)[:, None]].max() > 0.1 * (
                spectrum.max()
            )


def test_songs_are_rendered_with_recordings(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "midi").mkdir()
    melody((60, 1.0), (64, 1.0)).save(tmp_path / "midi" / "a.mid")
    out = tmp_path / "out"
    command = ["songs", "render", str(tmp_path / "midi"), str(out), "--instruments", str(folder)]
    assert main(command) == 0
    (song,) = open_songs(out)
    assert set(song.parts) == {"orchestral"}
    assert "pipe" in (out / "songs.yaml").read_text()


def test_instruments_may_be_held_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {
        one.name for stem in Recordings(folder, ["pipe"]).sampler.by_stem.values() for one in stem
    }
    assert names == {"string", "kit"}
    with pytest.raises(ValueError, match="no such instruments: flute"):
        Recordings(folder, ["flute"]).check()
    assert main(["songs", "render", str(folder), str(folder / "out")]) == 1
    assert "give --font FONT or --instruments FOLDER" in capsys.readouterr().err


def test_a_table_that_names_what_is_not_there_is_refused(folder: Path) -> None:
    (folder / "pipe48.wav").unlink()
    with pytest.raises(ValueError, match=r"pipe48\.wav: no such file"):
        read_instruments(folder)
    (folder / "samples.csv").unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        read_instruments(folder)
