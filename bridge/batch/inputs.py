"""Mixes that are named by file, folder, pattern or list.

They are found while the first are rendered. Names of one folder, or of one pattern, are held at a
time, for they are sorted; of all others a digest.
"""

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from restem.bridge.batch.digests import Digests

SUFFIXES = """
    aac aif aifc aiff amr ape au caf flac m4a m4b mka mkv mov mp2 mp3 mp4 oga ogg opus rf64 snd spx
    tta w64 wav wave webm wma wv
"""
EXTENSIONS = frozenset(f".{name}" for name in SUFFIXES.split())
PIPE = Path("-")


@dataclass(frozen=True)
class Work:
    """A mix, and where below the output folder its stems belong."""

    mix: Path
    below: Path = Path()
    is_take: bool = False


def find_works(inputs: Iterable[Path], out: Path) -> Iterator[Work]:
    """Files as they are named, all audio files of folders, and what patterns mean, each once.

    What is in `out` is left out: stems are no mixes. Names in a folder come in their order.

    Args:
        inputs: files, folders, patterns with `*`, `?`, `[` and `**`; - is standard input.
        out: the output folder.
    """
    seen = Digests()
    for given in inputs:
        for work in _find(given, out):
            if seen.add(str(work.mix)):
                yield work


def is_many(given: Path) -> bool:
    """Recognise a folder or a pattern."""
    return given.is_dir() or (glob.has_magic(str(given)) and not given.exists())


def _find(given: Path, out: Path) -> Iterator[Work]:
    if not is_many(given):
        yield Work(given)
    elif given.is_dir():
        yield from _below(given, given, out)
    else:
        root = _root(given)
        for name in sorted(glob.iglob(str(given), recursive=True)):
            path = Path(name)
            if path.is_dir():
                yield from _below(path, root, out)
            elif _is_audio(path):
                yield Work(path, path.parent.relative_to(root))


def _below(folder: Path, root: Path, out: Path) -> Iterator[Work]:
    own = os.path.realpath(out)
    for name, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if os.path.realpath(os.path.join(name, f)) != own)
        for file in sorted(files):
            path = Path(name, file)
            if _is_audio(path):
                yield Work(path, path.parent.relative_to(root))


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")


def _root(pattern: Path) -> Path:
    """The folders of a pattern before its first wildcard."""
    plain = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        plain.append(part)
    return Path(*plain)


def read_list(path: Path) -> Iterator[Path]:
    """Paths from a file, or - for standard input, one a line; empty lines are skipped.

    Raises:
        OSError: it cannot be read.
    """
    with nullcontext(sys.stdin.buffer) if path == PIPE else path.open("rb") as file:
        for content in file:
            for line in content.splitlines():  # that end as on an old Mac, too
                if line.strip():
                    yield Path(os.fsdecode(line))
