"""Profiles are measured as an engine measures them, and judged by its rule."""

from pathlib import Path

import pytest

from restem.bridge import speed
from restem.bridge.speed import Speed, measure_profiles
from restem.models.errors import one_line
from restem.streamer.engine.latency import Latency
from restem.streamer.engine.process import Build, TooSlowError
from restem.streamer.engine.worker import Ready, StepTimes
from restem.streamer.profiles import SEEDED, Profile
from tests.support.tiny_networks import PROFILE

MODEL = {"stems": ("a", "b"), "sample_rate": 48000, "block_size": 480, "latency": 100}
BLOCK_ALLOWED = Latency(model=100, reblocking=448, allowance=512, fade=128).total


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTEM_WEIGHTS", str(tmp_path / "weights"))


def measured(
    monkeypatch: pytest.MonkeyPatch, name: str, times: StepTimes | Exception
) -> tuple[Speed, list[Profile]]:
    """A profile, measured at such times, and what would have been built for it."""
    built: list[Profile] = []

    def try_out(build: Build, threads: int, seconds: float, limit: float) -> Ready:
        built.append(build.args[0])  # type: ignore[attr-defined]
        if isinstance(times, Exception):
            raise times
        return Ready(MODEL, times)

    monkeypatch.setattr(speed, "try_out", try_out)
    (answer,) = measure_profiles([name], "cpu")
    return answer, built


@pytest.mark.parametrize(
    ("times", "holds"),
    [((2.0, 5.0, 30.0), True), ((8.1, 8.2, 8.3), False), ((2.0, 10.8, 10.9), False)],
    ids=["holds", "the median fills the block", "the allowance is passed"],
)
def test_a_profile_holds_where_an_engine_would_take_it(
    monkeypatch: pytest.MonkeyPatch, times: tuple[float, float, float], holds: bool
) -> None:
    answer, _ = measured(monkeypatch, "live-cpu", StepTimes(*times))
    assert answer.holds is holds
    assert answer.problem.startswith("" if holds else "too slow here: a step takes")
    assert bool(answer.problem) is not holds
    assert (answer.latency, answer.block_ms) == (BLOCK_ALLOWED, 10.0)
    assert answer.real_time_factor == times[0] / 10


def test_the_profiles_own_allowance_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "patient.yaml"
    path.write_text(PROFILE + "live: {allowance: 1000}\n")
    answer, _ = measured(monkeypatch, str(path), StepTimes(2.0, 21.0, 21.0))
    assert answer.holds
    assert answer.latency == BLOCK_ALLOWED + 512


@pytest.mark.parametrize(
    ("name", "weights"), [("live-cpu", "installed"), ("studio", "seeded"), ("dttnet", "seeded")]
)
def test_weights_that_are_missing_are_noise(
    monkeypatch: pytest.MonkeyPatch, name: str, weights: str
) -> None:
    answer, (profile,) = measured(monkeypatch, name, StepTimes(1.0, 1.0, 1.0))
    assert answer.weights == weights
    stages = [profile.separator, *([profile.repair] if profile.repair else [])]
    assert all((stage.weights == SEEDED) is (weights == "seeded") for stage in stages)


@pytest.mark.parametrize(
    ("error", "holds"), [(TooSlowError("no time is left"), False), (ValueError("is\nbroken"), None)]
)
def test_a_profile_that_gives_no_times_is_a_row_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, error: Exception, holds: bool | None
) -> None:
    answer, _ = measured(monkeypatch, "live-cpu", error)
    assert (answer.holds, answer.step_p50) == (holds, None)
    assert answer.problem == one_line(error)


def test_a_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        next(measure_profiles(["live-cpu"], "tpu"))
