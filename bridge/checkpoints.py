"""Other people's checkpoints: read, without running what they hold, and told apart."""

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor

from restem.models import zoo
from restem.models.errors import first_line
from restem.models.weights import store
from restem.models.weights.published import published_weights

RECONSTRUCT = np.zeros(0).__reduce__()[0]
# What pickled arrays are made by; the older name is that of NumPy 1.
ARRAYS: list[Any] = [
    np.ndarray,
    np.dtype,
    np.dtypes.Float32DType,
    *(
        (RECONSTRUCT, f"{module}.multiarray._reconstruct")
        for module in ("numpy.core", "numpy._core")
    ),
]


class ConfigLoader(yaml.SafeLoader):
    """Plain data only, and tuples, which files of some training frameworks have."""

    def construct_tuple(self, node: yaml.SequenceNode) -> list[Any]:
        return [*self.construct_sequence(node, deep=True)]


ConfigLoader.add_constructor("tag:yaml.org,2002:python/tuple", ConfigLoader.construct_tuple)
GENERATOR = "generator."  # what a GAN's training calls the network that is to be used
# How files begin that are no checkpoints, but are saved as such.
IMPOSTORS = {
    b"version https://git-lfs": "a Git LFS pointer; the file itself is fetched by `git lfs pull`",
    b"<": "a web page; the download went wrong",
    b"{": "JSON; the download went wrong",
}


def convert(checkpoint: Path, network: str, params: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read a checkpoint and check that it fits.

    Reads safetensors, a plain state dict, or a Lightning checkpoint, of which only the entries
    under `generator.` are kept, if there are any.

    Returns:
        Names as in `models`, ready for `models.weights.store.save_weights`.

    Raises:
        ValueError: the file is something else, is damaged, wants to run code, or holds the weights
            of another architecture.
    """
    info = zoo.network_info(network, str(checkpoint))
    state = read_entries(checkpoint)
    if info.constants:
        fresh = zoo.build_network(network, params, str(checkpoint)).state_dict()
        state = {k: v for k, v in fresh.items() if k.endswith(info.constants)} | state
    store.check_state(state, store.WeightsHeader(network, params), str(checkpoint))
    return state


def read_entries(path: Path) -> dict[str, Tensor]:
    """Read a checkpoint's state dict, as `convert`, for whatever network it is.

    Raises:
        ValueError: as `convert`.
    """
    return _network_entries(_read_checkpoint(path), path)


def _read_checkpoint(path: Path) -> Any:
    """Read a checkpoint file: tensors, NumPy's arrays and plain containers only."""
    try:
        with path.open("rb") as file:
            head = file.read(64).lstrip().lower()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise ValueError(f"{path}: an empty file")
    if store.looks_like_safetensors(path):
        return store.read_safetensors(path)[1]
    for beginning, kind in IMPOSTORS.items():
        if head.startswith(beginning):
            raise ValueError(f"{path}: {kind}")
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(ARRAYS):
            warnings.simplefilter("ignore")  # of old formats, that still can be read
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise ValueError(
                f"{path}: a pickle that calls code ({wanted[1]}); refused, none of it was run"
            ) from error
        raise ValueError(f"{path}: not a checkpoint") from error
    except Exception as error:  # damaged bytes can make the reader fail in any way
        raise ValueError(
            f"{path}: truncated, corrupted or not a checkpoint: {first_line(error)}"
        ) from error


def _network_entries(content: Any, path: Path) -> dict[str, Tensor]:
    """The network's own entries of a state dict, or of a Lightning checkpoint."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state:
        raise ValueError(f"{path}: holds no state dict but a {type(content).__name__}")
    generator = {k.removeprefix(GENERATOR): v for k, v in state.items() if _is_generator(k)}
    entries = generator or state
    return {name: _as_tensor(name, value, path) for name, value in entries.items()}


def _as_tensor(name: Any, value: Any, path: Path) -> Tensor:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        value = torch.from_numpy(value)
    if not isinstance(name, str) or not isinstance(value, Tensor):
        raise ValueError(f"{path}: not a state dict: {name!r} is a {type(value).__name__}")
    return value


def _is_generator(key: Any) -> bool:
    return isinstance(key, str) and key.startswith(GENERATOR)


def find_params(
    name: str, config: Path | None, network: str | None
) -> tuple[Mapping[str, Any], str]:
    """The params to build with, and the network that they are for."""
    if config is not None:
        params = _read_config(config)
        return params, network or _tell_network(params, config)
    if offer := published_weights(name):
        return offer.params, network or offer.network
    network = network or name.partition("/")[0]
    if network not in zoo.NETWORKS:
        raise ValueError(f"'{name}' has no published params: give its YAML file with --config")
    return zoo.NETWORKS[network].params, network


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), ConfigLoader)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {first_line(error)}") from error
    model = content.get("model") if isinstance(content, dict) else None
    nested = model.get("params") if isinstance(model, dict) else None
    if isinstance(model, dict) and isinstance(content.get("training"), dict):
        nested = nested or _of_training_file(model, content)
    params = nested or content  # Spleeter's file has params of that name, too, but none in them
    if not isinstance(params, dict) or not params:
        raise ValueError(f"{path}: expected `model: params:` or the params themselves")
    return params


def _of_training_file(model: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """Params of a file of ZFTurbo's Music-Source-Separation-Training: `model`, and its stems."""
    training, audio = content["training"], content.get("audio")
    target = training.get("target_instrument")
    named = {"instruments": [target] if target else training.get("instruments")}
    if "num_subbands" in model:  # of MDX23C, whose STFT is in another section
        return {**named, "audio": audio, "model": model}
    if isinstance(audio, dict) and "sample_rate" in audio:
        named["sample_rate"] = audio["sample_rate"]
    return {**named, **model}


def _tell_network(params: Mapping[str, Any], path: Path) -> str:
    for info in zoo.NETWORKS.values():
        if info.telltale in params:
            return info.name
    keys = ", ".join(info.telltale for info in zoo.NETWORKS.values())
    raise ValueError(
        f"{path}: no network is known by these params; one of {keys} would "
        f"tell, or --network with one of {', '.join(zoo.NETWORKS)}"
    )
