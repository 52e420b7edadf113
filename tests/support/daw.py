"""The plugin in our own CLAP host, and a service for it in a process of its own."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from restem.bridge.plugin.abi import abi_hash
from restem.bridge.plugin.clap_host import ClapHost
from restem.bridge.plugin.lobby import Lobby
from restem.streamer.engine.rings import Audio
from tests.support.engine_player import until

NO_SERVICE, STARTING, READY, LATE, REFUSED, OTHER_VERSION, NO_ROOM = range(7)
TO_CHILDREN = {"RESTEM_PLUGIN_CONF": os.devnull}  # no plugin starts a service of the user's


@contextmanager
def host(
    program: Path, plugin: Path, environment: Mapping[str, str] | None = None
) -> Iterator[ClapHost]:
    with ClapHost(program, plugin, {**TO_CHILDREN, **(environment or {})}) as daw:
        yield daw


@contextmanager
def service(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`restem serve`; it is there once its lobby is, which plugins see for themselves."""
    command = [sys.executable, "-m", "restem", "serve", "--force", *arguments]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    try:
        yield running
    finally:
        running.terminate()
        running.stderr.read()
        running.wait()
        running.stderr.close()


@contextmanager
def silent_service() -> Iterator[Lobby]:
    """A service that lives, and answers nothing."""
    lobby, ended = Lobby(serve=True, abi=abi_hash()), threading.Event()

    def beat() -> None:
        while not ended.wait(0.005):
            lobby.beat()

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        yield lobby
    finally:
        ended.set()
        beating.join()
        lobby.close()


def await_status(daw: ClapHost, *wanted: int) -> None:
    until(lambda: daw.get("Status") in wanted)


def late_by(audio: Audio, latency: int) -> Audio:
    """[c, n] frames later, and as long."""
    return np.pad(audio, ((0, 0), (latency, 0)))[:, : audio.shape[1]]


def workers(process: int) -> list[int]:
    """Processes of the workers that a process has started."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in path.read_text().split():
            words = Path(f"/proc/{child}/cmdline").read_bytes()
            if re.search(rb"multiprocessing\.spawn", words):
                found.append(int(child))
    return found
