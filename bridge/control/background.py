"""A thread for work that may take long, so that a server or a controller never waits."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from restem.bridge.control.node import RefusalError

T = TypeVar("T")


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


def done_within(seconds: float, work: Callable[[], None]) -> bool:
    """Do something that may hang, as on a share that is gone; False if it still does then."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


class Watched(Generic[T]):
    """A value that may take long to find out, such as the names in a folder of a network.

    Args:
        find: finds it out; it raises nothing.
        default: until it was found out for the first time.
    """

    PATIENCE_SECONDS = 0.1  # that a reader waits for a new value, once for each

    def __init__(self, find: Callable[[], T], default: T) -> None:
        self._find, self.value = find, default
        self._lock = threading.Lock()
        self._found: threading.Event | None = None  # of the search that is under way
        self._is_late = False

    def get(self) -> T:
        """The value as it is now, or, if that takes long, as it was last; any thread may ask."""
        with self._lock:
            if self._found is None:
                self._found = threading.Event()
                threading.Thread(target=self._run, args=(self._found,), daemon=True).start()
            found, patience = self._found, 0.0 if self._is_late else self.PATIENCE_SECONDS
        if not found.wait(patience):
            self._is_late = True
        return self.value

    def _run(self, found: threading.Event) -> None:
        value = self._find()
        with self._lock:
            self.value, self._found, self._is_late = value, None, False
        found.set()
