"""A session without an engine, and a client of its OSC server, for tests of remote control."""

import socket
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from bridge.control import Control
from bridge.live import Snapshot
from bridge.osc.packets import Framing, Message, decode, encode
from bridge.osc.server import OscServer
from streamer.mixer import Mixer
from streamer.resample import Audio

PATIENCE_SECONDS = 20.0
RATE = 48000
STEMS = ("vocals", "bass", "drums")


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

    def look(self) -> Snapshot:
        return Snapshot(
            state="ready",
            problem="",
            profile=self.profile,
            link="nothing",
            sample_rate=RATE,
            blocksize=256,
            seconds=1.5,
            latency={"model": 2048, "total": 6016},
            latency_ms=125.3,
            device_latency=(0, 0),
            drift_ppm=None,
            step_p50=4.0,
            step_p99=5.0,
            step_allowed=42.7,
            callback_p50_us=None,
            callback_p999_us=None,
            late=3,
            late_frames=480,
            dropped=0,
            restarts=1,
            failure="",
            reconnections=0,
            xruns=2,
            bad_samples=0,
            recording=self.state,
            take="",
            take_seconds=0.0,
            take_lost=0,
            levels=self.levels(),
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


class Console:
    """An OSC client over UDP."""

    def __init__(self, server: OscServer, host: str = "127.0.0.1") -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((host, 0))
        self.socket.settimeout(PATIENCE_SECONDS)
        self.port = self.socket.getsockname()[1]
        self.target = "127.0.0.1", server.port

    def send(self, address: str, *args: Any) -> None:
        self.send_packet(encode(address, *args))

    def send_packet(self, packet: bytes) -> None:
        self.socket.sendto(packet, self.target)

    def receive(self) -> Message:
        (bundle,) = decode(self.socket.recv(1 << 16))
        (message,) = bundle.messages
        return message

    def until(self, address: str, *args: Any) -> list[Message]:
        """Everything that comes in up to a message; with these arguments, if any are given."""
        messages = [self.receive()]
        while messages[-1].address != address or (args and messages[-1].args[: len(args)] != args):
            messages.append(self.receive())
        return messages

    def settled(self) -> list[Message]:
        """All that comes in until the server has done everything sent so far."""
        self.send("/restem/sync", 4711)
        return self.until("/restem/synced", 4711)[:-1]

    def ask(self, address: str, *args: Any) -> list[Message]:
        self.send(address, *args)
        return self.settled()

    def ask_ping(self, number: int) -> list[Message]:
        """What comes in up to the answer of a ping, which waits for nothing."""
        self.send("/restem/ping", number)
        return self.until("/restem/pong", number)

    def error(self, address: str, *args: Any) -> tuple[Any, ...]:
        """The one complaint about a message."""
        (answer,) = self.ask(address, *args)
        assert answer.address == "/restem/error"
        return answer.args

    def close(self) -> None:
        self.socket.close()

    __del__ = close


class TcpConsole(Console):
    """An OSC client over TCP, in SLIP frames or with a length before each packet."""

    def __init__(self, server: OscServer, slip: bool = True) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS)
        self.framing = Framing()
        self.framing.slip = slip
        self._packets: list[bytes] = []

    def send_packet(self, packet: bytes) -> None:
        self.socket.sendall(self.framing.frame(packet))

    def receive(self) -> Message:
        while not self._packets:
            received = self.socket.recv(1 << 16)
            if not received:
                raise EOFError
            self._packets += self.framing.feed(received)
        (bundle,) = decode(self._packets.pop(0))
        return bundle.messages[0]


def run(mixer: Mixer, samples: int) -> Audio:
    """Let a mixer mix silence; what a running engine does."""
    dry = np.zeros((2, samples), np.float32)
    stems = np.zeros((len(mixer.strips), 2, samples), np.float32)
    return mixer.process(dry, stems)


def control() -> tuple[StillSession, Control]:
    session = StillSession()
    return session, Control(session)
