"""Bootstrap intervals: how far a mean gain would move with other songs of the same kind.

Shape letters: `r` resample, `w` song, `s` stem.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
Interval = tuple[float, float]


def bootstrap(values: NDArray[np.float64]) -> list[Interval]:
    """Percentile intervals of the mean of each stem, and of the average stem at the end.

    Songs are drawn with replacement, all stems of one together (Efron 1979); seeded, so that equal
    values have equal intervals.

    Args:
        values: [w, s], NaN where a stem has none.

    Returns:
        [s + 1] bounds of 95 %; NaN where less than two songs have a value.
    """
    songs, stems = values.shape
    there = np.isfinite(values)
    draws = np.random.default_rng(0).multinomial(songs, np.full(songs, 1 / songs), RESAMPLES)
    counts = draws @ there.astype(float)  # [r, s]
    sums = draws @ np.where(there, values, 0.0)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    enough = there.sum(axis=0) > 1
    intervals = [_bounds(means[:, i]) if enough[i] else _UNKNOWN for i in range(stems)]
    if not enough.any():
        return [*intervals, _UNKNOWN]
    known = np.isfinite(means)
    total = np.where(known, means, 0.0).sum(axis=1)
    return [*intervals, _bounds(total[known.any(axis=1)] / known.sum(axis=1)[known.any(axis=1)])]


_UNKNOWN = (float("nan"), float("nan"))


def _bounds(means: NDArray[np.float64]) -> Interval:
    tail = 50 * (1 - LEVEL)
    low, high = np.nanpercentile(means, (tail, 100 - tail))
    return float(low), float(high)


def text(interval: Interval, digits: int) -> str:
    """An interval for a table's cell."""
    low, high = interval
    return f"{low:+.{digits}f} to {high:+.{digits}f}" if low == low else "-"


def by_song(
    songs: Sequence[str], stems: Sequence[str], gains: dict[tuple[str, str], float]
) -> NDArray[np.float64]:
    """Gains by song and stem as [w, s], NaN where there is none."""
    rows = [[gains.get((song, stem), np.nan) for stem in stems] for song in songs]
    return np.array(rows, np.float64).reshape(len(songs), len(stems))
