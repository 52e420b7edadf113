"""What an audio callback costs, and how punctual callbacks and steps are, on a running server.

    python -m benchmarks.live [--profile live-cpu] [--minutes 2] [--pairs 3] [--jack-server NAME]

Plays clicks through a session for a while and prints a Markdown table: the callback's own duration,
its lateness (how far the time between two callbacks is from the period), xruns and late steps; and
the xruns of the same server in as many minutes without restem, for those are the machine's. That is
a pair; pairs follow each other. It starts a JACK server with a dummy device of its own (48 kHz, 256
frames), which needs `jackd`; `--jack-server` names one that runs, with a real device.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch

from restem.bridge.audio.jack import JackStream, open_client
from restem.bridge.session.live import LiveSession
from restem.bridge.settings import Settings
from restem.streamer.engine.rings import Cell

BLOCK, RATE = 256, 48000
LOOK_SECONDS = 20.0


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


class Clicks:
    """JACK's own metronome into the session: a native client, so that any xrun is ours."""

    def __init__(self, server: str) -> None:
        if not shutil.which("jack_metro"):
            raise SystemExit("needs jack_metro, which comes with jackd2")
        quick = ["--name", "clicks", "--bpm", "600", "--duration", "50", "--attack", "10"]
        self.process = subprocess.Popen(
            ["jack_metro", *quick],
            env={**os.environ, "JACK_DEFAULT_SERVER": server},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def connect(self, link: JackStream) -> None:
        """Wait for its port, then listen to it."""
        for _ in range(100):
            if found := link.client.get_ports("clicks:", is_output=True):
                for port in link.client.inports:
                    link.client.connect(found[0], port)
                return
            time.sleep(0.1)
        raise SystemExit("jack_metro did not start")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


def row(name: str, values: np.ndarray, unit: str) -> str:
    p50, p99, p999 = np.percentile(values, (50, 99, 99.9))
    return f"| {name}, {unit} | {p50:.1f} | {p99:.1f} | {p999:.1f} | {values.max():.1f} |"


def measure(profile: str, minutes: float, server: str) -> None:
    """One pair: with restem, then without."""
    wanted = Settings(profile, backend="jack", server=server, channels="stems")
    with LiveSession(wanted, notify=lambda text: print(text, file=sys.stderr)) as session:
        clicks = Clicks(server)
        assert isinstance(session.stream, JackStream)
        clicks.connect(session.stream)
        time.sleep(3)
        before, callback = session.status(), session.stream.callback
        heard, since = session.engine.rings.get(Cell.FRAMES_IN), 1e6 * time.monotonic()
        took, began = [], []
        end = time.monotonic() + 60 * minutes
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(LOOK_SECONDS, left))
            durations, times = callback.timings_us()
            fresh = times > (began[-1][-1] if began else since)
            took.append(durations[fresh])
            began.append(times[fresh])
            print(session.status().line(), file=sys.stderr)
        after = session.status()
        frames = session.engine.rings.get(Cell.FRAMES_IN) - heard
        clicks.close()
    period = 1e6 * after.blocksize / after.sample_rate
    durations = np.concatenate(took)
    lateness = np.concatenate([np.abs(np.diff(times) - period) for times in began])
    print(f"\n{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    print(
        f"{profile}, {after.sample_rate} Hz, {after.blocksize} frames = {period:.0f} µs", end=", "
    )
    print(f"{frames / after.sample_rate / 60:.1f} minutes, {len(durations)} callbacks looked at\n")
    print("| | p50 | p99 | p99.9 | worst |\n|---|---|---|---|---|")
    print(row("callback's duration", durations, "µs"))
    print(row("callback's lateness", lateness, "µs"))
    share = 100 * np.percentile(durations, 99.9) / period
    print(f"\np99.9 of the duration: {share:.2f} % of the period")
    print(f"step p50 {after.step_p50:.2f}, p99 {after.step_p99:.2f} of {after.step_allowed:.1f} ms")
    print(
        f"xruns {after.xruns - before.xruns}, without restem {bare_xruns(server, minutes)}, ",
        end="",
    )
    print(f"late {after.late - before.late}, ", end="")
    print(f"dropped {after.dropped}, restarts {after.restarts}")


def bare_xruns(server: str, minutes: float) -> int:
    """Of the server with a metronome alone, which plays into its device."""
    client, _ = open_client("counter", server)
    xruns = []
    client.set_xrun_callback(xruns.append)
    client.activate()
    clicks = Clicks(server)
    end = time.monotonic() + 60 * minutes
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(LOOK_SECONDS, left))
        print(f"without restem: {left:.0f} s to go, xruns {len(xruns)}", file=sys.stderr)
    clicks.close()
    client.close()
    return len(xruns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="live-cpu")
    parser.add_argument("--minutes", type=float, default=2.0, help="with, and as many without")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--jack-server")
    args = parser.parse_args()
    with nullcontext(args.jack_server) if args.jack_server else dummy_server() as server:
        for _ in range(args.pairs):
            measure(args.profile, args.minutes, server)


if __name__ == "__main__":
    main()
