"""Weights by name: finding, reading, checking and writing them."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from restem.models.atomic_write import atomically
from restem.models.weights.published import published_weights
from restem.models.zoo import EMBEDDED, NETWORKS, build_network

SHIPPED = (EMBEDDED, "embedded-fast")  # weights in the package
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class WeightsHeader:
    """Header of a weights file."""

    network: str
    params: Mapping[str, Any]
    stem: str = ""
    origin: str = ""
    licence: str = ""
    source_sha256: str = ""  # of the checkpoint that it was converted from


def shipped_weights(name: str) -> Path:
    """Path of weights that the package ships."""
    return Path(str(resources.files("restem.models.weights") / f"{name}.safetensors"))


def weights_folder() -> Path:
    """Folder of fetched and added weights: `RESTEM_WEIGHTS`, or else the user's data folder."""
    if chosen := os.environ.get("RESTEM_WEIGHTS"):
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("restem", appauthor=False) / "weights"


def weights_path(name: str) -> Path:
    """Path of weights, which need not be there.

    Raises:
        ValueError: it is not a name, but a path perhaps.
    """
    if name in SHIPPED:
        return shipped_weights(name)
    if not NAME.fullmatch(name):
        raise ValueError(
            f"a name of weights is '{EMBEDDED}' or SET/STEM in a-z, 0-9, _ and -, got {name!r}"
        )
    return weights_folder() / f"{name}.safetensors"


def is_weights_path(name: str) -> bool:
    """True if weights are named by their file, not by their set."""
    return name.endswith(".safetensors")


def has_weights(name: str) -> bool:
    """True if weights of that name, or at that path, are here; ValueError as `weights_path`."""
    return (Path(name) if is_weights_path(name) else weights_path(name)).is_file()


def find_weights(name: str) -> Path:
    """The file with the weights of that name, or at that path.

    Raises:
        ValueError: it is not a name, or there is no such file; says how to get one.
    """
    if not has_weights(name):
        raise ValueError(f"no weights '{name}' here: {how_to_get(name)}")
    return Path(name) if is_weights_path(name) else weights_path(name)


def how_to_get(name: str) -> str:
    """Explain how to get weights of that name, for the end of an error."""
    if name in SHIPPED:
        return "this installation is incomplete, install restem again"
    if is_weights_path(name):
        return "there is no such file"
    offer = published_weights(name)
    if offer and offer.command:
        return offer.command
    if offer:
        return f"download them by hand from {offer.page}, then: {add_command(name)}"
    network = NETWORKS.get(name.partition("/")[0])
    reason = f"{network.unpublished}; " if network and network.unpublished else ""
    return f"{reason}if you have some: {add_command(name)} --config YAML"


def add_command(name: str) -> str:
    """Command that installs a checkpoint under that name; its params may be needed too."""
    return f"restem weights add {name} --checkpoint FILE"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed() -> list[str]:
    """The names of all weights that are here, sorted, the package's own first."""
    folder = weights_folder()
    files = folder.glob("*/*.safetensors")
    names = (path.relative_to(folder).with_suffix("").as_posix() for path in files)
    first = [name for name in SHIPPED if shipped_weights(name).is_file()]
    return first + sorted(name for name in names if NAME.fullmatch(name))


def save_weights(
    weights: nn.Module | Mapping[str, Tensor], path: Path, description: WeightsHeader
) -> None:
    """Write a weights file, whole or not at all.

    Raises:
        ValueError: the weights are not those of the network described.
    """
    state = weights.state_dict() if isinstance(weights, nn.Module) else weights
    check_state(state, description, str(path))
    # safetensors takes no tensors that share memory, as state dicts may.
    copies = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}
    metadata = {**asdict(description), "params": json.dumps(dict(description.params))}
    with atomically(path) as part:
        # save_file would make it readable by no one else.
        part.write_bytes(_in_order(save(copies, metadata)))


def _in_order(file: bytes) -> bytes:
    """The same safetensors file whatever order its header was written in."""
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8:end]), sort_keys=True).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + file[end:]


def describe_weights(path: Path) -> WeightsHeader:
    """Read what a weights file says of itself, but not its tensors.

    Raises:
        ValueError: not a safetensors file, a broken one, or one that does not say what it is.
    """
    metadata, _ = read_safetensors(path, tensors=False)
    return _parse(metadata, path)


def load_network(path: Path, device: str | torch.device = "cpu") -> nn.Module:
    """Build the network that a weights file describes, with its weights.

    Nothing in the file is ever executed.

    Returns:
        In eval mode, float32 whatever the file holds, without gradients.

    Raises:
        ValueError: as `describe_weights`; or an unknown network, the weights of another
            architecture, NaN or infinity among them.
    """
    metadata, state = read_safetensors(path)
    description = _parse(metadata, path)
    check_state(state, description, str(path))
    with torch.random.fork_rng(devices=[]):  # first weights are drawn, and not from the user's
        network = build_network(description.network, description.params, str(path))
    network.load_state_dict(state)
    return network.to(device).eval().requires_grad_(False)


def check_state(state: Mapping[str, Tensor], description: WeightsHeader, where: str) -> None:
    """Compare weights with the network that is to take them.

    Raises:
        ValueError: entries are missing, unexpected or of another shape, or not finite.
    """
    with torch.device("meta"):  # shapes only: no memory, however large the params want it
        network = build_network(description.network, description.params, where)
    expected = network.state_dict()
    faults = [
        _first("missing", [repr(name) for name in expected if name not in state]),
        _first("unexpected", [repr(name) for name in state if name not in expected]),
        _first(
            "wrong",
            [
                f"{name!r} ({_kind(state[name])}, expected {_kind(tensor)})"
                for name, tensor in expected.items()
                if name in state and _kind(state[name]) != _kind(tensor)
            ],
        ),
    ]
    if found := "; ".join(filter(None, faults)):
        raise ValueError(f"{where}: not weights of this {description.network}: {found}")
    broken = [repr(name) for name, tensor in state.items() if not _finite(tensor)]
    if broken:
        raise ValueError(f"{where}: {_first('NaN or infinity in', broken)}")


def read_safetensors(
    path: Path, *, tensors: bool = True
) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read a safetensors file: its metadata and, if wanted, its tensors.

    Raises:
        ValueError: the file cannot be read, is of another kind, or is broken.
    """
    try:
        with safe_open(path, "pt") as file:
            names = file.keys() if tensors else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (OSError, SafetensorError) as error:
        if not path.is_file():
            raise ValueError(f"{path}: no such file") from error
        looks_right = looks_like_safetensors(path)
        kind = "a truncated or corrupted safetensors file" if looks_right else "no safetensors file"
        raise ValueError(f"{path}: {kind}") from error


def looks_like_safetensors(path: Path) -> bool:
    """True if a file begins like safetensors: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def _parse(metadata: Mapping[str, str], path: Path) -> WeightsHeader:
    if "network" not in metadata or "params" not in metadata:
        raise ValueError(f"{path}: does not say which network it is for: not written by restem")
    try:
        params = json.loads(metadata["params"])
    except ValueError as error:
        raise ValueError(f"{path}: its params are not JSON: {error}") from error
    if not isinstance(params, dict):
        raise ValueError(f"{path}: its params must be a mapping, got a {type(params).__name__}")
    known: dict[str, Any] = {f.name: metadata.get(f.name, "") for f in fields(WeightsHeader)}
    return WeightsHeader(**{**known, "params": params})


def _first(what: str, names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{what} {names[0]}{more}" if names else ""


def _kind(tensor: Tensor) -> str:
    return f"{'float' if tensor.is_floating_point() else 'integer'} {list(tensor.shape)}"


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.float().isfinite().all())
