"""The transport of a session without a device: sources of blocks, played one after the other."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from restem.bridge.files.reader import open_mix
from restem.streamer.engine.rings import Audio
from restem.streamer.resampler import Resampler

LONGEST_SECONDS = 3600.0  # of a file, which is held in memory


class Block(NamedTuple):
    """The mix's next frames, [c, n]."""

    audio: Audio
    position: int  # of the first frame, as its source counts
    fresh: bool  # nothing that was heard before belongs to it


class Source(Protocol):
    """Provider of the mix; `read` is called in the clock's thread."""

    @property
    def name(self) -> str: ...
    @property
    def paced(self) -> bool:
        """True if read in real time, not as fast as the worker follows."""

    @property
    def over(self) -> bool:
        """True if nothing follows."""

    def read(self, count: int) -> Block | None:
        """So many frames, or None as long as there are none."""


Listener = Callable[[Block, Audio], None]  # what was heard, and [bus, 2, n] that came out


class Transport:
    """A file, where it plays, and whether; silence while it does not. Any thread may call it.

    Args:
        sample_rate: Hz, to which files are converted.
        channels: of the mix; a mono file is on all of them.
    """

    paced, over = True, False

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.sample_rate, self.channels = sample_rate, channels
        self.path = ""
        self.loop = False
        self._audio = np.zeros((channels, 0), np.float32)
        self._lock = threading.Lock()
        self._position = self._given = 0  # frames: in the file, and of all blocks so far
        self._playing = self._fresh = False

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def playing(self) -> bool:
        return self._playing

    @property
    def seconds(self) -> float:
        """Position of the next frame in the file."""
        return self._position / self.sample_rate

    @property
    def length_seconds(self) -> float:
        return self._audio.shape[1] / self.sample_rate

    def load(self, path: str) -> None:
        """Take another file, stopped at its beginning; may take seconds.

        Raises:
            OSError, ValueError: see `read_audio`; the old one stays.
        """
        audio = read_audio(path, self.sample_rate, self.channels)
        with self._lock:
            self._audio, self.path = audio, path
            self._position, self._playing = 0, False

    def play(self) -> None:
        """Begin where it stands, or at the beginning if that is the end.

        Raises:
            ValueError: there is no file.
        """
        with self._lock:
            length = self._audio.shape[1]
            if not length:
                raise ValueError("there is no file to play; send /restem/transport/load PATH first")
            if not self._playing:
                self._position %= length
                self._playing = self._fresh = True

    def stop(self) -> None:
        with self._lock:
            self._playing = False

    def locate(self, seconds: float) -> None:
        """Go to the sample next to a time.

        Raises:
            ValueError: it is not in the file.
        """
        with self._lock:
            if not 0 <= seconds <= self.length_seconds:
                raise ValueError(
                    f"position must be in [0, {self.length_seconds:.3f}] s, got {seconds:g}"
                )
            self._position = min(round(seconds * self.sample_rate), self._audio.shape[1])
            self._fresh = self._playing

    def read(self, count: int) -> Block:
        with self._lock:
            block, done = np.zeros((self.channels, count), np.float32), 0
            while self._playing and done < count:
                part = self._audio[:, self._position : self._position + count - done]
                block[:, done : done + part.shape[1]] = part
                done += part.shape[1]
                self._position += part.shape[1]
                if self._position == self._audio.shape[1]:
                    self._playing = self.loop
                    self._position *= not self.loop
            fresh, self._fresh = self._fresh, False
            self._given += count
            return Block(block, self._given - count, fresh)


def read_audio(path: str, sample_rate: int, channels: int) -> Audio:
    """A whole file, [channels, n], converted to a sample rate.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no audio that fits, or longer than an hour.
    """
    with open_mix(Path(path).expanduser()) as mix:
        seconds = mix.frames / mix.sample_rate
        if seconds > LONGEST_SECONDS:
            raise ValueError(
                f"{path}: lasts {seconds / 60:.0f} minutes, and files up to "
                f"{LONGEST_SECONDS / 60:.0f} are held in memory; cut it, or stream it"
            )
        resampler = Resampler(mix.sample_rate, sample_rate, mix.channels)
        parts = [resampler.process(block) for block in mix]
        parts.append(resampler.process(np.zeros((mix.channels, 0), np.float32), last=True))
    audio = np.concatenate(parts, axis=1)
    return np.ascontiguousarray(np.broadcast_to(audio, (channels, audio.shape[1])))
