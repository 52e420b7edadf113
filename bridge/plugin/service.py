"""The service: engines for the plugins in this user's DAWs, one for each instance.

    lobby ─► Instance: request ─► quote, at once ─► Building ─► PluginSession ─► rings' name
                 ▲ values of the host and the mixer, both ways
    sessions ─► Controls: OSC, MIDI, presets

One thread looks at all slots again and again; building and closing engines, which takes seconds,
has threads of its own.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from restem.bridge.control.remote import RemoteSettings
from restem.bridge.plugin.abi import HostParameter, abi_hash, host_parameters
from restem.bridge.plugin.controls import Controls
from restem.bridge.plugin.lobby import (
    HOST_VALUES_AT,
    LEAVING,
    MESSAGE_AT,
    MESSAGE_BYTES,
    MIXER_VALUES_AT,
    PROFILE_AT,
    PROFILE_BYTES,
    RINGS_AT,
    RINGS_BYTES,
    SLOTS,
    Lobby,
    Slot,
    State,
    process_lives,
)
from restem.bridge.plugin.room import shortage
from restem.bridge.plugin.session import Building, PluginSession
from restem.bridge.session.base import GLANCE_SECONDS
from restem.bridge.settings import Settings
from restem.models.errors import one_line
from restem.models.stems import STEMS
from restem.streamer.atomics import load_acquire, store_release
from restem.streamer.descriptions import describe_geometry
from restem.streamer.engine.latency import count_latency

LOOK_SECONDS = 0.004  # between two looks at the slots, while there is a plugin
IDLE_LOOK_SECONDS = 0.1
LINGER_SECONDS = 60.0  # after the last plugin, where the service was started by one
GONE_SECONDS = 10.0  # without a heartbeat
DEAD_SECONDS = 1.0  # the same, where the process is not there
UNSEEN = 256  # publications of values that a host may not know yet
LARGEST_BLOCK = 1 << 15  # frames
TOKEN_SHIFT = 24  # of a token: the bits above are its process


def quote(settings: Settings) -> int:
    """Frames of latency that a session will have, before anything is loaded.

    Raises:
        ValueError: the profile is unknown or has effects, or the rate does not fit.
    """
    assert settings.rate is not None
    (model,) = describe_geometry(settings.described, [settings.rate])
    allowance = settings.allowance_at(settings.rate)
    return count_latency(model, settings.host_block_size, allowance, settings.varies).total


class Instance:
    """A plugin in a slot, and its engine.

    Args:
        lobby, number: its slot.
        settings: of its session, but for what it asks for.
        notify: gets a line about what concerns the user.
        lack: a line about what an engine of such settings lacks here; empty if there is room.
    """

    def __init__(
        self,
        lobby: Lobby,
        number: int,
        settings: Settings,
        notify: Callable[[str], None],
        lack: Callable[[Settings], str],
    ) -> None:
        self.lobby, self.number, self._settings, self._notify = lobby, number, settings, notify
        self._lack = lack
        self.slot = lobby.slot(number)
        self.token = load_acquire(self.slot, Slot.CLAIM)
        self.session: PluginSession | None = None
        self._request = 0
        self._building: Building | None = None
        self._beat, self._beat_at = -1, time.monotonic()
        self._parameters: list[tuple[int, HostParameter]] = []
        self._host = np.empty(0)
        self._published = np.empty(0)
        self._unseen: dict[int, NDArray[np.float64]] = {}  # what the host may not know yet
        self._followed = 0

    def is_gone(self) -> bool:
        """True if the plugin has left, or its process has."""
        if load_acquire(self.slot, Slot.REQUEST) == LEAVING:
            return True
        beat, now = load_acquire(self.slot, Slot.BEAT), time.monotonic()
        if beat != self._beat:
            self._beat, self._beat_at = beat, now
        silent = now - self._beat_at
        return silent > GONE_SECONDS or (
            silent > DEAD_SECONDS and not process_lives(self.token >> TOKEN_SHIFT)
        )

    @property
    def is_starting(self) -> bool:
        """True while its engine is being built."""
        return self._building is not None and self.session is None

    def ask_again(self) -> None:
        """Ask for an engine again where there was no room."""
        if load_acquire(self.slot, Slot.STATE) == State.FULL:
            self._request = 0

    def wants_anew(self) -> bool:
        """True if there is a request that was not answered."""
        return load_acquire(self.slot, Slot.REQUEST) not in (self._request, LEAVING)

    def answer(self) -> None:
        """Quote a request's latency, and begin to build its engine; after `release`."""
        self._request = load_acquire(self.slot, Slot.REQUEST)
        profile = self.lobby.text(self.number, PROFILE_AT, PROFILE_BYTES)
        rate, block = int(self.slot[Slot.RATE]), int(self.slot[Slot.BLOCK])
        settings = replace(self._settings, profile=profile, rate=rate, host_block_size=block)
        self._say("")
        try:
            if not 1 <= block <= LARGEST_BLOCK:
                raise ValueError(f"blocks of 1 to {LARGEST_BLOCK} frames can be had, not {block}")
            self.slot[Slot.QUOTED] = latency = quote(settings)
            if latency != self.slot[Slot.LATENCY]:
                raise ValueError(
                    f"the plugin reports {self.slot[Slot.LATENCY]} samples of latency, "
                    f"{profile} has {latency}: restem plugin build, then install"
                )
            if lack := self._lack(settings):
                self._fail(lack, State.FULL)
            else:
                self._building = Building(settings, self._notify)
                self._enter(State.STARTING)
        except Exception as error:  # the plugin shows it, whatever it is
            self._fail(one_line(error))
        store_release(self.slot, Slot.ANSWERED, self._request)

    def _say(self, message: str) -> None:
        self.lobby.write_text(self.number, MESSAGE_AT, MESSAGE_BYTES, message)

    def _enter(self, state: State) -> None:
        store_release(self.slot, Slot.STATE, state)

    def _fail(self, message: str, state: State = State.FAILED) -> None:
        self._notify(f"plugin {self.number + 1}: {message}")
        self._say(message)
        self._enter(state)

    def poll(self) -> None:
        """Hand out an engine that has been built, and values; a plugin's and the mixer's."""
        building = self._building
        if building is not None and building.is_done and self.session is None:
            if building.problem:
                self._building = None
                self._fail(building.problem)
                return
            assert building.session is not None
            self._open(building.session)
        if self.session is not None:
            self._note_worker(self.session)
            self._exchange(self.session)

    def _note_worker(self, session: PluginSession) -> None:
        self.slot[Slot.WORKER] = session.engine.worker_pid is not None

    def _open(self, session: PluginSession) -> None:
        """Admit a plugin, once the mixer is as its host wants it."""
        self.session, stems = session, session.engine.stems
        self._parameters = [
            (number, each)
            for number, each in enumerate(host_parameters())
            if each.strip is None or each.strip in stems
        ]
        self._host = np.full(len(host_parameters()), np.nan)
        self._published, self._unseen = self._host.copy(), {}
        self._followed = -1
        self._exchange(session)
        session.engine.mixer.reset()  # no ramp to begin with
        self.slot[Slot.STEMS] = sum(1 << n for n, stem in enumerate(STEMS) if stem in stems)
        self.lobby.write_text(self.number, RINGS_AT, RINGS_BYTES, session.engine.rings.name)
        self._note_worker(session)  # a plugin may wait for its stems from the first frame on
        self._enter(State.READY)

    def _exchange(self, session: PluginSession) -> None:
        """Bring the host's changes to the mixer, then the mixer's values to the host."""
        mixer, count = session.engine.mixer, len(self._host)
        serial = load_acquire(self.slot, Slot.HOST_SERIAL)
        self._note_seen()
        if serial != self._followed:
            host = self.lobby.values(self.number, HOST_VALUES_AT)[:count].copy()
            moved = [(n, p) for n, p in self._parameters if host[n] != self._host[n]]
            with suppress(ValueError):  # no number: the mixer stays as it is
                mixer.set_all([(p.row.name, p.value(host[n]), p.strip) for n, p in moved])
            self._host, self._followed = host, serial
        now, values = mixer.now(), self._host.copy()
        for number, each in self._parameters:
            values[number] = now[each.row.name, each.strip]
        if not np.array_equal(values, self._published):
            self.lobby.values(self.number, MIXER_VALUES_AT)[:count] = values
            self._published = values
            published = int(self.slot[Slot.MIXER_SERIAL]) + 1
            self._unseen[published] = values
            self._unseen.pop(published - UNSEEN, None)
            store_release(self.slot, Slot.MIXER_SERIAL, published)
        store_release(self.slot, Slot.HOST_SEEN, serial)

    def _note_seen(self) -> None:
        """Take what the host was told for its own, once it says so: going back is a move then."""
        seen = load_acquire(self.slot, Slot.MIXER_SEEN)
        if seen in self._unseen:
            self._host = self._unseen[seen]
            self._unseen = {n: values for n, values in self._unseen.items() if n > seen}

    def release(self) -> list[threading.Thread]:
        """Give the engine up; the threads that end it."""
        building, self._building, self.session = self._building, None, None
        return [building.abandon()] if building else []

    def free(self) -> None:
        """Free the slot for another plugin."""
        self.slot[1:] = 0
        store_release(self.slot, Slot.CLAIM, 0)


class Service:
    """Serves plugins until it is closed; `run` does it in this thread.

    Args:
        settings: of all engines: device, threads, takes; a plugin says the rest.
        remote: controls of the instances; None for none.
        notify: gets a line about what concerns the user.

    Raises:
        ValueError: a service runs already (`LobbyTakenError`), or the system has no such memory.
    """

    def __init__(
        self, settings: Settings, remote: RemoteSettings | None, notify: Callable[[str], None]
    ) -> None:
        self._settings = replace(settings, varies=True)
        self.controls, self._notify = Controls(remote, notify), notify
        self.lobby = Lobby(serve=True, abi=abi_hash())
        self.instances: dict[int, Instance] = {}
        self._ending: list[threading.Thread] = []
        self._metered = time.monotonic()

    def run(self, seconds: float | None = None, linger: float | None = None) -> None:
        """Serve until Ctrl-C.

        Args:
            seconds: the most.
            linger: seconds after which it ends by itself where there is no plugin.
        """
        began = alone_since = time.monotonic()
        with suppress(KeyboardInterrupt):
            while True:
                self.poll()
                now = time.monotonic()
                alone_since = now if self.instances else alone_since
                if seconds is not None and now - began > seconds:
                    return
                if linger is not None and now - alone_since > linger:
                    return
                time.sleep(LOOK_SECONDS if self.instances else IDLE_LOOK_SECONDS)

    def poll(self) -> None:
        """Look at all slots once."""
        self.lobby.beat()
        for number in range(SLOTS):
            instance = self.instances.get(number)
            if instance is None:
                if load_acquire(self.lobby.slot(number), Slot.CLAIM):
                    self.instances[number] = Instance(
                        self.lobby, number, self._settings, self._notify, self._lack
                    )
            elif instance.is_gone():
                self._remove(instance)
            else:
                if instance.wants_anew():
                    self._release(instance)
                    instance.answer()
                instance.poll()
        self.controls.update(self._open())
        if time.monotonic() - self._metered >= GLANCE_SECONDS:
            self._metered = time.monotonic()
            for session in self.sessions():
                session.meter()

    def sessions(self) -> list[PluginSession]:
        """Sessions of the plugins that are there, the first that came first."""
        return list(self._open().values())

    def _open(self) -> dict[int, PluginSession]:
        """The same by slot."""
        return {n: i.session for n, i in self.instances.items() if i.session is not None}

    def _lack(self, settings: Settings) -> str:
        starting = sum(each.is_starting for each in self.instances.values())
        return shortage(settings, self.sessions(), starting)

    def _remove(self, instance: Instance) -> None:
        """Free a plugin's slot, and the room of its engine."""
        self._release(instance)
        self.controls.forget(instance.number)
        del self.instances[instance.number]
        instance.free()
        for other in self.instances.values():
            other.ask_again()

    def _release(self, instance: Instance) -> None:
        self.controls.end(instance.number)
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        self._ending += instance.release()

    def close(self) -> None:
        """End all engines, and leave the lobby."""
        for instance in self.instances.values():
            self._release(instance)
        self.lobby.close()
        for thread in self._ending:
            thread.join()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
