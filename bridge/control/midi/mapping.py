"""MIDI map: control changes, notes, pitch bend and NRPN to addresses, in YAML."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

import yaml

from restem.bridge.control.addresses import Args
from restem.bridge.control.midi.messages import DATA, DATA_FINE, LARGEST_14, Move, Source
from restem.bridge.control.node import Node
from restem.bridge.control.tree import ControlTree
from restem.models.config import from_mapping, read_yaml
from restem.streamer.mixer.parameters import SILENCE_DB, fader_to_gain_db, gain_db_to_fader

MODES = ("toggle", "hold", "trigger")
RELATIVE: dict[str, Callable[[int], int]] = {  # steps of an encoder, by how it says them
    "twos_complement": lambda value: value - 128 if value >= 64 else value,
    "signed_bit": lambda value: 64 - value if value >= 64 else value,
    "offset_64": lambda value: value - 64,
}
ENCODER_STEPS = 127  # from one end to the other
HEAD = "# What controls (CC) and notes of MIDI controllers do; channels count from 1.\n"


@dataclass(frozen=True)
class Entry:
    """One line of a map: a control, or a pair of 7 bits each, or a note, pitch bend, or NRPN, and
    what it moves.

    `mode` is for what is on or off: `toggle` (of notes, unless said otherwise), `hold` (of
    controls), or `trigger`, which only switches on. `relative` is for encoders: one of `RELATIVE`.
    """

    channel: int  # 1 to 16
    address: str
    control: int | None = None
    fine: int | None = None  # the lower 7 bits
    note: int | None = None
    pitch: bool = False
    nrpn: int | None = None  # of 14 bits if `fine` is 38
    mode: str = ""
    relative: str = ""
    takeover: bool = True  # False: a motor fader, or an encoder, which is where the value is

    def __post_init__(self) -> None:
        if not 1 <= self.channel <= 16:
            raise ValueError(f"channel must be 1 to 16, got {self.channel}")
        if len(self._given) != 1:
            raise ValueError("expected one of control, note, pitch, nrpn")
        for name in ("control", "fine", "note"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= 127:
                raise ValueError(f"{name} must be 0 to 127, got {number}")
        if self.nrpn is not None and not 0 <= self.nrpn <= LARGEST_14:
            raise ValueError(f"nrpn must be 0 to {LARGEST_14}, got {self.nrpn}")
        if self.nrpn is not None and self.fine not in (None, DATA_FINE):
            raise ValueError(f"fine of an nrpn is {DATA_FINE}, or nothing, got {self.fine}")
        if self.fine is not None and self.nrpn is None and self.control in (None, self.fine):
            raise ValueError("fine must be another control than the one that it refines")
        if self.mode and self.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}, got {self.mode!r}")
        if self.relative and self.relative not in RELATIVE:
            choices = ", ".join(RELATIVE)
            raise ValueError(f"relative must be one of {choices}, got {self.relative!r}")
        if self.relative and (self.control is None or self.fine is not None):
            raise ValueError("relative is for controls of 7 bits")

    @property
    def _given(self) -> list[object]:
        """Kinds of messages that are named."""
        named = (self.control, self.note, self.nrpn, True if self.pitch else None)
        return [each for each in named if each is not None]

    @property
    def sources(self) -> set[Source]:
        """Messages that match: kind, channel, number."""
        if self.pitch:
            return {("pitch", self.channel, 0)}
        if self.nrpn is not None:
            return {("nrpn", self.channel, self.nrpn)}
        if self.note is not None:
            return {("note", self.channel, self.note)}
        numbers = (self.control, self.fine)
        return {("control", self.channel, n) for n in numbers if n is not None}

    def is_fine(self, move: Move) -> bool:
        """True if a move is that of the lower 7 bits."""
        return move.is_fine or (move.kind == "control" and move.number == self.fine)

    def line(self) -> str:
        """As in a map."""
        defaults = {f.name: f.default for f in fields(self)}
        sources = ("channel", "control", "note", "pitch", "nrpn", "fine")
        order = (*sources, "address", "mode", "relative", "takeover")
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
        return LARGEST_14 if self.entry.pitch or self.entry.fine is not None else 127


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
    elif node.is_switch:
        kind = "switch"
    elif node.is_number and None not in (node.low, node.high):
        kind = "value"
    else:
        raise ValueError(f"{entry.address} takes no number in a range")
    if kind == "value" and entry.note is not None:
        raise ValueError(f"{entry.address} takes a control; a note is for what is on or off")
    if kind != "value" and entry.relative:
        raise ValueError(f"{entry.address} is on or off; relative is for values")
    return Binding(entry, node, kind)


def turned(binding: Binding, steps: int, now: float) -> float:
    """The position to which an encoder turns a value by steps."""
    position = position_of(binding.node, now, binding.max_raw) + steps / ENCODER_STEPS
    return min(max(position, 0.0), 1.0)


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
        return binding.max_raw if value == 1 else 0
    return round(position_of(binding.node, value, binding.max_raw) * binding.max_raw)


def messages_of(entry: Entry, raw: int) -> list[list[int]]:
    """MIDI messages that show a raw value."""
    channel = entry.channel - 1
    if entry.note is not None:
        return [[0x90 | channel, entry.note, raw]]
    if entry.pitch:
        return [[0xE0 | channel, raw & 127, raw >> 7]]
    changes = []
    control = entry.control
    if entry.nrpn is not None:
        changes, control = [(99, entry.nrpn >> 7), (98, entry.nrpn & 127)], DATA
    assert control is not None
    changes.append((control, raw if entry.fine is None else raw >> 7))
    if entry.fine is not None:
        changes.append((entry.fine, raw & 127))
    return [[0xB0 | channel, *change] for change in changes]
