import json
import random
import shutil
import stat
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
import yaml

from restem.bridge.cli.main import main
from restem.models.training.data import general_midi as midi
from restem.models.training.data.general_midi import (
    Fonts,
    find_songs,
    off_channel_ten,
    render,
    render_songs,
    revoice,
    split,
    stem_of,
)

SOUNDFONTS = Path("/usr/share/sounds/sf2")
# The smallest General MIDI font of the distribution, so that its loading takes least.
FONTS = sorted(SOUNDFONTS.glob("*GM*.sf2"), key=lambda path: path.stat().st_size)
WRITES = 'while [ "$1" != -F ]; do shift; done; echo sound > "$2"'  # in the shell
KITS = sorted(SOUNDFONTS.glob("*_LV2.sf2"))

needs_fluidsynth = pytest.mark.skipif(
    not shutil.which("fluidsynth") or not FONTS,
    reason=f"needs fluidsynth and a soundfont in {SOUNDFONTS}",
)
needs_a_kit = pytest.mark.skipif(
    not KITS, reason=f"needs a drum kit of avldrums.lv2-soundfont in {SOUNDFONTS}"
)


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
    for stem in stems.values():
        assert stem.length == pytest.approx(0.75, abs=0.001)
        assert sum(m.is_cc(120) for m in stem.tracks[0]) == 16


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


def test_a_voice_is_never_given_the_drum_channel() -> None:
    tracks = [mido.MidiTrack([mido.Message("note_on", note=60)]) for _ in range(20)]
    voiced = revoice(mido.MidiFile(tracks=tracks), random.Random(1))
    channels = {m.channel for track in voiced.tracks for m in track if m.type == "note_on"}
    assert channels == set(range(16)) - {9}


def test_drums_off_channel_ten_keep_their_times_and_lose_their_program() -> None:
    song_ = song()
    song_.tracks[0].insert(0, mido.Message("program_change", channel=9, program=25, time=100))
    drums = split(song_, seconds=1)["drums"]
    moved = off_channel_ten(drums)
    assert notes(moved) == notes(drums) != []
    assert {m.channel for m in moved.tracks[0]} == {0}
    assert not any(m.type == "program_change" for m in moved.tracks[0])
    assert moved.length == pytest.approx(drums.length)


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A folder with a short song, another in a folder of its own, and a broken one."""
    folder = tmp_path / "midi"
    (folder / "more").mkdir(parents=True)
    song().save(folder / "one.mid")
    song().save(folder / "more" / "two.MIDI")
    (folder / "broken.mid").write_bytes(b"MThd, but no more")
    return folder


def take(out: Path, name: str) -> dict[str, object]:
    """What the manifest says of a song."""
    found: dict[str, object] = yaml.safe_load((out / "songs.yaml").read_text())[name]
    return found


def command(folder: Path, script: str) -> None:
    """A fluidsynth that does what a shell script does."""
    folder.mkdir()
    (folder / "fluidsynth").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "fluidsynth").chmod(stat.S_IRWXU)


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A file that looks like a soundfont."""
    (tmp_path / "a.sf2").write_bytes(b"RIFF\0\0\0\0sfbk")
    return tmp_path / "a.sf2"


def test_songs_are_found_in_folders_too(songs: Path) -> None:
    assert set(find_songs(songs)) == {"broken", "more-two", "one"}


def test_a_folder_without_songs_or_with_two_of_one_name_is_refused(
    songs: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        find_songs(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"no MIDI files; expected some \.mid or \.midi"):
        find_songs(tmp_path / "empty")
    song().save(songs / "one.midi")
    with pytest.raises(ValueError, match="would both be rendered to one"):
        find_songs(songs)


def test_without_fluidsynth_nothing_begins(
    songs: Path, tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="fluidsynth is not installed; on Debian: apt install"):
        render_songs(songs, tmp_path / "out", Fonts([font]))
    assert not (tmp_path / "out").exists()


def test_a_font_that_is_none_is_refused_before_anything_begins(
    songs: Path, tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(tmp_path / "bin", "echo fluidsynth: error: it is torn >&2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for fonts, message in (
        (Fonts([]), "no soundfont was given"),
        (Fonts([tmp_path / "no.sf2"]), r"no\.sf2: no such soundfont"),
        (Fonts([songs / "one.mid"]), r"one\.mid: not a soundfont"),
        (Fonts([font]), r"a\.sf2: cannot be loaded: fluidsynth: it is torn"),
    ):
        with pytest.raises(ValueError, match=message):
            render_songs(songs, tmp_path / "out", fonts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (f"{WRITES}; exit 3", "fluidsynth: exit code 3"),
        ("echo gone wrong >&2; exit 1", "fluidsynth: gone wrong"),
        ("exit 0", "fluidsynth: exit code 0"),
        (f'{WRITES}; echo "fluidsynth: error: no font" >&2', "fluidsynth: no font"),
    ],
)
def test_a_failure_of_fluidsynth_is_an_error_whatever_its_exit_code(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str
) -> None:
    command(tmp_path / "bin", script)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(RuntimeError, match=f"^{message}$"):
        render(song(), font, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


@needs_fluidsynth
def test_a_font_that_fluidsynth_would_replace_is_refused(tmp_path: Path) -> None:
    torn = tmp_path / "torn.sf2"
    torn.write_bytes(FONTS[0].read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"torn\.sf2: cannot be loaded: fluidsynth: "):
        Fonts([torn]).check()


@needs_fluidsynth
def test_a_stem_is_rendered_dry_and_ends(tmp_path: Path) -> None:
    assert render(split(song(), seconds=1)["bass"], FONTS[0], tmp_path / "bass.wav")
    audio, sample_rate = soundfile.read(tmp_path / "bass.wav")
    assert sample_rate == 48000
    assert 1 <= len(audio) / sample_rate < 4
    assert 0.001 < np.abs(audio).max() <= 0.51


@needs_fluidsynth
@pytest.mark.parametrize("cents", [-100, -30, 7, 50, 99])
def test_retuning_moves_the_pitch_by_cents(tmp_path: Path, cents: int) -> None:
    note = [mido.Message("program_change", program=80), mido.Message("note_on", note=69)]
    tone = mido.MidiFile(ticks_per_beat=480, tracks=[mido.MidiTrack(note)])
    peaks = []
    for tuning in (0, cents):
        stem = split(tone, 3, cents=tuning)["synthesizers"]
        render(stem, FONTS[0], tmp_path / "tone.wav")
        audio, _ = soundfile.read(tmp_path / "tone.wav", start=24000, frames=96000)
        spectrum = np.abs(np.fft.rfft(audio[:, 0] * np.hanning(96000), 1 << 20))[:11000]
        peaks.append(spectrum[8500:].argmax() + 8500)  # 389 to 503 Hz
    assert 1200 * np.log2(peaks[1] / peaks[0]) == pytest.approx(cents, abs=0.3)


@needs_fluidsynth
def test_retuning_spares_the_drums() -> None:
    plain, tuned = (split(song(), 1, cents=cents) for cents in (0, 20))
    assert [m.bytes() for m in tuned["drums"].tracks[0] if m.channel == 9] == [
        m.bytes() for m in plain["drums"].tracks[0] if m.channel == 9
    ]


@needs_fluidsynth
@needs_a_kit
def test_a_font_with_a_kit_alone_plays_drums_as_a_drum_font_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="its drums are silent; try it as --drum-font"):
        Fonts([KITS[0]]).check()
    fonts = Fonts([FONTS[0]], [KITS[0]])
    fonts.check()
    drawn = {stem: {fonts.draw(stem, random.Random(n)) for n in range(20)} for stem in ("drums",)}
    assert drawn["drums"] == {FONTS[0], KITS[0]}
    assert {fonts.draw("percussions", random.Random(n)) for n in range(20)} == {FONTS[0]}
    drums = split(song(), 1)["drums"]
    assert not render(drums, KITS[0], tmp_path / "silent.wav")
    assert not (tmp_path / "silent.wav").exists()
    assert fonts.render("drums", drums, KITS[0], tmp_path / "drums.wav")
    assert abs(soundfile.read(tmp_path / "drums.wav")[0]).max() > 0.01


@needs_fluidsynth
@pytest.mark.parametrize("jobs", [1, 3])
def test_songs_are_rendered_whole_and_the_broken_one_is_named(
    songs: Path, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    with pytest.warns(UserWarning, match=r"broken\.mid: not a MIDI file .*: song sk") as caught:
        report = render_songs(songs, out, Fonts(FONTS[:1]), seconds=2, jobs=jobs)
    assert len(caught) == 1
    assert report == midi.Report(rendered=["more-two", "one"], failed=["broken"])
    assert sorted(path.name for path in out.iterdir()) == ["more-two", "one", "songs.yaml"]
    stems = {path.parent.name: soundfile.info(path) for path in out.glob("more-two/*/0.wav")}
    assert set(stems) == {"keyboards", "orchestral", "bass", "drums", "percussions"}
    assert len({info.frames for info in stems.values()}) == 1
    said = take(out, "more-two")
    assert said["source"] == "more/two.MIDI"
    assert said["fonts"] == dict.fromkeys(stems, FONTS[0].resolve().name)
    assert said["seconds"] == 2
    assert {"tempo", "semitones", "cents"} < set(said)
    assert said["tempo"] != take(out, "one")["tempo"]


@needs_fluidsynth
def test_finished_songs_are_kept_and_the_rest_is_rendered_as_before(
    songs: Path, tmp_path: Path
) -> None:
    (songs / "broken.mid").unlink()
    out, fonts = tmp_path / "out", Fonts(FONTS[:1])
    render_songs(songs, out, fonts, seconds=1)
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    shutil.rmtree(out / "one")
    report = render_songs(songs, out, fonts, seconds=1)
    assert (report.rendered, report.kept) == (["one"], ["more-two"])
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
    (out / "songs.yaml").write_text(json.dumps({"more-two": take(out, "more-two")}))
    with pytest.warns(UserWarning, match=r"1 songs that songs\.yaml does not know are kept, one"):
        render_songs(songs, out, fonts, seconds=1)


@needs_fluidsynth
def test_a_song_that_fails_halfway_leaves_nothing(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (songs / "broken.mid").unlink()
    whole = midi.render

    def fail_on_one(file: mido.MidiFile, font: Path, out: Path) -> bool:
        if out.parts[-3].startswith(".one.") and out.parent.name == "drums":
            raise RuntimeError("fluidsynth: died")
        return whole(file, font, out)

    monkeypatch.setattr(midi, "render", fail_on_one)
    out = tmp_path / "out"
    with pytest.warns(UserWarning, match=r"one\.mid: fluidsynth: died: song skipped"):
        report = render_songs(songs, out, Fonts(FONTS[:1]), seconds=1)
    assert (report.rendered, report.failed) == (["more-two"], ["one"])
    assert sorted(path.name for path in out.iterdir()) == ["more-two", "songs.yaml"]
    assert list(yaml.safe_load((out / "songs.yaml").read_text())) == ["more-two"]


@needs_fluidsynth
def test_a_song_without_notes_is_named(tmp_path: Path) -> None:
    (tmp_path / "midi").mkdir()
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(tmp_path / "midi" / "mute.mid")
    with pytest.warns(UserWarning, match=r"mute\.mid: no note sounds: song skipped"):
        report = render_songs(tmp_path / "midi", tmp_path / "out", Fonts(FONTS[:1]))
    assert report.failed == ["mute"]


@needs_fluidsynth
def test_a_broken_manifest_is_refused(songs: Path, tmp_path: Path) -> None:
    for text, message in (("a: [: b", "cannot be read"), ("[]", "expected a mapping of songs")):
        (tmp_path / "songs.yaml").write_text(text)
        with pytest.raises(ValueError, match=rf"songs\.yaml: {message}"):
            render_songs(songs, tmp_path, Fonts(FONTS[:1]))


@pytest.mark.parametrize(("seconds", "jobs"), [(0, 1), (-1.0, 1), (1, 0)])
def test_nothing_is_rendered_for_no_time_or_by_nobody(
    songs: Path, tmp_path: Path, seconds: float, jobs: int
) -> None:
    with pytest.raises(ValueError, match="seconds and jobs must be positive, got"):
        render_songs(songs, tmp_path / "out", Fonts([]), seconds=seconds, jobs=jobs)


@needs_fluidsynth
@pytest.mark.filterwarnings("default")  # the verb prints them
def test_the_verb_renders_and_fails_when_a_song_does(
    songs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["songs", "render", str(songs), str(tmp_path / "out"), "--seconds", "1"]
    arguments += ["--font", str(FONTS[0]), "--jobs", "2"]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out'}: 2 songs rendered, 0 were there, 1 failed\n"
    assert err.startswith(f"restem: note: {songs / 'broken.mid'}: not a MIDI file")
    (songs / "broken.mid").unlink()
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith(": 0 songs rendered, 2 were there, 0 failed\n")
    assert main([*arguments, "--font", "no.sf2"]) == 1
    assert capsys.readouterr().err == "restem: error: no.sf2: no such soundfont\n"
