"""Sessions on a real JACK server: through sounddevice, through losses, beside a busy Python."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from restem.bridge.audio import portaudio as audio
from restem.bridge.cli.main import main
from restem.bridge.cli.options import parse_inputs
from restem.bridge.session.live import LiveSession
from restem.bridge.settings import Settings
from restem.bridge.verify import best_lag, measure_round_trip
from restem.streamer.builder import load_profile
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import LatePolicy
from restem.streamer.engine.rings import Cell
from restem.streamer.mixer.routing import parse_routing
from restem.streamer.stream import render
from tests.support.jack_server import QUIET, Audio, Desk, Server, client, silence_heard, until
from tests.support.tiny_networks import PROFILE, noise

STEMS = ("vocals", "bass", "drums")
PATIENCE_MS = 5000  # the server's clock waits for its clients anyway: machines may be busy


@pytest.fixture(scope="module")
def session(jack: str, profile: str) -> Iterator[LiveSession]:
    wanted = Settings(profile, backend="jack", server=jack, channels="stems-only", allowance=16384)
    with LiveSession(wanted) as session:
        yield session


def music(seconds: float = 2.0) -> Audio:
    count = round(seconds * 48000)
    swell = 0.5 + 0.5 * torch.sin(torch.arange(count) / 3000)
    audio: Audio = (0.2 * noise(count) * swell).numpy()
    return audio


def expected(profile: str, music: Audio, silence: int) -> Audio:
    """The stems of music after silence, [2 s, n]; the network remembers the silence."""
    heard = torch.from_numpy(np.pad(music, ((0, 0), (silence, 0))))
    stems: Audio = render(load_profile(profile, "cpu"), heard)[..., silence:].numpy()
    return stems.reshape(2 * len(STEMS), -1)


def check_law(session: LiveSession, desk: Desk, profile: str, beyond: int = 0) -> None:
    """Play music: the stems come out at their latency, and `beyond` that of the devices."""
    assert session.stream is not None
    session.stream.callback.be_patient(PATIENCE_MS)
    sound, latency = music(), session.engine.latency.total + beyond
    late = session.status().late_frames
    session.engine.reset()
    began = desk.play(sound)
    silence = silence_heard(session.engine)
    tape = desk.record(began, sound.shape[1] + latency)
    assert session.status().late_frames == late
    stems = expected(profile, sound, silence)
    error = np.abs(tape[:, latency : latency + stems.shape[1]] - stems).max()
    assert error < 1e-5 * np.abs(stems).max()


@pytest.fixture
def desk(jack: str, session: LiveSession) -> Iterator[Desk]:
    ports = [f"restem:{stem}_{side}" for stem in STEMS for side in "LR"]
    desk = Desk(jack, ["restem:in_L", "restem:in_R"], ports)
    yield desk
    desk.close()


def test_a_busy_python_does_not_delay_the_callback(
    session: LiveSession, desk: Desk, profile: str
) -> None:
    done = threading.Event()
    counts = {"events": 0, "collections": 0}

    def chatter() -> None:
        while not done.wait(0.0005):
            session.engine.mixer.set("bypass", counts["events"] % 2)
            counts["events"] += 1

    def collect() -> None:
        while not done.wait(0.2):
            gc.collect()
            counts["collections"] += 1

    threads = [threading.Thread(target=target) for target in (chatter, collect)]
    for thread in threads:
        thread.start()
    try:
        check_law(session, desk, profile)
    finally:
        done.set()
        for thread in threads:
            thread.join()
        session.engine.mixer.set("bypass", False)
    assert counts["events"] > 200
    assert counts["collections"] > 2


@pytest.mark.usefixtures("portaudio")
def test_sounddevice_plays_the_same_as_the_jack_client(jack: str, profile: str) -> None:
    wanted = Settings(
        profile, input="system", output="system", channels="stems-only", allowance=16384
    )
    with LiveSession(wanted) as session:
        probe = client("probe", jack)
        ports = [port.name for port in probe.get_ports("PortAudio:.*")]
        probe.close()
        desk = Desk(jack, ports[:2], ports[2:])
        check_law(session, desk, profile, sum(session.status().device_latency))
        desk.close()


@pytest.mark.usefixtures("portaudio")
def test_devices_of_two_clocks_are_joined_and_their_drift_is_told(jack: str, profile: str) -> None:
    device = audio.find_device("system", 2, 6)
    build = partial(load_profile, profile, "cpu")
    with Engine(build, 256, 16384) as engine:
        engine.mixer.route(parse_routing("1=dry.left,2=dry.right", STEMS))
        stream = audio.PortAudioStream(engine, (device, replace(device, name="another")), 256)
        stream.start()
        try:
            probe = client("probe", jack)
            ports = [port.name for port in probe.get_ports("PortAudio.*:.*")]
            probe.close()
            ins, outs = ([p for p in ports if f":{way}_" in p] for way in ("in", "out"))
            desk = Desk(jack, ins, outs)
            until(lambda: engine.rings.get(Cell.FRAMES_IN) > 48000, "the clocks to be known")
            seconds = np.arange(96000) / 48000
            sine = (0.5 * np.sin(2 * np.pi * 997 * seconds)).astype(np.float32)
            began = desk.play(np.stack([sine, sine]))
            latency = engine.latency.total + stream.input_latency
            heard = desk.record(began, latency + 90000)[0, latency + 12000 :]
            desk.close()
            assert abs(stream.drift_ppm) < 100  # it is one clock in truth; callbacks jitter
            assert stream.xruns == stream.callback.xruns
            basis = np.exp(2j * np.pi * 997 / 48000 * np.arange(24000))
            for part in heard[:72000].reshape(3, 24000):  # one sine, of full level, no clicks
                wave = 2 * np.mean(part * basis.conj())
                assert abs(wave) == pytest.approx(0.5, rel=0.01)
                assert np.abs(part - (wave * basis).real).max() < 0.02
        finally:
            stream.close()


CABLE = """
import sys, time, jack
client = jack.Client("cable", servername=sys.argv[1], no_start_server=True)
print("ready", flush=True)
while True:
    ends = [port for name in ("out_0", "in_0") for port in client.get_ports("PortAudio:" + name)]
    if len(ends) == 2 and ends[1] not in client.get_all_connections(ends[0]):
        client.connect(*ends)
    time.sleep(0.005)
"""


@pytest.mark.usefixtures("portaudio")
def test_the_round_trip_through_a_cable_is_measured(jack: str) -> None:
    device = audio.find_device("system", 2, 2)
    cable = subprocess.Popen([sys.executable, "-c", CABLE, jack], stdout=subprocess.PIPE)
    try:
        assert cable.stdout is not None
        assert cable.stdout.readline() == b"ready\n"
        found = measure_round_trip((device, device), 48000, 256)
    finally:
        cable.kill()
        cable.communicate()
    assert found.passed, found
    lag = int(found.measured.split()[0])
    assert 256 <= lag <= 48000
    assert lag % 256 == 0  # it is one cycle later, and buffers of PortAudio's


def test_a_take_is_what_was_heard_and_can_be_printed_again(
    session: LiveSession, desk: Desk, profile: str, tmp_path: Path
) -> None:
    session.recorder.parent = tmp_path
    sound = music(1.5)
    session.engine.reset()
    session.recorder.start()
    began = desk.play(sound)
    tape = desk.record(began, sound.shape[1] + session.engine.latency.total)
    assert session.status().recording == "recording"
    take = session.recorder.stop()
    assert take is not None
    mix = soundfile.read(take / "mix.wav", dtype="float32")[0].T
    first = int(np.flatnonzero(np.abs(mix).max(axis=0))[0])
    count = min(mix.shape[1] - first, sound.shape[1])
    assert count > 24000
    assert np.array_equal(mix[:, first : first + count], sound[:, :count])
    latency = session.engine.latency.total
    recorded = [soundfile.read(take / f"{stem}.wav", dtype="float32")[0].T for stem in STEMS]
    stems = np.concatenate(recorded)
    assert np.array_equal(stems[:, first : first + count], tape[:, latency : latency + count])
    assert (
        main(
            ["render", "--session", str(take), "-o", str(tmp_path / "again"), "--profile", profile]
        )
        == 0
    )
    for stem, old in zip(STEMS, recorded, strict=True):
        new = soundfile.read(tmp_path / "again" / take.name / f"{stem}.wav", dtype="float32")[0].T
        assert new.shape == old.shape
        assert best_lag(new[0], old[0]) == 0


def test_a_device_that_vanishes_is_waited_for_and_the_engine_stays(
    session: LiveSession, jack_server: Server, profile: str
) -> None:
    ports = [f"restem:{stem}_{side}" for stem in STEMS for side in "LR"]
    for visit in range(3):
        if visit:
            heard, latency = session.engine.rings.get(Cell.FRAMES_IN), session.engine.latency
            jack_server.stop()
            until(lambda: session.status().state == "no device", "the session to notice")
            assert "restem is gone; waiting for it" in session.status().problem
            assert session.status().reconnections == visit - 1
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 3, "three seconds")  # noqa: B023
            jack_server.start(rate=44100)
            until(lambda: "runs at 44100 Hz, this" in session.status().problem, "the other rate")
            jack_server.stop()
            jack_server.start()
            until(lambda: session.status().state == "ready", "the session to come back")
            assert session.status().reconnections == visit
            assert session.engine.rings.get(Cell.FRAMES_IN) >= heard
            assert session.engine.latency == latency
        desk = Desk(jack_server.name, ["restem:in_L", "restem:in_R"], ports)
        check_law(session, desk, profile)
        desk.close()


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--input", "Nonesuch"], "no device 'Nonesuch' with 1 in, 0 out; there are: "),
        (["--channels", "20=vocals.left", "--output", "system"], "needed: 0 in, 20 out"),
        (["--channels", "1=flute.left"], "output 1: unknown source 'flute.left'"),
        (["--channels", "surround"], "channels: expected stereo, stems, stems-only, or OUTPUT="),
        (
            ["--rate", "44100", "--input", "system", "--output", "system"],
            "the devices refuse 44100 Hz; there are: system",
        ),
        (["--inputs", "0"], "inputs: expected one or two channels counted from 1, got '0'"),
        (["--profile", "nonesuch"], "nonesuch"),
        (["--jack", "--input", "flute"], "no JACK port matches 'flute'; there are: system:"),
        (["--jack", "--rate", "44100"], "--rate is nothing that a JACK client decides"),
        (["--jack", "--blocksize", "64"], "--blocksize is nothing that a JACK client decides"),
    ],
)
def test_what_cannot_be_is_one_line(
    profile: str, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [] if "--profile" in arguments else ["--profile", profile]
    assert main(["live", "--json", "--allowance", "16384", *given, *arguments]) == 1
    answer = capsys.readouterr()
    lines = [line for line in answer.err.splitlines() if line.startswith("restem: error:")]
    assert answer.out == ""
    assert len(lines) == 1
    assert complaint in lines[0]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "there is no sound device here; plug one in, or start JACK"),
        (["--jack"], "no JACK server runs here; start one"),
    ],
)
def test_a_machine_without_sound_is_one_line(
    profile: str, arguments: list[str], complaint: str
) -> None:
    answer = restem("live", "--profile", profile, *arguments, JACK_DEFAULT_SERVER="nonesuch")
    assert answer.returncode == 1
    assert complaint in answer.stderr
    assert "Traceback" not in answer.stderr


def restem(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, for that knows one JACK server only."""
    return subprocess.run(
        [sys.executable, "-m", "restem.bridge.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **QUIET, **environment},
    )


def test_json_tells_all_once_a_second(jack: str, profile: str) -> None:
    wanted = ["--jack", "restem-json", "--server", jack, "--seconds", "2", "--profile", profile]
    wanted += ["--allowance", "16384"]
    answer = restem("live", "--json", *wanted)
    assert answer.returncode == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(lines) >= 2
    now = lines[-1]
    assert now["latency"]["total"] == sum(v for k, v in now["latency"].items() if k != "total")
    assert (now["sample_rate"], now["blocksize"], now["link"]) == (48000, 256, "restem-json")
    assert set(now["levels"]) == {*STEMS, "residual", "master"}


def test_what_a_profile_says_of_live_holds_unless_asked_otherwise(
    profile: str, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(PROFILE + "live: {late: spread, allowance: 3000}\n")
    build = partial(load_profile, profile, "cpu")
    for wanted, policy, allowance in (
        (Settings(str(path)), LatePolicy.SPREAD, 3072),
        (Settings(str(path), allowance=4096), LatePolicy.SPREAD, 4096),
        (Settings(str(path), policy=LatePolicy.SILENCE), LatePolicy.SILENCE, 3072),
        (Settings(profile), LatePolicy.RESIDUAL, 1024),
    ):
        forced = replace(wanted, force=True)  # whatever else this machine does meanwhile
        with forced.start_engine(build, 256, 48000) as engine:
            assert (engine.policy, engine.latency.allowance) == (policy, allowance)
    assert Settings(str(path)).allowance_at(96000) == 6000


def test_a_source_on_two_outputs_has_two_ports(jack: str, profile: str) -> None:
    channels = "1=vocals.left,2=vocals.left,5=dry.right"
    wanted = Settings(
        profile, backend="jack", client="twice", server=jack, channels=channels, allowance=16384
    )
    with LiveSession(wanted) as session:
        ports = [port.shortname for port in session.stream.client.outports]
    assert ports == ["vocals_L", "vocals_L_2", "silence", "silence_2", "dry_R"]


def test_routings_and_inputs_are_read_as_written() -> None:
    assert parse_inputs("3,4") == (2, 3)
    assert parse_inputs("2") == (1, 1)
    assert parse_inputs(None) is None
    routing = parse_routing("1=vocals.left,3=dry.right", STEMS)
    assert routing.outputs == ("vocals.left", "silence", "dry.right")
