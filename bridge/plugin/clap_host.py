"""Our own small CLAP host: built here, driven over a pipe; for the self-test and the tests."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from restem.bridge.plugin.build import FLAGS, compile_to, find_compiler
from restem.bridge.plugin.dpf import find_dpf
from restem.streamer.engine.rings import Audio


def build_host(path: Path) -> Path:
    """Compile the host to a path, and answer it.

    Raises:
        ValueError: the compiler or DPF, which has CLAP's headers, is missing.
    """
    source = resources.files("restem.bridge.plugin") / "host" / "clap_host.cpp"
    with resources.as_file(source) as file:
        headers = find_dpf() / "distrho" / "src"
        compile_to(
            *(find_compiler(), path, *FLAGS, f"-I{headers}", str(file)), *("-ldl", "-lpthread")
        )
    return path


class ClapHost:
    """A host with one plugin in it, until it is closed.

    Args:
        host: of `build_host`.
        plugin: the .clap.
        environment: of the host, beside this process's.

    Raises:
        ValueError: the plugin cannot be loaded; of any method, too: it cannot do that, or crashed.
    """

    def __init__(
        self, host: Path, plugin: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [str(host), str(plugin)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._folder = tempfile.TemporaryDirectory()
        try:
            self._answer()
            described = self.describe()
        except BaseException:
            self.close()
            raise
        self.ports: list[str] = described["ports"]
        self.parameters: dict[str, int] = described["parameters"]

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line or '{"error": "the host ended"}')
        if "error" in answer:
            raise ValueError(f"CLAP host: {answer['error']}")
        return answer

    def command(self, *words: object) -> dict[str, Any]:
        """Do one command of the host's; its answer."""
        assert self._process.stdin is not None
        try:
            print(*words, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise ValueError("CLAP host: it has ended") from None
        return self._answer()

    def describe(self) -> dict[str, Any]:
        """Name, ports, parameters, latency."""
        return self.command("describe")

    def activate(self, sample_rate: int, block_size: int) -> int:
        """Activate the plugin for calls of so many frames at most; its latency in frames."""
        return int(self.command("activate", sample_rate, block_size)["latency"])

    def set(self, parameter: str, value: float) -> None:
        """Set a parameter at the next call's first sample."""
        self.command("set", self.parameters[parameter], value)

    def locate(self, frame: int | None, rolls: bool = True, loop: tuple[int, int] = (0, 0)) -> None:
        """Move the transport, which goes on from there with what is played next.

        Args:
            frame: of the timeline; None: the host tells of no transport.
            rolls: False: it stands there.
            loop: its first frame and the one after its last, where there is one.
        """
        self.command("place", -1 if frame is None else frame, int(rolls), *loop)

    def get(self, parameter: str) -> float:
        """A parameter's value now."""
        return float(self.command("get", self.parameters[parameter])["value"])

    def moved(self) -> dict[str, float]:
        """Parameters that the plugin has moved since the last time, outputs too."""
        names = {str(number): name for name, number in self.parameters.items()}
        return {names[number]: value for number, value in self.command("moved").items()}

    def play(self, audio: Audio, block_size: int, seed: int = 0) -> tuple[Audio, dict[str, Any]]:
        """Play the next frames through the plugin.

        Args:
            audio: [2, n]
            block_size: frames of a call; with a seed other than 0, of 1 to so many.

        Returns:
            [o, n], and how long the calls took, in microseconds.
        """
        folder = Path(self._folder.name)
        source, target = folder / "in", folder / "out"
        np.ascontiguousarray(audio.T, np.float32).tofile(source)
        timings = self.command("run", source, target, block_size, seed)
        played = np.fromfile(target, np.float32).reshape(-1, 2 * len(self.ports))
        return np.ascontiguousarray(played.T), timings

    def close(self) -> None:
        """End the host: its plugin leaves in order."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()

    def __enter__(self) -> "ClapHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
