"""Everything that can be read and set from outside, as one tree of addresses over a session.

OSC, OSCQuery, MIDI, the patches and the README's table are made from these nodes; most of them come
from the one table of parameters.

    /restem/stem/vocals/gain_db ─┐                ┌─ mixer: at once, or at a sample
    /restem/profile ─────────────┼─► Node: read, ─┼─ session: profile, recorder, engine
    /restem/meters ──────────────┘   write, what  └─ presets
                                     it may be
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

from restem.bridge.control.addresses import ROOT, SPECIAL, Args, parameter_address, pattern
from restem.bridge.control.node import READ, WRITE, Answer, Node, RefusalError, as_arg, fitting
from restem.bridge.session.base import RunningSession
from restem.bridge.session.status import Snapshot
from restem.bridge.takes.recorder import own_version
from restem.streamer.mixer.mixer import Change, Setting
from restem.streamer.mixer.parameters import PARAMETERS
from restem.streamer.profiles import profile_names, read_profile

LOOK_SECONDS = 0.2  # for how long a look at a session is good
BOTH = READ | WRITE


class Control:
    """The tree of a session. Any thread may call it.

    Args:
        session: what is controlled.
        more: nodes of others, such as presets or MIDI.
    """

    def __init__(self, session: RunningSession, more: Iterable[Node] = ()) -> None:
        self.session = session
        self.mixer = session.engine.mixer
        self.nodes: dict[str, Node] = {}
        self._aliases: dict[str, str] = {}
        self._look: tuple[float, Snapshot] | None = None
        own = (*self._parameters(), *self._commands(), *self._readings(), *self._statuses())
        for node in (*own, *more):
            self.add(node)
        for number, strip in enumerate(self.mixer.strips, 1):
            for row in PARAMETERS:
                if row.scope == "stem":
                    alias = parameter_address(row.name, str(number))
                    self._aliases[alias] = parameter_address(row.name, strip)

    def add(self, node: Node) -> None:
        """Let a node be in the tree; once, before anybody is served."""
        if node.address in self.nodes:
            raise ValueError(f"{node.address} is there already")
        self.nodes[node.address] = node

    def _parameters(self) -> Iterator[Node]:
        for row in PARAMETERS:
            for strip in self.mixer.strips if row.scope == "stem" else (None,):
                yield Node(
                    parameter_address(row.name, strip),
                    "i" if row.kind == "bool" else "f",
                    row.description,
                    row.unit,
                    float(row.low),
                    float(row.high),
                    parameter=row,
                    strip=strip,
                )

    def _commands(self) -> Iterator[Node]:
        """What is done with a session."""
        session, engine = self.session, self.session.engine
        yield Node(
            f"{ROOT}/profile",
            "s",
            "The profile that plays; another one takes over at the same latency.",
            choices=profile_names,
            read=lambda: (session.profile,),
            write=self._switch,
            slow=True,
            touches_files=True,
        )
        yield Node(
            f"{ROOT}/record",
            "i",
            "1 starts a take, 0 ends it; 2 is a take that failed.",
            low=0,
            high=2,
            read=self._recording,
            write=self._record,
            slow=True,
        )
        yield Node(
            f"{ROOT}/reset",
            "",
            "Forgets everything heard so far.",
            write=lambda _: engine.reset(),
        )
        yield Node(
            f"{ROOT}/panic",
            "",
            "Silences the master and forgets everything heard so far; "
            "/restem/master_gain_db brings it back.",
            write=self._panic,
        )

    def _readings(self) -> Iterator[Node]:
        """What can only be read of a session."""
        session = self.session
        yield Node(
            f"{ROOT}/model",
            "s",
            "The networks of the profile, joined by +.",
            read=lambda: (networks_of(session.profile),),
        )
        yield Node(
            f"{ROOT}/take",
            "s",
            "The folder of the take, empty if there is none.",
            read=lambda: (str(session.recorder.status().folder or ""),),
        )
        yield Node(
            f"{ROOT}/stems",
            "s" * len(self.mixer.strips),
            "The strips' names, in their order.",
            read=lambda: self.mixer.strips,
        )
        version = own_version()
        yield Node(f"{ROOT}/version", "s", "The version of restem.", read=lambda: (version,))
        buses = (*self.mixer.strips, "master")
        yield Node(
            f"{ROOT}/meters",
            "f" * 2 * len(buses),
            "Left and right peaks in dBFS of all strips, in their order, and of the master.",
            "dBFS",
            read=lambda: tuple(level for bus in buses for level in self._levels(bus)),
        )
        for bus in buses:
            yield Node(
                f"{ROOT}/meters/{bus}",
                "ff",
                f"Left and right peaks of {bus}.",
                "dBFS",
                read=partial(self._levels, bus),
                detail=True,
            )

    def _statuses(self) -> Iterator[Node]:
        """How a session is going, in one message, and word by word."""
        types = "".join("s" if kind is str else "f" if kind is float else "i" for _, kind in STATUS)
        yield Node(
            f"{ROOT}/status",
            types,
            f"{', '.join(name for name, _ in STATUS)}.",
            read=partial(self._status, STATUS),
        )
        for tag, (name, kind) in zip(types, STATUS, strict=True):
            yield Node(
                f"{ROOT}/status/{name}",
                tag,
                f"See {ROOT}/status.",
                read=partial(self._status, ((name, kind),)),
                detail=True,
            )

    def _levels(self, bus: str) -> tuple[float, float]:
        left, right = self.session.levels().get(bus, (-90.0, -90.0))
        return round(left, 1), round(right, 1)

    def _status(self, wanted: Iterable[tuple[str, type[Any]]]) -> Args:
        now = time.monotonic()
        if self._look is None or now - self._look[0] > LOOK_SECONDS:
            self._look = now, self.session.look()
        snapshot = self._look[1]
        values = {**vars(snapshot), "latency": snapshot.latency["total"]}
        return tuple(
            round(kind(values[name] or 0), 3) if kind is float else kind(values[name] or kind())
            for name, kind in wanted
        )

    def _switch(self, args: Args) -> None:
        self.session.switch(str(args[0]))

    def _recording(self) -> Args:
        state = self.session.recorder.status().state
        return ({"stopped": 0, "recording": 1}.get(state, 2),)

    def _record(self, args: Args) -> None:
        recorder = self.session.recorder
        if not args[0]:
            recorder.stop()
        elif recorder.status().state != "recording":
            recorder.start()

    def _panic(self, _: Args) -> None:
        row = next(row for row in PARAMETERS if row.name == "master_gain_db")
        self.mixer.set(row.name, row.low)
        self.session.engine.reset()

    def find(self, address: str) -> list[Node]:
        """The nodes that an address or a pattern means; a branch means all below it.

        Raises:
            RefusalError: there is none, or the pattern is none.
        """
        address = self._aliases.get(address, address)
        if address in self.nodes:
            return [self.nodes[address]]
        if SPECIAL.search(address):
            try:
                means = pattern(address)
            except ValueError as error:
                raise RefusalError("malformed", str(error)) from error
            found = [node for name, node in self.nodes.items() if means(name)]
            if not found:  # strips by number
                names = [name for alias, name in self._aliases.items() if means(alias)]
                found = [self.nodes[name] for name in names]
        else:
            branch = address.rstrip("/") + "/"
            below = (node for name, node in self.nodes.items() if name.startswith(branch))
            found = [node for node in below if not node.detail]
        if not found:
            raise RefusalError("unknown_address", f"there is no {address}; {ROOT}/dump lists all")
        return found

    def read(self, node: Node) -> Args:
        """A node's value now, in its types.

        Raises:
            RefusalError: it has none.
        """
        if node.parameter is not None:
            return (as_arg(self.mixer.get(node.parameter.name, node.strip)),)
        if node.read is None:
            raise RefusalError("write_only", f"{node.address} is a command; it has no value")
        return node.read()

    def read_all(self, nodes: Iterable[Node]) -> dict[str, Args]:
        """The values of those that have one, at one moment as far as the mixer goes."""
        values = self.mixer.now()
        return {
            node.address: (as_arg(values[node.parameter.name, node.strip]),)
            if node.parameter is not None
            else self.read(node)
            for node in nodes
            if node.readable
        }

    def change_of(self, node: Node, args: Args, answer: Answer) -> Setting:
        """What setting a parameter's node means to the mixer, in range.

        Raises:
            RefusalError: the arguments do not fit.
        """
        row = node.parameter
        assert row is not None
        (value,) = fitting(node, args)
        try:
            setting, clipped = row.clip(bool(value) if row.kind == "bool" else value)
        except ValueError as error:
            raise RefusalError("wrong_type", str(error)) from error
        if clipped:
            choices = f"[{row.low:g}, {row.high:g}] {row.unit}".rstrip()
            answer.clipped.append((node.address, f"{args[0]!r} is not in {choices}: {setting:g}"))
        return row.name, setting, node.strip

    def check(self, node: Node, args: Args) -> Args:
        """The arguments, in the types of a node that is no parameter.

        Raises:
            RefusalError: it cannot be set, or not to these.
        """
        if node.write is None:
            raise RefusalError("read_only", f"{node.address} can only be read")
        return fitting(node, args)

    def write(self, node: Node, args: Args) -> Answer:
        """Set a node now.

        Raises:
            RefusalError: it cannot be set, or not to this.
        """
        answer = Answer()
        if node.parameter is not None:
            self.move([self.change_of(node, args, answer)])
            return answer
        fitted = self.check(node, args)
        assert node.write is not None
        if node.is_button and args and not args[0] and args[0] != "":
            return answer  # a button that is let go
        try:
            node.write(fitted)
        except RefusalError:
            raise
        except Exception as error:  # whatever it is, who asked is told
            raise RefusalError(
                "failed", " ".join(str(error).split()) or type(error).__name__
            ) from error
        return answer

    def move(self, changes: Sequence[Change], position: int | None = None) -> None:
        """Let parameters move together, at once or at a position."""
        if position is None:
            self.mixer.set_all(changes)
        else:
            self.mixer.schedule(position, changes)


@cache
def networks_of(profile: str) -> str:
    """The names of a profile's networks, joined by +."""
    described = read_profile(profile)
    names = [described.separator.network]
    names += [described.repair.network] if described.repair else []
    return "+".join(names)


# What `/restem/status` tells of a `Snapshot`, in this order.
STATUS: tuple[tuple[str, type[Any]], ...] = (
    ("state", str),
    ("profile", str),
    ("latency", int),
    ("latency_ms", float),
    ("step_p50", float),
    ("step_p99", float),
    ("step_allowed", float),
    ("seconds", float),
    ("late", int),
    ("dropped", int),
    ("xruns", int),
    ("restarts", int),
    ("problem", str),
)
