"""The weights cache: published checkpoints in, restem's own safetensors files out.

    checkpoint (.pth, .ckpt, .safetensors) -> convert -> weights_folder()/<set>/<stem>.safetensors

A checkpoint is data, never code: pickles are read with `torch.load(weights_only=True)` and no other
way. The ledger, `weights.json` in the same folder, keeps two kinds of SHA-256: of every file here,
so that `verify` finds a damaged one, and of what each origin gave the first time, so that `fetch`
refuses anything else ever after.
"""

import importlib.metadata
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from restem.bridge.checkpoints import convert, find_params, read_entries
from restem.models import zoo
from restem.models.atomic_write import atomically
from restem.models.errors import first_line
from restem.models.weights import store
from restem.models.weights.published import (
    PUBLISHED,
    HubFile,
    PackageFiles,
    PublishedWeights,
    published_weights,
)

LEDGER = "weights.json"


Progress = Callable[[int, int], None]  # bytes done, bytes in all
Download = Callable[[PublishedWeights, Path], Path]  # takes an empty folder


@dataclass(frozen=True)
class FileCheck:
    """Result of `verify` for one file; `problem` is empty if it is sound."""

    name: str
    path: Path
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}


@dataclass(frozen=True)
class WeightsRow:
    """A line of `listing`; `size` in bytes, None if there is no file."""

    name: str
    network: str
    installed: bool
    size: int | None
    licence: str
    origin: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Ledger:
    """SHA-256 of each weights file, by name, and of what was downloaded, by origin."""

    files: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


def add(
    name: str,
    config: Path | None,
    checkpoint: Path,
    *,
    network: str | None = None,
    origin: str = "local file",
    licence: str = "unknown: yours to check",
    overwrite: bool = False,
) -> Path:
    """Install a checkpoint from a file.

    Args:
        name: <set>/<stem>.
        config: a YAML file with `model.params`, or with the params themselves; None for the
            published params of that name or, if there are none, of that network.
        network: a name of `models.zoo.NETWORKS`, told from the params if None.

    Returns:
        The weights file.

    Raises:
        ValueError: a name that is none or is taken, or a file that is not what it should be;
            nothing has been written then.
    """
    if name in store.SHIPPED:
        raise ValueError(f"'{name}' is a part of restem; name your own weights SET/STEM")
    if store.weights_path(name).is_file() and not overwrite:
        raise ValueError(f"weights '{name}' are here already; replace them with --overwrite")
    params, network = find_params(name, config, network)
    own_set = name.partition("/")[0]
    if own_set in zoo.NETWORKS and own_set != network:
        raise ValueError(f"'{name}' names weights of a {own_set}, but these params say {network}")
    return _install(name, network, params, checkpoint, origin, licence)


def published(name: str) -> tuple[PublishedWeights, ...]:
    """Downloads of `fetch` for the name of weights or of a whole set.

    Raises:
        ValueError: no weights of that name are published.
    """
    found = tuple(weights for weights in PUBLISHED if name in (weights.name, weights.set))
    if found:
        return found
    network = zoo.NETWORKS.get(name.partition("/")[0])
    if network and network.unpublished:
        raise ValueError(f"nothing to fetch for '{name}': {network.unpublished}")
    sets = ", ".join(dict.fromkeys(weights.set for weights in PUBLISHED))
    raise ValueError(f"nothing to fetch for '{name}'; expected one of {sets}, or SET/STEM")


def fetch(
    name: str,
    *,
    progress: Progress | None = None,
    again: bool = False,
    download: Download | None = None,
) -> Path:
    """Download and install published weights.

    What is here already is left alone, unless `again`.

    Args:
        name: <set>/<stem>, or <set> for all of its stems.
        progress: is told how many bytes have arrived, after each file.
        download: instead of the network, for tests.

    Returns:
        The weights file, or the set's folder.

    Raises:
        ValueError: nothing of that name is published, it cannot be downloaded, it is not the file
            that its origin gave the first time, or it is not what it should be. What was here
            stays.
    """
    for weights in published(name):
        if again or not store.has_weights(weights.name):
            _fetch(weights, progress, download or _download)
    return store.weights_path(name) if "/" in name else store.weights_folder() / name


def verify() -> list[FileCheck]:
    """Check every file that is here: its digest, and that its network takes it."""
    files = _read_ledger().files
    return [
        FileCheck(name, path := store.weights_path(name), _problem(name, path, files))
        for name in store.installed()
    ]


def listing() -> list[WeightsRow]:
    """All weights that are here or could be, for people."""
    here = store.installed()
    known = [*store.SHIPPED, *(weights.name for weights in PUBLISHED)]
    own = [name for name in here if name not in known]
    rows = [_row(name, name in here) for name in (*known, *own)]
    nothing = [
        WeightsRow(f"{info.name}/STEM", info.name, False, None, "", info.unpublished)
        for info in zoo.NETWORKS.values()
        if info.unpublished
    ]
    return rows + nothing


def _install(
    name: str,
    network: str,
    params: Mapping[str, Any],
    checkpoint: Path,
    origin: str,
    licence: str,
) -> Path:
    state = convert(checkpoint, network, params)
    stem = name.partition("/")[2]
    description = store.WeightsHeader(
        network, params, stem, origin, licence, store.sha256(checkpoint)
    )
    path = store.weights_path(name)
    store.save_weights(state, path, description)
    with _open_ledger() as ledger:
        ledger.files[name] = store.sha256(path)
    return path


def _fetch(weights: PublishedWeights, progress: Progress | None, download: Download) -> None:
    name, origin = weights.name, weights.origin
    if weights.source is None:
        raise ValueError(f"no program can fetch '{name}': {store.how_to_get(name)}")
    folder = store.weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as temporary:
        if isinstance(weights.source, PackageFiles):
            checkpoint = _gather_from_package(weights, weights.source, Path(temporary))
        else:
            checkpoint = _downloaded(weights, download, Path(temporary))
        if progress:
            progress(size := checkpoint.stat().st_size, size)
        digest = store.sha256(checkpoint)
        expected = _read_ledger().origins.get(origin, digest)
        if digest != expected:
            raise ValueError(
                f"{origin} is another file than the first time: SHA-256 {digest}, "
                f"expected {expected}; refused"
            )
        _install(name, weights.network, weights.params, checkpoint, origin, weights.licence)
    with _open_ledger() as ledger:
        ledger.origins[origin] = digest


def _downloaded(weights: PublishedWeights, download: Download, folder: Path) -> Path:
    try:
        return download(weights, folder)
    except Exception as error:  # of the hub's client, of urllib, of the network
        raise ValueError(
            f"cannot download {weights.origin}: {first_line(error)}; try again later, or download "
            f"it by hand from {weights.page}, then: {store.add_command(weights.name)}"
        ) from error


def _download(weights: PublishedWeights, folder: Path) -> Path:
    if isinstance(weights.source, HubFile):
        return _download_from_hub(weights.source, folder)
    assert isinstance(weights.source, str)
    path = folder / "checkpoint"
    torch.hub.download_url_to_file(weights.source, str(path), progress=False)
    return path


def _download_from_hub(source: HubFile, folder: Path) -> Path:
    import huggingface_hub
    from huggingface_hub.utils.logging import set_verbosity_error
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()  # a library prints nothing,
    set_verbosity_error()  # its retries neither
    return Path(huggingface_hub.hf_hub_download(source.repo, source.filename, local_dir=folder))


def _gather_from_package(weights: PublishedWeights, source: PackageFiles, folder: Path) -> Path:
    """The files of a package as one checkpoint; of the package itself nothing is imported."""
    try:
        package = importlib.metadata.distribution(source.package)
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(
            f"'{weights.name}' comes with {source}, which is not installed here: {weights.command}"
        ) from None
    state: dict[str, torch.Tensor] = {}
    for network, name in source.files.items():
        path = Path(str(package.locate_file(name)))
        if not path.is_file():
            raise ValueError(f"{path}: missing; {source} has it: {weights.command}")
        if (digest := store.sha256(path)) != source.sha256[network]:
            raise ValueError(
                f"{path}: not the file of {source}: SHA-256 {digest}, expected "
                f"{source.sha256[network]}; refused"
            )
        state |= {f"{network}.{key}": value for key, value in read_entries(path).items()}
    save_file(state, folder / "checkpoint.safetensors")
    return folder / "checkpoint.safetensors"


def _problem(name: str, path: Path, files: Mapping[str, str]) -> str:
    """Defect of a weights file; empty if there is none."""
    if name not in store.SHIPPED:  # which are part of the package
        if name not in files:
            return f"{LEDGER} does not know it: restem has not installed it"
        if files[name] != store.sha256(path):
            return f"not the file that was installed: remove it, then: {store.how_to_get(name)}"
    try:
        store.load_network(path)
    except ValueError as error:
        return str(error)
    return ""


def _row(name: str, here: bool) -> WeightsRow:
    offer = published_weights(name)
    if not here:
        network, licence = (offer.network, offer.licence) if offer else (name, "")
        return WeightsRow(name, network, False, None, licence, offer.origin if offer else "")
    path = store.weights_path(name)
    try:
        found = store.describe_weights(path)
    except ValueError:
        found = store.WeightsHeader("unreadable", {}, origin="see: restem weights verify")
    return WeightsRow(name, found.network, True, path.stat().st_size, found.licence, found.origin)


def _read_ledger() -> Ledger:
    path = store.weights_folder() / LEDGER
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Ledger(dict(content["files"]), dict(content["origins"]))
    except FileNotFoundError:
        return Ledger()
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: damaged; fetch again after you have removed it") from error


@contextmanager
def _open_ledger() -> Iterator[Ledger]:
    """The ledger, to change; written when the block ends well."""
    ledger = _read_ledger()
    yield ledger
    text = json.dumps({"files": ledger.files, "origins": ledger.origins}, indent=2, sort_keys=True)
    with atomically(store.weights_folder() / LEDGER) as part:
        part.write_text(text + "\n", encoding="utf-8")
