"""Stem files: a mix is restored block by block, its stems are written so too, all or none.

    mix -> model's rate, stereo -> render_blocks -> mix's rate and channels -> vocals.wav.part ..
                                                            all complete: .. -> vocals.wav ..

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from restem.bridge.files.reader import MixReader, named, native, one_line, open_mix
from restem.streamer import StreamingModel, render_blocks
from restem.streamer.resampler import Audio, Resampler

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

    Raises:
        OSError: the file cannot be created.
    """

    def __init__(
        self, path: Path, sample_rate: int, channels: int, frames: int | None, subtype: str
    ) -> None:
        self.path, self.frames, self.subtype = path, frames, subtype
        self.clipped = self.written = 0
        name = path if path.suffix[1:] in FORMATS else Path(path.stem)
        container = name.suffix[1:].upper()
        self._is_flac = container == "FLAC"
        size = None if frames is None else frames * channels * BYTES[subtype]
        if container == "WAV" and (size is None or size > WAV_LIMIT):
            container = "RF64"
        with one_line(path):
            path.open("wb").close()  # libsndfile would not say why it cannot
        try:
            self._file = soundfile.SoundFile(
                native(path), "w", sample_rate, channels, subtype, format=container
            )
        except soundfile.LibsndfileError as error:
            raise _why(path, error.error_string) from error
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
            raise _why(self.path, str(error)) from error

    def _quantise(self, audio: Audio) -> NDArray[np.int32]:
        """Round to the subtype's bits, top ones of an int32; in a WAV libsndfile would floor."""
        bits = 8 * BYTES[self.subtype]
        full_scale = 2 ** (bits - 1)
        self.clipped += int(np.count_nonzero(np.abs(audio) > 1))
        steps = np.rint(audio.astype(np.float64) * full_scale).clip(-full_scale, full_scale - 1)
        quantised: NDArray[np.int32] = (steps * 2 ** (32 - bits)).astype(np.int32)
        return quantised

    def save(self) -> int:
        """Let the header tell of what was written: whatever happens now, it can be read.

        Returns:
            How many samples that are, in a FLAC up to the last whole block.

        Raises:
            OSError: the file is gone.
        """
        if not self._is_flac:
            self._command(UPDATE_HEADER_NOW, 0)
            return self.written
        frames = max(self.written - 1, 0) // FLAC_BLOCK * FLAC_BLOCK
        if frames:
            with one_line(self.path), self.path.open("r+b", buffering=0) as file:
                file.seek(21)  # the last 36 of these 40 bits are the number of samples
                high = file.read(1)[0] & 0xF0
                file.seek(21)
                file.write(bytes([high | frames >> 32]) + (frames & 0xFFFFFFFF).to_bytes(4, "big"))
        return frames

    def give_up(self) -> int:
        """Close a file that cannot be written any more; how many samples of it can be read."""
        self.close()
        with suppress(soundfile.LibsndfileError):
            frames: int = soundfile.info(native(self.path)).frames
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
            frames = soundfile.info(native(self.path)).frames
        except soundfile.LibsndfileError as error:
            raise _why(self.path, str(error)) from error
        expected = self.written if self.frames is None else self.frames
        if frames != expected:
            raise _why(self.path, f"{frames} of {expected} samples are there")

    def close(self) -> None:
        """Let go of the file, complete or not."""
        with suppress(soundfile.LibsndfileError):
            self._file.close()


@contextmanager
def stem_files(
    shapes: Mapping[Path, tuple[int, int]], sample_rate: int, subtype: str
) -> Iterator[list[StemFile]]:
    """Files of so many channels and frames; all are complete in the end, or an OSError tells."""
    files: list[StemFile] = []
    try:
        for path, (channels, frames) in shapes.items():
            files.append(StemFile(path, sample_rate, channels, frames, subtype))
        yield files
        for file in files:
            file.finish()
    finally:
        for file in files:
            file.close()


@contextmanager
def all_or_none(targets: Sequence[Path]) -> Iterator[list[Path]]:
    """Give paths to write to; they become `targets` at the end, or vanish on any exception."""
    folder = targets[0].parent
    parts = [target.with_name(f"{target.name}.part") for target in targets]
    with one_line(folder):
        made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        with one_line(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield parts
        for part, target in zip(parts, targets, strict=True):
            with one_line(target):
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
    stems: int
    files: tuple[Path, ...]  # of the stems, and of a master if there is one

    def line(self) -> str:
        """The report in one line for people."""
        minutes, tenths = divmod(round(10 * self.frames / self.sample_rate), 600)
        parts = [
            _count(self.stems, "stem") + (" and master" if len(self.files) > self.stems else ""),
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
    progress: Callable[[float, float], None] | None = None,
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
        progress: called with the seconds of music done and the seconds in all.

    Raises:
        ValueError: the mix does not fit (see `open_mix`), or the format is unknown.
        FileExistsError: a stem exists, and `overwrite` is not set; nothing was done.
        OSError: reading or writing failed.
    """
    started = time.perf_counter()
    subtype = pick_subtype(file_format, subtype)
    with open_mix(mix_path) as mix:
        folder = output_folders([mix.path], out_folder)[mix.path]
        targets = [folder / f"{stem}.{file_format}" for stem in model.stems]
        check_targets(targets, mix.path, overwrite)
        peak, done = 0.0, 0
        shape = mix.channels, mix.frames
        with (
            all_or_none(targets) as parts,
            stem_files(dict.fromkeys(parts, shape), mix.sample_rate, subtype) as files,
        ):
            for stems in exactly(restored(model, mix), mix.frames):
                peak = max(peak, peak_of(stems, mix, done))
                for file, stem in zip(files, stems, strict=True):
                    file.write(stem)
                done += stems.shape[-1]
                if progress:
                    progress(done / mix.sample_rate, mix.frames / mix.sample_rate)
    return report(mix, files, targets, len(model.stems), peak, started)


def report(
    mix: MixReader,
    files: Sequence[StemFile],
    targets: Sequence[Path],
    stems: int,
    peak: float,
    started: float,
) -> RenderReport:
    """What was made of a mix, since `started` on `time.perf_counter`."""
    seconds = time.perf_counter() - started
    return RenderReport(
        mix=mix.path,
        folder=targets[0].parent,
        frames=mix.frames,
        sample_rate=mix.sample_rate,
        seconds=seconds,
        real_time_factor=seconds * mix.sample_rate / mix.frames,
        peak_dbfs=20 * math.log10(peak) if peak else -math.inf,
        clipped_samples=sum(file.clipped for file in files),
        bad_samples=mix.bad_samples,
        first_bad_seconds=mix.first_bad_seconds,
        stems=stems,
        files=tuple(targets),
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
        with one_line(target):
            if not target.exists():
                continue
            if target.samefile(mix):
                raise FileExistsError(f"{target}: is the mix itself; choose another folder")
            if not overwrite:
                raise FileExistsError(f"{target}: exists; overwrite it or choose another folder")


def restored(model: StreamingModel, mix: MixReader) -> Iterator[Audio]:
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


def exactly(blocks: Iterable[Audio], frames: int) -> Iterator[Audio]:
    """Cut or fill up the few samples that two roundings of the length may differ by."""
    left = frames
    for block in blocks:
        kept = block[..., :left]
        yield kept
        left -= kept.shape[-1]
    yield np.zeros((*block.shape[:-1], left), np.float32)


def peak_of(stems: Audio, mix: MixReader, done: int) -> float:
    peak = float(np.abs(stems).max(initial=0))
    if not math.isfinite(peak):
        raise ValueError(
            f"{mix.path}: the model answers with NaN or Inf after {done / mix.sample_rate:.1f} s; "
            "lower the mix's level or choose another model"
        )
    return peak


def _why(path: Path, reason: str) -> OSError:
    """Why a write failed. libsndfile knows little: write beside it and hear the system's reason."""
    probe = path.with_name(f"{path.name}.probe")
    try:
        with probe.open("wb", buffering=0) as file:
            for _ in range(16):
                file.write(bytes(2**16))
    except OSError as error:
        return named(path, error)
    finally:
        with suppress(OSError):
            probe.unlink()
    return OSError(
        f"{path}: cannot be written ({reason.strip(' .')}); try another format or folder"
    )
