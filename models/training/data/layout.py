"""Layouts: which file of a dataset's tree belongs to which stem, as YAML.

description: my band's sessions         # a line for people
songs: ["*", "*/*"]                     # song folders, default ["*"]: those below a song are not
mixture: [mix.wav]                      # may be left out; the first that is there
extensions: [wav, flac]                 # the default
metadata: moisesdb                      # may be left out: how labels are found; see below
stems:
  percussions: [conga*, "perc/*"]       # patterns by stem; the first stem that matches takes a file
  drums: [drums.*, "kit/*"]

A pattern is matched with a file's label: its path inside the song folder or, with `metadata`, what
the dataset's own files say of it (moisesdb: stemName/trackType of data.json; slakh:
inst_class/program_num of metadata.yaml). `*` matches slashes too; case is ignored, and a space
equals an underscore. Hidden files and folders are no songs.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from restem.models.config import read_named, yaml_names
from restem.models.stems import STEMS

DEFAULT = "restem"


@dataclass(frozen=True)
class Layout:
    """File structure of a dataset; the module says what each entry means."""

    description: str
    stems: dict[str, Any]  # patterns by stem
    songs: tuple[str, ...] = ("*",)
    mixture: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ("wav", "flac")
    metadata: str | None = None

    def stem_of(self, label: str) -> str | None:
        """The first stem with a pattern that matches; None if there is none."""
        stems = (stem for stem, patterns in self.stems.items() if _matches(label, patterns))
        return next(stems, None)

    @property
    def example(self) -> str:
        """A file below the folder of songs that this layout would take, as a pattern."""
        if self.metadata:
            return f"SONG/{READERS[self.metadata][0]}"
        return f"SONG/{next(iter(self.stems.values()))[0]} ({' or '.join(self.extensions)})"


@dataclass
class SongFiles:
    """The files of a song: not opened yet, perhaps not there."""

    name: str
    folder: Path
    stems: dict[str, list[Path]] = field(default_factory=dict)
    mixture: Path | None = None
    unmatched: list[str] = field(default_factory=list)  # labels that belong to no stem
    problem: str = ""


def layout_names() -> list[str]:
    """The layouts in the package, the default first."""
    return sorted(yaml_names(_folder()), key=lambda name: (name != DEFAULT, name))


def read_layout(name_or_path: str | Path) -> Layout:
    """Read a layout of the package, or any YAML file.

    Raises:
        ValueError: there is no such layout, or a key, a stem or a value in it is wrong.
    """
    layout: Layout
    layout, where = read_named(Layout, name_or_path, _folder(), "layout")
    _check(layout, where)
    return layout


def list_songs(folder: Path, layout: Layout) -> list[SongFiles]:
    """Find the songs below a folder and the files of each; none of them is opened."""
    listings: dict[Path, SongFiles] = {}
    for pattern in layout.songs:
        for path in sorted(folder.glob(pattern)):
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if hidden or not path.is_dir() or any(p in listings for p in (path, *path.parents)):
                continue
            listing = _list_song(folder, path, layout)
            if listing.stems or listing.problem:
                listings[path] = listing
    return sorted(listings.values(), key=lambda listing: listing.name)


def unmatched(listings: Sequence[SongFiles]) -> str:
    """Files that belong to no stem, in words; empty if all do."""
    tops = (label.partition("/") for listing in listings for label in listing.unmatched)
    counts = Counter(top + (slash and "/*") for top, slash, _ in tops)
    named = ", ".join(f"{top} ({count})" for top, count in counts.most_common(4))
    return named + (", ..." if len(counts) > 4 else "")


def _folder() -> Traversable:
    return resources.files("restem.models.training.data") / "layouts"


def _check(layout: Layout, where: str) -> None:
    """Raise ValueError, one line with the place, unless the entries make a layout."""
    if not layout.stems:
        raise ValueError(f"{where}: stems: expected patterns for some of {', '.join(STEMS)}")
    for stem, patterns in layout.stems.items():
        if stem not in STEMS:
            choices = ", ".join(STEMS)
            raise ValueError(f"{where}: stems: unknown stem '{stem}'; expected one of {choices}")
        if (
            not isinstance(patterns, list)
            or not patterns
            or not all(isinstance(pattern, str) and pattern for pattern in patterns)
        ):
            raise ValueError(f"{where}: stems: {stem}: expected patterns, got {patterns!r}")
    if layout.metadata is not None and layout.metadata not in READERS:
        choices = ", ".join(READERS)
        raise ValueError(
            f"{where}: metadata: unknown kind '{layout.metadata}'; expected one of {choices}"
        )
    if not layout.extensions:
        raise ValueError(f"{where}: extensions: expected some, e.g. [wav, flac]")
    for pattern in layout.songs or ("",):
        if not pattern or PurePosixPath(pattern).is_absolute() or ".." in pattern.split("/"):
            raise ValueError(
                f"{where}: songs: expected patterns of folders below the given one, got {pattern!r}"
            )


def _list_song(root: Path, folder: Path, layout: Layout) -> SongFiles:
    listing = SongFiles(folder.relative_to(root).as_posix(), folder)
    file, read = READERS[layout.metadata] if layout.metadata else ("", None)
    if read and not (folder / file).is_file():
        return listing
    files = dict(_audio_files(folder, layout))
    for pattern in reversed(layout.mixture):
        found = [path for label, path in files.items() if _matches(label, [pattern])]
        listing.mixture = found[0] if found else listing.mixture
    labelled = [(label, path) for label, path in files.items() if path != listing.mixture]
    if read:
        try:
            labelled = list(read(folder / file, files))
        # Metadata of any shape: what is missing or of another type is the file's fault.
        except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as e:
            what = " ".join(f"{type(e).__name__}: {e}".split())
            listing.problem = f"{folder / file}: not the metadata of {layout.metadata} ({what})"
            return listing
    for label, path in labelled:
        if stem := layout.stem_of(label):
            listing.stems.setdefault(stem, []).append(path)
        else:
            listing.unmatched.append(label)
    return listing


def _audio_files(folder: Path, layout: Layout) -> Iterator[tuple[str, Path]]:
    """Audio files below a folder by their path inside it, sorted, hidden ones left out."""
    endings = {f".{extension.lower().lstrip('.')}" for extension in layout.extensions}
    for path in sorted(folder.rglob("*")):
        label = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in label.parts)
        if path.suffix.lower() in endings and not hidden and path.is_file():
            yield label.as_posix(), path


def _read_moisesdb(path: Path, _: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    for stem in json.loads(path.read_text(encoding="utf-8"))["stems"]:
        for track in stem["tracks"]:
            file = path.parent / stem["stemName"] / f"{track['id']}.{track['extension']}"
            yield f"{stem['stemName']}/{track['trackType']}", file


def _read_slakh(path: Path, files: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    by_name = {file.stem: file for file in files.values() if file.parent.name == "stems"}
    for name, stem in yaml.safe_load(path.read_text(encoding="utf-8"))["stems"].items():
        if not stem.get("audio_rendered", True):
            continue  # rare instruments that the dataset has no sound for
        label = f"{stem['inst_class']}/{stem['program_num']}"
        file = by_name.get(name, path.parent / "stems" / f"{name}.flac")
        yield "Drums/128" if stem.get("is_drum") else label, file


Reader = Callable[[Path, dict[str, Path]], Iterator[tuple[str, Path]]]
READERS: dict[str, tuple[str, Reader]] = {  # by kind: a song's metadata file, and what reads it
    "moisesdb": ("data.json", _read_moisesdb),
    "slakh": ("metadata.yaml", _read_slakh),
}


def _matches(label: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(_plain(label), _plain(pattern)) for pattern in patterns)


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ")
