import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import soundfile

from restem.bridge.demo import DemoResult, run_demo
from restem.bridge.evaluation.evaluate import EvaluationRequest, run_evaluation
from restem.bridge.evaluation.scores import MMSNR
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
        for kind in ("restored", "references"):
            info = soundfile.info(out / kind / "mix" / f"{stem}.wav")
            assert (info.frames, info.subtype) == (frames, "FLOAT")


def test_an_evaluation_of_the_demos_own_files_agrees_with_its_table(
    demo: tuple[DemoResult, Path],
) -> None:
    result, out = demo
    request = EvaluationRequest(out / "references", estimates=out / "restored", metrics=("mmsnr",))
    scores = run_evaluation(request)
    for stem in STEMS:
        ours, theirs = result.scores.line(MMSNR, stem).values, scores.line(MMSNR, stem).values
        assert [*theirs.values()] == pytest.approx([*ours.values()], abs=0.01)


def test_a_disk_that_is_full_is_one_line(tmp_path: Path, size_limit: Callable[[int], None]) -> None:
    model = load_profile("live-cpu", "cpu", ["bass"])
    size_limit(100)
    with pytest.raises(OSError, match=r"^\S+mix\.flac: File too large; choose another folder"):
        run_demo(model, tmp_path)


def test_the_overview_shows_something(demo: tuple[DemoResult, Path]) -> None:
    picture = matplotlib.image.imread(demo[1] / "overview.png")
    assert picture.shape[0] > 500
    assert picture.std() > 0.1
