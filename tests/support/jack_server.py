"""A JACK server of the tests' own, a player and a tape machine."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from restem.streamer.engine.engine import Engine
from restem.streamer.engine.rings import Cell, read_ring

Audio = NDArray[np.float32]

BLOCK = 256
SETTLED_CYCLES = 50
PATIENCE_SECONDS = 120.0
NUMBERS = itertools.count(1)  # of clients: a session connects those again that it knows
QUIET = {"JACK_NO_AUDIO_RESERVATION": "1", "JACK_NO_START_SERVER": "1"}


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition; its value."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        threading.Event().wait(0.01)
    return value


class Server:
    """A JACK server with a dummy device of 2 inputs and 18 outputs, at 48 kHz and 256 frames.

    It waits for its clients in every cycle, so a busy machine costs time, not sound. A process can
    talk to servers of one name only.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        os.environ.update(QUIET)
        self.start()

    def start(self, rate: int = 48000) -> None:
        device = ["-d", "dummy", "-r", f"{rate}", "-p", f"{BLOCK}", "-C", "2", "-P", "18"]
        self.process = subprocess.Popen(
            ["jackd", "-n", self.name, "-r", "-S", "-t", "20000", *device],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: _answers(self.name) or self.process.poll() is not None, "the JACK server")
        assert self.process.poll() is None, "jackd ended"

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def server() -> Iterator[Server]:
    """A server of the tests' own; skips where there is none to be had."""
    if not shutil.which("jackd") or not _module("jack"):
        pytest.skip("needs a JACK server and client: apt install jackd2, pip install JACK-Client")
    running = Server(f"restem-test-{os.getpid()}")
    try:
        yield running
    finally:
        running.stop()


def _module(name: str) -> bool:
    try:
        __import__(name)
    except (ImportError, OSError):
        return False
    return True


def _answers(name: str) -> bool:
    """Asked from another process: opening clients is nothing that two threads may do at once."""
    script = f"import jack; jack.Client('probe', servername='{name}', no_start_server=True)"
    return subprocess.run([sys.executable, "-c", script], stderr=subprocess.DEVNULL).returncode == 0


def client(name: str, server_name: str) -> Any:
    import jack

    jack.set_error_function(lambda _: None)
    jack.set_info_function(lambda _: None)
    return jack.Client(name, servername=server_name, no_start_server=True)


class Player:
    """Plays [c, n] once, from one cycle on; knows at which frame of the server's clock."""

    def __init__(self, server_name: str, channels: int) -> None:
        self.client = client(f"player {next(NUMBERS)}", server_name)
        self.ports = [self.client.outports.register(f"out_{i}") for i in range(channels)]
        self.wanted: Audio = np.zeros((channels, 0), np.float32)
        self.music, self.position, self.began_at = self.wanted, 0, -1  # the callback's own
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, frames: int) -> None:
        if self.music is not self.wanted:
            self.music, self.position = self.wanted, 0
            self.began_at = self.client.last_frame_time
        for row, port in zip(self.music, self.ports, strict=True):
            part, buffer = row[self.position : self.position + frames], port.get_array()
            buffer[: len(part)] = part
            buffer[len(part) :] = 0
        self.position += frames

    def play(self, music: Audio) -> int:
        """Play; at which frame of the server's clock that began."""
        self.wanted = music
        until(lambda: self.music is music and self.position > 4096, "the player")
        return self.began_at


class Tape:
    """Records everything that comes in, by the server's clock."""

    def __init__(self, server_name: str, channels: int) -> None:
        self.client = client(f"tape {next(NUMBERS)}", server_name)
        self.ports = [self.client.inports.register(f"in_{i}") for i in range(channels)]
        self.cycles: list[tuple[int, Audio]] = []
        self.client.set_process_callback(self._process)
        self.client.activate()

    def _process(self, frames: int) -> None:
        heard = np.stack([port.get_array().copy() for port in self.ports])
        self.cycles.append((self.client.last_frame_time, heard))

    def since(self, frame: int) -> Audio:
        """[c, n] from a frame of the server's clock on."""
        cycles = [(time, heard) for time, heard in list(self.cycles) if time >= frame]
        times = [(a[0] + a[1].shape[1], b[0]) for a, b in itertools.pairwise(cycles)]
        assert all(end == begin for end, begin in times), "the server left cycles out"
        assert cycles[0][0] == frame
        return np.concatenate([heard for _, heard in cycles], axis=1)

    def length(self, frame: int) -> int:
        return sum(heard.shape[1] for time, heard in list(self.cycles) if time >= frame)


class Desk:
    """A player into `restem`, and `restem` onto tape."""

    def __init__(self, server_name: str, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.player, self.tape = Player(server_name, len(inputs)), Tape(server_name, len(outputs))
        for port, sink in zip(self.player.ports, inputs, strict=True):
            self.player.client.connect(port, sink)
        for source, port in zip(outputs, self.tape.ports, strict=True):
            self.tape.client.connect(source, port)
        # A new connection changes the order of the clients some cycles later.
        before = len(self.tape.cycles)
        until(lambda: len(self.tape.cycles) > before + SETTLED_CYCLES, "the server's new order")

    def play(self, music: Audio) -> int:
        """Begin to play; at which frame of the server's clock that was."""
        return self.player.play(music)

    def record(self, began: int, count: int) -> Audio:
        """What came back from a frame of the clock on, when all of it has."""
        until(lambda: self.tape.length(began) >= count, "the tape")
        return self.tape.since(began)[:, :count]

    def close(self) -> None:
        for each in (self.player.client, self.tape.client):
            each.deactivate(ignore_errors=True)
            each.close(ignore_errors=True)


def silence_heard(engine: Engine) -> int:
    """How long an engine heard nothing since its last reset; asked soon, for its ring is short."""
    heard, ring = engine.rings.get(Cell.FRAMES_IN), engine.rings.mix
    reset = engine.rings.get(Cell.RESET)
    first = max(reset, heard - ring.shape[1])
    loud = np.abs(read_ring(ring, first, heard - first)).max(axis=0) > 0
    assert loud.any()
    assert first == reset or not loud[0]
    return first + int(np.argmax(loud)) - reset
