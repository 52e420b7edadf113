"""The plugin as it is built, in a host of our own, beside a real service."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from restem.bridge.control.osc.client import OscClient, send
from restem.bridge.plugin.abi import PORTS
from restem.bridge.plugin.build import BINARIES, FORMATS, build
from restem.bridge.plugin.clap_host import ClapHost, build_host
from restem.bridge.plugin.lobby import NAME_VARIABLE, Head, Lobby, Slot
from restem.models.stems import STEMS
from restem.streamer.builder import load_profile
from restem.streamer.engine.rings import Audio
from restem.streamer.model.resampled import at_rate
from restem.streamer.stream import render
from tests.support.daw import (
    LATE,
    NO_SERVICE,
    OTHER_VERSION,
    READY,
    REFUSED,
    await_status,
    host,
    late_by,
    service,
    silent_service,
    workers,
)
from tests.support.dpf import needs_dpf
from tests.support.engine_player import until
from tests.support.tiny_networks import noise

pytestmark = [needs_dpf, pytest.mark.devices]

SMALL_STEMS = ("vocals", "bass", "drums")
REAL, SMALL = 1, 0  # numbers of the profiles in the menu of the plugin under test


@pytest.fixture(scope="module")
def built(profile: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all formats, whose menu has a small network first."""
    folder = tmp_path_factory.mktemp("built")
    build(folder, FORMATS, [profile, "live-cpu-fast"])
    build_host(folder / "host")
    return folder


@contextmanager
def loaded(built: Path, **environment: str) -> Iterator[ClapHost]:
    """A host with the plugin in it, which waits for its stems, however busy the machine is."""
    with host(built / "host", built / BINARIES["clap"], environment) as made:
        made.command("offline", 1)
        yield made


@pytest.fixture(scope="module")
def osc_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def served(osc_port: int) -> Iterator[int]:
    """Process of a running service, which most of the tests share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME_VARIABLE, f"restem-test-{os.getpid()}-clap")
        with service("--osc-port", str(osc_port)) as running:
            yield running.pid


@pytest.fixture(scope="module")
def first(built: Path, served: int) -> Iterator[ClapHost]:
    """The first instance, with an engine."""
    with loaded(built) as made:
        made.activate(48000, 256)
        await_status(made, READY)
        yield made


@pytest.fixture
def playing(first: ClapHost) -> ClapHost:
    """The same, activated anew: all is as at its beginning."""
    first.activate(48000, 256)
    first.locate(None)
    return first


@pytest.fixture
def daw(built: Path) -> Iterator[ClapHost]:
    with loaded(built) as made:
        yield made


def music(frames: int, seed: int = 0) -> Audio:
    audio: Audio = 0.25 * noise(frames, seed).numpy()
    return audio


def by_port(daw: ClapHost, played: Audio) -> dict[str, Audio]:
    return {
        port.removeprefix("restem "): played[2 * n : 2 * n + 2] for n, port in enumerate(daw.ports)
    }


def law(profile: str, mix: Audio, latency: int, rate: int = 48000) -> dict[str, Audio]:
    model = at_rate(load_profile(profile, "cpu"), rate)
    stems = render(model, torch.from_numpy(mix)).numpy()
    by_name = dict(zip((name.capitalize() for name in model.stems), stems, strict=True))
    silence = np.zeros_like(mix)
    buses = {port: by_name.get(port, silence) for port in PORTS} | {"Main": stems.sum(axis=0)}
    return {port: late_by(audio, latency) for port, audio in buses.items()}


def assert_law(daw: ClapHost, played: Audio, expected: dict[str, Audio]) -> None:
    for port, audio in by_port(daw, played).items():
        assert np.abs(audio - expected[port]).max() < 1e-5, port
    assert daw.get("Late frames") == 0


def test_all_formats_are_built(built: Path) -> None:
    for path in BINARIES.values():
        assert (built / path).stat().st_size > 100_000
    turtle = (built / "restem.lv2" / "restem_dsp.ttl").read_text()
    assert turtle.count("lv2:OutputPort") >= 2 * len(PORTS)
    assert 'lv2:name "restem Vocals left"' in turtle
    assert "time#Position" in turtle


def test_without_a_service_the_mix_plays_at_the_latency_that_is_reported(
    own_lobby: str, daw: ClapHost
) -> None:
    assert daw.ports == [f"restem {name}" for name in ("Main", *(s.capitalize() for s in STEMS))]
    for rate, block in ((48000, 256), (44100, 512), (96000, 1024)):
        latency, mix = daw.activate(rate, block), music(rate // 2)
        played, _ = daw.play(mix, block, seed=1)
        assert latency > 0
        assert np.array_equal(played[:2], late_by(mix, latency))
        assert not played[2:].any()
    assert daw.get("Status") == NO_SERVICE


@pytest.mark.parametrize("seed", [0, 5], ids=["blocks of 256", "of 1 to 256"])
def test_stems_are_what_is_rendered_late_by_what_is_reported(
    playing: ClapHost, profile: str, seed: int
) -> None:
    latency, mix = playing.describe()["latency"], music(48000, seed)
    played, _ = playing.play(mix, 256, seed)
    assert_law(playing, played, law(profile, mix, latency))


@pytest.mark.parametrize(("rate", "block"), [(48000, 64), (44100, 512), (96000, 1024)])
def test_a_bounce_that_begins_before_its_engine_is_ready_has_all_stems(
    served: int, daw: ClapHost, profile: str, rate: int, block: int
) -> None:
    latency, mix = daw.activate(rate, block), music(rate)
    assert daw.get("Status") != READY
    played, _ = daw.play(mix, block)
    assert_law(daw, played, law(profile, mix, latency, rate))


def test_a_bounce_waits_a_while_for_its_engine_and_goes_on_dry_and_counted(
    own_lobby: str, built: Path
) -> None:
    mix = music(12000)
    with silent_service() as there, loaded(built, RESTEM_PLUGIN_START_SECONDS="1") as daw:
        latency = daw.activate(48000, 256)
        played, _ = daw.play(mix, 256)
        assert there.slot(0)[Slot.REQUEST] == 1  # it has asked, and waited
        assert np.array_equal(played[:2], late_by(mix, latency))
        assert daw.get("Late frames") == mix.shape[1] - latency


@pytest.mark.parametrize("reset", ["activate 48000 256", "reset"])
def test_what_was_heard_before_a_reset_is_not_heard_after_it(
    playing: ClapHost, profile: str, reset: str
) -> None:
    playing.play(music(24000, seed=9), 256)
    playing.command(reset)
    latency, mix = playing.describe()["latency"], music(24000)
    played, _ = playing.play(mix, 256)
    assert_law(playing, played, law(profile, mix, latency))


@pytest.mark.parametrize("at", [0, 100], ids=["between calls", "within a call"])
def test_after_a_jump_the_old_place_is_silent_and_the_new_one_plays_in_time(
    playing: ClapHost, profile: str, at: int
) -> None:
    latency, old, new = playing.describe()["latency"], music(25600 + at, 9), music(24000)
    playing.locate(0)
    playing.play(old[:, :25600], 256)
    playing.command("jump", at, 480000)
    played, _ = playing.play(np.concatenate([old[:, 25600:], new], axis=1), 256)
    assert_law(playing, played[:, at:], law(profile, new, latency))


def test_a_loop_has_no_hole_but_its_beginning_can_be_jumped_to(
    playing: ClapHost, profile: str
) -> None:
    latency, new = playing.describe()["latency"], music(12000)
    mix, loop = np.tile(music(10240, 9), (1, 3)), (48000, 58240)
    playing.locate(48000, loop=loop)
    played, _ = playing.play(mix[:, :25600], 256)
    expected = law(profile, mix, latency)
    assert_law(playing, played, {port: audio[:, :25600] for port, audio in expected.items()})
    playing.locate(48000, loop=loop)
    played, _ = playing.play(new, 256)
    assert_law(playing, played, law(profile, new, latency))


def test_after_a_stop_what_was_fed_is_played_unless_the_transport_moves(
    playing: ClapHost, profile: str
) -> None:
    latency, old, live = playing.describe()["latency"], music(25600, 9), music(24064)
    mix = np.pad(old, ((0, 0), (0, 512)))
    playing.locate(0)
    before, _ = playing.play(old, 256)
    playing.locate(25600, rolls=False)
    after, _ = playing.play(mix[:, 25600:], 256)
    assert latency > 1024
    assert after.any()
    assert_law(playing, np.concatenate([before, after], axis=1), law(profile, mix, latency))
    playing.locate(480000, rolls=False)
    before, _ = playing.play(live[:, :12800], 256)
    playing.locate(960000)  # what came in while it stood is of no place
    after, _ = playing.play(live[:, 12800:], 256)
    assert_law(playing, np.concatenate([before, after], axis=1), law(profile, live, latency))


def test_a_jump_cuts_the_dry_mix_too(own_lobby: str, daw: ClapHost) -> None:
    latency, mix = daw.activate(48000, 256), music(12000)
    daw.locate(0)
    daw.play(music(12000, 9), 256)
    daw.locate(480000)
    played, _ = daw.play(mix, 256)
    assert np.array_equal(played[:2], late_by(mix, latency))


def test_automation_begins_with_its_block(playing: ClapHost, profile: str) -> None:
    latency, mix = playing.describe()["latency"], music(48000)
    before, _ = playing.play(mix[:, :25600], 256)
    playing.set("Bass mute", 1)
    after, _ = playing.play(mix[:, 25600:], 256)
    playing.set("Bass mute", 0)
    playing.play(music(4800), 256)
    expected = law(profile, mix, latency)
    played = by_port(playing, np.concatenate([before, after], axis=1))
    error = np.abs(played["Bass"] - expected["Bass"])
    assert error[:, :25600].max() < 1e-5
    assert error[:, 25600:26560].max() > 1e-3  # a ramp of 20 ms
    assert not played["Bass"][:, 26560:].any()
    assert np.abs(played["Drums"] - expected["Drums"]).max() < 1e-5


def test_what_osc_moves_the_host_is_told_once(playing: ClapHost, osc_port: int) -> None:
    playing.moved()
    with OscClient(osc_port) as client:
        assert send(client, "/restem/stem/drums/gain_db", [-20.0], StringIO())
    until(lambda: playing.get("Drums gain") == -20, lambda: playing.play(music(256), 256))
    assert playing.moved()["Drums gain"] == -20
    playing.play(music(4800), 256)
    assert "Drums gain" not in playing.moved()
    playing.set("Drums gain", 0)
    playing.play(music(4800), 256)
    assert playing.get("Drums gain") == 0


def test_a_project_comes_back_as_it_was_saved(
    own_lobby: str, daw: ClapHost, built: Path, tmp_path: Path
) -> None:
    values = {"Vocals gain": -12.5, "Bass mute": 1, "Dry wet": 0.25, "Bypass": 1, "Profile": REAL}
    daw.activate(48000, 256)
    for name, value in values.items():
        daw.set(name, value)
    daw.play(music(256), 256)
    daw.command("save", tmp_path / "project")
    with loaded(built) as other:
        other.command("load", tmp_path / "project")
        assert {name: other.get(name) for name in values} == pytest.approx(values)
        assert other.activate(48000, 256) == daw.activate(48000, 256)


def test_pedalboard_plays_the_vst3_in_line(own_lobby: str, built: Path) -> None:
    script = (
        "import sys, numpy as np, pedalboard\n"
        "mix = 0.1 * np.random.default_rng(0).standard_normal((2, 48000)).astype(np.float32)\n"
        "plugin = pedalboard.load_plugin(sys.argv[1])\n"
        "assert np.array_equal(plugin(mix, 48000, buffer_size=256), mix)\n"
        "assert plugin.reported_latency_samples > 0\n"
    )
    command = [sys.executable, "-c", script, str(built / "restem.vst3")]
    played = subprocess.run(command, capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr


def test_the_shipped_profile_restores_eight_stems(served: int, daw: ClapHost) -> None:
    daw.activate(48000, 256)
    daw.set("Profile", REAL)
    daw.play(music(256), 256)
    assert daw.describe()["restart"]  # the latency is another one
    latency, mix = daw.activate(48000, 256), music(96000)
    await_status(daw, READY)
    played, _ = daw.play(mix, 256)
    assert all(audio.any() for audio in by_port(daw, played).values())
    assert_law(daw, played, law("live-cpu-fast", mix, latency))


@pytest.fixture(scope="module")
def four(built: Path, first: ClapHost) -> Iterator[list[ClapHost]]:
    """Four instances at once, each with an engine of its own."""
    with ExitStack() as stack:
        others = [stack.enter_context(loaded(built)) for _ in range(3)]
        for each in others:
            each.activate(48000, 256)
        for each in others:
            await_status(each, READY)
        yield [first, *others]


def test_four_instances_at_once_play_each_its_own_mix(
    four: list[ClapHost], playing: ClapHost, profile: str
) -> None:
    latency, mixes = playing.describe()["latency"], [music(12000, seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        played = list(pool.map(lambda daw, mix: daw.play(mix, 256)[0], four, mixes))
    for daw, part, mix in zip(four, played, mixes, strict=True):
        assert_law(daw, part, law(profile, mix, latency))


def test_osc_moves_the_parameter_of_the_second_instance_alone(
    four: list[ClapHost], osc_port: int
) -> None:
    def gains() -> list[float]:
        for daw in four:
            daw.play(music(256), 256)
        return [daw.get("Drums gain") for daw in four]

    with OscClient(osc_port) as client:
        assert send(client, "/restem/2/stem/drums/gain_db", [-20.0], StringIO())
    until(lambda: any(gains()))
    for daw in four:
        daw.play(music(4800), 256)
    first, *others = gains()
    assert first == 0
    assert sorted(others) == [-20, 0, 0]  # whichever was the second to be ready


def test_a_host_that_is_killed_leaves_nothing_and_the_others_play_on(
    four: list[ClapHost], playing: ClapHost, served: int, profile: str
) -> None:
    def segments() -> set[Path]:
        return set(Path("/dev/shm").glob(f"restem-{served}-*"))

    before = segments()
    four[-1]._process.kill()
    until(lambda: len(segments()) < len(before))
    mix = music(12000)
    played, _ = playing.play(mix, 256)
    assert_law(playing, played, law(profile, mix, playing.describe()["latency"]))


def test_a_killed_worker_is_bridged_by_the_dry_mix(playing: ClapHost, served: int) -> None:
    latency, mix = playing.describe()["latency"], music(48000 * 2)
    playing.play(mix[:, :24000], 256)
    worker = min(workers(served))  # others may be about to end
    os.kill(worker, signal.SIGKILL)
    bridged, _ = playing.play(mix[:, 24000:], 256)
    assert playing.get("Late frames") > 0
    dry = late_by(mix, latency)[:, 24000:]
    assert (bridged[:2] == dry).all(axis=0).any()  # at its time, to the bit
    assert not bridged[2:, (bridged[:2] == dry).all(axis=0)].any()


def test_another_version_is_said_and_plays_dry(own_lobby: str, daw: ClapHost) -> None:
    strange = Lobby(serve=True, abi=1)

    def beat() -> None:
        strange.beat()

    latency, mix = daw.activate(48000, 256), music(12000)
    until(lambda: daw.get("Status") == OTHER_VERSION, beat)
    played, _ = daw.play(mix, 256)
    assert np.array_equal(played[:2], late_by(mix, latency))
    assert strange.words[Head.ABI] == 1
    strange.close()


def test_a_rate_that_nobody_offers_is_refused_and_plays_dry(served: int, daw: ClapHost) -> None:
    mix = music(12000)
    daw.activate(12345, 256)
    await_status(daw, REFUSED)
    played, _ = daw.play(mix, 256)
    assert np.array_equal(played[:2], mix)


def test_a_killed_service_leaves_the_dry_mix_and_its_successor_brings_the_stems_back(
    playing: ClapHost, served: int
) -> None:
    """The last test of this service."""
    mix, played = music(48000 * 60), list[Audio]()

    def play(frames: int) -> Audio:
        begin = sum(part.shape[1] for part in played)
        played.append(playing.play(mix[:, begin : begin + frames], 256)[0])
        return played[-1]

    latency = playing.describe()["latency"]
    until(lambda: play(1024)[2:].any())
    os.kill(served, signal.SIGKILL)
    play(12000)
    await_status(playing, NO_SERVICE)
    play(4 * latency)
    begin = sum(part.shape[1] for part in played)
    dry = late_by(mix, latency)
    quiet = play(12000)
    assert np.array_equal(quiet[:2], dry[:, begin : begin + 12000])
    assert not quiet[2:].any()
    with service("--no-osc"):
        until(lambda: playing.get("Status") in (READY, LATE), lambda: play(64))
        play(24000)
        back = play(24000)
    assert back[2:].any()
    assert np.abs(back[:2] - back[2:].reshape(8, 2, -1).sum(axis=0)).max() < 1e-6
    heard = np.concatenate(played, axis=1)
    assert np.abs(heard[:2]).max() <= np.abs(mix).max() * 2
