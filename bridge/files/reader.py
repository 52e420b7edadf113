"""A mix: an audio file that is read block by block, checked and never changed.

Shape letters: `c` channel, `n` sample.
"""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np
import soundfile

from restem.bridge.files.containers import check_whole, has_lost_its_size, links
from restem.bridge.files.downmix import stereo_matrix
from restem.bridge.files.sources import (
    ArraySource,
    AvSource,
    ChainSource,
    SoundFileSource,
    Source,
    is_mp3,
)
from restem.streamer.resampler import Audio

BLOCK = 2**15  # samples read at once
SAMPLE_RATES = (8000, 192000)  # Hz
REMEDIES = {
    errno.ENOENT: "check the name",
    errno.EACCES: "change its permissions or choose another folder",
    errno.EEXIST: "a file has the folder's name; choose another folder",
    errno.ENOTDIR: "a file stands where a folder should be; choose another folder",
    errno.EROFS: "choose another folder",
    errno.ENOSPC: "free some space or choose another folder",
    errno.EDQUOT: "free some space or choose another folder",
    errno.EFBIG: "choose another folder or a smaller format",
}


class MixReader:
    """A mix on disk, read once, from its first sample to its last.

    Attributes:
        path: the file.
        sample_rate: Hz.
        channels: 1 or 2.
        frames: samples of each channel.
        start: the first of them, in the file.
        peak: the largest magnitude so far.
        bad_samples: NaN and Inf samples of the file replaced by silence so far.
        first_bad_seconds: when the first of them was due, None if there was none.

    Raises:
        ValueError: it does not fit.
    """

    def __init__(self, path: Path, source: Source, downmix: bool = False) -> None:
        self.path, self.frames = path, source.frames
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.bad_samples, self.peak = 0, 0.0
        self.first_bad_seconds: float | None = None
        self._source = source
        self.start = 0
        self._matrix: Audio | None = None  # to stereo
        self._check(downmix)

    def _check(self, downmix: bool) -> None:
        low, high = SAMPLE_RATES
        if self.frames == 0:
            raise ValueError(f"{self.path}: has no samples; export it again")
        if self.channels > 2:
            self._mix_down(downmix)
        if not low <= self.sample_rate <= high:
            raise ValueError(
                f"{self.path}: has a sample rate of {self.sample_rate} Hz, outside {low} to "
                f"{high}; resample it first"
            )

    def _mix_down(self, wanted: bool) -> None:
        if not wanted:
            raise ValueError(
                f"{self.path}: has {self.channels} channels; down-mix it to mono or stereo first, "
                "or render it with --downmix (downmix=True in Python)"
            )
        try:
            self._matrix = stereo_matrix(self.channels, self._source.speakers)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}; down-mix it to stereo first") from error
        self.channels = 2

    def select(self, start: float, duration: float | None = None) -> None:
        """Restrict the mix to a part, before it is read.

        Args:
            start, duration: seconds; up to the end if there is less, or for None.

        Raises:
            ValueError: there is nothing from `start` on.
        """
        first = round(start * self.sample_rate)
        if first >= self.frames:
            lasts = self.frames / self.sample_rate
            raise ValueError(f"{self.path}: lasts {lasts:.2f} s; begin before, not at {start:g} s")
        self.start, self.frames = first, self.frames - first
        if duration is not None:
            self.frames = min(self.frames, max(1, round(duration * self.sample_rate)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Audio]:
        """Yield [c, n] float32, n at most `BLOCK`.

        Raises:
            ValueError: the file ends or breaks before its last sample.
        """
        done = -self.start
        while done < 0:
            done += self._read(min(BLOCK, -done), done).shape[1]
        while done < self.frames:
            block = self._read(min(BLOCK, self.frames - done), done)
            sound = self._silence_bad(block, done)
            if self._matrix is not None:  # einsum: a sample's sum does not depend on its block
                sound = np.einsum("sc,cn->sn", self._matrix, sound)
            self.peak = max(self.peak, float(np.abs(sound).max()))
            yield sound
            done += block.shape[1]

    def _read(self, count: int, done: int) -> Audio:
        reason = "nothing follows"
        try:
            block = self._source.read(count)
            if block.shape[1]:
                return block
        except RuntimeError:  # libsndfile's kind, and FFmpeg's
            reason = "the rest cannot be decoded"
        there = (self.start + done) / self.sample_rate
        promised = (self.start + self.frames) / self.sample_rate
        raise ValueError(
            f"{self.path}: is damaged after {there:.1f} of {promised:.1f} s ({reason}); "
            "get a whole copy"
        )

    def _silence_bad(self, block: Audio, done: int) -> Audio:
        bad = ~np.isfinite(block)
        if not bad.any():
            return block
        if self.first_bad_seconds is None:
            at = self.start + done + int(bad.any(axis=0).argmax())
            self.first_bad_seconds = at / self.sample_rate
        self.bad_samples += int(bad.sum())
        return np.where(bad, np.float32(0), block)


def open_mix(path: str | Path, downmix: bool = False) -> MixReader:
    """Open a mono or stereo file: with libsndfile, or with FFmpeg what that does not know.

    Args:
        path: the file.
        downmix: mix more than two channels down to stereo, as `stereo_matrix` says.

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
            check_whole(path, file)
    source = _open_source(path)
    try:
        return MixReader(path, source, downmix)
    except ValueError:
        source.close()
        raise


def open_array(audio: Audio, sample_rate: int, downmix: bool = False) -> MixReader:
    """Read [c, n] in memory as a file is read, more than two channels in the order of a WAV.

    Raises:
        ValueError: it has no samples, more than two channels, or a sample rate out of range.
    """
    return MixReader(Path("mix"), ArraySource(audio, sample_rate), downmix)


def _open_source(path: Path) -> Source:
    with path.open("rb") as file:
        spans = links(path, file)
        lost_size = has_lost_its_size(file)
    if lost_size:
        warnings.warn(
            f"{path}: its header gives no length; it is read to the end of the file", stacklevel=3
        )
    elif not is_mp3(path) and path.suffix.lower() != ".mp3":  # libsndfile goes by the name, too
        with suppress(soundfile.LibsndfileError):
            return ChainSource(path, spans) if len(spans) > 1 else SoundFileSource(path)
    return AvSource(path)


@contextmanager
def one_line_errors(path: Path) -> Iterator[None]:
    """Re-raise the system's errors as `PATH: what is wrong; what to do`."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # one of our own lines
            raise
        raise explain_os_error(path, error) from error


def explain_os_error(path: Path, error: OSError) -> OSError:
    """The system's error as `one_line` tells it, of the same kind and number."""
    remedy = REMEDIES.get(error.errno or 0)
    line = type(error)(f"{path}: {error.strerror}" + (f"; {remedy}" if remedy else ""))
    line.errno = error.errno
    return line


def explain_failed_write(path: Path, reason: str) -> OSError:
    """Explain a failed write: codecs know little, the system says more of a file beside it."""
    probe = path.with_name(f"{path.name}.probe")
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(16):
                file.write(bytes(2**16))
    except OSError as error:
        return explain_os_error(path, error)
    finally:
        with suppress(OSError):
            probe.unlink()
    return OSError(
        f"{path}: cannot be written ({reason.strip(' .')}); try another format or folder"
    )
