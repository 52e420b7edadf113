"""A plugin in Python: what the native one does at the lobby, without a DAW."""

import os

import numpy as np

from restem.bridge.plugin.abi import host_parameters
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
)
from restem.bridge.plugin.service import TOKEN_SHIFT
from restem.streamer.atomics import compare_exchange, load_acquire, store_release
from restem.streamer.engine.playback_kernel import (
    LARGEST,
    PATIENCE_MS,
    LatePolicy,
    Playback,
    process_at,
)
from restem.streamer.engine.rings import Audio, Rings

OUTPUTS = 18


class PluginStub:
    """A plugin in a slot; it plays on the rings as the native one does.

    Args:
        process: whose it says it is.
    """

    def __init__(self, process: int | None = None) -> None:
        self.lobby = Lobby()
        token = (process or os.getpid()) << TOKEN_SHIFT | int.from_bytes(os.urandom(2)) | 1
        self.number = next(
            number
            for number in range(SLOTS)
            if compare_exchange(self.lobby.slot(number), Slot.CLAIM, 0, token) == 0
        )
        self.slot = self.lobby.slot(self.number)
        self.names = [each.symbol for each in host_parameters()]
        self.values = np.array([float(each.row.default) for each in host_parameters()])
        self._send()

    def _send(self) -> None:
        self.lobby.values(self.number, HOST_VALUES_AT)[: len(self.values)] = self.values
        store_release(self.slot, Slot.HOST_SERIAL, int(self.slot[Slot.HOST_SERIAL]) + 1)

    def set(self, symbol: str, value: float) -> None:
        self.values[self.names.index(symbol)] = value
        self._send()

    def take_over(self) -> None:
        """Make the mixer's values the host's, as the native plugin does."""
        self.values[:] = self.lobby.values(self.number, MIXER_VALUES_AT)[: len(self.values)]
        self.slot[Slot.MIXER_SEEN] = load_acquire(self.slot, Slot.MIXER_SERIAL)

    def shown(self, symbol: str) -> float:
        """A value as the mixer has it."""
        values = self.lobby.values(self.number, MIXER_VALUES_AT)
        return float(values[self.names.index(symbol)])

    def is_followed(self) -> bool:
        return load_acquire(self.slot, Slot.HOST_SEEN) == self.slot[Slot.HOST_SERIAL]

    def ask(self, profile: str, latency: int, rate: int = 48000, block: int = 256) -> None:
        self.lobby.write_text(self.number, PROFILE_AT, PROFILE_BYTES, profile)
        self.slot[Slot.RATE], self.slot[Slot.BLOCK] = rate, block
        self.slot[Slot.LATENCY] = latency
        store_release(self.slot, Slot.REQUEST, int(self.slot[Slot.REQUEST]) + 1)

    def beat(self) -> None:
        store_release(self.slot, Slot.BEAT, int(self.slot[Slot.BEAT]) + 1)

    def leave(self) -> None:
        store_release(self.slot, Slot.REQUEST, LEAVING)

    @property
    def state(self) -> State:
        """State of the newest request."""
        answered = load_acquire(self.slot, Slot.ANSWERED) == self.slot[Slot.REQUEST]
        return State(load_acquire(self.slot, Slot.STATE)) if answered else State.NONE

    @property
    def message(self) -> str:
        return self.lobby.text(self.number, MESSAGE_AT, MESSAGE_BYTES)

    def attach(self) -> Rings:
        """The rings, to be played on with `play`; the caller closes them."""
        rings = Rings(name=self.lobby.text(self.number, RINGS_AT, RINGS_BYTES))
        self._playback = Playback.of(rings, rings.mixer)
        self._context = self._playback.context(LatePolicy(rings.geometry.policy))
        self._context[PATIENCE_MS] = 10_000
        return rings

    def play(self, audio: Audio, block: int) -> Audio:
        """[2, n] -> [18, n], waiting for stems."""
        played, p = [], self._playback
        assert block <= LARGEST
        for start in range(0, audio.shape[1], block):
            part = audio[:, start : start + block]
            p.input[:, : part.shape[1]] = part
            process_at(self._context, part.shape[1])
            played.append(p.output[:OUTPUTS, : part.shape[1]].copy())
        return np.concatenate(played, axis=1)
