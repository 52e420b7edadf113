import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from restem.bridge.control.midi import controllers as midi
from restem.bridge.control.midi import learning
from restem.bridge.control.midi.controllers import MidiBridge
from restem.bridge.control.midi.mapping import read_map
from restem.bridge.control.node import Node, RefusalError
from tests.support.jack_server import until
from tests.support.midi_desk import FADER, GAIN, MUTE, PAN, Desk


class FakePorts:
    """A box with an input and an output, which may be unplugged."""

    def __init__(self) -> None:
        self.names, self.has_own, self.alive = ["box"], False, True
        self.waiting: list[list[int]] = []
        self.sent: list[tuple[int, ...]] = []
        self.opened: list[str] = []
        self.fails = False
        self.ended: list[str] = []

    def inputs(self) -> list[str]:
        return self.names

    def outputs(self) -> list[str]:
        return self.names

    def open_input(self, name: str) -> "FakePorts":
        self.opened.append(name)
        return self

    def open_output(self, name: str) -> "FakePorts":
        return self

    def is_alive(self) -> bool:
        return self.alive

    def read(self) -> list[list[int]]:
        found, self.waiting = self.waiting, []
        return found

    def send(self, message: list[int]) -> None:
        if self.fails:
            raise OSError("gone")
        self.sent.append(tuple(message))

    def close(self) -> None:
        self.ended.append("closed")

    def abandon(self) -> None:
        self.ended.append("abandoned")

    def take(self) -> list[tuple[int, ...]]:
        sent, self.sent = self.sent, []
        return sent


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> FakePorts:
    fake = FakePorts()
    monkeypatch.setattr(midi, "open_ports", lambda backend: fake)
    return fake


def on(address: str, more: str = "", control: int = 7) -> str:
    return f"channel: 1, control: {control}, address: {address}{more}"


FREE = ", takeover: false"


@pytest.mark.parametrize(
    ("address", "value", "expected"),
    [
        (FADER, 127, 1),
        (FADER, 0, 0),
        (FADER, 64, 64 / 127),
        (PAN, 0, -1),
        (PAN, 64, 0),
        (PAN, 127, 1),
        ("/restem/dry_wet", 127, 1),
        (GAIN, 0, -90),
        (GAIN, 127, 10),
    ],
)
def test_a_control_goes_from_low_to_high(address: str, value: int, expected: float) -> None:
    desk = Desk(on(address, FREE))
    desk.cc(7, 50, value)
    assert desk.read(address) == (pytest.approx(expected),)


def test_gains_follow_the_fader() -> None:
    desk = Desk(on(GAIN, FREE))
    desk.cc(7, 95)
    assert desk.get("fader") == pytest.approx(95 / 127)


def test_a_pair_of_controls_has_14_bits() -> None:
    desk = Desk(on(PAN, ", fine: 42, takeover: false", 10))
    desk.cc(10, 64)
    assert desk.get("pan") == 0
    desk.cc(42, 1)
    assert desk.get("pan") == pytest.approx(1 / 8191)
    desk.cc(10, 127)
    desk.cc(42, 127)
    assert desk.get("pan") == 1


def test_other_channels_and_messages_do_nothing() -> None:
    desk = Desk(on(FADER, FREE))
    before = desk.mixer.now()
    desk.cc(7, 1, channel=2)
    desk.cc(8, 1)
    for kind in ("program_change", "pitchwheel", "polytouch", "clock", "songpos"):
        desk.say(kind)
    for junk in ([], [0xB0], [0xF0, 1, 2, 3, 0xF7], [7, 7, 7], [0xB0, 7, 7, 7]):
        desk.bridge.receive(junk)
    assert desk.mixer.now() == before
    assert (desk.bridge.counts.received, desk.bridge.counts.ignored) == (12, 12)


def test_a_fader_acts_once_it_has_met_the_value() -> None:
    desk = Desk(on(FADER))
    desk.cc(7, 20, 60, 92)
    assert desk.get("fader") == 0.75
    desk.cc(7, 94)  # two steps from 95.25
    assert desk.get("fader") == 94 / 127
    desk.cc(7, 10)
    assert desk.get("fader") == 10 / 127
    assert desk.bridge.counts.waiting == 3


def test_a_fader_that_passes_the_value_has_met_it() -> None:
    desk = Desk(on(FADER))
    desk.cc(7, 127)
    assert desk.get("fader") == 0.75
    desk.cc(7, 50)
    assert desk.get("fader") == 50 / 127


def test_who_else_moves_a_value_lets_the_fader_go() -> None:
    desk = Desk(on(FADER))
    desk.cc(7, 95, 60)
    desk.mixer.set("gain_db", -60, "vocals")
    desk.cc(7, 61, 62)
    assert desk.get("gain_db") == -60
    desk.cc(7, 8)
    assert desk.get("fader") == 8 / 127


def test_a_motor_fader_acts_at_once() -> None:
    desk = Desk(on(FADER, FREE))
    desk.cc(7, 1)
    assert desk.get("fader") == 1 / 127


def test_a_note_toggles_and_its_release_does_nothing() -> None:
    desk = Desk(f"channel: 1, note: 36, address: {MUTE}")
    states = []
    for velocity in (100, 0, 1, 0):
        desk.note(36, velocity)
        states.append(desk.get("mute"))
    desk.say("note_off", note=36)
    assert states == [True, True, False, False]
    desk.mixer.set("mute", True, "vocals")
    desk.note(36, 100)
    assert desk.get("mute") is False


def test_a_note_may_hold() -> None:
    desk = Desk(f"channel: 1, note: 36, address: {MUTE}, mode: hold")
    desk.note(36, 100)
    assert desk.get("mute") is True
    desk.say("note_off", note=36, velocity=64)
    assert desk.get("mute") is False


def test_a_control_switches_at_half_its_way() -> None:
    desk = Desk(on(MUTE))
    states = []
    for value in (0, 63, 64, 127, 63):
        desk.cc(7, value)
        states.append(desk.get("mute"))
    assert states == [False, False, True, True, False]


def test_a_button_may_toggle_by_a_control() -> None:
    desk = Desk(on(MUTE, ", mode: toggle"))
    desk.cc(7, 127, 0)
    assert desk.get("mute") is True
    desk.cc(7, 127, 0)
    assert desk.get("mute") is False


def test_a_trigger_only_switches_on() -> None:
    desk = Desk(f"channel: 1, note: 36, address: {MUTE}, mode: trigger")
    desk.note(36, 100, 0, 100, 0)
    assert desk.get("mute") is True


def test_a_pad_presses_a_button_once() -> None:
    pressed: list[object] = []
    node = Node("/restem/go", "", "Goes.", write=pressed.append)
    desk = Desk("channel: 1, note: 40, address: /restem/go", more=(node,))
    desk.note(40, 100, 0, 90, 0)
    assert pressed == [(), ()]


def test_what_takes_long_runs_elsewhere() -> None:
    written, may_end = [], threading.Event()

    def write(args: tuple) -> None:
        may_end.wait(60)
        written.append(args)

    node = Node(
        "/restem/slow", "i", "Slow.", low=0, high=1, read=lambda: (0,), write=write, slow=True
    )
    desk = Desk("channel: 1, note: 40, address: /restem/slow", more=(node,))
    desk.note(40, 100)
    assert written == []
    may_end.set()
    until(lambda: written == [(1,)], "the slow one")


def test_a_refusal_is_told_once() -> None:
    def refuse(args: tuple) -> None:
        raise ValueError("no\nway")

    desk = Desk(
        "channel: 1, note: 40, address: /restem/go",
        more=(Node("/restem/go", "", "Goes.", write=refuse),),
    )
    desk.note(40, 100, 0, 100, 0)
    assert desk.told == ["MIDI: /restem/go: no way"]
    assert desk.bridge.counts.refused == 2


def test_outputs_are_told_what_changes_elsewhere(box: FakePorts) -> None:
    desk = Desk(
        on(FADER),
        f"channel: 2, note: 36, address: {MUTE}",
        f"channel: 1, control: 10, fine: 42, address: {PAN}",
    )
    desk.bridge.refresh_ports()
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 7, 95), (0x91, 36, 0), (0xB0, 10, 64), (0xB0, 42, 0)]
    desk.bridge.feed_back()
    assert box.take() == []
    desk.mixer.set("fader", 0.3, "vocals")
    desk.mixer.set("fader", 1, "vocals")
    desk.mixer.set("mute", True, "vocals")
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 7, 127), (0x91, 36, 127)]


def test_a_fader_is_not_told_what_it_said(box: FakePorts) -> None:
    desk = Desk(on(FADER, FREE), on("/restem/stem/1/fader", "", 8))
    desk.bridge.refresh_ports()
    desk.bridge.feed_back()
    box.take()
    desk.cc(7, 30)
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 8, 30)]  # another one on the same value is told
    desk.mixer.set("fader", 0.75, "vocals")
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 7, 95), (0xB0, 8, 95)]


def test_a_fader_that_was_moved_away_and_back_by_others_follows(box: FakePorts) -> None:
    desk = Desk(on(FADER, FREE))
    desk.bridge.refresh_ports()
    desk.bridge.feed_back()
    box.take()
    desk.cc(7, 30)
    desk.bridge.feed_back()
    own = desk.mixer.get("fader", "vocals")
    desk.mixer.set("fader", 0.75, "vocals")
    desk.bridge.feed_back()
    desk.mixer.set("fader", own, "vocals")
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 7, 95), (0xB0, 7, 30)]


def test_a_pad_is_told_what_it_toggled(box: FakePorts) -> None:
    desk = Desk(f"channel: 1, note: 36, address: {MUTE}")
    desk.bridge.refresh_ports()
    desk.bridge.feed_back()
    box.take()
    desk.note(36, 100, 0)
    desk.bridge.feed_back()
    assert box.take() == [(0x90, 36, 127)]


def test_a_port_that_comes_back_is_told_all_and_faders_must_meet_again(box: FakePorts) -> None:
    desk = Desk(on(FADER), f"channel: 1, note: 36, address: {MUTE}")
    desk.bridge.refresh_ports()
    desk.cc(7, 95, 40)
    desk.note(36, 100)
    desk.bridge.feed_back()
    box.take()
    box.names = []
    desk.bridge.refresh_ports()
    assert desk.read("/restem/midi/state") == ("hears nothing; shows nothing",)
    desk.bridge.feed_back()
    box.names = ["box"]
    desk.bridge.refresh_ports()
    assert desk.read("/restem/midi/state") == ("hears box; shows box",)
    desk.bridge.feed_back()
    assert box.take() == [(0xB0, 7, 40), (0x90, 36, 127)]
    desk.cc(7, 90)
    assert desk.get("fader") == 40 / 127
    assert box.opened == ["box", "box"]


@pytest.mark.parametrize(("trouble", "end"), [("dead", "abandoned"), ("broken", "closed")])
def test_after_a_server_is_gone_all_is_opened_anew(box: FakePorts, trouble: str, end: str) -> None:
    desk = Desk(on(FADER))
    desk.bridge.refresh_ports()
    desk.bridge.refresh_ports()
    assert box.opened == ["box"]
    box.alive, box.fails = trouble != "dead", trouble == "broken"
    desk.bridge.feed_back()
    desk.bridge.refresh_ports()
    assert box.opened == ["box", "box"]
    assert box.ended == [end, end]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, ["Nano 20:0", "Pad 24:0"]),
        ("pad", ["Pad 24:0"]),
        ("through", ["Midi Through:Midi Through Port-0 14:0"]),
        ("restem", []),
        ("", []),
    ],
)
def test_ports_are_chosen_by_a_part_of_their_names(
    box: FakePorts, wanted: str | None, expected: list[str]
) -> None:
    through = "Midi Through:Midi Through Port-0 14:0"
    box.names = ["Nano 20:0", "Pad 24:0", through, "restem midi:restem 128:0"]
    desk = Desk(inputs=wanted)
    desk.bridge.refresh_ports()
    assert sorted(box.opened) == expected


def test_the_thread_hears_and_feeds_back_at_a_measured_pace(box: FakePorts) -> None:
    desk = Desk(on(FADER, FREE), on("/restem/dry_wet", "", 9))
    with desk.bridge:
        until(lambda: len(box.sent) == 2, "the first values")
        box.waiting = [[0xB0, 7, 11]]
        until(lambda: desk.get("fader") == 11 / 127, "the fader")
        began = time.monotonic()
        for k in range(1000):
            desk.mixer.set("dry_wet", k / 1000)
        desk.mixer.set("dry_wet", 0)
        until(lambda: box.sent[-1] == (0xB0, 9, 0), "the last value")
        assert len(box.sent) - 2 <= 30 * (time.monotonic() - began) + 2


def test_without_midi_it_goes_on_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(backend: str | None) -> FakePorts:
        raise ValueError("no /dev/snd/seq here")

    monkeypatch.setattr(midi, "open_ports", none)
    desk = Desk(on(FADER))
    desk.bridge.refresh_ports()
    desk.bridge.refresh_ports()
    assert desk.told == ["MIDI: no /dev/snd/seq here; it goes on without"]
    assert desk.read("/restem/midi/state") == ("no /dev/snd/seq here",)
    with desk.bridge:
        pass


def test_without_python_rtmidi_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    desk = Desk()
    desk.bridge.refresh_ports()
    assert "pip install" in desk.read("/restem/midi/state")[0]


def test_learning_maps_the_next_control_that_moves(tmp_path: Path) -> None:
    desk = Desk(on(PAN, "", 3), on(MUTE, "", 4), on(FADER, "", 5), folder=tmp_path)
    desk.write("/restem/midi/learn", PAN)
    assert desk.read("/restem/midi/learn") == (PAN,)
    desk.cc(4, 64)
    assert desk.read("/restem/midi/learn") == ("",)
    assert desk.read("/restem/midi/map") == (
        f"{{channel: 1, control: 5, address: {FADER}}}",
        f"{{channel: 1, control: 4, address: {PAN}}}",
    )
    desk.cc(4, 127)
    assert desk.get("pan") == 1
    desk.bridge.map.save()
    assert read_map(tmp_path / "map.yaml") == desk.bridge.map.entries
    assert [path.name for path in tmp_path.iterdir()] == ["map.yaml"]


def test_learning_takes_pads_for_switches_only() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", "/restem/stem/1/fader")
    desk.note(36, 100, 0)
    assert desk.read("/restem/midi/learn") == (FADER,)
    assert desk.told[0].startswith(f"MIDI: {FADER} takes a control")
    desk.write("/restem/midi/learn", MUTE)
    desk.note(36, 0)
    assert desk.read("/restem/midi/map") == ()
    desk.note(36, 100)
    assert desk.read("/restem/midi/map") == (f"{{channel: 1, note: 36, address: {MUTE}}}",)
    assert desk.get("mute") is True


def test_an_entry_is_written_as_it_was_read(tmp_path: Path) -> None:
    lines = [
        on(PAN, ", mode: toggle, takeover: false", 1),
        "channel: 16, control: 0, fine: 1, address: /restem/dry_wet",
        "channel: 2, note: 0, address: /restem/stem/vocals/mute",
    ]
    desk = Desk(*lines, folder=tmp_path)
    assert list(desk.read("/restem/midi/map")) == [f"{{{line}}}" for line in lines]


def test_a_fader_that_still_trembles_does_not_take_the_next_address() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    desk.cc(1, 60, 61, 62)
    desk.write("/restem/midi/learn", PAN)
    desk.cc(1, 63)
    desk.cc(2, 10, 11)
    assert {(e.control, e.address) for e in desk.bridge.map.entries} == {(1, FADER), (2, PAN)}


def test_a_control_that_has_come_to_rest_can_be_learned_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learning, "SETTLE_SECONDS", 0.0)
    desk = Desk()
    for address in (FADER, PAN):
        desk.write("/restem/midi/learn", address)
        desk.cc(1, 60)
    assert [(e.control, e.address) for e in desk.bridge.map.entries] == [(1, PAN)]


def test_pairs_of_controls_are_learned_as_such() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    desk.cc(1, 50)
    desk.cc(33, 12)
    desk.cc(34, 12)
    assert [(e.control, e.fine) for e in desk.bridge.map.entries] == [(1, 33)]


def test_parameters_of_midi_itself_and_modes_are_not_learned() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    for number, value in ((101, 0), (100, 0), (6, 60), (38, 0), (96, 1), (123, 0)):
        desk.cc(number, value)
    assert desk.bridge.map.entries == []
    desk.cc(6, 60, channel=2)
    assert [e.control for e in desk.bridge.map.entries] == [6]


def test_learning_can_be_cancelled() -> None:
    desk = Desk()
    desk.write("/restem/midi/learn", FADER)
    desk.write("/restem/midi/learn", "")
    desk.cc(7, 64)
    assert desk.read("/restem/midi/map") == ()


@pytest.mark.parametrize("address", ["/restem/stems", "/restem/nothing", "/restem/stem/*/pan"])
def test_what_no_control_can_move_is_not_learned(address: str) -> None:
    desk = Desk()
    with pytest.raises(RefusalError):
        desk.write("/restem/midi/learn", address)
    assert desk.read("/restem/midi/learn") == ("",)


def test_what_is_forgotten_moves_no_more(tmp_path: Path) -> None:
    desk = Desk(on("/restem/stem/1/fader", FREE), folder=tmp_path)
    desk.write("/restem/midi/forget", FADER)
    desk.cc(7, 1)
    assert desk.get("fader") == 0.75
    desk.bridge.close()
    assert read_map(tmp_path / "map.yaml") == []
    with pytest.raises(RefusalError, match="nothing is mapped"):
        desk.write("/restem/midi/forget", FADER)


def test_a_map_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    desk = Desk(folder=tmp_path / "file" / "there")
    (tmp_path / "file").write_text("")
    desk.write("/restem/midi/learn", FADER)
    desk.cc(7, 1)
    desk.bridge.map.save()
    assert "the map is not saved" in desk.told[-1]


def test_entries_for_what_is_not_there_are_kept_and_told(tmp_path: Path, box: FakePorts) -> None:
    desk = Desk(on("/restem/stem/harp/fader"), on(FADER, FREE, 8), folder=tmp_path)
    with desk.bridge:
        assert "there is no /restem/stem/harp/fader" in desk.told[0]
        desk.cc(8, 0)
    assert desk.get("fader") == 0
    assert len(desk.bridge.map.entries) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {channel: 17, control: 1, address: /a}", "1: channel must be 1 to 16, got 17"),
        ("- {channel: 1, control: 128, address: /a}", "control must be 0 to 127, got 128"),
        ("- {channel: 1, address: /a}", "expected one of control, note, pitch, nrpn"),
        (
            "- {channel: 1, control: 1, note: 1, address: /a}",
            "expected one of control, note, pitch, nrpn",
        ),
        ("- {channel: 1, note: 1, fine: 2, address: /a}", "fine must be another control"),
        ("- {channel: 1, control: 1, fine: 1, address: /a}", "fine must be another control"),
        ("- {channel: 1, note: 1, address: /a, mode: flip}", "mode must be one of toggle"),
        ("- {channel: 1, note: 1}", "missing key 'address'"),
        ("- {channel: one, note: 1, address: /a}", "channel: expected int"),
        ("- {channel: 1, cc: 1, address: /a}", "unknown key 'cc'"),
        ("channel: 1", "expected a list, got dict"),
        ("- {", "not YAML"),
    ],
)
def test_a_damaged_map_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"map\.yaml") as caught:
        MidiBridge(Desk().control, path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="must be jack or the system's own"):
        Desk(backend="alsa2")


# Over a real server, in a process of its own: one can know servers of one name only.

SCRIPT = """
    import json, mido, sys
    from pathlib import Path
    from tests.support.jack_server import until
    from tests.support.midi_desk import FADER, MUTE, Desk

    jack = mido.Backend("mido.backends.rtmidi/UNIX_JACK")
    desk = Desk(folder=Path(sys.argv[1]), backend="jack", inputs="box", outputs="box")
    report = {}

    def plug():
        return (
            jack.open_output("knobs", client_name="box"),
            jack.open_input("lights", client_name="box"),
        )

    def state():
        return desk.read("/restem/midi/state")[0]

    def sees(count):
        until(lambda: state().count("box") == count, f"{count} ports of the box in {state()}")

    def heard(port, control):
        found = []
        until(lambda: found.extend(m.value for m in port.iter_pending()
                                   if m.is_cc(control)) or found, "feedback")
        return found[-1]

    def turn(port, *values):
        for value in values:
            port.send(mido.Message("control_change", control=7, value=value))

    def waits(count):
        until(lambda: desk.bridge.counts.waiting == count, "a fader that waits")

    with desk.bridge:
        knobs, lights = plug()
        sees(2)
        report["own"] = "restem" in state()
        desk.write("/restem/midi/learn", FADER)
        turn(knobs, 20)
        until(lambda: desk.read("/restem/midi/map"), "the map")
        report["shown"] = heard(lights, 7)
        turn(knobs, 30, 60)
        waits(3)
        report["before"] = desk.get("fader")
        turn(knobs, 96, 50)
        until(lambda: desk.get("fader") == 50 / 127, "the fader")
        desk.mixer.set("fader", 0.25, "vocals")
        report["moved"] = heard(lights, 7)
        for port in (knobs, lights):
            port.close()
        sees(0)
        desk.mixer.set("fader", 0.5, "vocals")
        knobs, lights = plug()
        sees(2)
        report["again"] = heard(lights, 7)
        turn(knobs, 50)
        waits(4)
        turn(knobs, 80)
        until(lambda: desk.get("fader") == 80 / 127, "the fader that was plugged in again")
        for port in (knobs, lights):
            port.close()
    print(json.dumps(report))
"""


def test_a_controller_on_a_jack_server_is_learned_obeyed_and_found_again(
    jack: str, tmp_path: Path
) -> None:
    pytest.importorskip("rtmidi", reason="needs python-rtmidi")
    environment = {**os.environ, "JACK_DEFAULT_SERVER": jack, "JACK_NO_START_SERVER": "1"}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == {"own": True, "shown": 95, "before": 0.75, "moved": 32, "again": 64}
    assert (tmp_path / "map.yaml").read_text().count(FADER) == 1
