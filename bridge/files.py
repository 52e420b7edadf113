"""Audio files: a mix is read block by block, its stems are written block by block, all or none.

    mix -> model's rate, stereo -> render_blocks -> mix's rate and channels -> vocals.wav.part ..
                                                            all complete: .. -> vocals.wav ..

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import dataclasses
import errno
import math
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from streamer import StreamingModel, render_blocks
from streamer.resample import Audio, Resampler

BLOCK = 2**15  # samples read at once
SAMPLE_RATES = (8000, 192000)  # Hz
FORMATS = {  # what each can hold, the default first
    "wav": ("FLOAT", "PCM_16", "PCM_24", "PCM_32"),
    "flac": ("PCM_24", "PCM_16"),
}
BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}
WAV_LIMIT = 2**32 - 2**16  # bytes of audio; sizes in a WAV header have 32 bits
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
    """What libsndfile decodes: WAV, AIFF, FLAC, Ogg, MP3 and many more."""

    def __init__(self, path: Path) -> None:
        self._file = soundfile.SoundFile(_native(path))
        self.sample_rate, self.channels = self._file.samplerate, self._file.channels
        self.frames, self.subtype = self._file.frames, self._file.subtype
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
    with soundfile.SoundFile(_native(path)) as file:
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
    """Whether the first frame after an ID3 tag holds the length."""
    with path.open("rb") as file:
        head = file.read(10)
        start = 0
        if head.startswith(b"ID3"):
            start = 10 + sum(byte << 7 * place for place, byte in enumerate(head[:5:-1]))
        file.seek(start)
        frame = file.read(4096)
    return b"Xing" in frame or b"Info" in frame


class PedalboardSource:
    """What pedalboard decodes beyond that, with the codecs of the platform."""

    def __init__(self, path: Path) -> None:
        from pedalboard.io import AudioFile  # half a second, and rarely needed

        self._file = AudioFile(str(path))
        self.sample_rate, self.channels = int(self._file.samplerate), self._file.num_channels
        self.frames, self.subtype = self._file.frames, self._file.file_dtype

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
        subtype: how the samples are encoded, such as PCM_24.
        bad_samples: NaN and Inf samples replaced by silence so far.
        first_bad_seconds: when the first of them was due, None if there was none.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.sample_rate, self.channels = source.sample_rate, source.channels
        self.frames, self.subtype = source.frames, source.subtype
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
    with _one_line(path):
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
    """Where the audio of a WAV or an AIFF ends, in bytes; None for other or open-ended files."""
    order = {b"RIFF": "<", b"RF64": "<", b"BW64": "<", b"RIFX": ">", b"FORM": ">"}
    form = order.get(file.read(12)[:4])
    long_size: int | None = None  # RF64's, for sizes that have no room in 32 bits
    while form and len(head := file.read(8)) == 8:
        name: bytes = head[:4]
        size: int = struct.unpack(f"{form}I", head[4:])[0]
        after = file.tell() + size + size % 2
        if name in (b"data", b"SSND"):
            if long_size is None and _is_open_ended(size):
                return None
            return file.tell() + (size if long_size is None else long_size)
        if name == b"ds64" and len(sizes := file.read(16)) == 16:
            long_size = struct.unpack("<8xQ", sizes)[0]
        file.seek(after)
    return None


def _is_open_ended(size: int) -> bool:
    """Whether a program wrote to a pipe and left "as long as it gets", near 2 or 4 GiB, behind."""
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


class StemFile:
    """One stem on its way to disk.

    Args:
        path: where to; the format is that of the name before `.part`.
        sample_rate: Hz.
        channels, frames: the shape of all audio that will be written.
        subtype: one of `FORMATS`; integers are rounded and clipped to full scale.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, frames: int, subtype: str
    ) -> None:
        self.path, self.frames, self.subtype = path, frames, subtype
        self.clipped = 0
        container = Path(path.stem).suffix[1:].upper()
        if container == "WAV" and frames * channels * BYTES[subtype] > WAV_LIMIT:
            container = "RF64"
        with _one_line(path):
            path.open("wb").close()  # libsndfile would not say why it cannot
        try:
            self._file = soundfile.SoundFile(
                _native(path), "w", sample_rate, channels, subtype, format=container
            )
        except soundfile.LibsndfileError as error:
            raise _why(path, error.error_string) from error

    def write(self, audio: Audio) -> None:
        """Append [c, n].

        Raises:
            OSError: the disk is full, or fails.
        """
        frames = self._quantise(audio).T if self.subtype != "FLOAT" else audio.T
        try:
            self._file.write(frames)
        except (soundfile.LibsndfileError, AssertionError) as error:  # assert: a short write
            raise _why(self.path, str(error)) from error

    def _quantise(self, audio: Audio) -> NDArray[np.int32]:
        """Round to the subtype's bits, top ones of an int32; in a WAV libsndfile would floor."""
        bits = 8 * BYTES[self.subtype]
        full_scale = 2 ** (bits - 1)
        self.clipped += int(np.count_nonzero(np.abs(audio) > 1))
        steps = np.rint(audio.astype(np.float64) * full_scale).clip(-full_scale, full_scale - 1)
        quantised: NDArray[np.int32] = (steps * 2 ** (32 - bits)).astype(np.int32)
        return quantised

    def finish(self) -> None:
        """Close the file and see that all of it is there: a FLAC's last write fails in silence.

        Raises:
            OSError: it is not, as when the disk is full.
        """
        try:
            self._file.close()
            frames = soundfile.info(_native(self.path)).frames
        except soundfile.LibsndfileError as error:
            raise _why(self.path, str(error)) from error
        if frames != self.frames:
            raise _why(self.path, f"{frames} of {self.frames} samples are there")

    def close(self) -> None:
        """Let go of the file, complete or not."""
        with suppress(soundfile.LibsndfileError):
            self._file.close()


@contextmanager
def _stem_files(paths: Iterable[Path], mix: MixReader, subtype: str) -> Iterator[list[StemFile]]:
    files: list[StemFile] = []
    try:
        for path in paths:
            files.append(StemFile(path, mix.sample_rate, mix.channels, mix.frames, subtype))
        yield files
        for file in files:
            file.finish()
    finally:
        for file in files:
            file.close()


@contextmanager
def _all_or_none(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Give paths to write to; they become `targets` at the end, or vanish on any exception."""
    folder = targets[0].parent
    parts = [target.with_name(f"{target.name}.part") for target in targets]
    with _one_line(folder):
        made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with _one_line(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield parts
        for part, target in zip(parts, targets, strict=True):
            with _one_line(target):
                part.replace(target)
    except BaseException:
        for part in parts:
            with suppress(OSError):
                part.unlink()
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


@dataclass(frozen=True)
class RenderReport:
    """What a render made."""

    mix: Path
    folder: Path
    frames: int  # samples of each channel
    sample_rate: int  # Hz
    seconds: float  # that the render took
    real_time_factor: float  # below 1: faster than the music
    peak_dbfs: float  # over all stems, -inf for silence
    clipped_samples: int  # beyond full scale, in integer formats
    bad_samples: int  # NaN or Inf in the mix, replaced by silence
    first_bad_seconds: float | None
    files: tuple[Path, ...]

    def line(self) -> str:
        """The report in one line for people."""
        minutes, tenths = divmod(round(10 * self.frames / self.sample_rate), 600)
        parts = [
            _count(len(self.files), "stem"),
            f"{minutes}:{tenths / 10:04.1f}",
            f"real-time factor {self.real_time_factor:.2f}",
            f"peak {self.peak_dbfs:.1f} dBFS",
            _count(self.clipped_samples, "clipped sample"),
        ]
        if self.first_bad_seconds is not None:
            bad = _count(self.bad_samples, "NaN or Inf sample")
            parts.append(f"{bad} silenced, the first at {self.first_bad_seconds:.3f} s")
        return f"{self.mix.name}: {', '.join(parts)}"

    def as_dict(self) -> dict[str, object]:
        """The report for JSON: paths as text, a silent peak as None."""
        return {
            **dataclasses.asdict(self),
            "mix": str(self.mix),
            "folder": str(self.folder),
            "peak_dbfs": self.peak_dbfs if math.isfinite(self.peak_dbfs) else None,
            "files": [str(file) for file in self.files],
        }


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def output_folders(mix_paths: Iterable[str | Path], out: str | Path) -> dict[Path, Path]:
    """Where the stems of each mix go: a folder of its name in `out`.

    Raises:
        ValueError: two mixes have one name; upper and lower case are no difference to every disk.
    """
    folders: dict[Path, Path] = {}
    owners: dict[str, Path] = {}
    for path in map(Path, mix_paths):
        folders[path] = Path(out) / path.stem
        owner = owners.setdefault(path.stem.casefold(), path)
        if owner != path:
            raise ValueError(
                f"{owner} and {path}: both would go to {folders[owner]}; "
                "rename one or render it to another folder"
            )
    return folders


def render_file(
    model: StreamingModel,
    mix_path: str | Path,
    out_folder: str | Path,
    *,
    file_format: str = "wav",
    subtype: str | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> RenderReport:
    """Restore the stems of a file, each to a file of the mix's length, sample rate and channels.

    Memory does not grow with the file. The stems take their names when all are complete; if
    anything goes wrong, what was begun is removed and what was there before stays.

    Args:
        model: what to run.
        mix_path: the mix.
        out_folder: the files become `out_folder/<mix>/<stem>.<file_format>`.
        file_format: wav or flac; a WAV beyond 4 GiB is written as RF64.
        subtype: one of `FORMATS`; FLOAT for wav and PCM_24 for flac if None.
        overwrite: replace stems that exist.
        progress: called with the samples done and the samples in all.

    Raises:
        ValueError: the mix does not fit (see `open_mix`), or the format is unknown.
        FileExistsError: a stem exists, and `overwrite` is not set; nothing was done.
        OSError: reading or writing failed.
    """
    started = time.perf_counter()
    subtype = _pick_subtype(file_format, subtype)
    with open_mix(mix_path) as mix:
        folder = output_folders([mix.path], out_folder)[mix.path]
        targets = [folder / f"{stem}.{file_format}" for stem in model.stems]
        _check_targets(targets, mix.path, overwrite)
        peak, done = 0.0, 0
        with _all_or_none(targets) as parts, _stem_files(parts, mix, subtype) as files:
            for stems in _exactly(_restored(model, mix), mix.frames):
                peak = max(peak, _peak(stems, mix, done))
                for file, stem in zip(files, stems, strict=True):
                    file.write(stem)
                done += stems.shape[-1]
                if progress:
                    progress(done, mix.frames)
    seconds = time.perf_counter() - started
    return RenderReport(
        mix=mix.path,
        folder=folder,
        frames=mix.frames,
        sample_rate=mix.sample_rate,
        seconds=seconds,
        real_time_factor=seconds * mix.sample_rate / mix.frames,
        peak_dbfs=20 * math.log10(peak) if peak else -math.inf,
        clipped_samples=sum(file.clipped for file in files),
        bad_samples=mix.bad_samples,
        first_bad_seconds=mix.first_bad_seconds,
        files=tuple(targets),
    )


def _pick_subtype(file_format: str, subtype: str | None) -> str:
    if file_format not in FORMATS:
        raise ValueError(
            f"unknown file format '{file_format}'; expected one of {', '.join(FORMATS)}"
        )
    choices = FORMATS[file_format]
    if subtype is not None and subtype not in choices:
        raise ValueError(
            f"a {file_format} of subtype '{subtype}' is not offered; "
            f"expected one of {', '.join(choices)}"
        )
    return subtype or choices[0]


def _check_targets(targets: Iterable[Path], mix: Path, overwrite: bool) -> None:
    for target in targets:
        with _one_line(target):
            if not target.exists():
                continue
            if target.samefile(mix):
                raise FileExistsError(f"{target}: is the mix itself; choose another folder")
            if not overwrite:
                raise FileExistsError(f"{target}: exists; overwrite it or choose another folder")


def _restored(model: StreamingModel, mix: MixReader) -> Iterator[Audio]:
    """The stems, [s, c, n], at the mix's sample rate and channels, up to rounding as long as it."""
    stem_count = len(model.stems)
    back = Resampler(model.sample_rate, mix.sample_rate, stem_count * mix.channels)
    for answer in render_blocks(model, _for_model(model, mix)):
        stems: Audio = answer.numpy()
        if mix.channels == 1:
            stems = stems.mean(axis=1, keepdims=True)
        rows = back.process(stems.reshape(back.channels, -1))
        yield rows.reshape(stem_count, mix.channels, -1)
    rest = back.process(np.zeros((back.channels, 0), np.float32), last=True)
    yield rest.reshape(stem_count, mix.channels, -1)


def _for_model(model: StreamingModel, mix: MixReader) -> Iterator[Tensor]:
    """The mix at the model's sample rate; mono goes to all channels."""
    there = Resampler(mix.sample_rate, model.sample_rate, mix.channels)
    for block in mix:
        yield torch.from_numpy(there.process(block)).expand(model.channels, -1)
    rest = there.process(np.zeros((mix.channels, 0), np.float32), last=True)
    yield torch.from_numpy(rest).expand(model.channels, -1)


def _exactly(blocks: Iterable[Audio], frames: int) -> Iterator[Audio]:
    """Cut or fill up the few samples that two roundings of the length may differ by."""
    left = frames
    for block in blocks:
        yield block[..., :left]
        left -= min(left, block.shape[-1])
    yield np.zeros((*block.shape[:-1], left), np.float32)


def _peak(stems: Audio, mix: MixReader, done: int) -> float:
    peak = float(np.abs(stems).max(initial=0))
    if not math.isfinite(peak):
        raise ValueError(
            f"{mix.path}: the model answers with NaN or Inf after {done / mix.sample_rate:.1f} s; "
            "lower the mix's level or choose another model"
        )
    return peak


def _native(path: Path) -> str | bytes:
    """A path for libsndfile; outside Windows a file's name may be no valid Unicode."""
    return str(path) if sys.platform == "win32" else os.fsencode(path)


def _why(path: Path, reason: str) -> OSError:
    """Why a write failed. libsndfile knows little: write some more and hear the system's reason."""
    try:
        with path.open("ab", buffering=0) as file:
            for _ in range(16):
                file.write(bytes(2**16))
    except OSError as error:
        return _named(path, error)
    return OSError(
        f"{path}: cannot be written ({reason.strip(' .')}); try another format or folder"
    )


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Let the system's errors leave as `PATH: what is wrong; what to do`."""
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # one of our own lines
            raise
        raise _named(path, error) from error


def _named(path: Path, error: OSError) -> OSError:
    remedy = REMEDIES.get(error.errno or 0)
    named = type(error)(f"{path}: {error.strerror}" + (f"; {remedy}" if remedy else ""))
    named.errno = error.errno
    return named
