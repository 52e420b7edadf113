"""A worker's faults on a real server, in real time: every frame that comes out is accounted for.

The mix is a ramp, so that a frame says which time it is from.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from restem.bridge.audio.jack import JackStream
from restem.bridge.takes.recorder import Recorder
from restem.bridge.takes.sidecar import read_session
from restem.streamer.engine.engine import Engine
from restem.streamer.mixer.routing import Routing
from tests.support.gain_model import Unity
from tests.support.jack_server import BLOCK, Desk, until

RATE = 48000
SCALE = 1 << 23
CLIENT = "restem-faults"


@pytest.fixture
def engine(jack: str) -> Iterator[Engine]:
    with Engine(Unity, host_block=BLOCK, allowance=8192) as made:
        made.mixer.set("ceiling", False)
        made.mixer.route(Routing(("vocals.left", "residual.left")))
        stream = JackStream(made, CLIENT, jack)
        stream.start()
        yield made
        stream.close()


def stall(engine: Engine, seconds: float) -> None:
    """Stop the worker, and let it go on."""
    worker = engine.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGSTOP)
    threading.Event().wait(seconds)
    os.kill(worker, signal.SIGCONT)


def kill(engine: Engine) -> None:
    """End the worker, and wait for its successor."""
    worker = engine.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    until(lambda: engine.worker_pid not in (None, worker), "another worker")


def overload(engine: Engine) -> None:
    """Six programs that want all of the machine, for a while."""
    script = "import time; end = time.monotonic() + 5\nwhile time.monotonic() < end: pass"
    busy = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(6)]
    for each in busy:
        each.wait()


def swap_thrice(engine: Engine) -> None:
    for _ in range(3):
        engine.swap(Unity)


@pytest.mark.parametrize(
    "strike",
    [lambda e: stall(e, 1.0), lambda e: stall(e, 2.8), kill, swap_thrice, overload],
    ids=["stopped for 1 s", "stopped for 2.8 s", "killed", "swapped thrice", "overloaded"],
)
def test_every_frame_is_the_stem_or_the_mix_of_its_own_time(
    engine: Engine, jack: str, tmp_path: Path, strike: Callable[[Engine], None]
) -> None:
    ramp = ((np.arange(60 * RATE) + 1) / SCALE).astype(np.float32)
    inputs = [f"{CLIENT}:in_L", f"{CLIENT}:in_R"]
    desk = Desk(jack, inputs, [f"{CLIENT}:vocals_L", f"{CLIENT}:residual_L"])
    recorder = Recorder(engine, tmp_path)
    try:
        recorder.start()
        began = desk.play(np.stack([ramp, ramp]))
        strike(engine)
        seen = desk.tape.length(began)
        until(lambda: engine.status().state == "ready", "the stems")
        until(lambda: desk.tape.length(began) > seen + 2 * RATE, "music after the fault")
        recorder.stop()
        tape = desk.record(began, seen + RATE).sum(axis=0)
    finally:
        desk.close()
    frames = np.rint(tape.astype(np.float64) * SCALE - 1)
    due = np.arange(len(frames)) - engine.latency.total
    assert np.abs(frames - np.maximum(due, -1)).max() <= 1
    check_take(next(tmp_path.iterdir()))


def check_take(folder: Path) -> None:
    """A take's stem and residual are its mix, frame for frame."""
    take = read_session(folder)
    files = {path.stem: path for path in folder.glob("*.wav")}
    audio = {name: soundfile.read(path, dtype="float32")[0] for name, path in files.items()}
    total = sum(audio[name] for name in audio if name != "mix")
    assert take.frames == len(audio["mix"])
    assert np.abs(total - audio["mix"]).max() * SCALE <= 1
