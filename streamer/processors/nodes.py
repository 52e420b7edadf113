"""Nodes of a chain: runs of native plugins, other processors, and branches that are mixed.

    [Gain, Reverb, StemRestorer, Mix([A, B]), Gain]
     native segment, processor, branches, native segment

Each takes and gives [c, n] blocks of a stream and may withhold its first samples.

Shape letters: `c` channel, `n` sample.
"""

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pedalboard
from pedalboard import Chain as Board
from pedalboard import Mix as NativeMix

from restem.streamer.processors.base import BUFFER_SIZE, Processor
from restem.streamer.resampler import Audio

STEADY = 512  # samples in every block of the plugins in `UNSTEADY`
# They lose their place when blocks of a stream vary in size.
UNSTEADY = (pedalboard.ExternalPlugin, pedalboard.MP3Compressor, pedalboard.Resample)
# With `reset=False` they answer silence or noise.
ONE_SHOT = (pedalboard.PitchShift, pedalboard.GSMFullRateCompressor)

DUPLICATE = (
    "The same plugin instance is being used multiple times in the same chain of plugins, which "
    "would cause undefined results. Please ensure that no duplicate plugins are present before "
    "calling."
)


class ChainNode(Protocol):
    """One piece of a chain."""

    def parts(self) -> list[Any]:
        """The plugins in it."""

    def prepare(
        self,
        sample_rate: float,
        channels: int,
        buffer_size: int,
        known: Sequence[Any] = (),
        steady: bool = False,
    ) -> None:
        """Start a stream.

        Args:
            known: plugins that are in the middle of it and keep their memory.
            steady: every block has `buffer_size` samples; otherwise they vary.
        """

    def push(self, audio: Audio) -> Audio:
        """[c, n] -> [c, m], the rest later."""

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        """A whole signal, aligned: [c, n] -> [c, n]."""

    def latency_at(self, sample_rate: float, channels: int) -> int:
        """Samples that a stream withholds."""


class NativeBoard:
    """Consecutive native plugins, run as one native board.

    A native plugin forgets everything when a block is larger than all before it, so each is shown
    the largest one first. Some cannot take that, or lose their place whenever sizes vary; with one
    of them, samples wait until a whole block is there.
    """

    def __init__(self, plugins: Sequence[pedalboard.Plugin]) -> None:
        self.plugins = list(plugins)
        self._board = Board([])
        self._unsteady = any(isinstance(plugin, UNSTEADY) for plugin in self.plugins)
        self._taught = 0  # channels that the board expects
        self._block = BUFFER_SIZE
        self._waiting: Audio | None = None  # [c, n < block]
        self._latencies: dict[tuple[object, ...], int] = {}

    def parts(self) -> list[Any]:
        return self.plugins

    def prepare(
        self,
        sample_rate: float,
        channels: int,
        buffer_size: int,
        known: Sequence[Any] = (),
        steady: bool = False,
    ) -> None:
        for plugin in self.plugins:
            if isinstance(plugin, ONE_SHOT):
                raise RuntimeError(
                    f"{type(plugin).__name__} cannot stream: Pedalboard's answers silence or noise "
                    "with reset=False; process the whole signal at once"
                )
        block_size = buffer_size if steady else min(buffer_size, STEADY)
        self._start(sample_rate, channels, block_size, known)
        if steady or self._unsteady:
            return
        self._block = min(buffer_size, BUFFER_SIZE)
        largest = np.zeros((channels, self._block), np.float32)
        for plugin in self.plugins:
            if not any(plugin is other for other in known):
                alone = primed_board([plugin], channels, sample_rate)
                alone.process(largest, sample_rate, self._block, reset=True)
                alone.process(largest[:, :0], sample_rate, self._block, reset=True)

    def _start(
        self, sample_rate: float, channels: int, block_size: int, known: Sequence[Any]
    ) -> None:
        self._rate, self._block = sample_rate, block_size
        for plugin in self.plugins:
            if not any(plugin is other for other in known):
                plugin.reset()
        self._waiting = None
        self._teach(channels)

    def _teach(self, channels: int) -> None:
        self._board = primed_board(self.plugins, channels, self._rate)
        self._taught = channels

    def push(self, audio: Audio) -> Audio:
        if self._unsteady:
            audio = self._steady(audio)
        if audio.shape[1] == 0:
            return audio
        answer: Audio = self._board.process(audio, self._rate, self._block, False)
        return answer

    def _steady(self, audio: Audio) -> Audio:
        """As many whole blocks as there are."""
        if self._waiting is not None:
            audio = np.concatenate((self._waiting, audio), axis=1)
        ready = audio.shape[1] // self._block * self._block
        self._waiting = audio[:, ready:].copy()
        return np.ascontiguousarray(audio[:, :ready])

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        self._rate, self._waiting = sample_rate, None
        if audio.shape[1] == 0:
            self._reset()
            return audio
        # A stream that goes on from here must not have larger blocks: plugins would forget.
        self._block = max(min(buffer_size, audio.shape[1]), 1)
        if self._taught != audio.shape[0]:
            self._teach(audio.shape[0])
        answer: Audio = self._board.process(audio, sample_rate, buffer_size, True)
        return answer

    def latency_at(self, sample_rate: float, channels: int) -> int:
        """Measured, once for each sample rate and each latency that external plugins report."""
        reported = (getattr(plugin, "reported_latency_samples", 0) for plugin in self.plugins)
        key = (sample_rate, channels, *reported)
        if key not in self._latencies:
            self._latencies[key] = self._measure(sample_rate, channels)
        return self._latencies[key]

    def _measure(self, sample_rate: float, channels: int) -> int:
        self._start(sample_rate, channels, STEADY, ())
        silence, fed, given = np.zeros((channels, STEADY), np.float32), 0, 0
        while not given and fed < BUFFER_SIZE * STEADY:
            fed += STEADY
            given = self._board.process(silence, sample_rate, STEADY, False).shape[1]
        self._reset()
        return fed - given

    def _reset(self) -> None:
        for plugin in self.plugins:
            plugin.reset()


class PythonProcessor:
    """A processor that is not native: ours, or any object with Pedalboard's `process` and `reset`.

    It gets [c, n] arrays, and what it withholds of a stream counts as its latency.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        cls: Any = type(processor)
        ours = isinstance(processor, Processor) and not is_overridden(cls)
        self._ours: Processor | None = processor if ours else None

    def parts(self) -> list[Any]:
        return [self.processor]

    def prepare(
        self,
        sample_rate: float,
        channels: int,
        buffer_size: int,
        known: Sequence[Any] = (),
        steady: bool = False,
    ) -> None:
        self._rate, self._size = sample_rate, buffer_size
        if not any(self.processor is other for other in known):
            self.processor.reset()

    def push(self, audio: Audio) -> Audio:
        if self._ours is not None:
            return self._ours.advance(audio, self._rate, self._size)
        if audio.shape[1] == 0:
            return audio
        answer = self.processor.process(audio, self._rate, buffer_size=self._size, reset=False)
        return self._checked(answer, audio.shape, same_length=False)

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        self._rate, self._size = sample_rate, buffer_size
        if self._ours is not None:
            return self._ours.process_all(audio, sample_rate, buffer_size)
        answer = self.processor.process(audio, sample_rate, buffer_size=buffer_size, reset=True)
        return self._checked(answer, audio.shape, same_length=True)

    def _checked(self, answer: Any, shape: tuple[int, ...], same_length: bool) -> Audio:
        got = np.shape(answer)
        if len(got) != 2 or got[0] != shape[0] or (same_length and got != shape):
            raise ValueError(
                f"{type(self.processor).__name__}.process must answer {list(shape)} channels and "
                f"samples{'' if same_length else ' or fewer samples'}, got {list(got)}"
            )
        return np.ascontiguousarray(answer, np.float32)

    def latency_at(self, sample_rate: float, channels: int) -> int:
        if self._ours is not None:
            return self._ours.latency_at(sample_rate, channels)
        return int(getattr(self.processor, "reported_latency_samples", 0))


class ParallelBranches:
    """Chains side by side: their sum, each as late as the latest."""

    def __init__(self, branches: Sequence[list[ChainNode]]) -> None:
        self.branches = branches

    def parts(self) -> list[Any]:
        return [part for branch in self.branches for part in parts_of(branch)]

    def prepare(
        self,
        sample_rate: float,
        channels: int,
        buffer_size: int,
        known: Sequence[Any] = (),
        steady: bool = False,
    ) -> None:
        for branch in self.branches:
            begin_line(branch, sample_rate, channels, buffer_size, known, steady)
        self._waiting = [np.zeros((channels, 0), np.float32) for _ in self.branches]

    def push(self, audio: Audio) -> Audio:
        if not self.branches:
            return np.zeros_like(audio)
        ready = [
            np.concatenate((waiting, push_through(branch, audio)), axis=1)
            for waiting, branch in zip(self._waiting, self.branches, strict=True)
        ]
        count = min(part.shape[1] for part in ready)
        self._waiting = [part[:, count:] for part in ready]
        return total([part[:, :count] for part in ready], ready[0][:, :count])

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        self._waiting = [audio[:, :0] for _ in self.branches]
        answers = [whole_through(b, audio, sample_rate, buffer_size) for b in self.branches]
        return total(answers, audio)

    def latency_at(self, sample_rate: float, channels: int) -> int:
        return max((sum_latency(b, sample_rate, channels) for b in self.branches), default=0)


def total(parts: Sequence[Audio], like: Audio) -> Audio:
    """The sum of parts, in their order; silence for none."""
    answer = np.zeros_like(like)
    for part in parts:
        answer += part
    return answer


def primed_board(plugins: Sequence[pedalboard.Plugin], channels: int, sample_rate: float) -> Board:
    """A native board that takes [channels, n] as such for every n.

    It learns that from an empty block, and is itself empty then: a Convolution whose first block
    has no samples divides by zero.
    """
    board = Board([])
    board.process(np.zeros((channels, 0), np.float32), sample_rate, 1, False)
    for plugin in plugins:
        board.append(plugin)
    return board


def begin_line(
    segments: Sequence[ChainNode],
    sample_rate: float,
    channels: int,
    buffer_size: int,
    known: Sequence[Any] = (),
    steady: bool = False,
) -> None:
    """Start a stream through one segment after the other; `steady` of the first one's blocks."""
    for number, segment in enumerate(segments):
        segment.prepare(sample_rate, channels, buffer_size, known, steady and number == 0)


def push_through(segments: Sequence[ChainNode], audio: Audio) -> Audio:
    """The next samples of a stream through one segment after the other."""
    for segment in segments:
        audio = segment.push(audio)
    return audio


def whole_through(
    segments: Sequence[ChainNode], audio: Audio, sample_rate: float, buffer_size: int
) -> Audio:
    """A whole signal through one segment after the other, [c, n] -> [c, n].

    It is heard as if silence followed: a segment that looks ahead sees how those before it fade.
    """
    samples = audio.shape[1]
    ahead = sum_latency(segments[1:], sample_rate, audio.shape[0]) if samples else 0
    if ahead:
        audio = np.pad(audio, ((0, 0), (0, ahead)))
    for segment in segments:
        audio = segment.process_all(audio, sample_rate, buffer_size)
    return np.ascontiguousarray(audio[:, :samples])


def sum_latency(segments: Sequence[ChainNode], sample_rate: float, channels: int) -> int:
    """Samples that a stream through all of them withholds."""
    return sum(segment.latency_at(sample_rate, channels) for segment in segments)


def parts_of(segments: Sequence[ChainNode]) -> list[Any]:
    """All plugins in segments."""
    return [part for segment in segments for part in segment.parts()]


Plan = tuple[Any, ...]  # plugins and processors, one after the other; for a mix, (MIX, Plan, ..)
MIX = object()


def flatten(plugins: Sequence[Any], path: tuple[Any, ...] = ()) -> Plan:
    """Chains within chains as one; a mix as `(MIX, plan of a branch, ..)`.

    Raises:
        ValueError: a chain contains itself.
    """
    flat: list[Any] = []
    for plugin in plugins:
        if plugin is None:
            continue
        cls: Any = type(plugin)
        if not is_container(cls):
            flat.append(plugin)
            continue
        if any(plugin is outer for outer in path):
            raise ValueError(f"a {type(plugin).__name__} must not contain itself")
        inside = (*path, plugin)
        if isinstance(plugin, NativeMix) or getattr(plugin, "is_mix", False):
            flat.append(mixed(list(plugin), inside))
        else:
            flat += flatten(list(plugin), inside)
    return tuple(flat)


@functools.cache
def is_container(cls: Any) -> bool:
    """True if plugins of a class can be taken out and run one by one."""
    ours = issubclass(cls, Processor) and hasattr(cls, "is_mix")
    return (ours or issubclass(cls, pedalboard.PluginContainer)) and not is_overridden(cls)


def mixed(plugins: Sequence[Any], path: tuple[Any, ...]) -> Plan:
    """The plan of a mix."""
    return (MIX, *(flatten([plugin], path) for plugin in plugins))


@functools.cache
def is_overridden(cls: Any) -> bool:
    """True if a user's subclass overrides calls, which a native board would ignore."""
    known = ("pedalboard", "pedalboard_native", "restem")
    own = [base for base in cls.__mro__ if base.__module__.partition(".")[0] not in known]
    return any(name in vars(base) for base in own for name in ("process", "__call__"))


def compile_graph(plan: Plan) -> list[ChainNode]:
    """The segments of a plan.

    Raises:
        RuntimeError: a plugin is there twice.
    """
    segments: list[ChainNode] = []
    native: list[pedalboard.Plugin] = []
    for part in (*plan, None):
        cls: Any = type(part)
        if isinstance(part, pedalboard.Plugin) and not is_overridden(cls):
            native.append(part)
            continue
        if native:
            segments.append(NativeBoard(native))
            native = []
        if isinstance(part, tuple):
            segments.append(ParallelBranches([compile_graph(branch) for branch in part[1:]]))
        elif part is not None:
            segments.append(PythonProcessor(part))
    ids = [id(part) for part in parts_of(segments)]
    if len(set(ids)) < len(ids):
        raise RuntimeError(DUPLICATE)
    return segments
