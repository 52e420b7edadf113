"""Audio through OSC: streams over real sockets, and a jitter buffer in nobody's time."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from restem.bridge.control.node import RefusalError
from restem.bridge.control.osc import jitter_buffer
from restem.bridge.control.osc.audio import OscAudio, message
from restem.bridge.control.osc.codec import LARGEST_SENT, Message
from restem.bridge.control.osc.jitter_buffer import (
    AUDIO,
    CAPACITY,
    CREDIT,
    FADE,
    Counts,
    JitterBuffer,
    Limits,
    gap_gains,
)
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.transport import transport_nodes
from restem.bridge.control.tree import ControlTree
from restem.bridge.session.headless import FileSession
from restem.streamer.builder import load_profile
from restem.streamer.engine.rings import Audio
from restem.streamer.stream import render
from tests.support.jack_server import until
from tests.support.osc_console import Console
from tests.support.tiny_networks import noise

RATE, LENGTH = 48000, 48000
STEMS = ("vocals", "bass", "drums")
JITTER = 2400
FRAMES = 128  # in a packet over UDP
UNHURRIED = 60.0  # seconds: machines may be busy

Packet = tuple[int, int, Audio]  # sequence number, position, frames


@pytest.fixture(scope="module")
def music() -> Audio:
    audio: Audio = 0.25 * noise(LENGTH, seed=3).numpy()
    return audio


@pytest.fixture(scope="module")
def session(file_session: FileSession) -> FileSession:
    return file_session


@pytest.fixture
def audio(session: FileSession) -> Iterator[OscAudio]:
    server = OscServer(ControlTree(session, transport_nodes(session)), port=0)
    audio = OscAudio(server, session, stall_seconds=UNHURRIED, silent_seconds=UNHURRIED)
    with server:
        yield audio
        if audio._incoming:
            audio._incoming.close()
        until(lambda: session.source is session.transport, "the stream's end")
        assert server.counts.faults == 0
    session.listeners.clear()


@pytest.fixture
def console(audio: OscAudio) -> Iterator[Console]:
    console = Console(audio.server)
    yield console
    console.close()


@pytest.fixture
def other(audio: OscAudio) -> Iterator[Console]:
    console = Console(audio.server)
    yield console
    console.close()


def packets_of(mix: Audio, frames: int = FRAMES) -> list[Packet]:
    starts = range(0, mix.shape[1], frames)
    return [(number, at, mix[:, at : at + frames]) for number, at in enumerate(starts)]


def encoded(packet: Packet) -> bytes:
    sequence, position, audio = packet
    blob = np.ascontiguousarray(audio.T, "<f4").tobytes()
    return message(f"{AUDIO}/in", sequence, position, audio.shape[0], blob)


class Streamer:
    """Sends packets no faster than stems come back, and keeps those by their positions."""

    def __init__(self, console: Console, buses: Sequence[str] = STEMS) -> None:
        self.console, self.buses = console, buses
        for bus in buses:
            console.send(f"{AUDIO}/subscribe", bus, 600.0)
        self.heard: dict[str, list[Message]] = {bus: [] for bus in buses}
        self.credit = CREDIT
        self.begun: tuple[Any, ...] = ()
        self.ended = -1
        self.errors: list[Message] = []

    def receive(self) -> None:
        """Wait for a message."""
        received = self.console.receive()
        place, _, name = received.address.rpartition("/")
        if place == f"{AUDIO}/out" and self.begun and self.ended < 0:
            self.heard[name].append(received)
        elif received.address == f"{AUDIO}/begun":
            self.begun = received.args
        elif received.address == f"{AUDIO}/credit":
            self.credit = received.args[0]
        elif received.address == f"{AUDIO}/ended":
            self.ended = received.args[0]
        elif received.address == "/restem/error":
            self.errors.append(received)

    def stream(self, packets: Sequence[Packet], end: int, ahead: int | None = 1024) -> None:
        """Send packets, end, wait for all; `ahead` frames beyond the stems, or by credit."""
        newest = 0
        for packet in packets:
            beyond = packet[1] + packet[2].shape[1]
            while ahead is None and beyond > self.credit:
                self.receive()
            self.console.send_packet(encoded(packet))
            newest = max(newest, beyond)
            while ahead is not None and newest - self.reached() > ahead:
                self.receive()
        self.console.send_packet(message(f"{AUDIO}/end", end))
        while self.ended < 0:
            self.receive()
        self.console.ask(f"{AUDIO}/unsubscribe")

    def reached(self) -> int:
        """Up to where all stems are there; the jitter buffer's length before any."""
        ends = [each[-1].args[1] if each else JITTER for each in self.heard.values()]
        return int(min(ends))

    def played(self, count: int, latency: int) -> dict[str, Audio]:
        """What came for frames [0, count) of the mix; all is there once, and silence before."""
        found = {}
        for bus, messages in self.heard.items():
            sequences = [each.args[0] for each in messages]
            assert np.array_equal(np.diff(sequences), np.ones(len(messages) - 1))
            frames = [np.frombuffer(each.args[3], "<f4").reshape(-1, 2) for each in messages]
            positions = np.array([each.args[1] for each in messages])
            assert np.array_equal(np.diff(positions), [len(each) for each in frames[:-1]])
            joined = np.concatenate(frames).T
            start = latency - positions[0]
            assert not joined[:, :start].any()
            found[bus] = joined[:, start : start + count]
        return found


def check(played: dict[str, Audio], profile: str, mix: Audio) -> None:
    """What was played is what a render of the mix is."""
    stems = render(load_profile(profile, "cpu"), torch.from_numpy(mix)).numpy()
    expected = {**dict(zip(STEMS, stems, strict=True)), "dry": mix, "master": stems.sum(axis=0)}
    for bus, heard in played.items():
        worst = np.abs(heard - expected[bus]).max()
        assert worst < 1e-5 * np.abs(expected[bus]).max(), bus


def counts(console: Console) -> dict[str, int]:
    names = [field.name for field in fields(Counts)]
    (answer,) = console.ask(f"{AUDIO}/counts")
    return dict(zip(names, answer.args, strict=True))


def latency_of(console: Console) -> int:
    (answer,) = console.ask(f"{AUDIO}/latency")
    assert isinstance(answer.args[0], int)
    return answer.args[0]


def test_a_file_through_udp_comes_back_as_its_render_at_the_latency_that_is_told(
    console: Console, session: FileSession, profile: str, music: Audio
) -> None:
    latency = latency_of(console)
    assert latency == JITTER + session.engine.latency.total
    streamer = Streamer(console, (*STEMS, "master", "dry"))
    packets = packets_of(music)
    streamer.stream(packets, LENGTH)
    check(streamer.played(LENGTH, latency), profile, music)
    assert streamer.errors == []
    assert counts(console) == {
        **dict.fromkeys(counts(console), 0),
        "packets": len(packets),
    }


def test_a_file_through_tcp_comes_back_faster_than_it_plays_and_whole(
    audio: OscAudio, profile: str, music: Audio
) -> None:
    console = Console(audio.server, tcp=True)
    latency, streamer = latency_of(console), Streamer(console)
    packets = packets_of(music, 1024)
    streamer.stream(packets, LENGTH, ahead=None)
    check(streamer.played(LENGTH, latency), profile, music)
    found = counts(console)
    assert (found["packets"], found["lost_frames"], found["unsent"]) == (len(packets), 0, 0)


def test_lost_packets_are_silence_and_all_else_is_in_its_place(
    console: Console, profile: str, music: Audio
) -> None:
    rng = np.random.default_rng(11)
    packets, inner = packets_of(music), np.arange(40, LENGTH // FRAMES - 40)
    chosen = rng.permutation(inner)[: 3 * len(packets) // 100]
    third = len(chosen) // 3
    lost, swapped = set(chosen[:third].tolist()), set(chosen[third : 2 * third].tolist())
    doubled, late = set(chosen[2 * third : -1].tolist()), int(chosen[-1])
    sent = [packet for packet in packets if packet[0] not in lost | {late}]
    for number in swapped:
        at = [packet[0] for packet in sent].index(number)
        sent[at : at + 2] = sent[at : at + 2][::-1]
    for number in doubled:
        at = [packet[0] for packet in sent].index(number)
        sent.insert(at + 5, packets[number])
    beyond = [packet[1] for packet in sent].index(packets[late][1] + 30 * FRAMES)
    sent.insert(beyond, packets[late])

    latency, streamer = latency_of(console), Streamer(console)
    streamer.stream(sent, LENGTH)
    there = np.ones(FADE + LENGTH + FADE, np.bool_)
    for number in lost | {late}:
        there[FADE + number * FRAMES :][:FRAMES] = False
    check(streamer.played(LENGTH, latency), profile, music * gap_gains(there))
    numbers = [packet[0] for packet in dict.fromkeys((n, p) for n, p, _ in sent)]
    newest = np.maximum.accumulate(numbers)
    assert counts(console) == {
        "packets": len(packets) - len(lost) - 1,
        "lost": len(lost),
        "doubled": len(doubled),
        "reordered": int((np.array(numbers) < newest).sum()) - 1,
        "late": 1,
        "lost_frames": (len(lost) + 1) * FRAMES,
        "refused": 0,
        "unsent": 0,
    }


def test_a_second_sender_waits_until_the_first_has_ended(
    console: Console, other: Console, music: Audio
) -> None:
    (packet,) = packets_of(music[:, :FRAMES])
    console.send_packet(encoded(packet))
    assert console.settled()[0].args == (CREDIT + JITTER,)
    other.send_packet(encoded(packet))
    (error,) = other.settled()
    assert error.args[:2] == (f"{AUDIO}/in", "busy")
    (sender,) = console.ask(f"{AUDIO}/sender")
    assert sender.args == (f"127.0.0.1:{console.port}",)
    assert other.error(f"{AUDIO}/end")[1] == "no_stream"
    console.send(f"{AUDIO}/end")
    console.until(f"{AUDIO}/ended")
    other.send_packet(encoded(packet))
    assert other.settled()[0].address == f"{AUDIO}/credit"


def test_who_is_silent_is_succeeded_by_another(
    audio: OscAudio, console: Console, other: Console, music: Audio
) -> None:
    audio.limits = replace(audio.limits, silent_seconds=0.05)
    (packet,) = packets_of(music[:, :FRAMES])
    console.send_packet(encoded(packet))

    def is_heard() -> bool:
        other.send_packet(encoded(packet))
        return other.settled()[0].address == f"{AUDIO}/credit"

    until(is_heard, "the second one's turn")
    assert console.until(f"{AUDIO}/ended")[-1].args[0] >= FRAMES + JITTER


def test_who_is_silent_over_tcp_is_waited_for_unless_another_one_waits(music: Audio) -> None:
    (packet,) = packets_of(music[:, :FRAMES])
    stream = incoming(live=False, silent_seconds=0.0, stall_seconds=0.0)
    stream.push(*packet)
    assert [stream.read(FRAMES) for _ in range(20)] == [None] * 20
    stream.challenged = True
    until(lambda: stream.read(FRAMES), "the end")


BLOB = np.full((FRAMES, 2), 0.1, "<f4").tobytes()
BAD = np.full((FRAMES, 2), np.nan, "<f4").tobytes()
LOUD = np.full((FRAMES, 2), 1e30, "<f4").tobytes()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((), "wrong_count"),
        ((1, 128, 2), "wrong_count"),
        ((1, 128, 2, BLOB, 0), "wrong_count"),
        ((1, 128, 2, BLOB[:-4]), "wrong_size"),
        ((1, 128, 2, BLOB[:7]), "wrong_size"),
        ((1, 128, 2, BLOB * 70), "wrong_size"),
        ((1, 128, 3, BLOB), "out_of_range"),
        ((1, 128, 0, BLOB), "out_of_range"),
        ((1, 128, 2, "text"), "wrong_type"),
        (("one", 128, 2, BLOB), "wrong_type"),
        ((1, 128.5, 2, BLOB), "out_of_range"),
        ((1, float("nan"), 2, BLOB), "out_of_range"),
        ((1, float("inf"), 2, BLOB), "out_of_range"),
        ((-1, 128, 2, BLOB), "out_of_range"),
        ((1, -128, 2, BLOB), "out_of_range"),
        ((1, 1e30, 2, BLOB), "out_of_range"),
        ((1, 1 << 40, 2, BLOB), "out_of_range"),
        ((1 << 30, 128, 2, BLOB), "out_of_range"),
        ((1, 128, 2, BAD), "not_audio"),
        ((1, 128, 2, LOUD), "not_audio"),
        ((1, 64, 2, BLOB), "overlap"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_audio_is_refused_and_counted(
    audio: OscAudio, args: tuple[object, ...], code: str
) -> None:
    stream_of = Console(audio.server, tcp=True)
    stream_of.send(f"{AUDIO}/in", 0, 0, 2, BLOB)
    stream_of.settled()
    before = counts(stream_of)
    error = stream_of.error(f"{AUDIO}/in", *args)
    assert error[:2] == (f"{AUDIO}/in", code)
    assert counts(stream_of) == {**before, "refused": before["refused"] + 1}


def test_positions_that_jump_back_are_late_and_said(console: Console, music: Audio) -> None:
    streamer = Streamer(console, ("dry",))
    for packet in packets_of(music[:, :8192]):
        console.send_packet(encoded(packet))
    until(lambda: (streamer.receive(), streamer.reached() > JITTER + 2048)[1], "stems")
    error = console.ask(f"{AUDIO}/in", 64, 1.0, 2, BLOB)[-1]
    assert error.args[:2] == (f"{AUDIO}/in", "late")
    found = counts(console)
    assert (found["late"], found["lost_frames"], found["refused"]) == (1, 0, 0)


def test_an_end_that_is_none_is_refused(console: Console) -> None:
    assert console.error(f"{AUDIO}/end")[1] == "no_stream"
    console.ask(f"{AUDIO}/in", 0, 4096, 2, BLOB)
    for args in [(1,), (1 << 30,), (-1,), ("now",), (float("nan"),), (1, 2)]:
        code = console.error(f"{AUDIO}/end", *args)[1]
        assert code in ("out_of_range", "wrong_type", "wrong_count")


def test_a_bus_is_received_until_its_lease_ends_or_its_listener_wants_no_more(
    audio: OscAudio, console: Console
) -> None:
    answers = console.ask(f"{AUDIO}/subscribe", "{vocals,dry}", 30.0)
    assert [each.args for each in answers if each.address == f"{AUDIO}/subscribe"] == [
        ("vocals", 30.0),
        ("dry", 30.0),
    ]
    addresses = {f"{AUDIO}/out/vocals", f"{AUDIO}/out/dry"}
    heard: set[str] = set()
    until(lambda: (heard.add(console.receive().address), addresses <= heard)[1], "both")
    rows = [m.args[1] for m in console.ask("/restem/subscribers") if len(m.args) == 4]
    assert {row for row in rows if isinstance(row, str)} >= addresses
    console.ask(f"{AUDIO}/unsubscribe", "vocals")
    console.ask("/restem/renew", 0.1)
    until(lambda: not audio._wanted, "the lease's end")
    console.settled()
    assert console.error(f"{AUDIO}/unsubscribe")[1] == "no_subscription"
    assert console.error(f"{AUDIO}/subscribe", "trumpets")[1] == "unknown_bus"
    assert console.error(f"{AUDIO}/subscribe", "[")[1] == "malformed"
    assert console.error(f"{AUDIO}/subscribe", 5)[1] == "wrong_type"


@pytest.mark.parametrize(
    ("wanted", "buses"),
    [
        ("*", [*STEMS, "residual", "master", "dry"]),
        ("no_*", [f"no_{stem}" for stem in STEMS]),
        ("no_bass", ["no_bass"]),
        ("*_bass", ["no_bass"]),
    ],
)
def test_a_pattern_means_the_mix_without_a_stem_only_where_it_says_so(
    audio: OscAudio, console: Console, wanted: str, buses: list[str]
) -> None:
    answers = console.ask(f"{AUDIO}/subscribe", wanted, 30.0)
    assert [m.args[0] for m in answers if m.address == f"{AUDIO}/subscribe"] == buses
    console.ask(f"{AUDIO}/unsubscribe")


def test_stems_over_udp_go_in_one_piece_through_any_network(audio: OscAudio) -> None:
    played = np.ones((2, 4000), np.float32)
    packets = audio._packets(("vocals", False), (1 << 31) - 1000, played)
    assert max(map(len, packets)) <= LARGEST_SENT
    assert len(packets) == 24
    assert len(audio._packets(("vocals", True), 0, played)) == 1


def test_listeners_hear_a_file_too_and_are_told_where_it_begins(
    audio: OscAudio, session: FileSession, music: Audio, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "mix.wav", music[:, :12000].T, RATE, "FLOAT")
    console, latency = Console(audio.server, tcp=True), session.engine.latency.total
    session.load(tmp_path / "mix.wav")
    streamer = Streamer(console, ("dry",))
    console.send("/restem/transport/play", 1)
    until(lambda: (streamer.receive(), streamer.begun)[1], "the beginning")
    position, name = streamer.begun
    assert name == "mix.wav"
    until(lambda: (streamer.receive(), streamer.reached())[1] > position + latency + 12256, "all")
    assert streamer.heard["dry"][0].args[1] == position
    heard = streamer.played(12256, position + latency)["dry"]
    assert np.array_equal(heard, np.pad(music[:, :12000], ((0, 0), (0, 256))))


@pytest.mark.parametrize("tcp", [True, False], ids=["tcp", "udp"])
def test_the_example_writes_the_stems(
    audio: OscAudio, music: Audio, profile: str, tmp_path: Path, tcp: bool
) -> None:
    soundfile.write(tmp_path / "mix.wav", music[:, :24000].T, RATE, "FLOAT")
    example = Path(__file__).parents[4] / "examples" / "osc_stream.py"
    options = ["--port", str(audio.server.port), *(["--tcp"] if tcp else [])]
    done = subprocess.run(
        [sys.executable, "-W", "error", example, "mix.wav", "stems", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    stems = {}
    for path in (tmp_path / "stems").iterdir():
        stems[path.stem], rate = soundfile.read(path, dtype="float32")
        assert (stems[path.stem].shape, rate) == ((24000, 2), RATE)
    assert sorted(stems) == sorted(STEMS)
    if " 0 frames are missing" in done.stdout:  # UDP loses some where the machine is busy
        check({name: stem.T for name, stem in stems.items()}, profile, music[:, :24000])
    else:
        assert not tcp, done.stdout


# The jitter buffer alone.


def incoming(live: bool = True, jitter: int = 512, **more: float) -> JitterBuffer:
    waits = {"stall_seconds": UNHURRIED, "silent_seconds": UNHURRIED, **more}
    limits = Limits(RATE, 2, jitter, tail=1000, **waits)
    return JitterBuffer("somebody", limits, live, lambda stream: None)


def read_all(stream: JitterBuffer, count: int = 256) -> Audio:
    """What it has to give, as far as no clock is needed."""
    blocks = []
    while block := stream.read(count):
        blocks.append(block.audio)
    return np.concatenate([np.zeros((2, 0), np.float32), *blocks], axis=1)


def test_packets_in_any_order_within_the_buffer_are_all_in_their_places(music: Audio) -> None:
    rng = np.random.default_rng(5)
    packets = packets_of(music[:, :20000], 100)
    packets.sort(key=lambda packet: packet[1] + rng.uniform(0, 512 - FADE - 100))
    first = [packet[0] for packet in packets].index(0)
    packets.insert(2, packets.pop(first))
    stream, heard = incoming(), []
    for sequence, position, audio in packets:
        stream.push(sequence, 10**9 + position, audio)
        heard.append(read_all(stream))
    joined = np.concatenate(heard, axis=1)
    assert joined.shape[1] == (20000 - 512) // 256 * 256
    assert np.array_equal(joined, music[:, : joined.shape[1]])
    assert stream.counts.lost == stream.counts.late == stream.counts.lost_frames == 0
    assert stream.counts.reordered > 50


@pytest.mark.parametrize("size", [1, 13, 64, 65, 480, 1000])
def test_the_blocks_size_changes_nothing(music: Audio, size: int) -> None:
    stream = incoming()
    lost = {3, 4, 20, 33}
    for packet in packets_of(music[:, :8000], 100):
        if packet[0] not in lost:
            stream.push(*packet)
    there = np.ones(8000 + 2 * FADE, np.bool_)
    for number in lost:
        there[FADE + 100 * number :][:100] = False
    heard = read_all(stream, size)
    expected = music[:, :8000] * gap_gains(there)
    assert heard.shape[1] == (8000 - 512) // size * size
    assert np.array_equal(heard, expected[:, : heard.shape[1]])
    assert (stream.counts.lost, stream.counts.lost_frames) == (4, 400)


def test_a_gap_is_silent_its_neighbours_fade_and_all_else_is_untouched() -> None:
    there = np.ones(1000, np.bool_)
    there[400:450] = there[500] = False
    gains = np.pad(gap_gains(there), FADE)
    assert not gains[400:450].any()
    assert gains[500] == 0
    assert (gains[FADE : 400 - FADE] == 1).all()
    assert (gains[501 + FADE : -FADE] == 1).all()
    assert (np.diff(gains[400 - FADE - 1 : 400]) < 0).all()
    assert (np.diff(gains[500 : 501 + FADE]) > 0).all()
    assert np.abs(np.diff(gains[FADE:-FADE])).max() < 0.05


class Clock:
    """Takes the place of `time` where a test says how late it is."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_a_live_sender_that_stalls_is_silent_in_its_time_and_comes_back_in_its_place(
    music: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(jitter_buffer, "time", clock)
    stream = incoming(stall_seconds=0.01)
    packets = packets_of(music[:, :6000], 100)
    for packet in packets[:20]:
        stream.push(*packet)
    heard: list[Audio] = []

    def play_until(frames: int) -> None:
        for _ in range(1000):
            if stream.next >= frames:
                return
            block = stream.read(100)
            heard.extend([block.audio] if block else [])
            clock.now += 0.001
        pytest.fail(f"frame {stream.next} after 1000 blocks")

    play_until(3000)
    # A block a millisecond while there is enough, then 10 ms of patience, then real time.
    assert clock.now == pytest.approx(0.014 + 0.010 + 1600 / RATE, abs=0.003)
    assert stream.counts.lost_frames == 0  # perhaps there was no more
    with pytest.raises(RefusalError, match="frames from 2000 on were due before 3064"):
        stream.push(*packets[20])
    assert (stream.counts.late, stream.counts.lost_frames) == (1, 100)
    for packet in packets[31:]:
        stream.push(*packet)
    assert (stream.counts.lost_frames, stream.counts.lost) == (1064, 10)
    stream.close()
    play_until(6000)
    there = np.ones(6000 + 2 * FADE, np.bool_)
    there[FADE + 2000 : FADE + 3100] = False
    expected = music[:, :6000] * gap_gains(there)
    assert np.array_equal(np.concatenate(heard, axis=1), expected)
    assert stream.counts.lost_frames == 1100


def test_a_stream_that_ends_gives_all_it_has_then_the_tail_and_is_over(music: Audio) -> None:
    stream = incoming()
    packets = packets_of(music[:, :1000], 100)
    for packet in packets[:9]:
        stream.push(*packet)
    stream.close(1000)  # the last packet is lost
    with pytest.raises(RefusalError, match="the stream ends; wait for /restem/audio/ended"):
        stream.push(11, 1000, music[:, :100])
    blocks: list[Audio] = []

    def is_over() -> bool:
        block = stream.read(256)
        blocks.extend([block.audio] if block else [])
        return stream.over

    until(is_over, "the end")
    heard = np.concatenate(blocks, axis=1)
    assert heard.shape[1] == 2048
    assert np.array_equal(heard[:, : 900 - FADE], music[:, : 900 - FADE])
    assert not heard[:, 900:].any()
    assert stream.counts.lost_frames == 100


def test_nothing_of_long_ago_is_left_in_the_buffer() -> None:
    stream, loud = incoming(), np.ones((2, CREDIT), np.float32)
    for number in range(CAPACITY // CREDIT + 1):
        stream.push(number, number * CREDIT, loud)
        assert read_all(stream).all()
    stream.close()
    rest: list[Audio] = []

    def is_over() -> bool:
        block = stream.read(256)
        rest.extend([block.audio] if block else [])
        return stream.over

    until(is_over, "the end")
    assert rest[0].all()
    assert not np.concatenate(rest, axis=1)[:, 512:].any()


def test_the_jitter_buffers_length_is_chosen_in_range(session: FileSession) -> None:
    server = OscServer(ControlTree(session), port=0)
    for jitter in (0, FADE - 1, 1 << 20):
        with pytest.raises(ValueError, match=r"the jitter buffer must be in \[64, 65536\] frames"):
            OscAudio(server, session, jitter)
    assert OscAudio(server, session, 100).latency == 100 + session.engine.latency.total
    session.listeners.clear()
    with server:
        pass
