import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import yaml

from restem.bridge.cli.main import main
from restem.models.stems import STEMS
from restem.models.training.data.songs import (
    Part,
    Song,
    draw_stems,
    open_songs,
    split_songs,
    summarize,
    write_split,
)

RATE = 8000


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTEM_CACHE", str(tmp_path / ".cache"))


def write(
    path: Path, level: float, seconds: float = 4.0, sounding: float = 4.0, rate: int = RATE
) -> None:
    """A part at a constant level up to `sounding` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.zeros((round(seconds * rate), 2), dtype=np.float32)
    audio[: round(sounding * rate)] = level
    soundfile.write(path, audio, rate, subtype="FLOAT")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "one" / "vocals" / "lead.wav", 0.1)
    write(tmp_path / "one" / "vocals" / "choir.wav", 0.2)
    write(tmp_path / "one" / "bass" / "0.wav", 0.4)
    write(tmp_path / "two" / "bass" / "0.wav", 0.3)
    write(tmp_path / "two" / "mixture.wav", 0.5, seconds=3)
    return tmp_path


def named(*names: str) -> list[Song]:
    return [Song(name, {}) for name in names]


def names(songs: list[Song]) -> list[str]:
    return [song.name for song in songs]


def noise_part(folder: Path, rate: int, seconds: float, channels: int = 2) -> tuple[Part, Any]:
    """A part of noise below 3 kHz, and its samples."""
    white = np.random.default_rng(rate).normal(size=(round(seconds * 48000), channels))
    spectrum = np.fft.rfft(white, axis=0)
    spectrum[round(len(spectrum) * 3 / 24) :] = 0
    audio = soxr.resample(0.1 * np.fft.irfft(spectrum, len(white), axis=0), 48000, rate)
    path = folder / f"{rate}.wav"
    soundfile.write(path, audio, rate, subtype="FLOAT")
    return Part(path, rate, (0,)), audio.astype(np.float32).T


def test_songs_are_folders_of_stems(folder: Path) -> None:
    one, two = open_songs(folder)
    assert names([one, two]) == ["one", "two"]
    assert {stem: len(parts) for stem, parts in one.parts.items()} == {"vocals": 2, "bass": 1}
    assert set(two.parts) == {"bass"}
    assert one.mixture is None
    assert two.mixture
    assert (two.mixture.duration_seconds, two.duration_seconds) == (3.0, 4.0)


def only_part(folder: Path, **sizes: float) -> Part:
    """The part of a song that has no other."""
    write(folder / "one" / "vocals.wav", 0.1, **sizes)
    (song,) = open_songs(folder)
    return song.parts["vocals"][0]


def test_a_part_knows_the_seconds_in_which_it_plays(tmp_path: Path) -> None:
    assert only_part(tmp_path, seconds=5, sounding=2.5).active == (0, 1, 2)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: write(path, 0.0), "silent, never above -45 dBFS: left out"),
        (lambda path: write(path, np.nan), "NaN or Inf in second 0: left out"),
        (lambda path: path.write_bytes(b"junk"), r"cannot be read \(.*\): left out"),
        (lambda path: path.write_bytes(b""), "empty: left out"),
        (lambda path: soundfile.write(path, np.ones((99, 6)), RATE), "6 channels.*: left out"),
    ],
)
def test_a_bad_part_is_named_and_left_out(folder: Path, spoil: Any, message: str) -> None:
    spoil(folder / "one" / "vocals" / "choir.wav")
    with pytest.warns(UserWarning, match=rf"one/vocals/choir\.wav: {message}") as caught:
        one, two = open_songs(folder)
    assert len(caught) == 1
    assert [part.path.name for part in one.parts["vocals"]] == ["lead.wav"]
    assert set(two.parts) == {"bass"}


def test_what_is_wrong_is_said_again_though_it_is_known(folder: Path) -> None:
    write(folder / "one" / "drums" / "0.wav", 0.0)
    for _ in range(2):
        with pytest.warns(UserWarning, match="silent"):
            open_songs(folder)


def test_a_bad_mixture_does_not_cost_the_song(folder: Path) -> None:
    write(folder / "two" / "mixture.wav", np.inf)
    with pytest.warns(UserWarning, match="mixture.wav: NaN or Inf"):
        _, two = open_songs(folder)
    assert two.mixture is None


@pytest.mark.filterwarnings("ignore:.*silent")
def test_a_song_of_which_nothing_is_left_is_skipped(folder: Path) -> None:
    write(folder / "two" / "bass" / "0.wav", 0.0)
    with pytest.warns(UserWarning, match="two: no stem can be used: song skipped$"):
        assert names(open_songs(folder)) == ["one"]


@pytest.mark.filterwarnings("ignore:.*silent")
def test_a_folder_of_songs_of_which_nothing_is_left_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one" / "bass.wav", 0.0)
    with (
        pytest.warns(UserWarning, match="one: no stem can be used"),
        pytest.raises(ValueError, match="no songs; nothing in 1 folders can be used"),
    ):
        open_songs(tmp_path)


def test_a_song_with_broken_metadata_is_skipped(tmp_path: Path) -> None:
    tracks = [{"id": "0", "trackType": "bass guitar", "extension": "wav"}]
    for name, text in (
        ("good", json.dumps({"stems": [{"stemName": "bass", "tracks": tracks}]})),
        ("bad", "{"),
    ):
        write(tmp_path / name / "bass" / "0.wav", 0.1)
        (tmp_path / name / "data.json").write_text(text)
    with pytest.warns(UserWarning, match=r"bad/data\.json: not the metadata of .*: song skipped"):
        assert names(open_songs(tmp_path, "moisesdb")) == ["good"]


def test_stems_of_other_lengths_are_noted_beyond_a_second(folder: Path) -> None:
    write(folder / "one" / "bass" / "0.wav", 0.4, seconds=4.9)
    assert open_songs(folder)[0].duration_seconds == 4.9
    write(folder / "one" / "bass" / "0.wav", 0.4, seconds=5.5)
    with pytest.warns(UserWarning, match=r"one: stems of 4\.0 to 5\.5 s"):
        one, _ = open_songs(folder)
    vocals = one.parts["vocals"][0].read(3.0, 2.0)
    assert vocals[:, :RATE].min() > 0
    assert not vocals[:, RATE:].any()


def test_stems_of_other_rates_are_noted_and_drawn_at_one(folder: Path) -> None:
    write(folder / "one" / "bass" / "0.wav", 0.4, rate=11025)
    with pytest.warns(UserWarning, match="one: stems at 8000, 11025 Hz"):
        songs = open_songs(folder)
    clips = draw_stems(songs[:1], 1.5, np.random.default_rng(0), together=1, sample_rate=16000)
    assert {clip.shape for clip in clips.values()} == {(2, 24000)}


def test_files_of_no_stem_are_said_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        for stem in ("vocals", "other", "mixture"):
            write(tmp_path / name / f"{stem}.wav", 0.1)
    with pytest.warns(UserWarning, match=r"files of no stem .*: other\.wav \(2\)$") as caught:
        songs = open_songs(tmp_path, "musdb18-hq")
    assert len(caught) == 1
    assert all(set(song.parts) == {"vocals"} and song.mixture for song in songs)


def test_a_folder_without_songs_is_refused_with_what_is_there(tmp_path: Path) -> None:
    expected = rf"no songs; expected {tmp_path}/SONG/vocals/\* \(wav or flac\) \(layout restem\)"
    with pytest.raises(ValueError, match=f"{expected}, found nothing$"):
        open_songs(tmp_path)
    write(tmp_path / "train" / "one" / "vocals.wav", 0.1)
    with pytest.raises(ValueError, match=f"{expected}, found train; it looks like layout musdb"):
        open_songs(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        open_songs(tmp_path / "nowhere")


def test_reading_past_the_end_gives_silence(tmp_path: Path) -> None:
    part = only_part(tmp_path, seconds=2)
    audio = part.read(1.5, 1.0)
    assert audio.shape == (2, 8000)
    assert audio[:, :4000].min() > 0
    assert not audio[:, 4000:].any()
    assert not part.read(7.0, 1.0).any()
    assert not part.read(7.0, 1.0, 11025).any()


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_mono_becomes_two_equal_channels(tmp_path: Path, rate: int) -> None:
    part, audio = noise_part(tmp_path, 8000, 2, channels=1)
    clip = part.read(0.5, 1.0, rate)
    assert clip.shape == (2, rate)
    assert np.array_equal(clip[0], clip[1])
    assert clip.flags.c_contiguous
    assert rate != 8000 or np.array_equal(clip[0], audio[0, 4000:12000])


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("own_rate", [8000, 11025, 44100, 48000, 96000])
@pytest.mark.parametrize("second", [0.0, 0.123, 1.7771, 2.9])
def test_a_resampled_clip_is_that_of_the_whole_part(
    tmp_path: Path, own_rate: int, rate: int, second: float
) -> None:
    part, audio = noise_part(tmp_path, own_rate, 3.5)
    clip = part.read(second, 0.777, rate)
    assert clip.dtype == np.float32
    assert clip.shape == (2, round(0.777 * rate))
    whole = np.pad(soxr.resample(audio.T, own_rate, rate).T, ((0, 0), (0, rate)))
    start = round(second * rate)
    expected = whole[:, start : start + clip.shape[1]]
    # The end of a file is an end to one and silence to the other: compare what lies before it.
    sound = round(3.45 * rate) - start
    assert np.abs(clip - expected)[:, :sound].max() < 1e-5


def test_parts_of_other_rates_are_aligned(tmp_path: Path) -> None:
    parts = [noise_part(tmp_path, rate, 1.0)[0] for rate in (44100, 48000, 32000)]
    source, _ = soundfile.read(parts[1].path, dtype="float32")
    for part in parts[::2]:
        soundfile.write(part.path, soxr.resample(source, 48000, part.sample_rate), part.sample_rate)
    reference = parts[1].read(0.31, 0.4, 48000)
    for part in parts:
        clip = part.read(0.31, 0.4, 48000)
        assert np.abs(clip - reference).max() < 1e-3 < np.abs(reference).max() / 100


def test_stems_drawn_together_are_one_moment_of_one_song(folder: Path) -> None:
    songs = open_songs(folder)[:1]
    clips = draw_stems(songs, 2.0, np.random.default_rng(0), together=1.0, sample_rate=RATE)
    assert set(clips) == {"vocals", "bass"}
    assert clips["vocals"].max() == pytest.approx(0.3)


def test_stems_drawn_apart_come_from_any_song(folder: Path) -> None:
    songs, rng = open_songs(folder), np.random.default_rng(0)
    drawn = [draw_stems(songs, 1.0, rng, together=0.0, sample_rate=RATE) for _ in range(60)]
    levels = {round(float(clips["bass"].max()), 2) for clips in drawn if "bass" in clips}
    assert levels == {0.3, 0.4}
    assert {frozenset(clips) for clips in drawn} >= {frozenset(), frozenset({"vocals", "bass"})}


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
def test_a_stem_that_is_always_wanted_is_always_drawn_and_plays(
    folder: Path, together: float
) -> None:
    write(folder / "one" / "vocals" / "lead.wav", 0.1, seconds=9, sounding=2)
    write(folder / "one" / "vocals" / "choir.wav", 0.1, seconds=9, sounding=2)
    write(folder / "one" / "bass" / "0.wav", 0.4, seconds=9, sounding=9)
    songs, rng = open_songs(folder), np.random.default_rng(0)
    for _ in range(40):
        clips = draw_stems(songs, 2.0, rng, together, RATE, always="vocals")
        assert clips["vocals"].any()
    assert draw_stems(songs, 2.0, rng, 1.0, RATE, always="drums")  # nobody has it


def test_one_seed_draws_one_set(folder: Path) -> None:
    songs = open_songs(folder)
    first, again = (draw_stems(songs, 1.0, np.random.default_rng(5)) for _ in range(2))
    assert set(first) == set(again)
    assert all(np.array_equal(first[stem], again[stem]) for stem in first)


def test_adding_songs_moves_no_other_across_the_split() -> None:
    songs = named(*map(str, range(300)))
    sides = [{song.name for song in side} for side in split_songs(songs, 0.2, seed=3)]
    assert sides[0] | sides[1] == set(names(songs))
    assert 40 < len(sides[1]) < 80
    for count in (50, 100, 299):
        training, held_out = split_songs(songs[:count][::-1], 0.2, seed=3)
        assert set(names(training)) <= sides[0]
        assert set(names(held_out)) <= sides[1]


def test_another_seed_is_another_split() -> None:
    songs = named(*map(str, range(100)))
    assert names(split_songs(songs, 0.3, seed=0)[1]) != names(split_songs(songs, 0.3, seed=1)[1])


@pytest.mark.parametrize("share", [1e-9, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_no_side_of_a_split_is_empty(share: float, count: int) -> None:
    training, held_out = split_songs(named(*"abcdefghij"[:count]), share)
    assert training
    assert held_out
    assert len(training) + len(held_out) == count


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_share_that_splits_nothing_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="held_out must be between 0 and 1, got"):
        split_songs(named("a", "b"), share)


def test_a_split_is_kept_as_yaml(tmp_path: Path) -> None:
    songs = named("b", "a", "007", "été", "no: yes")
    write_split(tmp_path / "split.yaml", songs[:3], songs[3:])
    text = (tmp_path / "split.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == {"training": ["007", "a", "b"], "held_out": ["no: yes", "été"]}


def test_stems_are_counted_in_songs_and_minutes(folder: Path) -> None:
    write(folder / "one" / "vocals" / "choir.wav", 0.2, seconds=90, sounding=60)
    with pytest.warns(UserWarning, match="stems of 4"):
        rows = summarize(open_songs(folder))
    assert [row["stem"] for row in rows] == list(STEMS)
    assert rows[0] == {"stem": "vocals", "songs": 1, "minutes": 1.0}
    assert rows[4] == {"stem": "bass", "songs": 2, "minutes": 0.1}


def test_the_check_prints_a_table_and_names_problems(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "one" / "drums.wav", 0.0)
    assert main(["songs", "check", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{folder}: 2 songs, 0.1 minutes; problems: 1\n")
    assert "| bass         | 2     | 0.1     |" in out
    note = f"{folder / 'one' / 'drums.wav'}: silent, never above -45 dBFS: left out"
    assert err == f"restem: note: {note}\n"
    assert main(["songs", "check", str(folder), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["songs"] == 2
    assert report["problems"] == [note]
    assert report["stems"][4] == {"stem": "bass", "songs": 2, "minutes": 0.1}


def test_the_check_fails_where_there_is_no_song(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "one" / "bass.wav", 0.0)
    assert main(["songs", "check", str(tmp_path)]) == 1
    err = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in err] == ["note", "note", "error"]
    assert main(["songs", "check", str(tmp_path), "--layout", "mine"]) == 1
    assert "unknown layout 'mine'; expected one of" in capsys.readouterr().err


def test_the_layouts_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["songs", "layouts", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["layout"] for row in rows][:2] == ["restem", "moisesdb"]
    assert all(row["description"] for row in rows)
