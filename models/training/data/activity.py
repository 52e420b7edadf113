"""Scan of audio files for activity and defects, cached because it takes long."""

import json
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import soundfile

from restem.models.atomic_write import atomically

ACTIVE_DB = -45  # dBFS: the RMS of a second that counts as playing
ACTIVE_RMS = 10 ** (ACTIVE_DB / 20)
VERSION = 1  # of what the cache holds

Progress = Callable[[float, float], None]  # files done, files in all


@dataclass(frozen=True)
class FileScan:
    """Scan of a file; `problem` is empty if the file is usable."""

    sample_rate: int = 0
    frames: int = 0
    active: tuple[int, ...] = ()  # the whole seconds that are louder than ACTIVE_DB
    problem: str = ""


def inspect(path: Path) -> FileScan:
    """Listen to a whole file; trouble with it is a finding, not an error."""
    try:
        with soundfile.SoundFile(path) as file:
            return _listen(file)
    except soundfile.LibsndfileError as error:
        if not path.exists():
            return FileScan(problem="no such file")
        if path.is_file() and not path.stat().st_size:
            return FileScan(problem="empty")
        return FileScan(problem=f"cannot be read ({error.error_string.strip(' .')})")


def _listen(file: soundfile.SoundFile) -> FileScan:
    sample_rate, frames, channels = file.samplerate, file.frames, file.channels
    if not frames:
        return FileScan(sample_rate, problem="empty")
    if channels > 2:
        return FileScan(sample_rate, frames, problem=f"{channels} channels, expected 1 or 2")
    active, heard = [], 0
    for second, block in enumerate(file.blocks(sample_rate, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            return FileScan(sample_rate, frames, problem=f"NaN or Inf in second {second}")
        if np.vdot(block, block) > ACTIVE_RMS**2 * block.size:
            active.append(second)
        heard += len(block)
    if heard < frames:
        return FileScan(sample_rate, frames, problem=f"cut short at second {heard // sample_rate}")
    silent = "" if active else f"silent, never above {ACTIVE_DB} dBFS"
    return FileScan(sample_rate, frames, tuple(active), silent)


def inspect_all(
    paths: Iterable[Path], progress: Progress = lambda done, total: None
) -> dict[Path, FileScan]:
    """Listen to files, several at once, but not to those that are known and have not changed.

    What an interrupted run has heard is remembered, too.
    """
    cache = _Cache(cache_folder() / "songs.json")
    paths = list(dict.fromkeys(paths))
    findings = {path: found for path in paths if (found := cache.find(path))}
    new = [path for path in paths if path not in findings]
    pool = ThreadPoolExecutor(min(8, os.cpu_count() or 1))
    try:
        for path, finding in zip(new, pool.map(inspect, new), strict=True):
            findings[path] = finding
            cache.keep(path, finding)
            progress(len(findings), len(paths))
    finally:
        pool.shutdown(cancel_futures=True)
        cache.save()
    return findings


def cache_folder() -> Path:
    """Folder of cached findings: `RESTEM_CACHE`, or else the user's cache folder."""
    if chosen := os.environ.get("RESTEM_CACHE"):
        return Path(chosen).expanduser()
    return platformdirs.user_cache_path("restem", appauthor=False)


class _Cache:
    """Findings by absolute path, size and time of change, as a JSON file.

    Of two processes at once, the last to save wins; what the other one adds is heard once more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries = _read_entries(path)
        self.added: dict[str, Any] = {}
        self.identities: dict[Path, list[int]] = {}  # before they were listened to

    def find(self, path: Path) -> FileScan | None:
        """Look up the finding of an unchanged file."""
        entry = self.entries.get(str(path.absolute()))
        try:
            status = path.stat()
            self.identities[path] = [status.st_size, status.st_mtime_ns]
            if not entry or entry["file"] != self.identities[path]:
                return None
            active = tuple(s for start, stop in entry["active"] for s in range(start, stop))
            return FileScan(
                int(entry["sample_rate"]), int(entry["frames"]), active, str(entry["problem"])
            )
        except (OSError, LookupError, TypeError, ValueError):
            return None

    def keep(self, path: Path, finding: FileScan) -> None:
        """Remember a finding; but what could not be read may be so for now only."""
        if not finding.sample_rate or path not in self.identities:
            return
        self.added[str(path.absolute())] = {
            "file": self.identities[path],
            "sample_rate": finding.sample_rate,
            "frames": finding.frames,
            "active": _spans(finding.active),
            "problem": finding.problem,
        }

    def save(self) -> None:
        if not self.added:
            return
        entries = {**_read_entries(self.path), **self.added}
        try:
            with atomically(self.path) as part:
                part.write_text(json.dumps({"version": VERSION, "files": entries}))
        except OSError as error:
            warnings.warn(
                f"{self.path}: cannot be written ({error.strerror}): "
                "opening these songs will take as long the next time",
                stacklevel=2,
            )


def _read_entries(path: Path) -> dict[str, Any]:
    """The entries of a cache file; none if it is missing, broken or of another version."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files = kept.get("files") if isinstance(kept, dict) and kept.get("version") == VERSION else None
    return files if isinstance(files, dict) else {}


def _spans(seconds: Sequence[int]) -> list[tuple[int, int]]:
    """Seconds as ranges: most files play for long."""
    runs = groupby(enumerate(seconds), lambda pair: pair[1] - pair[0])
    spans = [[second for _, second in run] for _, run in runs]
    return [(span[0], span[-1] + 1) for span in spans]
