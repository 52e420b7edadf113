"""The service, looked after in the test's own thread; its engines have real workers."""

import math
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from restem.bridge.control.osc.client import OscClient, send
from restem.bridge.control.remote import RemoteSettings
from restem.bridge.plugin import room
from restem.bridge.plugin import service as services
from restem.bridge.plugin.lobby import NAME_VARIABLE, Slot, State
from restem.bridge.plugin.service import Service, quote
from restem.bridge.plugin.session import PluginSession
from restem.bridge.session.headless import FileSession
from restem.bridge.settings import Settings
from restem.models.stems import STEMS
from restem.streamer.builder import load_profile
from restem.streamer.engine.process import TooSlowError
from restem.streamer.engine.rings import Audio
from restem.streamer.stream import render
from tests.support.engine_player import until
from tests.support.plugin_stub import PluginStub
from tests.support.tiny_networks import noise

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the plugin is for Linux so far")

SMALL_STEMS = ("vocals", "bass", "drums")


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What the service says to its user."""
    return []


@pytest.fixture(scope="module")
def service(said: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    remote = RemoteSettings(port=0, presets=folder)
    settings = Settings(device="cpu", force=True, takes=str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NAME_VARIABLE, f"restem-test-{os.getpid()}-service")
        patch.setattr(services, "GONE_SECONDS", 1e9)  # plugins of other tests do not beat
        with Service(settings, remote, said.append) as made:
            yield made


@pytest.fixture(scope="module")
def plugin(service: Service, profile: str) -> PluginStub:
    """The first plugin, whose host has muted the bass, with its engine."""
    made = PluginStub()
    made.set("bass_mute", 1)
    made.ask(profile, latency_of(profile))
    until(lambda: made.state != State.NONE, service.poll)
    assert (made.state, made.slot[Slot.QUOTED]) == (State.STARTING, latency_of(profile))
    until(lambda: made.state == State.READY, service.poll)
    assert service.sessions()[0].engine.mixer.get("mute", "bass") is True
    return made


def latency_of(profile: str, rate: int = 48000, block: int = 256) -> int:
    wanted = Settings(profile, device="cpu", rate=rate, host_block_size=block, varies=True)
    return quote(wanted)


def expected(profile: str, mix: Audio, latency: int) -> Audio:
    """What the plugin's outputs are to play: the sum of the stems, then each of the eight."""
    stems = render(load_profile(profile, "cpu"), torch.from_numpy(mix)).numpy()
    buses = [stems.sum(axis=0)]
    for stem in STEMS:
        there = stem in SMALL_STEMS
        buses.append(stems[SMALL_STEMS.index(stem)] if there else np.zeros_like(mix))
    late = np.concatenate(buses)
    return np.pad(late, ((0, 0), (latency, 0)))[:, : mix.shape[1]]


def test_a_plugin_plays_what_is_rendered(
    service: Service, plugin: PluginStub, profile: str
) -> None:
    plugin.set("bass_mute", 0)
    until(plugin.is_followed, service.poll)
    service.sessions()[0].engine.mixer.reset()
    assert plugin.slot[Slot.STEMS] == sum(1 << STEMS.index(stem) for stem in SMALL_STEMS)
    rings = plugin.attach()
    mix = 0.25 * noise(40000, seed=1).numpy()
    played = plugin.play(mix, 250)
    law = expected(profile, mix, latency_of(profile))
    assert np.abs(played - law).max() < 1e-5 * np.abs(law).max()
    rings.close()


def test_values_go_both_ways(service: Service, plugin: PluginStub) -> None:
    mixer = service.sessions()[0].engine.mixer
    plugin.set("drums_gain_db", -20)
    assert not plugin.is_followed()
    until(plugin.is_followed, service.poll)
    assert mixer.get("gain_db", "drums") == plugin.shown("drums_gain_db") == -20
    mixer.set("gain_db", -45, "vocals")  # as OSC does
    until(lambda: plugin.shown("vocals_gain_db") == -45, service.poll)
    plugin.set("ceiling", 0)
    until(plugin.is_followed, service.poll)
    assert mixer.get("gain_db", "vocals") == -45  # what the host does not know yet stays
    plugin.take_over()
    plugin.set("vocals_gain_db", 0)
    until(plugin.is_followed, service.poll)
    assert mixer.get("gain_db", "vocals") == 0  # though it was the host's last value before
    plugin.set("bass_pan", np.nan)
    until(plugin.is_followed, service.poll)
    assert mixer.get("pan", "bass") == 0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"profile": "loud"}, "loud"),
        ({"latency": 77}, "the plugin reports 77 samples of latency, .* restem plugin build"),
        ({"block": 0}, "blocks of 1 to 32768 frames can be had, not 0"),
        ({"rate": 4}, "sample_rate must be in"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(
    service: Service, profile: str, said: list[str], change: dict[str, Any], complaint: str
) -> None:
    refused = PluginStub()
    refused.ask(**{"profile": profile, "latency": latency_of(profile), **change})
    until(lambda: refused.state == State.FAILED, service.poll)
    assert re.search(complaint, refused.message)
    assert re.match(rf"plugin {refused.number + 1}: .*{complaint}", said[-1])
    refused.leave()
    until(lambda: not refused.slot[Slot.CLAIM], service.poll)


def test_a_plugin_whose_process_is_gone_loses_its_slot(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "DEAD_SECONDS", 0.0)
    dead, alive = PluginStub(process=2**22 + 1), PluginStub()
    until(lambda: not dead.slot[Slot.CLAIM], service.poll)
    assert alive.slot[Slot.CLAIM]
    alive.leave()


@pytest.mark.parametrize("forced", [False, True])
def test_engines_have_no_more_cores_than_there_are_unless_forced(
    service: Service, plugin: PluginStub, monkeypatch: pytest.MonkeyPatch, forced: bool
) -> None:
    (session,) = service.sessions()
    wanted = replace(session.settings, force=forced)
    assert 0 < room.share(session) < math.inf
    monkeypatch.setattr(room, "cores", lambda: 1.5 * room.share(session))
    monkeypatch.setattr(room, "free_bytes", lambda: math.inf)
    other = replace(wanted, profile="live-cpu-fast")
    assert room.shortage(other, [session], starting=0) == ""  # nobody knows what it takes
    lacking = room.shortage(wanted, [session], starting=0)
    assert re.match("" if forced else "no core for another engine: 1 keep .* busy; .*", lacking)
    assert bool(lacking) is not forced


def test_without_memory_a_plugin_is_refused_and_asked_again_once_another_has_left(
    service: Service, plugin: PluginStub, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "free_bytes", lambda: 3e8)
    second, leaving = PluginStub(), PluginStub()
    second.ask(profile, latency_of(profile))
    until(lambda: second.state == State.FULL, service.poll)
    free = re.fullmatch(
        r"no memory for another engine: it takes (.*) GB, 0\.3 are .*", second.message
    )
    assert free is not None
    assert float(free[1]) > 0
    monkeypatch.undo()
    leaving.leave()
    until(lambda: second.state == State.READY, service.poll)


def test_osc_moves_the_parameters_of_the_plugin_whose_number_it_has(service: Service) -> None:
    first, second = (session.engine.mixer for session in service.sessions())
    assert list(service.controls.numbers.values()) == [1, 2]
    port = service.controls.port
    with OscClient(port) as client:
        assert send(client, "/restem/2/stem/drums/gain_db", [-30.0], StringIO())
        assert send(client, "/restem/stem/drums/pan", [0.5], StringIO())
    assert [mixer.get("gain_db", "drums") for mixer in (first, second)] == [-20, -30]
    assert [mixer.get("pan", "drums") for mixer in (first, second)] == [0.5, 0]


def test_the_next_plugin_is_controlled_once_the_first_has_left_and_left_nothing(
    service: Service, plugin: PluginStub
) -> None:
    first, other = service.sessions()
    assert service.controls.first is first
    rings = Path("/dev/shm", first.engine.rings.name)
    assert rings.exists()
    plugin.leave()
    until(lambda: service.controls.first is other and not rings.exists(), service.poll)
    assert service.sessions() == [other]
    assert PluginStub().number == plugin.number
    with OscClient(service.controls.port) as client:
        assert send(client, "/restem/stem/drums/gain_db", [-10.0], StringIO())
    assert other.engine.mixer.get("gain_db", "drums") == -10


def test_a_service_ends_once_it_has_been_alone_for_a_while(own_lobby: str) -> None:
    with Service(Settings(), None, lambda text: None) as alone:
        alone.run(linger=0.0)
        PluginStub().beat()
        alone.run(seconds=0.3, linger=0.0)  # not while there is a plugin
        assert alone.instances


def test_what_is_too_slow_here_comes_with_what_one_can_do_in_a_daw(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TooSlowError("too slow here")

    monkeypatch.setattr(Settings, "start_engine", refuse)
    monkeypatch.setattr(PluginSession, "_holding_profile", lambda self: "live-cpu")
    monkeypatch.setattr(FileSession, "_holding_profile", lambda self: "live-cpu")
    advice = (
        "too slow here; choose the profile live-cpu, .*, or start it by hand: restem serve --fo"
    )
    with pytest.raises(ValueError, match=advice):
        PluginSession(Settings(profile, rate=48000, host_block_size=256, varies=True))
    with pytest.raises(ValueError, match=r"too slow here; use --profile live-cpu, .*, or --force$"):
        FileSession(Settings(profile))
