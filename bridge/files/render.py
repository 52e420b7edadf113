"""Stem files: a mix is restored block by block, its stems are written so too, all or none.

    mix -> model's rate, stereo -> render_blocks -> mix's rate and channels -> vocals.1f.wav.part
                                                            all complete: .. -> vocals.wav ..

Shape letters: `s` stem, `c` channel, `n` sample.
"""

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from restem.bridge.files.reader import MixReader, open_mix
from restem.bridge.files.writer import (
    StemFile,
    all_or_none,
    check_targets,
    pick_subtype,
    stem_files,
)
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.resampler import Audio, Resampler
from restem.streamer.stream import render_blocks

USUAL_PEAKS_DBFS = -30.0, 12.0  # of mixes; a quiet one or a hot float file is no fault yet


@dataclass(frozen=True)
class RenderReport:
    """The outcome of a render."""

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
        is_take = folder_name(self.mix) != self.folder.name  # whose mixes have one name all
        return f"{self.folder.name if is_take else self.mix.name}: {', '.join(parts)}"

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
    """Assign each mix the folder of its stems, of its name in `out`.

    Raises:
        ValueError: two mixes have one name; upper and lower case are no difference to every disk.
    """
    folders: dict[Path, Path] = {}
    owners: dict[str, Path] = {}
    for path in map(Path, mix_paths):
        name = folder_name(path)
        folders[path] = Path(out) / name
        owner = owners.setdefault(name.casefold(), path)
        if owner != path:
            raise ValueError(
                f"{owner} and {path}: both would go to {folders[owner]}; "
                "rename one or render it to another folder"
            )
    return folders


def folder_name(path: Path) -> str:
    """A file's name without its suffix, if a folder can be called so: `...wav` would be `..`."""
    return path.stem if path.stem.strip(".") else path.name


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
            all_or_none(targets, overwrite) as parts,
            stem_files(dict.fromkeys(parts, shape), mix.sample_rate, subtype) as files,
        ):
            for stems in fit_length(restore_blocks(model, mix), mix.frames):
                peak = max(peak, checked_peak(stems, mix, done))
                for file, stem in zip(files, stems, strict=True):
                    file.write(stem)
                done += stems.shape[-1]
                if progress:
                    progress(done / mix.sample_rate, mix.frames / mix.sample_rate)
    return make_report(mix, files, targets, len(model.stems), peak, started)


def make_report(
    mix: MixReader,
    files: Sequence[StemFile],
    targets: Sequence[Path],
    stems: int,
    peak: float,
    started: float,
) -> RenderReport:
    """Report on a mix that was rendered since `started` on `time.perf_counter`."""
    warn_of_level(mix)
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


def warn_of_level(mix: MixReader) -> None:
    """Say so where a mix is far outside full scale, or far below it."""
    low, high = USUAL_PEAKS_DBFS
    if mix.frames < mix.sample_rate:  # a snippet may well be silent
        return
    peak_dbfs = 20 * math.log10(mix.peak) if mix.peak else low
    if low <= peak_dbfs <= high:
        return
    side = "beyond" if peak_dbfs > 0 else "below"
    warnings.warn(
        f"{mix.path}: peaks at {peak_dbfs:.0f} dBFS, far {side} full scale; stems are best of a "
        "mix at its usual level, near 0 dBFS: normalise it first",
        stacklevel=2,
    )


def restore_blocks(model: StreamingModel, mix: MixReader) -> Iterator[Audio]:
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


def fit_length(blocks: Iterable[Audio], frames: int) -> Iterator[Audio]:
    """Cut or fill up the few samples that two roundings of the length may differ by."""
    left = frames
    for block in blocks:
        kept = block[..., :left]
        yield kept
        left -= kept.shape[-1]
    yield np.zeros((*block.shape[:-1], left), np.float32)


def checked_peak(stems: Audio, mix: MixReader, done: int) -> float:
    peak = float(np.abs(stems).max(initial=0))
    if not math.isfinite(peak):
        raise ValueError(
            f"{mix.path}: the model answers with NaN or Inf after {done / mix.sample_rate:.1f} s; "
            "lower the mix's level or choose another model"
        )
    return peak
