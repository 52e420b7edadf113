"""The session for Open Stage Control, as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.osc.server import HOST, PORT
from restem.bridge.control.patches.surface import LABEL, Place, placed
from restem.bridge.control.patches.widgets import (
    LEASE_SECONDS,
    RENEWAL_MS,
    Widget,
    checked,
    subscriptions,
)
from restem.models.stems import STEMS

VERSION = "1.25.0"  # of the program whose sessions look so
TARGET = f"{HOST}:{PORT}"
KINDS: dict[str, dict[str, Any]] = {
    "fader": {"type": "fader"},
    "number": {"type": "input"},
    "knob": {"type": "knob"},
    "switch": {"type": "button", "mode": "toggle", "on": 1, "off": 0},
    "button": {"type": "button", "mode": "push", "on": 1, "off": 0},
}


def open_stage_control_session(stems: Sequence[str] = STEMS) -> str:
    """The session, as the text of a `.json`.

    Raises:
        ValueError: a stem's name does not fit.
    """
    widgets = []
    for label, place, one in placed(checked(stems)):
        if one is None:
            widgets.append(_words(label, place))
        else:
            widgets.append(_widget(one, place))
            below = Place(place.x, place.y + place.height, place.width, LABEL)
            widgets.append(_words(label, below, f"{one.name}-label"))
    content = {"type": "root", "id": "root", "onCreate": _script(), "widgets": widgets, "tabs": []}
    session = {"createdWith": "Open Stage Control", "version": VERSION, "type": "session"}
    return json.dumps({**session, "content": content}, indent=1) + "\n"


def _script() -> str:
    """Ask for the values, and renew that."""
    asks = [
        f'send("{TARGET}", "{ROOT}/subscribe", "{address}", {rate}, {LEASE_SECONDS})'
        for address, rate in subscriptions()
        if address not in (f"{ROOT}/meters", f"{ROOT}/status")
    ]
    renew = f'send("{TARGET}", "{ROOT}/renew")'
    asks.append(f'setInterval("renew", () => {{ {renew} }}, {RENEWAL_MS})')
    return "\n".join(asks)


def _at(place: Place) -> dict[str, int]:
    return {"left": place.x, "top": place.y, "width": place.width, "height": place.height}


def _widget(one: Widget, place: Place) -> dict[str, Any]:
    form = dict(KINDS[one.kind])
    if form["type"] in ("fader", "knob"):
        form["range"] = {"min": one.low, "max": one.high}
    if form["type"] == "button":
        form["label"] = one.label
    types = "i" if form["type"] == "button" else "f"
    where = {"address": one.address, "typeTags": types, "target": TARGET}
    return {**form, "id": one.name, **_at(place), "decimals": 3, **where}


def _words(text: str, place: Place, name: str = "") -> dict[str, Any]:
    return {"type": "text", "id": name or f"restem-{text}-name", **_at(place), "default": text}
