"""The mixer: what its parameters mean, and the memory that an audio callback mixes with.

    set ──────────────► values ────────────────► snapshot that holds now ─┐
    schedule ─► heap ─► timed changes, soon due ─► a snapshot for each ───┴─► mailbox ─► callback
    history ◄── moments ◄── which publication began at which position ◄── log ◄─────────────┘

Positions are samples mixed since the mixer began.

Shape letters: as in `streamer.mixer.kernel`, the native half.
"""

import heapq
import itertools
import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restem.streamer.atomics import Words, load_acquire
from restem.streamer.mixer.kernel import (
    ALWAYS,
    BAD,
    BYPASS,
    CEILING,
    GLOBALS,
    LOG,
    LOGGED,
    MASTER_GAIN,
    MIXED,
    OUTPUTS,
    RAMPS,
    ROWS,
    SEQUENCE,
    SPACING,
    WET,
    Audio,
    finish_ramps,
    memory_words,
    mix_block,
    prepare_memory,
    publish,
    read_peaks,
    unpack,
)
from restem.streamer.mixer.parameters import (
    PARAMETERS,
    RESIDUAL,
    Parameter,
    Value,
    amplitude,
    balance,
    fader_to_gain_db,
    gain_db_to_fader,
    parameter,
    strip_names,
)
from restem.streamer.mixer.routing import DRY, MASTER, SILENCE, Routing, source_names

__all__ = ["AutomationEvent", "Change", "Mixer", "Routing", "mix_block"]

RESERVED = (MASTER, DRY, RESIDUAL)  # buses that are no stems

HORIZON_SECONDS = 0.25  # timed changes that are due sooner are in the callback's hands
MOMENTS = 1 << 14  # that are remembered; a minute of moving faders
WAITING = 64  # publications that are told apart while no callback takes them

Change = tuple[str, object, str | None]  # a parameter, its value, and the strip that it is of
Setting = tuple[str, Value, str | None]  # a change whose value is in range
Key = tuple[str, str | None]  # a parameter and a strip
Values = dict[Key, Value]


class AutomationEvent(NamedTuple):
    """Changes that took effect at one sample."""

    position: int
    changes: tuple[Setting, ...]  # in their order


@dataclass(eq=False)
class ScheduledChange:
    """Changes that belong to a position; those of `set` to any."""

    due: int
    changes: Sequence[Setting]
    begun: bool = False


@dataclass
class _Publication:
    """Snapshots that the log reads."""

    sequence: int
    fresh: list[ScheduledChange]  # in its first snapshot, and not in that of the one before
    timed: Sequence[ScheduledChange]  # in the others
    rows: Sequence[tuple[int, Values]]  # the snapshots' positions, and what they say


class Mixer:
    """Strips, as on a mixing desk, into a stereo master and direct outs.

    Mute wins over solo, and a solo silences all strips that are not soloed, the residual too. None
    of them touches the dry mix of `dry_wet` and `bypass`; the ceiling and `bypass` are the
    master's, direct outs come before them.

    Every change is a ramp (`kernel.ramp`). Any thread may call `set` and the like; one callback at
    a time runs `mix_block` on `memory`, which never moves.

    Args:
        stems: their names; the residual is added as the last strip.
        sample_rate: Hz.
        channels: of the dry mix and each strip, 1 or 2; what is mono is on both sides.
        memory: `memory_words` zeros to work on, such as shared ones; its own if None.

    Raises:
        ValueError: a name is there twice or means something else, or a number is out of range.
    """

    def __init__(
        self,
        stems: Sequence[str],
        sample_rate: int,
        channels: int = 2,
        memory: Words | None = None,
    ) -> None:
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
        own = np.zeros(memory_words(len(self.strips)), np.int64)
        self.memory = own if memory is None else memory
        prepare_memory(self.memory, len(self.strips), spacing)
        self.late = 0  # timed changes that came too late
        self._state = unpack(self.memory)
        self._lock = threading.Lock()  # of the control side; no audio thread ever takes it
        self._values: Values = {
            (row.name, strip): row.default
            for row in PARAMETERS
            for strip in (self.strips if row.scope == "stem" else (None,))
        }
        self._targets = self._coefficients(self._values)
        self._lengths = np.ones(len(self._targets), np.int64)
        self._heap: list[tuple[int, int, ScheduledChange]] = []
        self._numbers = itertools.count()  # of equal positions, the first comes first
        self._timed: list[ScheduledChange] = []  # handed over, and not known to be begun
        self._publications: deque[_Publication] = deque()
        self._read = 0  # entries of the log
        self._free = 0  # the position from which a ramp might begin, by the log
        self._holds = dict(self._values)  # by the log
        self._moments: deque[AutomationEvent] = deque()
        self._before = dict(self._values)  # the oldest moment
        self._publish([])
        self.reset()
        self.route(Routing.preset("stereo", self.stems))

    def _samples(self, milliseconds: float) -> int:
        return max(1, round(milliseconds * self.sample_rate / 1000))

    def set(self, name: str, value: object, stem: str | None = None) -> Value:
        """Move a parameter to a value, or to the nearest in range; returns which.

        Raises:
            ValueError: there is no such parameter or strip, or the value is of another type.
        """
        return self.set_all([(name, value, stem)])[0]

    def set_all(self, changes: Iterable[Change]) -> list[Value]:
        """Make many changes at the same sample, or, if one is refused, none.

        Raises:
            ValueError: as `set`.
        """
        settings = self._settings(changes)
        with self._lock:
            self._catch_up()
            self._hand_over([ScheduledChange(ALWAYS, settings)])
        return [value for _, value, _ in settings]

    def schedule(self, position: int, changes: Iterable[Change]) -> list[Value]:
        """Schedule changes at a position, all at this sample; if one is refused, none.

        If a ramp began just before, they begin once the next one may, some 4 ms later at most; if
        the position has passed, at once, and `late` counts them. What is set until then does not
        undo them. The callback's owner calls `flush_scheduled`, so that they are there in time.

        Args:
            position: in samples mixed since the mixer began.
            changes: as for `set_all`.

        Returns:
            The values that they will move to.

        Raises:
            ValueError: as `set`, or the position is none.
        """
        if isinstance(position, bool) or not isinstance(position, int) or position < 0:
            raise ValueError(f"position must be a number of samples from 0 on, got {position!r}")
        settings = self._settings(changes)
        with self._lock:
            timed = ScheduledChange(position, settings)
            heapq.heappush(self._heap, (position, next(self._numbers), timed))
            self._catch_up()
            self._hand_over()
        return [value for _, value, _ in settings]

    def cancel_scheduled(self, changes: Iterable[Change] = ()) -> list[Value]:
        """Drop timed changes that have not begun, and make others at the same sample.

        Raises:
            ValueError: as `set`; then nothing is dropped.
        """
        settings = self._settings(changes)
        with self._lock:
            self._catch_up()
            self._heap.clear()
            self._timed.clear()
            self._hand_over([ScheduledChange(ALWAYS, settings)])
        return [value for _, value, _ in settings]

    def flush_scheduled(self) -> int | None:
        """Hand timed changes over, so that they are there when they are due.

        Returns:
            The position until which it wants to be called again, None if nothing waits.
        """
        with self._lock:
            self._catch_up()
            self._hand_over()
            if not self._heap:
                return None
            position, due = self.position, self._heap[0][0]
            if due > position + self._horizon:
                return due - self._horizon // 2
            middle = self._timed[len(self._timed) // 2].due  # room comes as some of them begin
            return max(middle, position + int(self.memory[SPACING]))

    def get(self, name: str, stem: str | None = None) -> Value:
        """A parameter's value as of now, where its ramp goes to.

        Raises:
            ValueError: there is no such parameter or strip.
        """
        key = self._row(name, stem).name, stem
        with self._lock:
            self._catch_up()
            return self._values[key]

    def now(self) -> Values:
        """All parameters' values as of now."""
        with self._lock:
            self._catch_up()
            return dict(self._values)

    def history(self, since: int = 0) -> list[AutomationEvent]:
        """Events at a position or later, in order; the newest `MOMENTS` are remembered.

        Changes that the callback took as one are one event. Reading changes nothing: there may be
        many readers, each with its own position.
        """
        with self._lock:
            self._catch_up()
            newest = reversed(self._moments)
            found = list(itertools.takewhile(lambda moment: moment.position >= since, newest))
        return found[::-1]

    def values(self, position: int) -> Values:
        """All parameters' values just before a position, as far back as the history reaches."""
        with self._lock:
            self._catch_up()
            values = dict(self._before)
            for moment in self._moments:
                if moment.position < position:
                    apply(values, moment.changes)
        return values

    @property
    def position(self) -> int:
        """Samples mixed so far."""
        return load_acquire(self.memory, MIXED)

    @property
    def _horizon(self) -> int:
        return math.ceil(HORIZON_SECONDS * self.sample_rate)

    def _settings(self, changes: Iterable[Change]) -> list[Setting]:
        rows = [(self._row(name, stem), value, stem) for name, value, stem in changes]
        return [(row.name, row.clip(value)[0], stem) for row, value, stem in rows]

    def _row(self, name: str, stem: str | None) -> Parameter:
        row = parameter(name)
        if row.scope == "global" and stem is not None:
            raise ValueError(f"{name} is of the whole mixer, not of a stem; got {stem!r}")
        if row.scope == "stem" and stem not in self.strips:
            raise ValueError(f"{name} is of a stem: one of {', '.join(self.strips)}; got {stem!r}")
        return row

    def _catch_up(self) -> None:
        """Read the log.

        It cannot overflow: who publishes reads it first, and until the next one does, there are as
        many entries at most as a publication and the one before it have snapshots.
        """
        logged = load_acquire(self.memory, LOGGED)
        for number in range(self._read, logged):
            sequence, position = self._state.log[number % LOG].tolist()
            self._note(sequence, position)
        self._read = logged

    def _note(self, sequence: int, position: int) -> None:
        """Learn that a publication, or the next snapshot of it, was begun at a position."""
        fresh: list[ScheduledChange] = []
        while self._publications[0].sequence < sequence:
            fresh += self._publications.popleft().fresh
        publication = self._publications[0]
        assert publication.sequence == sequence
        fresh, publication.fresh = fresh + publication.fresh, []
        for timed in publication.timed:
            if timed.due <= position and not timed.begun:
                fresh.append(timed)
                if timed in self._timed:  # and not cancelled a moment too late
                    self._timed.remove(timed)
                    self._move(timed.changes)
        changes = [change for timed in fresh for change in timed.changes]
        holds = next(values for due, values in reversed(publication.rows) if due <= position)
        # The log may be out of order if a ramp started during a publication: reapply, then diff.
        apply(self._holds, changes)
        changes += difference(self._holds, holds)
        self._holds = dict(holds)
        if publication is self._publications[-1]:
            self._move(difference(self._values, holds))
        for timed in fresh:
            timed.begun = True
            self.late += timed.due >= 0 and position > max(timed.due, self._free)
        self._free = position + int(self.memory[SPACING])
        if changes:
            self._remember(AutomationEvent(position, shortened(changes)))

    def _remember(self, moment: AutomationEvent) -> None:
        if self._moments and self._moments[-1].position == moment.position:  # after a reset
            last = self._moments.pop()
            moment = AutomationEvent(moment.position, last.changes + moment.changes)
        self._moments.append(moment)
        if len(self._moments) > MOMENTS:
            apply(self._before, self._moments.popleft().changes)

    def _hand_over(self, fresh: Sequence[ScheduledChange] = ()) -> None:
        """Publish what was set, and what of the heap is due soon."""
        position, now = self.position, list(fresh)
        dues = {timed.due for timed in self._timed}
        before = len(self._timed)
        while self._heap and (due := self._heap[0][0]) <= position + self._horizon:
            if due > position and due not in dues and len(dues) == ROWS - 1:
                break
            timed = heapq.heappop(self._heap)[2]
            if due > position:
                self._timed.append(timed)
                dues.add(due)
            else:
                now.append(timed)
        if not now and len(self._timed) == before:
            return
        self._timed.sort(key=lambda timed: timed.due)
        for timed in now:
            self._move(timed.changes)
        self._publish(now)

    def _move(self, changes: Iterable[Setting]) -> None:
        """Change what holds now."""
        before = self._targets, self._lengths
        self._targets, self._lengths = self._moved(self._values, *before, changes)

    def _moved(
        self,
        values: Values,
        targets: NDArray[np.float64],
        lengths: Words,
        changes: Iterable[Setting],
    ) -> tuple[NDArray[np.float64], Words]:
        """Change `values`; answers where that leads to, and how long the ramps are, [k] each."""
        lengths = lengths.copy()
        for change in changes:
            apply(values, [change])
            after = self._coefficients(values)
            lengths[after != targets] = self._samples(parameter(change[0]).smoothing_ms)
            targets = after
        return targets, lengths

    def _publish(self, fresh: list[ScheduledChange]) -> None:
        targets, lengths, values = self._targets, self._lengths, dict(self._values)
        rows, said = [(ALWAYS, targets, lengths)], [(ALWAYS, dict(values))]
        for due, group in itertools.groupby(self._timed, key=lambda timed: timed.due):
            changes = [change for timed in group for change in timed.changes]
            targets, lengths = self._moved(values, targets, lengths, changes)
            rows.append((due, targets, lengths))
            said.append((due, dict(values)))
        words = [np.concatenate([[due], row.view(np.int64), more]) for due, row, more in rows]
        sequence = int(self.memory[SEQUENCE]) + 2
        self._publications.append(_Publication(sequence, fresh, tuple(self._timed), said))
        if len(self._publications) > WAITING:  # no callback runs: the next will take them as one
            first, second, third = (self._publications.popleft() for _ in range(3))
            both = [change for timed in second.fresh + third.fresh for change in timed.changes]
            last = {key(change): change for change in both}
            third.fresh = [ScheduledChange(ALWAYS, list(last.values()))]
            self._publications.extendleft((third, first))
        publish(self.memory, np.array(words, np.int64))

    def _coefficients(self, values: Mapping[Key, Value]) -> NDArray[np.float64]:
        """Compute the kernel's targets, [k]."""
        count = 2 * len(self.strips)
        any_solo = any(values["solo", strip] for strip in self.strips)
        targets = np.zeros(count + GLOBALS)
        for number, strip in enumerate(self.strips):
            heard = values["solo", strip] or not any_solo
            if heard and not values["mute", strip]:
                gain = amplitude(values["gain_db", strip])
                left, right = balance(values["pan", strip])
                targets[2 * number : 2 * number + 2] = gain * left, gain * right
        targets[count + WET] = values["dry_wet", None]
        targets[count + MASTER_GAIN] = amplitude(values["master_gain_db", None])
        targets[count + BYPASS] = values["bypass", None]
        targets[count + CEILING] = values["ceiling", None]
        return targets

    def route(self, routing: Routing) -> None:
        """Route other sources to the outputs, at once, perhaps with a click.

        Raises:
            ValueError: the routing has a source that this mixer lacks.
        """
        rows = routing.rows(self.stems)
        self.routing = routing
        silence = source_names(self.stems).index(SILENCE)
        self._state.routes[:] = rows + [silence] * (OUTPUTS - len(rows))

    def process(self, dry: Audio, stems: Audio) -> Audio:
        """Mix the next samples, where no callback does; timed changes are never late.

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
        count, done = dry.shape[-1], 0
        out = np.empty((len(self.routing.outputs), count), np.float32)
        while done < count:
            wanted = self.flush_scheduled()
            size = count - done
            if wanted is not None:
                size = min(size, max(1, wanted - self.position))
            end = done + size
            part = np.empty((len(out), size), np.float32)
            mix_block(
                self.memory,
                np.ascontiguousarray(dry[:, done:end], np.float32),
                np.ascontiguousarray(stems[..., done:end], np.float32),
                part,
                size,
            )
            out[:, done:end] = part
            done = end
        return out

    def reset(self) -> None:
        """Forget what was heard: ramps are over, peaks and counts at zero; parameters stay.

        Not while a callback runs.
        """
        with self._lock:
            finish_ramps(self.memory)
            self._catch_up()
            self._free = 0

    def unshare(self) -> None:
        """Go on in memory of its own, for what it was given is unmapped; not beside a callback."""
        with self._lock:
            self.memory = self.memory.copy()
            self._state = unpack(self.memory)

    @property
    def buses(self) -> tuple[str, ...]:
        """The buses that have a level: the strips, then the master."""
        return (*self.strips, MASTER)

    def peaks(self) -> dict[str, tuple[float, float]]:
        """Left and right peaks of the master and of each strip behind its fader, since the last
        call; 1 is full scale. Single reader: reading resets the peaks.
        """
        peaks = iter(read_peaks(self._state))
        return {bus: (next(peaks), next(peaks)) for bus in self.buses}

    @property
    def bad_samples(self) -> int:
        """Count of samples that were no audio, and became silence."""
        return load_acquire(self.memory, BAD)


def apply(values: Values, changes: Iterable[Setting]) -> None:
    """Change values, one after the other; a fader moves its gain, and a gain its fader."""
    for name, value, strip in changes:
        values[name, strip] = value
        if name == "fader":
            values["gain_db", strip] = fader_to_gain_db(value)
        if name == "gain_db":
            values["fader", strip] = gain_db_to_fader(value)


def key(change: Setting) -> Key:
    """Key of a change; a fader's is its gain's."""
    return "gain_db" if change[0] == "fader" else change[0], change[2]


def difference(values: Values, others: Values) -> list[Setting]:
    """The changes that lead from some values to others."""
    return [
        (name, value, strip)
        for (name, strip), value in others.items()
        if name != "fader" and value != values[name, strip]
    ]


def shortened(changes: Iterable[Setting]) -> tuple[Setting, ...]:
    """Changes, but of a row of the same parameter only the last."""
    return tuple([*group][-1] for _, group in itertools.groupby(changes, key))
