"""A crossfade from the values that a mixer has to others, in small scheduled steps."""

import time
from collections import deque

from restem.streamer.mixer.mixer import Key, Mixer, Setting, Values, key
from restem.streamer.mixer.parameters import SILENCE_DB, Value, fader_to_gain_db, gain_db_to_fader

STEP_SECONDS = 0.015
AHEAD = 3  # steps that are scheduled before they are due
STALLED_SECONDS = 1.0  # without a callback: nobody hears a crossfade
REMEMBERED = 64  # own values of each parameter, more than are scheduled at any time
DECIBELS = ("gain_db", "master_gain_db")


class Crossfade:
    """A mixer on its way to other values; whoever made it calls `advance` every few milliseconds.

    What becomes audible starts from silence, what becomes silent falls, and is muted at the end;
    meanwhile no solo is set that is not before and after. At the end exactly the goal holds.

    Who else moves a value meanwhile keeps it: it is left alone from then on, and what was already
    scheduled for it is replaced, sample for sample, by what it was moved to. So is what an earlier
    crossfade had scheduled.

    Args:
        mixer: which.
        goal: values; what is missing stays, or goes where `before` wanted it.
        seconds: how long it takes; 0 sets all at once.
        before: a crossfade that this one takes over from.
    """

    def __init__(
        self, mixer: Mixer, goal: Values, seconds: float, before: "Crossfade | None" = None
    ) -> None:
        self.mixer = mixer
        self._start = {k: value for k, value in mixer.now().items() if k[0] != "fader"}
        wanted = {**(before.left() if before else {}), **goal}
        self._goal = {**self._start, **wanted}
        self._middle = _middle(self._start, self._goal, mixer.strips)
        self._paths = _paths(self._start, self._middle, self._goal, mixer.strips)
        pending = before._until if before else {}
        self._moving = [
            k for k in self._goal if k in pending or (self._differs(k) if seconds else k in wanted)
        ]
        self._own: dict[Key, deque[Value]] = {k: deque(maxlen=REMEMBERED) for k in self._moving}
        self._others: Values = {}  # what others moved, and to what
        self._pending: list[int] = []  # positions at which something is scheduled
        self._since: dict[Key, int] = {}  # the first of them that is its own, for each parameter
        self._until: dict[Key, int] = {}  # the last of them
        self._stride = 0  # of the callback, in samples
        if before:
            self._inherit(before)
        # Blocks begin at even positions, steps at odd ones, so that the history tells them apart.
        self._length = 2 * round(STEP_SECONDS * mixer.sample_rate / 2)
        self._slack = self._length // 2  # a ramp may have to wait so long for the one before it
        self._steps = max(1, round(seconds / STEP_SECONDS)) if seconds else 0
        self._position = self._looked = mixer.position
        self._moved_at = time.monotonic()
        self._step = 0
        self._first = max([self._position + self._stride + self._length, *self._pending]) | 1
        if seconds:
            self._replace([(name, self._start[name, strip], strip) for name, strip in self._moving])
        else:
            self._land()

    def _differs(self, k: Key) -> bool:
        return k in self._paths or not self._start[k] == self._middle[k] == self._goal[k]

    def _inherit(self, before: "Crossfade") -> None:
        self._pending, self._stride = list(before._pending), before._stride
        for k in self._own.keys() & before._own.keys():
            self._own[k].extend(before._own[k])
            if k in before._until:
                self._until[k] = before._until[k]

    def left(self) -> Values:
        """Target values not reached yet."""
        now, position = self.mixer.now(), self.mixer.position
        mine = [k for k in self._moving if k not in self._others]
        return {k: self._goal[k] for k in mine if self._is_own(k, now[k], position)}

    @property
    def is_under_way(self) -> bool:
        """True if steps are left; else scheduled changes are only watched."""
        return self._step <= self._steps

    @property
    def is_stalled(self) -> bool:
        """True if the mixer's position has stopped advancing."""
        return time.monotonic() - self._moved_at > STALLED_SECONDS

    def advance(self) -> bool:
        """Schedule what is due soon; whether all is over."""
        position = self.mixer.position
        if position > self._position:
            stride = position - self._position
            self._stride = min(self._stride or stride, stride)
            self._position, self._moved_at = position, time.monotonic()
        self._give_way()
        self._pending = [due for due in self._pending if due + self._slack >= position]
        if self.is_stalled and self.is_under_way:
            self._land()
        while self.is_under_way:
            due = self._first + self._step * self._length
            if due > position + 2 * self._stride + AHEAD * self._length:
                break
            if due < position + self._stride:  # this thread was held up: it takes longer
                self._first += position + self._stride + self._length - due & ~1
                continue
            self._schedule(due, self._changes(self._step))
            self._step += 1
        return not self.is_under_way and not self._pending

    def finish(self) -> None:
        """Go to the end at once."""
        if self.is_under_way:
            self._give_way()
            self._land()

    def _changes(self, step: int) -> list[Setting]:
        """Changes of a step, switches first, without what others moved."""
        if step == self._steps:
            values = {k: self._goal[k] for k in self._moving}
        elif step == 0:
            values = {k: v for k, v in self._middle.items() if v != self._start[k]}
        else:
            share = step / self._steps
            values = {k: _between(k[0], *ends, share) for k, ends in self._paths.items()}
        mine = [(k[0], v, k[1]) for k, v in values.items() if k not in self._others]
        return sorted(mine, key=lambda change: change[0] not in ("mute", "solo"))

    def _schedule(self, due: int, changes: list[Setting]) -> None:
        if changes:
            self._note(changes)
            for name, _, strip in changes:
                self._since.setdefault((name, strip), due)
                self._until[name, strip] = due
            self.mixer.schedule(due, changes)
            self._pending.append(due)

    def _note(self, changes: list[Setting]) -> None:
        for name, value, strip in changes:
            self._own[name, strip].append(value)

    def _land(self) -> None:
        """Set the goal at once, and wherever something is scheduled."""
        changes = self._changes(self._steps)
        self._step = self._steps + 1
        self._note(changes)
        self.mixer.set_all(changes)
        self._replace(changes)

    def _replace(self, changes: list[Setting]) -> None:
        """Override scheduled changes: of one position, the last one wins."""
        position = self.mixer.position
        for due in self._pending:
            late = [c for c in changes if self._until.get((c[0], c[2]), -1) >= due]
            if late and due > position:
                self.mixer.schedule(due, late)

    def _give_way(self) -> None:
        """Find out what others moved, and leave it to them."""
        now, position = self.mixer.now(), self.mixer.position
        seen: dict[Key, list[Value]] = {}  # what began, in its order
        for moment in self.mixer.history(self._looked):
            self._looked = moment.position + 1
            values: Values = {}
            for change in moment.changes:
                is_fader = change[0] == "fader"
                values[key(change)] = fader_to_gain_db(change[1]) if is_fader else change[1]
            for k, value in values.items():
                if not self._is_own(k, value, moment.position):
                    seen.setdefault(k, []).append(value)
        moved = {k: values[-1] for k, values in seen.items()}
        for k in self._own:
            if not self._is_own(k, now[k], position) and now[k] not in seen.get(k, ()):
                moved[k] = now[k]  # set, but not begun
        changes = [(k[0], value, k[1]) for k, value in moved.items()]
        self._others |= moved
        self._note(changes)
        self._replace(changes)
        self._release(now, position)

    def _release(self, now: Values, position: int) -> None:
        """Forget what is left to others, once nothing of it is scheduled and it is theirs."""
        for k in self._others.keys() & self._own.keys():
            if self._until.get(k, -1) + self._slack < position:
                if now[k] != self._others[k] and now[k] in (*self._own[k], self._start[k]):
                    self.mixer.set(k[0], self._others[k], k[1])
                del self._own[k]

    def _is_own(self, k: Key, value: Value, position: int) -> bool:
        """True if this fade, not others, moved a parameter to a value."""
        begins = self._since.get(k, position)
        is_before = position <= begins + self._slack and value == self._start.get(k)
        return k not in self._own or value in self._own[k] or is_before


def _audible(values: Values, strips: tuple[str, ...]) -> dict[str, bool]:
    any_solo = any(values["solo", strip] for strip in strips)
    return {
        strip: bool((values["solo", strip] or not any_solo) and not values["mute", strip])
        for strip in strips
    }


def _middle(start: Values, goal: Values, strips: tuple[str, ...]) -> Values:
    """Start values of a crossfade: strips heard before or after are heard, nothing jumps."""
    before, after = _audible(start, strips), _audible(goal, strips)
    middle = dict(start)
    keep_solos = all(start["solo", strip] == goal["solo", strip] for strip in strips)
    for strip in strips:
        if keep_solos:
            middle["mute", strip] = start["mute", strip] and goal["mute", strip]
        else:
            middle["solo", strip] = False
            middle["mute", strip] = not (before[strip] or after[strip])
        if after[strip] and not before[strip]:
            middle["gain_db", strip] = SILENCE_DB
    middle["bypass", None] = start["bypass", None] and goal["bypass", None]
    middle["ceiling", None] = start["ceiling", None] or goal["ceiling", None]
    return middle


def _paths(
    start: Values, middle: Values, goal: Values, strips: tuple[str, ...]
) -> dict[Key, tuple[float, float]]:
    """From where to where values move; what will be silent goes to silence, what is not heard
    stays."""
    before, after = _audible(start, strips), _audible(goal, strips)
    paths = {}
    for k, value in middle.items():
        end = goal[k]
        if k[0] == "gain_db" and k[1] is not None and not after[k[1]]:
            end = SILENCE_DB if before[k[1]] else value
        if not isinstance(value, bool) and value != end:
            paths[k] = value, end
    return paths


def _between(name: str, start: float, end: float, share: float) -> float:
    """Linear; of gains, along the fader, whose law goes on above its end."""
    if name not in DECIBELS:
        return start + share * (end - start)
    first, last = (gain_db_to_fader(gain) + max(0.0, gain - 10) / 40 for gain in (start, end))
    fader = first + share * (last - first)
    return fader_to_gain_db(fader) + max(0.0, fader - 1) * 40
