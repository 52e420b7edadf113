import json
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import soundfile

from restem.bridge.demo import DemoResult, run_demo
from restem.models.stems import STEMS
from restem.streamer.builder import load_profile


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoResult, Path]:
    out = tmp_path_factory.mktemp("demo")
    return run_demo(load_profile("live-cpu", "cpu"), out), out


def test_the_stems_are_on_average_better_than_the_mix(demo: tuple[DemoResult, Path]) -> None:
    average = demo[0].average
    assert average.gain > 0


def test_every_stem_is_scored_before_and_after(demo: tuple[DemoResult, Path]) -> None:
    result, _ = demo
    assert tuple(line.stem for line in result.lines) == STEMS
    assert all(np.isfinite([*line.values.values()]).all() for line in result.lines)
    assert [row[0] for row in result.rows()] == [*STEMS, "average"]
    assert set(json.loads(json.dumps(result.as_dict()))["mmsnr_db"]) == set(STEMS)


def test_mix_stems_and_references_are_of_one_length(demo: tuple[DemoResult, Path]) -> None:
    out = demo[1]
    frames = soundfile.info(out / "mix.flac").frames
    for stem in STEMS:
        assert soundfile.info(out / "mix" / f"{stem}.wav").frames == frames
        assert soundfile.info(out / "references" / f"{stem}.flac").frames == frames


def test_the_overview_shows_something(demo: tuple[DemoResult, Path]) -> None:
    picture = matplotlib.image.imread(demo[1] / "overview.png")
    assert picture.shape[0] > 500
    assert picture.std() > 0.1
