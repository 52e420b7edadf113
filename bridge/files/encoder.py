"""Compressed stems: m4a, MP3 and Opus by FFmpeg's libraries.

An encoder needs some silence to begin with and fills its last packet up. The containers tell how
much, so that decoders leave it out: an edit list in an m4a, a LAME tag in an MP3, the pre-skip and
the last granule position of an Ogg.

Shape letters: `c` channel, `n` sample.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from restem.bridge.files.reader import explain_failed_write, one_line_errors
from restem.streamer.resampler import Audio, Resampler

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import OutputContainer


@dataclass(frozen=True)
class Codec:
    """One way to compress."""

    encoder: str  # of FFmpeg
    muxer: str
    bitrate: int  # kbit/s of a stereo file, unless another is wanted
    rates: tuple[int, ...]  # Hz


MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
CODECS = {
    "m4a": Codec("aac", "ipod", 256, (*MPEG_RATES, 64000, 88200, 96000)),
    "mp3": Codec("libmp3lame", "mp3", 320, MPEG_RATES),
    "opus": Codec("libopus", "opus", 192, (48000,)),
}


class EncodedFile:
    """One compressed stem on its way to disk; used as `StemFile` is.

    A rate that the codec does not know is converted to the next higher one, or to its highest.

    Args:
        path: where to.
        file_format: one of `CODECS`.
        sample_rate: Hz, of what is written.
        channels, frames: the shape of all audio that will be written.
        bitrate: kbit/s.

    Raises:
        OSError: the file cannot be created.
        ValueError: the codec refuses the bit rate.
    """

    def __init__(
        self,
        path: Path,
        file_format: str,
        sample_rate: int,
        channels: int,
        frames: int,
        bitrate: int | None = None,
    ) -> None:
        self.path, self.frames = path, frames
        self.clipped = self.written = 0
        codec = CODECS[file_format]
        rate = min((r for r in codec.rates if r >= sample_rate), default=codec.rates[-1])
        self._resampler = Resampler(sample_rate, rate, channels)
        self._layout, self._at = ("mono", "stereo")[channels - 1], 0
        with one_line_errors(path):
            self._disk = _Disk(path, "w+")
        self._container, self._stream = self._open(codec, rate, bitrate)

    def _open(
        self, codec: Codec, rate: int, bitrate: int | None
    ) -> "tuple[OutputContainer, AudioStream]":
        import av

        options = {"fflags": "+bitexact"}  # equal renders give equal bytes
        if codec.muxer == "ipod":
            options["movie_timescale"] = f"{rate}"  # its edit list counts samples
        container = av.open(self._disk, "w", format=codec.muxer, options=options)
        stream = container.add_stream(codec.encoder, rate=rate, layout=self._layout)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = 1000 * (bitrate or codec.bitrate * (1 + (self._layout == "stereo")) // 2)
        stream.time_base = Fraction(1, rate)
        return container, stream

    def write(self, audio: Audio) -> None:
        """Append [c, n]; what is beyond full scale is clipped and counted.

        Raises:
            OSError: the disk is full, or fails.
        """
        self.written += audio.shape[1]
        self.clipped += int(np.count_nonzero(np.abs(audio) > 1))
        self._encode(self._resampler.process(audio.clip(-1, 1)))

    def _encode(self, audio: Audio) -> None:
        if audio.shape[1]:
            with self._one_line_errors():
                self._container.mux(self._stream.encode(self._frame(audio)))

    def _frame(self, audio: Audio) -> "AudioFrame":
        import av

        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(audio), format="fltp", layout=self._layout
        )
        frame.sample_rate, frame.pts = self._resampler.target_rate, self._at
        frame.time_base = Fraction(1, self._resampler.target_rate)
        self._at += audio.shape[1]
        return frame

    def finish(self) -> None:
        """Flush the encoder and close the file.

        Raises:
            OSError: the disk is full, or fails.
        """
        rest = np.zeros((self._resampler.channels, 0), np.float32)
        self._encode(self._resampler.process(rest, last=True))
        with self._one_line_errors():
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._disk.close()

    def close(self) -> None:
        """Close the file, complete or not."""
        import av

        with suppress(OSError, ValueError, av.FFmpegError):
            self._container.close()
        self._disk.close()

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        import av

        try:
            with one_line_errors(self.path):
                yield
        except av.FFmpegError as error:
            raise explain_failed_write(self.path, error.strerror or "refused") from error


class _Disk(FileIO):
    """A file that takes all it is given, or raises: FFmpeg goes on after a short write."""

    def write(self, content: Any, /) -> int:
        left = memoryview(content).cast("B")
        count = len(left)
        while left:
            left = left[super().write(left) :]
        return count
