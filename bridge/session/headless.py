"""A session without a sound device: an engine whose clock is a thread, fed by a file or a stream.

    Transport (a file) ─┐
                        ├─► clock's thread: read a block, process it, hand on what comes out
    a stream fed to it ─┘

Nobody's buffer runs empty here, so the clock waits for a worker that is late, and the stems are
always those of `restem render`; only while a worker is being replaced does the dry mix stand in.

When history is cleared: each start, each jump while it plays, and each stream that begins
forgets all that was heard, the dry mix too; from there on all is as if a file began on this sample.
Stopping, or coming to an end, lets out what was heard; a loop is one piece of music, end to begin.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from restem.bridge.session.base import GLANCE_SECONDS, Session
from restem.bridge.session.status import SessionStatus
from restem.bridge.session.transport import Listener, Source, Transport
from restem.bridge.settings import HOST_BLOCK_SIZE, Settings
from restem.models.errors import first_line
from restem.streamer.mixer.kernel import OUTPUTS
from restem.streamer.mixer.routing import SIDES, Routing, bus_names, minus_names

PATIENCE_MS = 2000  # for stems that are late, in every 1024 frames
BEHIND_SECONDS = 0.25  # that the clock makes up for; what is more it lets go


class FileSession(Session):
    """A session that plays files, and streams that take their place.

    Every bus is routed, in pairs, so `Settings.channels` and its devices mean nothing here.

    Args:
        settings: what to run.
        notify: gets a line while things start.

    Raises:
        ValueError: the profile or a number does not fit; one line.
    """

    def __init__(
        self, settings: Settings, notify: Callable[[str], None] = lambda text: None
    ) -> None:
        rate = settings.rate or settings.described.sample_rate
        super().__init__(
            settings,
            settings.host_block_size or HOST_BLOCK_SIZE,
            rate,
            lambda stems: Routing.pairs(_buses(stems)),
            notify,
        )
        self.buses = _buses(self.engine.stems)
        self.transport = Transport(rate, self.engine.channels)
        self.listeners: list[Listener] = []  # called in the clock's thread
        self._fed: Source | None = None
        self._lock = threading.Lock()
        self._problem = ""
        self._began = time.monotonic(), 0  # of the newest block: when, and at which position
        self._wake, self._closing = threading.Event(), threading.Event()
        self._clock = threading.Thread(target=self._run, name="restem clock", daemon=True)
        self._clock.start()

    def feed(self, source: Source) -> None:
        """Play a stream in the file's place until it is over; the file stops.

        Raises:
            ValueError: another one is heard.
        """
        with self._lock:
            if self._fed is not None and not self._fed.over:
                raise ValueError(f"{self._fed.name} is heard; end it first")
            self.transport.stop()
            self._fed, self._problem = source, ""
        self.wake()

    def wake(self) -> None:
        """Wake the clock to poll an empty source again."""
        self._wake.set()

    @property
    def source(self) -> Source:
        """Current source."""
        fed = self._fed
        return self.transport if fed is None or fed.over else fed

    def load(self, path: str | Path) -> None:
        """Take another file, stopped at its beginning; see `Transport.load`."""
        self.transport.load(str(path))

    def play(self, on: bool = True) -> None:
        """Start or stop the file.

        Raises:
            ValueError: there is none, or a stream is heard.
        """
        if not on:
            self.transport.stop()
            return
        with self._lock:
            if self.source is not self.transport:
                raise ValueError(f"{self.source.name} is heard; end it first")
            self.transport.play()
            self._problem = ""

    # The clock.

    def _run(self) -> None:
        period = self.host_block_size / self.engine.sample_rate
        due = time.monotonic()
        while not self._closing.is_set():
            if time.monotonic() - self._metered >= GLANCE_SECONDS:
                self.meter()
            source = self.source
            try:
                played = self._step(source)
            except Exception as error:  # whatever it is, the clock goes on
                self._problem = f"{source.name}: {first_line(error)}"
                self._fed, played = None, False
            if not played:
                self._wake.wait(period)
                self._wake.clear()
            now = time.monotonic()
            # A recorder reads the rings in its own time: let it follow.
            paced = played and (source.paced or self.recorder.recording)
            due = max(due + period, now - BEHIND_SECONDS) if paced else now
            if due > now:
                self._closing.wait(due - now)

    def _step(self, source: Source) -> bool:
        """Process a source's next block; whether there was one."""
        block = source.read(self.host_block_size)
        if block is None:
            return False
        if block.fresh:
            self.engine.reset()
        engine = self.engine
        self._began = time.monotonic(), engine.mixer.position
        patience_ms = PATIENCE_MS if engine.worker_pid is not None else 0
        played = engine.process(block.audio, patience_ms)
        for listener in self.listeners:
            listener(block, played.reshape(len(self.buses), 2, -1))
        return True

    def position_at(self, moment: float) -> int:
        """Position of the mixer at a time of `time.monotonic`.

        At the pace of real time; a stream that is read faster is ahead of it.
        """
        began, begins = self._began
        return max(0, begins + round((moment - began) * self.engine.sample_rate))

    def status(self) -> SessionStatus:
        """The session's status, for views and scripts."""
        now = super().status()
        return replace(now, problem=self._problem or now.problem, link=self.source.name)

    def close(self) -> None:
        """Stop the clock, then the engine."""
        self._closing.set()
        self.wake()
        self._clock.join()
        super().close()


def _buses(stems: Sequence[str]) -> tuple[str, ...]:
    """All buses, and the mix without each stem where there is room for that."""
    buses = (*bus_names(stems), *minus_names(stems))
    return buses if len(buses) * len(SIDES) <= OUTPUTS else bus_names(stems)
