import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from restem.bridge.takes.recorder import Take
from restem.bridge.takes.rerender import rerender_take
from restem.bridge.takes.sidecar import read_session
from restem.streamer.mixer.routing import Routing
from restem.streamer.resampler import Audio
from tests.support.audio_files import read
from tests.support.gain_model import Plain
from tests.support.law import STEMS, music
from tests.support.recording import HOST, Played, finished

MODEL = Plain()


class Performance(Played):
    """A mixer is moved while a take is recorded; keeps the master that was heard."""

    def __init__(self) -> None:
        super().__init__()
        self.mixer.route(Routing.preset("stereo", STEMS))
        self.master: list[Audio] = []

    def play(self, blocks: int, works: bool = True) -> None:
        for _ in range(blocks):
            mix = music(HOST, seed=self.heard.shape[1])
            self.stage.play(mix)
            self.master.append(self.stage.playback.output[:2, :HOST].copy())
            self.heard = np.concatenate([self.heard, mix], axis=1)
            if works:
                self.stage.work()

    def perform(self, parent: Path, seconds: int = 2, **options: Any) -> Path:
        """A take with changes of all kinds; some of them are under way when it begins."""
        random = np.random.default_rng(0)
        self.mixer.set("pan", 0.7, "drums")
        self.play(30)
        self.mixer.set_all([("gain_db", -20, "vocals"), ("solo", True, "bass")])
        self.play(3)
        take = Take(self, parent, **options)  # type: ignore[arg-type]
        names = ["gain_db", "fader", "mute", "solo", "pan", "dry_wet", "bypass", "ceiling"]
        for _ in range(seconds * 48000 // HOST):
            name = names[random.integers(len(names))]
            strip = None if names.index(name) >= 5 else STEMS[random.integers(3)]
            change = (name, float(random.integers(2)), strip)
            if random.random() < 0.2:
                self.mixer.set(*change)
            if random.random() < 0.2:
                self.mixer.schedule(self.mixer.position + int(random.integers(2000)), [change])
            self.play(1)
            take.advance()
        return finished(take)

    def heard_in(self, folder: Path) -> Audio:
        """The master that was heard while a take's frames were."""
        session = read_session(folder)
        start = session.start + self.latency.total
        return np.concatenate(self.master, axis=1)[:, start : start + session.frames]


@pytest.fixture
def stage() -> Iterator[Performance]:
    made = Performance()
    yield made
    made.stage.close()


@pytest.mark.parametrize("latency", [300, 0, 1111])
def test_with_the_live_model_all_is_as_it_was(
    stage: Performance, tmp_path: Path, latency: int
) -> None:
    folder = stage.perform(tmp_path)
    report = rerender_take(replace(MODEL, latency=latency), folder, tmp_path / "out")
    session = read_session(folder)
    assert len(session.changes) > 100
    assert session.changes[0].frame == -3 * HOST
    assert report.frames == session.frames
    assert report.line().startswith(f"{folder.name}: ")
    assert [path.name for path in report.files] == [f"{s}.wav" for s in (*STEMS, "master")]
    for path in report.files[:-1]:
        assert np.abs(read(path) - read(folder / path.name)).max() < 1e-6
    master = read(report.files[-1])
    assert np.abs(master - stage.heard_in(folder)).max() < 1e-6


def test_another_model_gets_the_same_mix(stage: Performance, tmp_path: Path) -> None:
    folder = stage.perform(tmp_path)
    more = replace(MODEL, stems=("noise", "drums", "bass", "vocals"), gains=(9, 0.75, -0.5, 0.25))
    report = rerender_take(more, folder, tmp_path / "out")
    assert np.abs(read(report.files[-1]) - stage.heard_in(folder)).max() < 1e-6
    quiet = rerender_take(replace(MODEL, gains=(0, 0, 0)), folder, tmp_path / "quiet")
    assert not read(quiet.files[0]).any()
    assert read(quiet.files[-1]).any()  # dry mix


def test_where_stems_were_late_the_new_ones_are_not(stage: Performance, tmp_path: Path) -> None:
    stage.play(30)
    take = Take(stage, tmp_path)  # type: ignore[arg-type]
    stage.play(30, works=False)
    stage.play(60)
    report = rerender_take(MODEL, finished(take), tmp_path / "out")
    assert read_session(tmp_path / "take-001").late == 1
    mix = read(tmp_path / "take-001" / "mix.wav")
    assert np.array_equal(read(report.files[0]), 0.25 * mix)


@pytest.mark.parametrize("sample_rate", [44100, 96000])
def test_a_model_of_another_rate_is_resampled_in_place(
    stage: Performance, tmp_path: Path, sample_rate: int
) -> None:
    folder = stage.perform(tmp_path)
    report = rerender_take(replace(MODEL, sample_rate=sample_rate), folder, tmp_path / "out")
    new, old = (read(path)[0] for path in (report.files[0], folder / "vocals.wav"))
    assert soundfile.info(report.files[0]).samplerate == 48000
    spectra = np.fft.rfft(old, 2 * len(old)), np.fft.rfft(new, 2 * len(old))
    assert np.fft.irfft(spectra[0].conj() * spectra[1]).argmax() == 0
    assert len(new) == len(old)


@pytest.mark.parametrize("live", ["wav", "flac"])
def test_formats_of_take_and_print_are_free(stage: Performance, tmp_path: Path, live: str) -> None:
    folder = stage.perform(tmp_path, file_format=live)
    report = rerender_take(MODEL, folder, tmp_path / "out", file_format="flac", subtype="PCM_24")
    master = read(report.files[-1])
    assert report.files[-1].name == "master.flac"
    assert np.abs(master - stage.heard_in(folder).clip(-1, 1)).max() < 1e-6


def test_a_take_that_was_cut_short_is_printed_as_far_as_it_goes(
    stage: Performance, tmp_path: Path
) -> None:
    stage.play(30)
    take = Take(stage, tmp_path)  # type: ignore[arg-type]
    stage.play(100)
    take.advance()
    for file in take.files[:3]:
        file.write(np.ones((2, 100), np.float32))
    take.cut_short("no space")
    report = rerender_take(MODEL, tmp_path / "take-001.part", tmp_path / "out")
    assert report.folder == tmp_path / "out" / "take-001"
    assert report.frames == take.frames == read(report.files[0]).shape[1]


def test_memory_does_not_grow_with_the_take(stage: Performance, tmp_path: Path) -> None:
    peaks = []
    for seconds in (2, 6):
        folder = stage.perform(tmp_path, seconds)
        tracemalloc.start()
        rerender_take(MODEL, folder, tmp_path / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]  # the changes are in memory


def test_all_files_or_none(stage: Performance, tmp_path: Path) -> None:
    folder = stage.perform(tmp_path)

    def stop(done: float, total: float) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rerender_take(MODEL, folder, tmp_path / "out", progress=stop)
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_overwritten_unasked(stage: Performance, tmp_path: Path) -> None:
    folder = stage.perform(tmp_path)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match="take-001: is the take itself; choose another folder"):
        rerender_take(MODEL, folder, tmp_path, overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    rerender_take(MODEL, folder, tmp_path / "out")
    with pytest.raises(FileExistsError, match=r"vocals\.wav: exists; --overwrite it or choose"):
        rerender_take(MODEL, folder, tmp_path / "out")
    rerender_take(MODEL, folder, tmp_path / "out", overwrite=True)


def test_a_model_without_a_stem_of_the_take_is_refused(stage: Performance, tmp_path: Path) -> None:
    folder = stage.perform(tmp_path)
    model = replace(MODEL, stems=("vocals", "a", "b"))
    line = "the take has stems that the model lacks: bass, drums; the model has vocals, a, b"
    with pytest.raises(ValueError, match=line):
        rerender_take(model, folder, tmp_path / "out")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("version: 1", "version: 2", r"session\.yaml: expected a session of version 1, got 2"),
        ("sample_rate: 48000", "sample_rate: 44100", r"mix\.wav: has 48000 Hz and 2 channels"),
        ("frames: ", "frames: 9", r"mix\.wav: has \d+ samples, its session 9\d+; get a whole copy"),
        ("pan: 0.0", "pan: left", "take-001: pan must be a number"),
        ("gain_db: 0.0", "gain: 0.0", "take-001: unknown parameter 'gain'"),
        ("profile:", "profil:", "unknown key 'profil'"),
    ],
)
def test_a_damaged_take_is_one_line(
    stage: Performance, tmp_path: Path, old: str, new: str, line: str
) -> None:
    stage.play(30)
    take = Take(stage, tmp_path)  # type: ignore[arg-type]
    stage.play(5)
    path = finished(take) / "session.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(f"\n{old}", f"\n{new}").replace(f"    {old}", f"    {new}"))
    with pytest.raises(ValueError, match=line):
        rerender_take(MODEL, path.parent, tmp_path / "out")


def test_a_folder_that_is_no_take_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"session\.yaml: cannot read the session: No such file"):
        rerender_take(MODEL, tmp_path, tmp_path / "out")
