"""Audio backends: what a session asks of them, and the table of those there are.

A backend is a file of this folder and a row of `BACKENDS`; its flags are in `bridge.cli.options`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from restem.bridge.audio.callbacks import Callback
from restem.bridge.settings import Settings
from restem.streamer.engine.engine import Engine

Connections = list[tuple[str, str]]


class AudioStream(Protocol):
    """An engine's connection to the sound, until it is closed."""

    name: str
    callback: Callback

    @property
    def host_block_size(self) -> int:
        """Frames of a callback, now."""
        ...

    @property
    def input_latency(self) -> int: ...
    @property
    def drift_ppm(self) -> float | None: ...
    @property
    def alive(self) -> bool: ...
    @property
    def xruns(self) -> int: ...
    @property
    def device_latency(self) -> tuple[int, int]: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


class AudioBackend(Protocol):
    """A system that opens streams.

    Args:
        settings: the session's.
        outputs: channels that are played.
        sample_rate: Hz, the model's.

    Raises:
        ValueError: a device is not there, or a setting is none of this system's; one line.
    """

    sample_rate: int  # Hz, of its streams
    host_block_size: int  # frames of a callback
    silent_seconds: float  # without a callback: the stream is lost; inf where the stream says it

    def __init__(self, settings: Settings, outputs: int, sample_rate: int) -> None: ...
    def open(self, engine: Engine, lost: AudioStream | None = None) -> AudioStream:
        """Open a stream; `lost` is the one before, which broke."""

    def remember(self, stream: AudioStream) -> None:
        """Keep what `restore` needs; called now and then while a stream is well."""

    def restore(self, stream: AudioStream) -> None:
        """Give a reopened stream what the lost one had, such as its connections."""

    def connections(self) -> Connections:
        """Connections to other programs that are wanted: their ports' names, source first."""

    def want(self, connections: Connections) -> None:
        """Make connections as soon as their ports are there; from any thread."""


BACKENDS = {
    "portaudio": "restem.bridge.audio.portaudio:PortAudioBackend",
    "jack": "restem.bridge.audio.jack:JackBackend",
}


def open_backend(settings: Settings, outputs: int, sample_rate: int) -> AudioBackend:
    """The backend that the settings ask for; only its own libraries are loaded.

    Raises:
        ValueError: as `AudioBackend`.
    """
    module, name = BACKENDS[settings.backend].split(":")
    make: Callable[[Settings, int, int], AudioBackend] = getattr(import_module(module), name)
    return make(settings, outputs, sample_rate)
