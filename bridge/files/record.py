"""A record beside stems of what they were made of: a later run sees whether that is still so."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import restem
from restem.bridge.files.names import folder_name
from restem.models.weights import store
from restem.streamer.builder import weights_files
from restem.streamer.profiles import Profile

MADE_OF, FILES = "made_of", "files"


@dataclass(frozen=True)
class Record:
    """A small JSON file, hidden beside the first stem.

    Args:
        path: where it is.
        made_of: all that the stems depend on; two of equal content give equal stems.
    """

    path: Path
    made_of: Mapping[str, Any]

    def write(self, place: Path, parts: Sequence[Path], targets: Sequence[Path]) -> None:
        """Note at `place` that `parts`, which are complete, are about to become `targets`."""
        files = {self._name(t): _size(part) for part, t in zip(parts, targets, strict=True)}
        text = json.dumps({MADE_OF: self.made_of, FILES: files}, indent=1)
        place.write_text(text + "\n", encoding="utf-8")

    def _name(self, target: Path) -> str:
        return Path(os.path.relpath(target, self.path.parent)).as_posix()

    def _files(self) -> dict[str, int]:
        """Sizes that were noted for the same content; none if it is another."""
        with suppress(OSError, ValueError, TypeError, KeyError):
            noted = json.loads(self.path.read_text(encoding="utf-8"))
            if noted[MADE_OF] == json.loads(json.dumps(self.made_of)):
                return dict(noted[FILES])
        return {}

    def is_complete(self) -> bool:
        """True if every file of the same content is there, as large as it was."""
        files = self._files()
        return bool(files) and all(
            _size(self.path.parent / name) == size for name, size in files.items()
        )

    def owns(self, targets: Sequence[Path]) -> bool:
        """True if the same run broke off while it named its files: some are there, not all."""
        files = self._files()
        sizes = {target: _size(target) for target in targets}
        return (
            None in sizes.values()
            and any(size is not None for size in sizes.values())
            and all(size in (None, files.get(self._name(target))) for target, size in sizes.items())
        )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


@dataclass(frozen=True)
class Recipe:
    """All that stems depend on but the mix: versions, profile, weights, form."""

    parts: Mapping[str, Any]

    def record(self, mix: Path, first: Path) -> Record:
        """The record of a mix, whose first stem is at `first`.

        Raises:
            OSError: there is no such mix.
        """
        status = mix.stat()
        identity = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        path = first.parent / f".{folder_name(mix)}.restem.json"
        return Record(path, {"mix": identity, **self.parts})


def make_recipe(profile: Profile, stems: Sequence[str] | None, form: object) -> Recipe:
    """Describe how stems are made.

    Args:
        profile: effects included.
        stems: that are restored; all of the profile if None.
        form: of the files; its `repr` tells all of it.
    """
    weights = {
        f"{path.parent.name}/{path.stem}": store.sha256(path)
        for path in weights_files(profile, stems)
    }
    return Recipe(
        {
            "restem": restem.__version__,
            "profile": hashlib.sha256(repr(profile).encode()).hexdigest(),
            "weights": weights,
            "form": repr(form),
        }
    )
