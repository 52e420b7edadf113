"""Progress of long work."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float, float], None]  # done, in all


@contextmanager
def progress_bar(
    label: str, real_time: bool = False, note: Callable[[], str] | None = None
) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal, or in a notebook.

    It is given what is done and how much there is in all, 0 if that is not known yet.

    Args:
        label: in front of it.
        real_time: it counts seconds of music.
        note: what stands behind it.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    shown = console.is_terminal or console.is_jupyter
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task(label, total=None, rate="")

        def advance(done: float, total: float) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}x real time" if speed and real_time else ""
            rate = note() if note else rate
            bar.update(task, completed=done, total=total or None, rate=rate)

        yield advance
