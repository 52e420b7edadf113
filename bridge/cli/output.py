"""Progress, tables and errors on a terminal."""

import json
import os
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, Self

from restem.bridge.progress import Progress, progress_bar

LINE_SECONDS = 9.0  # between two lines of progress


@contextmanager
def progress_lines(label: str) -> Iterator[Progress]:
    """A progress bar on stderr; where that is no terminal, a line now and then for long work."""
    if sys.stderr.isatty():
        with progress_bar(label) as bar:
            yield bar
        return
    share, ended, began = 0.0, threading.Event(), time.monotonic()

    def advance(done: float, total: float) -> None:
        nonlocal share
        share = done / total

    def report() -> None:
        while not ended.wait(LINE_SECONDS):
            print_note(f"{label}: {share:.0%} after {time.monotonic() - began:.0f} s")

    teller = threading.Thread(target=report, daemon=True)
    teller.start()
    try:
        yield advance
    finally:
        ended.set()
        teller.join()


def prepare_streams() -> None:
    """Escape what the console cannot print instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def answer(text: str, end: str = "\n") -> bool:
    """Print to stdout at once; False if that failed, which is told and ends no work.

    A reader that has gone (`| head`) is no failure.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _drop_stdout()
    except OSError as error:
        _drop_stdout()
        print_error(f"standard output: {error.strerror}; the answer is lost, the work goes on")
        return False
    return True


class JsonList:
    """A JSON array on stdout, an element as soon as it is known.

    If the work breaks off, the array ends after what was done; before that, nothing is printed.

    Attributes:
        is_lost: something could not be printed.
    """

    def __init__(self) -> None:
        self.is_lost = self._is_open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._is_open or kind is None:
            self._print("\n]\n" if self._is_open else "[]\n")

    def add(self, element: object) -> None:
        before = "," if self._is_open else "["
        self._is_open = True
        self._print(f"{before}\n{textwrap.indent(json.dumps(element, indent=2), '  ')}")

    def _print(self, text: str) -> None:
        self.is_lost |= not answer(text, end="")


def finish_answers() -> bool:
    """Write out what stdout still holds, as `answer` does."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
    except OSError as error:
        _drop_stdout()
        print_error(f"standard output: {error.strerror}; the answer is lost")
        return False
    return True


def _drop_stdout() -> None:
    """Make sure that no later print, nor the interpreter's end, fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


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


def print_failures(failures: Sequence[str]) -> int:
    """Repeat at the end what went wrong meanwhile; the exit status."""
    for failure in failures:
        print_error(failure)
    return 1 if failures else 0
