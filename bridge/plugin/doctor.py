"""Findings about the plugin on this machine: what is missing, what is old, whether it plays."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from restem.bridge.plugin.abi import PORTS, abi_hash
from restem.bridge.plugin.build import find_compiler
from restem.bridge.plugin.clap_host import ClapHost, build_host
from restem.bridge.plugin.dpf import find_dpf
from restem.bridge.plugin.formats import BINARIES
from restem.bridge.plugin.install import build_folder, command_file, installed
from restem.bridge.plugin.lobby import NAME_VARIABLE, Head, Lobby, process_lives

RATE, BLOCK = 48000, 256


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    found: str
    problem: str = ""  # with the remedy; "" if all is well

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def diagnose() -> Iterator[Finding]:
    """Look at what the plugin needs, one after the other."""
    for what, find in (("compiler", find_compiler), ("DPF", find_dpf)):
        yield _of(what, lambda find=find: str(find()))  # type: ignore[misc]
    bundles = list(installed())
    for each in bundles:
        old = each.abi != abi_hash()
        remedy = "built for another version of restem: restem plugin build, then install"
        yield Finding(f"{each.kind} plugin", str(each.path), remedy if old else "")
    if not bundles:
        yield Finding("plugin", "none", "no DAW will find it: restem plugin install")
    yield _start_command()
    yield _of("service", _service)
    binary = build_folder() / BINARIES["clap"]
    if binary.exists():
        yield _of("self-test", lambda: self_test(binary))


def _of(what: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(what, find())
    except (ValueError, OSError) as error:
        return Finding(what, "", str(error))


def _start_command() -> Finding:
    path = command_file()
    words = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if not words:
        return Finding("start of the service", "", "by hand only (restem serve), or plugin install")
    missing = "" if os.access(words[0], os.X_OK) else f"{words[0]} is gone: restem plugin install"
    return Finding("start of the service", " ".join(words), missing)


def _service() -> str:
    nobody = "none runs; a plugin that plays starts it"
    try:
        lobby = Lobby()
    except FileNotFoundError:
        return nobody
    lobby.close()  # its words stay
    words = lobby.words
    if not process_lives(int(words[Head.PID])):  # one that was killed has left it behind
        return nobody
    if words[Head.ABI] != abi_hash():
        raise ValueError(f"process {words[Head.PID]} is another version of restem: end it")
    return f"process {words[Head.PID]}"


def self_test(plugin: Path) -> str:
    """Load a .clap in our own host, without a service, and hear the mix at its latency.

    Raises:
        ValueError: it does not load, or plays something else.
    """
    noise = np.random.default_rng(0).normal(0, 0.1, (2, RATE)).astype(np.float32)
    alone = {NAME_VARIABLE: f"restem-nowhere-{os.getpid()}", "RESTEM_PLUGIN_CONF": os.devnull}
    with tempfile.TemporaryDirectory() as folder:
        host = build_host(Path(folder) / "clap_host")
        with ClapHost(host, plugin, alone) as daw:
            latency = daw.activate(RATE, BLOCK)
            played, _ = daw.play(noise, BLOCK)
            ports = len(daw.ports)
    dry = np.concatenate([np.zeros((2, latency), np.float32), noise], axis=1)[:, :RATE]
    if ports != len(PORTS) or not np.array_equal(played[:2], dry) or played[2:].any():
        raise ValueError("it loads, but does not play the mix at its latency: restem plugin build")
    return f"plays the mix {latency} samples late, {ports} stereo outputs"
