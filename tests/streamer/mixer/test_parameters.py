import dataclasses
import doctest
import math

import numpy as np
import pytest
import torch

from restem.streamer.mixer import parameters
from restem.streamer.mixer.parameters import (
    PARAMETERS,
    Parameter,
    amplitude,
    fader_to_gain_db,
    gain_db_to_fader,
    parameter,
    strip_names,
)

FLOATS = [row for row in PARAMETERS if row.kind == "float"]
BOOLS = [row for row in PARAMETERS if row.kind == "bool"]


def name_of(row: Parameter) -> str:
    return row.name


def test_the_tables_names() -> None:
    assert [(row.name, row.scope) for row in PARAMETERS] == [
        ("gain_db", "stem"),
        ("fader", "stem"),
        ("mute", "stem"),
        ("solo", "stem"),
        ("pan", "stem"),
        ("dry_wet", "global"),
        ("master_gain_db", "global"),
        ("bypass", "global"),
        ("ceiling", "global"),
    ]


@pytest.mark.parametrize("row", PARAMETERS, ids=name_of)
def test_a_row_is_whole(row: Parameter) -> None:
    assert row.low <= row.default <= row.high
    kind = bool if row.kind == "bool" else float
    assert {type(value) for value in (row.low, row.high, row.default)} == {kind}
    assert row.smoothing_ms > 0
    assert row.description.endswith(".")
    assert ". " not in row.description


def test_a_row_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parameter("pan").default = 1.0  # type: ignore[misc]


def test_an_unknown_name_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown parameter 'gain'; expected one of gain_db, fad"):
        parameter("gain")


@pytest.mark.parametrize("row", FLOATS, ids=name_of)
def test_a_number_comes_back_in_range(row: Parameter) -> None:
    low, high = float(row.low), float(row.high)
    assert row.clip(row.default) == (row.default, False)
    assert row.clip(np.float32(low)) == (low, False)
    assert row.clip(high + 1) == row.clip(math.inf) == (high, True)
    assert row.clip(low - 1) == row.clip(-math.inf) == (low, True)
    assert type(row.clip(1)[0]) is float


@pytest.mark.parametrize("row", BOOLS, ids=name_of)
def test_a_switch_takes_zero_and_one(row: Parameter) -> None:
    for value in (True, 1, 1.0, np.int32(1)):
        assert row.clip(value) == (True, False)
    for value in (False, 0, 0.0):
        assert row.clip(value) == (False, False)
    assert type(row.clip(1)[0]) is bool


@pytest.mark.parametrize("value", ["loud", None, math.nan, True, [1.0], 1j])
@pytest.mark.parametrize("row", FLOATS, ids=name_of)
def test_what_is_no_number_is_refused_in_one_line(row: Parameter, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{row.name} must be a number in \[.*\].*, got .*$"):
        row.clip(value)


@pytest.mark.parametrize("value", ["on", None, math.nan, 2, -1, 0.5])
@pytest.mark.parametrize("row", BOOLS, ids=name_of)
def test_what_is_no_switch_is_refused_in_one_line(row: Parameter, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{row.name} must be true, false, 0 or 1, got .*$"):
        row.clip(value)


def test_a_refusal_names_value_range_and_unit() -> None:
    with pytest.raises(ValueError, match=r"^gain_db must be a number in \[-90, 12\] dB, got 'x'$"):
        parameter("gain_db").clip("x")


@pytest.mark.parametrize(
    ("fader", "gain_db"),
    [(0, -90), (0.03125, -75), (0.0625, -60), (0.25, -30), (0.5, -10), (0.75, 0), (1, 10)],
)
def test_the_fader_follows_the_law_of_the_x32(fader: float, gain_db: float) -> None:
    assert fader_to_gain_db(fader) == gain_db
    assert gain_db_to_fader(gain_db) == fader


def test_faders_and_gains_are_views_of_each_other() -> None:
    for fader in np.linspace(0, 1, 1025).tolist():
        assert gain_db_to_fader(fader_to_gain_db(fader)) == pytest.approx(fader, abs=1e-15)


def test_the_fader_never_turns_back() -> None:
    gains = [fader_to_gain_db(fader) for fader in np.linspace(0, 1, 1025).tolist()]
    assert (np.diff(gains) > 0).all()


def test_the_lowest_gain_is_silence() -> None:
    assert amplitude(-90) == amplitude(fader_to_gain_db(0)) == 0
    assert amplitude(0) == 1
    assert amplitude(-60) == pytest.approx(0.001)


def test_the_residual_is_the_last_strip() -> None:
    assert strip_names(["vocals", "drums"]) == ("vocals", "drums", "residual")


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(parameters).failed == 0


@pytest.mark.parametrize("row", PARAMETERS, ids=name_of)
def test_numbers_of_array_libraries_are_numbers(row: Parameter) -> None:
    kind = np.bool_ if row.kind == "bool" else np.float64
    for value in (kind(row.high), np.array(row.high), torch.tensor(row.high)):
        clipped, changed = row.clip(value)
        assert (clipped, changed, type(clipped)) == (row.high, False, type(row.high))
    for wrong in (np.array([row.high]), np.array("0.5"), np.array([row.high, row.high])):
        with pytest.raises(ValueError, match=row.name):
            row.clip(wrong)
    if row.kind == "float":
        with pytest.raises(ValueError, match="must be a number"):
            row.clip(np.bool_(True))
