"""A map that learns: its entries, the address that the next control is mapped to, its file."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from restem.bridge.control.midi.mapping import HEAD, Binding, Entry, bind, read_map
from restem.bridge.control.midi.messages import DATA_FINE, Move, is_control
from restem.bridge.control.tree import ControlTree
from restem.bridge.files.reader import one_line_errors
from restem.models.atomic_write import atomically

SETTLE_SECONDS = 1.0  # after which a control that was learned last may be learned again
PAIR_SECONDS = 0.1  # in which the lower 7 bits follow the upper ones


class LearnedMap:
    """The entries of a map, and what they move. Any thread may call it.

    Args:
        control: what is moved.
        path: of the map, YAML; need not be there, is written when something was learned.
        notify: gets a line about what concerns the user.

    Raises:
        ValueError: the map is damaged.
    """

    def __init__(
        self, control: ControlTree, path: Path | None, notify: Callable[[str], None]
    ) -> None:
        self.control, self.path, self._notify = control, path, notify
        self.entries = read_map(path) if path and path.exists() else []
        self.bindings: list[Binding] = []
        self.idle: dict[Entry, str] = {}  # entries that move nothing, and why
        self.learning = ""  # the address
        self.lock = threading.RLock()
        self._learned: tuple[Entry, float] | None = None  # last, and when it moved last
        self._is_unsaved = False

    def bind(self) -> None:
        """Find what the entries move; what was known of the controls is kept."""
        with self.lock:
            old = {binding.entry: binding for binding in self.bindings}
            self.bindings, self.idle = [], {}
            for entry in self.entries:
                try:
                    self.bindings.append(old.get(entry) or bind(self.control, entry))
                except ValueError as error:
                    self.idle[entry] = str(error)

    def found(self, move: Move) -> list[Binding]:
        """Those that a move of a control moves."""
        return [
            binding
            for binding in self.bindings
            if move.source in binding.entry.sources
            and (not move.is_fine or binding.entry.fine is not None)
        ]

    def learn(self, address: str) -> None:
        """Map the next control that moves to an address; "" to cancel.

        Raises:
            ValueError: nothing can move it.
        """
        if address:
            address = bind(self.control, Entry(1, address, control=0)).node.address
        with self.lock:
            self.learning = address

    def hear(self, move: Move, is_parameter: bool) -> None:
        """Learn from a move of a control; `is_parameter`: its channel has chosen an NRPN or RPN."""
        self._pair(move)
        trembles = self._trembles(move)
        is_pressed = move.kind != "note" or move.value > 0
        if self.learning and is_pressed and not trembles and is_control(move, is_parameter):
            self._learn(move)

    def _trembles(self, move: Move) -> bool:
        """True for the control that was learned last while it has not come to rest."""
        if self._learned is None or move.source not in self._learned[0].sources:
            return False
        entry, moved = self._learned
        now = time.monotonic()
        self._learned = entry, now
        return now - moved < SETTLE_SECONDS

    def _pair(self, move: Move) -> None:
        """Add the lower 7 bits to a control that was just learned, if they come right behind it."""
        if self._learned is None or self._learned[0].fine is not None:
            return
        entry, moved = self._learned
        if entry.nrpn is not None:
            is_fine = move.is_fine and move.source in entry.sources
        else:
            is_coarse = entry.control is not None and entry.control < 32
            expected = ("control", entry.channel, (entry.control or 0) + 32)
            is_free = not any(move.source in each.sources for each in self.entries)
            is_fine = is_coarse and move.source == expected and is_free
        if is_fine and time.monotonic() - moved < PAIR_SECONDS and entry in self.entries:
            fine = DATA_FINE if entry.nrpn is not None else move.number
            pair = replace(entry, fine=fine)
            self.entries = [pair if each == entry else each for each in self.entries]
            self._learned, self._is_unsaved = (pair, moved), True
            self.bind()

    def _learn(self, move: Move) -> None:
        number = move.number
        new = Entry(
            move.channel,
            self.learning,
            control=number if move.kind == "control" else None,
            note=number if move.kind == "note" else None,
            pitch=move.kind == "pitch",
            nrpn=number if move.kind == "nrpn" else None,
        )
        try:
            bind(self.control, new)
        except ValueError as error:
            self._notify(f"MIDI: {error}")
            return
        kept = [entry for entry in self._without(self.learning) if not entry.sources & new.sources]
        self.entries = [*kept, new]
        self.learning, self._learned = "", (new, time.monotonic())
        self._is_unsaved = True
        self.bind()
        self._notify(f"MIDI: learned {new.line()}")

    def forget(self, address: str) -> None:
        """Unmap an address.

        Raises:
            ValueError: nothing is mapped to it.
        """
        with self.lock:
            kept = self._without(address)
            if len(kept) == len(self.entries):
                raise ValueError(f"nothing is mapped to {address}")
            self.entries, self._is_unsaved = kept, True
            self.bind()

    def _without(self, address: str) -> list[Entry]:
        addresses = {binding.entry: binding.node.address for binding in self.bindings}
        return [e for e in self.entries if address not in (e.address, addresses.get(e))]

    def save(self) -> None:
        """Write the map, in one step, if it changed and its path is known."""
        with self.lock:
            text = HEAD + ("".join(f"- {e.line()}\n" for e in self.entries) or "[]\n")
            unsaved, self._is_unsaved = self._is_unsaved, False
        if not unsaved or self.path is None:
            return
        try:
            with one_line_errors(self.path), atomically(self.path) as part:
                part.write_text(text, "utf-8")
        except OSError as error:
            self._notify(f"MIDI: the map is not saved: {error}")
