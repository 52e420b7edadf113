"""Presets: all of a mixer's values in files, recalled at once or as a crossfade.

    file ─► values ─► Crossfade ─ steps of 15 ms, scheduled 45 ms ahead ─► mixer
                          └── mixer.history, now: did somebody else move a value? ──┘

A step is half as long as a ramp of the mixer's, so that two overlap and the sum runs evenly.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.background import Watched
from restem.bridge.control.crossfade import STALLED_SECONDS, Crossfade
from restem.bridge.control.node import Node, RefusalError
from restem.bridge.files.reader import one_line_errors
from restem.bridge.takes.sidecar import by_strip
from restem.models.atomic_write import atomically
from restem.models.config import from_mapping, read_yaml
from restem.streamer.mixer.mixer import Mixer, Values
from restem.streamer.mixer.parameters import PARAMETERS, parameter
from restem.streamer.mixer.routing import MASTER

VERSION = 1
LONGEST_NAME = 100  # bytes
FORBIDDEN = '<>:"/\\|?*'  # in the names of files, on one system or another
LONGEST_SECONDS = 3600.0  # of a crossfade
TICK_SECONDS = 0.005


@dataclass(frozen=True)
class _File:
    version: int
    values: dict[str, dict[str, Any]]  # strip by strip


class Presets:
    """The presets in a folder, for one mixer. Any thread may call it.

    Args:
        mixer: which.
        folder: of the files; None for the user's own.
    """

    def __init__(self, mixer: Mixer, folder: Path | None = None) -> None:
        self.mixer = mixer
        self.folder = folder or Path(platformdirs.user_data_dir("restem")) / "presets"
        self.current = ""  # recalled or saved last
        self.listeners: list[Callable[[], None]] = []  # called when presets came or went
        self._lock = threading.RLock()
        self._fade: Crossfade | None = None
        self._cancelled = 0  # how often
        self._names: Watched[tuple[str, ...]] = Watched(self._listed, ())
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def names(self) -> tuple[str, ...]:
        """Stored presets, sorted; those of before while a share takes long to list them."""
        return self._names.get()

    def _listed(self) -> tuple[str, ...]:
        try:
            paths = [path for path in self.folder.iterdir() if path.suffix == ".yaml"]
            files = [path for path in paths if path.is_file()]  # a pipe may never end
        except OSError:
            return ()
        return tuple(sorted(path.stem for path in files if not path.name.startswith(".")))

    def save(self, name: str) -> None:
        """Write all values to a preset; a crossfade counts as over.

        Raises:
            ValueError: it can be no name.
            OSError: the disk is full, or fails.
        """
        path = self._path(name)
        is_new = not path.exists()
        self.snapshot(path)
        self.current = name
        if is_new:
            self._notify_listeners()

    def recall(self, name: str, seconds: float = 0.0, asked: int | None = None) -> None:
        """Go to a preset's values, at once or as a crossfade; what is under way is taken over.

        A number that is no preset's name means that one in the order of the names, from 1 on.

        Values of strips that this mixer lacks are left out; values that it lacks stay.

        Args:
            name: of the preset.
            seconds: that the crossfade takes.
            asked: after how many cancellations it was asked for; one more since then ends it.

        Raises:
            ValueError: there is no such preset, it is damaged, `seconds` is out of range, or it was
                cancelled.
        """
        if not 0 <= seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds must be in [0, {LONGEST_SECONDS:g}], got {seconds:g}")
        path = self._path(name)
        if not path.is_file() and name in (numbers := self._by_number()):
            name = numbers[name]
            path = self._path(name)
        if not path.is_file():
            known = ", ".join(self.names()) or "none yet"
            raise ValueError(f"there is no preset '{name}'; expected one of {known}")
        self._go(self._read(path), seconds, asked)
        self.current = name

    def delete(self, name: str) -> None:
        """Remove a preset.

        Raises:
            ValueError: there is none.
        """
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError as error:
            raise ValueError(f"there is no preset '{name}'") from error
        if self.current == name:
            self.current = ""
        self._notify_listeners()

    def _notify_listeners(self) -> None:
        for listener in self.listeners:
            listener()

    def snapshot(self, path: Path) -> None:
        """Write all values to a file, in one step; a crossfade counts as over.

        Raises:
            OSError: the disk is full, or fails.
        """
        with self._lock:
            values = {**self.mixer.now(), **(self._fade.left() if self._fade else {})}
        mapping = {"version": VERSION, "values": by_strip(values)}
        text = yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True)
        with one_line_errors(path), atomically(path) as part:
            part.write_text(text, "utf-8")

    def restore(self, path: Path) -> None:
        """Set the values of a file at once.

        Raises:
            ValueError: it cannot be read, or is damaged; one line.
        """
        self._go(self._read(path), 0.0)

    def cancel(self) -> None:
        """End a crossfade where it stands, and recalls that wait or read their file.

        What a crossfade scheduled is the mixer's to drop.
        """
        with self._lock:
            self._fade = None
            self._cancelled += 1

    def close(self) -> None:
        """End a crossfade that is under way, at its goal."""
        self._closing.set()
        with self._lock:
            if self._fade:
                self._fade.finish()
                self._fade = None
            thread = self._thread
        if thread:
            thread.join()

    def nodes(self) -> list[Node]:
        """For `bridge.control.tree.ControlTree`."""
        return [
            Node(
                f"{ROOT}/preset",
                "s",
                "The preset that was recalled or saved last; set, recalls one, by its name or its "
                "number in their order, crossfaded in so many seconds.",
                choices=self.names,
                read=lambda: (self.current,),
                write=self._recall,
                prepare=self._prepare_recall,
                moves=True,
                optional="f",
                slow=True,
                in_turn=True,
            ),
            Node(
                f"{ROOT}/preset/recall",
                "s",
                f"As {ROOT}/preset, at once; for programs that list a branch without its value.",
                choices=self.names,
                read=lambda: (self.current,),
                write=self._recall,
                prepare=self._prepare_recall,
                moves=True,
                slow=True,
                in_turn=True,
                detail=True,
            ),
            Node(
                f"{ROOT}/preset/save",
                "s",
                "Saves all values as a preset.",
                write=lambda args: self.save(str(args[0])),
                slow=True,
                in_turn=True,
            ),
            Node(
                f"{ROOT}/preset/delete",
                "s",
                "Removes a preset.",
                choices=self.names,
                write=lambda args: self.delete(str(args[0])),
                slow=True,
                in_turn=True,
            ),
            Node(f"{ROOT}/preset/names", "s*", "What presets there are.", read=self.names),
        ]

    def _prepare_recall(self) -> Callable[[Args], None]:
        """A recall that is asked for now."""
        return partial(self._recall, asked=self._cancelled)

    def _recall(self, args: Args, asked: int | None = None) -> None:
        name, seconds = (*args, 0.0)[:2]
        self.recall(str(name), float(seconds or 0), asked)

    def _by_number(self) -> dict[str, str]:
        """Names of presets by their place in their order, from 1 on."""
        return {str(number): name for number, name in enumerate(self._listed(), 1)}

    def _path(self, name: str) -> Path:
        return self.folder / f"{checked_name(name)}.yaml"

    def _read(self, path: Path) -> Values:
        mapping = read_yaml(path, "preset")
        version = mapping.get("version") if isinstance(mapping, Mapping) else None
        if version != VERSION or isinstance(version, bool):
            raise ValueError(
                f"{path.name}: expected a preset of version {VERSION}, got {version!r:.40}"
            )
        file: _File = from_mapping(_File, mapping, path.name)
        values: Values = {}
        for strip, settings in file.values.items():
            where = f"{path.name}: values: {strip}"
            if strip != MASTER and strip not in self.mixer.strips:
                continue
            if not isinstance(settings, Mapping):
                raise ValueError(f"{where}: expected a mapping, got {settings!r:.40}")
            scope, stem = ("global", None) if strip == MASTER else ("stem", strip)
            known = [row.name for row in PARAMETERS if row.scope == scope and row.name != "fader"]
            for name, value in settings.items():
                if name not in known:
                    raise ValueError(
                        f"{where}: unknown key '{name}'; expected one of {', '.join(known)}"
                    )
                try:
                    values[name, stem] = parameter(name).clip(value)[0]
                except (ValueError, OverflowError) as error:
                    raise ValueError(f"{where}: {str(error)[:200]}") from error
        return values

    def _go(self, goal: Values, seconds: float, asked: int | None = None) -> None:
        with self._lock:
            if asked not in (None, self._cancelled):
                raise RefusalError("cancelled", "the recall was cancelled while it waited")
            fade = Crossfade(self.mixer, goal, seconds, self._fade)
            self._fade = None if fade.advance() else fade
            if self._fade and not self._thread and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="restem fade", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                fade = self._fade
                if fade is None or fade.advance():
                    self._fade = self._thread = None
                    return
            self._closing.wait(STALLED_SECONDS / 10 if fade.is_stalled else TICK_SECONDS)


def checked_name(name: str) -> str:
    """A preset's name, if it can be one.

    Raises:
        ValueError: it is none.
    """
    if (
        not name.isprintable()
        or name.strip() != name
        or not 0 < len(name.encode()) <= LONGEST_NAME
        or name.startswith(".")
        or set(name) & set(FORBIDDEN)
    ):
        raise ValueError(
            "a preset's name must be printable, without a dot or blank at its beginning, a blank "
            f"at its end, or any of {FORBIDDEN}, and {LONGEST_NAME} bytes at most; "
            f"got {name[:LONGEST_NAME]!r}"
        )
    return name
