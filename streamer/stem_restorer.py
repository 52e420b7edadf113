"""The restorer as one more plugin: Pedalboard's calls around a streaming model and the mixer.

    input ─┬─► model, effects ─► stems ─┐
           └─► as late ─► dry ──────────┴─► mixer ─► stereo sum, in the input's layout

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from restem.streamer.builder import load_profile
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.mixer.parameters import PARAMETERS, Parameter, Value, parameter, strip_names
from restem.streamer.model.protocol import StreamingModel, check_streaming
from restem.streamer.model.resampled import at_rate, can_stream
from restem.streamer.processors.base import Processor, check_numbers
from restem.streamer.processors.effected import Effect, Effected
from restem.streamer.profiles import DEFAULT
from restem.streamer.resampler import Audio
from restem.streamer.stream import Stream, render_converted, render_whole

CHUNK = 2**15  # samples that go through all of it at once


class StemRestorer(Processor):
    """Restores the stems of a mix and mixes them anew, called as a plugin of Pedalboard is.

    Every parameter of the mixer is an argument and an attribute: `dry_wet`, `master_gain_db`,
    `bypass` and `ceiling`, and of each stem `drums_gain_db`, `drums_fader`, `drums_mute`,
    `drums_solo` and `drums_pan`. In a stream, what is set moves there with a ramp; `reset` and
    whole signals begin with what is set.

        restorer = StemRestorer(drums_gain_db=3, effects={"vocals": Compressor(-20, 4)})
        remix = restorer(mix, 44100)

    Mono goes to both sides, and comes back as their mean. NaN and Inf become silence. A stream
    belongs to the thread that began it until `reset` or `flush`, while whole signals of several
    threads wait for each other. A copy, pickled or not, is a fresh restorer of the same profile or
    model and the same parameters; with effects there is none.

    Args:
        model: a profile's name or file, or a streaming model of one or two channels.
        profile: the same for names and files, by its own name; `live-cpu` if neither is given.
        device, stems: of a profile, as for `load_profile`.
        effects: for some of the stems, plugins that they go through; see `Effected`.
        parameters: as above.

    Raises:
        ValueError: the model cannot be built, is there already while a device or stems are given,
            or a parameter or its value is none.
    """

    def __init__(
        self,
        model: str | Path | StreamingModel | None = None,
        effects: Mapping[str, Effect] | None = None,
        *,
        profile: str | Path | None = None,
        device: str = "auto",
        stems: Sequence[str] | None = None,
        **parameters: Value,
    ) -> None:
        if model is not None and profile is not None:
            raise ValueError(f"model and profile: give one, got {model!r} and {profile!r}")
        model = model or profile or DEFAULT
        self._given = {"model": model, "device": device, "stems": stems}
        self._name = str(model) if isinstance(model, str | Path) else type(model).__name__
        built = _built(model, device, stems)
        check_streaming(built)
        self._effects = dict(effects or {})
        self._model = Effected(built, self._effects) if self._effects else built
        self._attributes = _attributes(self._model.stems)
        self._mixer = Mixer(self._model.stems, self._model.sample_rate, self._model.channels)
        self._at_rate = {self._model.sample_rate: self._model}
        self._stream: Stream | None = None
        self._owner: int | None = None  # the stream's thread
        super().__init__()
        for name, value in parameters.items():
            if name not in self._attributes:
                raise ValueError(_unknown(name, self._attributes))
            setattr(self, name, value)

    @property
    def model(self) -> StreamingModel:
        """Streaming model, effects included."""
        return self._model

    @property
    def effects(self) -> dict[str, Effect]:
        """The effects of stems; those that a profile brings are part of `model`."""
        return dict(self._effects)

    @property
    def reported_latency_samples(self) -> int:
        """Samples that a stream withholds, at the sample rate used last (the model's at first)."""
        return self.latency_at(self._mixer.sample_rate, self._model.channels)

    def __getattr__(self, name: str) -> Value:
        attributes = self.__dict__.get("_attributes", {})
        if name not in attributes:
            raise AttributeError(_unknown(name, attributes))
        row, strip = attributes[name]
        return self._mixer.get(row.name, strip)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        if name not in self._attributes:
            if hasattr(type(self), name):
                raise AttributeError(f"{name} of a StemRestorer cannot be set")
            raise AttributeError(_unknown(name, self._attributes))
        row, strip = self._attributes[name]
        try:
            _, clipped = row.clip(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        if clipped:
            choices = f"[{row.low:g}, {row.high:g}] {row.unit}".rstrip()
            raise ValueError(f"{name} must be in {choices}, got {value!r}")
        self._mixer.set(row.name, value, strip)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._attributes})

    def __repr__(self) -> str:
        parts = [f"model={self._name!r}"]
        parts += [f"{name}={value:g}" for name, value in self._changed().items()]
        parts += [f"effects={self._effects!r}"] if self._effects else []
        return f"<streamer.StemRestorer {' '.join(parts)} at {hex(id(self))}>"

    def __reduce__(self) -> Any:
        """A copy is a fresh restorer: of the same model and parameters, without the stream."""
        if self._effects:
            return super().__reduce__()
        return _made_again, (type(self), {**self._given, **self._changed()})

    def _changed(self) -> dict[str, Value]:
        """The parameters that are not as they were; a fader is its gain."""
        values = {
            name: self._mixer.get(row.name, strip)
            for name, (row, strip) in self._attributes.items()
            if row.name != "fader"
        }
        return {n: v for n, v in values.items() if v != self._attributes[n][0].default}

    def stems(
        self, input_array: NDArray[Any], sample_rate: float, by_name: bool = False
    ) -> Audio | dict[str, Audio]:
        """Restore a whole signal's stems, effects included, without the mixer.

        Args:
            input_array: as for `process`.
            sample_rate: Hz.
            by_name: answer a dict, each stem by its name.

        Returns:
            [s, c, n], or [c, n] each, aligned with the input.

        Raises:
            TypeError, ValueError, RuntimeError: as `process`.
        """
        rate, _ = check_numbers(sample_rate, 1, True)
        with self._lock:
            self._take_over()
            audio = self._layout.read(input_array)
            streams = self._streams_at(rate)
            self._end()
            answer = self._restored(self._wide(audio), round(rate), streams)
            stems: Audio = answer if len(audio) > 1 else answer.mean(axis=1, keepdims=True)
        return dict(zip(self._model.stems, stems, strict=True)) if by_name else stems

    def reset(self) -> None:
        with self._lock:
            super().reset()
            self._owner = None

    def flush(self) -> Audio:
        with self._lock:
            self._take_over()
            rest = super().flush()
            self._owner = None
            return rest

    def _take_over(self) -> None:
        """Claim the stream for this thread.

        Raises:
            RuntimeError: another thread's stream has not ended.
        """
        here = threading.get_ident()
        if self._owner not in (None, here):
            raise RuntimeError(
                "another thread is streaming through this StemRestorer; call its reset() or "
                "flush() first, or make one for each thread"
            )

    def latency_at(self, sample_rate: float, channels: int) -> int:
        if self._streams_at(sample_rate):
            return Stream(self._model_at(sample_rate)).latency
        return math.ceil(self._model.latency * sample_rate / self._model.sample_rate)

    def _streams_at(self, sample_rate: float) -> bool:
        """At other rates whole signals are converted as files are, and streams refused."""
        if sample_rate != round(sample_rate):
            raise ValueError(f"sample_rate must be a whole number of Hz, got {sample_rate}")
        own_rate = self._model.sample_rate
        return sample_rate == own_rate or can_stream(round(sample_rate), own_rate)

    def _restored(self, wide: Audio, sample_rate: int, streams: bool) -> Audio:
        """The stems of a whole signal, [c, n] -> [s, c, n]."""
        model = self._model
        if streams:
            here = torch.from_numpy(wide)
            answer: Audio = render_whole(self._model_at(sample_rate), here).cpu().numpy()
            return answer
        converted: Audio = render_converted(model, torch.from_numpy(wide), sample_rate).numpy()
        return converted

    def _model_at(self, sample_rate: float) -> StreamingModel:
        if sample_rate not in self._at_rate:
            self._streams_at(sample_rate)
            self._at_rate[round(sample_rate)] = at_rate(self._model, round(sample_rate))
        return self._at_rate[round(sample_rate)]

    def prepare(self, sample_rate: float, channels: int, buffer_size: int) -> None:
        self._check_channels(channels)
        self._stream = Stream(self._model_at(sample_rate))
        self._early = self._stream.latency
        self._dry = np.zeros((self._model.channels, 0), np.float32)
        self._reset_mixer(round(sample_rate))

    def _check_channels(self, channels: int) -> None:
        if channels not in (1, 2) or self._model.channels < channels:
            most = "mono or stereo" if self._model.channels == 2 else "mono"
            raise ValueError(
                f"StemRestorer only supports {most} audio. (Was passed {channels}-channel audio.)"
            )

    def _reset_mixer(self, sample_rate: int) -> None:
        if self._mixer.sample_rate != sample_rate:
            self._mixer = self._moved(sample_rate)
        self._mixer.reset()

    def _moved(self, sample_rate: int) -> Mixer:
        """The mixer at another sample rate."""
        mixer = Mixer(self._model.stems, sample_rate, self._model.channels)
        changed = ((name, *self._attributes[name]) for name in self._changed())
        mixer.set_all((row.name, getattr(self, name), strip) for name, row, strip in changed)
        return mixer

    def advance(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        with self._lock:
            self._take_over()
            answer = super().advance(audio, sample_rate, buffer_size)
            self._owner = threading.get_ident()
            return answer

    def push(self, audio: Audio) -> Audio:
        chunks = range(0, max(audio.shape[1], 1), CHUNK)
        return np.concatenate([self._mix(audio[:, at : at + CHUNK]) for at in chunks], axis=1)

    def _mix(self, audio: Audio) -> Audio:
        assert self._stream is not None
        channels, wide = len(audio), self._wide(audio)
        stems: Audio = self._stream.advance(torch.from_numpy(wide)).numpy()
        cut = min(self._early, stems.shape[-1])
        self._early -= cut
        count = stems.shape[-1] - cut
        waiting = np.concatenate((self._dry, wide), axis=1)
        dry, self._dry = waiting[:, :count], waiting[:, count:]
        return self._mixed(dry, stems[..., cut:], channels)

    def _mixed(self, dry: Audio, stems: Audio, channels: int) -> Audio:
        residual = np.zeros((1, *dry.shape), np.float32)  # no stem is ever late here
        master = self._mixer.process(dry, np.concatenate((stems, residual)))
        return master if channels == 2 else master.mean(axis=0, keepdims=True)

    def _wide(self, audio: Audio) -> Audio:
        """With the model's channels, and without NaN and Inf; [c, n], a copy."""
        wide = np.empty((self._model.channels, audio.shape[1]), np.float32)
        wide[:] = audio
        return wide if np.isfinite(wide).all() else np.where(np.isfinite(wide), wide, 0)

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        with self._lock:
            self._take_over()
            if not self._streams_at(sample_rate):
                return self._process_converted(audio, round(sample_rate))
            self.prepare(sample_rate, audio.shape[0], buffer_size)
            self._end()
            self._owner = None
            late = self._early
            tail = np.zeros((audio.shape[0], late), np.float32)
            return np.concatenate((self.push(audio), self.push(tail)), axis=1)

    def _process_converted(self, audio: Audio, sample_rate: int) -> Audio:
        self._check_channels(len(audio))
        self._end()
        self._owner = None
        self._reset_mixer(sample_rate)
        wide = self._wide(audio)
        return self._mixed(wide, self._restored(wide, sample_rate, streams=False), len(audio))


def _built(
    model: str | Path | StreamingModel, device: str, stems: Sequence[str] | None
) -> StreamingModel:
    if isinstance(model, str | Path):
        return load_profile(model, device, stems)
    if device != "auto" or stems is not None:
        raise ValueError("device and stems are for profiles; a model has its own")
    return model


def _made_again(cls: type[StemRestorer], arguments: dict[str, Any]) -> StemRestorer:
    return cls(**arguments)


Attribute = tuple[Parameter, str | None]  # and its strip


def _attributes(stems: tuple[str, ...]) -> dict[str, Attribute]:
    """The name of every parameter of every strip, and what it is."""
    names: dict[str, Attribute] = {}
    for row in PARAMETERS:
        if row.scope == "global":
            names[row.name] = parameter(row.name), None
            continue
        names.update({f"{strip}_{row.name}": (row, strip) for strip in strip_names(stems)})
    return names


def _unknown(name: str, attributes: Mapping[str, Attribute]) -> str:
    globals_ = [n for n, (_, strip) in attributes.items() if strip is None]
    strips = list(dict.fromkeys(strip for _, strip in attributes.values() if strip))
    kinds = list(dict.fromkeys(row.name for row, strip in attributes.values() if strip))
    return (
        f"unknown parameter {name!r} of StemRestorer; expected one of {', '.join(globals_)}, "
        f"or {', '.join(kinds)} of a stem as in {strips[0] if strips else 'drums'}_gain_db: "
        f"{', '.join(strips)}"
    )
