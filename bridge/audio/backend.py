"""What a session asks of an audio device, whichever system it belongs to."""

from typing import Protocol

from restem.bridge.audio.callbacks import Callback


class Link(Protocol):
    """An engine's connection to the sound: `AudioStream` or `JackStream`."""

    name: str
    callback: Callback

    @property
    def extra_latency(self) -> int: ...
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
