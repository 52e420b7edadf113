"""Pitch bend, NRPN and relative encoders, as controllers send them."""

from pathlib import Path

import pytest

from restem.bridge.control.midi.mapping import messages_of, raw_of
from tests.support.midi_desk import FADER, GAIN, MUTE, PAN, Desk

FREE = ", takeover: false"


def nrpn(desk: Desk, parameter: int, *data: int, channel: int = 1) -> None:
    """A parameter's number, and its value: 7 bits, or 14 in two messages."""
    desk.cc(99, parameter >> 7, channel=channel)
    desk.cc(98, parameter & 127, channel=channel)
    for control, value in zip((6, 38), data, strict=False):
        desk.cc(control, value, channel=channel)


@pytest.mark.parametrize(("pitch", "pan"), [(-8192, -1), (0, 0), (1, 1 / 8191), (8191, 1)])
def test_pitch_bend_moves_in_14_bits(pitch: int, pan: float) -> None:
    desk = Desk(f"channel: 2, pitch: true, address: {PAN}{FREE}")
    desk.say("pitchwheel", channel=1, pitch=pitch)
    assert desk.get("pan") == pytest.approx(pan)
    desk.say("pitchwheel", channel=0, pitch=100)
    assert desk.get("pan") == pytest.approx(pan)


def test_pitch_bend_switches_at_half_its_way() -> None:
    desk = Desk(f"channel: 1, pitch: true, address: {MUTE}")
    desk.say("pitchwheel", pitch=200)
    assert desk.get("mute") is True
    desk.say("pitchwheel", pitch=-200)
    assert desk.get("mute") is False


def test_pitch_bend_is_learned() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    desk.say("pitchwheel", channel=3, pitch=8191)
    assert desk.read("/restem/midi/map") == (f"{{channel: 4, pitch: true, address: {FADER}}}",)


def test_a_parameter_with_a_number_has_7_bits_or_14() -> None:
    desk = Desk(
        f"channel: 1, nrpn: 300, address: {FADER}{FREE}",
        f"channel: 1, nrpn: 301, fine: 38, address: {PAN}{FREE}",
    )
    nrpn(desk, 300, 127)
    assert desk.get("fader") == 1
    nrpn(desk, 300, 0, 64)
    assert desk.get("fader") == 0
    nrpn(desk, 301, 64, 1)
    assert desk.get("pan") == pytest.approx(1 / 8191)
    desk.cc(38, 0)  # the same parameter still
    assert desk.get("pan") == 0


def test_a_parameter_is_left_by_another_one_of_either_kind() -> None:
    desk = Desk(
        f"channel: 1, nrpn: 300, address: {FADER}{FREE}",
        f"channel: 1, control: 6, address: {PAN}{FREE}",
    )
    nrpn(desk, 300, 0)
    nrpn(desk, 5, 127)
    nrpn(desk, 300, 127, channel=2)
    assert desk.get("fader") == 0
    desk.cc(101, 0)
    desk.cc(100, 0)
    desk.cc(6, 127)  # the range of pitch bend
    nrpn(desk, (127 << 7) + 127, 127)  # none
    assert desk.get("fader") == 0


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ((60,), "{channel: 1, nrpn: 300, address: %s}"),
        ((60, 12), "{channel: 1, nrpn: 300, fine: 38, address: %s}"),
    ],
)
def test_a_parameter_with_a_number_is_learned_as_one_control(
    data: tuple[int, ...], line: str
) -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    nrpn(desk, 300, *data)
    desk.write("/restem/midi/learn", PAN)
    nrpn(desk, 300, *data)  # it trembles
    assert desk.read("/restem/midi/map") == (line % FADER,)
    nrpn(desk, 301, *data)
    assert len(desk.read("/restem/midi/map")) == 2


@pytest.mark.parametrize(
    ("mode", "up", "down"),
    [("twos_complement", 3, 125), ("signed_bit", 3, 67), ("offset_64", 67, 61)],
)
def test_an_encoder_moves_from_where_the_value_is(mode: str, up: int, down: int) -> None:
    desk = Desk(f"channel: 1, control: 20, address: {FADER}, relative: {mode}")
    desk.mixer.set("fader", 0.5, "vocals")
    desk.cc(20, up)
    assert desk.get("fader") == pytest.approx(0.5 + 3 / 127)
    desk.cc(20, down, down)
    assert desk.get("fader") == pytest.approx(0.5 - 3 / 127)
    desk.cc(20, *[down] * 60)
    assert desk.get("fader") == 0
    desk.cc(20, *[up] * 60)
    assert desk.get("gain_db") == 10


def test_an_encoder_finds_the_middle_again() -> None:
    desk = Desk(f"channel: 1, control: 20, address: {PAN}, relative: twos_complement")
    desk.cc(20, 1, 1, 126)
    assert desk.get("pan") == pytest.approx(0, abs=1e-9)


def test_motors_and_rings_are_shown_in_their_own_messages() -> None:
    desk = Desk(
        f"channel: 3, pitch: true, address: {PAN}",
        f"channel: 1, nrpn: 300, address: {FADER}",
        f"channel: 1, nrpn: 301, fine: 38, address: {GAIN}",
    )
    desk.mixer.set("gain_db", 10.0, "vocals")
    shown = [
        messages_of(each.entry, raw_of(each, float(desk.control.read(each.node)[0])))
        for each in desk.bridge.map.bindings
    ]
    assert shown == [
        [[0xE2, 0, 64]],
        [[0xB0, 99, 2], [0xB0, 98, 44], [0xB0, 6, 127]],
        [[0xB0, 99, 2], [0xB0, 98, 45], [0xB0, 6, 127], [0xB0, 38, 127]],
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nrpn: 16384", "nrpn must be 0 to 16383, got 16384"),
        ("nrpn: 3, fine: 4", "fine of an nrpn is 38"),
        ("pitch: true, fine: 4", "fine must be another control"),
        ("pitch: true, note: 4", "expected one of control, note, pitch, nrpn"),
        ("control: 3, relative: sideways", "relative must be one of twos_complement"),
        ("pitch: true, relative: offset_64", "relative is for controls of 7 bits"),
        ("control: 3, fine: 4, relative: offset_64", "relative is for controls of 7 bits"),
    ],
)
def test_a_source_that_cannot_be_is_refused(line: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        Desk(f"channel: 1, {line}, address: {FADER}", folder=tmp_path)


def test_an_encoder_moves_no_switch() -> None:
    desk = Desk(f"channel: 1, control: 20, address: {MUTE}, relative: offset_64")
    assert desk.bridge.map.bindings == []
    assert "relative" in next(iter(desk.bridge.map.idle.values()))
