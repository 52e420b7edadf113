"""Files that are replaced whole or not at all."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomically(path: Path) -> Iterator[Path]:
    """A path to write to; it replaces `path` when the block ends well, else nothing has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process number: containers that share a folder count from 1 each.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
