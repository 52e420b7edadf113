"""Effects on stems: plugins behind a model, in step with it, and how YAML describes them.

effects:
  vocals:                                # a stem; its plugins, one after the other
    - plugin: Compressor                 # one of Pedalboard's
      params: {threshold_db: -20, ratio: 3}
    - plugin: limiter/ZaMaximX2.vst3     # or a plugin's path, from this file's folder
      params: {threshold_db: -12}
      preset: loud.vstpreset             # loaded before `params` are set
      name: ZaMaximX2                    # which, where a file has several

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pedalboard
import torch
from torch import Tensor

from restem.models.config import from_mapping, read_yaml
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.processors.chain import Chain
from restem.streamer.processors.nodes import Segment, arrange, begin_line, parts_of, push_through
from restem.streamer.resampler import Audio

MEASURED_SECONDS = 1.0  # of noise, to see how late an effect is
LONGEST_SECONDS = 30.0
SUFFIXES = (".vst3", ".component")  # of plugins' files

Effect = Any  # what a chain may hold, or a list of it


class EffectedState(NamedTuple):
    """What one step hands to the next, but for what the plugins themselves remember."""

    model: Any
    waiting: tuple[Audio, ...]  # [c, n] of each stem
    run: int  # which stream the plugins are in
    steps: int  # that they have taken


class Effected:
    """A streaming model whose stems go through effects, each stem through its own.

    The effects get blocks of `block_size`, always. Stems whose effects are less late wait for the
    others, so that all stay aligned: latency is the model's plus the latest effect's.

    The plugins remember on their own. There is one set of them, so there is one stream at a time:
    `init_state` makes them forget, and ends the stream before it. VST3s want it on the main thread.

    Args:
        model: what to run.
        effects: for some of its stems, a plugin or board, or a list of them; each plugin once.

    Raises:
        ValueError: a stem is unknown, or an effect does not stream, or not these channels.
    """

    def __init__(self, model: StreamingModel, effects: Mapping[str, Effect]) -> None:
        for stem in effects:
            if stem not in model.stems:
                choices = ", ".join(model.stems)
                raise ValueError(f"effects: unknown stem '{stem}'; expected one of {choices}")
        self.model, self.effects = model, dict(effects)
        self.sample_rate, self.channels = model.sample_rate, model.channels
        self.stems, self.block_size, self.device = model.stems, model.block_size, model.device
        self._lines = [_line(effects[s], s) if s in effects else [] for s in model.stems]
        parts = [id(part) for line in self._lines for part in parts_of(line)]
        if len(set(parts)) < len(parts):
            raise ValueError("effects: one plugin is there twice; load one for each place")
        self.effect_latency = {
            stem: self._measure(line, stem)
            for stem, line in zip(self.stems, self._lines, strict=True)
            if line
        }
        self._ahead = max(self.effect_latency.values(), default=0)
        self.latency = model.latency + self._ahead
        self._run = self._steps = 0

    def _begin(self, line: list[Segment]) -> None:
        begin_line(line, self.sample_rate, self.channels, self.block_size, steady=True)

    def _measure(self, line: list[Segment], stem: str) -> int:
        """The most samples that a line withholds, hearing noise."""
        noise = np.random.default_rng(0).uniform(-0.1, 0.1, (self.channels, self.block_size))
        block = noise.astype(np.float32)
        fed = given = withheld = 0
        try:
            self._begin(line)
            while fed < MEASURED_SECONDS * self.sample_rate or not given:
                fed += self.block_size
                given += push_through(line, block).shape[1]
                withheld = max(withheld, fed - given)
                if withheld > LONGEST_SECONDS * self.sample_rate:
                    raise ValueError(f"is more than {LONGEST_SECONDS:g} s late")
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"effects: {stem}: {' '.join(str(error).split())}") from error
        return withheld

    def init_state(self) -> EffectedState:
        for line in self._lines:
            self._begin(line)
        self._run, self._steps = self._run + 1, 0
        silence = np.zeros((self.channels, self._ahead), np.float32)
        return EffectedState(self.model.init_state(), (silence,) * len(self.stems), self._run, 0)

    def step(self, block: Tensor, state: EffectedState) -> tuple[Tensor, EffectedState]:
        """[c, block_size] -> [s, c, block_size] and the next state.

        Raises:
            RuntimeError: the state is of another stream, or of another step, than the plugins.
        """
        if (state.run, state.steps) != (self._run, self._steps):
            raise RuntimeError(
                "effects remember one stream only, and this state is not where they are; "
                "build a model for each stream"
            )
        self._steps += 1
        stems, model_state = self.model.step(block, state.model)
        parts: Audio = stems.detach().cpu().numpy()
        answers, waiting = [], []
        for line, before, part in zip(self._lines, state.waiting, parts, strict=True):
            fresh = push_through(line, np.ascontiguousarray(part))
            ready = np.concatenate((before, fresh), axis=1)
            if ready.shape[1] < self.block_size:
                raise RuntimeError("an effect is later than when it was loaded; load it again")
            answers.append(ready[:, : self.block_size])
            waiting.append(ready[:, self.block_size :])
        answer = torch.from_numpy(np.stack(answers)).to(stems.device)
        return answer, EffectedState(model_state, tuple(waiting), self._run, self._steps)


def _line(effect: Effect, stem: str) -> list[Segment]:
    """Effects in a row."""
    try:
        return arrange(Chain(effect if isinstance(effect, list | tuple) else [effect]).plan())
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"effects: {stem}: {error}") from error


@dataclass(frozen=True)
class Plugin:
    """One effect as YAML describes it."""

    plugin: str
    params: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    name: str | None = None


Description = Mapping[str, Sequence[Plugin]]  # the effects of stems


@dataclass(frozen=True)
class _File:
    effects: dict[str, Any]


def read_effects(path: str | Path) -> Description:
    """Read a YAML file of effects, without loading any.

    Raises:
        ValueError: it cannot be read, or a key or a value is wrong; one line.
    """
    path = Path(path)
    file: _File = from_mapping(_File, read_yaml(path, "effects"), path.name)
    return parse_effects(file.effects, path.name, path.parent)


def parse_effects(effects: Mapping[str, Any], where: str, folder: Path) -> Description:
    """What is below `effects:` in YAML.

    Args:
        effects: stem to list of plugins.
        where: the file's name, for errors.
        folder: that relative paths begin in.

    Raises:
        ValueError: a key or a value is wrong; one line.
    """
    described = {}
    for stem, plugins in effects.items():
        place = f"{where}: effects: {stem}"
        if not isinstance(plugins, list) or not plugins:
            raise ValueError(f"{place}: expected a list of plugins, got {plugins!r}")
        described[stem] = tuple(
            _located(from_mapping(Plugin, plugin, f"{place}: {number}"), folder)
            for number, plugin in enumerate(plugins, 1)
        )
    return described


def _located(plugin: Plugin, folder: Path) -> Plugin:
    """With its paths resolved."""

    def locate(path: Any) -> str:
        return str(folder / Path(str(path)).expanduser())

    params = {k: locate(v) if k.endswith("_filename") else v for k, v in plugin.params.items()}
    return dataclasses.replace(
        plugin,
        plugin=locate(plugin.plugin) if _is_path(plugin.plugin) else plugin.plugin,
        preset=plugin.preset and locate(plugin.preset),
        params=params,
    )


def _is_path(plugin: str) -> bool:
    return "/" in plugin or "\\" in plugin or plugin.endswith(SUFFIXES)


def load_effects(description: Description) -> dict[str, list[pedalboard.Plugin]]:
    """Load the plugins; on the main thread, for VST3s want that.

    Raises:
        ValueError: one is missing, or has no such parameter or value; one line.
    """
    return {
        stem: [_load(plugin, f"effects: {stem}: {plugin.plugin}") for plugin in plugins]
        for stem, plugins in description.items()
    }


def _load(described: Plugin, where: str) -> pedalboard.Plugin:
    try:
        plugin = _external(described) if _is_path(described.plugin) else _builtin(described)
    except (ValueError, TypeError, ImportError, RuntimeError, OSError) as error:
        raise ValueError(f"{where}: {' '.join(str(error).split())}") from error
    if plugin.is_instrument:
        raise ValueError(f"{where}: is an instrument; expected an effect")
    return plugin


def builtin_names() -> list[str]:
    """Pedalboard's own effects."""
    return sorted(
        name
        for name, cls in vars(pedalboard).items()
        if isinstance(cls, type)
        and issubclass(cls, pedalboard.Plugin)
        and not issubclass(cls, pedalboard.ExternalPlugin | pedalboard.PluginContainer)
        and cls.__name__ == name
        and cls not in (pedalboard.Plugin, pedalboard.IIRFilter)
    )


def _builtin(described: Plugin) -> pedalboard.Plugin:
    if described.plugin not in builtin_names():
        choices = ", ".join(builtin_names())
        raise ValueError(f"unknown plugin; expected one of {choices}, or the path of a .vst3")
    if described.preset or described.name:
        key = "preset" if described.preset else "name"
        raise ValueError(f"{key}: only for external plugins; use params")
    cls = getattr(pedalboard, described.plugin)
    known = _arguments(cls)
    values = {}
    for name, value in described.params.items():
        if name not in known:
            raise ValueError(_unknown(name, known))
        values[name] = _enumerated(cls, known[name], name, value)
    try:
        plugin: pedalboard.Plugin = cls(**values)
    except TypeError as error:
        given = ", ".join(f"{name}: {value!r}" for name, value in described.params.items())
        kinds = ", ".join(f"{name}: {kind}" for name, kind in known.items())
        raise ValueError(f"params: expected {kinds}; got {given or 'none'}") from error
    return plugin


def _unknown(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    return f"params: unknown parameter '{name}'; expected one of {', '.join(known) or 'none'}"


def _arguments(cls: type) -> dict[str, str]:
    """Name and type of a native plugin's arguments, from its signature's text."""
    signature = (vars(cls)["__init__"].__doc__ or "").partition("\n")[0]
    inside = signature.partition("(")[2].rpartition(")")[0]
    pairs = (part.partition(":") for part in inside.split(", ") if ": " in part)
    known = {name: kind.partition("=")[0].strip() for name, _, kind in pairs}
    return {name: kind.rpartition(".")[2] for name, kind in known.items() if name != "self"}


def _enumerated(cls: type, kind: str, name: str, value: Any) -> Any:
    """A value, or, where an enumeration is wanted, the one of that name."""
    members = getattr(getattr(cls, kind, None), "__members__", None)
    if members is None:
        return value
    if value not in members:
        raise ValueError(f"params: {name} must be one of {', '.join(members)}, got {value!r}")
    return members[value]


def _external(described: Plugin) -> Any:
    if not Path(described.plugin).exists():
        raise ValueError("no such file; check the path")
    load: Any = vars(pedalboard)["load_plugin"]
    plugin = load(described.plugin, plugin_name=described.name)
    if described.name not in (None, plugin.name):
        raise ValueError(f"name: the file has {plugin.name!r}, not {described.name!r}")
    if described.preset:
        if not Path(described.preset).is_file():
            raise ValueError(f"preset: {described.preset}: no such file; check the path")
        plugin.load_preset(described.preset)
    for name, value in described.params.items():
        if name not in plugin.parameters:
            raise ValueError(_unknown(name, list(plugin.parameters)))
        try:
            setattr(plugin, name, value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"params: {name}: {error}") from error
    return plugin
