"""MIDI controllers: faders, knobs and pads to addresses, by a map, and values back to them.

    inputs ──► receive ─ binding: soft takeover, toggle, hold, trigger ──► Control.write
    outputs ◄── feed_back ◄── values that changed from elsewhere ◄──────── Control.read_all

One thread polls the inputs: RtMidi calls back in JACK's realtime thread, where Python must not run.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.background import Background
from restem.bridge.control.midi.mapping import (
    HEAD,
    Binding,
    Entry,
    bind,
    messages_of,
    position_of,
    raw_of,
    read_map,
    value_at,
)
from restem.bridge.control.midi.ports import OWN, Port, Ports, close_quietly, is_wanted, open_ports
from restem.bridge.control.node import Node, RefusalError
from restem.bridge.control.tree import ControlTree
from restem.bridge.files.reader import one_line_errors
from restem.models.atomic_write import atomically

POLL_SECONDS = 0.004
FEEDBACK_SECONDS = 1 / 30
LOOK_SECONDS = 1.0  # between two looks for ports
PICKUP_TOLERANCE = 2 / 127  # so near a value, a fader takes it over
PRESSED = 64  # and above: a pedal or a button is down
SETTLE_SECONDS = 1.0  # after which a control that was learned last may be learned again
PAIR_SECONDS = 0.1  # in which the lower 7 bits follow the upper ones
NUMBERS = range(98, 102)  # controls that say which parameter is meant by `DATA` (NRPN, RPN)
DATA = (6, 38, 96, 97)
MODES = range(120, 128)  # of a channel: no controls that are moved


@dataclass
class Counts:
    """Message counters."""

    received: int = 0
    obeyed: int = 0
    ignored: int = 0  # mapped to nothing
    waiting: int = 0  # of faders that have not met their values
    refused: int = 0
    sent: int = 0


P = TypeVar("P", bound=Port)


class MidiBridge:
    """Two-way link of controllers and a `ControlTree`'s values. Any thread may call it.

    Args:
        control: what is moved.
        map_path: of the map, YAML; need not be there, is written when something was learned.
        inputs, outputs: part of the names of the ports; None for all, "" for none but our own.
        backend: "jack", or None for the system's own.
        notify: gets a line about what concerns the user.

    Raises:
        ValueError: the map is damaged, or the backend is unknown.
    """

    def __init__(
        self,
        control: ControlTree,
        map_path: Path | None,
        inputs: str | None = None,
        outputs: str | None = None,
        backend: str | None = None,
        notify: Callable[[str], None] = lambda text: None,
    ) -> None:
        if backend not in (None, "jack"):
            raise ValueError(f"the MIDI backend must be jack or the system's own, got {backend!r}")
        self.control, self.path, self.counts = control, map_path, Counts()
        self._wanted = {"inputs": inputs, "outputs": outputs}
        self._backend, self._notify, self._told = backend, notify, ""
        self.entries = read_map(map_path) if map_path and map_path.exists() else []
        self._bindings: list[Binding] = []
        self._idle: dict[Entry, str] = {}  # why
        self._learning = ""
        self._is_numbered = False  # what moved since was NRPN
        self._learned: tuple[Entry, float] | None = None  # last, and when it moved last
        self._is_unsaved = False
        self._lock = threading.RLock()
        self._ports: Ports | None = None
        self._trouble = "not started"
        self._inputs: dict[str, Port] = {}
        self._outputs: dict[str, Port] = {}
        self._knows: dict[str, dict[Entry, int]] = {}  # what outputs were told
        self._is_broken = False
        self._position = -1  # of the music
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="restem midi", daemon=True)
        self._background = Background("restem midi slow")

    def start(self) -> None:
        """Begin to look for ports; once the control has all of its nodes."""
        self.bind()
        for entry, reason in self._idle.items():
            self._notify(f"MIDI: {reason}; {entry.line()} does nothing")
        self._thread.start()

    def bind(self) -> None:
        """Find what the entries move; what was known of the controls is kept."""
        with self._lock:
            old = {binding.entry: binding for binding in self._bindings}
            self._bindings, self._idle = [], {}
            for entry in self.entries:
                try:
                    self._bindings.append(old.get(entry) or bind(self.control, entry))
                except ValueError as error:
                    self._idle[entry] = str(error)

    # What comes in.

    def receive(self, message: Sequence[int]) -> None:
        """Dispatch a message's bytes; never raises."""
        self.counts.received += 1
        if len(message) != 3 or not 0x80 <= message[0] < 0xC0:
            self.counts.ignored += 1
            return
        status, number, value = message
        channel = (status & 15) + 1
        kind = "control" if status >> 4 == 0xB else "note" if status >> 4 in (8, 9) else ""
        value = 0 if status >> 4 == 8 else value
        with self._lock:
            self._pair(kind, channel, number)
            trembles = self._trembles((kind, channel, number))
            if self._learning and kind and (kind == "control" or value) and not trembles:
                self._learn(kind, channel, number)
            found = [b for b in self._bindings if (kind, channel, number) in b.entry.sources]
            self.counts.ignored += not found
            for binding in found:
                try:
                    self._move(binding, number, value)
                except Exception as error:  # whatever it is, the next message may be better
                    self.counts.refused += 1
                    self._say(f"MIDI: {' '.join(str(error).split())}")

    def _move(self, binding: Binding, number: int, value: int) -> None:
        if binding.kind == "value":
            self._turn(binding, number, value)
            return
        was_down = binding.is_down
        is_note = binding.entry.note is not None
        binding.is_down = value >= (1 if is_note else PRESSED)
        pressed = binding.is_down and not was_down
        if binding.kind == "button":
            if pressed:
                self._write(binding, ())
        elif binding.mode == "hold":
            if binding.is_down != was_down or not is_note:
                self._write(binding, (int(binding.is_down),))
        elif pressed:
            is_on = self.control.read(binding.node)[0] == 1
            self._write(binding, (int(binding.mode == "trigger" or not is_on),))

    def _turn(self, binding: Binding, number: int, value: int) -> None:
        raw = value
        if binding.entry.fine is not None:
            if number == binding.entry.control:
                binding.coarse, value = value, 0  # as the standard says
            raw = binding.coarse * 128 + value
        position, before = raw / binding.max_raw, binding.position
        binding.position = position
        now = self.control.read(binding.node)
        if now != binding.written:
            binding.picked_up = False
        if binding.entry.takeover and not binding.picked_up:
            wanted = position_of(binding.node, float(now[0] or 0), binding.max_raw)
            passed = before is not None and (before - wanted) * (position - wanted) <= 0
            if not passed and abs(position - wanted) > PICKUP_TOLERANCE:
                self.counts.waiting += 1
                return
        binding.picked_up = True
        self._write(binding, (value_at(binding.node, position, binding.max_raw),))

    def _write(self, binding: Binding, args: Args) -> None:
        if binding.node.slow:
            self._background.submit(partial(self._write_now, binding, args))
        else:
            self._write_now(binding, args)

    def _write_now(self, binding: Binding, args: Args) -> None:
        try:
            self.control.write(binding.node, args)
        except RefusalError as error:
            self.counts.refused += 1
            self._say(f"MIDI: {binding.entry.address}: {error}")
            return
        self.counts.obeyed += 1
        if binding.node.readable:
            binding.written = self.control.read(binding.node)

    def _say(self, text: str) -> None:
        """Notify the user, but not the same again and again."""
        if text != self._told:
            self._told = text
            self._notify(text)

    # The map.

    def learn(self, address: str) -> None:
        """Map the next control or note that moves to an address; "" to cancel.

        Raises:
            ValueError: nothing can move it.
        """
        if address:
            address = bind(self.control, Entry(1, address, control=0)).node.address
        with self._lock:
            self._learning, self._is_numbered = address, False

    def _trembles(self, source: tuple[str, int, int]) -> bool:
        """True for the control that was learned last while it has not come to rest."""
        if self._learned is None or source not in self._learned[0].sources:
            return False
        entry, moved = self._learned
        now = time.monotonic()
        self._learned = entry, now
        return now - moved < SETTLE_SECONDS

    def _pair(self, kind: str, channel: int, number: int) -> None:
        """Add the lower 7 bits to a control that was just learned, if they come right behind it."""
        if self._learned is None or kind != "control":
            return
        entry, moved = self._learned
        is_fine = entry.control is not None and entry.control < 32 and number == entry.control + 32
        is_free = entry.fine is None and ("control", channel, number) not in self._sources()
        in_time = time.monotonic() - moved < PAIR_SECONDS
        if is_fine and is_free and in_time and channel == entry.channel and entry in self.entries:
            pair = replace(entry, fine=number)
            self.entries = [pair if each == entry else each for each in self.entries]
            self._learned, self._is_unsaved = (pair, moved), True
            self.bind()

    def _is_learnable(self, number: int) -> bool:
        """True if a control change belongs to a control of its own."""
        if number in NUMBERS:
            self._is_numbered = True
            self._say("MIDI: this control sends NRPN; let it send plain control changes")
        is_data = self._is_numbered and number in DATA
        return number not in NUMBERS and number not in MODES and not is_data

    def _sources(self) -> set[tuple[str, int, int]]:
        """All that is mapped."""
        return {source for entry in self.entries for source in entry.sources}

    def _learn(self, kind: str, channel: int, number: int) -> None:
        is_note = kind == "note"
        if not is_note and not self._is_learnable(number):
            return
        new = Entry(
            channel,
            self._learning,
            control=None if is_note else number,
            note=number if is_note else None,
        )
        try:
            bind(self.control, new)
        except ValueError as error:
            self._say(f"MIDI: {error}")
            return
        kept = [entry for entry in self._without(self._learning) if not entry.sources & new.sources]
        self.entries = [*kept, new]
        self._learning, self._learned = "", (new, time.monotonic())
        self._is_unsaved = True
        self.bind()
        self._notify(f"MIDI: learned {new.line()}")

    def forget(self, address: str) -> None:
        """Unmap an address.

        Raises:
            ValueError: nothing is mapped to it.
        """
        with self._lock:
            kept = self._without(address)
            if len(kept) == len(self.entries):
                raise ValueError(f"nothing is mapped to {address}")
            self.entries, self._is_unsaved = kept, True
            self.bind()

    def _without(self, address: str) -> list[Entry]:
        addresses = {binding.entry: binding.node.address for binding in self._bindings}
        return [e for e in self.entries if address not in (e.address, addresses.get(e))]

    def save(self) -> None:
        """Write the map, in one step, if it changed and its path is known."""
        with self._lock:
            text = HEAD + ("".join(f"- {e.line()}\n" for e in self.entries) or "[]\n")
            unsaved, self._is_unsaved = self._is_unsaved, False
        if not unsaved or self.path is None:
            return
        try:
            with one_line_errors(self.path), atomically(self.path) as part:
                part.write_text(text, "utf-8")
        except OSError as error:
            self._say(f"MIDI: the map is not saved: {error}")

    # What goes out.

    def feed_back(self) -> None:
        """Send outputs what they do not know; what a fader was moved to is not sent back to it.

        A pad gets its own toggles, too: it does not know what they came to.
        """
        with self._lock:
            shown = [b for b in self._bindings if b.node.readable]
            values = self.control.read_all({b.node.address: b.node for b in shown}.values())
            for binding in shown:
                value = values[binding.node.address]
                raw = raw_of(binding, float(value[0] or 0))
                if value != binding.written:
                    binding.written = None  # somebody else moved it
                is_its_own = binding.written is not None and binding.mode != "toggle"
                for name, knows in list(self._knows.items()):
                    if knows.get(binding.entry) == raw:
                        continue
                    if not is_its_own or binding.entry not in knows:
                        self._send(name, messages_of(binding.entry, raw))
                    knows[binding.entry] = raw

    def _send(self, name: str, messages: list[list[int]]) -> None:
        try:
            for message in messages:
                self._outputs[name].send(message)
                self.counts.sent += 1
        except Exception:  # whatever it is, the next look opens all anew
            self._is_broken = True

    # Ports that come and go.

    def refresh_ports(self) -> None:
        """Open ports that are there, close those that are gone."""
        position = self.control.mixer.position
        stands_still, self._position = position == self._position, position
        if stands_still or self._is_broken:
            is_alive = self._ports is not None and self._ports.is_alive()
            if self._is_broken or not is_alive:
                self._let_go(is_alive)
        self._is_broken = False
        if self._ports is None:
            try:
                self._ports = open_ports(self._backend)
            except ValueError as error:
                self._trouble = str(error)
                self._say(f"MIDI: {error}; it goes on without")
                return
            self._trouble = ""
        before, ports = self.state(), self._ports
        if self._update("inputs", ports.inputs(), self._inputs, ports.open_input):
            with self._lock:
                for binding in self._bindings:  # nobody knows where its fader is now
                    binding.position, binding.picked_up = None, False
        self._update("outputs", ports.outputs(), self._outputs, ports.open_output)
        for name in self._knows.keys() - self._outputs.keys():
            del self._knows[name]
        for name in self._outputs.keys() - self._knows.keys():
            self._knows[name] = {}
        if self.state() != before:
            self._say(f"MIDI: {self.state()}")

    def _update(
        self, kind: str, names: list[str], ports: dict[str, P], opener: Callable[[str], P]
    ) -> bool:
        """Open new ports, close vanished ones; returns True if any was opened."""
        wanted = self._wanted[kind]
        found = {name for name in names if is_wanted(name, wanted)}
        if self._ports and self._ports.has_own:
            found.add(OWN)
        for name in ports.keys() - found:
            close_quietly(ports.pop(name))
        fresh = found - ports.keys()
        for name in fresh:
            try:
                ports[name] = opener(name)
            except Exception as error:  # gone again, or somebody else's alone
                self._say(f"MIDI: {name}: {' '.join(str(error).split())}")
        return bool(fresh & ports.keys())

    def _let_go(self, is_alive: bool) -> None:
        for port in (*self._inputs.values(), *self._outputs.values()):
            if is_alive:
                close_quietly(port)
            else:
                port.abandon()
        self._inputs, self._outputs, self._knows, self._ports = {}, {}, {}, None

    def state(self) -> str:
        """Open ports, or why there are none; one line."""
        if self._ports is None:
            return self._trouble
        heard, shown = (", ".join(sorted(names)) for names in (self._inputs, self._outputs))
        return f"hears {heard or 'nothing'}; shows {shown or 'nothing'}"

    def _run(self) -> None:
        fed = looked = -LOOK_SECONDS
        while not self._closing.wait(POLL_SECONDS if self._inputs else FEEDBACK_SECONDS):
            now = time.monotonic()
            try:
                self.hear()
                if now - fed >= FEEDBACK_SECONDS:
                    fed = now
                    self.feed_back()
                if now - looked >= LOOK_SECONDS:
                    looked = now
                    self.save()
                    self.refresh_ports()
            except Exception as error:  # of a system or a driver; the next look may be better
                self._say(f"MIDI: {' '.join(str(error).split())}")

    def hear(self) -> None:
        """Dispatch queued messages."""
        for name, port in self._inputs.items():
            try:
                messages = port.read()
            except Exception as error:  # of a driver; the next look opens all anew
                self._is_broken = True
                self._say(f"MIDI: {name}: {' '.join(str(error).split())}")
                continue
            for message in messages:
                self.receive(message)

    def close(self) -> None:
        """Save the map, close the ports."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._background.finish(0.0)
        self.save()
        if self._ports:
            self._let_go(self._ports.is_alive())

    def __enter__(self) -> "MidiBridge":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def nodes(self) -> list[Node]:
        """For `bridge.control.tree.ControlTree`."""
        base = f"{ROOT}/midi"
        return [
            Node(
                f"{base}/learn",
                "s",
                "The address that the next control or note to move is mapped to; empty for none.",
                read=lambda: (self._learning,),
                write=lambda args: self.learn(str(args[0])),
            ),
            Node(
                f"{base}/forget",
                "s",
                "Unmaps an address.",
                write=lambda args: self.forget(str(args[0])),
            ),
            Node(
                f"{base}/map",
                "s*",
                "What controls and notes do, as lines of YAML.",
                read=lambda: tuple(entry.line() for entry in self.entries),
            ),
            Node(
                f"{base}/state",
                "s",
                "The MIDI ports that are open, or why none is.",
                read=lambda: (self.state(),),
            ),
        ]
