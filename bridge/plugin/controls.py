"""Remote controls of the service's sessions: the first plugin's, and further ones beside it.

    first plugin ───► /restem/...       OSC, OSCQuery, MIDI, presets
    further ones ───► /restem/<n>/...   OSC and presets, on the same port

A plugin keeps its number while it is there, whatever engines it asks for. Once the first has left,
the lowest of the others is the first.
"""

import itertools
import math
from collections.abc import Callable, Mapping

from restem.bridge.control.addresses import ROOT
from restem.bridge.control.remote import Remote, RemoteSettings
from restem.bridge.plugin.session import PluginSession

FIRST = 1  # number of the plugin at `ROOT`


class Controls:
    """Remote controls, until they are closed; before the sessions.

    Args:
        settings: None for none.
        notify: gets a line about what concerns the user.
    """

    def __init__(self, settings: RemoteSettings | None, notify: Callable[[str], None]) -> None:
        self._settings, self._notify = settings, notify
        self.first: PluginSession | None = None  # under control
        self.numbers: dict[int, int] = {}  # of plugins, by their slots
        self._remote: Remote | None = None
        self._mounted: set[int] = set()  # slots

    def update(self, sessions: Mapping[int, PluginSession]) -> None:
        """Open what is there now to remote control.

        Args:
            sessions: by slot, in the order in which their plugins came.
        """
        if self._settings is None:
            return
        if sessions and FIRST not in self.numbers.values():
            self.numbers[min(sessions, key=lambda slot: self.numbers.get(slot, math.inf))] = FIRST
        for slot, session in sessions.items():
            if slot not in self.numbers:
                taken = self.numbers.values()
                self.numbers[slot] = next(n for n in itertools.count(FIRST + 1) if n not in taken)
            if self.numbers[slot] == FIRST and self.first is None:
                self._open(session, self._settings)
        if self._remote is not None:
            for slot in sessions.keys() - self._mounted:
                if self.numbers[slot] != FIRST:
                    self._remote.mount(sessions[slot], self.numbers[slot])
                    self._mounted.add(slot)
                    self._notify(f"plugin {slot + 1}: OSC at {ROOT}/{self.numbers[slot]}")

    def _open(self, session: PluginSession, settings: RemoteSettings) -> None:
        self.first = session
        try:
            self._remote = Remote(session, settings, self._notify)
        except ValueError as error:
            self._notify(f"going on without remote control: {error}")

    @property
    def port(self) -> int | None:
        """Port of OSC, where there is such."""
        server = self._remote.server if self._remote else None
        return server.port if server else None

    def end(self, slot: int) -> None:
        """Close the controls of a plugin's session, before that is closed."""
        if self.numbers.get(slot) == FIRST:
            if self._remote is not None:
                self._remote.close()
            self._remote = self.first = None
            self._mounted.clear()
        elif slot in self._mounted:
            assert self._remote is not None
            self._remote.unmount(self.numbers[slot])
            self._mounted.discard(slot)

    def forget(self, slot: int) -> None:
        """Give the number of a plugin that has left to another one."""
        self.numbers.pop(slot, None)
