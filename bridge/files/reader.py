"""A mix: an audio file that is read block by block, checked and never changed.

Shape letters: `c` channel, `n` sample.
"""

import errno
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import soundfile

from restem.streamer.resampler import Audio

BLOCK = 2**15  # samples read at once
SAMPLE_RATES = (8000, 192000)  # Hz
UNRECOGNISED, UNSUPPORTED = 1, 4  # libsndfile: format not recognised, encoding not supported
REMEDIES = {
    errno.ENOENT: "check the name",
    errno.EACCES: "change its permissions or choose another folder",
    errno.EEXIST: "a file has the folder's name; choose another folder",
    errno.EROFS: "choose another folder",
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "free some space or choose another folder",
    errno.EFBIG: "choose another folder or a smaller format",
}


class SoundFileSource:
    """Audio that libsndfile decodes: WAV, AIFF, FLAC, Ogg, MP3 and many more."""

    def __init__(self, path: Path) -> None:
        self._file = soundfile.SoundFile(native(path))
        self.sample_rate, self.channels = self._file.samplerate, self._file.channels
        self.frames = self._file.frames
        if self.frames > 2**62:  # a FLAC that went through a pipe: it opens, but does not play
            self.close()
            raise soundfile.LibsndfileError(UNSUPPORTED)
        if self._file.format == "MP3":
            self.frames = _mp3_frames(path, self.frames)

    def read(self, count: int) -> Audio:
        frames: Audio = self._file.read(count, dtype="float32", always_2d=True)
        return frames.T

    def close(self) -> None:
        self._file.close()


def _mp3_frames(path: Path, promised: int) -> int:
    """Count an MP3's samples by decoding it; libsndfile guesses, and reads no further than that.

    Raises:
        ValueError: the file is cut short, or goes on beyond the guess.
    """
    counted = 0
    with soundfile.SoundFile(native(path)) as file:
        buffer = np.empty((BLOCK, file.channels), np.float32)
        while count := len(file.read(out=buffer)):
            counted += count
    if not _mp3_tells_length(path):
        if counted >= promised:
            raise ValueError(
                f"{path}: is an MP3 that does not tell its length; convert it to WAV or FLAC first"
            )
    elif promised - counted > 2 * 1152:  # some encoders count one frame too many
        raise ValueError(
            f"{path}: is cut short, {counted} of {promised} samples are there; get a whole copy"
        )
    return counted


def _mp3_tells_length(path: Path) -> bool:
    """True if the first frame after an ID3 tag holds the length."""
    with path.open("rb") as file:
        head = file.read(10)
        start = 0
        if head.startswith(b"ID3"):
            start = 10 + sum(byte << 7 * place for place, byte in enumerate(head[:5:-1]))
        file.seek(start)
        frame = file.read(4096)
    return b"Xing" in frame or b"Info" in frame


class PedalboardSource:
    """Audio that pedalboard decodes with the codecs of the platform."""

    def __init__(self, path: Path) -> None:
        from pedalboard.io import AudioFile  # half a second, and rarely needed

        self._file = AudioFile(str(path))
        self.sample_rate, self.channels = int(self._file.samplerate), self._file.num_channels
        self.frames = self._file.frames

    def read(self, count: int) -> Audio:
        audio: Audio = self._file.read(count)
        return audio

    def close(self) -> None:
        self._file.close()


Source = SoundFileSource | PedalboardSource


class MixReader:
    """A mix on disk, read once, from its first sample to its last.

    Attributes:
        path: the file.
        sample_rate: Hz.
        channels: 1 or 2.
        frames: samples of each channel.
        bad_samples: NaN and Inf samples replaced by silence so far.
        first_bad_seconds: when the first of them was due, None if there was none.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path, self.frames = path, source.frames
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.bad_samples = 0
        self.first_bad_seconds: float | None = None
        self._source = source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Audio]:
        """Yield [c, n] float32, n at most `BLOCK`.

        Raises:
            ValueError: the file ends or breaks before its last sample.
        """
        done = 0
        while done < self.frames:
            block = self._read(min(BLOCK, self.frames - done), done)
            yield self._silence_bad(block, done)
            done += block.shape[1]

    def _read(self, count: int, done: int) -> Audio:
        reason = "nothing follows"
        try:
            block = self._source.read(count)
            if block.shape[1]:
                return block
        except RuntimeError as error:  # libsndfile's and JUCE's kind
            reason = str(error).strip(" .")
        there, promised = done / self.sample_rate, self.frames / self.sample_rate
        raise ValueError(
            f"{self.path}: is damaged after {there:.1f} of {promised:.1f} s ({reason}); "
            "get a whole copy"
        )

    def _silence_bad(self, block: Audio, done: int) -> Audio:
        bad = ~np.isfinite(block)
        if not bad.any():
            return block
        if self.first_bad_seconds is None:
            self.first_bad_seconds = (done + int(bad.any(axis=0).argmax())) / self.sample_rate
        self.bad_samples += int(bad.sum())
        return np.where(bad, np.float32(0), block)


def open_mix(path: str | Path) -> MixReader:
    """Open a mono or stereo file: with libsndfile, or with pedalboard what that does not know.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is empty, cut short, no audio, or audio that does not fit.
    """
    path = Path(path)
    with one_line_errors(path):
        if path.is_dir():
            raise IsADirectoryError(f"{path}: is a folder; name an audio file")
        if path.exists() and not path.is_file():
            raise OSError(f"{path}: is not a regular file; save the audio to one first")
        with path.open("rb") as file:
            _check_whole(path, file)
    source = _open_source(path)
    try:
        _check_source(path, source)
    except ValueError:
        source.close()
        raise
    return MixReader(path, source)


def _check_whole(path: Path, file: BinaryIO) -> None:
    """Hold a WAV's or an AIFF's header against the file: decoders would play what is there."""
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise ValueError(f"{path}: is empty; export it again")
    end = _promised_end(file)
    if end is not None and end > size:
        raise ValueError(
            f"{path}: is cut short, {end - size} of the {end} bytes that its header promises are "
            "missing; get a whole copy"
        )


def _promised_end(file: BinaryIO) -> int | None:
    """End of the audio of a WAV or an AIFF, in bytes; None for other or open-ended files."""
    orders = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}
    order = orders.get(file.read(12)[:4])
    long_size: int | None = None  # RF64's, for sizes that have no room in 32 bits
    while order and len(head := file.read(8)) == 8:
        name: bytes = head[:4]
        size: int = struct.unpack(f"{order}I", head[4:])[0]
        after = file.tell() + size + size % 2
        if name in (b"data", b"SSND"):
            if long_size is not None:
                return file.tell() + long_size
            return None if _is_open_ended(size) else file.tell() + size
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            long_size = struct.unpack("<8xQ", sizes)[0]
        file.seek(after)
    return None


def _is_open_ended(size: int) -> bool:
    """True for sizes near 2 or 4 GiB, which programs that write to a pipe put for "unknown"."""
    return abs(size - 2**31) <= 2**12 or size >= 2**32 - 2**8


def _open_source(path: Path) -> Source:
    try:
        return SoundFileSource(path)
    except soundfile.LibsndfileError as error:
        code, reason = error.code, error.error_string.strip(" .")
    # Not for damaged files: pedalboard fills up with silence what they lack.
    if code in (UNRECOGNISED, UNSUPPORTED):
        with suppress(ValueError, RuntimeError, OSError):
            return PedalboardSource(path)
    raise ValueError(f"{path}: cannot be read as audio ({reason}); convert it to WAV or FLAC first")


def _check_source(path: Path, source: Source) -> None:
    low, high = SAMPLE_RATES
    if source.frames == 0:
        raise ValueError(f"{path}: has no samples; export it again")
    if source.channels > 2:
        raise ValueError(
            f"{path}: has {source.channels} channels; down-mix it to mono or stereo first"
        )
    if not low <= source.sample_rate <= high:
        raise ValueError(
            f"{path}: has a sample rate of {source.sample_rate} Hz, outside {low} to {high}; "
            "resample it first"
        )


def native(path: Path) -> str | bytes:
    """A path for libsndfile; outside Windows a file's name may be no valid Unicode."""
    return str(path) if sys.platform == "win32" else os.fsencode(path)


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Re-raise the system's errors as `PATH: what is wrong; what to do`."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # one of our own lines
            raise
        raise named(path, error) from error


def named(path: Path, error: OSError) -> OSError:
    """The system's error as `one_line` tells it, of the same kind and number."""
    remedy = REMEDIES.get(error.errno or 0)
    line = type(error)(f"{path}: {error.strerror}" + (f"; {remedy}" if remedy else ""))
    line.errno = error.errno
    return line
