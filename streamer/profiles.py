"""Profiles: which networks, with which windows; dataclasses that YAML overrides.

description: one paragraph for people
stems: [vocals, drums]                  # default: all eight
separator:
  network: dtt-bsr                      # a name of `models.zoo.NETWORKS`
  weights: dtt-bsr                      # a set of weights, or `mine/{stem}` for one a stem; a path
                                        # such as `mine/{stem}.safetensors` from this file's folder,
                                        # or `seeded`: noise, for tests
  window: {context: 0, block_size: 0, fade: 0, lookahead: 0}    # samples
extractor:                              # takes some stems out of the mix first, so that the
  stems: [vocals]                       # separator gets what remains; may be left out
  network: spleeter                     # at its own rate, as `window` is
  weights: spleeter/2stems
  window: {context: 0, block_size: 0, fade: 0, lookahead: 0}
repair:                                 # stage 2, may be left out
  network: demucs-l
  weights: demucs-l
  optional: true                        # stems without weights pass unchanged, equally late
  exact: true                           # in windows of its own, at `lookahead` more latency
precision: auto                         # of networks in windows: bfloat16 where the device computes
                                        # in it; float32 (the default), bfloat16, float16
effects: {vocals: [{plugin: Compressor, params: {ratio: 3}}]}    # see `processors.effect_files`
live: {late: residual, allowance: 2048} # while a step is late: residual, spread or silence; and the
                                        # samples it may take (one model block)
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from restem.models import zoo
from restem.models.config import read_named, yaml_names
from restem.models.joint import Joint
from restem.models.stems import STEMS
from restem.models.weights import store
from restem.streamer.engine.playback_kernel import LatePolicy
from restem.streamer.processors.effect_files import parse_effects

DEVICES = ("auto", "cpu", "cuda")
DEFAULT = "live-cpu"
SEEDED = "seeded"
LATE = tuple(policy.name.lower() for policy in LatePolicy)
ONE_EACH = "{stem}"  # in a name of weights: each stem has its own
PRECISIONS = ("float32", "bfloat16", "float16", "auto")
NATIVE = zoo.network_names("separator", "cascade", streams=True)
WINDOWED = zoo.network_names("separator", "joint", streams=False)
STAGES = ("extractor", "separator", "repair")
REPAIRS = zoo.network_names("repair")


@dataclass(frozen=True)
class Window:
    """Sizes of an offline network's input, in samples; see `streamer.model.chunked`."""

    block_size: int
    context: int = 0
    fade: int = 0
    lookahead: int = 0


@dataclass(frozen=True)
class SeparatorConfig:
    """Stage 1; `window` is None for networks that stream natively."""

    network: str
    weights: str
    params: dict[str, Any] = field(default_factory=dict)  # overrides the published ones, if seeded
    window: Window | None = None


@dataclass(frozen=True)
class ExtractorConfig(SeparatorConfig):
    """A stage before stage 1; `window` in samples at its network's own rate."""

    stems: tuple[str, ...] = ()


@dataclass(frozen=True)
class RepairConfig:
    """Stage 2; `exact` gives it windows of its own, otherwise it shares the separator's."""

    network: str = "demucs-l"
    weights: str = "demucs-l"
    params: dict[str, Any] = field(default_factory=dict)
    optional: bool = True
    exact: bool = True


def weights_name(config: SeparatorConfig | RepairConfig, stem: str) -> str:
    """Name, or path, of the weights that a stem is from."""
    if ONE_EACH in config.weights:
        return config.weights.replace(ONE_EACH, stem)
    all_in_one = zoo.NETWORKS[config.network].all_in_one
    is_complete = all_in_one or store.is_weights_path(config.weights)
    return config.weights if is_complete else f"{config.weights}/{stem}"


@dataclass(frozen=True)
class LiveConfig:
    """Live settings of a profile; see `streamer.engine.engine`."""

    late: str = "residual"
    allowance: int | None = None  # samples at the networks' rate

    def __post_init__(self) -> None:
        if self.late not in LATE:
            raise ValueError(f"late: expected one of {', '.join(LATE)}, got '{self.late}'")
        if self.allowance is not None and self.allowance < 1:
            raise ValueError(f"allowance: expected samples, at least 1, got {self.allowance}")


@dataclass(frozen=True)
class Profile:
    """A whole cascade, ready to be built."""

    description: str
    separator: SeparatorConfig
    extractor: ExtractorConfig | None = None
    repair: RepairConfig | None = None
    stems: tuple[str, ...] = STEMS
    effects: dict[str, Any] = field(default_factory=dict)  # of stems, paths resolved
    live: LiveConfig = LiveConfig()
    precision: str = PRECISIONS[0]

    @cached_property
    def sample_rate(self) -> int:
        """Rate of the networks, in Hz: of their weights where these tell it."""
        separator, name = self.separator, weights_name(self.separator, self.stems[0])
        params = separator.params
        if separator.weights != SEEDED and store.has_weights(name):
            params = dict(store.describe_weights(store.find_weights(name)).params)
        return zoo.sample_rate_of(separator.network, params)

    def allowance_at(self, sample_rate: int) -> int | None:
        """Frames of a device at a rate in Hz that a step may take; None for one model block."""
        allowance = self.live.allowance
        return allowance and math.ceil(allowance * sample_rate / self.sample_rate)

    @property
    def stages(self) -> dict[str, Any]:
        """Stages that are there, by their keys in the file, as the mix passes them."""
        stages = {name: getattr(self, name) for name in STAGES}
        return {name: stage for name, stage in stages.items() if stage is not None}

    def seeded(self) -> "Profile":
        """The same with noise for weights, for where they are missing: its speed is the same."""
        noise = {
            name: dataclasses.replace(stage, weights=SEEDED) for name, stage in self.stages.items()
        }
        return dataclasses.replace(self, **noise)

    @property
    def extraction(self) -> "Profile":
        """The extractor alone, as a profile."""
        assert self.extractor is not None
        values = {f.name: getattr(self.extractor, f.name) for f in fields(SeparatorConfig)}
        return Profile("", SeparatorConfig(**values), stems=self.extractor.stems)

    @property
    def remainder(self) -> "Profile":
        """The stages that get the rest of the mix, as a profile."""
        extracted = self.extractor.stems if self.extractor else ()
        stems = tuple(stem for stem in self.stems if stem not in extracted)
        return dataclasses.replace(self, extractor=None, stems=stems)


def profile_names() -> list[str]:
    """The profiles in the package, the default first."""
    return sorted(
        yaml_names(resources.files("restem.configs")), key=lambda name: (name != DEFAULT, name)
    )


def read_profile(name_or_path: str | Path) -> Profile:
    """Read a profile of the package, or any YAML file, without building it.

    The name of installed weights that have all stems of their network, as `mine/vocals`, means that
    network in windows for files.

    Raises:
        ValueError: there is no such profile, or a key or a value in it is wrong.
    """
    if store.NAME.fullmatch(str(name_or_path)):
        return _of_weights(str(name_or_path))
    profile: Profile
    profile, where = read_named(Profile, name_or_path, resources.files("restem.configs"), "profile")
    folder = Path(name_or_path).parent
    effects = parse_effects(profile.effects, where, folder)
    profile = dataclasses.replace(profile, effects=dict(effects))
    _check(profile, where)
    return _located(profile, folder)


def _of_weights(name: str) -> Profile:
    path = store.find_weights(name)
    described = store.describe_weights(path)
    info = zoo.network_info(described.network, str(path))
    if info.role != "joint":
        raise ValueError(
            f"{name}: weights of {info.name} make no profile by themselves; write one: see README"
        )
    with torch.device("meta"):
        network = zoo.build_network(info.name, described.params, str(path))
    assert isinstance(network, Joint)
    separator = SeparatorConfig(info.name, name, window=Window(**network.file_window()))
    return Profile(f"{info.name} with weights {name}, for files.", separator, stems=network.stems)


def _located(profile: Profile, folder: Path) -> Profile:
    """Resolve the paths of weights from the profile's own folder."""

    def located(stage: Any) -> Any:
        if not store.is_weights_path(stage.weights):
            return stage
        return dataclasses.replace(stage, weights=str(folder / Path(stage.weights).expanduser()))

    stages = {name: located(stage) for name, stage in profile.stages.items()}
    return dataclasses.replace(profile, **stages)


def _check(profile: Profile, where: str) -> None:
    """Raise ValueError, one line with the place, unless the parts of a profile fit together."""
    separator, repair = profile.separator, profile.repair
    _check_separator(separator, f"{where}: separator")
    if not profile.stems or len(set(profile.stems)) < len(profile.stems):
        raise ValueError(f"{where}: stems: expected names, each once, got {list(profile.stems)}")
    check_effects(profile, where)
    if profile.precision not in PRECISIONS:
        choices = f"expected one of {', '.join(PRECISIONS)}, got '{profile.precision}'"
        raise ValueError(f"{where}: precision: {choices}")
    native = separator.network in NATIVE
    if native and profile.precision != PRECISIONS[0]:
        raise ValueError(f"{where}: precision: {separator.network} computes in {PRECISIONS[0]}")
    if profile.extractor is not None:
        _check_extractor(profile, profile.extractor, f"{where}: extractor")
    if repair is None:
        return
    if native:
        raise ValueError(f"{where}: repair: {separator.network} streams natively: no repair")
    _check_stage(repair, REPAIRS, f"{where}: repair")


def _check_separator(config: SeparatorConfig, where: str) -> None:
    _check_stage(config, (*NATIVE, *WINDOWED), where)
    native = config.network in NATIVE
    if native and config.window is not None:
        raise ValueError(f"{where}: {config.network} streams natively: no window")
    if not native and config.window is None:
        raise ValueError(f"{where}: {config.network} does not stream natively: give it a window")


def _check_extractor(profile: Profile, config: ExtractorConfig, where: str) -> None:
    _check_separator(config, where)
    others = [stem for stem in profile.stems if stem not in config.stems]
    if not config.stems or not others or not set(config.stems) < set(profile.stems):
        choices = ", ".join(profile.stems)
        raise ValueError(
            f"{where}: stems: expected some of {choices}, but not all, got {list(config.stems)}"
        )


def check_effects(profile: Profile, where: str) -> None:
    for stem in profile.effects:
        if stem not in profile.stems:
            choices = ", ".join(profile.stems)
            raise ValueError(f"{where}: effects: unknown stem '{stem}'; expected one of {choices}")


def _check_stage(
    config: SeparatorConfig | RepairConfig, networks: Sequence[str], where: str
) -> None:
    if config.network not in networks:
        choices = ", ".join(networks)
        raise ValueError(f"{where}: unknown network '{config.network}'; expected one of {choices}")
    if config.params and config.weights != SEEDED:
        raise ValueError(f"{where}: params: weights bring their own; only for weights: {SEEDED}")
