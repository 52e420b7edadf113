"""Pedalboard's calls: what goes into them, what comes out, and a base class that has them.

Shape letters: `c` channel, `n` sample.
"""

import math
import operator
import threading
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restem.streamer.resampler import Audio

BUFFER_SIZE = 8192  # samples that a plugin gets at once, Pedalboard's default
PATIENCE = 2**22  # samples of silence after which nothing more is expected

HINT = (
    "Provide a non-square array first to allow Pedalboard to determine which dimension corresponds "
    "with the number of channels and which dimension corresponds with the number of samples."
)


class ChannelLayout:
    """Channel dimension of an array, guessed as Pedalboard guesses it.

    Earlier calls are remembered: an array of 16 x 12 samples has 12 channels, but after one
    of 16 x 1000 it has 16.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was called before."""
        self.channels = 0  # of the last call; 0 before the first
        self.interleaved: bool | None = None  # of the last call
        self.dimensions = 2

    def read(self, array: NDArray[Any]) -> Audio:
        """[n], [c, n] or [n, c], float32 or float64, to a contiguous [c, n] in float32.

        Raises:
            TypeError: no array, or samples of another type.
            RuntimeError: the number of dimensions is another one, or the array is square and
                nothing was called before.
        """
        if not isinstance(array, np.ndarray):
            raise TypeError(
                "process(): incompatible function arguments: input_array must be a numpy.ndarray, "
                f"got {type(array).__name__}"
            )
        if array.dtype.kind != "f" or array.dtype.itemsize not in (4, 8):
            raise TypeError(
                "Pedalboard only supports 32-bit and 64-bit floating point audio for processing."
            )
        if array.ndim not in (1, 2):
            raise RuntimeError(
                f"Number of input dimensions must be 1 or 2 (got {array.ndim}). {HINT}"
            )
        self.dimensions = array.ndim
        if array.ndim == 1:
            array, self.interleaved = array[None], False
        else:
            self.interleaved = self._is_interleaved(array.shape)
            array = array.T if self.interleaved else array
        self.channels = array.shape[0] or self.channels
        audio: Audio = np.ascontiguousarray(array, np.float32)
        return audio

    def write(self, audio: Audio) -> Audio:
        """[c, n] as the array that was read last."""
        if self.dimensions == 1:
            mono: Audio = audio[0]
            return mono
        return np.ascontiguousarray(audio.T) if self.interleaved else audio

    def _is_interleaved(self, shape: tuple[int, ...]) -> bool:
        rows, columns = shape
        if rows == columns != 1:
            if self.interleaved is None:
                raise RuntimeError(
                    f"Unable to determine channel layout from shape: ({rows}, {columns}). {HINT}"
                )
            return self.interleaved
        if rows == columns == 1 and self.channels == 1:
            return bool(self.interleaved)  # the last sample of a mono stream
        if self.channels and self.channels in shape:
            return self.channels != rows
        if rows == 0 or columns == 0:
            return rows == 0
        return columns < rows


class Processor(ABC):
    """Plugin with Pedalboard's interface, over a stream of [c, n] arrays.

    Whole signals come out as long as they went in and aligned with it. A stream's first samples are
    withheld, as many as the processor is late, so that all that comes out, joined, is aligned with
    what went in; `flush` gives the rest. One call at a time works, others wait for it.
    """

    def __init__(self) -> None:
        self._layout = ChannelLayout()
        self._lock = threading.RLock()
        self._running: tuple[float, int] | None = None  # sample rate, channels
        self._missing = 0  # samples that went into the stream and are not out yet
        self._lost = False  # a call failed in the middle of the stream

    def __reduce__(self) -> Any:
        raise TypeError(
            f"a {type(self).__name__} cannot be copied or pickled: its plugins remember what they "
            "heard; make another, in each process its own"
        )

    @property
    def is_effect(self) -> bool:
        """True if audio goes in."""
        return True

    @property
    def is_instrument(self) -> bool:
        """True if audio is generated."""
        return False

    def process(
        self,
        input_array: NDArray[Any],
        sample_rate: float,
        buffer_size: int = BUFFER_SIZE,
        reset: bool = True,
    ) -> Audio:
        """Process a whole signal, or the next samples of a stream.

        Args:
            input_array: [n], [c, n] or [n, c], float32 or float64.
            sample_rate: Hz.
            buffer_size: samples that native plugins get at once, at most.
            reset: forget what was heard before; the signal is whole, and so is the answer.
                Otherwise the stream goes on: start one with `reset()`, not with `reset=True`.

        Returns:
            float32, a new array in the layout of `input_array`: as long as it, or, if `reset` is
            false, shorter while the stream is young.

        Raises:
            TypeError: an argument is of another type.
            ValueError: a number is out of range.
            RuntimeError: the layout cannot be guessed; see `Layout`.
        """
        rate, size = check_numbers(sample_rate, buffer_size, reset)
        with self._lock:
            audio = self._layout.read(input_array)
            answer = (
                self.process_all(audio, rate, size) if reset else self.advance(audio, rate, size)
            )
            if np.may_share_memory(answer, input_array):
                answer = answer.copy()
            return self._layout.write(answer)

    __call__ = process

    def reset(self) -> None:
        """Forget everything heard so far, and how arrays were laid out."""
        with self._lock:
            self._layout.reset()
            self._end()

    def flush(self) -> Audio:
        """End the stream: the samples that were withheld, in the layout of its last block.

        Raises:
            RuntimeError: a call failed in the middle of this stream; samples are lost.
        """
        with self._lock:
            self._check_lost()
            parts = [np.zeros((self._layout.channels or 1, 0), np.float32)]
            missing, fed = self._missing, 0
            if self._running is not None:
                rate, channels = self._running
                while sum(part.shape[1] for part in parts) < missing:
                    if fed > PATIENCE + missing:
                        raise RuntimeError(f"{missing} samples went in and never came out")
                    silence = np.zeros((channels, max(self._missing, 1)), np.float32)
                    parts.append(self.advance(silence, rate, BUFFER_SIZE))
                    fed += silence.shape[1]
            self._end()
            return self._layout.write(np.concatenate(parts, axis=1)[:, :missing])

    def _check_lost(self) -> None:
        if self._lost:
            raise RuntimeError(
                f"a call failed in the middle of this {type(self).__name__}'s stream, and its "
                "samples are lost; call reset() to begin another"
            )

    def _end(self) -> None:
        """No stream runs from here on."""
        self._running, self._missing, self._lost = None, 0, False

    def advance(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        """The next samples of a stream: takes [c, n], gives [c, m], the rest later.

        Another sample rate or number of channels starts a new stream.

        Raises:
            RuntimeError: a call failed in the middle of this stream; samples are lost.
        """
        with self._lock:
            self._check_lost()
            spec = sample_rate, audio.shape[0]
            if self._running != spec:
                self.prepare(*spec, buffer_size)
                self._running, self._missing = spec, 0
            self._lost = True  # unless the samples come through
            answer = self.push(audio)
            self._lost = False
            self._missing += audio.shape[1] - answer.shape[1]
            return answer

    @abstractmethod
    def prepare(self, sample_rate: float, channels: int, buffer_size: int) -> None:
        """Start a new stream."""

    @abstractmethod
    def push(self, audio: Audio) -> Audio:
        """`advance` in the stream that was begun last."""

    @abstractmethod
    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        """A whole signal, [c, n] -> [c, n]; ends the stream."""

    @abstractmethod
    def latency_at(self, sample_rate: float, channels: int) -> int:
        """Samples that a stream withholds."""


def check_numbers(sample_rate: object, buffer_size: object, reset: object) -> tuple[float, int]:
    """The sample rate and buffer size of a call.

    Raises:
        TypeError: one is no number, or `reset` is neither true nor false; as Pedalboard.
        ValueError: one is out of range; Pedalboard crashes or hangs.
    """
    try:
        rate, size = _as_float(sample_rate), operator.index(buffer_size)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise TypeError(
            "process(): incompatible function arguments: sample_rate must be a float and "
            f"buffer_size an int, got {sample_rate!r} and {buffer_size!r}"
        ) from error
    if not 0 <= size < 2**32:
        raise TypeError(
            "process(): incompatible function arguments: buffer_size must be an int from 1 to "
            f"{2**32 - 1}, got {size}"
        )
    if reset is not None and not hasattr(reset, "__bool__"):
        raise TypeError(
            f"process(): incompatible function arguments: reset must be a bool, got {reset!r}"
        )
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(f"sample_rate must be above 0 Hz, got {rate:g}")
    if size == 0:
        raise ValueError("buffer_size must be at least 1 sample, got 0")
    return rate, size


def _as_float(number: Any) -> float:
    if isinstance(number, str | bytes | np.ndarray):
        raise TypeError(f"not a float: {number!r}")
    return float(number)
