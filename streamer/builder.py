"""From a profile to a streaming model."""

import dataclasses
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from restem.models import zoo
from restem.models.cascade import CHANNELS, Cascade, Repair, Separator
from restem.models.embedded import EmbeddedCascade
from restem.models.weights import store
from restem.models.weights.published import published_weights
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Delayed, Extraction, Parallel, Series
from restem.streamer.model.graphed import graphed
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.model.reblocked import reblocking
from restem.streamer.model.resampled import Resampled, at_rate
from restem.streamer.processors.effect_files import load_effects, read_effects
from restem.streamer.processors.effected import Effected
from restem.streamer.profiles import (
    DEVICES,
    SEEDED,
    Profile,
    RepairConfig,
    SeparatorConfig,
    Window,
    check_effects,
    read_profile,
    weights_name,
)


@dataclass(frozen=True)
class ModelRequest:
    """A model that is wanted: picklable, and built by a call, in whichever process.

    Args:
        profile: with the effects that are wanted; see `profile_with_effects`.
        device: auto, cpu or cuda.
        stems: all of the profile if None.
        sample_rate: Hz that it is to run at; the profile's if None.
    """

    profile: Profile
    device: str = "auto"
    stems: tuple[str, ...] | None = None
    sample_rate: int | None = None

    def __call__(self) -> StreamingModel:
        model = build_profile(self.profile, self.device, self.stems)
        return at_rate(model, self.sample_rate or self.profile.sample_rate)


def profile_with_effects(name_or_path: str | Path, effects: str | Path | None = None) -> Profile:
    """Read a profile; a YAML file of effects takes the place of its own.

    Raises:
        ValueError: a name, key or stem is unknown, or an effect is wrong.
    """
    profile = read_profile(name_or_path)
    if effects is not None:
        profile = dataclasses.replace(profile, effects=dict(read_effects(effects)))
        check_effects(profile, Path(effects).name)
    return profile


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
        effects: a YAML file of them, in place of the profile's own; see `processors.effect_files`.
            Where there are VST3s, build on the main thread.

    Raises:
        ValueError: an unknown name, key or stem, or weights or plugins that are missing or wrong.
    """
    return build_profile(profile_with_effects(name_or_path, effects), device, stems)


def build_profile(
    profile: Profile, device: str = "auto", stems: Sequence[str] | None = None
) -> StreamingModel:
    """Build the streaming model that a profile describes; arguments as in `load_profile`."""
    model = _build_model(profile, pick_device(device), pick_stems(profile.stems, stems))
    effects = {stem: plugins for stem, plugins in profile.effects.items() if stem in model.stems}
    return Effected(model, load_effects(effects)) if effects else model


def _build_model(profile: Profile, place: torch.device, stems: Sequence[str]) -> StreamingModel:
    if profile.extractor is not None:
        return _build_extraction(profile, place, stems)
    if profile.separator.window is None:
        return graphed(_build_native(profile, stems).to(place))
    if zoo.NETWORKS[profile.separator.network].all_in_one:
        return _build_joint(profile.separator, profile.separator.window, place, stems)
    places = gpus_like_the_first() if place.type == "cuda" else [place]
    shares = [stems[number :: len(places)] for number in range(len(places))]
    models = [
        graphed(_build_windowed(profile, here, share))
        for here, share in zip(places, shares, strict=True)
        if share
    ]
    return models[0] if len(models) == 1 else Parallel(*models, stems=stems)


def _build_joint(
    config: SeparatorConfig, window: Window, place: torch.device, stems: Sequence[str]
) -> StreamingModel:
    """Networks with several stems each: one for all, or one for each that is named."""
    names = {stem: weights_name(config, stem) for stem in stems}
    check_weights(config, names.values())
    models = []
    for name in dict.fromkeys(names.values()):
        network = _network(config, name, seed=0)
        own = [stem for stem in stems if names[stem] == name]
        chosen = network.select(pick_stems(network.stems, own)).to(place)
        models.append(graphed(Chunked(chosen, **dataclasses.asdict(window))))
    return models[0] if len(models) == 1 else Parallel(*models, stems=stems)


def _build_native(profile: Profile, stems: Sequence[str]) -> Any:
    separator = profile.separator
    if stream := zoo.NETWORKS[separator.network].stream:
        return stream(stage_networks(separator, profile.stems, stems))
    native: EmbeddedCascade = _network(separator, separator.weights, seed=0)
    return native.select(pick_stems(native.stems, stems))


def _build_extraction(
    profile: Profile, place: torch.device, stems: Sequence[str]
) -> StreamingModel:
    """Take all of the extractor's stems out of the mix, whichever of them are wanted."""
    extraction, remainder = profile.extraction, profile.remainder
    others = [stem for stem in stems if stem in remainder.stems]
    extracted = extraction.stems if others else stems
    first = _in_step(_build_model(extraction, place, extracted), profile.sample_rate)
    if others:
        return Extraction(first, _build_model(remainder, place, others), stems)
    block_size, latency = geometry(remainder)
    return Delayed(first, latency + reblocking(first.block_size, block_size))


def _in_step(model: StreamingModel, sample_rate: int) -> StreamingModel:
    """The model at that rate, without waiting for more than its own blocks."""
    if model.sample_rate == sample_rate:
        return model
    return Resampled(model, sample_rate, in_step=True)


def _build_windowed(profile: Profile, place: torch.device, stems: Sequence[str]) -> StreamingModel:
    assert profile.separator.window is not None
    dtype = pick_precision(profile.precision, place)
    networks = stage_networks(profile.separator, profile.stems, stems)
    separator = Separator(
        networks,
        profile.sample_rate,
        dtype,
        together=place.type != "cpu",
        inference=zoo.NETWORKS[profile.separator.network].inference,
    )
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
    """The networks of a stage, by stem, each as it was trained; `stems` are all of the profile.

    Raises:
        ValueError: weights are missing; one line names them all.
    """
    names = {stem: weights_name(config, stem) for stem in wanted}
    check_weights(config, names.values())
    return {stem: _network(config, name, stems.index(stem)) for stem, name in names.items()}


def check_weights(config: SeparatorConfig | RepairConfig, names: Iterable[str]) -> None:
    """Refuse weights that are missing; one line names them all."""
    if config.weights == SEEDED:
        return
    missing = [name for name in dict.fromkeys(names) if not store.has_weights(name)]
    if missing:
        wanting = ", ".join(f"'{name}'" for name in missing)
        raise ValueError(f"no weights {wanting} here: {how_to_complete(config, missing)}")


def how_to_complete(config: SeparatorConfig | RepairConfig, missing: Sequence[str]) -> str:
    """Explain how to get the missing weights of a set: all at once where that is offered."""
    offer = published_weights(missing[0])
    if offer and offer.source and len(missing) > 1:
        return f"restem weights fetch {config.weights}"
    return store.how_to_get(missing[0])


def weights_files(profile: Profile, stems: Iterable[str] | None = None) -> list[Path]:
    """The files that wanted stems of a profile are built from, where they are here."""
    names: list[str] = []
    wanted = pick_stems(profile.stems, stems)
    for stage in profile.stages.values():
        if stage.weights != SEEDED:
            names += [weights_name(stage, stem) for stem in wanted]
    return [store.find_weights(name) for name in dict.fromkeys(names) if store.has_weights(name)]


def geometry(profile: Profile) -> tuple[int, int]:
    """Block size and latency, without the weights."""
    if profile.extractor is not None:
        first = _in_step(_outline(profile.extraction), profile.sample_rate)
        block_size, latency = geometry(profile.remainder)
        late = latency + reblocking(first.block_size, block_size)
        return first.block_size, first.latency + late
    outline = _outline(profile)
    latency = outline.latency
    if profile.repair is not None and profile.repair.exact:
        latency += _blank(profile.repair).receptive_field[1]
    return outline.block_size, latency


def _outline(profile: Profile) -> StreamingModel:
    """The separator's sizes as a model that cannot step."""
    separator = profile.separator
    if separator.window is not None:
        network = _Outline(profile.sample_rate, profile.stems)
        return Chunked(network, **dataclasses.asdict(separator.window))
    name = weights_name(separator, profile.stems[0])
    if separator.weights != SEEDED and store.has_weights(name):
        described = store.describe_weights(store.find_weights(name))
        separator = dataclasses.replace(separator, params=dict(described.params))
    native: EmbeddedCascade = _blank(separator)
    stream = zoo.NETWORKS[separator.network].stream
    return stream({profile.stems[0]: native}) if stream else native


class _Outline:
    """An offline network without an answer."""

    channels, input_shape, device = CHANNELS, (CHANNELS,), torch.device("cpu")

    def __init__(self, sample_rate: int, stems: tuple[str, ...]) -> None:
        self.sample_rate, self.stems = sample_rate, stems

    def __call__(self, audio: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError


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
    """Data type of networks; `auto` is bfloat16 where that is several times faster."""
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


def _network(config: SeparatorConfig | RepairConfig, weights: str, seed: int) -> Any:
    """A network with its weights, or with seeded noise for weights."""
    if config.weights != SEEDED:
        path = store.find_weights(weights)
        if (found := store.describe_weights(path).network) != config.network:
            raise ValueError(f"{path}: weights of {found}, but the profile wants {config.network}")
        return store.load_network(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(config).eval().requires_grad_(False)


def _build(config: SeparatorConfig | RepairConfig) -> Any:
    info = zoo.NETWORKS[config.network]
    try:
        return info.build({**info.params, **config.params}).float()
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise ValueError(f"{config.network}: params: {error}") from error


def _repair(
    profile: Profile, config: RepairConfig, stems: Sequence[str], dtype: torch.dtype
) -> Repair:
    seeded = config.weights == SEEDED
    names = {stem: weights_name(config, stem) for stem in stems}
    may_pass = config.optional and not seeded  # otherwise `stage_networks` refuses
    missing = [s for s, name in names.items() if may_pass and not store.has_weights(name)]
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
