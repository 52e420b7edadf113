import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

from restem.models.stems import STEMS
from restem.streamer.mixer import kernel as mixing
from restem.streamer.mixer import routing
from restem.streamer.mixer.kernel import (
    KNEE,
    LOGGED,
    NEVER,
    PAGE,
    SEEN,
    SEQUENCE,
    Audio,
    publish,
    receive,
)
from restem.streamer.mixer.mixer import Change, Mixer, Routing, balance, mix_block
from tests.support.signals import RATE, level, noise, sine, splatter

RAMP = 1440  # samples in 30 ms
STEEPEST = 15 / 8  # the slope of the smoothstep from 0 to 1, at its middle


def small() -> Mixer:
    return Mixer(["vocals", "drums"], RATE)


def settled(mixer: Mixer, dry: Audio, stems: Audio) -> Audio:
    mixer.reset()
    return mixer.process(dry, stems)


def test_the_default_is_the_sum_of_the_strips_to_the_bit() -> None:
    dry, stems = noise(1000)
    expected = np.zeros((2, 1000), np.float32)
    for strip in stems:
        expected += strip
    assert np.abs(expected).max() < KNEE
    assert np.array_equal(Mixer(STEMS, RATE).process(dry, stems), expected)


def test_the_measure_of_splatter_hears_a_click() -> None:
    wave = sine()[0][0]
    assert splatter(wave) < -120
    wave[RATE // 2 :] *= 0.001
    assert splatter(wave) > -50


@pytest.mark.parametrize(
    ("name", "value", "stem"),
    [
        ("gain_db", -60, "vocals"),
        ("fader", 0, "vocals"),
        ("mute", True, "vocals"),
        ("solo", True, "drums"),
        ("pan", 1, "vocals"),
        ("master_gain_db", -60, None),
        ("dry_wet", 0.3, None),
        ("bypass", True, None),
        ("ceiling", False, None),
    ],
)
def test_a_change_leaves_no_splatter_above_minus_90_decibels(
    name: str, value: float, stem: str | None
) -> None:
    mixer = small()
    dry, stems = sine()
    dry = -0.5 * dry  # so that going there is no small step
    half = RATE // 2
    first = mixer.process(dry[:, :half], stems[..., :half])
    mixer.set(name, value, stem)
    second = mixer.process(dry[:, half:], stems[..., half:])
    assert splatter(np.concatenate([first, second], axis=1)[0]) < -90


def test_a_moving_fader_leaves_no_splatter() -> None:
    mixer = small()
    dry, stems = sine()
    parts = []
    for at in range(0, RATE, 64):  # 750 values a second, down and up again
        mixer.set("gain_db", -20 * np.sin(np.pi * at / RATE) ** 2, "vocals")
        parts.append(mixer.process(dry[:, at : at + 64], stems[..., at : at + 64]))
    assert splatter(np.concatenate(parts, axis=1)[0]) < -120


def zigzag(mixer: Mixer, cuts: Callable[[int], Sequence[int]]) -> Audio:
    """Changes of all kinds at given samples, each often in the middle of others."""
    random = np.random.default_rng(1)
    dry, stems = noise(18000)
    names = ["gain_db", "fader", "mute", "solo", "pan", "dry_wet", "bypass", "ceiling"]
    parts = []
    for at in np.sort(random.integers(0, 18000, 60)).tolist():
        done = sum(part.shape[1] for part in parts)
        for size in cuts(at - done):
            parts.append(mixer.process(dry[:, done : done + size], stems[..., done : done + size]))
            done += size
        name = names[random.integers(len(names))]
        stem = None if names.index(name) >= 5 else STEMS[random.integers(8)]
        mixer.set(name, random.integers(2) if name != "gain_db" else random.normal(0, 9), stem)
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("largest", [1, 7, 64, 1024])
def test_the_hosts_blocks_do_not_change_a_bit(largest: int) -> None:
    random = np.random.default_rng(largest)

    def cuts(samples: int) -> list[int]:
        sizes = []
        while sum(sizes) < samples:
            sizes.append(min(int(random.integers(1, largest + 1)), samples - sum(sizes)))
        return sizes

    mixers = [Mixer(STEMS, RATE) for _ in range(2)]
    for mixer in mixers:
        mixer.route(Routing.preset("stems", STEMS))
    expected = zigzag(mixers[0], lambda samples: [samples])
    assert np.array_equal(zigzag(mixers[1], cuts), expected)
    assert np.unique(np.abs(expected)).size > 10000


@pytest.mark.parametrize(
    "switches", [*itertools.product([(0, 0), (0, 1), (1, 0), (1, 1)], repeat=3)], ids=str
)
def test_mute_and_solo_are_those_of_a_mixing_desk(switches: tuple[tuple[int, int], ...]) -> None:
    mixer = small()
    for strip, (mute, solo) in zip(mixer.strips, switches, strict=True):
        mixer.set_all([("mute", mute, strip), ("solo", solo, strip)])
    mixer.route(Routing(tuple(f"{strip}.left" for strip in mixer.strips)))
    heard = settled(mixer, *level(8))[:, 0]
    any_solo = any(solo for _, solo in switches)
    assert heard.tolist() == [not mute and (not any_solo or bool(solo)) for mute, solo in switches]


def test_mute_and_solo_do_not_touch_the_dry_mix() -> None:
    mixer = small()
    dry, stems = noise(64, strips=3)
    mixer.set_all([("dry_wet", 0.5, None), ("solo", True, "drums"), ("mute", True, "drums")])
    assert np.allclose(settled(mixer, dry, stems), 0.5 * dry, rtol=0, atol=1e-7)


def test_dry_and_wet_add_up_to_one() -> None:
    dry, stems = noise(480, strips=3)
    for wet in np.linspace(0, 1, 9).tolist():
        mixer = small()
        mixer.set("dry_wet", wet)
        heard = settled(mixer, dry, stems)
        assert np.allclose(heard, (1 - wet) * dry + wet * stems.sum(0), rtol=0, atol=1e-7)
        if wet == 0:
            assert np.array_equal(heard, dry)


def test_bypass_is_the_dry_mix_to_the_bit_once_its_ramp_is_over() -> None:
    mixer = small()
    dry, stems = noise(3 * RAMP, strips=3)
    dry *= 40  # beyond the ceiling, too
    mixer.set_all([("master_gain_db", 6, None), ("gain_db", -6, "vocals"), ("pan", 0.3, "drums")])
    mixer.process(dry, stems)
    mixer.set("bypass", True)
    heard = mixer.process(dry, stems)
    assert np.array_equal(heard[:, RAMP:], dry[:, RAMP:])
    assert not np.array_equal(heard[:, RAMP - 500 : RAMP], dry[:, RAMP - 500 : RAMP])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_no_audio_becomes_silence_and_is_counted(bad: float) -> None:
    dry, stems = noise(1000)
    heard = []
    for value in (0, bad):
        stems[[0, 3, 8], [0, 1, 1], [0, 63, 999]] = dry[1, 500] = value
        mixer = Mixer(STEMS, RATE)
        mixer.route(Routing.preset("stems", STEMS))
        mixer.set_all([("gain_db", 12, "vocals"), ("dry_wet", 0.5, None), ("bypass", 1, None)])
        heard.append([mixer.process(dry, stems), mixer.process(*noise(500))])
    assert mixer.bad_samples == 4
    assert np.array_equal(heard[0][0], heard[1][0])
    assert np.array_equal(heard[0][1], heard[1][1])


def test_nothing_but_audio_comes_out_whatever_goes_in() -> None:
    random = np.random.default_rng(0)
    words = random.integers(0, 2**32, (10, 2, 4096), np.uint64).astype(np.uint32)
    mixer = Mixer(STEMS, RATE)
    mixer.route(Routing.preset("stems", STEMS))
    mixer.set_all([("gain_db", 12, strip) for strip in mixer.strips])
    mixer.set_all([("master_gain_db", 12, None), ("ceiling", False, None)])
    heard = mixer.process(words[0].view(np.float32), words[1:].view(np.float32))
    assert np.isfinite(heard).all()
    assert mixer.bad_samples > 10000


@pytest.mark.parametrize("pan", np.linspace(-1, 1, 9).tolist())
def test_pan_lowers_one_side_with_a_cosine_and_leaves_the_other(pan: float) -> None:
    mixer = small()
    mixer.set_all([("pan", pan, "vocals"), ("solo", True, "vocals")])
    left, right = settled(mixer, *level(1, 0.5))[:, 0] / 0.5
    lower, other = (left, right) if pan > 0 else (right, left)
    assert lower == pytest.approx(np.cos(np.pi / 2 * abs(pan)), abs=1e-7)
    assert other == 1


def test_pan_is_unity_in_the_middle_and_silence_at_the_end() -> None:
    assert [balance(pan) for pan in (-1, 0, 1)] == [(1, 0), (1, 1), (0, 1)]


def test_mono_is_on_both_sides() -> None:
    dry, stems = noise(480, strips=3, channels=1)
    mixer = Mixer(["vocals", "drums"], RATE, channels=1)
    stems[0, 0, 7] = np.nan
    heard = mixer.process(dry, stems)
    assert np.array_equal(heard[0], heard[1])
    assert np.allclose(heard[0, 8:], stems[:, 0, 8:].sum(0), rtol=0, atol=1e-7)
    assert mixer.bad_samples == 1


def test_the_ceiling_is_never_exceeded_by_24_decibels_too_much() -> None:
    mixer = small()
    random = np.random.default_rng(0)
    dry, stems = level(RATE)
    stems[0] = 10 ** (24 / 20) * random.uniform(-1, 1, stems[0].shape)
    stems[1] = stems[2] = 0
    heard = mixer.process(dry, stems)
    assert np.abs(heard).max() <= 1
    quiet = np.abs(stems[0]) <= KNEE
    assert np.array_equal(heard[quiet], stems[0][quiet])
    assert (np.abs(heard) < np.abs(stems[0]))[~quiet].mean() > 0.999


def test_the_ceiling_bends_without_a_corner() -> None:
    dry, stems = level(20001)
    stems[0] = np.linspace(KNEE - 0.01, KNEE + 0.19, 20001)
    stems[1] = stems[2] = 0
    heard = small().process(dry, stems)[0].astype(float)[::100]
    slope = np.diff(heard) / np.diff(stems[0, 0, ::100].astype(float))
    assert slope[:9] == pytest.approx(1, abs=1e-4)
    assert (np.diff(slope) < 1e-3).all()  # it only bends down,
    assert np.abs(np.diff(slope)).max() < 0.02  # and never all at once


def test_switching_the_ceiling_is_a_ramp() -> None:
    mixer = small()
    before = mixer.process(*level(8))[0]
    mixer.set("ceiling", False)
    heard = np.concatenate([before, mixer.process(*level(2 * RAMP))[0]])
    assert heard[-1] == 3
    assert 0.99 < heard[0] < 1
    assert 0 <= np.diff(heard).min() <= np.diff(heard).max() < 1.001 * STEEPEST * 2.01 / RAMP


@pytest.mark.parametrize("seed", range(8))
def test_a_new_target_in_mid_ramp_is_met_without_a_step(seed: int) -> None:
    random = np.random.default_rng(seed)
    mixer = small()
    mixer.set_all([("mute", True, "drums"), ("mute", True, "residual"), ("ceiling", 0, None)])
    mixer.reset()
    parts, gains = [mixer.process(*level(8))[0]], [0.0]
    for size in random.integers(1, RAMP, 40).tolist():
        gains.append(random.uniform(-40, 6))
        mixer.set("gain_db", gains[-1], "vocals")
        parts.append(mixer.process(*level(size))[0])
    heard = np.concatenate([*parts, mixer.process(*level(2 * RAMP))[0]]).astype(float)
    targets = 10 ** (np.array(gains) / 20)
    steepest = STEEPEST * np.ptp(targets) / RAMP
    assert np.abs(np.diff(heard)).max() < steepest + 3e-7  # float32 rounds
    assert np.abs(np.diff(heard, 2)).max() < 20 * steepest / RAMP + 6e-7  # no corner either
    assert targets.min() - 1e-6 < heard.min() < heard.max() < targets.max() + 1e-6
    assert heard[-1] == np.float32(targets[-1])


def test_a_ramp_is_the_quintic_smoothstep() -> None:
    mixer = small()
    mixer.set_all([("solo", True, "vocals")])
    mixer.reset()
    mixer.set("gain_db", -90, "vocals")
    u = np.arange(RAMP) / RAMP
    expected = 0.5 * (1 - u**3 * (6 * u**2 - 15 * u + 10))
    assert mixer.process(*level(RAMP, 0.5))[0] == pytest.approx(expected, abs=1e-7)


def test_reset_ends_ramps_and_keeps_parameters() -> None:
    mixer = small()
    mixer.set_all([("gain_db", -6, "vocals"), ("solo", True, "vocals")])
    mixer.process(*level(100))
    expected = np.float32(10 ** (-6 / 20))
    assert np.array_equal(np.unique(settled(mixer, *level(100))), [expected])
    assert mixer.get("gain_db", "vocals") == -6


def test_changes_made_together_begin_at_the_same_sample() -> None:
    mixer = small()
    names = ["vocals", "drums", "residual"]
    mixer.route(Routing(tuple(f"{name}.left" for name in names)))
    mixer.process(*level(100))
    mixer.set_all([("gain_db", -12, name) for name in names])
    vocals, drums, residual = mixer.process(*level(2 * RAMP))
    assert np.array_equal(vocals, drums)
    assert np.array_equal(vocals, residual)
    assert vocals[0] != vocals[-1]


def test_a_refused_change_changes_nothing() -> None:
    mixer = small()
    with pytest.raises(ValueError, match="pan must be a number"):
        mixer.set_all([("mute", True, "vocals"), ("pan", "left", "drums")])
    assert mixer.get("mute", "vocals") is False


def test_a_fader_is_a_view_of_the_gain() -> None:
    mixer = small()
    assert mixer.set("fader", 0.5, "vocals") == 0.5
    assert mixer.get("gain_db", "vocals") == -10
    assert mixer.set("gain_db", 40, "vocals") == 12
    assert mixer.get("fader", "vocals") == 1
    assert mixer.get("fader", "drums") == 0.75


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gain", 0, "vocals"), "unknown parameter 'gain'; expected one of gain_db"),
        (("mute", 1), "mute is of a stem: one of vocals, drums, residual; got None"),
        (("mute", 1, "bass"), "mute is of a stem: one of vocals, drums, residual; got 'bass'"),
        (("bypass", 1, "drums"), "bypass is of the whole mixer, not of a stem; got 'drums'"),
    ],
)
def test_a_wrong_change_is_refused_in_one_line(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small().set(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stems", "sample_rate", "channels", "message"),
    [
        ([], RATE, 2, "none of master, dry, residual; got none"),
        (["drums", "drums"], RATE, 2, "each once, and none of"),
        (["drums", "residual"], RATE, 2, "got drums, residual"),
        (["drums"], 0, 2, "got 0 Hz and 2"),
        (["drums"], RATE, 3, "channels 1 or 2, got 48000 Hz and 3"),
    ],
)
def test_a_mixer_that_cannot_be_is_refused(
    stems: list[str], sample_rate: int, channels: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Mixer(stems, sample_rate, channels)


def test_other_shapes_are_refused() -> None:
    dry, stems = noise(10, strips=3)
    for wrong in ((dry[:1], stems), (dry, stems[:2]), (dry, stems[..., :9]), (dry[0], stems)):
        with pytest.raises(ValueError, match=r"\[3 strips, 2, as many\], got \["):
            small().process(*wrong)


@pytest.mark.parametrize("preset", routing.PRESETS)
def test_presets_play_the_master_and_each_stems_pair(preset: str) -> None:
    mixer = Mixer(STEMS, RATE)
    mixer.route(Routing.preset(preset, STEMS))
    dry, stems = noise(1000)
    heard = mixer.process(dry, stems)
    pairs = [*stems[:8]] if preset == "stems-only" else [stems.sum(0), *stems[:8]]
    expected = np.concatenate(pairs[: {"stereo": 1}.get(preset)])
    assert heard.shape[0] == {"stereo": 2, "stems": 18, "stems-only": 16}[preset]
    assert np.allclose(heard, expected, rtol=0, atol=1e-7)


def test_an_output_plays_what_it_is_given() -> None:
    mixer = small()
    mixer.route(Routing.of({1: "residual.right", 4: "dry.left", 2: "master.right"}))
    mixer.set("gain_db", -90, "vocals")
    dry, stems = noise(64, strips=3)
    heard = settled(mixer, dry, stems)
    silence = np.zeros(64, np.float32)
    assert np.array_equal(heard, [stems[2, 1], stems[1, 1] + stems[2, 1], silence, dry[0]])


def test_outputs_beyond_the_table_are_silent() -> None:
    mixer = small()
    dry, stems = noise(64, strips=3)
    out = np.ones((70, 64), np.float32)
    mix_block(mixer.memory, dry, stems, out, 64)
    assert out[:2].any()
    assert not out[2:].any()


def test_peaks_are_the_largest_samples_since_they_were_read() -> None:
    mixer = small()
    mixer.set("gain_db", 20 * np.log10(0.5), "vocals")
    mixer.reset()
    dry, stems = noise(3000, strips=3)
    for part in np.split(stems, range(700, 3000, 700), axis=2):
        heard = mixer.process(dry[:, : part.shape[2]], part)
    peaks = mixer.peaks()
    assert list(peaks) == ["vocals", "drums", "residual", "master"]
    assert peaks["vocals"] == pytest.approx(0.5 * np.abs(stems[0]).max(1))
    assert peaks["drums"] == tuple(np.abs(stems[1]).max(1))
    assert peaks["master"][0] >= np.abs(heard[0]).max()
    assert set(mixer.peaks().values()) == {(0.0, 0.0)}


@numba.cfunc(
    "void(CPointer(int64), int64, CPointer(float32), CPointer(float32), CPointer(float32), int64)"
)
def callback(memory, words, dry, stems, out, count) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    """What an audio callback does with addresses."""
    mix_block(
        numba.carray(memory, (words,)),
        numba.carray(dry, (2, count)),
        numba.carray(stems, (9, 2, count)),
        numba.carray(out, (18, count)),
        count,
    )


def call(mixer: Mixer, dry: Audio, stems: Audio, out: Audio) -> None:
    kinds = callback.ctypes.argtypes
    memory, *audio = (
        array.ctypes.data_as(kinds[i])
        for i, array in ((0, mixer.memory), (2, dry), (3, stems), (4, out))
    )
    callback.ctypes(memory, mixer.memory.size, *audio, dry.shape[1])


def test_a_native_callback_needs_an_address_and_never_allocates() -> None:
    native, python = Mixer(STEMS, RATE), Mixer(STEMS, RATE)
    dry, stems = noise(256)
    out = np.empty((18, 256), np.float32)
    for mixer in (native, python):
        mixer.route(Routing.preset("stems", STEMS))
    _nrt_python.memsys_enable_stats()
    for block in range(1000):
        if block % 10 == 0:
            for mixer in (native, python):
                mixer.set("gain_db", -block / 50, "drums")
                mixer.schedule(256 * block + 1000, [("gain_db", -block / 40, "vocals")])
        before = rtsys.get_allocation_stats()
        call(native, dry, stems, out)
        after = rtsys.get_allocation_stats()
        assert (after.alloc, after.mi_alloc) == (before.alloc, before.mi_alloc)
        assert np.array_equal(out, python.process(dry, stems))


@numba.njit("(int64[::1], int64[:, ::1], int64)", nogil=True)
def write_many(memory, rows, times) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    for number in range(1, times + 1):
        rows[:] = number
        publish(memory, rows)


@numba.njit("UniTuple(int64, 2)(int64[::1], int64, int64)", nogil=True)
def read_many(memory, rows, last):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
    """How often something came, and how often it was not all of one piece."""
    inbox, newest = mixing.unpack(memory).inbox, 0
    came = torn = 0
    while newest != last:
        memory[SEEN] = -1  # copy again, so that most of the time a copy is under way
        if receive(memory):
            came += 1
            page = inbox[memory[PAGE]]
            newest = page[0, 0]
            torn += (page[:rows] != newest).any() or page[rows, 0] != NEVER
    return came, torn


def test_a_publication_under_way_is_not_received() -> None:
    mixer = small()
    mixer.set("mute", True, "drums")
    mixer.memory[SEQUENCE] -= 1  # as if some words were still to come
    assert not receive(mixer.memory)
    mixer.memory[SEQUENCE] += 1
    assert receive(mixer.memory)
    assert not receive(mixer.memory)  # no news


def test_a_hammering_writer_never_tears_a_set_of_coefficients() -> None:
    mixer, last = Mixer(STEMS, RATE), 500_000
    rows = np.zeros((3, mixing.unpack(mixer.memory).inbox.shape[2]), np.int64)
    publish(mixer.memory, rows)  # of one piece from the beginning
    writer = threading.Thread(target=write_many, args=(mixer.memory, rows, last), daemon=True)
    writer.start()
    came, torn = read_many(mixer.memory, len(rows), last)
    writer.join()
    assert came > 1
    assert torn == 0


def replayed(mixer: Mixer, dry: Audio, stems: Audio) -> Audio:
    """What a new mixer plays that is told its history."""
    other = Mixer(mixer.stems, mixer.sample_rate)
    other.route(mixer.routing)
    for moment in mixer.history():
        other.schedule(moment.position, moment.changes)
    heard = other.process(dry, stems)
    assert other.late == 0
    assert other.history() == mixer.history()
    return heard


def test_history_says_at_which_sample_a_change_began() -> None:
    mixer = small()
    parts = [mixer.process(*level(100, 0.1))]
    mixer.set("mute", True, "drums")
    assert mixer.history() == []
    parts.append(mixer.process(*level(900, 0.1)))
    assert mixer.history() == [(100, (("mute", True, "drums"),))]
    heard = np.concatenate(parts, axis=1)[0]
    assert np.flatnonzero(heard != heard[0])[0] in range(101, 110)  # a ramp begins flat
    assert mixer.position == 1000


def test_changes_that_are_taken_as_one_are_one_moment() -> None:
    mixer = small()
    mixer.set("pan", 0.5, "drums")
    mixer.set("gain_db", -6, "vocals")
    mixer.set("fader", 0.5, "vocals")  # the same gain, by another name
    mixer.process(*level(64))
    changes = (("pan", 0.5, "drums"), ("fader", 0.5, "vocals"))
    assert mixer.history() == [(0, changes)]


def test_ramps_begin_some_milliseconds_apart() -> None:
    mixer = small()
    mixer.process(*level(10))
    for gain_db in (-6, -12, -18):
        mixer.set("gain_db", gain_db, "vocals")
        mixer.process(*level(100))
    spacing = RAMP // 8
    assert [moment.position for moment in mixer.history()] == [10, 10 + spacing]
    mixer.process(*level(spacing))
    assert [moment.changes[0][1] for moment in mixer.history(since=11)] == [-12, -18]


@pytest.mark.parametrize("size", [1, 7, 64, 777, 1000, 3000])
def test_a_timed_change_begins_on_its_sample_in_any_block(size: int) -> None:
    dry, stems = noise(3000, strips=3)
    mixer, other = small(), small()
    change = ("gain_db", -20.0, "vocals")
    mixer.schedule(777, [change])
    parts = np.split(np.arange(3000), range(size, 3000, size))
    heard = np.concatenate([mixer.process(dry[:, i], stems[..., i]) for i in parts], axis=1)
    first = other.process(dry[:, :777], stems[..., :777])
    other.set(*change)
    expected = np.concatenate([first, other.process(dry[:, 777:], stems[..., 777:])], axis=1)
    assert np.array_equal(heard, expected)
    assert mixer.history() == [(777, (change,))]
    assert mixer.late == 0


def test_a_value_is_that_of_now_until_a_timed_change_begins() -> None:
    mixer = small()
    assert mixer.schedule(500, [("gain_db", 40, "vocals")]) == [12]
    mixer.process(*level(500))
    assert mixer.get("gain_db", "vocals") == 0
    mixer.process(*level(1))
    assert mixer.get("gain_db", "vocals") == 12
    assert mixer.get("fader", "vocals") == 1


def test_what_is_set_before_a_timed_change_outlives_it() -> None:
    mixer = small()
    mixer.schedule(1000, [("gain_db", -20, "vocals")])
    mixer.process(*level(100))
    mixer.set_all([("mute", True, "drums"), ("mute", True, "residual")])
    heard = mixer.process(*level(5000, 0.5))[0]
    assert heard[990] == pytest.approx(0.5, abs=1e-3)  # the timed one has not begun
    assert heard[-1] == pytest.approx(0.05)


@pytest.mark.parametrize("due", [100, 5000, 100_000])
def test_cancelled_changes_never_begin_and_others_do_in_their_place(due: int) -> None:
    mixer = small()
    mixer.schedule(due, [("gain_db", -20, "vocals")])
    assert mixer.cancel_scheduled([("pan", -1, "vocals")]) == [-1]
    assert mixer.flush_scheduled() is None
    mixer.process(*level(200_000))
    assert mixer.get("gain_db", "vocals") == 0
    assert mixer.history() == [(0, (("pan", -1, "vocals"),))]


def test_a_change_that_begins_while_it_is_cancelled_is_undone() -> None:
    mixer = small()
    mixer.schedule(100, [("gain_db", -20, "vocals")])
    mix_block(mixer.memory, *level(200), np.empty((2, 200), np.float32), 200)
    mixer._catch_up = lambda: None  # type: ignore[method-assign]  # it has just begun
    mixer.cancel_scheduled()
    del mixer._catch_up
    mixer.process(*level(5000))
    assert mixer.get("gain_db", "vocals") == 0


def test_timed_changes_come_in_their_order_however_many_and_dense() -> None:
    random = np.random.default_rng(3)
    mixer, other = small(), small()
    positions = random.choice(400, 300, replace=False) * 250 + 5  # more than may be handed over
    values = random.uniform(-20, 0, 300)
    dry, stems = noise(101_000, strips=3)
    for position, value in zip(positions.tolist(), values.tolist(), strict=True):
        mixer.schedule(position, [("gain_db", value, "vocals")])
    heard = mixer.process(dry, stems)
    order, expected, done = np.argsort(positions), [], 0
    for which in order.tolist():
        cut = slice(done, positions[which])
        expected.append(other.process(dry[:, cut], stems[..., cut]))
        other.set("gain_db", values[which], "vocals")
        done = positions[which]
    expected.append(other.process(dry[:, done:], stems[..., done:]))
    assert np.array_equal(heard, np.concatenate(expected, axis=1))
    assert mixer.history() == other.history()
    assert [moment.position for moment in mixer.history()] == sorted(positions.tolist())
    assert mixer.late == 0


def test_of_changes_at_one_sample_the_last_wins() -> None:
    mixer = small()
    for value in (-1.0, -2.0, -3.0):
        mixer.schedule(300, [("gain_db", value, "vocals")])
    mixer.process(*level(1000))
    assert mixer.history() == [(300, (("gain_db", -3.0, "vocals"),))]


def test_timed_changes_closer_than_ramps_may_begin_follow_at_once_and_are_not_late() -> None:
    mixer = small()
    for position in (1000, 1010, 1100):
        mixer.schedule(position, [("gain_db", -position / 100, "vocals")])
    mixer.process(*level(3000))
    assert [(m.position, m.changes[0][1]) for m in mixer.history()] == [(1000, -10), (1180, -11)]
    assert mixer.late == 0


def test_a_change_for_a_position_that_has_passed_begins_at_once_and_is_counted() -> None:
    mixer = small()
    mixer.process(*level(1000))
    mixer.schedule(999, [("mute", True, "drums")])
    assert mixer.get("mute", "drums") is True
    mixer.process(*level(10))
    assert mixer.history() == [(1000, (("mute", True, "drums"),))]
    assert mixer.late == 1
    mixer.schedule(1010, [("mute", False, "drums")])
    mixer.process(*level(1000))
    assert mixer.late == 1


@pytest.mark.parametrize(
    ("position", "change", "message"),
    [
        (-1, ("mute", True, "drums"), "samples from 0 on, got -1"),
        (0.5, ("mute", True, "drums"), "samples from 0 on, got 0.5"),
        (9, ("mute", 2, "drums"), "mute must be true, false, 0 or 1"),
        (9, ("mute", True, None), "mute is of a stem"),
    ],
)
def test_a_wrong_timed_change_is_refused(position: int, change: Change, message: str) -> None:
    mixer = small()
    with pytest.raises(ValueError, match=message):
        mixer.schedule(position, [("mute", True, "vocals"), change])
    mixer.process(*level(100))
    assert mixer.history() == []


@pytest.mark.parametrize("meanwhile", [0, 1500])
def test_a_callback_may_begin_a_timed_change_while_another_is_being_set(meanwhile: int) -> None:
    mixer = small()
    mixer.schedule(1000, [("gain_db", -20, "vocals"), ("mute", True, "drums")])
    parts = [mixer.process(*level(1500))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixer, "_catch_up", lambda: None)  # as if that had not happened yet
        mixer.set_all([("gain_db", -6, "vocals"), ("pan", 0.5, "vocals")])
    parts.append(mixer.process(*level(meanwhile)))
    assert mixer.get("gain_db", "vocals") == -20  # nothing says which came first
    mixer.set("mute", True, "residual")  # its snapshot has all that holds
    parts.append(mixer.process(*level(3000 - meanwhile)))
    assert mixer.get("pan", "vocals") == 0.5
    assert mixer.get("mute", "drums") is True
    positions = sorted({1000, 1500, 1500 + meanwhile})
    assert [moment.position for moment in mixer.history()] == positions
    heard = replayed(mixer, *level(4500))
    assert np.allclose(heard, np.concatenate(parts, axis=1), rtol=0, atol=1e-6)


def test_history_is_what_was_heard() -> None:
    random = np.random.default_rng(5)
    mixer = Mixer(STEMS, RATE)
    dry, stems = noise(60_000)
    parts: list[Audio] = []
    names = ["gain_db", "fader", "mute", "solo", "pan", "dry_wet", "bypass", "ceiling"]
    while mixer.position < 60_000:
        for _ in range(random.integers(4)):
            name = names[random.integers(len(names))]
            stem = None if names.index(name) >= 5 else STEMS[random.integers(8)]
            change = (name, float(random.integers(2)), stem)
            if random.random() < 0.5:
                mixer.set(*change)
            else:
                mixer.schedule(mixer.position + int(random.integers(-100, 2000)), [change])
        cut = slice(mixer.position, mixer.position + int(random.integers(1, 500)))
        parts.append(mixer.process(dry[:, cut], stems[..., cut]))
    assert len(mixer.history()) > 200
    heard = np.concatenate(parts, axis=1)
    assert np.allclose(replayed(mixer, dry, stems), heard, rtol=0, atol=1e-6)


def test_history_is_what_was_heard_whoever_runs_when() -> None:
    random = np.random.default_rng(4)
    mixer, block, blocks, pace = Mixer(STEMS, RATE), 256, 1500, 5
    mixer.route(Routing.preset("stems", STEMS))
    dry, stems = noise(block * blocks)
    heard = np.empty((18, block * blocks), np.float32)
    # A change a block, and neither thread more than ten ahead of the other.
    changes, room = threading.Semaphore(0), threading.Semaphore(2 * pace)

    def play() -> None:
        try:
            for number in range(blocks):
                if number % pace == 0:
                    for _ in range(pace):
                        changes.acquire()
                    room.release(pace)
                cut = slice(number * block, (number + 1) * block)
                out = np.empty((18, block), np.float32)
                parts = (np.ascontiguousarray(x[..., cut]) for x in (dry, stems))
                mix_block(mixer.memory, *parts, out, block)
                heard[:, cut] = out
        finally:
            room.release(blocks)

    callback = threading.Thread(target=play)
    callback.start()
    names = ["gain_db", "fader", "pan", "bypass"]
    for _ in range(blocks):
        room.acquire()
        name = names[random.integers(len(names))]
        stem = None if name == "bypass" else STEMS[random.integers(8)]
        change = (name, float(random.integers(2)), stem)
        if random.random() < 0.5:
            mixer.set(*change)
        else:
            mixer.schedule(mixer.position + int(random.integers(3 * block)), [change])
        changes.release()
    callback.join()
    assert len(mixer.history()) > 500
    assert np.allclose(replayed(mixer, dry, stems), heard, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_history_is_what_holds_even_if_a_callback_comes_in_the_middle_of_a_change(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    mixer, out = small(), np.zeros((2, 1), np.float32)
    held: dict[int, list[float]] = {}  # targets at the positions where ramps began

    def callback() -> None:
        for _ in range(random.integers(300)):
            logged = mixer.memory[LOGGED]
            mix_block(mixer.memory, *level(1), out, 1)
            if mixer.memory[LOGGED] > logged:
                held[mixer.position - 1] = mixer._state.targets.tolist()

    def interrupted(*arguments: Any) -> None:
        callback()
        publish(*arguments)

    monkeypatch.setattr("restem.streamer.mixer.mixer.publish", interrupted)
    for _ in range(60):
        name = ("gain_db", "mute", "bypass")[random.integers(3)]
        change = name, int(random.integers(2)), None if name == "bypass" else "drums"
        if random.random() < 0.5:
            mixer.set(*change)
        else:
            position = mixer.position + int(random.integers(-20, 400))
            mixer.schedule(max(0, position), [change])
    for _ in range(10):
        mixer.flush_scheduled()
        callback()
    for position, targets in held.items():
        values = mixer.values(position + 1)
        assert mixer._coefficients(values).tolist() == targets
    assert mixer._values == mixer.values(mixer.position)


def test_history_may_be_read_by_many_and_forgets_the_oldest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("restem.streamer.mixer.mixer.MOMENTS", 3)
    mixer = small()
    for gain_db in range(0, -10, -2):
        mixer.set("gain_db", gain_db - 1, "vocals")
        mixer.process(*level(200))
    assert [moment.position for moment in mixer.history()] == [400, 600, 800]
    assert mixer.history(since=600) == mixer.history()[1:]
    assert mixer.values(600)["gain_db", "vocals"] == -5
    assert mixer.values(601)["gain_db", "vocals"] == -7
    assert mixer.values(0)["gain_db", "vocals"] == -3  # as far back as it goes


def test_without_a_callback_changes_do_not_pile_up() -> None:
    mixer = small()
    for number in range(2000):
        mixer.set("gain_db", -number / 200, "vocals")
        mixer.set("mute", bool(number % 2), "drums")
    assert len(mixer._publications) <= 64
    mixer.process(*level(10))
    ((position, changes),) = mixer.history()
    assert (position, len(changes)) == (0, 64)
    assert changes[-2:] == (("gain_db", -9.995, "vocals"), ("mute", True, "drums"))


def test_reset_lets_what_is_under_way_begin_and_keeps_the_position() -> None:
    mixer = small()
    mixer.process(*level(100))
    mixer.set("mute", True, "drums")
    mixer.schedule(400, [("mute", True, "vocals")])
    mixer.reset()
    assert mixer.history() == [(100, (("mute", True, "drums"),))]
    mixer.process(*level(1000))
    assert mixer.history(since=101) == [(400, (("mute", True, "vocals"),))]


def test_pump_says_when_it_wants_to_be_called_again() -> None:
    mixer = small()
    assert mixer.flush_scheduled() is None
    mixer.schedule(10 * RATE, [("mute", True, "drums")])
    assert mixer.flush_scheduled() == 10 * RATE - RATE // 8
    mixer.schedule(100, [("mute", True, "vocals")])
    out = np.empty((2, 1024), np.float32)
    while mixer.position < 11 * RATE:  # a callback, and a thread that looks every 50 ms
        if mixer.position % 2048 == 0:
            mixer.flush_scheduled()
        mix_block(mixer.memory, *level(1024), out, 1024)
    assert [moment.position for moment in mixer.history()] == [100, 10 * RATE]


@pytest.mark.parametrize("channels", [1, 2])
def test_the_mix_without_a_stem_is_exact_whatever_the_faders_do(channels: int) -> None:
    mixer = Mixer(STEMS, RATE, channels)
    mixer.route(Routing.pairs([routing.minus_name(stem) for stem in STEMS]))
    mixer.set_all([("gain_db", -20, "vocals"), ("mute", True, "drums"), ("solo", True, "bass")])
    mixer.set("master_gain_db", -90)
    dry, stems = noise(1000, channels=channels)
    stems[0, 0, 5], dry[0, 7] = np.nan, np.inf  # no audio, so silence
    out = mixer.process(dry, stems).reshape(len(STEMS), 2, -1)
    clean_dry, clean = (np.where(np.isfinite(a), a, 0) for a in (dry, stems))
    for number in range(len(STEMS)):
        expected = np.broadcast_to(clean_dry - clean[number], (2, 1000))
        assert np.array_equal(out[number], expected)
