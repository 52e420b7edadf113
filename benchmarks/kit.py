"""Pack what a borrowed GPU needs to test, to measure and to train, for a machine without network.

    python -m benchmarks.kit DIR --midi FOLDER --instruments FOLDER [--without NAME]
        [--songs FOLDER] [--held-out FOLDER] [--python 3.12] [--minutes 8]

    DIR/wheels/      what a bare machine with Python, PyTorch, NumPy, SciPy and numba lacks
    DIR/part-1/..    recorded notes, MIDI files, real stems as Opus; each part one call's load
    DIR/kit.json     minutes of each stage

The machine takes LOAD_MIB a call, the work tree included; parts that came with earlier calls stay.
Then, in the repository's root:  `python -m benchmarks.borrowed DIR OUT`
"""

import argparse
import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile

LOAD_MIB = 60.0
# Beside what the machine has; dependencies are named, so that none brings another PyTorch.
WHEELS = (
    "cffi",
    "huggingface_hub",
    "iniconfig",
    "markdown-it-py",
    "mdurl",
    "mido",
    "packaging",
    "pedalboard",
    "platformdirs",
    "pluggy",
    "pycparser",
    "pygments",
    "pytest",
    "python-osc",
    "pyyaml",
    "rich",
    "safetensors",
    "soundfile",
    "soxr",
)
OPUS = {"format": "OGG", "subtype": "OPUS"}


def size_mib(*paths: Path) -> float:
    """Of files and of all files below folders."""
    files = [f for path in paths for f in (path.rglob("*") if path.is_dir() else [path])]
    return sum(f.stat().st_size for f in files if f.is_file()) / 2**20


def work_tree_mib(root: Path) -> float:
    """Of what git tracks and of what it does not ignore."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return size_mib(*(root / name for name in listed.stdout.split("\0") if (root / name).is_file()))


def notes(folder: Path, without: Sequence[str]) -> Iterator[tuple[Path, str, dict[str, str]]]:
    """Recorded notes but for instruments that are held out: file, name in the kit, row."""
    with (folder / "samples.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["instrument"] not in without:
                yield folder / row["file"], f"notes/{row['file']}", row


def songs(folder: Path, side: str) -> Iterator[tuple[Path, str]]:
    """Real stems, SONG/STEM/FILE: file, name in the kit."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".wav", ".flac", ".ogg", ".opus"):
            yield path, f"{side}/{path.relative_to(folder).with_suffix('.opus').as_posix()}"


def copy(source: Path, target: Path) -> None:
    """Copy a file; sound that is not compressed becomes Opus."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix in (".wav", ".flac"):
        audio, rate = soundfile.read(source, dtype="float32")
        soundfile.write(target, audio, rate, compression_level=0.9, **OPUS)
    else:
        shutil.copyfile(source, target)


class Parts:
    """Folders DIR/part-N, each filled up to a size."""

    def __init__(self, out: Path, limit_mib: float) -> None:
        self.out, self.limit, self.number, self.filled = out, limit_mib, 1, 0.0

    def add(self, source: Path, name: str) -> None:
        target = self.out / f"part-{self.number}" / name
        copy(source, target)
        size = size_mib(target)
        if self.filled and self.filled + size > self.limit:
            self.number, self.filled = self.number + 1, 0.0
            moved = self.out / f"part-{self.number}" / name
            moved.parent.mkdir(parents=True, exist_ok=True)
            target.rename(moved)
        self.filled += size


def fetch_wheels(out: Path, python: str) -> None:
    """Download wheels for another Python on Linux; only those, no dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(out)]
    command += ["--python-version", python, "--only-binary", ":all:", "--implementation", "cp"]
    for platform in ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_17_x86_64"):
        command += ["--platform", platform]
    subprocess.run([*command, *WHEELS], check=True)


def pack(args: argparse.Namespace) -> list[tuple[str, float]]:
    """Fill DIR.

    Returns:
        What it holds, and how much of it in MiB.

    Raises:
        ValueError: DIR exists, or something is more than a call takes.
    """
    out: Path = args.out
    if out.exists():
        raise ValueError(f"{out}: exists; a kit is packed anew")
    out.mkdir(parents=True)
    fetch_wheels(out / "wheels", args.python)
    fixed = work_tree_mib(Path(__file__).resolve().parents[1]) + size_mib(out / "wheels") + 1
    parts = Parts(out, args.part_mib or LOAD_MIB - fixed)
    rows = list(notes(args.instruments, args.without))
    for source, name, _ in rows:
        parts.add(source, name)
    for path in sorted(args.midi.rglob("*.mid")):
        parts.add(path, f"midi/{path.relative_to(args.midi).as_posix()}")
    for side, folder in (("real", args.songs), ("held-out", args.held_out)):
        for source, name in songs(folder, side) if folder else ():
            parts.add(source, name)
    with (out / "samples.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["stem", "instrument", "file", "midi", "layer"], "", "ignore")
        table.writeheader()
        table.writerows(row for _, _, row in rows)
    stages = {"tests": 1.5, "benchmark": 1.5, "training": args.minutes}
    (out / "kit.json").write_text(json.dumps({"minutes": stages}), encoding="utf-8")
    sizes = [("work tree", work_tree_mib(Path(__file__).resolve().parents[1]))]
    sizes += [(path.name, size_mib(path)) for path in sorted(out.iterdir())]
    fixed = sum(size for name, size in sizes if not name.startswith("part-"))
    for name, size in sizes:
        if name.startswith("part-") and size + fixed > LOAD_MIB:
            raise ValueError(
                f"{out / name}: with work tree and wheels {size + fixed:.1f} MiB, expected at most "
                f"{LOAD_MIB:g}: give a smaller --part-mib"
            )
    return sizes


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("out", type=Path, metavar="DIR")
    parser.add_argument("--midi", type=Path, required=True, help="General MIDI songs")
    parser.add_argument("--instruments", type=Path, required=True, help="with samples.csv")
    parser.add_argument("--without", action="append", default=[], help="an instrument held out")
    parser.add_argument("--songs", type=Path, help="real songs, SONG/STEM/FILE")
    parser.add_argument("--held-out", type=Path, help="real songs to validate on")
    parser.add_argument("--python", default="3.12", help="the machine's (3.12)")
    parser.add_argument("--minutes", type=float, default=8.0, help="of training (8)")
    parser.add_argument("--part-mib", type=float, help="of each part (what a call leaves)")
    try:
        sizes = pack(parser.parse_args())
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"kit: {error}") from error
    print("| what | MiB |\n|---|---|")
    for name, size in sizes:
        print(f"| {name} | {size:.1f} |")


if __name__ == "__main__":
    main()
