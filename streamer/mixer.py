"""The mixer: what its parameters mean, and the memory that an audio callback mixes with.

Shape letters: as in `streamer.mixing`, the native half.
"""

import math
import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from streamer.atomics import load_acquire
from streamer.mixing import (
    BAD,
    BYPASS,
    CEILING,
    GLOBALS,
    MASTER,
    OUTPUTS,
    RAMPS,
    SEEN,
    SEQUENCE,
    SLOT,
    WAIT,
    WET,
    Audio,
    mix_block,
    new_memory,
    publish,
    read_peaks,
    unpack,
)
from streamer.parameters import (
    PARAMETERS,
    RESIDUAL,
    Parameter,
    Value,
    amplitude,
    fader_to_gain_db,
    gain_db_to_fader,
    parameter,
    strip_names,
)
from streamer.routing import Routing, source_names

__all__ = ["Mixer", "Routing", "mix_block"]

RESERVED = ("master", "dry", RESIDUAL)  # buses that are no stems

Change = tuple[str, object, str | None]  # a parameter, its value, and the strip that it is of


class Mixer:
    """Strips, as on a mixing desk, into a stereo master and direct outs.

    Mute wins over solo, and a solo silences all strips that are not soloed, the residual too. None
    of them touches the dry mix of `dry_wet` and `bypass`; the ceiling and `bypass` are the
    master's, direct outs come before them.

    Every change is a ramp (`streamer.mixing.ramp`). Any thread may call `set` and the like; one
    callback at a time runs `mix_block` on `memory`, which never moves.

    Args:
        stems: their names; the residual is added as the last strip.
        sample_rate: Hz.
        channels: of the dry mix and each strip, 1 or 2; what is mono is on both sides.

    Raises:
        ValueError: a name is there twice or means something else, or a number is out of range.
    """

    def __init__(self, stems: Sequence[str], sample_rate: int, channels: int = 2) -> None:
        if sample_rate < 1 or channels not in (1, 2):
            raise ValueError(
                "sample_rate must be at least 1 Hz and channels 1 or 2, "
                f"got {sample_rate} Hz and {channels}"
            )
        if len(set(stems)) < len(stems) or not stems or set(stems) & set(RESERVED):
            raise ValueError(
                "stems must be names, each once, and none of "
                f"{', '.join(RESERVED)}; got {', '.join(stems) or 'none'}"
            )
        self.stems, self.strips = tuple(stems), strip_names(stems)
        self.sample_rate, self.channels = sample_rate, channels
        spacing = math.ceil(self._samples(max(row.smoothing_ms for row in PARAMETERS)) / RAMPS)
        self.memory = new_memory(len(self.strips), spacing)
        self._state = unpack(self.memory)
        self._lock = threading.Lock()  # of the control side; no audio thread ever takes it
        self._values: dict[tuple[str, str | None], Value] = {
            (row.name, strip): row.default
            for row in PARAMETERS
            for strip in (self.strips if row.scope == "stem" else (None,))
        }
        self._targets = self._coefficients()
        self._lengths = np.ones(len(self._targets), np.int64)
        publish(self.memory, self._targets.view(np.int64), self._lengths)
        self.reset()
        self.route(Routing.preset("stereo", self.stems))

    def _samples(self, milliseconds: float) -> int:
        return max(1, round(milliseconds * self.sample_rate / 1000))

    def set(self, name: str, value: object, stem: str | None = None) -> Value:
        """Let a parameter move to a value, or to the nearest in range; answers which.

        Raises:
            ValueError: there is no such parameter or strip, or the value is of another type.
        """
        return self.set_all([(name, value, stem)])[0]

    def set_all(self, changes: Iterable[Change]) -> list[Value]:
        """Make many changes at the same sample, or, if one is refused, none.

        Raises:
            ValueError: as `set`.
        """
        rows = [(self._row(name, stem), value, stem) for name, value, stem in changes]
        values = [row.clip(value)[0] for row, value, _ in rows]
        with self._lock:
            for (row, _, stem), value in zip(rows, values, strict=True):
                self._values[row.name, stem] = value
                if row.name == "fader":
                    self._values["gain_db", stem] = fader_to_gain_db(value)
                if row.name == "gain_db":
                    self._values["fader", stem] = gain_db_to_fader(value)
            self._publish(max((row.smoothing_ms for row, _, _ in rows), default=1.0))
        return values

    def get(self, name: str, stem: str | None = None) -> Value:
        """A parameter's value, where its ramp goes to.

        Raises:
            ValueError: there is no such parameter or strip.
        """
        return self._values[self._row(name, stem).name, stem]

    def _row(self, name: str, stem: str | None) -> Parameter:
        row = parameter(name)
        if row.scope == "global" and stem is not None:
            raise ValueError(f"{name} is of the whole mixer, not of a stem; got {stem!r}")
        if row.scope == "stem" and stem not in self.strips:
            raise ValueError(f"{name} is of a stem: one of {', '.join(self.strips)}; got {stem!r}")
        return row

    def _publish(self, smoothing_ms: float) -> None:
        targets = self._coefficients()
        self._lengths[targets != self._targets] = self._samples(smoothing_ms)
        self._targets = targets
        publish(self.memory, targets.view(np.int64), self._lengths)

    def _coefficients(self) -> NDArray[np.float64]:
        """What the parameters come to, [k]."""
        values, count = self._values, 2 * len(self.strips)
        any_solo = any(values["solo", strip] for strip in self.strips)
        targets = np.zeros(count + GLOBALS)
        for number, strip in enumerate(self.strips):
            heard = values["solo", strip] or not any_solo
            if heard and not values["mute", strip]:
                gain = amplitude(values["gain_db", strip])
                left, right = balance(values["pan", strip])
                targets[2 * number : 2 * number + 2] = gain * left, gain * right
        targets[count + WET] = values["dry_wet", None]
        targets[count + MASTER] = amplitude(values["master_gain_db", None])
        targets[count + BYPASS] = values["bypass", None]
        targets[count + CEILING] = values["ceiling", None]
        return targets

    def route(self, routing: Routing) -> None:
        """Let outputs play other sources, at once: whoever listens may hear a click.

        Raises:
            ValueError: the routing has a source that this mixer lacks.
        """
        rows = routing.rows(self.stems)
        self.routing = routing
        silence = len(source_names(self.stems)) - 1
        self._state.routes[:] = rows + [silence] * (OUTPUTS - len(rows))

    def process(self, dry: Audio, stems: Audio) -> Audio:
        """Mix the next samples, where no callback does.

        Args:
            dry: [c, n] the mix as it came, as late as the stems.
            stems: [s, c, n], the residual last.

        Returns:
            [o, n], as many outputs as the routing has.

        Raises:
            ValueError: the shape is another one.
        """
        expected = (len(self.strips), self.channels, dry.shape[-1])
        if dry.shape != expected[1:] or stems.shape != expected:
            raise ValueError(
                f"dry mix and stems must be [{self.channels} channels, samples] and "
                f"[{len(self.strips)} strips, {self.channels}, as many], "
                f"got {list(dry.shape)} and {list(stems.shape)}"
            )
        out = np.empty((len(self.routing.outputs), dry.shape[-1]), np.float32)
        dry, stems = (np.ascontiguousarray(part, np.float32) for part in (dry, stems))
        mix_block(self.memory, dry, stems, out, dry.shape[-1])
        return out

    def reset(self) -> None:
        """Forget what was heard: ramps are over, peaks and counts at zero; parameters stay.

        Not while a callback runs.
        """
        state = self._state
        state.targets[:] = self._targets
        state.left[:] = state.peaks[:] = 0
        self.memory[[WAIT, SLOT, BAD]] = 0
        self.memory[SEEN] = self.memory[SEQUENCE]

    def peaks(self) -> dict[str, tuple[float, float]]:
        """Left and right peaks of the master and of each strip behind its fader, since the last
        call; 1 is full scale. For one reader: who reads, resets.
        """
        peaks = iter(read_peaks(self._state))
        buses = (*self.strips, "master")
        return {bus: (next(peaks), next(peaks)) for bus in buses}

    @property
    def bad_samples(self) -> int:
        """How many samples were no audio, and became silence."""
        return load_acquire(self.memory, BAD)


def balance(pan: float) -> tuple[float, float]:
    """Left and right gain of a pan in [-1, 1]: one side stays at 1, the other goes with a cosine.

    left = cos(pan π/2) for pan > 0, and right = cos(-pan π/2) for pan < 0; written as a sine,
    which is exactly 1 in the middle and exactly 0 at the end.
    """
    left, right = (math.sin(math.pi / 2 * (1 - max(side, 0.0))) for side in (pan, -pan))
    return left, right
