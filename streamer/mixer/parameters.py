"""The one table of parameters: what can be set on a mixer, on which strip, and how it moves.

A strip is a stem, or the residual: what carries the dry mix while stems are late. OSC addresses,
MIDI, flags, patches and tables are made from these rows.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

RESIDUAL = "residual"  # the last strip
SILENCE_DB = -90.0  # the lowest gain, which means none at all

Value = float | bool


@dataclass(frozen=True)
class Parameter:
    """One row: a name, what it belongs to, what it may be, and how long a change takes."""

    name: str
    scope: Literal["stem", "global"]  # stem: of every strip, the residual's too
    kind: Literal["float", "bool"]
    low: Value
    high: Value
    default: Value
    unit: str  # "" where a plain number, or yes and no, says it all
    smoothing_ms: float
    description: str

    def clip(self, value: object) -> tuple[Value, bool]:
        """The nearest value in range, and whether that is another one.

        Infinities are out of range, as any number; bools may be written as 0 and 1.

        >>> parameter("gain_db").clip(20)
        (12.0, True)

        Raises:
            ValueError: it is of another type, or NaN.
        """
        value = _plain(value)
        number = float(value) if isinstance(value, Real) else math.nan
        if self.kind == "bool":
            if number not in (0, 1):
                raise ValueError(f"{self.name} must be true, false, 0 or 1, got {value!r}")
            return bool(number), False
        if math.isnan(number) or isinstance(value, bool):
            choices = f"[{self.low:g}, {self.high:g}] {self.unit}".rstrip()
            raise ValueError(f"{self.name} must be a number in {choices}, got {value!r}")
        clipped = min(max(number, self.low), self.high)
        return clipped, clipped != number


def _plain(value: Any) -> object:
    """A number or bool of an array library, or an array of no dimensions, as Python's own."""
    return value.item() if getattr(value, "shape", None) == () else value


PARAMETERS = (
    Parameter(
        "gain_db", "stem", "float", SILENCE_DB, 12.0, 0.0, "dB", 30.0,
        "The strip's gain; -90 dB is silence.",
    ),
    Parameter(
        "fader", "stem", "float", 0.0, 1.0, 0.75, "", 30.0,
        "The strip's gain as a fader's way: 0 is silence, 0.75 is 0 dB, 1 is +10 dB.",
    ),
    Parameter(
        "mute", "stem", "bool", False, True, False, "", 20.0,
        "Silences the strip, soloed or not.",
    ),
    Parameter(
        "solo", "stem", "bool", False, True, False, "", 20.0,
        "Silences every strip that is not soloed.",
    ),
    Parameter(
        "pan", "stem", "float", -1.0, 1.0, 0.0, "", 30.0,
        "The strip's balance: 0 leaves both sides as they are, 1 silences the left one.",
    ),
    Parameter(
        "dry_wet", "global", "float", 0.0, 1.0, 1.0, "", 30.0,
        "From the dry mix at 0 to the strips at 1, linearly.",
    ),
    Parameter(
        "master_gain_db", "global", "float", SILENCE_DB, 12.0, 0.0, "dB", 30.0,
        "The gain of the sum; -90 dB is silence.",
    ),
    Parameter(
        "bypass", "global", "bool", False, True, False, "", 30.0,
        "Lets the master be the dry mix, as late as the stems are.",
    ),
    Parameter(
        "ceiling", "global", "bool", False, True, True, "", 30.0,
        "Bends what of the master is above -1 dBFS, so that it stays below 0 dBFS.",
    ),
)  # fmt: skip

_ROWS = {row.name: row for row in PARAMETERS}


def parameter(name: str) -> Parameter:
    """The row of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in _ROWS:
        raise ValueError(f"unknown parameter {name!r}; expected one of {', '.join(_ROWS)}")
    return _ROWS[name]


def strip_names(stems: Sequence[str]) -> tuple[str, ...]:
    """The strips of a mixer: its stems, then the residual."""
    return (*stems, RESIDUAL)


def amplitude(gain_db: float) -> float:
    """The factor of a gain in dB: 0 at `SILENCE_DB` and below."""
    return 10 ** (gain_db / 20) if gain_db > SILENCE_DB else 0.0


def balance(pan: float) -> tuple[float, float]:
    """Left and right gain of a pan in [-1, 1]: one side stays at 1, the other goes with a cosine.

    left = cos(pan π/2) for pan > 0, and right = cos(-pan π/2) for pan < 0; written as a sine,
    which is exactly 1 in the middle and exactly 0 at the end.
    """
    left, right = (math.sin(math.pi / 2 * (1 - max(side, 0.0))) for side in (pan, -pan))
    return left, right


# Where the fader's law changes its slope: (fader, dB), as on an X32.
_LAW = ((0.0, -90.0), (0.0625, -60.0), (0.25, -30.0), (0.5, -10.0), (1.0, 10.0))


def fader_to_gain_db(fader: float) -> float:
    """The gain of a fader in [0, 1], by the law of the X32's faders:

        fader    0 to 1/16     1/16 to 1/4    1/4 to 1/2    1/2 to 1
        dB       480 f - 90    160 f - 70     80 f - 50     40 f - 30

    so that 1 is +10 dB, 0.75 is 0 dB, and 0 is -90 dB, which means silence.

    >>> fader_to_gain_db(0.75), fader_to_gain_db(0.25), fader_to_gain_db(0)
    (0.0, -30.0, -90.0)
    """
    return _follow(_LAW, fader)


def gain_db_to_fader(gain_db: float) -> float:
    """The fader of a gain in dB, in [0, 1]: `fader_to_gain_db` the other way; above +10 dB it is 1.

    >>> gain_db_to_fader(0), gain_db_to_fader(12)
    (0.75, 1.0)
    """
    return _follow(tuple((gain, fader) for fader, gain in _LAW), gain_db)


def _follow(points: Sequence[tuple[float, float]], x: float) -> float:
    """Interpolate linearly between points at `x`; beyond the ends, hold their values."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            return y0 + (x - x0) * ((y1 - y0) / (x1 - x0))
    return points[-1][1]
