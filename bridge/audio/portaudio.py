"""Sound devices, through PortAudio (sounddevice): ASIO, CoreAudio, WASAPI, ALSA, JACK.

The stream's callback is native (`bridge.audio.callbacks`): Python never runs in the audio thread.
"""

import atexit
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from restem.bridge.audio.backend import AudioStream, Connections
from restem.bridge.audio.callbacks import Callback, portaudio, portaudio_capture, portaudio_pull
from restem.bridge.audio.clock_drift import AdaptiveResampler
from restem.bridge.settings import HOST_BLOCK_SIZE, Settings
from restem.streamer.engine.engine import Engine

JACK_HOST = "JACK Audio Connection Kit"


@dataclass(frozen=True)
class Device:
    """A sound device as PortAudio lists it."""

    number: int
    name: str
    host: str
    inputs: int
    outputs: int
    sample_rate: float  # Hz, its own

    @property
    def label(self) -> str:
        return f"{self.name} ({self.host})"


def portaudio_module() -> ModuleType:
    """sounddevice, which looks for devices when it is imported.

    Raises:
        ValueError: PortAudio is not installed.
    """
    try:
        import sounddevice
    except OSError as error:
        raise ValueError(
            "PortAudio is not installed; on Debian and Ubuntu: apt install libportaudio2"
        ) from error
    module: ModuleType = sounddevice
    return module


def list_devices() -> list[Device]:
    """All sound devices."""
    sounddevice = portaudio_module()
    hosts = sounddevice.query_hostapis()
    return [
        Device(
            number,
            found["name"],
            hosts[found["hostapi"]]["name"],
            found["max_input_channels"],
            found["max_output_channels"],
            found["default_samplerate"],
        )
        for number, found in enumerate(sounddevice.query_devices())
    ]


def find_device(wanted: str | None, inputs: int, outputs: int) -> Device:
    """The device of that number or name, with channels enough.

    Args:
        wanted: a number, or a part of the label in any case; None for the system's own.
        inputs, outputs: channels needed, 0 if that direction is not.

    Raises:
        ValueError: there is none, or there are several; names the candidates.
    """
    devices = list_devices()
    if not devices:
        raise ValueError("there is no sound device here; plug one in, or start JACK or PipeWire")
    fitting = [d for d in devices if d.inputs >= inputs and d.outputs >= outputs]
    choices = "; ".join(f"{d.number} {d.label} {d.inputs} in, {d.outputs} out" for d in devices)
    if wanted is None:
        default = portaudio_module().default.device[0 if inputs else 1]
        found = [d for d in fitting if d.number == default] or fitting[:1]
    elif wanted.isdigit():
        found = [d for d in devices if d.number == int(wanted)]
    else:
        found = [d for d in devices if wanted.casefold() in d.label.casefold()]
        exact = [d for d in found if d.name == wanted]
        found = exact or found
    name = "" if wanted is None else f" '{wanted}'"
    if not found:
        raise ValueError(f"no device{name} with {inputs} in, {outputs} out; there are: {choices}")
    if len(found) > 1:
        several = "; ".join(f"{d.number} {d.label}" for d in found)
        raise ValueError(f"several devices match{name}: {several}; give a number")
    if found[0] not in fitting:
        raise ValueError(
            f"device '{found[0].label}' has {found[0].inputs} in, {found[0].outputs} out; "
            f"needed: {inputs} in, {outputs} out; there are: {choices}"
        )
    return found[0]


def refresh_devices() -> None:
    """Look for devices again; not while a stream is open."""
    sounddevice = portaudio_module()
    sounddevice._terminate()
    sounddevice._initialize()


def abandon_portaudio() -> None:
    """Leave PortAudio as it is, even at exit: without its JACK server it would end the process."""
    atexit.unregister(portaudio_module()._exit_handler)


def pick_sample_rate(devices: Sequence[Device], wanted: int, only: bool = False) -> int:
    """The wanted rate where both devices take it, otherwise their own, in Hz.

    Raises:
        ValueError: they refuse the rate that is the `only` one wanted, or have none in common.
    """
    sounddevice = portaudio_module()
    source, sink = devices
    rates = (wanted,) if only else (wanted, round(sink.sample_rate), round(source.sample_rate))
    for rate in rates:
        try:
            sounddevice.check_input_settings(source.number, samplerate=rate)
            sounddevice.check_output_settings(sink.number, samplerate=rate)
        except sounddevice.PortAudioError:
            continue
        return rate
    own = ", ".join(f"{device.label} at {device.sample_rate:.0f} Hz" for device in devices)
    refused = ", ".join(f"{rate} Hz" for rate in dict.fromkeys(rates))
    raise ValueError(f"the devices refuse {refused}; there are: {own}")


class PortAudioStream:
    """An engine between an input and an output device.

    Two devices have two clocks: between them the input is resampled to the output's
    (`bridge.audio.clock_drift`), at `input_latency` more.

    Args:
        engine: made for `host_block_size` frames at the devices' rate; its mixer's routing says how
            many outputs there are.
        devices: input and output.
        host_block_size: frames in every callback.
        input_channels: which inputs are left and right, counted from 0; the first two if None.

    Raises:
        ValueError: the devices refuse rate, channels or block size; one line.
    """

    def __init__(
        self,
        engine: Engine,
        devices: Sequence[Device],
        host_block_size: int,
        input_channels: tuple[int, int] | None = None,
    ) -> None:
        sounddevice = portaudio_module()
        self.name = " -> ".join(dict.fromkeys(device.label for device in devices))
        self.host, self.host_block_size = devices[0].host, host_block_size
        self.sample_rate = engine.sample_rate
        inputs = (
            max(input_channels) + 1 if input_channels else min(engine.channels, devices[0].inputs)
        )
        outputs = len(engine.mixer.routing.outputs)
        self.resampler: AdaptiveResampler | None = None
        if devices[0] != devices[1]:
            rate, channels = engine.sample_rate, engine.channels
            self.resampler = AdaptiveResampler(rate, channels, host_block_size, host_block_size)
        self.callback = Callback(
            engine, inputs, outputs, input_channels=input_channels, resampler=self.resampler
        )
        cast = sounddevice._ffi.cast

        def open_stream(kind: str, device: Any, channels: Any, callback: Any) -> Any:
            return sounddevice._StreamBase(
                kind=kind,
                samplerate=engine.sample_rate,
                blocksize=host_block_size,
                device=device,
                channels=channels,
                dtype="float32",
                latency="low",
                callback=cast("PaStreamCallback*", callback.address),
                userdata=cast("void*", self.callback.address),
            )

        source, sink = (device.number for device in devices)
        self.streams: list[Any] = []
        try:
            if self.resampler is None:
                both = (source, sink), (inputs, outputs)
                self.streams.append(open_stream("duplex", *both, portaudio))
            else:
                self.streams.append(open_stream("input", source, inputs, portaudio_capture))
                self.streams.append(open_stream("output", sink, outputs, portaudio_pull))
        except sounddevice.PortAudioError as error:
            self.close()
            raise ValueError(
                f"{self.name}: refuses {engine.sample_rate} Hz, {inputs} in, {outputs} out, "
                f"{host_block_size} frames: {error}; try another --rate, --blocksize or --channels"
            ) from error

    @property
    def device_latency(self) -> tuple[int, int]:
        """Frames that input and output devices say they add."""
        if self.resampler is None:
            into, out = self.streams[0].latency
        else:
            into, out = (stream.latency for stream in self.streams)
        return round(into * self.sample_rate), round(out * self.sample_rate)

    @property
    def input_latency(self) -> int:
        """Frames that come before the engine."""
        return self.resampler.latency if self.resampler else 0

    @property
    def drift_ppm(self) -> float | None:
        """Excess rate of the input device's clock; None if there is one clock only."""
        return self.resampler.ppm if self.resampler else None

    @property
    def xruns(self) -> int:
        if self.resampler is None:
            return self.callback.xruns
        between = self.resampler.status()
        return self.callback.xruns + between.underflows + between.overflows + between.jumps

    def start(self) -> None:
        """Raises ValueError if the devices do not run; one line."""
        try:
            for stream in self.streams:
                stream.start()
        except portaudio_module().PortAudioError as error:
            raise ValueError(f"{self.name}: does not start: {error}") from error

    @property
    def alive(self) -> bool:
        return all(stream.active for stream in self.streams)

    def close(self) -> None:
        for stream in self.streams:
            stream.close(ignore_errors=True)


class PortAudioBackend:
    """Sound devices; see `AudioBackend`."""

    silent_seconds = 3.0

    def __init__(self, settings: Settings, outputs: int, sample_rate: int) -> None:
        self.settings, self.outputs = settings, outputs
        self.inputs = max(settings.input_channels) + 1 if settings.input_channels else 1
        self.host_block_size = settings.host_block_size or HOST_BLOCK_SIZE
        self.sample_rate = pick_sample_rate(
            self._find(), settings.rate or sample_rate, only=settings.rate is not None
        )

    def _find(self) -> tuple[Any, Any]:
        wanted = self.settings
        return find_device(wanted.input, self.inputs, 0), find_device(
            wanted.output, 0, self.outputs
        )

    def open(self, engine: Engine, lost: AudioStream | None = None) -> PortAudioStream:
        if isinstance(lost, PortAudioStream) and lost.host == JACK_HOST:
            abandon_portaudio()
            raise ValueError(
                "PortAudio cannot find a JACK server again: start restem anew, "
                "or with --jack, which can"
            )
        if lost is not None:
            refresh_devices()
        return PortAudioStream(
            engine, self._find(), self.host_block_size, self.settings.input_channels
        )

    def remember(self, stream: AudioStream) -> None:
        """Nothing: devices are found again by what was asked for."""

    def restore(self, stream: AudioStream) -> None:
        """Nothing, see `remember`."""

    def connections(self) -> Connections:
        return []

    def want(self, connections: Connections) -> None:
        """Nothing: a device has no connections to other programs."""
