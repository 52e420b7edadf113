"""A thread for work that may take long, so that a server or a controller never waits."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from restem.bridge.control.node import RefusalError


class Background:
    """One piece of work after the other, until it is finished; a process ends without it."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def submit(self, work: Callable[[], None]) -> None:
        """Queue work, to be done once all before it is.

        Raises:
            RefusalError: no more is begun.
        """
        if self._finishing.is_set():
            raise RefusalError("closing", "restem is about to end; no more is begun")
        if self._thread.ident is None:
            self._thread.start()
        self._queue.put(work)

    def finish(self, patience: float) -> None:
        """Begin no more, and wait for what is under way, `patience` seconds at most."""
        self._finishing.set()
        self._queue.put(None)
        if self._thread.ident is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if not self._finishing.is_set():
                work()
