"""The layouts for TouchOSC and Open Stage Control: they are what the table says."""

import json
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from restem.bridge.control.osc.server import HOST, PORT
from restem.bridge.control.patches import open_stage_control_session, touchosc_layout
from restem.bridge.control.patches.__main__ import main
from restem.bridge.control.patches.surface import placed, size
from restem.bridge.control.patches.touchosc import touchosc_xml
from restem.bridge.control.patches.widgets import global_widgets, strip_widgets
from restem.bridge.control.tree import ControlTree
from restem.models.stems import STEMS
from restem.streamer.mixer.parameters import PARAMETERS, strip_names
from tests.support.osc_console import STEMS as SMALL
from tests.support.osc_console import StillSession

EXAMPLES = Path(__file__).parents[4] / "examples"
STRIPS = strip_names(STEMS)
WIDGETS = [one for strip in STRIPS for one in strip_widgets(strip)] + global_widgets()


def test_the_layouts_are_what_the_table_says_today() -> None:
    layout = zlib.decompress((EXAMPLES / "touchosc" / "restem.tosc").read_bytes()).decode()
    assert layout == touchosc_xml()  # other versions of zlib compress to other bytes
    session = (EXAMPLES / "open-stage-control" / "restem.json").read_text("utf-8")
    assert session == open_stage_control_session()


def touchosc() -> dict[str, tuple[str, str, float, float]]:
    """Type, conversion and range of what sends to each address."""
    root = ElementTree.fromstring(touchosc_xml())
    found = {}
    for node in root.iter("node"):
        if (osc := node.find("messages/osc")) is not None:
            path = "".join(part.findtext("value", "") for part in osc.iterfind("path/partial"))
            (sent,) = osc.iterfind("arguments/partial")
            scale = float(sent.findtext("scaleMin", "")), float(sent.findtext("scaleMax", ""))
            found[path] = node.get("type", ""), sent.findtext("conversion", ""), *scale
    return found


def open_stage_control() -> dict[str, dict[str, Any]]:
    session = json.loads(open_stage_control_session())
    widgets = session["content"]["widgets"]
    assert len({widget["id"] for widget in widgets}) == len(widgets)
    return {widget["address"]: widget for widget in widgets if "address" in widget}


def test_every_parameter_has_a_widget_that_sends_its_address_in_its_range() -> None:
    sends, asks = touchosc(), open_stage_control()
    assert sends.keys() == asks.keys() == {one.address for one in WIDGETS}
    for one in WIDGETS:
        kind, sent, *scale = sends[one.address]
        is_switch = one.kind in ("switch", "button")
        assert (kind == "BUTTON", sent == "INTEGER") == (is_switch, is_switch)
        assert scale == [one.low, one.high]
        widget = asks[one.address]
        assert widget["target"] == f"{HOST}:{PORT}"
        assert widget["typeTags"] == ("i" if is_switch else "f")
        if "range" in widget:
            assert widget["range"] == {"min": one.low, "max": one.high}


def test_every_address_is_one_that_can_be_set() -> None:
    nodes = ControlTree(StillSession()).nodes
    root = ElementTree.fromstring(touchosc_xml(SMALL))
    paths = [path.findtext("partial/value", "") for path in root.iter("path")]
    stem = [row for row in PARAMETERS if row.scope == "stem"]
    assert len(paths) == len(stem) * len(strip_names(SMALL)) + len(global_widgets())
    assert all(nodes[path].access & 2 for path in paths)


def test_nothing_lies_upon_another_thing() -> None:
    places = [(place, one) for _, place, one in placed(STRIPS)]
    width, height = size(STRIPS)
    for number, (a, _) in enumerate(places):
        assert 0 <= a.x <= a.x + a.width <= width
        assert 0 <= a.y <= a.y + a.height <= height
        for b, _ in places[number + 1 :]:
            apart_x = a.x + a.width <= b.x or b.x + b.width <= a.x
            assert apart_x or a.y + a.height <= b.y or b.y + b.height <= a.y


def test_both_ask_for_their_values_and_renew_that() -> None:
    script = touchosc_xml()
    session = json.loads(open_stage_control_session())["content"]["onCreate"]
    for text in (script, session):
        assert "/restem/subscribe" in text
        assert "/restem/renew" in text
        assert "/restem/stem" in text


def test_another_program_reads_touchoscs_layout() -> None:
    py2tosc = pytest.importorskip("py2tosc", reason="needs py2tosc: pip install py2tosc")
    layout = py2tosc.load(EXAMPLES / "touchosc" / "restem.tosc")
    assert layout.validate() == []
    assert len(list(layout.walk())) == 1 + len(list(placed(STRIPS))) + len(WIDGETS)


def test_layouts_are_written_for_other_stems(tmp_path: Path) -> None:
    files = tmp_path / "a.tosc", tmp_path / "a.json"
    words = ["--touchosc", str(files[0]), "--open-stage-control", str(files[1])]
    assert main([*words, "--stems", "vocals,bass"]) == 0
    assert files[0].read_bytes() == touchosc_layout(["vocals", "bass"])
    assert files[1].read_text("utf-8") == open_stage_control_session(["vocals", "bass"])
    assert main([*words, "--stems", "a b"]) == 1
