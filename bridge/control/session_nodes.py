"""Addresses of a session: its profile, recorder, meters and status."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from typing import Any

import restem
from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.node import Node
from restem.bridge.session.base import Session
from restem.bridge.session.status import FLOOR_DB, SessionStatus
from restem.streamer.mixer.mixer import Change
from restem.streamer.mixer.parameters import PARAMETERS
from restem.streamer.profiles import profile_names, read_profile

STATUS_SECONDS = 0.2  # for how long a status is good


class SessionNodes:
    """Nodes of a session: its readings and its commands.

    Args:
        session: which.
        cancel: drops what waits for its time, and makes changes of the mixer in its place.
    """

    def __init__(self, session: Session, cancel: Callable[[Sequence[Change]], None]) -> None:
        self.session, self._cancel = session, cancel
        self._seen: tuple[float, SessionStatus] | None = None

    def nodes(self) -> Iterator[Node]:
        """All of them, for a `ControlTree`."""
        yield from self._commands()
        yield from self._readings()
        yield from self._statuses()

    def _commands(self) -> Iterator[Node]:
        """Commands to a session."""
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
            "Silences the master, drops what waits for its time and forgets everything heard so "
            "far; /restem/master_gain_db brings it back.",
            write=self._panic,
        )
        yield Node(
            f"{ROOT}/cancel",
            "",
            "Drops timed changes and messages that wait, and ends a crossfade where it stands.",
            write=lambda _: self._cancel(()),
        )

    def _readings(self) -> Iterator[Node]:
        """Read-only nodes of a session."""
        session = self.session
        yield Node(
            f"{ROOT}/model",
            "s",
            "The networks of the profile, joined by +.",
            read=lambda: (networks_of(session.profile),),
        )
        yield Node(
            f"{ROOT}/profiles",
            "s" * len(profile_names()),
            "The names of all profiles, for menus.",
            read=lambda: tuple(profile_names()),
        )
        yield Node(
            f"{ROOT}/take",
            "s",
            "The folder of the take, empty if there is none.",
            read=lambda: (str(session.recorder.status().folder or ""),),
        )
        yield Node(
            f"{ROOT}/stems",
            "s" * len(self.session.engine.mixer.strips),
            "The strips' names, in their order.",
            read=lambda: self.session.engine.mixer.strips,
        )
        yield Node(
            f"{ROOT}/version",
            "s",
            "The version of restem.",
            read=lambda: (restem.__version__,),
        )
        buses = self.session.engine.mixer.buses
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
        """Status of a session, in one message and value by value."""
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
        left, right = self.session.levels().get(bus, (FLOOR_DB, FLOOR_DB))
        return round(left, 1), round(right, 1)

    def _status(self, wanted: Iterable[tuple[str, type[Any]]]) -> Args:
        now = time.monotonic()
        if self._seen is None or now - self._seen[0] > STATUS_SECONDS:
            self._seen = now, self.session.status()
        snapshot = self._seen[1]
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
        self._cancel([(row.name, row.low, None)])
        self.session.engine.reset()


@cache
def networks_of(profile: str) -> str:
    """The names of a profile's networks, joined by +."""
    return "+".join(stage.network for stage in read_profile(profile).stages.values())


# What `/restem/status` tells of a `SessionStatus`, in this order.
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
