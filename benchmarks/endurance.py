"""Does a long run drift, leak or lose count: a live engine for half an hour of music.

    python -m benchmarks.endurance [--profile live-cpu] [--minutes 30] [--real-time]

Plays the demo's song again and again through an engine and its worker, as fast as the worker
follows, or at the pace of a sound card, and prints a Markdown table: memory of both processes,
the lag of dry mix and stems at the end against the reported latency, and the counters.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from restem.bridge.verify import best_lag, music
from restem.streamer.builder import ModelRequest
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.rings import Cell
from restem.streamer.mixer.routing import Routing
from restem.streamer.profiles import read_profile
from restem.streamer.stream import Stream

BLOCK = 256
SETTLED_SECONDS = 60  # before memory is first looked at
HELD_SECONDS = 5  # of what was played last


def resident_mb(pid: int) -> float:
    """Memory of a process, in MB; Linux only."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="live-cpu")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--real-time", action="store_true")
    args = parser.parse_args()
    build = ModelRequest(read_profile(args.profile), "cpu")
    rate = build.profile.sample_rate
    song = music(rate, 120, BLOCK)
    blocks = round(args.minutes * 60 * rate / BLOCK)
    keep = round(HELD_SECONDS * rate / BLOCK)
    torch.set_num_threads(1)
    with Engine(build, BLOCK) as engine:
        stem = engine.stems[0]
        engine.mixer.route(Routing(("dry.left", "dry.right", f"{stem}.left", f"{stem}.right")))
        worker = engine.worker_pid
        reference = Stream(build(), BLOCK)
        began, first = time.perf_counter(), {}
        heard, law = [], []
        for number in range(blocks):
            at = number * BLOCK % song.shape[1]
            block = np.ascontiguousarray(song[:, at : at + BLOCK])
            if number % round(60 * rate / BLOCK) == 0:
                played, took = number * BLOCK / rate / 60, (time.perf_counter() - began) / 60
                print(f"{played:.0f} minutes of music in {took:.1f} minutes", file=sys.stderr)
            if args.real_time:
                time.sleep(max(0.0, began + number * BLOCK / rate - time.perf_counter()))
            played = engine.process(block, patience_ms=0 if args.real_time else 5000)
            expected = reference.process(torch.from_numpy(block))[0].numpy()
            if number >= blocks - keep:
                heard.append(played)
                law.append(np.concatenate((block, expected)))
            if not first and number * BLOCK >= min(SETTLED_SECONDS * rate, blocks * BLOCK / 4):
                first = {"own": resident_mb(os.getpid()), "worker": resident_mb(worker)}
        own, other = resident_mb(os.getpid()), resident_mb(worker)
        status, latency = engine.status(), engine.latency.total
        played_to = engine.rings.get(Cell.FRAMES_OUT)
    sound, truth = np.concatenate(heard, axis=1), np.concatenate(law, axis=1)
    lag = best_lag(sound[0], truth[0])
    behind = best_lag(sound[2], truth[2]) + reference.latency
    minutes = blocks * BLOCK / rate / 60
    print(
        f"\n{args.profile}, {minutes:.1f} minutes of music in "
        f"{(time.perf_counter() - began) / 60:.1f} minutes\n"
    )
    print("| | |\n|---|---|")
    print(f"| memory of the host's process | {first['own']:.1f} -> {own:.1f} MB |")
    print(f"| memory of the worker | {first['worker']:.1f} -> {other:.1f} MB |")
    print(f"| lag of the dry mix, of the stems, reported | {lag}, {behind}, {latency} samples |")
    print(f"| heard, played + latency | {status.frames_in}, {played_to + latency} |")
    size = status.block_size
    print(f"| steps, heard // {size} | {status.steps}, {status.frames_in // size} |")
    print(f"| late, dropped, restarts | {status.late}, {status.dropped}, {status.restarts} |")


if __name__ == "__main__":
    main()
