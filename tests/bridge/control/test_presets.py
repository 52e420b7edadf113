import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from restem.bridge.control.node import RefusalError
from restem.bridge.control.presets import Crossfade, Presets
from restem.bridge.control.tree import ControlTree
from restem.streamer.mixer.kernel import Audio
from restem.streamer.mixer.mixer import Mixer, Values
from restem.streamer.mixer.parameters import gain_db_to_fader
from restem.streamer.mixer.routing import Routing
from tests.support.jack_server import until
from tests.support.signals import level, sine, splatter

RATE = 48000
RAMP = 1440
BLOCK = 256
SETTLED = RATE // 10


def small() -> Mixer:
    mixer = Mixer(["vocals", "drums"], RATE)
    mixer.set("ceiling", False)
    mixer.route(Routing(("master.left", "master.right", "vocals.left", "drums.left")))
    return mixer


def play(
    mixer: Mixer, samples: int, fade: Crossfade | None = None, block: int = BLOCK, value: float = 1
) -> Audio:
    """What is heard of constant strips, [o, n]: left and right of all, and two strips' gains."""
    parts = []
    for _ in range(-(-samples // block)):
        if fade:
            fade.advance()
        parts.append(mixer.process(*level(block, value)))
    return np.concatenate(parts, axis=1)


def settled(values: Values) -> Mixer:
    mixer = Mixer(["vocals", "drums"], RATE)
    mixer.set_all([(name, v, strip) for (name, strip), v in values.items() if name != "fader"])
    mixer.reset()
    return mixer


def alone(mixer: Mixer) -> Mixer:
    """Only the vocals are heard; the others are muted for good."""
    for strip in ("drums", "residual"):
        mixer.set("mute", True, strip)
    mixer.reset()
    return mixer


def presets(folder: Path, mixer: Mixer | None = None) -> Presets:
    return Presets(mixer or small(), folder)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    box = presets(tmp_path)
    box.mixer.set_all(
        [("gain_db", -7.3, "vocals"), ("solo", True, "drums"), ("pan", 0.25, "drums")]
    )
    box.mixer.set_all([("dry_wet", 0.5, None), ("bypass", True, None)])
    saved = box.mixer.now()
    box.save("verse 1")
    for name, strip in saved:
        box.mixer.set(name, 0, strip)
    box.recall("verse 1")
    assert box.mixer.now() == saved
    assert (box.names(), box.current) == (("verse 1",), "verse 1")


def test_a_preset_of_another_mixer_sets_what_both_have(tmp_path: Path) -> None:
    other = presets(tmp_path, Mixer(["vocals", "bass"], RATE))
    other.mixer.set_all([("gain_db", -9, "vocals"), ("gain_db", -9, "bass")])
    other.save("trio")
    box = presets(tmp_path)
    box.mixer.set("gain_db", -3, "drums")
    box.recall("trio")
    assert box.mixer.get("gain_db", "vocals") == -9
    assert box.mixer.get("gain_db", "drums") == -3


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".a", "a/b", "a\\b", "a\nb", " a", "a ", "c:", "é" * 51, "\ud800"]
)
def test_a_name_is_one_part_of_a_path(tmp_path: Path, name: str) -> None:
    box = presets(tmp_path)
    for act in (box.save, box.recall, box.delete):
        with pytest.raises(ValueError, match="a preset's name must be") as caught:
            act(name)
        assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 1\nvalues: {vocals: {gain_db: loud}}", "vocals: gain_db must be a number"),
        ("version: 1\nvalues: {vocals: {gain_db: .nan}}", "gain_db must be a number"),
        ("version: 1\nvalues: {vocals: {mute: 2}}", "mute must be true, false"),
        ("version: 1\nvalues: {vocals: {volume: 2}}", "unknown key 'volume'; expected one of gain"),
        ("version: 1\nvalues: {master: {pan: 0}}", "unknown key 'pan'; expected one of dry_wet"),
        ("version: 1\nvalues: {vocals: 3}", "expected a mapping, got 3"),
        ("version: 1\nvalues: {vocals: {pan: 1" + 400 * "0" + "}}", "too large"),
        ("version: 1\nvalues: []", "expected dict"),
        ("version: 1", "missing key 'values'"),
        ("version: 2\nvalues: {}", "expected a preset of version 1, got 2"),
        ("", "expected a preset of version 1, got None"),
        ("a: [", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    box = presets(tmp_path)
    before = box.mixer.now()
    (tmp_path / "bad.yaml").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"bad\.yaml") as caught:
        box.recall("bad")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert box.mixer.now() == before
    assert box.current == ""


def test_a_preset_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    box = presets(tmp_path)
    box.save("a")
    with pytest.raises(ValueError, match="no preset 'b'; expected one of a"):
        box.recall("b")
    with pytest.raises(ValueError, match="no preset 'b'"):
        box.delete("b")
    box.delete("a")
    assert (box.names(), box.current) == ((), "")


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_crossfade_lasts_a_time(tmp_path: Path, seconds: float) -> None:
    box = presets(tmp_path)
    box.save("a")
    with pytest.raises(ValueError, match="seconds must be in"):
        box.recall("a", seconds)


@pytest.mark.parametrize("block", [64, 256, 1000, 2048])
def test_a_crossfade_runs_evenly_along_the_fader(block: int) -> None:
    mixer = alone(small())
    play(mixer, 4 * block)
    fade = Crossfade(mixer, {("gain_db", "vocals"): -9.0}, 1.0)
    heard = play(mixer, 3 * RATE // 2, fade, block)[2]
    fader = np.array([gain_db_to_fader(20 * np.log10(g)) for g in heard[::48]])
    speed = np.diff(fader) / -0.225e-3  # of an even way, in each millisecond
    begins, ends = np.nonzero(speed > 0)[0][[0, -1]]
    assert 1000 < ends - begins < 1030 + 1000 * 2 * block / RATE
    assert speed.min() > -1e-3
    assert speed.max() < 1.1
    whole = speed[begins + 150 : ends - 50]  # at first it waits until the block's size is known
    assert whole.min() > 0.9
    assert heard[-1] == np.float32(10 ** (-9 / 20))


def test_a_thread_that_is_held_up_for_a_moment_is_not_heard() -> None:
    mixer = alone(small())
    play(mixer, 4 * BLOCK)
    fade = Crossfade(mixer, {("gain_db", "vocals"): -9.0}, 0.5)
    heard = play(mixer, RATE // 8, fade)
    for _ in range(12):
        fade.advance()
        heard = np.concatenate([heard, play(mixer, 6 * BLOCK)], axis=1)  # 32 ms
    fader = np.array([gain_db_to_fader(20 * np.log10(g)) for g in heard[2, ::48]])
    assert np.diff(fader)[100:400].max() < -0.9 * 0.45e-3


def test_a_crossfade_does_not_zip() -> None:
    mixer = alone(small())
    dry, stems = sine(2 * RATE)
    mixer.process(dry[:, :RATE], stems[..., :RATE])
    fade = Crossfade(mixer, {("gain_db", "vocals"): -20.0, ("pan", "vocals"): 0.5}, 0.7)
    heard = []
    for at in range(0, RATE, BLOCK):
        fade.advance()
        heard.append(mixer.process(dry[:, at : at + BLOCK], stems[..., at : at + BLOCK]))
    for side in np.concatenate(heard, axis=1)[:2, :RATE]:
        assert splatter(side) < -100


def test_mutes_and_solos_rise_from_silence_and_fall_to_it() -> None:
    mixer = small()
    mixer.set_all([("mute", True, "vocals"), ("gain_db", -6, "vocals")])
    mixer.reset()
    goal = {("mute", "vocals"): False, ("solo", "vocals"): True, ("gain_db", "drums"): 3.0}
    fade = Crossfade(mixer, goal, 0.5)
    heard = play(mixer, RATE, fade)[2:]
    vocals, drums = heard[0], heard[1]
    assert vocals[0] == 0
    assert drums[0] == 1
    assert np.abs(np.diff(heard)).max() < 2e-4  # a mute by itself: 2e-3
    assert np.diff(vocals).min() >= 0
    assert np.diff(drums).max() <= 0
    assert vocals[-1] == np.float32(10 ** (-6 / 20))
    assert drums[-1] == 0
    assert mixer.now() == settled({**mixer.now(), **goal}).now()
    assert mixer.get("gain_db", "drums") == 3.0


def test_what_a_preset_lacks_is_afterwards_as_it_was() -> None:
    mixer = small()
    mixer.set("mute", True, "drums")
    before = mixer.now()
    play(mixer, RATE // 2, Crossfade(mixer, {("solo", "vocals"): True}, 0.2))
    assert mixer.now() == {**before, ("solo", "vocals"): True}
    play(mixer, RATE // 2, Crossfade(mixer, {("solo", "vocals"): False}, 0.2))
    assert mixer.now() == before


def test_what_neither_has_stays_silent() -> None:
    mixer = small()
    mixer.set("solo", True, "vocals")
    mixer.reset()
    goal = {("solo", "vocals"): False, ("mute", "drums"): True, ("gain_db", "drums"): 6.0}
    heard = play(mixer, RATE // 2, Crossfade(mixer, goal, 0.3))
    assert not heard[3].any()
    assert (heard[2] == 1).all()


@pytest.mark.parametrize("seed", range(6))
def test_any_preset_is_reached_without_a_jump_and_to_the_bit(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)

    def shuffle(mixer: Mixer) -> None:
        for strip in mixer.strips:
            mixer.set("gain_db", float(random.uniform(-60, 12)), strip)
            mixer.set("pan", float(random.uniform(-1, 1)), strip)
            mixer.set("mute", bool(random.random() < 0.4), strip)
            mixer.set("solo", bool(random.random() < 0.3), strip)
        mixer.set("dry_wet", float(random.uniform(0, 1)))
        mixer.set("master_gain_db", float(random.uniform(-20, 0)))

    mixer = small()
    shuffle(mixer)
    goal = {k: v for k, v in mixer.now().items() if k[0] != "fader"}
    shuffle(mixer)
    mixer.reset()
    fade = Crossfade(mixer, goal, 0.4)
    heard = play(mixer, RATE, fade)
    assert fade.advance()
    steady = settled(goal).process(*level(BLOCK))
    assert np.array_equal(heard[:2, -BLOCK:], steady)
    assert {k: v for k, v in mixer.now().items() if k[0] != "fader"} == goal
    # 13 dB up at most and three strips; a ramp is a fifth of what moves in 0.4 s.
    assert np.abs(np.diff(heard[:2])).max() < 12 * 0.2 * 1.875 / RAMP


def fading(seconds: float = 1.0) -> tuple[Mixer, Crossfade]:
    """In the middle of a crossfade of the vocals from 0 dB to -30 dB and the drums to -10 dB."""
    mixer = small()
    mixer.set("mute", True, "residual")
    play(mixer, 4 * BLOCK)
    fade = Crossfade(mixer, {("gain_db", "vocals"): -30.0, ("gain_db", "drums"): -10.0}, seconds)
    play(mixer, round(seconds * RATE / 2), fade)
    return mixer, fade


@pytest.mark.parametrize("after", [1, 3, 10])
def test_what_is_set_meanwhile_stays(after: int) -> None:
    mixer, fade = fading()
    for k in range(after):  # a hand on the fader
        mixer.set("fader", 0.6 + 0.01 * k, "vocals")
        play(mixer, BLOCK, fade)
    play(mixer, RATE, fade)
    assert mixer.get("fader", "vocals") == pytest.approx(0.59 + 0.01 * after)
    assert mixer.get("gain_db", "drums") == -10
    assert fade.advance()


@pytest.mark.parametrize("held_up", [1, 4, 9])
def test_what_is_set_stays_even_if_the_fading_thread_is_held_up(held_up: int) -> None:
    mixer, fade = fading()
    mixer.set("gain_db", 5, "vocals")
    play(mixer, held_up * BLOCK)
    mixer.set("gain_db", 3, "vocals")
    play(mixer, held_up * BLOCK)
    play(mixer, RATE, fade)
    assert mixer.get("gain_db", "vocals") == 3


@pytest.mark.parametrize("seed", range(100))
def test_whoever_comes_last_wins_whatever_the_timing(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = np.random.default_rng(seed)
    mixer, block = small(), int(random.choice([64, 256, 1024]))
    play(mixer, 2 * block)
    expected = {k: v for k, v in mixer.now().items() if k[0] != "fader"}
    fade = None

    def interrupted(call: Callable[..., object]) -> Callable[..., object]:
        """A call that a callback comes before."""

        def run(*args: object) -> object:
            if random.random() < 0.1:
                play(mixer, block)
            return call(*args)

        return run

    for name in ("schedule", "now", "history"):
        monkeypatch.setattr(mixer, name, interrupted(getattr(mixer, name)))
    for _ in range(random.integers(1, 4)):
        goal = {("gain_db", s): float(random.uniform(-60, 10)) for s in mixer.strips}
        goal |= {("mute", s): bool(random.random() < 0.5) for s in mixer.strips}
        fade = Crossfade(mixer, goal, float(random.choice([0, 0.1, 0.4])), fade)
        expected |= goal
        for _ in range(random.integers(1, 60)):
            if random.random() < 0.2:
                strip = str(random.choice(mixer.strips))
                expected["gain_db", strip] = value = float(random.uniform(-60, 10))
                mixer.set("gain_db", value, strip)
            if random.random() < 0.5:
                fade.advance()
            play(mixer, block)
    play(mixer, 7 * RATE // 10, fade, block)
    assert fade.advance()
    assert {k: v for k, v in mixer.now().items() if k[0] != "fader"} == expected


def test_an_old_step_that_slips_through_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    mixer, fade = fading()
    schedule = mixer.schedule

    def late(*args: object) -> object:
        play(mixer, 4 * BLOCK)
        return schedule(*args)

    monkeypatch.setattr(mixer, "schedule", late)
    second = Crossfade(mixer, {("gain_db", "vocals"): 3.0}, 0.2, fade)
    monkeypatch.undo()
    play(mixer, RATE // 2, second)
    assert mixer.get("gain_db", "vocals") == 3


def test_steps_begin_where_no_block_does() -> None:
    mixer, _ = fading()
    begun = [moment.position for moment in mixer.history(4 * BLOCK)]
    assert len(begun) > 20
    assert all(position % 2 for position in begun)


def test_what_is_set_moves_there_and_nowhere_else() -> None:
    mixer, fade = fading()
    mixer.set("mute", True, "drums")
    play(mixer, 2 * SETTLED, fade)
    mixer.set("gain_db", 0, "vocals")
    fade.advance()
    heard = play(mixer, SETTLED, fade)[2]
    rises = np.diff(heard)
    assert rises[: RAMP // 2].max() > 0
    assert rises[BLOCK:].min() > -1e-6
    assert heard[-1] == 1


def test_a_mute_meanwhile_is_not_lifted() -> None:
    mixer = small()
    mixer.set("mute", True, "vocals")
    play(mixer, BLOCK)
    fade = Crossfade(mixer, {("mute", "vocals"): False}, 0.5)
    play(mixer, RATE // 4, fade)
    mixer.set("mute", True, "vocals")
    play(mixer, RATE, fade)
    assert mixer.get("mute", "vocals") is True
    assert mixer.get("gain_db", "vocals") == 0


@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_another_recall_takes_over(tmp_path: Path, seconds: float) -> None:
    mixer, fade = fading()
    goal = {("gain_db", "vocals"): 3.0}
    second = Crossfade(mixer, goal, seconds, fade)
    heard = play(mixer, RATE // 2, second)[2]
    assert second.advance()
    assert mixer.get("gain_db", "vocals") == 3
    assert mixer.get("gain_db", "drums") == -10  # where the first one wanted it
    assert np.diff(heard).min() > -2e-5  # as it came
    assert np.diff(heard[4 * RAMP if seconds else RAMP :]).min() >= 0
    assert np.abs(np.diff(heard)).max() < 2.5 / RAMP


def test_what_is_set_after_a_recall_that_took_over_stays() -> None:
    mixer, fade = fading()
    second = Crossfade(mixer, {("gain_db", "vocals"): 3.0}, 0, fade)
    mixer.set("gain_db", -50, "vocals")
    play(mixer, RATE // 2, second)
    assert mixer.get("gain_db", "vocals") == -50
    assert second.advance()


def test_what_was_set_just_before_is_where_a_crossfade_begins() -> None:
    mixer = alone(small())
    play(mixer, BLOCK)
    mixer.set("gain_db", -3, "vocals")
    mixer.set("pan", 0.5, "drums")
    mixer.set("gain_db", -10, "vocals")
    fade = Crossfade(mixer, {("gain_db", "vocals"): -20.0}, 0.2)
    play(mixer, RATE // 2, fade)
    assert mixer.get("gain_db", "vocals") == -20


def test_a_crossfade_counts_as_over_when_it_is_saved(tmp_path: Path) -> None:
    box = presets(tmp_path)
    box.mixer.set("solo", True, "vocals")
    box.save("goal")
    box.mixer.set("solo", False, "vocals")
    box.recall("goal", 10)
    box.save("copy")
    box.close()
    assert (tmp_path / "copy.yaml").read_text() == (tmp_path / "goal.yaml").read_text()
    assert box.mixer.get("solo", "vocals") is True


def test_where_nobody_mixes_it_ends_as_well_and_for_good(tmp_path: Path) -> None:
    box = presets(tmp_path)
    box.mixer.set("gain_db", -20, "vocals")
    box.save("a")
    box.mixer.set("gain_db", 0, "vocals")
    box.recall("a", 0.1)
    until(lambda: box.mixer.get("gain_db", "vocals") == -20, "the end of the crossfade")
    assert box.mixer.get("gain_db", "vocals") == -20
    play(box.mixer, SETTLED)
    assert box.mixer.get("gain_db", "vocals") == -20
    box.close()


def test_a_recall_fades_by_itself_while_somebody_mixes(tmp_path: Path) -> None:
    box = presets(tmp_path, alone(small()))
    box.mixer.set("gain_db", -20, "vocals")
    box.save("low")
    box.mixer.set("gain_db", 0, "vocals")
    box.mixer.reset()
    box.recall("low", 0.3)
    heard = []
    while box.mixer.get("gain_db", "vocals") != -20 or len(heard) < 100:
        heard.append(box.mixer.process(*level(BLOCK))[0])
        threading.Event().wait(BLOCK / RATE)
    curve = np.concatenate(heard)
    assert np.diff(curve).max() <= 1e-7
    assert curve[0] == 1
    assert np.abs(np.diff(curve)).max() < 2 / RAMP
    until(lambda: play(box.mixer, BLOCK)[0, -1] == np.float32(0.1), "the goal")
    box.close()


def test_a_snapshot_is_restored(tmp_path: Path) -> None:
    box = presets(tmp_path / "presets")
    box.mixer.set("pan", -1, "vocals")
    box.snapshot(tmp_path / "state" / "exit.yaml")
    box.mixer.set("pan", 0, "vocals")
    box.restore(tmp_path / "state" / "exit.yaml")
    assert box.mixer.get("pan", "vocals") == -1
    assert box.names() == ()
    assert yaml.safe_load((tmp_path / "state" / "exit.yaml").read_text())["version"] == 1
    with pytest.raises(ValueError, match="cannot read the preset"):
        box.restore(tmp_path / "nothing.yaml")


def test_presets_are_in_the_tree(tmp_path: Path) -> None:
    box = presets(tmp_path)
    session = SimpleNamespace(engine=SimpleNamespace(mixer=box.mixer))
    control = ControlTree(session, box.nodes())

    def read(address: str) -> tuple:
        return control.read(*control.find(address))

    def write(address: str, *args: object) -> None:
        control.write(*control.find(address), args)

    write("/restem/preset/save", "one")
    box.mixer.set("pan", 1, "vocals")
    write("/restem/preset/save", "two")
    write("/restem/preset", "one")
    assert box.mixer.get("pan", "vocals") == 0
    assert read("/restem/preset") == ("one",)
    assert read("/restem/preset/names") == ("one", "two")
    write("/restem/preset", "two", 0.05)
    box.close()
    assert box.mixer.get("pan", "vocals") == 1
    write("/restem/preset/delete", "one")
    assert read("/restem/preset/names") == ("two",)
    with pytest.raises(RefusalError, match="no preset 'one'; expected one of two"):
        write("/restem/preset", "one")
    with pytest.raises(RefusalError, match="seconds must be in"):
        write("/restem/preset", "two", -1)


def test_a_cancelled_crossfade_stays_where_it_is(tmp_path: Path) -> None:
    box = presets(tmp_path)
    box.save("loud")
    box.mixer.set("gain_db", -20, "vocals")
    box.recall("loud", 60.0)
    play(box.mixer, RATE // 10)
    control = ControlTree(SimpleNamespace(engine=SimpleNamespace(mixer=box.mixer)))
    control.cancellers.append(box.cancel)
    control.cancel([("master_gain_db", -90, None)])
    now = box.mixer.now()
    play(box.mixer, RATE)
    assert box.mixer.now() == now
    assert now["master_gain_db", None] == -90
    box.close()


def test_a_preset_that_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    box = presets(tmp_path)
    os.mkfifo(tmp_path / "pipe.yaml")
    assert box.names() == ()
    with pytest.raises(ValueError, match="there is no preset 'pipe'"):
        box.recall("pipe")


def test_presets_are_slow_work_that_later_packets_wait_for(tmp_path: Path) -> None:
    names = ("preset", "preset/save", "preset/delete", "preset/recall")
    nodes = {node.address.removeprefix("/restem/"): node for node in presets(tmp_path).nodes()}
    assert all(nodes[name].slow and nodes[name].in_turn for name in names)


def test_listeners_are_told_when_presets_come_and_go(tmp_path: Path) -> None:
    box = presets(tmp_path)
    seen: list[tuple[str, ...]] = []
    box.listeners.append(lambda: seen.append(box.names()))
    box.save("one")
    box.save("one")
    box.recall("one")
    box.delete("one")
    assert seen == [("one",), ()]


def test_presets_are_recalled_by_their_number_in_the_order_of_their_names(tmp_path: Path) -> None:
    box = presets(tmp_path)
    control = ControlTree(SimpleNamespace(engine=SimpleNamespace(mixer=box.mixer)), box.nodes())
    for gain, name in ((-1.0, "verse"), (-2.0, "chorus"), (-3.0, "7")):
        box.mixer.set("gain_db", gain, "vocals")
        box.save(name)
    for number, gain, name in ((2, -2.0, "chorus"), (3.0, -1.0, "verse"), (7, -3.0, "7")):
        control.write(*control.find("/restem/preset"), (number,))
        assert (box.mixer.get("gain_db", "vocals"), box.current) == (gain, name)
    for number in (0, 4, -1):
        with pytest.raises(RefusalError, match=f"no preset '{number}'"):
            control.write(*control.find("/restem/preset/recall"), (number,))
    with pytest.raises(RefusalError, match="no preset '1'"):
        control.write(*control.find("/restem/preset/delete"), (1,))
