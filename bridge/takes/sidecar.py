"""The sidecar of a take, `session.yaml`: what was recorded, and everything that was done meanwhile.

Frames count from the first frame of every file of the take, which is one moment of the mix.
"""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from restem.bridge.files.reader import one_line_errors
from restem.models.atomic_write import atomically
from restem.models.config import from_mapping, read_yaml
from restem.streamer.engine.latency import Latency
from restem.streamer.mixer.mixer import Setting, Values
from restem.streamer.mixer.routing import MASTER

NAME = "session.yaml"
VERSION = 1
RECORDING, WHOLE, CUT_SHORT = "recording", "whole", "cut short"
HEAD = """\
# A take of restem. Frame 0 is the first of every file; changes before it were still under way then.
"""
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster


@dataclass(frozen=True)
class Dropout:
    """Frames that the disk was too slow for: silence in every file."""

    frame: int
    frames: int


@dataclass(frozen=True)
class Change:
    """A parameter that began to move to a value; yes is 1, no is 0."""

    frame: int
    name: str
    value: float
    strip: str | None = None

    @property
    def setting(self) -> Setting:
        """As a mixer takes it."""
        return self.name, self.value, self.strip

    def line(self) -> str:
        """For the sidecar; a take may have so many that YAML's own writer would be too slow."""
        value = repr(self.value)
        if "." not in value:  # 1e-09 is a string in YAML
            value = value.replace("e", ".0e")
        name, strip = (json.dumps(text, ensure_ascii=False) for text in (self.name, self.strip))
        return f"- {{frame: {self.frame}, name: {name}, value: {value}, strip: {strip}}}"


@dataclass(frozen=True)
class TakeInfo:
    """A take. Positions and lengths in frames at `sample_rate`, in Hz."""

    version: int
    restem: str  # its version
    state: str  # recording (or never ended), whole, cut short
    reason: str  # why it was cut short
    profile: str  # its name or path
    sample_rate: int
    channels: int  # of the mix and of every stem
    block_size: int  # of the model
    stems: tuple[str, ...]
    residual: bool  # whether there is a file of the dry mix that stood in for late stems
    file_format: str
    subtype: str
    policy: str  # where the dry mix went while stems were late
    latency: Latency
    start: int  # frame 0 in the mix, since the engine started
    frames: int  # that all files have
    late: int  # times that stems were missing
    late_frames: int
    values: dict[str, dict[str, Any]]  # of all parameters before the first change, strip by strip
    lost: tuple[Dropout, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Names, the mix first."""
        names = ("mix", *self.stems, *(("residual",) if self.residual else ()))
        return tuple(f"{name}.{self.file_format}" for name in names)

    @property
    def settings(self) -> list[Setting]:
        """`values` as a mixer takes them."""
        return [
            (name, value, None if strip == MASTER else strip)
            for strip, values in self.values.items()
            for name, value in values.items()
        ]


def by_strip(values: Values) -> dict[str, dict[str, Any]]:
    """A mixer's values strip by strip, without the faders, which are the gains once more."""
    strips: dict[str, dict[str, Any]] = {}
    for (name, strip), value in values.items():
        if name != "fader":
            strips.setdefault(strip or MASTER, {})[name] = value
    return strips


def write_session(folder: Path, session: TakeInfo, changes: Iterable[str]) -> None:
    """Replace a folder's sidecar in one step.

    Args:
        folder: of the take.
        session: its `changes` are left out.
        changes: their lines.

    Raises:
        OSError: the disk is full, or fails.
    """
    mapping = dataclasses.asdict(session)
    del mapping["changes"]
    mapping["stems"], mapping["lost"] = list(session.stems), list(mapping["lost"])
    lines = "".join(f"\n{line}" for line in changes)
    text = yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True)
    path = folder / NAME
    with one_line_errors(path), atomically(path) as part:
        part.write_text(f"{HEAD}{text}changes:{lines or ' []'}\n", "utf-8")


def read_session(folder: Path) -> TakeInfo:
    """Read the sidecar of a take.

    Raises:
        ValueError: it cannot be read, is of another version, or damaged; one line.
    """
    path = folder / NAME
    mapping = read_yaml(path, "session", Loader)
    if not isinstance(mapping, Mapping) or mapping.get("version") != VERSION:
        version = mapping.get("version") if isinstance(mapping, Mapping) else None
        raise ValueError(
            f"{path}: expected a session of version {VERSION}, got {version!r}; "
            "use the version of restem that wrote it"
        )
    rest = {name: mapping[name] for name in mapping if name not in ("lost", "changes")}
    session: TakeInfo = from_mapping(TakeInfo, rest, str(path))
    return dataclasses.replace(
        session,
        lost=_items(Dropout, mapping.get("lost"), f"{path}: lost"),
        changes=_items(Change, mapping.get("changes"), f"{path}: changes"),
    )


def _items(cls: type, items: Any, where: str) -> tuple[Any, ...]:
    """Here, not in `from_mapping`: a long list would be the error's line."""
    if not isinstance(items, list):
        raise ValueError(f"{where}: expected a list, got {type(items).__name__}")
    return tuple(from_mapping(cls, item, where) for item in items)
