"""MIDI ports of the system or of JACK, by python-rtmidi; they may come and go."""

import ctypes
import importlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from restem.models.errors import one_line

CLIENT, OWN = "restem midi", "restem"  # our names among the system's ports

SEQUENCER = "/dev/snd/seq"  # ALSA's
THROUGH = "Midi Through"  # it would send back to us what we send
MISSING = "python-rtmidi is not installed: pip install 'restem[midi]'"


class Port(Protocol):
    """An open port; an input is read, an output is sent to. It may raise whatever it likes."""

    def read(self) -> list[list[int]]: ...
    def send(self, message: list[int]) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class Ports(Protocol):
    """The system's MIDI ports; `OWN` is the name of ours, if there is such a thing."""

    has_own: bool

    def inputs(self) -> list[str]: ...
    def outputs(self) -> list[str]: ...
    def open_input(self, name: str) -> Port: ...
    def open_output(self, name: str) -> Port: ...
    def is_alive(self) -> bool: ...


class RtPort:
    """A port of python-rtmidi."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> list[list[int]]:
        messages = []
        while event := self._port.get_message():
            messages.append(event[0])
        return messages

    def send(self, message: list[int]) -> None:
        self._port.send_message(message)

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()

    def abandon(self) -> None:
        """Leave the port open for ever: closing a client of a dead JACK server may crash."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._port))


class RtMidi:
    """Ports by python-rtmidi.

    Raises:
        ValueError: there is no MIDI here; one line.
    """

    def __init__(self, backend: str | None) -> None:
        try:
            self._rtmidi: Any = importlib.import_module("rtmidi")
        except ImportError as error:
            raise ValueError(MISSING) from error
        rtmidi = self._rtmidi
        apis = rtmidi.get_compiled_api()
        self._api = rtmidi.API_UNIX_JACK if backend == "jack" else (apis or [None])[0]
        self._is_jack = self._api == rtmidi.API_UNIX_JACK
        self.has_own = self._api != rtmidi.API_WINDOWS_MM
        if self._api not in apis:
            raise ValueError(f"python-rtmidi was built without {backend or 'any system'}")
        if self._api == rtmidi.API_LINUX_ALSA and not Path(SEQUENCER).exists():
            raise ValueError(f"no {SEQUENCER} here: load the kernel's snd-seq, or use JACK's MIDI")
        if self._is_jack:
            os.environ.setdefault("JACK_NO_START_SERVER", "1")
            _quiet(rtmidi)
        try:
            self._in, self._out = self._new(rtmidi.MidiIn), self._new(rtmidi.MidiOut)
        except Exception as error:
            text = "no JACK server runs here" if self._is_jack else one_line(error)
            raise ValueError(text) from error

    def _new(self, kind: Any, name: str = CLIENT) -> Any:
        return kind(self._api, name=name)

    def inputs(self) -> list[str]:
        return list(self._in.get_ports())

    def outputs(self) -> list[str]:
        return list(self._out.get_ports())

    def open_input(self, name: str) -> Port:
        return self._open(self._in, self._rtmidi.MidiIn, name)

    def open_output(self, name: str) -> Port:
        return self._open(self._out, self._rtmidi.MidiOut, name)

    def _open(self, own: Any, kind: Any, name: str) -> Port:
        if name == OWN:
            own.open_virtual_port(OWN)
            return RtPort(own)
        port = self._new(kind)
        port.open_port(port.get_ports().index(name), OWN)
        return RtPort(port)

    def is_alive(self) -> bool:
        """True if the server still knows our own port: with JACK only a new client can
        tell, so it is asked while the music stands still."""
        if not self._is_jack:
            return True
        try:
            probe = self._new(self._rtmidi.MidiIn, f"{CLIENT} probe")
        except Exception:  # no server
            return False
        is_known = any(name.endswith(f":{OWN}") for name in probe.get_ports())
        probe.delete()
        return is_known


open_ports: Callable[[str | None], Ports] = RtMidi
_Told = ctypes.CFUNCTYPE(None, ctypes.c_char_p)
_SILENCE = _Told(lambda text: None)  # for ever: the library keeps its address


def _quiet(rtmidi: Any) -> None:
    """The wheels' own copy of JACK's library writes to stderr what its calls answer anyway."""
    for path in Path(rtmidi.__file__).parents[1].glob("python_rtmidi*/libjack*"):
        library = ctypes.CDLL(str(path))
        library.jack_set_error_function(_SILENCE)
        library.jack_set_info_function(_SILENCE)


def is_wanted(name: str, wanted: str | None) -> bool:
    """True for a port to open: none of ours nor, by default, MIDI Through: they would echo."""
    if name.startswith(CLIENT) or (wanted is None and THROUGH in name):
        return False
    return wanted is None or (bool(wanted) and wanted.lower() in name.lower())


def close_quietly(port: "Port") -> None:
    with suppress(Exception):  # it is gone
        port.close()
