"""YAML mappings into frozen dataclasses: the dataclass is the truth, the file only overrides."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml


def yaml_names(folder: Traversable) -> list[str]:
    """The names of the YAML files in a folder of the package, sorted."""
    names = (file.name for file in folder.iterdir() if file.name.endswith(".yaml"))
    return sorted(name.removesuffix(".yaml") for name in names)


def read_named(
    cls: type, name_or_path: str | Path, folder: Traversable, what: str
) -> tuple[Any, str]:
    """Read a YAML file of the package by its name, or any other by its path.

    Args:
        cls: the dataclass that the file describes.
        folder: where the package keeps them.
        what: what they are called, for errors.

    Returns:
        The dataclass, and the file's name for further errors.

    Raises:
        ValueError: no such file, not YAML, or as `from_mapping`.
    """
    path = Path(name_or_path)
    source: Path | Traversable = path
    if path.suffix not in (".yaml", ".yml"):
        names = yaml_names(folder)
        if str(name_or_path) not in names:
            raise ValueError(
                f"unknown {what} '{name_or_path}'; expected one of {', '.join(names)}, "
                "or a .yaml file"
            )
        path = Path(f"{name_or_path}.yaml")
        source = folder / path.name
    return from_mapping(cls, read_yaml(source, what), path.name), path.name


def read_yaml(path: Path | Traversable, what: str, loader: Any = yaml.SafeLoader) -> Any:
    """Read a YAML file; `what` it is called in errors.

    Raises:
        ValueError: it cannot be read, or is no YAML; one line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), loader)
    except OSError as error:
        raise ValueError(f"{path}: cannot read the {what}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from error


def from_mapping(cls: type, mapping: Any, where: str) -> Any:
    """Build a dataclass from a YAML mapping, nested ones too.

    Raises:
        ValueError: an unknown or missing key, or a value of another type; one line with the place.
    """
    if not isinstance(mapping, Mapping):
        raise ValueError(f"{where}: expected a mapping, got {mapping!r}")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    for key in mapping:
        if key not in fields:
            raise ValueError(f"{where}: unknown key '{key}'; expected one of {', '.join(fields)}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in mapping:
            raise ValueError(f"{where}: missing key '{name}'")
    values = {k: _value(hints[k], v, f"{where}: {k}") for k, v in mapping.items()}
    try:
        return cls(**values)
    except ValueError as error:  # a value that no such dataclass may have
        raise ValueError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in options:
        return None
    kind = next(o for o in options if o is not type(None))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_mapping(kind, value, where)
    origin = typing.get_origin(kind)
    if origin is tuple:
        return _tuple(typing.get_args(kind), value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    expected = origin or kind
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        raise ValueError(f"{where}: expected {expected.__name__}, got {value!r}")
    return value


def _tuple(hints: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    """A tuple of any length (`tuple[str, ...]`), or of one length (`tuple[float, float]`)."""
    noun = "names" if hints[0] is str else "numbers"
    many = hints[-1] is Ellipsis
    if not isinstance(value, list) or not (many or len(value) == len(hints)):
        length = "" if many else f"{len(hints)} "
        raise ValueError(f"{where}: expected a list of {length}{noun}, got {value!r}")
    try:
        return tuple(_value(hints[0], item, where) for item in value)
    except ValueError as error:
        raise ValueError(f"{where}: expected a list of {noun}, got {value!r}") from error
