import csv
import io
import math

import numpy as np
import pytest

from restem.bridge.evaluation.intervals import bootstrap, by_song, text
from restem.bridge.evaluation.scores import MMSNR, Scorer
from restem.bridge.evaluation.tables import as_csv
from tests.support.tiny_networks import noise


def test_an_interval_is_that_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(2.0, 3.0, (200, 2))
    *stems, average = bootstrap(values)
    for (low, high), column in zip(stems, values.T, strict=True):
        error = 1.96 * column.std() / math.sqrt(200)
        assert low == pytest.approx(column.mean() - error, abs=0.1)
        assert high == pytest.approx(column.mean() + error, abs=0.1)
    error = 1.96 * values.mean(axis=1).std() / math.sqrt(200)
    assert average[1] - average[0] == pytest.approx(2 * error, rel=0.1)


def test_equal_values_have_equal_intervals_and_order_does_not_count_for_one_song() -> None:
    values = np.random.default_rng(2).normal(size=(9, 3))
    assert bootstrap(values) == bootstrap(values.copy())
    assert all(low <= high for low, high in bootstrap(values))


def test_one_song_or_none_has_no_interval() -> None:
    values = by_song(["a", "b"], ["vocals", "drums"], {("a", "vocals"): 1.0, ("b", "vocals"): 3.0})
    vocals, drums, average = bootstrap(values)
    assert vocals == (1.0, 3.0)
    assert average == vocals
    assert all(map(math.isnan, drums))
    assert (text(vocals, 1), text(drums, 1)) == ("+1.0 to +3.0", "-")
    assert all(math.isnan(bound) for pair in bootstrap(values[:1]) for bound in pair)


def test_a_csv_has_a_row_a_song_and_empty_cells_where_nothing_was_scored() -> None:
    scorer = Scorer(["restored"], ["vocals", "drums"], ["mmsnr", "sdr"])
    for number, song in enumerate(["one, two", "three"]):
        stem, rest = noise(4800, seed=number), noise(4800, seed=9)
        scorer.add(song, stem + rest, {"vocals": stem}, {"restored": {"vocals": stem}}, 48000)
    scores = scorer.result()
    rows = list(csv.DictReader(io.StringIO(as_csv(scores))))
    assert [row["song"] for row in rows] == ["one, two", "three"]
    values = [float(row["mmsnr.vocals.mix"]) for row in rows]
    assert np.mean(values) == pytest.approx(scores.line(MMSNR, "vocals").values["mix"], abs=1e-4)
    assert {row["sdr.drums.restored"] for row in rows} == {""}
    assert len(rows[0]) == 1 + 2 * 2 * 2
