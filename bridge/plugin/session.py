"""A session whose audio thread is a DAW's: a plugin there plays what is in the rings."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from restem.bridge.plugin.abi import port_routing
from restem.bridge.session.base import Session
from restem.bridge.session.status import SessionStatus
from restem.bridge.settings import Settings
from restem.models.errors import one_line


class PluginSession(Session):
    """An engine for a plugin; its clock is the DAW.

    Args:
        settings: what to run, with the DAW's rate and its largest block.
        notify: gets a line while things start.

    Raises:
        ValueError: the profile or a number does not fit, or it is too slow here; one line.
    """

    def __init__(
        self, settings: Settings, notify: Callable[[str], None] = lambda text: None
    ) -> None:
        assert settings.varies
        assert settings.host_block_size is not None
        assert settings.rate is not None
        size, rate = settings.host_block_size, settings.rate
        self._passed = time.monotonic(), 0  # a moment, and the mixer's position then
        super().__init__(settings, size, rate, port_routing, notify)

    @staticmethod
    def remedy(profile: str | None) -> str:
        """The same in a DAW, where nobody gives flags."""
        instead = f"choose the profile {profile}, which holds here" if profile else "no other holds"
        return f"{instead}, or start it by hand: restem serve --force"

    def meter(self) -> None:
        super().meter()
        if (position := self.engine.mixer.position) != self._passed[1]:
            self._passed = time.monotonic(), position

    def position_at(self, moment: float) -> int:
        """Position of the mixer at a time of `time.monotonic`, at the pace of real time.

        To a look at the meters; a DAW that renders faster is ahead of it.
        """
        began, begins = self._passed
        return max(0, begins + round((moment - began) * self.engine.sample_rate))

    def status(self) -> SessionStatus:
        """The session's status, for views and scripts."""
        return replace(super().status(), link="plugin")


class Building:
    """A session that is being built in a thread; nobody waits for it who has changed their mind."""

    def __init__(self, settings: Settings, notify: Callable[[str], None]) -> None:
        self.session: PluginSession | None = None
        self.problem = ""
        self.is_done = False
        self._abandoned = False
        self._lock = threading.Lock()
        self.thread = threading.Thread(
            target=self._run, args=(settings, notify), name="restem plugin session", daemon=True
        )
        self.thread.start()

    def _run(self, settings: Settings, notify: Callable[[str], None]) -> None:
        session, problem = None, ""
        try:
            session = PluginSession(settings, notify)
        except Exception as error:  # the plugin shows it, whatever it is
            problem = one_line(error)
        with self._lock:
            self.session, self.problem, self.is_done = session, problem, True
            abandoned = self._abandoned
        if abandoned and session is not None:
            session.close()

    def abandon(self) -> threading.Thread:
        """Close the session, or let it close itself once it is built; the thread that does it."""
        with self._lock:
            self._abandoned = True
            session = self.session if self.is_done else None
        if session is not None:
            self.thread = threading.Thread(
                target=session.close, name="restem plugin session ends", daemon=True
            )
            self.thread.start()
        return self.thread
