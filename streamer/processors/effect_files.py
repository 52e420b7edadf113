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
from typing import Any

import pedalboard

from restem.models.config import from_mapping, read_yaml

SUFFIXES = (".vst3", ".component")  # of plugins' files


@dataclass(frozen=True)
class PluginSpec:
    """One effect as YAML describes it."""

    plugin: str
    params: dict[str, Any] = field(default_factory=dict)
    preset: str | None = None
    name: str | None = None


StemEffects = Mapping[str, Sequence[PluginSpec]]  # the effects of stems


@dataclass(frozen=True)
class _File:
    effects: dict[str, Any]


def read_effects(path: str | Path) -> StemEffects:
    """Read a YAML file of effects, without loading any.

    Raises:
        ValueError: it cannot be read, or a key or a value is wrong; one line.
    """
    path = Path(path)
    file: _File = from_mapping(_File, read_yaml(path, "effects"), path.name)
    return parse_effects(file.effects, path.name, path.parent)


def parse_effects(effects: Mapping[str, Any], where: str, folder: Path) -> StemEffects:
    """Parse `effects:` of a YAML file.

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
            _located(from_mapping(PluginSpec, plugin, f"{place}: {number}"), folder)
            for number, plugin in enumerate(plugins, 1)
        )
    return described


def _located(plugin: PluginSpec, folder: Path) -> PluginSpec:
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


def load_effects(description: StemEffects) -> dict[str, list[pedalboard.Plugin]]:
    """Load the plugins; on the main thread, for VST3s want that.

    Raises:
        ValueError: one is missing, or has no such parameter or value; one line.
    """
    return {
        stem: [_load(plugin, f"effects: {stem}: {plugin.plugin}") for plugin in plugins]
        for stem, plugins in description.items()
    }


def _load(described: PluginSpec, where: str) -> pedalboard.Plugin:
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


def _builtin(described: PluginSpec) -> pedalboard.Plugin:
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


def _external(described: PluginSpec) -> Any:
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
