"""On a borrowed GPU: test, measure, train and export, each inside its own minutes.

    python -m benchmarks.borrowed KIT OUT [--device cuda] [--jobs 16] [--songs N] [--steps N]

KIT is a folder of `benchmarks.kit`. Every stage leaves its result in OUT, whatever becomes of the
others: tests.txt, benchmark.md, training.txt, log.jsonl, weights.safetensors, times.txt.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("models", "streamer", "bridge", "configs")
LAYOUT = """description: a kit's songs
songs: ["*/*/*", "real/*"]
extensions: [wav, flac, opus, ogg]
"""
TESTED = (
    "models/test_embedded.py",
    "models/training/losses/test_embedded.py",
    "models/training/data/test_batched_degradations.py",
    "models/training/data/test_resident.py",
    "streamer/model/test_graphed.py",
)
PYTHON = sys.executable


class Machine:
    """Folders, and how stages are run and timed."""

    def __init__(self, kit: Path, out: Path, device: str) -> None:
        self.kit, self.out, self.device = kit.resolve(), out.resolve(), device
        self.work = self.kit / "work"
        self.site = self.work / "site"
        self.out.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{self.site}{os.pathsep}{self.work / 'wheels'}",
            "RESTEM_CACHE": str(self.work / "cache"),
        }

    def run(self, name: str, minutes: float, *command: str, log: str = "") -> bool:
        """Run a stage for so many minutes at most; says how long it took."""
        began = time.monotonic()
        with (self.out / (log or f"{name}.txt")).open("a", encoding="utf-8") as file:
            try:
                code: int | str = subprocess.run(
                    command,
                    cwd=self.site if self.site.exists() else ROOT,
                    env=self.environment,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=60 * minutes,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = "out of time"
        self.note(f"{name}: {time.monotonic() - began:.1f} s, exit {code}")
        return code == 0

    def note(self, line: str) -> None:
        print(line, flush=True)
        with (self.out / "times.txt").open("a", encoding="utf-8") as file:
            print(line, file=file)


def lay_out(site: Path) -> None:
    """Copy the work tree as it is installed: `restem` one package; tests, benchmarks beside."""
    ignored = shutil.ignore_patterns("__pycache__")

    def copy(name: str, inside: str = "") -> None:
        shutil.copytree(ROOT / name, site / inside / name, ignore=ignored, dirs_exist_ok=True)

    for name in ("restem", "tests", "benchmarks"):
        copy(name)
    for name in PACKAGES:
        copy(name, "restem")
    shutil.copyfile(ROOT / "pyproject.toml", site / "pyproject.toml")


def install(machine: Machine) -> None:
    """Unpack the wheels that are missing here, and lay out the work tree."""
    target = machine.work / "wheels"
    missing = []
    for wheel in sorted((machine.kit / "wheels").glob("*.whl")):
        try:
            importlib.metadata.version(wheel.name.split("-")[0])
        except importlib.metadata.PackageNotFoundError:
            missing.append(str(wheel))
    if missing and not target.exists():
        pip = (PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
        machine.run("install", 1.0, *pip, "--target", str(target), *missing)
    lay_out(machine.site)


def gather(machine: Machine, jobs: int, count: int | None) -> Path:
    """Join the parts, and share the MIDI files out among `jobs` folders."""
    whole = machine.work / "parts"
    for part in sorted(machine.kit.glob("part-*")):
        shutil.copytree(part, whole, dirs_exist_ok=True)
    shutil.copyfile(machine.kit / "samples.csv", whole / "notes" / "samples.csv")
    for number, path in enumerate(sorted((whole / "midi").rglob("*.mid"))[:count]):
        share = machine.work / "midi" / f"{number % jobs:02d}"
        share.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, share / f"{path.parent.name}-{path.name}")
    return whole


def render(machine: Machine, parts: Path, minutes: float) -> Path:
    """Play the MIDI files with recorded notes, a process for each share of them."""
    songs = machine.work / "songs"
    songs.mkdir(exist_ok=True)
    began = time.monotonic()
    environment = {**machine.environment, "OMP_NUM_THREADS": "1"}
    running = []
    for share in sorted((machine.work / "midi").iterdir()):
        command = [PYTHON, "-m", "restem", "songs", "render", str(share)]
        command += [str(songs / "notes" / share.name), "--instruments", str(parts / "notes")]
        with (machine.out / "render.txt").open("a", encoding="utf-8") as log:
            running.append(
                subprocess.Popen(command, cwd=machine.site, env=environment, stdout=log, stderr=log)
            )
    for process in running:
        try:
            process.wait(max(60 * minutes - (time.monotonic() - began), 0.1))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if (parts / "real").exists():
        shutil.copytree(parts / "real", songs / "real", dirs_exist_ok=True)
    machine.note(f"render: {time.monotonic() - began:.1f} s")
    return songs


def write_layout(path: Path) -> Path:
    """The package's own names of stems, in the folders of a kit."""
    own = (ROOT / "models/training/data/layouts/restem.yaml").read_text(encoding="utf-8")
    path.write_text(LAYOUT + own[own.index("stems:") :], encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("kit", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, default=16, help="processes that render songs (16)")
    parser.add_argument("--songs", type=int, help="MIDI files that are rendered (all)")
    parser.add_argument("--recipe", default="embedded-gpu", help="(embedded-gpu)")
    parser.add_argument("--minutes", type=float, help="of training (the kit's)")
    args = parser.parse_args()
    machine = Machine(args.kit, args.out, args.device)
    minutes = json.loads((args.kit / "kit.json").read_text(encoding="utf-8"))["minutes"]
    install(machine)
    names = [f"tests/{name}" for name in TESTED]
    machine.run("tests", minutes["tests"], PYTHON, "-m", "pytest", "-q", *names)
    table = "benchmarks.gpu" if args.device == "cuda" else "benchmarks.cpu"
    profiles = ("--profiles", "live-cpu", "--seconds", "2") if args.device != "cuda" else ()
    command = (PYTHON, "-m", table, *profiles)
    machine.run("benchmark", minutes["benchmark"], *command, log="benchmark.md")
    parts = gather(machine, args.jobs, args.songs)
    songs = render(machine, parts, 1.5)
    run, training = machine.work / "run", args.minutes or minutes["training"]
    command = (PYTHON, "-m", "restem", "train", args.recipe, "-o", str(run))
    command += ("--songs", str(songs), "--layout", str(write_layout(machine.work / "layout.yaml")))
    command += ("--minutes", str(training), "--device", args.device)
    if (parts / "held-out").exists():
        shutil.copytree(parts / "held-out", machine.work / "held-out" / "real", dirs_exist_ok=True)
        command += ("--held-out", str(machine.work / "held-out"))
    machine.run("training", training + 2, *command)
    for name in ("weights.safetensors", "log.jsonl"):
        if (run / name).exists():
            shutil.copyfile(run / name, machine.out / name)


if __name__ == "__main__":
    main()
