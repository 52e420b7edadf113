"""Stems on disk: formats, a file of each stem, all of them or none."""

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from restem.bridge.files.encoder import CODECS, EncodedFile
from restem.bridge.files.reader import explain_failed_write, one_line_errors
from restem.bridge.files.sources import libsndfile_path
from restem.streamer.resampler import Audio

FORMATS = {  # what each can hold, the default first
    "wav": ("FLOAT", "PCM_16", "PCM_24", "PCM_32"),
    "flac": ("PCM_24", "PCM_16"),
}
BYTES = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}
WAV_LIMIT = 2**32 - 2**16  # bytes of audio; sizes in a WAV header have 32 bits
FLAC_BLOCK = 4096  # samples that libsndfile's encoder waits for
UPDATE_HEADER_NOW, RF64_AUTO_DOWNGRADE = 0x1060, 0x1210  # commands of libsndfile


class StemFile:
    """One stem on its way to disk.

    Args:
        path: where to; the format is that of the name, or of the name before `.part`.
        sample_rate: Hz.
        channels, frames: the shape of all audio that will be written; frames is None where nobody
            knows yet, and the header leaves room to turn a WAV into an RF64.
        subtype: one of `FORMATS`; integers are rounded and clipped to full scale.
        dither: a generator of noise that is added before rounding, triangular, one step each way.

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        channels: int,
        frames: int | None,
        subtype: str,
        dither: np.random.Generator | None = None,
    ) -> None:
        self.path, self.frames, self.subtype, self._dither = path, frames, subtype, dither
        self.clipped = self.written = 0
        container = _container(path).upper()
        self._is_flac = container == "FLAC"
        self._refusal = f"{container} cannot hold {channels} channels at {sample_rate} Hz"
        size = None if frames is None else frames * channels * BYTES[subtype]
        if container == "WAV" and (size is None or size > WAV_LIMIT):
            container = "RF64"
        with one_line_errors(path):
            path.open("wb").close()  # libsndfile would not say why it cannot
        try:
            self._file = soundfile.SoundFile(
                libsndfile_path(path), "w", sample_rate, channels, subtype, format=container
            )
        except soundfile.LibsndfileError as error:
            raise explain_failed_write(path, self._refusal) from error
        if frames is None:
            self._command(RF64_AUTO_DOWNGRADE, 1)

    def _command(self, command: int, argument: int) -> None:
        """soundfile offers no others than its own; formats that do not know one ignore it."""
        soundfile._snd.sf_command(self._file._file, command, soundfile._ffi.NULL, argument)

    def write(self, audio: Audio) -> None:
        """Append [c, n].

        Raises:
            OSError: the disk is full, or fails.
        """
        frames = self._quantise(audio).T if self.subtype != "FLOAT" else audio.T
        try:
            self._file.write(frames)
            self.written += len(frames)
        except (soundfile.LibsndfileError, AssertionError) as error:  # assert: a short write
            reason = "not all samples were taken" if self.written else self._refusal
            raise explain_failed_write(self.path, reason) from error

    def _quantise(self, audio: Audio) -> NDArray[np.int32]:
        """Round to the subtype's bits, top ones of an int32; in a WAV libsndfile would floor."""
        bits = 8 * BYTES[self.subtype]
        full_scale = 2 ** (bits - 1)
        self.clipped += int(np.count_nonzero(np.abs(audio) > 1))
        wanted = audio.astype(np.float64) * full_scale
        if self._dither:
            wanted += self._dither.triangular(-1, 0, 1, audio.shape)
        steps = np.rint(wanted).clip(-full_scale, full_scale - 1)
        quantised: NDArray[np.int32] = (steps * 2 ** (32 - bits)).astype(np.int32)
        return quantised

    def save(self) -> int:
        """Update the header to what was written: whatever happens now, it can be read.

        Returns:
            Number of samples in it, in a FLAC up to the last whole block.

        Raises:
            OSError: the file is gone.
        """
        if not self._is_flac:
            self._command(UPDATE_HEADER_NOW, 0)
            return self.written
        frames = max(self.written - 1, 0) // FLAC_BLOCK * FLAC_BLOCK
        if frames:
            with one_line_errors(self.path), self.path.open("r+b", buffering=0) as file:
                file.seek(21)  # the last 36 of these 40 bits are the number of samples
                high = file.read(1)[0] & 0xF0
                file.seek(21)
                file.write(bytes([high | frames >> 32]) + (frames & 0xFFFFFFFF).to_bytes(4, "big"))
        return frames

    def give_up(self) -> int:
        """Close a file that cannot be written any more; how many samples of it can be read."""
        self.close()
        with suppress(soundfile.LibsndfileError):
            frames: int = soundfile.info(libsndfile_path(self.path)).frames
            if frames < 2**62:  # else it is a FLAC that could not be closed
                return min(frames, self.written)
        with suppress(OSError):
            return self.save()
        return 0

    def finish(self) -> None:
        """Close the file and see that all of it is there: a FLAC's last write fails in silence.

        Raises:
            OSError: it is not, as when the disk is full.
        """
        try:
            self._file.close()
            frames = soundfile.info(libsndfile_path(self.path)).frames
        except soundfile.LibsndfileError as error:
            raise explain_failed_write(self.path, "it cannot be read again") from error
        expected = self.written if self.frames is None else self.frames
        if frames != expected:
            raise explain_failed_write(self.path, f"{frames} of {expected} samples are there")
        if self.subtype == "FLOAT":
            self._forget_time()

    def _forget_time(self) -> None:
        """Blank the time in the PEAK chunk: one render gives equal bytes whenever it is done."""
        with one_line_errors(self.path), self.path.open("r+b") as file:
            at = file.read(200).find(b"PEAK")
            if at >= 0:
                file.seek(at + 12)
                file.write(bytes(4))

    def close(self) -> None:
        """Close the file, complete or not."""
        with suppress(soundfile.LibsndfileError):
            self._file.close()


@contextmanager
def stem_files(
    shapes: Mapping[Path, tuple[int, int]],
    sample_rate: int,
    subtype: str = "",
    dither: bool = False,
    bitrate: int | None = None,
) -> Iterator[list[StemFile | EncodedFile]]:
    """Files of so many channels and frames; all are complete in the end, or an OSError tells.

    Args:
        shapes: channels and frames of each.
        sample_rate: Hz.
        subtype: one of `FORMATS`; none for compressed files.
        dither: another one in each file, and the same whenever it is done again.
        bitrate: of compressed files, kbit/s.
    """
    files: list[StemFile | EncodedFile] = []
    try:
        for number, (path, (channels, frames)) in enumerate(shapes.items()):
            noise = np.random.default_rng(number) if dither else None
            kind = _container(path)
            files.append(
                EncodedFile(path, kind, sample_rate, channels, frames, bitrate)
                if kind in CODECS
                else StemFile(path, sample_rate, channels, frames, subtype, noise)
            )
        yield files
        for file in files:
            file.finish()
    finally:
        for file in files:
            file.close()


def _container(path: Path) -> str:
    """The format of a name, or of the name before `.part`."""
    known = (*FORMATS, *CODECS)
    return path.suffix[1:] if path.suffix[1:] in known else Path(path.stem).suffix[1:]


@contextmanager
def all_or_none(targets: Sequence[Path], overwrite: bool = False) -> Iterator[list[Path]]:
    """Give paths to write to; they become `targets` at the end, or vanish on any exception.

    The paths are this call's alone: others may be on their way to the same targets.

    Raises:
        FileExistsError: a target appeared meanwhile, or is no longer the one to be overwritten.
        OSError: the disk fails.
    """
    folders = [*dict.fromkeys(target.parent for target in targets)]
    token = secrets.token_hex(4)
    parts = [path.with_name(f"{path.stem}.{token}{path.suffix}.part") for path in targets]
    new = set[Path]().union(*map(missing_folders, folders))
    before = [_identity(target) for target in targets]
    placed: list[Path] = []
    try:
        for folder in folders:
            with one_line_errors(folder):
                _check_links(folder)
                folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            with one_line_errors(part.parent):
                part.open("xb").close()
        yield parts
        for target, identity in zip(targets, before, strict=True):
            if _identity(target) != identity or (identity and not overwrite):
                raise _taken(target)
        for part, target, identity in zip(parts, targets, before, strict=True):
            _place(part, target, fresh=identity is None)
            if identity is None:
                placed.append(target)
    except BaseException:
        for path in (*parts, *placed):
            with suppress(OSError):
                path.unlink()
        remove_empty(new)
        raise


def missing_folders(folder: Path) -> set[Path]:
    """A folder and its parents, those that are not there yet."""
    with one_line_errors(folder):
        return {path for path in (folder, *folder.parents) if not path.exists()}


def remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders with nothing in them but each other."""
    for path in sorted(folders, key=lambda folder: -len(folder.parts)):
        with suppress(OSError):
            path.rmdir()


def _check_links(folder: Path) -> None:
    for path in (folder, *folder.parents):
        if path.is_symlink() and not path.exists():
            raise FileExistsError(
                f"{path}: is a link to nothing; remove it or choose another folder"
            )


def _identity(path: Path) -> tuple[int, ...] | None:
    """Numbers that change when a file is replaced or written to; None if there is none."""
    with one_line_errors(path):
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _place(part: Path, target: Path, fresh: bool) -> None:
    """Give a finished part its name; a `fresh` one replaces nothing, however late that appeared."""
    with one_line_errors(target):
        if fresh:
            try:
                os.link(part, target)
            except FileExistsError:
                raise _taken(target) from None
            except (OSError, NotImplementedError):  # a file system without hard links
                if target.exists():
                    raise _taken(target) from None
            else:
                part.unlink()
                return
        part.replace(target)


def _taken(target: Path) -> FileExistsError:
    return FileExistsError(
        f"{target}: was written by another program meanwhile, and is kept; choose another folder"
    )


def pick_subtype(file_format: str, subtype: str | None) -> str:
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


def check_targets(targets: Iterable[Path], mix: Path, overwrite: bool) -> None:
    for target in targets:
        with one_line_errors(target):
            if not os.path.lexists(target):
                continue
            if target.exists() and mix.exists() and target.samefile(mix):
                raise FileExistsError(f"{target}: is the mix itself; choose another folder")
            if not overwrite:
                raise FileExistsError(f"{target}: exists; --overwrite it or choose another folder")
