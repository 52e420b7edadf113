"""The layout for TouchOSC: a `.tosc`, which is XML that zlib has compressed."""

import uuid
import zlib
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.patches.surface import LABEL, Place, placed, size
from restem.bridge.control.patches.widgets import (
    LEASE_SECONDS,
    LISTEN,
    RENEWAL_MS,
    Widget,
    checked,
    subscriptions,
)
from restem.models.stems import STEMS

KINDS = {
    "fader": "FADER",
    "number": "RADIAL",
    "knob": "RADIAL",
    "switch": "BUTTON",
    "button": "BUTTON",
}
PRESSED, TOGGLES = 0, 1  # types of a button
COLOUR, BACKGROUND = (0.2, 0.6, 0.9, 1.0), (0.1, 0.1, 0.1, 1.0)  # red, green, blue, alpha
SCRIPT = """-- Asks restem for its values, and again before that ends; answers come to PORT.
local PORT, LAST = {port}, 0
function subscribe()
  sendOSC('{root}/reply_to', PORT)
{asks}
end
function init()
  subscribe()
end
function update()
  if getMillis() - LAST > {pause} then
    LAST = getMillis()
    sendOSC('{root}/reply_to', PORT)
    sendOSC('{root}/renew')
  end
end
function onReceiveOSC(message, connections)
  if message[1] == '{root}/error' and message[2][1].value == '{root}/renew' then
    subscribe()
  end
  return false
end
"""


def touchosc_layout(stems: Sequence[str] = STEMS) -> bytes:
    """The layout, as the bytes of a `.tosc`.

    Raises:
        ValueError: a stem's name does not fit.
    """
    return zlib.compress(touchosc_xml(stems).encode(), 9)


def touchosc_xml(stems: Sequence[str] = STEMS) -> str:
    """The layout as XML.

    Raises:
        ValueError: a stem's name does not fit.
    """
    strips = checked(stems)
    root = ElementTree.Element("lexml", version="3")
    board = _node(root, "GROUP", "restem", Place(0, 0, *size(strips)), BACKGROUND)
    _property(board, "s", "script", _script())
    children = ElementTree.SubElement(root[-1], "children")
    for label, place, one in placed(strips):
        if one is not None:
            _widget(children, one, place)
            place = Place(place.x, place.y + place.height, place.width, LABEL)
        _label(children, label, place)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _script() -> str:
    asks = "\n".join(
        f"  sendOSC('{ROOT}/subscribe', '{address}', {rate}, {LEASE_SECONDS}, PORT)"
        for address, rate in subscriptions()
        if address not in (f"{ROOT}/meters", f"{ROOT}/status")
    )
    return SCRIPT.format(port=LISTEN, root=ROOT, asks=asks, pause=RENEWAL_MS)


def _node(
    above: ElementTree.Element,
    kind: str,
    name: str,
    place: Place,
    colour: tuple[float, float, float, float] = COLOUR,
) -> ElementTree.Element:
    """Add a control; its properties."""
    number = str(uuid.uuid5(uuid.NAMESPACE_URL, f"restem:{kind}:{name}:{place}"))
    node = ElementTree.SubElement(above, "node", ID=number, type=kind)
    properties = ElementTree.SubElement(node, "properties")
    _property(properties, "s", "name", name)
    frame = {"x": place.x, "y": place.y, "w": place.width, "h": place.height}
    _parts(_property(properties, "r", "frame"), frame)
    _parts(_property(properties, "c", "color"), dict(zip("rgba", colour, strict=True)))
    return properties


def _widget(above: ElementTree.Element, one: Widget, place: Place) -> None:
    properties = _node(above, KINDS[one.kind], one.name, place)
    if one.kind in ("switch", "button"):
        _property(properties, "i", "buttonType", str(TOGGLES if one.kind == "switch" else PRESSED))
    node = above[-1]
    value = ElementTree.SubElement(ElementTree.SubElement(node, "values"), "value")
    _parts(value, {"key": "x", "locked": 0, "lockedDefaultCurrent": 0, "default": 0})
    ElementTree.SubElement(value, "defaultPull").text = "0"
    message = ElementTree.SubElement(ElementTree.SubElement(node, "messages"), "osc")
    flags = {"enabled": 1, "send": 1, "receive": 1, "feedback": 0, "connections": "00001"}
    _parts(message, flags)
    trigger = ElementTree.SubElement(ElementTree.SubElement(message, "triggers"), "trigger")
    _parts(trigger, {"var": "x", "condition": "ANY"})
    _partial(ElementTree.SubElement(message, "path"), "CONSTANT", "STRING", one.address)
    sent = "INTEGER" if one.kind in ("switch", "button") else "FLOAT"
    arguments = ElementTree.SubElement(message, "arguments")
    _partial(arguments, "VALUE", sent, "x", one.low, one.high)


def _label(above: ElementTree.Element, text: str, place: Place) -> None:
    _node(above, "LABEL", text, place, BACKGROUND)
    value = ElementTree.SubElement(ElementTree.SubElement(above[-1], "values"), "value")
    _parts(value, {"key": "text", "locked": 0, "lockedDefaultCurrent": 0, "default": text})
    ElementTree.SubElement(value, "defaultPull").text = "0"


def _property(
    properties: ElementTree.Element, kind: str, key: str, value: str = ""
) -> ElementTree.Element:
    """A property of a type; its value's element."""
    found = ElementTree.SubElement(properties, "property", type=kind)
    ElementTree.SubElement(found, "key").text = key
    element = ElementTree.SubElement(found, "value")
    element.text = value or None
    return element


def _partial(
    above: ElementTree.Element, kind: str, sent: str, value: str, low: float = 0, high: float = 1
) -> None:
    """A part of an address, or an argument."""
    part = ElementTree.SubElement(above, "partial")
    _parts(part, {"type": kind, "conversion": sent, "value": value})
    _parts(part, {"scaleMin": f"{low:g}", "scaleMax": f"{high:g}"})


def _parts(above: ElementTree.Element, parts: Mapping[str, object]) -> None:
    for name, value in parts.items():
        ElementTree.SubElement(above, name).text = str(value)
