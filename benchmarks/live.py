"""What an audio callback costs, and how punctual callbacks and steps are, on a running server.

    python -m benchmarks.live [--profile live-cpu] [--minutes 5] [--jack-server NAME]

Plays noise through a session for a while and prints a Markdown table: the callback's own duration,
its lateness (how far the time between two callbacks is from the period), xruns and late steps. It
starts a JACK server with a dummy device of its own (48 kHz, 256 frames), which needs `jackd`;
`--jack-server` names one that runs, with a real device.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from bridge.jack import open_client
from bridge.live import LiveSession, Settings
from streamer.ring import Cell

BLOCK, RATE = 256, 48000


@contextmanager
def dummy_server() -> Iterator[str]:
    """A JACK server with a dummy device."""
    if not shutil.which("jackd"):
        raise SystemExit("needs jackd (apt install jackd2), or --jack-server NAME")
    os.environ.update(JACK_NO_AUDIO_RESERVATION="1", JACK_NO_START_SERVER="1")
    name = f"restem-benchmark-{os.getpid()}"
    device = ["-d", "dummy", "-r", f"{RATE}", "-p", f"{BLOCK}", "-C", "2", "-P", "18"]
    process = subprocess.Popen(
        ["jackd", "-n", name, "-R", "-P70", *device],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                open_client("probe", name)[0].close()
                break
            except ValueError:
                continue
        yield name
    finally:
        process.terminate()
        process.wait()


class Noise:
    """A JACK client that plays noise in a process of its own, so that it disturbs nobody."""

    SCRIPT = """
import sys, numpy, jack
client = jack.Client("noise", servername=sys.argv[1], no_start_server=True)
ports = [client.outports.register(name) for name in ("L", "R")]
noise = (0.1 * numpy.random.default_rng(0).standard_normal(1 << 16)).astype("float32")
def process(frames):
    for port in ports:
        port.get_array()[:] = noise[:frames]
client.set_process_callback(process)
client.activate()
for port, sink in zip(ports, ("restem:in_L", "restem:in_R")):
    client.connect(port, sink)
sys.stdin.read()
"""

    def __init__(self, server: str) -> None:
        command = [sys.executable, "-c", self.SCRIPT, server]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def close(self) -> None:
        self.process.communicate()


def row(name: str, values: np.ndarray, unit: str) -> str:
    p50, p99, p999 = np.percentile(values, (50, 99, 99.9))
    return f"| {name}, {unit} | {p50:.1f} | {p99:.1f} | {p999:.1f} | {values.max():.1f} |"


def measure(profile: str, minutes: float, server: str) -> None:
    wanted = Settings(profile, jack="restem", server=server, channels="stems")
    with LiveSession(wanted, tell=lambda text: print(text, file=sys.stderr)) as session:
        noise = Noise(server)
        time.sleep(3)
        assert session.link is not None
        before, callback = session.look(), session.link.callback
        heard, durations, began = session.engine.rings.get(Cell.HEARD), [], []
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            time.sleep(min(60.0, max(0.0, end - time.monotonic())))
            durations.append(callback.durations_us())
            began.append(callback.began_us())
        after = session.look()
        frames = session.engine.rings.get(Cell.HEARD) - heard
        noise.close()
    period = 1e6 * after.blocksize / after.sample_rate
    lateness = np.concatenate([np.abs(np.diff(times) - period) for times in began])
    took = np.concatenate(durations)
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    print(
        f"{profile}, {after.sample_rate} Hz, {after.blocksize} frames = {period:.0f} µs", end=", "
    )
    print(f"{frames / after.sample_rate / 60:.1f} minutes, {len(took)} callbacks looked at\n")
    print("| | p50 | p99 | p99.9 | worst |\n|---|---|---|---|---|")
    print(row("callback's duration", took, "µs"))
    print(row("callback's lateness", lateness, "µs"))
    share = 100 * np.percentile(took, 99.9) / period
    print(f"\np99.9 of the duration: {share:.2f} % of the period")
    print(f"step p50 {after.step_p50:.2f}, p99 {after.step_p99:.2f} of {after.step_allowed:.1f} ms")
    print(f"xruns {after.xruns - before.xruns}, late {after.late - before.late}, ", end="")
    print(f"dropped {after.dropped}, restarts {after.restarts}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="live-cpu")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--jack-server")
    args = parser.parse_args()
    if args.jack_server:
        measure(args.profile, args.minutes, args.jack_server)
    else:
        with dummy_server() as server:
            measure(args.profile, args.minutes, server)


if __name__ == "__main__":
    main()
