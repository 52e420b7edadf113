"""Standard input and output as files: formats need to look back, and nothing half is passed on."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stdin_as_file() -> Iterator[Path]:
    """A copy of standard input, called `stdin`, while it is needed.

    Errors name standard input.
    """
    with tempfile.TemporaryDirectory(prefix="restem-") as folder:
        path = Path(folder) / "stdin"
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield path
        except (ValueError, OSError) as error:
            text = str(error)
            if str(path) not in text:
                raise
            raise type(error)(text.replace(str(path), "standard input")) from error


@contextmanager
def single_file_to_stdout() -> Iterator[Path]:
    """A folder; the file that is written somewhere in it goes to standard output at the end."""
    with tempfile.TemporaryDirectory(prefix="restem-") as folder:
        yield Path(folder)
        for path in Path(folder).rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
