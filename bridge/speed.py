"""Speed of profiles on this machine, and whether a live engine would take them."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from restem.bridge.settings import HOST_BLOCK_SIZE, Settings
from restem.models.errors import one_line
from restem.streamer.builder import build_profile, pick_device
from restem.streamer.descriptions import missing_weights
from restem.streamer.engine.latency import count_latency
from restem.streamer.engine.process import TooSlowError, check_speed, try_out
from restem.streamer.engine.worker import Ready
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import SEEDED, Profile, read_profile

MEASURE_SECONDS = 10.0  # of a profile, about
LIMIT_SECONDS = 120.0  # of a profile, in all
COLUMNS = (
    "profile",
    "device",
    "stems",
    "weights",
    "block ms",
    "step p50 ms",
    "p99",
    "worst",
    "real-time factor",
    "latency",
    "holds",
)


@dataclass(frozen=True)
class Speed:
    """A profile on this machine: times in milliseconds, latency in samples; None: not known."""

    profile: str
    device: str
    threads: int
    holds: bool | None = None  # as `restem live` would decide; None: it cannot be built
    problem: str = ""  # why it does not hold, or cannot be built
    weights: str = ""  # installed, or seeded: noise, for they are missing
    stems: int | None = None
    block_ms: float | None = None
    step_p50: float | None = None
    step_p99: float | None = None
    step_worst: float | None = None
    real_time_factor: float | None = None  # of the median step; below 1: faster than the music
    latency: int | None = None  # as `restem live` counts it, the allowance included
    latency_ms: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def row(self) -> tuple[str, ...]:
        """The cells under `COLUMNS`."""

        def number(value: float | None, digits: int = 1) -> str:
            return "" if value is None else f"{value:.{digits}f}"

        latency = f"{self.latency} = {self.latency_ms:.1f} ms" if self.latency else ""
        return (
            self.profile,
            self.device,
            number(self.stems, 0),
            self.weights,
            *map(number, (self.block_ms, self.step_p50, self.step_p99, self.step_worst)),
            number(self.real_time_factor, 2),
            latency,
            {True: "yes", False: "no", None: "cannot be built"}[self.holds],
        )


def measure_profiles(
    names: Iterable[str], device: str = "auto", threads: int = 1
) -> Iterator[Speed]:
    """Measure profiles, each in a process of its own.

    Args:
        names: of the package, or YAML files.
        device: auto, cpu or cuda.
        threads: of PyTorch.

    Raises:
        ValueError: there is no such device.
    """
    place = pick_device(device).type
    for name in names:
        yield _measure(Speed(name, place, threads))


def _measure(speed: Speed) -> Speed:
    try:
        profile = read_profile(speed.profile)
        chosen = _measurable(profile)
        weights = "seeded" if chosen.separator.weights == SEEDED else "installed"
        speed = replace(speed, weights=weights, stems=len(profile.stems))
        build = partial(build_quietly, chosen, speed.device)
        ready = try_out(build, speed.threads, MEASURE_SECONDS, LIMIT_SECONDS)
        allowance = Settings(speed.profile).allowance_at(profile.sample_rate)
        return _judge(speed, ready, allowance)
    except TooSlowError as error:
        return replace(speed, holds=False, problem=str(error))
    except (ValueError, OSError) as error:
        return replace(speed, problem=one_line(error))


def _measurable(profile: Profile) -> Profile:
    """The profile, or with noise for weights if it cannot be built without."""
    return profile.seeded() if missing_weights(profile) else profile


def build_quietly(profile: Profile, device: str) -> StreamingModel:
    """Build a profile; repairs that are missing are no news here."""
    warnings.filterwarnings("ignore", message="no .* weights for ")
    return build_profile(profile, device)


def _judge(speed: Speed, ready: Ready, allowance: int | None) -> Speed:
    model, times = ready.model, ready.times
    rate, block_ms = model["sample_rate"], 1000 * model["block_size"] / model["sample_rate"]
    latency = count_latency(model, HOST_BLOCK_SIZE, allowance)
    measured = replace(
        speed,
        holds=True,
        stems=len(model["stems"]),
        block_ms=block_ms,
        step_p50=times.p50,
        step_p99=times.p99,
        step_worst=times.worst,
        real_time_factor=times.p50 / block_ms,
        latency=latency.total,
        latency_ms=1000 * latency.total / rate,
    )
    try:
        check_speed(ready, latency.allowance)
    except TooSlowError as error:
        return replace(measured, holds=False, problem=str(error))
    return measured
