"""The JACK client on a real server, with the shipped network, in real time and faster."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from restem.bridge.session.live import LiveSession
from restem.bridge.settings import Settings
from restem.models.stems import STEMS
from restem.streamer.builder import load_profile
from restem.streamer.stream import render
from tests.support.jack_server import BLOCK, Audio, Desk, client, silence_heard, until
from tests.support.tiny_networks import noise

SECONDS = 4


@pytest.fixture(scope="module")
def music() -> Audio:
    """Noise that comes and goes, so that the network has something to tell apart."""
    count = SECONDS * 48000 // BLOCK * BLOCK
    swell = 0.5 + 0.5 * torch.sin(torch.arange(count) / 3000)
    audio: Audio = (0.2 * noise(count) * swell).numpy()
    return audio


@pytest.fixture(scope="module")
def session(jack: str) -> Iterator[LiveSession]:
    wanted = Settings(backend="jack", server=jack, channels="stems-only", allowance=16384)
    with LiveSession(wanted) as session:
        yield session


def expected(music: Audio, silence: int) -> Audio:
    """The stems of music after silence, [2 s, n]; the network remembers the silence."""
    heard = torch.from_numpy(np.pad(music, ((0, 0), (silence, 0))))
    stems: Audio = render(load_profile("live-cpu"), heard)[..., silence:].numpy()
    return stems.reshape(2 * len(STEMS), -1)


def check_law(tape: Audio, stems: Audio, latency: int) -> None:
    """Every stem is `latency` frames late, up to float rounding; before there is no sound."""
    peak = np.abs(stems).max()
    assert np.abs(tape[:, latency : latency + stems.shape[1]] - stems).max() < 1e-5 * peak


@pytest.mark.parametrize("freewheel", [False, True], ids=["real time", "freewheel"])
def test_a_jack_client_plays_what_render_writes_at_the_reported_latency(
    session: LiveSession, jack: str, music: Audio, freewheel: bool
) -> None:
    ports = [f"restem:{stem}_{side}" for stem in STEMS for side in "LR"]
    desk = Desk(jack, ["restem:in_L", "restem:in_R"], ports)
    engine, latency = session.engine, session.engine.latency.total
    late = session.status().late_frames
    try:
        if freewheel:
            desk.player.client.set_freewheel(True)
        else:
            session.stream.callback.be_patient(5000)  # the machine may be busy
        engine.reset()
        began = desk.play(music)
        silence = silence_heard(engine)
        tape = desk.record(began, music.shape[1] + latency)
    finally:
        if freewheel:
            desk.player.client.set_freewheel(False)
        desk.close()
    assert session.status().late_frames == late
    check_law(tape, expected(music, silence), latency)


@pytest.mark.usefixtures("portaudio")
def test_sounddevice_plays_what_render_writes_as_late_as_engine_and_device_say(
    jack: str, music: Audio
) -> None:
    wanted = Settings(
        input="system",
        output="system",
        channels="stems-only",
        host_block_size=BLOCK,
        allowance=16384,
    )
    with LiveSession(wanted) as session:
        probe = client("probe", jack)
        ports = [port.name for port in probe.get_ports("PortAudio:.*")]
        probe.close()
        assert len(ports) == 2 + 2 * len(STEMS)
        desk = Desk(jack, ports[:2], ports[2:])
        assert session.stream is not None
        session.stream.callback.be_patient(5000)  # the machine may be busy
        latency = session.engine.latency.total + sum(session.status().device_latency)
        late = session.status().late_frames
        session.engine.reset()
        began = desk.play(music)
        silence = silence_heard(session.engine)
        tape = desk.record(began, music.shape[1] + latency)
        desk.close()
        assert session.status().late_frames == late
    check_law(tape, expected(music, silence), latency)


def test_a_connection_is_made_again_when_its_port_is_back_unless_a_hand_removed_it(
    session: LiveSession, jack: str
) -> None:
    pair = ("visitor:out", "restem:in_L")

    def visit() -> Any:
        visitor = client("visitor", jack)
        visitor.outports.register("out")
        visitor.set_process_callback(lambda frames: None)  # without one it cannot be closed
        visitor.activate()
        return visitor

    def connected() -> bool:
        return session.stream is not None and pair in session.stream.connections()

    visitor = visit()
    visitor.connect(*pair)
    until(lambda: pair in session.backend._wanted, "the connection to be learned")
    visitor.deactivate()
    visitor.close()
    until(lambda: pair[0] not in session.backend._ports, "the port to be missed")
    visitor = visit()
    until(connected, "the connection")
    until(lambda: pair[0] in session.backend._ports, "the port to be seen")
    visitor.disconnect(*pair)
    until(lambda: pair not in session.backend._wanted, "the removal to be learned")
    assert not connected()
    visitor.deactivate()
    visitor.close()


def test_connections_that_are_wanted_are_made_once_their_ports_are_there(
    session: LiveSession, jack: str
) -> None:
    pair = ("guest:out", "restem:in_R")
    session.want([pair])
    until(lambda: pair in session.connections(), "the wish to be learned")
    guest = client("guest", jack)
    guest.outports.register("out")
    guest.set_process_callback(lambda frames: None)  # without one it cannot be closed
    guest.activate()
    until(lambda: session.stream and pair in session.stream.connections(), "the connection")
    guest.disconnect(*pair)
    until(lambda: pair not in session.connections(), "the removal to be learned")
    guest.deactivate()
    guest.close()


def test_blocks_that_the_server_made_larger_are_said_and_so_are_those_that_fit_again(
    session: LiveSession, jack: str
) -> None:
    probe = client("probe", jack)
    try:
        probe.blocksize = 4 * BLOCK
        until(lambda: session.status().blocksize == 4 * BLOCK, "the new size")
        said = session.status().problem
        assert said.startswith("the device's blocks are now 1024 frames, this engine was made for")
        probe.blocksize = BLOCK
        until(lambda: session.status().blocksize == BLOCK, "the old size")
        assert "blocks are now" not in session.status().problem
    finally:
        probe.blocksize = BLOCK
        probe.close()
