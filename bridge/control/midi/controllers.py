"""MIDI controllers: faders, knobs and pads to addresses, by a map, and values back to them.

    inputs ──► receive ─ binding: soft takeover, toggle, hold, trigger ──► Control.write
    outputs ◄── feed_back ◄── values that changed from elsewhere ◄──────── Control.read_all

One thread polls the inputs: RtMidi calls back in JACK's realtime thread, where Python must not run.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.background import Background
from restem.bridge.control.midi.learning import LearnedMap
from restem.bridge.control.midi.mapping import (
    RELATIVE,
    Binding,
    Entry,
    messages_of,
    position_of,
    raw_of,
    turned,
    value_at,
)
from restem.bridge.control.midi.messages import DATA, DATA_FINE, Move, Parser
from restem.bridge.control.midi.ports import OWN, Port, Ports, close_quietly, is_wanted, open_ports
from restem.bridge.control.node import Node, RefusalError
from restem.bridge.control.tree import ControlTree

POLL_SECONDS = 0.004
FEEDBACK_SECONDS = 1 / 30
LOOK_SECONDS = 1.0  # between two looks for ports
PICKUP_TOLERANCE = 2 / 127  # so near a value, a fader takes it over
PRESSED = 64  # and above: a pedal or a button is down


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
        self.control, self.counts = control, Counts()
        self._wanted = {"inputs": inputs, "outputs": outputs}
        self._backend, self._notify, self._told = backend, notify, ""
        self.map = LearnedMap(control, map_path, self._say)
        self._lock = self.map.lock
        self._parsers: dict[str, Parser] = {}  # of each input
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
        self.map.bind()
        for entry, reason in self.map.idle.items():
            self._notify(f"MIDI: {reason}; {entry.line()} does nothing")
        self._thread.start()

    # What comes in.

    def receive(self, message: Sequence[int], port: str = "") -> None:
        """Dispatch a message's bytes that came from a port; never raises."""
        self.counts.received += 1
        parser = self._parsers.setdefault(port, Parser())
        move = parser.parse(message)
        if move is None:
            self.counts.ignored += 1
            return
        with self._lock:
            self.map.hear(move, parser.is_parameter(move.channel))
            found = self.map.found(move)
            if move.kind == "nrpn" and not found:  # who maps data changes by hand wants those
                number = DATA_FINE if move.is_fine else DATA
                move = Move("control", move.channel, number, move.value)
                found = self.map.found(move)
            self.counts.ignored += not found
            for binding in found:
                try:
                    self._move(binding, move)
                except Exception as error:  # whatever it is, the next message may be better
                    self.counts.refused += 1
                    self._say(f"MIDI: {' '.join(str(error).split())}")

    def _move(self, binding: Binding, move: Move) -> None:
        is_fine = binding.entry.is_fine(move)
        if binding.kind == "value":
            if binding.entry.relative:
                self._step(binding, move.value)
            else:
                self._turn(binding, move.value, is_fine)
        elif not is_fine:
            self._press(binding, move)

    def _press(self, binding: Binding, move: Move) -> None:
        """Move a button or a switch."""
        was_down, is_note = binding.is_down, move.kind == "note"
        value = move.value >> 7 if move.kind == "pitch" else move.value
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

    def _step(self, binding: Binding, value: int) -> None:
        """Turn an encoder, from where the value is."""
        now = float(self.control.read(binding.node)[0] or 0)
        position = turned(binding, RELATIVE[binding.entry.relative](value), now)
        self._write(binding, (value_at(binding.node, position, binding.max_raw),))

    def _turn(self, binding: Binding, value: int, is_fine: bool) -> None:
        raw = value
        if binding.entry.fine is not None:
            if not is_fine:
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

    # What goes out.

    def feed_back(self) -> None:
        """Send outputs what they do not know; what a fader was moved to is not sent back to it.

        A pad gets its own toggles, too, an encoder its own turns: neither knows what those came to.
        """
        with self._lock:
            shown = [b for b in self.map.bindings if b.node.readable]
            values = self.control.read_all({b.node.address: b.node for b in shown}.values())
            for binding in shown:
                value = values[binding.node.address]
                raw = raw_of(binding, float(value[0] or 0))
                if value != binding.written:
                    binding.written = None  # somebody else moved it
                is_known = binding.mode != "toggle" and not binding.entry.relative
                is_its_own = binding.written is not None and is_known
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
                for binding in self.map.bindings:  # nobody knows where its fader is now
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
                    self.map.save()
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
                self.receive(message, name)

    def close(self) -> None:
        """Save the map, close the ports."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._background.finish(0.0)
        self.map.save()
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
                "The address that the next control to move is mapped to: a control change, a note, "
                "pitch bend or NRPN; empty for none.",
                read=lambda: (self.map.learning,),
                write=lambda args: self.map.learn(str(args[0])),
            ),
            Node(
                f"{base}/forget",
                "s",
                "Unmaps an address.",
                write=lambda args: self.map.forget(str(args[0])),
            ),
            Node(
                f"{base}/map",
                "s*",
                "What controls do, as lines of YAML.",
                read=lambda: tuple(entry.line() for entry in self.map.entries),
            ),
            Node(
                f"{base}/state",
                "s",
                "The MIDI ports that are open, or why none is.",
                read=lambda: (self.state(),),
            ),
        ]
