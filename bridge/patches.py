"""Patches for Max and Pure Data that control restem, made from the table of parameters.

    widgets ── restem-vocals-fader-out ──► network ──► restem
    widgets ◄── set, to restem-vocals-fader ── network ◄── restem

Both have the same names to send to and to receive from, in which * is a strip:

    restem-*-PARAMETER         moves a strip's widget, as a hand does; so do `restem-PARAMETER`,
                               `restem-profile`, `restem-record`, `restem-reset`, `restem-panic`
    ... and -out after it      what the widget sends
    restem-*-level             peaks in dBFS, the master's too
    restem-in                  all that restem says
    restem-status              see `bridge.control.STATUS`
    restem-error               an address that was refused, a code, and why
    restem-listen              the port to listen at
    restem-connect             the host and the port to send to
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from bridge.control import ROOT, STATUS, parameter_address
from bridge.osc.server import HOST, PORT
from models.stems import STEMS
from streamer.parameters import PARAMETERS, SILENCE_DB, Parameter, strip_names
from streamer.profiles import profile_names

LISTEN = 7771  # the port that values come to
VALUES_HZ, METERS_HZ, STATUS_HZ = 20, 20, 2
LEASE_SECONDS, RENEWAL_MS = 10, 4000
START = f"restem-listen {LISTEN}", f"restem-connect {HOST} {PORT}"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
SIDES = "left", "right"
HEARD = "meters", "status", "error"  # what is no widget's value
ERROR = "address", "code", "text"
MAX_DATE = 3850416000  # of all devices, so that they agree: 2026-01-01, in seconds since 1904
# Of a strip in Max, by their labels: how far to the right, and how far down.
STRIP_PLACES = {
    "fader": (6, 18),
    "gain": (8, 100),
    "mute": (4, 124),
    "solo": (26, 124),
    "pan": (47, 124),
}
HINT = "Where restem is, and where it answers to: edit and click."


@dataclass(frozen=True)
class Widget:
    """What a value is seen and set with; a button has none."""

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
    """What the patches want to know, and how often a second at most."""
    shown = [one.address for one in global_widgets() if one.kind != "button"]
    values = [(address, VALUES_HZ) for address in (f"{ROOT}/stem", *shown, f"{ROOT}/profile")]
    return [*values, (f"{ROOT}/meters", METERS_HZ), (f"{ROOT}/status", STATUS_HZ)]


def checked(stems: Sequence[str]) -> tuple[str, ...]:
    """The strips of a mixer with these stems.

    Raises:
        ValueError: a name is none that a patch can hold, or is there twice.
    """
    strips = strip_names(stems)
    reserved = [row.name for row in PARAMETERS] + ["master"]
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
    """What the widgets send."""
    every = [one for strip in strips for one in strip_widgets(strip)] + global_widgets()
    named = [(one.name, one.address, one.kind != "button") for one in every]
    named.append(("restem-profile", f"{ROOT}/profile", True))
    for number, (name, address, is_given) in enumerate(named):
        x, y = 20 + 320 * (number % 4), 620 + 120 * (number // 4)
        board.chain(x, y, f"r {name}-out", *board.packet(address, is_given))


def levels(board: Board, split: str, strips: Sequence[str], x: float, y: float) -> None:
    """Peaks, two of each bus, by an object that splits a list behind the second."""
    upper, outlet = board.box("r restem-meters", x, y), 0
    for row, bus in enumerate((*strips, "master"), 1):
        part = board.box(split, x, y + 60 * row)
        board.cord(upper, part, outlet)
        board.cord(part, board.box(f"s restem-{bus}-level", x, y + 60 * row + 26))
        upper, outlet = part, 1


# Pure Data.


class Canvas(Board):
    """A Pd patch, or a part of it, as the lines of its file; a box is its number."""

    number = "f"

    def __init__(self, window: str) -> None:
        self.lines, self.cords, self.count = [f"#N canvas {window};"], list[str](), 0

    def add(self, kind: str, x: float, y: float, text: str) -> int:
        """Place an obj, msg, text, floatatom, symbolatom or a restored part."""
        escaped = re.sub(r"(?=[$,;])", r"\\", text).replace(r"\,", r" \,")
        self.lines.append(f"#X {kind} {x:g} {y:g} {escaped};")
        self.count += 1
        return self.count - 1

    def box(self, text: str, x: float, y: float) -> int:
        return self.add("msg" if text.startswith("[") else "obj", x, y, text.strip("[]"))

    def cord(self, source: int, target: int, outlet: int = 0, inlet: int = 0) -> None:
        self.cords.append(f"#X connect {source} {outlet} {target} {inlet};")

    def packet(self, address: str, is_given: bool) -> tuple[str, ...]:
        parts = address.strip("/").replace("/", " ")
        return ("list", f"oscformat {parts}", "s restem-packets")

    def embed(self, name: str, part: "Canvas", x: float, y: float) -> None:
        self.lines += [*part.lines, *part.cords]
        self.add("restore", x, y, f"pd {name}")

    def __str__(self) -> str:
        return "\n".join([*self.lines, *self.cords, ""])


def pd_patch(stems: Sequence[str] = STEMS) -> str:
    """The patch for Pure Data 0.53 and newer, of vanilla objects only.

    Raises:
        ValueError: a stem's name does not fit.
    """
    strips, wide = checked(stems), 100
    patch = Canvas(f"40 40 {wide * (len(strips) + 5) + 40} 500 12")
    patch.add("text", 20, 8, HINT)
    start = patch.box("loadbang", 720, 32)
    for column, line in enumerate(START):
        patch.cord(start, patch.box(f"[; {line}]", 20 + 320 * column, 32))
    patch.embed("network", _pd_network(strips), 820, 32)
    for column, bus in enumerate((*strips, "master")):
        x = 20 + wide * column
        patch.add("text", x, 64, bus)
        for side, name in enumerate(SIDES):
            look = "empty -1 -8 0 10 #404040 #000000 0 0"
            patch.add("obj", x + 40 + 18 * side, 90, f"vu 15 128 restem-{bus}-level-{name} {look}")
        if bus != "master":
            rows = iter(range(232, 400, 24))
            for one in strip_widgets(bus):
                _pd_widget(patch, one, x, 90 if one.kind == "fader" else next(rows))
    x = 20 + wide * (len(strips) + 1)
    for row, one in enumerate(global_widgets()):
        _pd_widget(patch, one, x, 90 + 24 * row)
    patch.add("symbolatom", x + 140, 64, "16 0 0 0 - restem-profile restem-profile-out 0")
    for row, name in enumerate(profile_names()):
        patch.box(f"[; restem-profile symbol {name}]", x + 140, 90 + 42 * row)
    _pd_words(patch)
    return str(patch)


def _pd_widget(patch: Canvas, one: Widget, x: float, y: float) -> None:
    names, span = f"{one.name}-out {one.name}", f"{one.low:g} {one.high:g}"
    look = "7 0 10 #fcfcfc #000000 #000000"
    forms = {
        "fader": f"vsl 15 128 {span} 0 0 {names} empty 0 {look} 0 1",
        "knob": f"hsl 54 15 {span} 0 0 {names} {one.label} 58 {look} 0 1",
        "number": f"nbx 5 15 {span} 0 0 {names} {one.label} 54 {look} 0 256",
        "switch": f"tgl 15 0 {names} {one.label} 19 {look} 0 1",
        "button": f"bng 15 250 50 0 {names} {one.label} 19 {look}",
    }
    patch.add("obj", x, y, forms[one.kind])


def _pd_words(patch: Canvas) -> None:
    """Status and errors."""
    x = 20
    for name, kind in STATUS:
        width = {"problem": 60, "profile": 14}.get(name, max(6, len(name)))
        atom = "symbolatom" if kind is str else "floatatom"
        patch.add("text", x, 384, name)
        patch.add(atom, x, 406, f"{width} 0 0 0 - restem-status-{name} - 0")
        x += 8 * width + 10
    x = 20
    for name, width in zip(ERROR, (36, 16, 90), strict=True):
        patch.add("text", x, 432, f"error: {name}")
        patch.add("symbolatom", x, 454, f"{width} 0 0 0 - restem-error-{name} - 0")
        x += 8 * width + 10


def _pd_network(strips: Sequence[str]) -> Canvas:
    """What sends, listens, subscribes and renews."""
    net = Canvas("60 60 1300 800 network 0")
    _pd_link(net)
    subscribe(net)
    send(net, strips)
    _pd_values(net, strips)
    return net


def _pd_link(net: Canvas) -> None:
    """Two sockets; where nobody was to send to, it is tried again now and then."""
    *_, out = net.chain(
        20, 20, "r restem-packets", "list prepend send", "list trim", "netsend -u -b"
    )
    ears, *_ = net.chain(
        200, 20, "netreceive -u -b", "oscparse", "list trim", f"route {ROOT[1:]}", "s restem-in"
    )
    _, moved = net.chain(380, 20, "r restem-listen", "t b f f")
    listen = net.box("[listen $1]", 440, 124)
    net.fan(
        moved, net.box("s restem-subscribe", 380, 72), net.box("s restem-port", 410, 98), listen
    )
    net.cord(listen, ears)

    _, place, steps = net.chain(640, 20, "r restem-connect", "list", "t b l b")
    connect, disconnect = net.box("[connect $1 $2]", 670, 124), net.box("[disconnect]", 700, 150)
    net.fan(steps, net.box("s restem-subscribe", 640, 98), connect, disconnect)
    net.cord(connect, out)
    net.cord(disconnect, out)

    pause = str(RENEWAL_MS)
    *_, tick = net.chain(860, 20, "loadbang", f"delay {pause}", f"metro {pause}", "t b b")
    connected, _, again = net.chain(920, 124, "f", "sel 0", "list")
    net.fan(tick, net.box("s restem-renew", 860, 202), connected)
    net.cord(out, connected, inlet=1)
    net.cord(place, again, inlet=1)
    net.cord(again, connect)


def _pd_values(net: Canvas, strips: Sequence[str]) -> None:
    """What comes in, to the widgets, which show it and send nothing."""
    x, rows = 1400, len(strips)
    shown = [one for one in global_widgets() if one.kind != "button"]
    shown.append(Widget("restem-profile", f"{ROOT}/profile", "profile", "knob"))
    heard = [*HEARD, *(one.address.split("/")[-1] for one in shown)]
    _, router = net.chain(x, 20, "r restem-in", f"route stem {' '.join(heard)}")
    stem = net.box(f"route {' '.join(strips)}", x, 80)
    ends = [
        net.box(f"s restem-{name}", x + 130 * n, 80 + 90 * rows) for n, name in enumerate(HEARD)
    ]
    for number, strip in enumerate(strips):
        widgets = strip_widgets(strip)
        names = [one.address.split("/")[-1] for one in widgets]
        parameters = net.box(f"route {' '.join(names)}", x, 120 + 80 * number)
        net.cord(stem, parameters, number)
        net.fan(parameters, *_pd_sets(net, widgets, x, 150 + 80 * number))
    y = 120 + 90 * rows
    net.fan(router, stem, *ends, *_pd_sets(net, shown, x, y))
    levels(net, "list split 2", strips, x, y + 80)
    for number, bus in enumerate((*strips, "master")):
        _pd_spread(net, f"restem-{bus}-level", "f f", SIDES, x + 500, y + 80 + 70 * number)
    types = " ".join("s" if kind is str else "f" for _, kind in STATUS)
    _pd_spread(net, "restem-status", types, [name for name, _ in STATUS], x + 900, y + 80)
    _pd_spread(net, "restem-error", "s s s", ERROR, x + 900, y + 180)


def _pd_sets(net: Canvas, widgets: Sequence[Widget], x: float, y: float) -> list[int]:
    return [
        net.chain(x + 220 * n, y, "list prepend set", "list trim", f"s {one.name}")[0]
        for n, one in enumerate(widgets)
    ]


def _pd_spread(
    net: Canvas, name: str, types: str, parts: Sequence[str], x: float, y: float
) -> None:
    """Of a list, each part under a name of its own."""
    _, pieces = net.chain(x, y, f"r {name}", f"unpack {types}")
    net.fan(pieces, *(net.box(f"s {name}-{part}", x, y + 60) for part in parts))


# Max.


class Patch(Board):
    """A Max patcher; a box is py2max's."""

    number = "i"

    def __init__(self, patcher: Any) -> None:
        self.patcher, self.cells = patcher, 0

    def box(self, text: str, x: float, y: float) -> Any:
        plain = text.strip("[]")
        place = [x, y, 7.0 * len(plain) + 14, 22]
        if text.startswith("["):
            return self.patcher.add_message(plain, patching_rect=place)
        return self.patcher.add_textbox(plain, patching_rect=place)

    def cord(self, source: Any, target: Any, outlet: int = 0, inlet: int = 0) -> None:
        self.patcher.add_line(source, target, inlet=inlet, outlet=outlet)

    def packet(self, address: str, is_given: bool) -> tuple[str, ...]:
        return (f"prepend {address}" if is_given else f"[{address}]", "s restem-packets")

    def label(self, text: str, x: float, y: float, width: float) -> None:
        """Words that are seen where the widgets are; the plan of the cords has none."""
        place = self._cell()
        comment = self.patcher.add_comment(text, patching_rect=[*place, 100, 20])
        self._show(comment, [x, y, width, 18])

    def widget(
        self, kind: str, name: str, seen: list[float], outlet: int | None = 0, **attributes: Any
    ) -> None:
        """A user interface object between its two names."""
        x, y = self._cell()
        _, height = size = seen[2:]
        thing = self.patcher.add_textbox(kind, patching_rect=[x, y + 28, *size], **attributes)
        self._show(thing, seen)
        self.cord(self.box(f"r {name}", x, y), thing)
        if outlet is not None:
            self.cord(thing, self.box(f"s {name}-out", x, y + height + 34), outlet)

    def words(self, name: str, seen: list[float]) -> None:
        """A message box that shows what comes to a name."""
        *_, shown = self.chain(*self._cell(), f"r {name}", "prepend set", "[-]")
        self._show(shown, seen)

    def button(self, message: str, seen: list[float]) -> Any:
        x, y = self._cell()
        box = self.box(f"[{message}]", x, y)
        self._show(box, seen)
        return box

    def _cell(self) -> tuple[float, float]:
        row, column = divmod(self.cells, 5)
        self.cells += 1
        return 20 + 300 * column, 60 + 190 * row

    def _show(self, box: Any, seen: list[float]) -> None:
        box.presentation, box.presentation_rect = 1, seen


def max_patch(stems: Sequence[str] = STEMS) -> str:
    """The patch for Max 8 and newer, as the JSON of a `.maxpat`.

    Raises:
        ValueError: a stem's name does not fit, or py2max is missing.
    """
    return json.dumps(_max(stems, is_device=False), indent=1) + "\n"


def max_device(stems: Sequence[str] = STEMS) -> bytes:
    """The same as a Max for Live audio effect, which passes its sound through: an `.amxd`.

    Raises:
        ValueError: as `max_patch`.
    """
    content = _max(stems, is_device=True)
    from py2max.m4l import ensure_amxd_project_block, pack_amxd

    ensure_amxd_project_block(content, mtime=MAX_DATE)
    text = json.dumps(content)
    return pack_amxd(text, patcher_filename="restem.maxpat", mtime=MAX_DATE)


def _max(stems: Sequence[str], is_device: bool) -> dict[str, Any]:
    try:
        from py2max import Patcher
    except ImportError as error:
        raise ValueError("patches for Max are written by py2max: pip install py2max") from error
    strips = checked(stems)
    patcher: Any = Patcher(openinpresentation=1, on_invalid="raise")
    patch = Patch(patcher)
    network = patcher.add_subpatcher("p network", patching_rect=[400, 20, 80, 22], numinlets=0)
    _max_network(Patch(network.subpatcher), strips)
    if is_device:  # an effect must hand its sound on
        plugin, plugout = patch.chain(760, 8, "plugin~", "plugout~")
        patch.cord(plugin, plugout, 1, 1)
    width = _max_face(patch, strips)
    patcher.rect, patcher.devicewidth = [80.0, 100.0, width, 240.0], width
    patcher.render()
    content: dict[str, Any] = patcher.to_dict()
    return content


def _max_face(patch: Patch, strips: Sequence[str]) -> float:
    """Everything that is seen, no higher than a device in Live; answers its width."""
    start = patch.box("loadbang", 20, 8)
    wide = 70.0
    for column, bus in enumerate((*strips, "master")):
        x = 8 + wide * column
        patch.label(bus, x, 0, wide)
        level = {
            "size": 2,
            "setstyle": 1,
            "setminmax": [SILENCE_DB, 0.0],
            "settype": 1,
            "ignoreclick": 1,
        }
        patch.widget("multislider", f"restem-{bus}-level", [x + 34, 18, 24, 80], None, **level)
        if bus != "master":
            patch.label("M   S   pan", x, 146, wide)
            for one in strip_widgets(bus):
                dx, y = STRIP_PLACES[one.label]
                _max_widget(patch, one, x + dx, y)
    x = 16 + wide * (len(strips) + 1)
    for row, one in enumerate(global_widgets()):
        y = 2 + 24 * (row % 4)
        _max_widget(patch, one, x + 120 * (row // 4), y)
        patch.label(one.label, x + 120 * (row // 4) + 54, y, 66)
    menu = {"items": [part for name in profile_names() for part in (name, ",")]}
    patch.widget("umenu", "restem-profile", [x + 250, 2, 130, 22], 1, **menu)
    for row, line in enumerate(START):
        patch.cord(start, patch.button(f"; {line}", [x + 250, 30 + 26 * row, 230, 22]))
    patch.label(HINT, x + 250, 80, 300)
    for row, name in enumerate(("status", "error")):
        patch.words(f"restem-{name}", [x, 104 + 28 * row, 550, 22])
    return x + 560


def _max_widget(patch: Patch, one: Widget, x: float, y: float) -> None:
    low, high = one.low, one.high
    span = {"floatoutput": 1, "min": low, "size": high - low}
    forms: dict[str, tuple[str, int, int, dict[str, Any]]] = {
        "fader": ("slider", 22, 80, span),
        "knob": ("dial", 22, 22, span),
        "number": ("flonum", 50, 22, {"minimum": low, "maximum": high}),
        "switch": ("toggle", 20, 20, {}),
        "button": ("button", 20, 20, {}),
    }
    maxclass, width, height, attributes = forms[one.kind]
    patch.widget(maxclass, one.name, [x, y, width, height], **attributes)


def _max_network(net: Patch, strips: Sequence[str]) -> None:
    """What sends, listens, subscribes and renews."""
    out = net.chain(20, 20, "r restem-packets", f"udpsend {HOST} {PORT}")[-1]
    ears = net.chain(240, 20, f"udpreceive {LISTEN}", "s restem-in")[0]
    _, moved = net.chain(420, 20, "r restem-listen", "t b i i")
    listen = net.box("prepend port", 480, 124)
    net.fan(
        moved, net.box("s restem-subscribe", 420, 72), net.box("s restem-port", 450, 98), listen
    )
    net.cord(listen, ears)
    _, moved = net.chain(640, 20, "r restem-connect", "t b l")
    place = net.box("unpack s i", 670, 98)
    net.fan(moved, net.box("s restem-subscribe", 640, 72), place)
    for outlet, name in enumerate(("host", "port")):
        word = net.box(f"prepend {name}", 670 + 110 * outlet, 124)
        net.cord(place, word, outlet)
        net.cord(word, out)
    net.chain(920, 20, "loadmess 1", f"metro {RENEWAL_MS}", "s restem-renew")
    subscribe(net)
    send(net, strips)
    _max_values(net, strips)


def _max_values(net: Patch, strips: Sequence[str]) -> None:
    """What comes in, to the widgets, which show it and send nothing."""
    groups: list[list[tuple[str, tuple[str, ...]]]]
    groups = [[(one.address, _shown(one)) for one in strip_widgets(strip)] for strip in strips]
    groups.append([(one.address, _shown(one)) for one in global_widgets() if one.kind != "button"])
    groups.append([(f"{ROOT}/profile", ("prepend setsymbol", "s restem-profile"))])
    groups[-1] += [(f"{ROOT}/{name}", (f"s restem-{name}",)) for name in HEARD]
    x, y = 1400.0, 20.0
    upper, outlet = net.box("r restem-in", x, y), 0
    for group in groups:
        router = net.box(f"route {' '.join(address for address, _ in group)}", x, y + 30)
        net.cord(upper, router, outlet)
        net.fan(
            router, *(net.chain(x + 260 * n, y + 60, *end)[0] for n, (_, end) in enumerate(group))
        )
        upper, outlet, y = router, len(group), y + 120
    levels(net, "zl slice 2", strips, x, y + 40)


def _shown(one: Widget) -> tuple[str, str]:
    return "prepend set", f"s {one.name}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write patches; the exit status."""
    parser = argparse.ArgumentParser("python -m bridge.patches", description=main.__doc__)
    parser.add_argument(
        "--max", nargs="+", default=[], type=Path, metavar="FILE", help=".maxpat, or .amxd for Live"
    )
    parser.add_argument("--pd", type=Path, metavar="FILE", help="the patch for Pure Data")
    parser.add_argument("--stems", default=",".join(STEMS), metavar="A,B,..", help="(%(default)s)")
    wanted = parser.parse_args(arguments)
    if not wanted.max and not wanted.pd:
        parser.error("nothing to write: give --max, --pd or both")
    stems = wanted.stems.split(",")
    try:
        for path in wanted.max:
            is_device = path.suffix == ".amxd"
            path.write_bytes(max_device(stems) if is_device else max_patch(stems).encode())
        if wanted.pd:
            wanted.pd.write_text(pd_patch(stems), encoding="utf-8")
    except (OSError, ValueError) as error:
        print(f"restem: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
