"""Progress over many mixes, whose number may not be known yet."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from restem.bridge.progress import Progress

if TYPE_CHECKING:
    from restem.bridge.batch.catalogue import Summary
    from restem.bridge.batch.inputs import Work


def counted(works: "Iterable[Work]") -> Callable[[], int]:
    """Count works in the background.

    Returns:
        A function that gives their number; 0 until it is known, or if they cannot be read.
    """
    number = 0

    def count() -> None:
        nonlocal number
        with suppress(OSError):
            number = sum(1 for _ in works)

    threading.Thread(target=count, name="restem count", daemon=True).start()
    return lambda: number


class Shares:
    """Mixes that are done, and shares of those under way, on one bar.

    Args:
        show: the bar.
        total: gives the number of mixes, 0 while it is not known.
        summary: counts those that are done.
    """

    def __init__(self, show: Progress, total: Callable[[], int], summary: "Summary") -> None:
        self._show, self._total, self._summary = show, total, summary
        self._shares: dict[Work, float] = {}

    def of(self, work: "Work") -> Progress:
        """The progress of a mix that begins."""
        self._shares[work] = 0.0

        def advance(done: float, total: float) -> None:
            self._shares[work] = done / total
            self.show()

        return advance

    def end(self, work: "Work") -> None:
        """Count a mix that is in the summary now."""
        self._shares.pop(work, None)
        self.show()

    def show(self) -> None:
        done = sum(self._summary.counts.values()) + sum(self._shares.values())
        self._show(done, self._total())
