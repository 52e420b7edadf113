"""Many files: the driver's memory, what the runner costs a file, and processes against one.

    python -m benchmarks.catalogue [--paths 100000] [--files 40] [--seconds 6] [--jobs 2]

The first table runs a list of names, which are no files, through a model that answers at once:
memory of the driver as the run goes on. The second renders the same short files of noise by `restem
render`, each row a process of its own; memory is the peak of the driver and of each of its
processes. Linux.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from restem.bridge.batch.catalogue import Outcome, Request, run
from restem.bridge.batch.inputs import Work, find_works, read_list
from restem.bridge.files.render import RenderReport
from restem.bridge.progress import Progress
from restem.streamer.model.protocol import StreamingModel

RATE = 44100
POINTS = 10  # rows of the first table
POLL_SECONDS = 0.1
COLUMNS = (
    "processes",
    "threads each",
    "s",
    "x real time",
    "against the first",
    "s beside the renders, a file",
    "MiB of the driver, of each process",
)


@dataclass(frozen=True)
class Instant(Request):
    """A request whose stems are nothing and take no time: what is left is the runner."""

    def load(self) -> StreamingModel:
        return object()  # type: ignore[return-value]

    def render(
        self, model: StreamingModel, work: Work, progress: Progress | None = None
    ) -> RenderReport:
        out = self.options.naming.place(work.mix, self.out / work.below)
        if progress:
            progress(1.0, 1.0)
        return RenderReport(
            work.mix, out, RATE, RATE, 0.0, 0.0, 0.0, 0, 0, None, 1, (out / "vocals.wav",)
        )


def memory_mib(process: int | str, field: str) -> float:
    """A field of Linux's status of a process; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith(field)), 0.0)


def outcomes(folder: Path, paths: int, jobs: int) -> Iterator[Outcome]:
    listed = folder / "list"
    with listed.open("w", encoding="utf-8") as file:
        file.writelines(
            f"/music/artist {n // 1000}/album {n // 10}/{n:07} a song.flac\n" for n in range(paths)
        )
    out = folder / "out"
    return run(Instant(out), find_works(read_list(listed), out), jobs)


def print_driver(paths: int, jobs: int) -> None:
    """Rows of the first table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "report").open("w", encoding="utf-8") as report,
    ):
        step = max(paths // POINTS, 1)
        began = time.perf_counter()
        for number, outcome in enumerate(outcomes(Path(folder), paths, jobs), start=1):
            print(json.dumps({"status": outcome.status, **outcome.as_dict()}), file=report)
            if number == 1 or number % step == 0:
                each = (time.perf_counter() - began) / number
                memory = memory_mib("self", "VmRSS")
                print(f"| {jobs} | {number} | {memory:.1f} | {1e6 * each:.0f} |", flush=True)
                if number == 1:
                    began = time.perf_counter()


def write_songs(folder: Path, files: int, seconds: float) -> float:
    """Noise of half to one and a half times so many seconds each; seconds of all."""
    rng, lengths = np.random.default_rng(0), random.Random(0)
    total = 0.0
    for number in range(files):
        frames = round(RATE * seconds * lengths.uniform(0.5, 1.5))
        soundfile.write(folder / f"{number:03}.wav", rng.normal(0, 0.1, (frames, 2)), RATE)
        total += frames / RATE
    return total


def children(process: int) -> list[int]:
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(number) for number in text.split()]


def timed(command: list[str]) -> tuple[float, float, list[float]]:
    """Seconds of a command; peak MiB of it and of each process that it started to render."""
    peaks: dict[int, float] = {}
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for number in (process.pid, *children(process.pid)):
                peaks[number] = max(peaks.get(number, 0.0), memory_mib(number, "VmHWM"))
            time.sleep(POLL_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"catalogue: {' '.join(command)}: exit code {process.returncode}")
    own = peaks.pop(process.pid)
    return seconds, own, [peak for peak in peaks.values() if peak > 100]  # not the resource tracker


def print_renders(args: argparse.Namespace) -> None:
    """The second table."""
    with tempfile.TemporaryDirectory() as folder:
        songs = Path(folder) / "songs"
        songs.mkdir()
        total = write_songs(songs, args.files, args.seconds)
        print(f"\n{args.files} files, {total:.0f} s of music, profile {args.profile}\n")
        print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
        first = 0.0
        rows = [(1, 1), (1, os.cpu_count() or 1), (args.jobs, 1)]
        for number, (jobs, threads) in enumerate(rows):
            out, report = Path(folder) / f"{number}", Path(folder) / f"{number}.jsonl"
            command = [sys.executable, "-m", "restem", "render", str(songs), "-o", str(out)]
            command += ["--profile", args.profile, "--jobs", str(jobs), "--threads", str(threads)]
            seconds, own, each = timed([*command, "--device", "cpu", "--report", str(report)])
            first = first or seconds
            lines = report.read_text(encoding="utf-8").splitlines()
            inside = sum(json.loads(line)["seconds"] for line in lines) / jobs
            memory = ", ".join(f"{peak:.0f}" for peak in (own, *each))
            print(
                f"| {jobs} | {threads} | {seconds:.1f} | {total / seconds:.1f} | "
                f"{first / seconds:.2f} | {(seconds - inside) / args.files:.3f} | {memory} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--paths", type=int, default=100_000, help="names in the list (100000)")
    parser.add_argument("--files", type=int, default=40, help="files to render (40)")
    parser.add_argument("--seconds", type=float, default=6.0, help="of a file, about (6)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--profile", default="live-cpu")
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"Python {platform.python_version()}\n")
    print("| processes | paths done | MiB of the driver | µs a path |\n|---|---|---|---|")
    for jobs in dict.fromkeys((1, args.jobs)):
        print_driver(args.paths, jobs)
    print_renders(args)


if __name__ == "__main__":
    main()
