"""Chains and mixes, Pedalboard's, for native plugins and Python processors side by side."""

import operator
from collections.abc import Iterator
from typing import Any

import pedalboard

from restem.streamer.processors.base import Processor
from restem.streamer.processors.nodes import (
    ChainNode,
    Plan,
    begin_line,
    compile_graph,
    flatten,
    parts_of,
    push_through,
    sum_latency,
    whole_through,
)
from restem.streamer.resampler import Audio

INSTRUMENT = (
    "Provided plugin is an instrument plugin that does not accept audio input. Instrument plugins "
    "cannot be added to Pedalboard, Mix, or Chain objects."
)


class Container(Processor):
    """A list of plugins, with as much of a list as Pedalboard's has."""

    is_mix = False  # side by side, not one after the other

    def __init__(self, plugins: Any = None) -> None:
        super().__init__()
        if plugins is None:
            plugins = ()
        if not isinstance(plugins, list | tuple | Container | pedalboard.PluginContainer):
            raise TypeError(
                f"{type(self).__name__}(): incompatible constructor arguments: plugins must be a "
                f"list, got {type(plugins).__name__}"
            )
        self._plugins = [checked(plugin) for plugin in plugins]
        self._plan: Plan | None = None
        self._segments: list[ChainNode] = []
        self._size = 0

    def __len__(self) -> int:
        return len(self._plugins)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._plugins)

    def __contains__(self, plugin: object) -> bool:
        checked(plugin)
        return any(plugin is other for other in self._plugins)

    def __getitem__(self, index: int) -> Any:
        return self._plugins[self._at(index)]

    def __setitem__(self, index: int, plugin: Any) -> None:
        self._plugins[self._at(index)] = checked(plugin)

    def __delitem__(self, index: int) -> None:
        del self._plugins[self._at(index)]

    def _at(self, index: int, end: int = 0) -> int:
        """The place of an index, which may be negative."""
        try:
            place = operator.index(index)
        except TypeError as error:
            raise TypeError(f"an index must be an int, got {index!r}") from error
        count = len(self._plugins)
        place += count if place < 0 else 0
        if not 0 <= place < count + end:
            raise IndexError("index out of range")
        return place

    def append(self, plugin: Any) -> None:
        """Add a plugin at the end."""
        self._plugins.append(checked(plugin))

    def insert(self, index: int, plugin: Any) -> None:
        """Add a plugin before the one at `index`."""
        self._plugins.insert(self._at(index, end=1), checked(plugin))

    def remove(self, plugin: Any) -> None:
        """Take a plugin out.

        Raises:
            ValueError: it is not there.
        """
        checked(plugin)
        for place, other in enumerate(self._plugins):
            if other is plugin:
                del self._plugins[place]
                return
        raise ValueError("remove(x): x not in list")

    def __repr__(self) -> str:
        count = len(self)
        plugins = f"{count} plugin{'' if count == 1 else 's'}: {self._plugins}"
        return f"<{type(self).__module__.partition('.')[0]}.{type(self).__name__} with {plugins}>"

    def reset(self) -> None:
        """Forget everything heard so far, all plugins too."""
        with self._lock:
            super().reset()
            for part in parts_of(self._arranged()):
                part.reset()

    def plan(self) -> Plan:
        """Nodes to run; see `streamer.processors.nodes`.

        Raises:
            ValueError: it contains itself.
        """
        return flatten([self])

    def _arranged(self, known: bool = False) -> list[ChainNode]:
        """The segments; with `known`, the stream that runs through them goes on."""
        plan = self.plan()
        if plan != self._plan:
            old, self._segments = self._segments, compile_graph(plan)
            self._plan = plan
            if known and self._running is not None:
                begin_line(self._segments, *self._running, self._size, parts_of(old))
        return self._segments

    def prepare(self, sample_rate: float, channels: int, buffer_size: int) -> None:
        self._size = buffer_size
        self._lost = self._running is not None  # unless all of them begin
        begin_line(self._arranged(), sample_rate, channels, buffer_size)
        self._lost = False

    def push(self, audio: Audio) -> Audio:
        return push_through(self._arranged(known=True), audio)

    def process_all(self, audio: Audio, sample_rate: float, buffer_size: int) -> Audio:
        with self._lock:
            self._size = buffer_size
            self._end()
            answer = whole_through(self._arranged(), audio, sample_rate, buffer_size)
            # Plugins were not called for no samples at all, so a stream does not go on from there.
            self._running = (sample_rate, audio.shape[0]) if audio.size else None
            return answer

    def latency_at(self, sample_rate: float, channels: int) -> int:
        """Samples that a stream withholds; asking native plugins makes them forget."""
        with self._lock:
            return sum_latency(self._arranged(), sample_rate, channels)


class Chain(Container):
    """One plugin after the other: Pedalboard's `Pedalboard` and `Chain`, for Python processors too.

    Consecutive native plugins run as one native board, also those of chains within. Latencies add
    up and are compensated: see `Processor`. Other objects need `process` as Pedalboard's, taking
    and giving [c, n], and `reset`. Blocks of a stream may grow, and native plugins keep what they
    heard. VST3s get blocks of 512 samples, so that up to 511 more of a stream wait.

    A native `Pedalboard([...])` refuses Python processors; this takes native boards and mixes.

    Args:
        plugins: a list, a tuple or another container, of plugins or None, which is skipped.

    Raises:
        TypeError: it is something else.
        ValueError: a plugin is an instrument.
    """


class Mix(Container):
    """Plugins side by side, summed: Pedalboard's `Mix`, for Python processors too.

    All of them stay aligned, also in a stream. Arguments and errors as `Chain`.
    """

    is_mix = True


def checked(plugin: Any) -> Any:
    """A plugin that a chain may hold, or None.

    Raises:
        TypeError: it is none.
        ValueError: it is an instrument.
    """
    if plugin is None:
        return None
    has_calls = callable(getattr(plugin, "process", None)) and hasattr(plugin, "reset")
    if not has_calls or isinstance(plugin, type):
        raise TypeError(
            "incompatible arguments: a plugin must be one of Pedalboard's or have process() and "
            f"reset() as they have, got {plugin!r}"
        )
    if getattr(plugin, "is_instrument", False):
        raise ValueError(INSTRUMENT)
    return plugin
