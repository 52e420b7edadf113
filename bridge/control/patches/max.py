"""The patch for Max, and the device for Live."""

import json
from collections.abc import Sequence
from typing import Any

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.osc.server import HOST, PORT
from restem.bridge.control.patches.widgets import (
    HEARD,
    HINT,
    LISTEN,
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
from restem.models.stems import STEMS
from restem.streamer.mixer.parameters import SILENCE_DB
from restem.streamer.mixer.routing import MASTER

MAX_DATE = 3850416000  # of all devices, so that they agree: 2026-01-01, in seconds since 1904
# Of a strip in Max, by their labels: how far to the right, and how far down.
STRIP_PLACES = {
    "fader": (6, 18),
    "gain": (8, 100),
    "mute": (4, 124),
    "solo": (26, 124),
    "pan": (47, 124),
}


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
    for column, bus in enumerate((*strips, MASTER)):
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
        if bus != MASTER:
            patch.label("M   S   pan", x, 146, wide)
            for one in strip_widgets(bus):
                dx, y = STRIP_PLACES[one.label]
                _max_widget(patch, one, x + dx, y)
    x = 16 + wide * (len(strips) + 1)
    for row, one in enumerate(global_widgets()):
        y = 2 + 24 * (row % 4)
        _max_widget(patch, one, x + 120 * (row // 4), y)
        patch.label(one.label, x + 120 * (row // 4) + 54, y, 66)
    patch.widget("umenu", "restem-profile", [x + 250, 2, 130, 22], 1)
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
    """Objects that send, listen, subscribe, renew."""
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
    """Route incoming values to the widgets, which only show them."""
    groups: list[list[tuple[str, tuple[str, ...]]]]
    groups = [[(one.address, _shown(one)) for one in strip_widgets(strip)] for strip in strips]
    groups.append([(one.address, _shown(one)) for one in global_widgets() if one.kind != "button"])
    groups.append([(f"{ROOT}/profile", ("s restem-playing",))])
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
    _max_menu(net, x + 900, y + 40)


def _max_menu(net: Patch, x: float, y: float) -> None:
    """Fill the menu with the names of all profiles, and choose again the one that plays."""
    _, playing, *_ = net.chain(
        x, y, "r restem-playing", "zl reg", "prepend setsymbol", "s restem-profile"
    )
    _, steps = net.chain(x + 170, y, "r restem-profiles", "t b l clear")
    name, *_ = net.chain(x + 170, y + 60, "iter", "prepend append", "s restem-profile")
    net.fan(steps, playing, name, net.box("s restem-profile", x + 320, y + 60))


def _shown(one: Widget) -> tuple[str, str]:
    return "prepend set", f"s {one.name}"
