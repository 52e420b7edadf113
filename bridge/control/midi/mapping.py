"""MIDI map: control changes and notes to addresses, in YAML."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import yaml

from restem.bridge.control.addresses import Args
from restem.bridge.control.node import Node
from restem.bridge.control.tree import ControlTree
from restem.models.config import from_mapping, read_yaml
from restem.streamer.mixer.parameters import SILENCE_DB, fader_to_gain_db, gain_db_to_fader

MODES = ("toggle", "hold", "trigger")
HEAD = "# What controls (CC) and notes of MIDI controllers do; channels count from 1.\n"


@dataclass(frozen=True)
class Entry:
    """One line of a map: a control, or a pair of 7 bits each, or a note, and what it moves.

    `mode` is for what is on or off: `toggle` (of notes, unless said otherwise), `hold` (of
    controls), or `trigger`, which only switches on.
    """

    channel: int  # 1 to 16
    address: str
    control: int | None = None
    fine: int | None = None  # the lower 7 bits
    note: int | None = None
    mode: str = ""
    takeover: bool = True  # False: a motor fader, or an encoder, which is where the value is

    def __post_init__(self) -> None:
        if not 1 <= self.channel <= 16:
            raise ValueError(f"channel must be 1 to 16, got {self.channel}")
        if (self.control is None) == (self.note is None):
            raise ValueError("expected either control or note")
        for name in ("control", "fine", "note"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= 127:
                raise ValueError(f"{name} must be 0 to 127, got {number}")
        if self.fine is not None and self.control in (None, self.fine):
            raise ValueError("fine must be another control than the one that it refines")
        if self.mode and self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}")

    @property
    def sources(self) -> set[tuple[str, int, int]]:
        """Messages that match: kind, channel, number."""
        numbers = {("control", self.control), ("control", self.fine), ("note", self.note)}
        return {(kind, self.channel, n) for kind, n in numbers if n is not None}

    def line(self) -> str:
        """As in a map."""
        defaults = {f.name: f.default for f in fields(self)}
        order = ("channel", "control", "fine", "note", "address", "mode", "takeover")
        mapping = {k: getattr(self, k) for k in order if getattr(self, k) != defaults[k]}
        text: str = yaml.safe_dump(
            mapping, default_flow_style=True, sort_keys=False, width=10**6, allow_unicode=True
        )
        return text.strip()


def read_map(path: Path) -> list[Entry]:
    """Read a map.

    Raises:
        ValueError: it cannot be read, or is damaged; one line.
    """
    items = read_yaml(path, "MIDI map") or []
    if not isinstance(items, list):
        raise ValueError(f"{path.name}: expected a list, got {type(items).__name__}")
    return [from_mapping(Entry, item, f"{path.name}: {n}") for n, item in enumerate(items, 1)]


@dataclass(eq=False)
class Binding:
    """An entry at work."""

    entry: Entry
    node: Node
    kind: Literal["button", "switch", "value"]
    coarse: int = 0  # of a pair
    is_down: bool = False
    position: float | None = None  # of a fader, 0 to 1
    picked_up: bool = False  # it has met the value
    written: Args | None = None  # what it moved the value to

    @property
    def mode(self) -> str:
        default = "toggle" if self.entry.note is not None else "hold"
        return "trigger" if self.kind == "button" else self.entry.mode or default

    @property
    def max_raw(self) -> int:
        return 127 if self.entry.fine is None else (1 << 14) - 1


def bind(control: ControlTree, entry: Entry) -> Binding:
    """Find what an entry moves.

    Raises:
        ValueError: there is no such address, or it is nothing that a control can move.
    """
    nodes = control.find(entry.address)
    node = control.by_name(nodes[0])
    kind: Literal["button", "switch", "value"]
    if len(nodes) > 1 or not node.access & 2:
        raise ValueError(f"{entry.address} is not one value that can be set")
    if node.is_button:
        kind = "button"
    elif node.types == "i" and node.low == 0 and node.high in (1, 2) and node.readable:
        kind = "switch"
    elif node.types in ("i", "f") and None not in (node.low, node.high) and node.readable:
        kind = "value"
    else:
        raise ValueError(f"{entry.address} takes no number in a range")
    if kind == "value" and entry.note is not None:
        raise ValueError(f"{entry.address} takes a control; a note is for what is on or off")
    return Binding(entry, node, kind)


def value_at(node: Node, position: float, max_raw: int) -> float:
    """The value where a fader of `max_raw` + 1 steps is at a position in [0, 1].

    Gains follow the fader's law; of what has its middle at 0 so has the fader, at step 64.
    """
    low, high = node.low or 0.0, node.high or 0.0
    if follows_faders(node):
        return fader_to_gain_db(position)
    if low == -high:
        middle = (max_raw + 1) / 2 / max_raw
        return high * ((position - middle) / (middle if position < middle else 1 - middle))
    return low + position * (high - low)


def position_of(node: Node, value: float, max_raw: int) -> float:
    """`value_at` the other way."""
    low, high = node.low or 0.0, node.high or 0.0
    if follows_faders(node):
        return gain_db_to_fader(value)
    if low == -high:
        middle = (max_raw + 1) / 2 / max_raw
        return middle + value / high * (middle if value < 0 else 1 - middle)
    return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0


def follows_faders(node: Node) -> bool:
    return node.unit == "dB" and node.low == SILENCE_DB


def raw_of(binding: Binding, value: float) -> int:
    """Raw MIDI value of a control that shows a value."""
    if binding.kind == "switch":
        return 127 if value == 1 else 0
    return round(position_of(binding.node, value, binding.max_raw) * binding.max_raw)


def messages_of(entry: Entry, raw: int) -> list[list[int]]:
    """MIDI messages that show a raw value."""
    channel = entry.channel - 1
    if entry.note is not None:
        return [[0x90 | channel, entry.note, raw]]
    assert entry.control is not None
    if entry.fine is None:
        return [[0xB0 | channel, entry.control, raw]]
    return [[0xB0 | channel, entry.control, raw >> 7], [0xB0 | channel, entry.fine, raw & 127]]
