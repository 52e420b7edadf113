"""Takes of an engine that a test plays by hand, and of one with a real worker."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from restem.bridge.files.writer import StemFile
from restem.bridge.takes import recorder
from restem.bridge.takes.recorder import BLOCK, Recorder, Take, unfinished_takes
from restem.bridge.takes.sidecar import Dropout, read_session
from restem.streamer.engine.playback_kernel import LARGEST, LatePolicy
from restem.streamer.engine.rings import Audio, Cell
from tests.support.audio_files import read
from tests.support.law import STEMS
from tests.support.recording import HOST, Played, finished, write_all


@pytest.fixture
def played(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = Played(*getattr(request, "param", ()))
    yield made
    made.stage.close()


def audio_of(folder: Path) -> Audio:
    session = read_session(folder)
    return np.stack([read(folder / name)[:, : session.frames] for name in session.files])


@pytest.mark.parametrize("before", [0, 1, 57])
def test_all_files_begin_at_one_moment_of_the_mix(played: Any, tmp_path: Path, before: int) -> None:
    if before:
        played.play(before)
    take = Take(played, tmp_path)
    for _ in range(20):
        played.play(3)
        take.advance()
    folder = finished(take)
    session = read_session(folder)
    assert session.start == max(before * HOST - played.latency.total, 0)
    assert session.frames == played.rings.get(Cell.FRAMES_OUT) - session.start > 0
    assert audio_of(folder).shape == (5, 2, session.frames)
    assert np.array_equal(audio_of(folder), played.law(session))


@pytest.mark.parametrize(
    ("file_format", "subtype", "error"),
    [("wav", None, 0), ("wav", "PCM_16", 2**-16), ("flac", None, 2**-24)],
)
def test_a_take_has_the_format_asked_for(
    played: Any, tmp_path: Path, file_format: str, subtype: str | None, error: float
) -> None:
    take = Take(played, tmp_path, "live-cpu", file_format, subtype)
    played.play(100)
    folder = finished(take)
    assert {path.name for path in folder.iterdir()} == {
        "session.yaml",
        *(f"{name}.{file_format}" for name in ("mix", *STEMS, "residual")),
    }
    session = read_session(folder)
    assert np.abs(audio_of(folder) - played.law(session)).max() <= error
    assert soundfile.info(folder / session.files[0]).subtype == session.subtype


def test_the_sidecar_says_what_was_recorded(played: Any, tmp_path: Path) -> None:
    played.play(20)
    session = read_session(finished_after(played, Take(played, tmp_path, "my/profile.yaml")))
    assert dataclasses.asdict(session) | {"restem": "", "values": {}} == {
        "version": 1,
        "restem": "",
        "state": "whole",
        "reason": "",
        "profile": "my/profile.yaml",
        "sample_rate": 48000,
        "channels": 2,
        "block_size": 512,
        "stems": STEMS,
        "residual": True,
        "file_format": "wav",
        "subtype": "FLOAT",
        "policy": "residual",
        "latency": dataclasses.asdict(played.latency),
        "start": 20 * HOST - played.latency.total,
        "frames": 20 * HOST,
        "late": 0,
        "late_frames": 0,
        "values": {},
        "lost": (),
        "changes": (),
    }
    assert list(session.values) == [*STEMS, "residual", "master"]
    assert session.values["bass"] == {"gain_db": 0, "mute": False, "solo": False, "pan": 0}


def finished_after(played: Any, take: Take) -> Path:
    played.play(20)
    return finished(take)


def test_a_change_is_listed_at_the_frame_where_it_was_heard(played: Any, tmp_path: Path) -> None:
    played.mixer.set("gain_db", -6, "bass")
    played.play(100)
    take = Take(played, tmp_path)
    played.play(10)
    played.mixer.set_all([("mute", True, "drums"), ("dry_wet", 0.5, None)])
    played.play(10)
    played.mixer.schedule(130 * HOST + 13, [("pan", -1, "bass")])
    played.mixer.schedule(145 * HOST, [("pan", 1, "bass")])  # not heard any more
    played.play(20)
    session = read_session(finished(take))
    assert [(c.frame, c.setting) for c in session.changes] == [
        (10 * HOST, ("mute", 1.0, "drums")),
        (10 * HOST, ("dry_wet", 0.5, None)),
        (30 * HOST + 13, ("pan", -1.0, "bass")),
    ]
    assert session.values["bass"]["gain_db"] == -6
    assert ("mute", False, "drums") in session.settings
    assert ("dry_wet", 1.0, None) in session.settings


def test_a_ramp_that_is_under_way_at_the_start_has_a_negative_frame(
    played: Any, tmp_path: Path
) -> None:
    played.play(20)
    played.mixer.set("gain_db", -6, "bass")
    played.play(2)
    session = read_session(finished_after(played, Take(played, tmp_path)))
    assert [(change.frame, change.value) for change in session.changes] == [(-2 * HOST, -6)]
    assert session.values["bass"]["gain_db"] == 0


def test_late_stems_are_counted_and_recorded_as_they_were_heard(
    played: Any, tmp_path: Path
) -> None:
    played.play(50)
    take = Take(played, tmp_path)
    played.play(40, works=False)
    played.play(40)
    folder = finished(take)
    session = read_session(folder)
    mix, *_, residual = audio_of(folder)
    assert session.late == 1
    assert abs(session.late_frames - np.any(residual, axis=0).sum()) <= 2
    late = np.abs(residual[0]) > 0
    assert np.array_equal(residual[:, late][:, 200:-200], mix[:, late][:, 200:-200])


@pytest.mark.parametrize("played", [(LatePolicy.SPREAD,), (LatePolicy.SILENCE,)], indirect=True)
def test_where_nothing_goes_to_the_residual_it_has_no_file(played: Any, tmp_path: Path) -> None:
    folder = finished_after(played, Take(played, tmp_path))
    assert not (folder / "residual.wav").exists()
    assert np.array_equal(audio_of(folder), played.law(read_session(folder)))


@pytest.mark.parametrize("file_format", ["wav", "flac"])
def test_a_take_that_is_not_ended_is_readable_and_marked(
    played: Any, tmp_path: Path, file_format: str
) -> None:
    take = Take(played, tmp_path, file_format=file_format)
    for _ in range(40):
        played.play(10)
        write_all(take)
    assert take.folder == tmp_path / "take-001.part"
    session = read_session(take.folder)
    assert session.state == "recording"
    assert session.frames > 2 * 48000 - BLOCK  # of the last update
    assert np.allclose(audio_of(take.folder), played.law(session), rtol=0, atol=2**-24)
    take.cut_short("end of the test")


def test_frames_that_the_disk_was_too_slow_for_are_silence_of_their_length(
    played: Any, tmp_path: Path
) -> None:
    played.play(30)
    take = Take(played, tmp_path)
    played.play(8)
    write_all(take)
    written, capacity = take.frames, played.rings.geometry.capacity
    played.play(300)  # more than the ring holds
    heard, start = played.rings.get(Cell.FRAMES_IN), take.session.start
    folder = finished(take)
    session = read_session(folder)
    lost = heard + LARGEST - capacity - start - written
    assert session.lost == (Dropout(written, lost),)
    assert take.lost_frames == lost > 0
    law = played.law(session)
    law[..., written : written + lost] = 0
    assert np.array_equal(audio_of(folder), law)


def test_the_ring_may_be_full_to_the_last_frame(played: Any, tmp_path: Path) -> None:
    take = Take(played, tmp_path)
    played.play((played.rings.geometry.capacity - LARGEST) // HOST)
    folder = finished(take)
    assert read_session(folder).lost == ()
    assert np.array_equal(audio_of(folder), played.law(read_session(folder)))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Lets the third file fail from a frame on, after a part of the block was written."""

    def set_limit(frames: int) -> None:
        write = StemFile.write

        def limited(self: StemFile, audio: Audio) -> None:
            room = frames - self.written
            if self.path.stem == STEMS[1] and audio.shape[1] > room:
                write(self, audio[:, :room])
                raise OSError(f"{self.path}: No space left on device; free some space")
            write(self, audio)

        monkeypatch.setattr(StemFile, "write", limited)

    return set_limit


@pytest.mark.parametrize("file_format", ["wav", "flac"])
def test_on_a_full_disk_what_was_written_stays_and_says_so(
    played: Any, tmp_path: Path, full_disk: Callable[[int], None], file_format: str
) -> None:
    take = Take(played, tmp_path, file_format=file_format)
    full_disk(2 * BLOCK + 100)
    played.play(120)
    with pytest.raises(OSError, match="No space left") as caught:
        write_all(take)
    take.cut_short(str(caught.value))
    session = read_session(tmp_path / "take-001.part")
    assert (session.state, session.frames) == ("cut short", 2 * BLOCK)
    assert "bass" in session.reason
    assert np.allclose(audio_of(take.folder), played.law(session), rtol=0, atol=2**-24)


@pytest.mark.parametrize("file_format", ["wav", "flac"])
def test_files_that_can_grow_no_more_are_readable_as_far_as_the_sidecar_says(
    played: Any, tmp_path: Path, size_limit: Callable[[int], None], file_format: str
) -> None:
    take = Take(played, tmp_path, file_format=file_format)
    played.play(120)
    size_limit(70_001)
    with pytest.raises(OSError, match=r"mix\.\w+: File too large; choose") as caught:
        write_all(take)
    take.cut_short(str(caught.value))
    session = read_session(take.folder)
    assert session.frames > BLOCK // 2
    assert np.allclose(audio_of(take.folder), played.law(session), rtol=0, atol=2**-24)


def test_takes_count_up_and_never_overwrite(played: Any, tmp_path: Path) -> None:
    (tmp_path / "take-007.part").mkdir()
    (tmp_path / "take-002").mkdir()
    names = [finished_after(played, Take(played, tmp_path)).name for _ in range(2)]
    assert names == ["take-008", "take-009"]


def test_a_take_of_nothing_leaves_nothing(played: Any, tmp_path: Path) -> None:
    assert Take(played, tmp_path).finish() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("", "mp3"), "unknown file format 'mp3'; expected one of wav, flac"),
        (("", "flac", "FLOAT"), "subtype 'FLOAT' is not offered; expected one of PCM_24, PCM_16"),
    ],
)
def test_an_unknown_format_is_refused(
    played: Any, tmp_path: Path, arguments: tuple[str, ...], line: str
) -> None:
    for make in (Take, Recorder):
        with pytest.raises(ValueError, match=line):
            make(played, tmp_path, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line(played: Any, tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("in the way")
    with pytest.raises(OSError, match=r"^\S+takes: File exists; a file has the folder's name"):
        Take(played, tmp_path / "takes")


def test_a_stem_called_mix_is_refused(tmp_path: Path) -> None:
    engine = SimpleNamespace(stems=("mix", "bass"))
    with pytest.raises(ValueError, match="a stem must not be called mix"):
        Take(engine, tmp_path)  # type: ignore[arg-type]


@pytest.fixture
def made(played: Any, tmp_path: Path) -> Iterator[Recorder]:
    with Recorder(played, tmp_path, "live-cpu") as made:
        yield made


def test_a_recorder_makes_takes_one_after_the_other(played: Any, made: Recorder) -> None:
    assert made.status().state == "stopped"
    assert made.stop() is None
    for number in (1, 2):
        played.play(30)
        growing = made.start()
        assert growing.name == f"take-00{number}.part"
        with pytest.raises(ValueError, match="recording already; stop it first"):
            made.start()
        played.play(33)
        status = made.status()
        assert (status.state, status.lost_frames, status.reason) == ("recording", 0, "")
        assert status.free_seconds is not None
        assert status.free_seconds > 0
        folder = made.stop()
        assert folder is not None
        assert folder.name == f"take-00{number}"
        session = read_session(folder)
        assert (session.state, session.profile) == ("whole", "live-cpu")
        assert np.array_equal(audio_of(folder), played.law(session))
        assert made.status().state == "stopped"
        assert made.status().seconds == session.frames / 48000
        assert made.stop() == folder


def test_a_stop_ends_the_take_at_what_was_heard(
    played: Any, made: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if more is heard before the disk has it."""
    waiting, may_go = threading.Event(), threading.Event()
    monkeypatch.setattr(recorder, "POLL_SECONDS", 60)  # nothing is written before the stop
    made.start()
    played.play(33)
    advance = Take.advance

    def held(self: Take, until: int | None = None) -> bool:
        waiting.set()
        assert may_go.wait(60)
        return advance(self, until)

    monkeypatch.setattr(Take, "advance", held)
    end = played.rings.get(Cell.FRAMES_OUT)
    stopper = threading.Thread(target=made.stop)
    stopper.start()
    assert waiting.wait(60)
    played.mixer.set("mute", True, "drums")
    played.play(10)
    may_go.set()
    stopper.join()
    session = read_session(made.parent / "take-001")
    assert session.start + session.frames == end
    assert session.changes == ()


def test_a_full_disk_stops_the_recording_and_the_music_plays_on(
    played: Any, made: Recorder, full_disk: Callable[[int], None]
) -> None:
    full_disk(1000)
    made.start()
    played.play(30)
    assert made.stop() == made.parent / "take-001.part"
    status = made.status()
    assert status.state == "failed"
    assert status.reason.endswith("bass.wav: No space left on device; free some space")
    played.play(30)
    assert played.rings.get(Cell.FRAMES_OUT) == 60 * HOST - played.latency.total
    assert made.failures == [f"{made.parent / 'take-001.part'}: recording failed: {status.reason}"]
    assert made.start().name == "take-002.part"


def test_a_take_that_dies_in_its_first_second_is_readable(played: Any, tmp_path: Path) -> None:
    take = Take(played, tmp_path)
    while take.frames < 0.9 * 48000:
        played.play(10)
        write_all(take)
    folder = take.folder  # and here the program dies
    session = read_session(folder)
    assert 0.6 * 48000 <= session.frames <= take.frames
    assert np.allclose(audio_of(folder), played.law(session), rtol=0, atol=2**-24)
    assert unfinished_takes(tmp_path) == [folder]
    take.cut_short("end of the test")


def test_a_real_engine_is_recorded_as_it_was_heard(tmp_path: Path) -> None:
    from tests.support.engine_player import Player

    player = Player()
    try:
        with Recorder(player.engine, tmp_path) as made:
            made.start()
            player.play(100)
            folder = made.stop()
        assert folder is not None
        session = read_session(folder)
        assert session.frames == 100 * 256 - player.latency
        heard = np.concatenate(player.played, axis=-1).reshape(3, 2, -1)
        mix = np.concatenate(player.heard, axis=-1)
        audio = audio_of(folder)
        assert np.array_equal(audio[0], mix[:, : session.frames])
        assert np.array_equal(audio[1:4], heard[..., player.latency :])
    finally:
        player.engine.close()
