"""Decoders behind one face: libsndfile, links of a chain through it, and FFmpeg's libraries.

Shape letters: `c` channel, `n` sample.
"""

import os
import struct
import sys
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from restem.bridge.files.containers import mp4_ticks
from restem.streamer.resampler import Audio

if TYPE_CHECKING:
    from av import AudioFrame, AudioLayout, AudioStream
    from av.container import InputContainer

UNSUPPORTED = 4  # libsndfile: encoding not supported
OFFLINE = {"protocol_whitelist": "none"}  # a playlist must not make FFmpeg open other files
MP3_SLACK = 2  # frames that encoders count too many
ZEROS = 4096  # bytes looked through at once
PLANES = 7  # of a frame; of more PyAV does not find the end
MP4_PACKET = 2048  # samples, of the longest AAC packets
CHANNEL_MAP = 0x1100  # a command of libsndfile, which numbers speakers from 2 on so:
CHANNEL_NAMES = "FL FR FC FL FR FC BC BL BR LFE FLC FRC SL SR TC TFL TFR TFC TBL TBR TBC"
OGG_ORDERS = (  # of Vorbis and Opus
    "FL FC FR",
    "FL FR BL BR",
    "FL FC FR BL BR",
    "FL FC FR BL BR LFE",
    "FL FC FR SL SR BC LFE",
    "FL FC FR SL SR BL BR LFE",
)
OGG_SPEAKERS = {len(order.split()): tuple(order.split()) for order in OGG_ORDERS}


class Source(Protocol):
    """A file that is decoded from its first sample to its last.

    Attributes:
        sample_rate: Hz.
        channels: as they are in the file.
        frames: samples of each channel.
        speakers: of more than two channels, by FFmpeg's names; none if the file does not tell.
    """

    sample_rate: int
    channels: int
    frames: int
    speakers: tuple[str, ...]

    def read(self, count: int) -> Audio:
        """The next [c, n], n at most `count`; none at the end."""

    def close(self) -> None: ...


class SoundFileSource:
    """A file by libsndfile: WAV, AIFF, FLAC, Ogg and many more."""

    def __init__(self, file: Path | BinaryIO) -> None:
        self._file = soundfile.SoundFile(libsndfile_path(file) if isinstance(file, Path) else file)
        self.sample_rate, self.channels = self._file.samplerate, self._file.channels
        self.frames = self._file.frames
        is_w64 = (
            self._file.format == "W64"
        )  # of its extensible kind it knows no floats, no speakers
        is_misread = is_w64 and (self.channels > 2 or self._file.subtype == "PCM_32")
        if is_misread or self.frames > 2**62:  # or a FLAC that went through a pipe: it never plays
            self.close()
            raise soundfile.LibsndfileError(UNSUPPORTED)
        self.speakers = self._read_speakers() if self.channels > 2 else ()

    def _read_speakers(self) -> tuple[str, ...]:
        if self._file.format == "OGG":  # libsndfile leaves the codecs' order as it is
            return OGG_SPEAKERS.get(self.channels, ())
        places = soundfile._ffi.new("int[]", self.channels)
        size = soundfile._ffi.sizeof(places)
        if not soundfile._snd.sf_command(self._file._file, CHANNEL_MAP, places, size):
            return ()
        names = dict(enumerate(CHANNEL_NAMES.split(), start=2))
        return tuple(names.get(place, f"number {place}") for place in places)

    def read(self, count: int) -> Audio:
        frames: Audio = self._file.read(count, dtype="float32", always_2d=True)
        return frames.T

    def close(self) -> None:
        self._file.close()


class ArraySource:
    """Audio in memory, [c, n]."""

    def __init__(self, audio: Audio, sample_rate: int) -> None:
        self._audio, self._at = audio, 0
        self.sample_rate = sample_rate
        self.channels, self.frames = audio.shape
        self.speakers: tuple[str, ...] = ()

    def read(self, count: int) -> Audio:
        block = self._audio[:, self._at : self._at + count]
        self._at += block.shape[1]
        return block

    def close(self) -> None:
        self._audio = self._audio[:, :0]


class _Span:
    """A part of a file as a file of its own."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file, self._start, self._length, self._at = file, start, length, 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_CUR: self._at, os.SEEK_END: self._length}.get(whence, 0)
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, count: int) -> bytes:
        self._file.seek(self._start + self._at)
        content = self._file.read(max(min(count, self._length - self._at), 0))
        self._at += len(content)
        return content


class ChainSource:
    """Recordings that were joined in one file, one after the other.

    Raises:
        ValueError: their sample rates or channels differ.
    """

    def __init__(self, path: Path, spans: Sequence[tuple[int, int]]) -> None:
        self._file = path.open("rb")
        self._links: list[SoundFileSource] = []
        try:
            for span in spans:
                self._links.append(SoundFileSource(_Span(self._file, *span)))  # type: ignore[arg-type]
            first = self._links[0]
            self.sample_rate, self.channels = first.sample_rate, first.channels
            self.speakers = first.speakers
            for number, link in enumerate(self._links, start=1):
                if (link.sample_rate, link.channels) != (self.sample_rate, self.channels):
                    raise ValueError(
                        f"{path}: is {len(spans)} recordings joined, and number {number} has "
                        f"another sample rate or other channels; split it first"
                    )
        except BaseException:
            self.close()
            raise
        self.frames = sum(link.frames for link in self._links)
        self._left = [link.frames for link in self._links]

    def read(self, count: int) -> Audio:
        while len(self._left) > 1 and not self._left[0]:
            self._left.pop(0)
            self._links.pop(0).close()
        block = self._links[0].read(min(count, self._left[0]))
        self._left[0] -= block.shape[1]
        return block

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._file.close()


class DecoderError(RuntimeError):
    """FFmpeg's libraries cannot go on."""


class AvSource:
    """A file by FFmpeg's libraries: MP3, AAC, MP4, WebM, WMA, video; decoded once more to count.

    Encoder delay, padding and edit lists are left out, as libsndfile does where it can.

    Raises:
        ValueError: there is no audio in it, it is damaged, or its sample rate changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sample_rate = self.channels = self.frames = 0
        self.speakers: tuple[str, ...] = ()
        self._packets = self._lost = 0
        self._seconds: Fraction | None = None  # that an MP4 tells
        try:
            for block in self._decode():
                self.frames += block.shape[1]
        except DecoderError as error:
            raise ValueError(
                f"{path}: cannot be read as audio; convert it to WAV or FLAC first"
            ) from error
        self._check()
        self._trim()
        self._blocks = self._decode()
        self._rest = np.zeros((self.channels, 0), np.float32)

    def _decode(self) -> Generator[Audio, None, None]:
        import av  # a tenth of a second, and rarely needed

        try:
            start, size = _mp3_start(self._path) or 0, self._path.stat().st_size
            with (
                self._path.open("rb") as file,
                av.open(_Span(file, start, size - start), "r", options=OFFLINE) as container,
            ):
                if not container.streams.audio:
                    raise ValueError(f"{self._path}: has no audio in it; name an audio file")
                stream = container.streams.audio[0]
                if "mp4" in container.format.name and stream.duration and stream.time_base:
                    self._seconds = stream.duration * stream.time_base
                for frame in _countable(self._frames(container, stream)):
                    self._check_frame(frame.sample_rate, frame.layout)
                    yield _samples(frame.to_ndarray(), frame.format.is_planar, self.channels)
        except av.FFmpegError as error:
            raise DecoderError(str(error)) from error

    def _frames(self, container: "InputContainer", stream: "AudioStream") -> Iterator["AudioFrame"]:
        """Decode packet by packet, and count those between that do not decode."""
        from av import InvalidDataError

        doubtful = 0  # damage, unless nothing follows
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except InvalidDataError:
                doubtful += 1
                continue
            self._packets += bool(packet.size)
            if frames:
                self._lost, doubtful = self._lost + doubtful, 0
            yield from frames

    def _check_frame(self, sample_rate: int, layout: "AudioLayout") -> None:
        channels = layout.nb_channels
        if not self.sample_rate:  # headers know only half the rate of some AAC
            self.sample_rate, self.channels = sample_rate, channels
            if channels > 2 and layout.name != f"{channels} channels":  # else FFmpeg knows no more
                self.speakers = tuple(channel.name for channel in layout.channels)
        elif (self.sample_rate, self.channels) != (sample_rate, channels):
            raise ValueError(
                f"{self._path}: goes on with {sample_rate} Hz and {channels} channels after "
                f"{self.sample_rate} Hz and {self.channels}; split it first"
            )

    def _check(self) -> None:
        promised = _mp3_frames(self._path)
        if promised is not None and promised - self._packets > MP3_SLACK:
            raise ValueError(
                f"{self._path}: is cut short, {self._packets} of {promised} frames are there; "
                "get a whole copy"
            )
        if self._lost and not is_mp3(self._path):
            raise ValueError(
                f"{self._path}: is damaged, {self._lost} packets cannot be decoded; "
                "get a whole copy"
            )
        if self._lost:  # tags between MP3s that were joined look the same
            warnings.warn(
                f"{self._path}: left out what is no MP3 in it, in {self._lost} places", stacklevel=2
            )

    def _trim(self) -> None:
        """Leave out what fills up the last packet of an MP4, as FFmpeg does not.

        Where it tells its length to the sample: many tell it in milliseconds.
        """
        if self._seconds is None:
            return
        with self._path.open("rb") as file:
            ticks = mp4_ticks(file) or 1
        told = round(self._seconds * self.sample_rate)
        if ticks % self.sample_rate == 0 and 0 < self.frames - told < MP4_PACKET:
            self.frames = told

    def read(self, count: int) -> Audio:
        blocks, held = [self._rest], self._rest.shape[1]
        while held < count and (block := next(self._blocks, None)) is not None:
            blocks.append(block)
            held += block.shape[1]
        joined = np.concatenate(blocks, axis=1)
        self._rest = joined[:, count:]
        return joined[:, :count]

    def close(self) -> None:
        self._blocks.close()


def _countable(frames: Iterable["AudioFrame"]) -> Iterator["AudioFrame"]:
    """Pack frames of so many planes that PyAV would read past the end of their list."""
    from av import AudioResampler

    packer: AudioResampler | None = None
    for frame in frames:
        if not frame.format.is_planar or frame.layout.nb_channels <= PLANES:
            yield frame
            continue
        packer = packer or AudioResampler(frame.format.packed, frame.layout, frame.sample_rate)
        yield from packer.resample(frame)


def _samples(raw: NDArray[Any], is_planar: bool, channels: int) -> Audio:
    """FFmpeg's samples as [c, n] float32."""
    planes = raw if is_planar else raw.reshape(-1, channels).T
    if planes.dtype.kind == "f":
        return planes.astype(np.float32)
    offset = 128 if planes.dtype == np.uint8 else 0
    full_scale = 2.0 ** (8 * planes.dtype.itemsize - 1)
    return ((planes.astype(np.float64) - offset) / full_scale).astype(np.float32)


def is_mp3(path: Path) -> bool:
    """Recognise the tag or frame that MP3s begin with; AAC without a container does, too.

    libsndfile decodes them, but guesses the length of some, and complains on stderr.
    """
    return _mp3_start(path) is not None


def _mp3_start(path: Path) -> int | None:
    """Place of the first tag or frame of an MP3, behind zeros if some tool left room there."""
    start, block = 0, bytes(1)
    with path.open("rb") as file:
        while block and not block.strip(b"\0"):
            start = file.tell()
            block = file.read(ZEROS)
        start += len(block) - len(block.lstrip(b"\0"))
        file.seek(start)
        head = file.read(3)
    return start if head == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0") else None


def _mp3_frames(path: Path) -> int | None:
    """The number of frames that an MP3's first one tells; None if it does not."""
    start = _mp3_start(path)
    if start is None:
        return None
    with path.open("rb") as file:
        file.seek(start)
        while (head := file.read(10)).startswith(b"ID3") and len(head) == 10:
            start += 10 + sum(byte << 7 * place for place, byte in enumerate(head[:5:-1]))
            file.seek(start)
        file.seek(start)
        frame = file.read(4096)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or len(frame) < at + 12 or not frame[at + 7] & 1:
        return None
    frames: int = struct.unpack_from(">I", frame, at + 8)[0]
    return frames


def libsndfile_path(path: Path) -> str | bytes:
    """A path for libsndfile; outside Windows a file's name may be no valid Unicode."""
    return str(path) if sys.platform == "win32" else os.fsencode(path)
