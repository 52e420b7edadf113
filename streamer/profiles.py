"""Profiles: which networks, with which windows; dataclasses that YAML overrides.

description: one paragraph for people
stems: [vocals, drums]                  # default: all eight
separator:
  network: dtt-bsr                      # a name of `models.zoo.NETWORKS`
  weights: dtt-bsr                      # a set of weights, a path such as `mine/{stem}.safetensors`
                                        # from this file's folder, or `seeded`: noise, for tests
  window: {context: 0, block_size: 0, fade: 0, lookahead: 0}    # samples
repair:                                 # stage 2, may be left out
  network: demucs-l
  weights: demucs-l
  optional: true                        # stems without weights pass unchanged, equally late
  exact: true                           # in windows of its own, at `lookahead` more latency
precision: auto                         # of networks in windows: bfloat16 where the device computes
                                        # in it; float32 (the default), bfloat16, float16
effects: {vocals: [{plugin: Compressor, params: {ratio: 3}}]}    # see `streamer.processors.effect_files`
live: {late: residual, allowance: 2048} # while a step is late: residual, spread or silence; and the
                                        # samples it may take (one model block)
"""

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from restem.models import zoo
from restem.models.cascade import Cascade, Repair, Separator
from restem.models.config import read_named, yaml_names
from restem.models.embedded import EmbeddedCascade
from restem.models.stems import STEMS
from restem.streamer.engine.playback_kernel import Policy
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.graphed import graphed
from restem.streamer.model.protocol import Parallel, Series, StreamingModel
from restem.streamer.processors.effect_files import (
    Effected,
    load_effects,
    parse_effects,
    read_effects,
)

DEVICES = ("auto", "cpu", "cuda")
DEFAULT = "live-cpu"
SEEDED = "seeded"
LATE = tuple(policy.name.lower() for policy in Policy)
PRECISIONS = ("float32", "bfloat16", "float16", "auto")
NATIVE, WINDOWED, REPAIRS = ("embedded",), ("dtt-bsr", "dttnet"), ("demucs-l",)


@dataclass(frozen=True)
class Window:
    """What an offline network sees each step, in samples; see `streamer.model.chunked`."""

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
class RepairConfig:
    """Stage 2; `exact` gives it windows of its own, otherwise it shares the separator's."""

    network: str = "demucs-l"
    weights: str = "demucs-l"
    params: dict[str, Any] = field(default_factory=dict)
    optional: bool = True
    exact: bool = True


@dataclass(frozen=True)
class LiveConfig:
    """What a live engine does with a profile; see `streamer.engine.engine`."""

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
    repair: RepairConfig | None = None
    stems: tuple[str, ...] = STEMS
    effects: dict[str, Any] = field(default_factory=dict)  # of stems, paths resolved
    live: LiveConfig = LiveConfig()
    precision: str = PRECISIONS[0]

    @property
    def sample_rate(self) -> int:
        """Of the networks, in Hz."""
        return zoo.NETWORKS[self.separator.network].sample_rate


def profile_names() -> list[str]:
    """The profiles in the package, the default first."""
    return sorted(yaml_names(resources.files("configs")), key=lambda name: (name != DEFAULT, name))


def load_profile(
    name_or_path: str | Path,
    device: str = "auto",
    stems: Sequence[str] | None = None,
    effects: str | Path | None = None,
) -> StreamingModel:
    """Build a profile.

    Args:
        name_or_path: a profile of the package, or a YAML file.
        device: auto (CUDA where there is one), cpu or cuda.
        stems: which stems to restore, all of the profile if None; fewer cost less.
        effects: a YAML file of them, in place of the profile's own; see `streamer.processors.effect_files`. Where
            there are VST3s, build on the main thread.

    Raises:
        ValueError: an unknown name, key or stem, or weights or plugins that are missing or wrong.
    """
    profile = read_profile(name_or_path)
    if effects is not None:
        profile = dataclasses.replace(profile, effects=dict(read_effects(effects)))
        _check_effects(profile, Path(effects).name)
    return build_profile(profile, device, stems)


def read_profile(name_or_path: str | Path) -> Profile:
    """Read a profile of the package, or any YAML file, without building it.

    Raises:
        ValueError: there is no such profile, or a key or a value in it is wrong.
    """
    profile: Profile
    profile, where = read_named(Profile, name_or_path, resources.files("configs"), "profile")
    folder = Path(name_or_path).parent
    effects = parse_effects(profile.effects, where, folder)
    profile = dataclasses.replace(profile, effects=dict(effects))
    _check(profile, where)
    return _located(profile, folder)


def _located(profile: Profile, folder: Path) -> Profile:
    """Resolve the paths of weights from the profile's own folder."""

    def located(stage: Any) -> Any:
        if stage is None or not zoo.is_weights_path(stage.weights):
            return stage
        return dataclasses.replace(stage, weights=str(folder / Path(stage.weights).expanduser()))

    return dataclasses.replace(
        profile, separator=located(profile.separator), repair=located(profile.repair)
    )


def _weights_name(config: SeparatorConfig | RepairConfig, stem: str) -> str:
    if zoo.is_weights_path(config.weights):
        return config.weights.replace("{stem}", stem)
    return f"{config.weights}/{stem}"


def build_profile(
    profile: Profile, device: str = "auto", stems: Sequence[str] | None = None
) -> StreamingModel:
    """Build the streaming model that a profile describes; arguments as in `load_profile`."""
    model = _build_model(profile, pick_device(device), pick_stems(profile.stems, stems))
    effects = {stem: plugins for stem, plugins in profile.effects.items() if stem in model.stems}
    return Effected(model, load_effects(effects)) if effects else model


def _build_model(profile: Profile, place: torch.device, stems: Sequence[str]) -> StreamingModel:
    if profile.separator.window is None:
        native: EmbeddedCascade = _network(profile.separator, profile.separator.weights, seed=0)
        return graphed(native.select(pick_stems(native.stems, stems)).to(place))
    places = gpus_like_the_first() if place.type == "cuda" else [place]
    shares = [stems[number :: len(places)] for number in range(len(places))]
    models = [
        graphed(_build_windowed(profile, here, share))
        for here, share in zip(places, shares, strict=True)
        if share
    ]
    return models[0] if len(models) == 1 else Parallel(*models, stems=stems)


def _build_windowed(profile: Profile, place: torch.device, stems: Sequence[str]) -> StreamingModel:
    assert profile.separator.window is not None
    dtype = pick_precision(profile.precision, place)
    networks = stage_networks(profile.separator, profile.stems, stems)
    separator = Separator(networks, profile.sample_rate, dtype, together=place.type != "cpu")
    window = dataclasses.asdict(profile.separator.window)
    if profile.repair is None:
        return Chunked(separator.to(place), **window)
    repair = _repair(profile, profile.repair, stems, dtype)
    if not profile.repair.exact:
        return Chunked(Cascade(separator, repair).to(place), **window)
    block_size = profile.separator.window.block_size
    if repair.normalizes:
        raise ValueError(
            f"{profile.repair.network} with normalize cannot be exact: set exact: false"
        )
    if block_size % repair.stride:
        raise ValueError(
            f"an exact repair needs a block_size in multiples of {repair.stride}, got {block_size}"
        )
    return Series(
        Chunked(separator.to(place), **window),
        Chunked(
            repair.to(place),
            block_size=block_size,
            context=repair.context,
            lookahead=repair.lookahead,
        ),
    )


def gpus_like_the_first() -> list[torch.device]:
    """The GPUs to share stems among: one of another kind would hold the others up."""
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return [torch.device("cuda", n) for n, name in enumerate(names) if name == names[0]]


def stage_networks(
    config: SeparatorConfig | RepairConfig, stems: Sequence[str], wanted: Iterable[str]
) -> dict[str, Any]:
    """The networks of a stage, by stem, each as it was trained; `stems` are all of the profile."""
    return {
        stem: _network(config, _weights_name(config, stem), stems.index(stem)) for stem in wanted
    }


def describe_profiles() -> list[dict[str, Any]]:
    """The package's profiles for people and scripts, latency included, without their weights."""
    rows = []
    for name in profile_names():
        profile = read_profile(name)
        networks = [profile.separator.network]
        networks += [profile.repair.network] if profile.repair else []
        block_size, latency = _geometry(profile)
        rows.append(
            {
                "name": name,
                "networks": networks,
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


def _geometry(profile: Profile) -> tuple[int, int]:
    """Block size and latency, without the weights."""
    separator = profile.separator
    window = separator.window
    if window is None:
        if separator.weights != SEEDED and zoo.has_weights(separator.weights):
            described = zoo.describe_weights(zoo.find_weights(separator.weights))
            separator = dataclasses.replace(separator, params=dict(described.params))
        native = _blank(separator)
        return native.block_size, native.latency
    latency = window.fade + window.lookahead
    if profile.repair is not None and profile.repair.exact:
        latency += _blank(profile.repair).receptive_field[1]
    return window.block_size, latency


def _readiness(profile: Profile) -> str:
    """Whether a profile's weights are here, and if not, what to do."""
    config = profile.separator
    names = [config.weights]
    if config.window is not None:
        names = [_weights_name(config, stem) for stem in profile.stems]
    missing = [name for name in names if not zoo.has_weights(name)]
    if missing:
        offer = zoo.published_weights(missing[0])
        whole_set = f"restem weights fetch {config.weights}"
        remedy = whole_set if offer and offer.source else zoo.remedy(missing[0])
        return f"{len(missing)} of {len(names)} weights missing: {remedy}"
    if profile.repair is not None:
        repairs = [_weights_name(profile.repair, stem) for stem in profile.stems]
        if not all(map(zoo.has_weights, repairs)):
            return "yes, not every stem repaired"
    return "yes"


def pick_device(device: str) -> torch.device:
    """Turn `auto`, `cpu` or `cuda` into a device that is there."""
    if device not in DEVICES:
        raise ValueError(f"unknown device '{device}'; expected one of {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda: PyTorch finds no CUDA GPU here; use --device cpu")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)


def pick_precision(precision: str, device: torch.device) -> torch.dtype:
    """What networks compute in; `auto` is bfloat16 where that is several times faster."""
    if precision != "auto":
        dtype: torch.dtype = getattr(torch, precision)
        return dtype
    if device.type == "cuda":
        fast = torch.cuda.get_device_properties(device).major >= 8  # Ampere
    else:
        able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # since PyTorch 2.10
        fast = bool(able.get("amx_bf16"))
    return torch.bfloat16 if fast else torch.float32


def pick_stems(available: Sequence[str], wanted: Iterable[str] | None) -> tuple[str, ...]:
    """The wanted stems in the profile's order, all of them for None.

    Raises:
        ValueError: a stem is unknown, or none is wanted.
    """
    if wanted is None:
        return tuple(available)
    wanted = list(wanted)
    for stem in wanted:
        if stem not in available:
            raise ValueError(f"unknown stem '{stem}'; expected one of {', '.join(available)}")
    if not wanted:
        raise ValueError(f"no stem was asked for; expected some of {', '.join(available)}")
    return tuple(stem for stem in available if stem in wanted)


def _check(profile: Profile, where: str) -> None:
    """Raise ValueError, one line with the place, unless the parts of a profile fit together."""
    separator, repair = profile.separator, profile.repair
    _check_stage(separator, (*NATIVE, *WINDOWED), f"{where}: separator")
    if not profile.stems or len(set(profile.stems)) < len(profile.stems):
        raise ValueError(f"{where}: stems: expected names, each once, got {list(profile.stems)}")
    _check_effects(profile, where)
    if profile.precision not in PRECISIONS:
        choices = f"expected one of {', '.join(PRECISIONS)}, got '{profile.precision}'"
        raise ValueError(f"{where}: precision: {choices}")
    native = separator.network in NATIVE
    if native and profile.precision != PRECISIONS[0]:
        raise ValueError(f"{where}: precision: {separator.network} computes in {PRECISIONS[0]}")
    if native and separator.window is not None:
        raise ValueError(f"{where}: separator: {separator.network} streams natively: no window")
    if not native and separator.window is None:
        raise ValueError(
            f"{where}: separator: {separator.network} does not stream natively: give it a window"
        )
    if repair is None:
        return
    if native:
        raise ValueError(f"{where}: repair: {separator.network} has a repair of its own")
    _check_stage(repair, REPAIRS, f"{where}: repair")


def _check_effects(profile: Profile, where: str) -> None:
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


def _network(config: SeparatorConfig | RepairConfig, weights: str, seed: int) -> Any:
    """A network with its weights, or with seeded noise for weights."""
    if config.weights != SEEDED:
        path = zoo.find_weights(weights)
        if (found := zoo.describe_weights(path).network) != config.network:
            raise ValueError(f"{path}: weights of {found}, but the profile wants {config.network}")
        return zoo.load_network(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(config).eval().requires_grad_(False)


def _build(config: SeparatorConfig | RepairConfig) -> Any:
    info = zoo.NETWORKS[config.network]
    try:
        return info.build({**info.params, **config.params})
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(f"{config.network}: params: {error}") from error


def _repair(
    profile: Profile, config: RepairConfig, stems: Sequence[str], dtype: torch.dtype
) -> Repair:
    seeded = config.weights == SEEDED
    names = {stem: _weights_name(config, stem) for stem in stems}
    missing = [s for s, name in names.items() if not seeded and not zoo.has_weights(name)]
    if missing and not config.optional:
        zoo.find_weights(names[missing[0]])
    if missing:
        warnings.warn(
            f"no {config.network} weights for {', '.join(missing)}: "
            "these stems leave the separator unrepaired",
            stacklevel=6,
        )
    networks = stage_networks(config, profile.stems, [s for s in stems if s not in missing])
    geometry = next(iter(networks.values())) if networks else _blank(config)
    return Repair(networks, stems, geometry, profile.sample_rate, dtype)


def _blank(config: SeparatorConfig | RepairConfig) -> Any:
    """The network without weights or memory: only its geometry."""
    with torch.device("meta"):
        return _build(config)
