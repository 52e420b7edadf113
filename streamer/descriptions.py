"""Descriptions of profiles before they are built: sizes, latency, weights that are missing."""

from collections.abc import Iterable
from typing import Any

from restem.models.weights import store
from restem.streamer.builder import geometry, how_to_complete
from restem.streamer.model.resampled import sizes_at_rate
from restem.streamer.profiles import (
    SEEDED,
    Profile,
    RepairConfig,
    SeparatorConfig,
    profile_names,
    read_profile,
    weights_name,
)


def describe_profiles() -> list[dict[str, Any]]:
    """The package's profiles for people and scripts, latency included, without their weights."""
    rows = []
    for name in profile_names():
        profile = read_profile(name)
        block_size, latency = geometry(profile)
        rows.append(
            {
                "name": name,
                "networks": [stage.network for stage in profile.stages.values()],
                "stems": list(profile.stems),
                "sample_rate": profile.sample_rate,
                "block_size": block_size,
                "latency": latency,
                "latency_ms": 1000 * latency / profile.sample_rate,
                "ready": _readiness(profile),
                "description": profile.description,
            }
        )
    return rows


def missing_weights(profile: Profile) -> dict[str, SeparatorConfig | RepairConfig]:
    """Names of weights that a profile cannot do without and that are not here, and their stages."""
    return {name: stage for name, stage in _needed(profile).items() if not store.has_weights(name)}


def _needed(profile: Profile) -> dict[str, SeparatorConfig | RepairConfig]:
    """Weights by name, but for noise and for those of a repair, and their stages."""
    stages = [(profile.separator, profile.remainder.stems)]
    if profile.extractor is not None:
        stages.insert(0, (profile.extractor, profile.extractor.stems))
    return {
        weights_name(stage, stem): stage
        for stage, stems in stages
        for stem in stems
        if stage.weights != SEEDED
    }


def describe_geometry(profile: Profile, sample_rates: Iterable[int]) -> list[dict[str, int]]:
    """The block_size, latency and allowance of a profile at devices' rates, without its weights.

    All in frames at the rate in Hz, as its model and `Settings.allowance_at` will have them.

    Raises:
        ValueError: as `at_rate`, or it has effects, whose latency only a run of them shows.
    """
    if profile.effects:
        raise ValueError("a profile with effects: its latency is known only once it is built")
    own, described = geometry(profile), []
    for rate in sample_rates:
        block_size, latency = sizes_at_rate(*own, profile.sample_rate, rate)
        allowance = profile.allowance_at(rate) or block_size
        described.append({"block_size": block_size, "latency": latency, "allowance": allowance})
    return described


def _readiness(profile: Profile) -> str:
    """State of a profile's weights: here, or how to get them."""
    if missing := missing_weights(profile):
        stage = next(iter(missing.values()))
        remedy = how_to_complete(stage, [n for n, its in missing.items() if its is stage])
        return f"{len(missing)} of {len(_needed(profile))} weights missing: {remedy}"
    if profile.repair is not None:
        repairs = [weights_name(profile.repair, stem) for stem in profile.stems]
        if not all(map(store.has_weights, repairs)):
            return "yes, not every stem repaired"
    return "yes"
