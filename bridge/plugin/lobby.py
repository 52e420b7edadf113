"""The lobby: shared memory of a fixed name, where plugins in DAWs and the service meet.

    plugin ──► its slot: rate, block, profile, values of its parameters, a heartbeat
    service ─► its slot: the latency at once, the rings' name once they are there, values, a line

Every word has one writer, the plugin or the service; only `Slot.CLAIM` has both: a plugin claims a
free slot by compare-and-swap, and the service frees it once the plugin has left or is gone. Whoever
writes stores the fields first, then a serial number (release); whoever reads loads the number
(acquire), then the fields. A side whose heartbeat stands still is gone.

The segment, little-endian, for clients in other languages; `abi` makes a C++ header of it:

    byte 0      int64   MAGIC, written last
    byte 8      int64   one for each `Head`, in its order
    byte 4096   16 slots of 4096 bytes, in each
        byte 0      int64   one for each `Slot`; plugin's and service's on cache lines of their own
        byte 256    text    profile that is wanted, UTF-8, ended by a zero
        byte 512    text    name of the rings
        byte 640    text    a line for people: why there are none, or what is wrong
        byte 1024   float64 [128] parameters as the host has them
        byte 2048   float64 [128] parameters as the mixer has them
"""

import mmap
import os
import sys
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restem.streamer.atomics import Words, load_acquire, store_release

MAGIC = int.from_bytes(b"RESTEML\x01", "little")
VERSION = 1
SLOTS, SLOT_WORDS = 16, 512
SLOTS_AT = 512  # int64
VALUES = 128  # parameters, at most
HOST_VALUES_AT, MIXER_VALUES_AT = 128, 256  # int64 in a slot
PROFILE_AT, PROFILE_BYTES = 256, 256  # bytes in a slot
RINGS_AT, RINGS_BYTES = 512, 128
MESSAGE_AT, MESSAGE_BYTES = 640, 384
LEAVING = -1  # a request: the plugin ends
NAME_VARIABLE = "RESTEM_LOBBY"  # of the environment: another lobby's name, for tests


class Head(IntEnum):
    """Word of the lobby itself, all of the service."""

    VERSION = 1
    ABI = 2  # `abi.abi_hash` of the service
    PID = 3
    BEAT = 8  # goes up while the service lives


class Slot(IntEnum):
    """Word of a slot."""

    CLAIM = 0  # 0: free; else the plugin's token, which no other plugin has
    # Of the plugin.
    BEAT = 8  # goes up while it lives
    REQUEST = 9  # number of its newest request, from 1 on, or `LEAVING`; the three below are its
    RATE = 10  # Hz
    BLOCK = 11  # frames of a process call, at most
    LATENCY = 12  # frames that it has reported to its host
    HOST_SERIAL = 13  # goes up when the host's values have changed
    MIXER_SEEN = 14  # the newest MIXER_SERIAL whose values are among the host's
    # Of the service.
    ANSWERED = 24  # the request that the words below, and the texts, answer
    STATE = 25  # a `State`
    QUOTED = 26  # frames of latency
    WORKER = 27  # whether a worker is there to be waited for
    HOST_SEEN = 28  # the newest HOST_SERIAL that the mixer has followed
    MIXER_SERIAL = 29  # goes up when the mixer's values have changed
    STEMS = 30  # bits: which of the plugin's stems the profile has


class State(IntEnum):
    """State of a request."""

    NONE = 0
    STARTING = 1  # the latency is right, the engine is being built
    READY = 2  # the rings are there
    FAILED = 3  # the message says why
    FULL = 4  # so it does: there is no room on this machine; asked again once another has left


def lobby_name() -> str:
    """Name of this user's lobby."""
    return os.environ.get(NAME_VARIABLE) or f"restem-lobby-{os.getuid()}-v{VERSION}"


class LobbyTakenError(ValueError):
    """A service runs already."""


class Lobby:
    """A mapped lobby.

    A plugin that is killed, or a service, leaves no trace that would hinder the next: the service
    holds a lock on the segment, which the system takes away with it, and a new one replaces what
    an old one left. Python's resource tracker, which removes what a killed process had made, does
    not know of it: it would remove the successor's.

    Args:
        serve: be the service, and make it; otherwise attach to the one that is there.
        abi: `abi.abi_hash`, for the service.

    Raises:
        LobbyTakenError: there is a service already.
        FileNotFoundError: there is none to attach to.
        ValueError: the system has no such memory, or the lobby is another user's or another kind.
    """

    def __init__(self, serve: bool = False, abi: int = 0) -> None:
        if sys.platform == "win32":
            raise ValueError("the plugin's service needs POSIX shared memory; not on Windows yet")
        self.name, self._serves = lobby_name(), serve
        self._file = self._make() if serve else _open(self.name, os.O_RDWR)
        size = 8 * (SLOTS_AT + SLOTS * SLOT_WORDS)
        if serve:
            os.ftruncate(self._file, size)
        found = os.fstat(self._file)
        if found.st_uid != os.getuid() or found.st_size < size:
            os.close(self._file)
            raise ValueError(f"{self.name}: another user's, or no lobby of restem")
        memory = mmap.mmap(self._file, size)
        self.words: Words = np.frombuffer(memory, np.int64)
        self._bytes: NDArray[np.uint8] = np.frombuffer(memory, np.uint8)
        if serve:
            self.words[Head.VERSION], self.words[Head.ABI] = VERSION, abi
            self.words[Head.PID] = os.getpid()
            store_release(self.words, 0, MAGIC)
        elif load_acquire(self.words, 0) != MAGIC or self.words[Head.VERSION] != VERSION:
            os.close(self._file)
            raise ValueError(f"{self.name}: no lobby of restem, or of another version")

    def _make(self) -> int:
        """Make the segment, in place of what a service that is gone has left."""
        import fcntl

        taken = LobbyTakenError(
            "a service runs already, for all plugins of this user: end it first, or use it"
        )
        try:
            old = _open(self.name, os.O_RDWR)
        except FileNotFoundError:
            pass
        else:
            try:
                fcntl.flock(old, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise taken from None
            else:
                _unlink(self.name)
            finally:
                os.close(old)
        try:
            file = _open(self.name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            raise taken from None
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file

    def slot(self, number: int) -> Words:
        """[SLOT_WORDS] of a slot."""
        begin = SLOTS_AT + number * SLOT_WORDS
        return self.words[begin : begin + SLOT_WORDS]

    def values(self, number: int, at: int) -> NDArray[np.float64]:
        """[VALUES] at a word of a slot."""
        return self.slot(number)[at : at + VALUES].view(np.float64)

    def text(self, number: int, at: int, size: int) -> str:
        """Text of a slot; what is no UTF-8 is replaced."""
        begin = 8 * (SLOTS_AT + number * SLOT_WORDS) + at
        return bytes(self._bytes[begin : begin + size]).partition(b"\0")[0].decode(errors="replace")

    def write_text(self, number: int, at: int, size: int, text: str) -> None:
        """Write a text, cut where it is too long."""
        begin = 8 * (SLOTS_AT + number * SLOT_WORDS) + at
        written = text.encode()[: size - 1].decode(errors="ignore").encode()
        self._bytes[begin : begin + size] = np.frombuffer(written.ljust(size, b"\0"), np.uint8)

    def beat(self) -> None:
        """Show that the service lives."""
        store_release(self.words, Head.BEAT, int(self.words[Head.BEAT]) + 1)

    def close(self) -> None:
        """Unlock it; the service also removes it. Views of it stay valid."""
        if self._serves:
            _unlink(self.name)
        os.close(self._file)


def _open(name: str, flags: int) -> int:
    file: int = _posixshmem().shm_open(f"/{name}", flags, mode=0o600)
    return file


def _unlink(name: str) -> None:
    _posixshmem().shm_unlink(f"/{name}")


def _posixshmem() -> Any:
    """Python's own module below `multiprocessing.shared_memory`, which has no resource tracker."""
    return import_module("_posixshmem")


def process_lives(pid: int) -> bool:
    """True unless there is no such process here; another namespace's is not seen."""
    return not Path("/proc").is_dir() or Path(f"/proc/{pid}").exists()
