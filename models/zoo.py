"""Names -> network and weights.

A network is a name and params: the mapping `model.params` of its publication's YAML file. A weights
file is one safetensors file that says of itself what it is, in its metadata:

    network, params (JSON), stem, origin, licence, source_sha256

Weights have names too: those of `SHIPPED` lie in the package, `<set>/<stem>` in `weights_folder()`.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any, cast

import platformdirs
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from restem.models.demucs import Demucs, DemucsConfig
from restem.models.dtt_bsr import DTTBSR, DTTBSRConfig
from restem.models.dttnet import DTTNet, DTTNetConfig
from restem.models.embedded import EmbeddedCascade, EmbeddedConfig
from restem.models.published_config import published_options
from restem.models.stems import STEMS

EMBEDDED = "embedded"
SHIPPED = (EMBEDDED, "embedded-fast")  # weights in the package
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class NetworkInfo:
    """A network that can be built from params."""

    name: str
    description: str
    paper: str  # arXiv id
    sample_rate: int  # Hz
    params: Mapping[str, Any]  # the published ones
    build: Callable[[Mapping[str, Any]], nn.Module]
    constants: tuple[str, ...] = ()  # entries computed from params; some publications omit them
    unpublished: str = ""  # why there are no weights to fetch, if there are none


@dataclass(frozen=True)
class HubFile:
    """A file on Hugging Face."""

    repo: str
    filename: str

    def __str__(self) -> str:
        return f"https://huggingface.co/{self.repo}/blob/main/{self.filename}"


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that their authors give away; `source` is None where only people can download."""

    name: str  # <set>/<stem>
    network: str
    params: Mapping[str, Any]
    licence: str
    page: str  # where people find them
    source: HubFile | str | None  # a string is a URL

    @property
    def set(self) -> str:
        return self.name.partition("/")[0]

    @property
    def stem(self) -> str:
        return self.name.partition("/")[2]

    @property
    def origin(self) -> str:
        return str(self.source or self.page)


@dataclass(frozen=True)
class Description:
    """What a weights file says of itself."""

    network: str
    params: Mapping[str, Any]
    stem: str = ""
    origin: str = ""
    licence: str = ""
    source_sha256: str = ""  # of the checkpoint that it was converted from


def _build_embedded(params: Mapping[str, Any]) -> EmbeddedCascade:
    names = {f.name: f.name for f in fields(EmbeddedConfig)}
    options = published_options("params", params, names)
    return EmbeddedCascade(EmbeddedConfig(**{k: _tuples(v) for k, v in options.items()}))


def _tuples(value: Any) -> Any:
    """JSON and YAML know lists only."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


_RECURRENCE = {"rnn_type": "LSTM", "bidirectional": True, "num_layers": 4, "n_heads": 2}
_UNET = {
    "block_type": "TFC_TDF_Res2",
    "num_blocks": 5,
    "l": 3,
    "g": 32,
    "k": 3,
    "bias": False,
    "bn_norm": "BN",
    "bandsequence": _RECURRENCE,
}
_DTT_BSR = {
    **_UNET,
    "dim_f": 1025,
    "n_fft": 2048,
    "hop_length": 512,
    "audio_ch": 1,
    "bn": 2,
    "sample_rate": 48000,
    "hidden_channels": 128,
    "RoPEParams": {
        "depth": 2,
        "dim_head": 64,
        "heads": 8,
        "time_transformer_depth": 2,
        "freq_transformer_depth": 2,
        "attn_dropout": 0.1,
        "ff_dropout": 0.1,
        "flash_attn": True,
    },
}
_DTTNET = {
    **_UNET,
    "dim_f": 2048,
    "dim_t": 256,
    "n_fft": 6144,
    "hop_length": 1024,
    "overlap": 3072,
    "audio_ch": 2,
    "bn": 8,
}
_DEMUCS = {
    "sources": ["stem"],
    "audio_channels": 1,
    "channels": 64,
    "growth": 2,
    "depth": 6,
    "rewrite": True,
    "lstm_layers": 0,
    "kernel_size": 8,
    "stride": 4,
    "rescale": 0.1,
    "resample": False,
    "glu": True,
    "context": 3,
    "normalize": False,
}

NETWORKS = {
    info.name: info
    for info in (
        NetworkInfo(
            name="dtt-bsr",
            description="DTT-BSR: restores one stem, mono; offline, wants a GPU",
            paper="2602.19825",
            sample_rate=48000,
            params=_DTT_BSR,
            build=lambda params: DTTBSR(DTTBSRConfig.from_published(params)),
        ),
        NetworkInfo(
            name="dttnet",
            description="DTTNet: separates one stem, stereo; offline, wants a GPU",
            paper="2309.08684",
            sample_rate=44100,
            params=_DTTNET,
            build=lambda params: DTTNet(DTTNetConfig.from_published(params)),
            constants=("window", "freq_pad"),
        ),
        NetworkInfo(
            name="demucs-l",
            description="Demucs-L: repairs one stem, stage 2 of DTT-BSR+; no weights published",
            paper="2606.24127",
            sample_rate=48000,
            params=_DEMUCS,
            build=lambda params: Demucs(DemucsConfig.from_published(params)),
            unpublished="the authors of DTT-BSR+ released no weights of its second stage",
        ),
        NetworkInfo(
            name=EMBEDDED,
            description="the embedded cascade: eight stems, stereo; streams on a plain CPU",
            paper="2606.24127",
            sample_rate=48000,
            params=asdict(EmbeddedConfig()),
            build=_build_embedded,
        ),
    )
}

_DTT_BSR_REPO = "OrigamiShido/MSRChallenge-ACDC"
_DTT_BSR_FILES = {
    "vocals": "Vocals.pth",
    "guitars": "Guitars.pth",
    "keyboards": "Keyboards.pth",
    "synthesizers": "Synthesizers.pth",
    "bass": "Bass.pth",
    "drums": "Drums.pth",
    "percussions": "Percussions.pth",
    "orchestral": "Orchestra.pth",
}
_DTTNET_STEMS = {
    "vocals": _DTTNET,
    "drums": _DTTNET,
    "bass": {**_DTTNET, "dim_f": 864, "bn": 2},
    "other": _DTTNET,
}

PUBLISHED: tuple[PublishedWeights, ...] = (
    *(
        PublishedWeights(
            name=f"dtt-bsr/{stem}",
            network="dtt-bsr",
            params=_DTT_BSR,
            licence="code MIT; the weights' page states none that we know of",
            page=f"https://huggingface.co/{_DTT_BSR_REPO}",
            source=HubFile(_DTT_BSR_REPO, _DTT_BSR_FILES[stem]),
        )
        for stem in STEMS
    ),
    *(
        PublishedWeights(
            name=f"dttnet/{stem}",
            network="dttnet",
            params=params,
            licence="code Apache-2.0; the weights' page states none that we know of; "
            "trained on MUSDB18, which is for academic use",
            page="https://github.com/ZFTurbo/Music-Source-Separation-Training/releases/tag/v1.0.22",
            source=None,
        )
        for stem, params in _DTTNET_STEMS.items()
    ),
)


def network_info(name: str, where: str) -> NetworkInfo:
    """The network of that name; ValueError, naming `where`, if there is none."""
    if name not in NETWORKS:
        choices = ", ".join(NETWORKS)
        raise ValueError(f"{where}: unknown network {name!r}; expected one of {choices}")
    return NETWORKS[name]


def describe_networks() -> list[dict[str, Any]]:
    """The networks for people and scripts."""
    return [
        {
            "name": info.name,
            "paper": f"arXiv {info.paper}",
            "sample_rate": info.sample_rate,
            "latency": _native_latency(info),
            "description": info.description,
        }
        for info in NETWORKS.values()
    ]


def _native_latency(info: NetworkInfo) -> str:
    """In words; offline networks get theirs from a profile's windows."""
    if info.name != EMBEDDED:
        return "as its profile says"
    with torch.device("meta"):
        latency = cast(EmbeddedCascade, info.build(info.params)).latency
    return f"{latency} samples = {1000 * latency / info.sample_rate:.1f} ms"


def published_weights(name: str) -> PublishedWeights | None:
    """The published weights of that name, if there are any."""
    return next((weights for weights in PUBLISHED if weights.name == name), None)


def shipped_weights(name: str) -> Path:
    """Where the package keeps weights of its own."""
    return Path(str(resources.files("models") / "weights" / f"{name}.safetensors"))


def weights_folder() -> Path:
    """Where fetched and added weights lie: `RESTEM_WEIGHTS`, or else the user's data folder."""
    if chosen := os.environ.get("RESTEM_WEIGHTS"):
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("restem", appauthor=False) / "weights"


def weights_path(name: str) -> Path:
    """Where weights of that name lie, or would.

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
    """Whether weights are named by their file, not by their set."""
    return name.endswith(".safetensors")


def has_weights(name: str) -> bool:
    """Whether weights of that name, or at that path, are here; ValueError as `weights_path`."""
    return (Path(name) if is_weights_path(name) else weights_path(name)).is_file()


def find_weights(name: str) -> Path:
    """The file with the weights of that name, or at that path.

    Raises:
        ValueError: it is not a name, or there is no such file; says how to get one.
    """
    if not has_weights(name):
        raise ValueError(f"no weights '{name}' here: {remedy(name)}")
    return Path(name) if is_weights_path(name) else weights_path(name)


def remedy(name: str) -> str:
    """How a user gets weights of that name, in words for the end of an error."""
    if name in SHIPPED:
        return "this installation is incomplete, install restem again"
    if is_weights_path(name):
        return "there is no such file"
    offer = published_weights(name)
    if offer and offer.source:
        return f"restem weights fetch {name}"
    if offer:
        return f"download them by hand from {offer.page}, then: {add_command(name)}"
    network = NETWORKS.get(name.partition("/")[0])
    reason = f"{network.unpublished}; " if network and network.unpublished else ""
    return f"{reason}if you have some: {add_command(name)} --config YAML"


def add_command(name: str) -> str:
    """What a user types to install a checkpoint under that name; its params may be needed too."""
    return f"restem weights add {name} --checkpoint FILE"


def installed() -> list[str]:
    """The names of all weights that are here, sorted, the package's own first."""
    folder = weights_folder()
    files = folder.glob("*/*.safetensors")
    names = (path.relative_to(folder).with_suffix("").as_posix() for path in files)
    first = [name for name in SHIPPED if shipped_weights(name).is_file()]
    return first + sorted(name for name in names if NAME.fullmatch(name))


def save_weights(
    weights: nn.Module | Mapping[str, Tensor], path: Path, description: Description
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
        part.write_bytes(save(copies, metadata))  # save_file would make it readable by no one else


def describe_weights(path: Path) -> Description:
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
    network = build_network(description.network, description.params, str(path))
    network.load_state_dict(state)
    return network.to(device).eval().requires_grad_(False)


def build_network(network: str, params: Mapping[str, Any], where: str) -> nn.Module:
    """Build a network with random weights.

    Raises:
        ValueError: an unknown network, or params that do not build one; `where` is named.
    """
    info = network_info(network, where)
    try:
        return info.build(params)
    except Exception as error:  # a stranger's params can make a constructor fail in any way
        raise ValueError(f"{where}: not the params of a {network}: {first_line(error)}") from error


def check_state(state: Mapping[str, Tensor], description: Description, where: str) -> None:
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
    """Whether a file begins as its format says: eight bytes of length, then JSON."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path to write to; it replaces `path` when the block ends well, else nothing has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _parse(metadata: Mapping[str, str], path: Path) -> Description:
    if "network" not in metadata or "params" not in metadata:
        raise ValueError(f"{path}: does not say which network it is for: not written by restem")
    try:
        params = json.loads(metadata["params"])
    except ValueError as error:
        raise ValueError(f"{path}: its params are not JSON: {error}") from error
    if not isinstance(params, dict):
        raise ValueError(f"{path}: its params must be a mapping, got a {type(params).__name__}")
    known: dict[str, Any] = {f.name: metadata.get(f.name, "") for f in fields(Description)}
    return Description(**{**known, "params": params})


def _first(what: str, names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{what} {names[0]}{more}" if names else ""


def _kind(tensor: Tensor) -> str:
    return f"{'float' if tensor.is_floating_point() else 'integer'} {list(tensor.shape)}"


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.float().isfinite().all())
