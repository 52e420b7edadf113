"""Sessions without a sound device: what a file's transport plays, and a stream in its place."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from restem.bridge.control.node import RefusalError
from restem.bridge.control.transport import transport_nodes
from restem.bridge.control.tree import ControlTree
from restem.bridge.session import headless
from restem.bridge.session.headless import BEHIND_SECONDS, FileSession
from restem.bridge.session.transport import Block, read_audio
from restem.streamer.builder import ModelRequest, load_profile
from restem.streamer.engine.rings import Audio
from restem.streamer.profiles import read_profile
from restem.streamer.resampler import Resampler
from restem.streamer.stream import render
from tests.support.jack_server import until
from tests.support.tiny_networks import PROFILE, noise

RATE, LENGTH = 48000, 24000
STEMS = ("vocals", "bass", "drums")


def quiet(count: int, seed: int) -> Audio:
    """Noise that leaves the master's ceiling alone."""
    audio: Audio = 0.25 * noise(count, seed).numpy()
    return audio


class Tape:
    """Keeps what a session heard and played since it was last blank."""

    def __init__(self, session: FileSession) -> None:
        self.session = session
        self._lock = threading.Lock()
        self._blocks: list[tuple[Block, Audio]] = []
        session.listeners.append(self._listen)

    def _listen(self, block: Block, outputs: Audio) -> None:
        with self._lock:
            self._blocks.append((block, outputs))

    def blank(self) -> None:
        with self._lock:
            self._blocks.clear()

    def since(self, start: int, count: int) -> tuple[Audio, dict[str, Audio]]:
        """The mix since the `start`-th fresh block, and buses `latency` later, `count` frames."""
        latency = self.session.engine.latency.total

        def blocks() -> list[tuple[Block, Audio]] | None:
            with self._lock:
                blocks = list(self._blocks)
            fresh = [n for n, (block, _) in enumerate(blocks) if block.fresh]
            if len(fresh) <= start:
                return None
            blocks = blocks[fresh[start] :]
            heard = sum(block.audio.shape[1] for block, _ in blocks)
            return blocks if heard >= count + latency else None

        found = until(blocks, "the tape")
        mix = np.concatenate([block.audio for block, _ in found], axis=1)
        played = np.concatenate([outputs for _, outputs in found], axis=-1)
        assert not played[..., :latency].any(), "something of before leaks"
        played = played[..., latency : latency + count]
        return mix[:, :count], dict(zip(self.session.buses, played, strict=True))


@pytest.fixture(scope="module")
def music() -> Audio:
    return quiet(LENGTH, seed=3)


@pytest.fixture
def session(file_session: FileSession, music: Audio, tmp_path: Path) -> Iterator[FileSession]:
    path = tmp_path / "mix.wav"
    soundfile.write(path, music.T, RATE, "FLOAT")
    file_session.load(path)
    file_session.transport.loop = False
    yield file_session
    file_session.transport.stop()
    file_session.listeners.clear()


@pytest.fixture
def tape(session: FileSession) -> Tape:
    return Tape(session)


def check_stems(profile: str, mix: Audio, buses: dict[str, Audio]) -> None:
    """All buses are what a render of the mix is."""
    stems = render(load_profile(profile, "cpu"), torch.from_numpy(mix)).numpy()
    count = buses["dry"].shape[1]
    expected = dict(zip(STEMS, stems[..., :count], strict=True))
    expected |= {"master": stems.sum(axis=0)[:, :count], "dry": mix[:, :count]}
    expected |= {f"no_{stem}": expected["dry"] - expected[stem] for stem in STEMS}
    for bus, audio in expected.items():
        assert np.abs(buses[bus] - audio).max() < 1e-5 * np.abs(audio).max(), bus
    assert not buses["residual"].any()


def padded(mix: Audio, frames: int) -> Audio:
    return np.pad(mix, ((0, 0), (0, frames)))


def test_a_file_plays_to_its_end_as_it_is_rendered(
    session: FileSession, tape: Tape, music: Audio, profile: str
) -> None:
    session.play()
    heard, buses = tape.since(0, LENGTH + 2048)
    assert np.array_equal(heard, padded(music, 2048))
    check_stems(profile, padded(music, 8192), buses)
    assert not session.transport.playing
    assert session.transport.seconds == session.transport.length_seconds == LENGTH / RATE


def test_a_jump_lands_on_its_sample_and_nothing_of_before_leaks(
    session: FileSession, tape: Tape, music: Audio, profile: str
) -> None:
    session.play()
    tape.since(0, 4096)
    session.transport.locate(12345.4 / RATE)
    heard, buses = tape.since(1, LENGTH - 12345)
    assert np.array_equal(heard, music[:, 12345:])
    check_stems(profile, padded(music[:, 12345:], 8192), buses)


def test_stop_lets_out_what_was_heard_and_play_goes_on_at_that_sample(
    session: FileSession, tape: Tape, music: Audio, profile: str
) -> None:
    session.play()
    tape.since(0, 4096)
    session.play(False)
    stopped = round(session.transport.seconds * RATE)
    heard, buses = tape.since(0, stopped + 2048)
    assert 4096 <= stopped < LENGTH
    assert np.array_equal(heard, padded(music[:, :stopped], 2048))
    check_stems(profile, padded(music[:, :stopped], 8192), buses)
    tape.blank()
    session.play()
    heard, buses = tape.since(0, LENGTH - stopped)
    assert np.array_equal(heard, music[:, stopped:])
    check_stems(profile, padded(heard, 8192), buses)


def test_a_loop_is_one_piece_of_music(
    session: FileSession, tape: Tape, music: Audio, profile: str
) -> None:
    session.transport.loop = True
    session.transport.locate(18000 / RATE)
    session.play()
    heard, buses = tape.since(0, 20000)
    expected = np.concatenate([music[:, 18000:], music, music], axis=1)
    assert np.array_equal(heard, expected[:, :20000])
    check_stems(profile, expected[:, :28192], buses)


def test_a_file_at_its_end_plays_from_its_beginning(
    session: FileSession, tape: Tape, music: Audio
) -> None:
    session.transport.locate(session.transport.length_seconds)
    session.play()
    heard, _ = tape.since(0, 1024)
    assert np.array_equal(heard, music[:, :1024])


def test_a_mono_file_of_another_rate_is_converted_and_on_both_sides(tmp_path: Path) -> None:
    mono = noise(44100, seed=5, channels=1).numpy()
    soundfile.write(tmp_path / "mono.wav", mono.T, 44100, "FLOAT")
    audio = read_audio(str(tmp_path / "mono.wav"), RATE, 2)
    assert audio.shape == (2, RATE)
    assert np.array_equal(audio[0], audio[1])
    assert np.array_equal(audio[:1], Resampler(44100, RATE, 1).process(mono, last=True))


class Fast:
    """A stream that has all of its music at once."""

    name, paced = "a stream", False

    def __init__(self, mix: Audio) -> None:
        self.mix, self.position, self.over = mix, 0, False
        self.may_go = threading.Event()

    def read(self, count: int) -> Block | None:
        if not self.may_go.is_set():
            return None
        start, self.position = self.position, self.position + count
        self.over = self.position >= self.mix.shape[1]
        block = self.mix[:, start : start + count]
        return Block(padded(block, count - block.shape[1]), start, start == 0)


def test_a_stream_takes_the_files_place_until_it_is_over(
    session: FileSession, tape: Tape, profile: str
) -> None:
    session.play()
    tape.since(0, 1024)
    mix = quiet(30000, seed=7)
    stream = Fast(padded(mix, session.engine.latency.total + session.host_block_size))
    session.feed(stream)
    assert (session.source, session.status().link) == (stream, "a stream")
    assert not session.transport.playing
    with pytest.raises(ValueError, match="a stream is heard; end it first"):
        session.play()
    with pytest.raises(ValueError, match="a stream is heard; end it first"):
        session.feed(Fast(mix))
    tape.blank()
    stream.may_go.set()
    session.wake()
    heard, buses = tape.since(0, 30000)
    assert np.array_equal(heard, mix)
    check_stems(profile, padded(mix, 8192), buses)
    until(lambda: session.source is session.transport, "the stream's end")


class Broken(Fast):
    def read(self, count: int) -> Block | None:
        raise ArithmeticError("this is\nno stream")


def test_a_stream_that_breaks_is_dropped_and_said(session: FileSession, tape: Tape) -> None:
    session.feed(Broken(np.zeros((2, 0), np.float32)))
    until(lambda: session.source is session.transport, "the file's turn")
    assert session.status().problem == "a stream: this is"
    session.play()
    tape.since(0, 1024)
    session._problem = ""


class Pauses(threading.Event):
    """A clock that only its own waits advance."""

    def __init__(self) -> None:
        super().__init__()
        self.now = time.monotonic()

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return super().wait(timeout)


def test_a_take_of_a_stream_is_made_in_real_time_and_has_all_of_it(
    session: FileSession, tape: Tape, monkeypatch: pytest.MonkeyPatch
) -> None:
    mix = quiet(2 * RATE, seed=8)
    stream = Fast(mix)
    pauses = Pauses()
    monkeypatch.setattr(headless, "time", pauses)
    monkeypatch.setattr(session, "_closing", pauses)
    session.feed(stream)
    session.recorder.start()
    tape.blank()
    began = pauses.now
    stream.may_go.set()
    tape.since(0, mix.shape[1])
    assert pauses.now - began == pytest.approx(2, abs=BEHIND_SECONDS)
    folder = session.recorder.stop()
    assert folder is not None
    assert session.status().take_lost == 0
    recorded, _ = soundfile.read(folder / "mix.wav", dtype="float32")
    (start,) = np.flatnonzero((recorded == mix[:, 0]).all(axis=1))  # the file was heard before
    assert np.array_equal(recorded[start : start + RATE].T, mix[:, :RATE])


def test_the_transport_is_reached_by_its_addresses(session: FileSession, tmp_path: Path) -> None:
    control = ControlTree(session, transport_nodes(session))

    def ask(name: str, *args: str | float) -> object:
        (node,) = control.find(f"/restem/transport/{name}")
        if args:
            control.write(node, args)
            return None
        return control.read(node)[0]

    assert ask("length") == LENGTH / RATE
    ask("position", 0.25)
    assert ask("position") == 0.25
    ask("loop", 1)
    ask("play", 1)
    assert (ask("play"), ask("loop")) == (1, 1)
    ask("play", 0)
    with pytest.raises(RefusalError, match=r"position must be in \[0, 0.500\] s, got 0.6"):
        ask("position", 0.6)
    with pytest.raises(RefusalError, match="position must be in"):
        ask("position", float("nan"))
    with pytest.raises(RefusalError, match=r"nothing\.wav: No such file or directory; check"):
        ask("load", str(tmp_path / "nothing.wav"))
    assert ask("file") == session.transport.path
    ask("load", session.transport.path)
    assert (ask("position"), ask("play")) == (0, 0)


def test_without_a_file_there_is_nothing_to_play(session: FileSession) -> None:
    session.transport._audio = np.zeros((2, 0), np.float32)
    with pytest.raises(ValueError, match="there is no file to play; send /restem/transport/load"):
        session.play()


def test_positions_follow_real_time(session: FileSession) -> None:
    now, mixer = time.monotonic(), session.engine.mixer
    until(  # both are asked within one block
        lambda: abs(session.position_at(now + 1) - session.position_at(now) - RATE) <= 1,
        "a steady clock",
    )
    before = mixer.position
    until(lambda: mixer.position > before + 4800, "the clock")
    assert session.position_at(time.monotonic()) >= before + 4800 - session.host_block_size


def test_a_session_tells_how_it_is_going(session: FileSession, tape: Tape, profile: str) -> None:
    session.play()
    tape.since(0, 4096)
    snapshot = session.status()
    assert (snapshot.state, snapshot.profile, snapshot.link) == ("ready", profile, "mix.wav")
    assert snapshot.latency["total"] == session.engine.latency.total
    until(lambda: session.levels()["vocals"][0] > -90, "the meters")
    assert "latency" in snapshot.line()


def test_another_profile_takes_over_with_the_same_stems_and_rate(
    session: FileSession, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, builds = str(tmp_path / "other.yaml"), []
    Path(other).write_text(PROFILE)
    monkeypatch.setattr(session.engine, "swap", builds.append)
    session.switch(other)
    assert session.profile == other
    wanted = ModelRequest(read_profile(other), "cpu", STEMS, RATE)
    assert builds == [wanted]
    with pytest.raises(ValueError, match=r"nothing\.yaml"):
        session.switch(str(tmp_path / "nothing.yaml"))
    assert session.profile == other
    session.switch(profile)
