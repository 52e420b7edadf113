"""Progress, tables and errors on a terminal."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restem.models.errors import one_line

if TYPE_CHECKING:
    pass

Progress = Callable[[float, float], None]  # done, in all


@contextmanager
def progress_bar(label: str, real_time: bool = False) -> Iterator[Progress]:
    """A progress bar on stderr where that is a terminal; `real_time` if it counts seconds."""
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
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(label, total=None, rate="")

        def advance(done: float, total: float) -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:.1f}x real time" if speed and real_time else ""
            bar.update(task, completed=done, total=total, rate=rate)

        yield advance


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2))
    else:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a Markdown table: it reads well and pastes well."""
    cells = [[*columns], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    lines = [" | ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)) for row in cells]
    rule = "|".join("-" * (width + 2) for width in widths)
    print(f"| {lines[0]} |\n|{rule}|", *(f"| {line} |" for line in lines[1:]), sep="\n")


def print_note(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"restem: note: {message}", file=sys.stderr)


def print_error(text: str) -> None:
    print(f"restem: error: {text}", file=sys.stderr)


def describe_error(error: Exception, mix: Path | None = None) -> str:
    """One line; errors that are no bad input say where they happened and how to learn more."""
    text = one_line(error)
    if isinstance(error, ValueError | OSError):
        return text
    place = f"{mix}: " if mix else ""
    if type(error).__name__ == "OutOfMemoryError":
        return f"{place}the GPU's memory is full; ask for fewer --stems or --device cpu"
    kind = type(error).__name__
    described = kind if text == kind else f"{kind}: {text}"
    return f"{place}{described} (--debug shows where)"
