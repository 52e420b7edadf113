"""Installing the plugin where DAWs look, and finding out what they would find."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from restem.bridge.plugin.abi import abi_hash
from restem.bridge.plugin.formats import BINARIES, FORMATS

BUNDLES = {kind: path.partition("/")[0] for kind, path in BINARIES.items()}
ABI_MARK = re.compile(rb"restem-abi:(\d+)")


@dataclass(frozen=True)
class Installed:
    """A bundle in a folder where DAWs look."""

    kind: str  # clap, vst3 or lv2
    path: Path
    abi: int  # `abi.abi_hash` when it was built; 0: unknown


def build_folder() -> Path:
    """Folder of the bundles that `restem plugin build` made last."""
    return _base("XDG_DATA_HOME", ".local/share") / "restem" / "plugin"


def command_file() -> Path:
    """File that tells a plugin how to start the service, an argument a line."""
    return _base("XDG_CONFIG_HOME", ".config") / "restem" / "plugin.conf"


def _base(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / default)


def folder_of(kind: str, system: bool = False) -> Path:
    """Folder in which DAWs look for a format: the user's, or the system's."""
    return Path("/usr/lib", kind) if system else Path.home() / f".{kind}"


def install(
    kinds: Sequence[str], system: bool, build: Callable[[Path, Sequence[str]], object]
) -> list[Path]:
    """Put bundles where DAWs look, and write down how the service is started.

    Args:
        kinds: formats.
        system: for all users; needs their rights.
        build: makes bundles of some formats in a folder: those that are missing, or were built for
            another version of restem.

    Returns:
        Paths of what is installed.

    Raises:
        ValueError: as `build`.
        OSError: a folder cannot be written to.
    """
    source = build_folder()
    if wanted := [kind for kind in kinds if _built_for(source / BINARIES[kind]) != abi_hash()]:
        build(source, wanted)
    paths = []
    for kind in kinds:
        target = folder_of(kind, system) / BUNDLES[kind]
        remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / BUNDLES[kind]).is_dir():
            shutil.copytree(source / BUNDLES[kind], target)
        else:
            shutil.copy(source / BUNDLES[kind], target)
        paths.append(target)
    start = [sys.executable, "-m", "restem", "serve", "--for-plugins"]
    command_file().parent.mkdir(parents=True, exist_ok=True)
    command_file().write_text("\n".join(start) + "\n", encoding="utf-8")
    return paths


def remove(path: Path) -> None:
    """Remove a bundle, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def uninstall(system: bool) -> list[Path]:
    """Remove what `install` has put there; paths of what there was."""
    found = [each.path for each in installed() if each.path.parent in _folders(system)]
    for path in found:
        remove(path)
    if not list(installed()):
        command_file().unlink(missing_ok=True)
    return found


def _folders(system: bool) -> list[Path]:
    return [folder_of(kind, system) for kind in FORMATS]


def installed() -> Iterator[Installed]:
    """All bundles that DAWs of this user would find in the usual folders."""
    for kind in FORMATS:
        for system in (False, True):
            folder = folder_of(kind, system)
            binary = folder / BINARIES[kind]
            if binary.is_file():
                yield Installed(kind, folder / BUNDLES[kind], _built_for(binary))


def _built_for(binary: Path) -> int:
    """`abi.abi_hash` when a binary was built; 0 for one that does not say, or is not there."""
    mark = ABI_MARK.search(binary.read_bytes()) if binary.is_file() else None
    return int(mark[1]) if mark else 0
