"""The patch for Pure Data."""

import re
from collections.abc import Sequence

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.patches.widgets import (
    ERROR,
    HEARD,
    HINT,
    RENEWAL_MS,
    START,
    Board,
    Widget,
    checked,
    global_widgets,
    levels,
    send,
    strip_widgets,
    subscribe,
)
from restem.bridge.control.session_nodes import STATUS
from restem.models.stems import STEMS
from restem.streamer.mixer.routing import MASTER, SIDES

MENU_ROWS = 12  # profiles that there is room for; any name may be typed


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
    for column, bus in enumerate((*strips, MASTER)):
        x = 20 + wide * column
        patch.add("text", x, 64, bus)
        for side, name in enumerate(SIDES):
            look = "empty -1 -8 0 10 #404040 #000000 0 0"
            patch.add("obj", x + 40 + 18 * side, 90, f"vu 15 128 restem-{bus}-level-{name} {look}")
        if bus != MASTER:
            rows = iter(range(232, 400, 24))
            for one in strip_widgets(bus):
                _pd_widget(patch, one, x, 90 if one.kind == "fader" else next(rows))
    x = 20 + wide * (len(strips) + 1)
    for row, one in enumerate(global_widgets()):
        _pd_widget(patch, one, x, 90 + 24 * row)
    patch.add("symbolatom", x + 140, 64, "16 0 0 0 - restem-profile restem-profile-out 0")
    for row in range(MENU_ROWS):
        y, look = 90 + 24 * row, "empty 17 7 0 10 #fcfcfc #000000 #000000"
        patch.add("obj", x + 140, y, f"bng 15 250 50 0 restem-choose-{row} empty {look}")
        patch.add("symbolatom", x + 160, y, f"16 0 0 0 - restem-choice-{row} - 0")
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
    """Objects that send, listen, subscribe, renew."""
    net = Canvas("60 60 1300 800 network 0")
    _pd_link(net)
    subscribe(net)
    send(net, strips)
    _pd_values(net, strips)
    return net


def _pd_link(net: Canvas) -> None:
    """Two UDP sockets; reconnects periodically if the target was unreachable."""
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
    """Route incoming values to the widgets, which only show them."""
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
    _pd_menu(net, x + 900, y + 280)
    for number, bus in enumerate((*strips, MASTER)):
        _pd_spread(net, f"restem-{bus}-level", "f f", SIDES, x + 500, y + 80 + 70 * number)
    types = " ".join("s" if kind is str else "f" for _, kind in STATUS)
    _pd_spread(net, "restem-status", types, [name for name, _ in STATUS], x + 900, y + 80)
    _pd_spread(net, "restem-error", "s s s", ERROR, x + 900, y + 180)


def _pd_menu(net: Canvas, x: float, y: float) -> None:
    """Name each row of the menu, those behind the last profile with nothing; a bang chooses one."""
    *_, steps = net.chain(x, y, "r restem-profiles", "list", "t l b")
    nothing, rest = net.box("[symbol]", x + 400, y + 90), net.box("list", x, y + 90)
    net.fan(steps, rest, nothing)
    y += 30
    for row in range(MENU_ROWS):
        y += 60
        split = net.box("list split 1", x, y + 60)
        net.cord(rest, split, 1 if row else 0)
        rest = split
        first, name = net.chain(x + 120, y + 60, "list prepend symbol", "list trim")
        _, kept, _ = net.chain(
            x + 420, y + 60, f"r restem-choose-{row}", "symbol", "s restem-profile"
        )
        net.cord(split, first)
        shown = net.box(f"s restem-choice-{row}", x + 250, y + 86)
        for source in (name, nothing):
            net.cord(source, shown)
            net.cord(source, kept, inlet=1)


def _pd_sets(net: Canvas, widgets: Sequence[Widget], x: float, y: float) -> list[int]:
    return [
        net.chain(x + 220 * n, y, "list prepend set", "list trim", f"s {one.name}")[0]
        for n, one in enumerate(widgets)
    ]


def _pd_spread(
    net: Canvas, name: str, types: str, parts: Sequence[str], x: float, y: float
) -> None:
    """Send each part of a list to its own name."""
    _, pieces = net.chain(x, y, f"r {name}", f"unpack {types}")
    net.fan(pieces, *(net.box(f"s {name}-{part}", x, y + 60) for part in parts))
