"""Room for another engine on this machine: memory, and cores."""

import os
import re
from collections.abc import Collection
from pathlib import Path

from restem.bridge.plugin.session import PluginSession
from restem.bridge.settings import Settings

ENGINE_BYTES = 400e6  # of an engine, where none runs that could be measured
SPARE_BYTES = 256e6  # left to others


def free_bytes() -> float:
    """Memory that programs can still have; infinite where the system does not tell."""
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable", float("inf"))


def engine_bytes(session: PluginSession) -> float:
    """Memory of an engine's worker that no other process has."""
    worker = session.engine.worker_pid
    return _kilobytes(Path(f"/proc/{worker}/smaps_rollup"), "Pss", ENGINE_BYTES)


def _kilobytes(path: Path, name: str, default: float) -> float:
    """Bytes of a line `name: 123 kB` of a file of the system's."""
    try:
        found = re.search(rf"^{name}:\s*(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return default
    return 1024.0 * int(found[1]) if found else default


def cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def share(session: PluginSession) -> float:
    """Cores that an engine's steps keep busy, in the median."""
    status = session.engine.status()
    step = status.step_times.p50 / 1000 if status.step_times else 0.0
    return session.settings.threads * step * status.sample_rate / status.block_size


def shortage(settings: Settings, sessions: Collection[PluginSession], starting: int) -> str:
    """A line about what another engine lacks here; empty if there is room.

    Args:
        settings: of the engine.
        sessions: that run.
        starting: engines that are being built.
    """
    each = max(map(engine_bytes, sessions), default=ENGINE_BYTES)
    free = free_bytes()
    if (starting + 1) * each + SPARE_BYTES > free:
        return (
            f"no memory for another engine: it takes {each / 1e9:.1f} GB, {free / 1e9:.1f} are "
            "free; remove an instance, or end other programs"
        )
    busy = sum(map(share, sessions))
    own = max((share(s) for s in sessions if s.profile == settings.profile), default=0.0)
    if busy + own > cores() and not settings.force:
        return (
            f"no core for another engine: {len(sessions)} keep {busy:.1f} of {cores()} busy; "
            "remove an instance, choose a faster profile, or start it by hand: restem serve --force"
        )
    return ""
