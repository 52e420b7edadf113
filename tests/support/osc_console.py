"""A session without an engine, and a client of its OSC server, for tests of remote control."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from restem.bridge.control.osc.client import OscClient
from restem.bridge.control.osc.codec import Message
from restem.bridge.control.osc.server import OscServer
from restem.bridge.control.tree import ControlTree
from restem.bridge.session.status import SessionStatus
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.resampler import Audio

PATIENCE_SECONDS = 20.0
RATE = 48000
STEMS = ("vocals", "bass", "drums")


NOW = SessionStatus(
    state="ready",
    problem="",
    profile="live-cpu",
    link="restem",
    sample_rate=48000,
    blocksize=256,
    seconds=12.0,
    latency={"model": 2048, "reblocking": 1792, "allowance": 2048, "fade": 128, "total": 6016},
    latency_ms=125.3,
    device_latency=(256, 512),
    drift_ppm=None,
    step_p50=4.0,
    step_p99=5.0,
    step_allowed=42.7,
    callback_p50_us=40.0,
    callback_p999_us=90.0,
    late=3,
    late_frames=480,
    dropped=0,
    restarts=1,
    failure="",
    reconnections=0,
    xruns=2,
    bad_samples=0,
    recording="stopped",
    take="",
    take_seconds=0.0,
    take_lost=0,
    levels={"vocals": (-3.0, -6.0), "master": (-1.0, -1.0)},
)


class StillSession:
    """A session whose mixer nobody runs, unless a test does."""

    def __init__(self) -> None:
        self.mixer = Mixer(STEMS, RATE)
        self.resets = 0
        self.engine: Any = SimpleNamespace(mixer=self.mixer, reset=self._reset)
        self.recorder: Any = SimpleNamespace(
            status=lambda: SimpleNamespace(state=self.state, folder=None),
            start=lambda: setattr(self, "state", "recording"),
            stop=lambda: setattr(self, "state", "stopped"),
        )
        self.profile, self.state = "live-cpu", "stopped"
        self.may_switch = threading.Event()
        self.may_switch.set()
        self.peaks = dict.fromkeys((*self.mixer.strips, "master"), (-90.0, -90.0))
        self.began = time.monotonic()

    def _reset(self) -> None:
        self.resets += 1

    def status(self) -> SessionStatus:
        return replace(
            NOW, profile=self.profile, recording=self.state, seconds=1.5, levels=self.levels()
        )

    def levels(self) -> dict[str, tuple[float, float]]:
        return dict(self.peaks)

    def position_at(self, moment: float) -> int:
        return round((moment - self.began) * RATE)

    def switch(self, profile: str) -> None:
        assert self.may_switch.wait(PATIENCE_SECONDS)
        if profile != "live-cpu-fast":
            raise ValueError(f"unknown profile '{profile}'")
        self.profile = profile


class Console(OscClient):
    """A client, over UDP unless asked otherwise."""

    def __init__(self, server: OscServer, tcp: bool = False, slip: bool = True) -> None:
        super().__init__(server.port, tcp=tcp, slip=slip, timeout=PATIENCE_SECONDS)
        if not tcp:
            self.socket.bind(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.socket.getsockname()[1]
        return port

    def ask_ping(self, number: int) -> list[Message]:
        """What comes in up to the answer of a ping, which waits for nothing."""
        self.send("/restem/ping", number)
        return self.until("/restem/pong", number)

    def error(self, address: str, *args: Any) -> tuple[Any, ...]:
        """The one complaint about a message."""
        (answer,) = self.ask(address, *args)
        assert answer.address == "/restem/error"
        return answer.args

    def __del__(self) -> None:
        self.socket.close()


def run(mixer: Mixer, samples: int) -> Audio:
    """Let a mixer mix silence; what a running engine does."""
    dry = np.zeros((2, samples), np.float32)
    stems = np.zeros((len(mixer.strips), 2, samples), np.float32)
    return mixer.process(dry, stems)


def control() -> tuple[StillSession, ControlTree]:
    session = StillSession()
    return session, ControlTree(session)
