"""Common parts of the patches for Max and Pd: widgets, and the network behind them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from restem.bridge.control.addresses import ROOT, parameter_address
from restem.bridge.control.osc.server import HOST, PORT
from restem.streamer.mixer.parameters import PARAMETERS, Parameter, strip_names
from restem.streamer.mixer.routing import MASTER

LISTEN = 7771  # the port that values come to
VALUES_HZ, METERS_HZ, STATUS_HZ = 20, 20, 2
LEASE_SECONDS, RENEWAL_MS = 10, 4000
START = f"restem-listen {LISTEN}", f"restem-connect {HOST} {PORT}"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
HEARD = "meters", "status", "error", "profiles"  # what is no widget's value
ERROR = "address", "code", "text"
HINT = "Where restem is, and where it answers to: edit and click."


@dataclass(frozen=True)
class Widget:
    """Control that shows and sets a value; a button has none."""

    name: str  # to send to
    address: str
    label: str
    kind: Literal["fader", "number", "knob", "switch", "button"]
    low: float = 0
    high: float = 1


def widget(row: Parameter, strip: str | None = None) -> Widget:
    """A parameter's."""
    kind: Literal["fader", "number", "knob", "switch"] = "knob"
    if row.kind == "bool":
        kind = "switch"
    elif row.name == "fader":
        kind = "fader"
    elif row.unit:
        kind = "number"
    name = f"restem-{row.name}" if strip is None else f"restem-{strip}-{row.name}"
    address, label = parameter_address(row.name, strip), row.name.removesuffix("_db")
    return Widget(name, address, label, kind, float(row.low), float(row.high))


def strip_widgets(strip: str) -> list[Widget]:
    return [widget(row, strip) for row in PARAMETERS if row.scope == "stem"]


def global_widgets() -> list[Widget]:
    """Those that are of no strip."""
    rows = [widget(row) for row in PARAMETERS if row.scope == "global"]
    rows.append(Widget("restem-record", f"{ROOT}/record", "record", "switch"))
    buttons = [
        Widget(f"restem-{name}", f"{ROOT}/{name}", name, "button") for name in ("reset", "panic")
    ]
    return rows + buttons


def subscriptions() -> list[tuple[str, int]]:
    """Addresses to subscribe to, with their highest rates in Hz."""
    shown = [one.address for one in global_widgets() if one.kind != "button"]
    shown += [f"{ROOT}/profiles", f"{ROOT}/profile"]  # the menu, then what is chosen in it
    values = [(address, VALUES_HZ) for address in (f"{ROOT}/stem", *shown)]
    return [*values, (f"{ROOT}/meters", METERS_HZ), (f"{ROOT}/status", STATUS_HZ)]


def checked(stems: Sequence[str]) -> tuple[str, ...]:
    """The strips of a mixer with these stems.

    Raises:
        ValueError: a name is none that a patch can hold, or is there twice.
    """
    strips = strip_names(stems)
    reserved = [row.name for row in PARAMETERS] + [MASTER]
    wrong = [name for name in strips if not NAME.fullmatch(name) or name in reserved]
    if wrong or not stems or len(set(strips)) < len(strips):
        raise ValueError(
            "stems must be names of letters, digits, _ and -, each once, and no parameter's; "
            f"got {', '.join(map(repr, stems)) or 'none'}"
        )
    return strips


class Board:
    """Objects and the cords between them, of either program."""

    number: str  # the letter of a port's type

    def box(self, text: str, x: float, y: float) -> Any:
        """Place an object, or a message, which begins with a bracket."""
        raise NotImplementedError

    def cord(self, source: Any, target: Any, outlet: int = 0, inlet: int = 0) -> None:
        raise NotImplementedError

    def packet(self, address: str, is_given: bool) -> tuple[str, ...]:
        """The boxes that send to an address what they are given, or a bang as nothing."""
        raise NotImplementedError

    def chain(self, x: float, y: float, *texts: str) -> list[Any]:
        """Boxes below each other, each one's first outlet to the next one's first inlet."""
        boxes = [self.box(text, x, y + 26 * row) for row, text in enumerate(texts)]
        for upper, lower in pairwise(boxes):
            self.cord(upper, lower)
        return boxes

    def fan(self, source: Any, *targets: Any) -> None:
        """An outlet to each target, from the first one on."""
        for outlet, target in enumerate(targets):
            self.cord(source, target, outlet)


def subscribe(board: Board) -> None:
    """Ask for all that is shown, and renew that; again if restem knows nothing of it.

    Answers, errors too, go to the port that is listened at: it is told first, each time.
    """
    port, renew = f"{board.number} {LISTEN}", f"{ROOT}/renew"
    _, told, *_ = board.chain(
        20, 240, "r restem-reply", port, *board.packet(f"{ROOT}/reply_to", True)
    )
    _, steps = board.chain(180, 240, "r restem-subscribe", "t b b")
    wanted = board.box(port, 180, 318)
    board.fan(steps, wanted, board.box("s restem-reply", 210, 292))
    asked, *_ = board.chain(640, 500, *board.packet(f"{ROOT}/subscribe", True))
    for row, (what, rate) in enumerate(subscriptions()):
        message = board.box(f"[{what} {rate} {LEASE_SECONDS} $1]", 640, 240 + 26 * row)
        board.cord(wanted, message)
        board.cord(message, asked)
    _, steps = board.chain(340, 240, "r restem-renew", "t b b")
    again, *_ = board.chain(340, 318, *board.packet(renew, False))
    board.fan(steps, again, board.box("s restem-reply", 370, 292))
    for number, box in enumerate((told, wanted)):
        board.cord(board.box("r restem-port", 500, 240 + 26 * number), box, inlet=1)
    board.chain(
        960, 240, "r restem-error", f"route {renew}", "route no_subscription", "t b",
        "s restem-subscribe",
    )  # fmt: skip


def send(board: Board, strips: Sequence[str]) -> None:
    """Wire the widgets' output."""
    every = [one for strip in strips for one in strip_widgets(strip)] + global_widgets()
    named = [(one.name, one.address, one.kind != "button") for one in every]
    named.append(("restem-profile", f"{ROOT}/profile", True))
    for number, (name, address, is_given) in enumerate(named):
        x, y = 20 + 320 * (number % 4), 620 + 120 * (number // 4)
        board.chain(x, y, f"r {name}-out", *board.packet(address, is_given))


def levels(board: Board, split: str, strips: Sequence[str], x: float, y: float) -> None:
    """Peaks, two of each bus, by an object that splits a list behind the second."""
    upper, outlet = board.box("r restem-meters", x, y), 0
    for row, bus in enumerate((*strips, MASTER), 1):
        part = board.box(split, x, y + 60 * row)
        board.cord(upper, part, outlet)
        board.cord(part, board.box(f"s restem-{bus}-level", x, y + 60 * row + 26))
        upper, outlet = part, 1
