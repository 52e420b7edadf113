"""Stem files: a mix is restored block by block, its stems are written so too, all or none.

mix -> outputs (restore.py) -> vocals.1f.wav.part .. all complete: .. -> vocals.wav ..
"""

import dataclasses
import math
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from restem.bridge.files.encoder import CODECS, EncodedFile
from restem.bridge.files.levels import CLIPS, Rescaled
from restem.bridge.files.markers import Markers, read_markers, write_markers
from restem.bridge.files.names import USUAL, Naming
from restem.bridge.files.outputs import ALL, Outputs, Selection
from restem.bridge.files.reader import MixReader, open_mix
from restem.bridge.files.record import Recipe
from restem.bridge.files.restore import Meter, output_blocks
from restem.bridge.files.tags import Tags, read_tags, write_tags
from restem.bridge.files.writer import (
    FORMATS,
    StemFile,
    all_or_none,
    check_targets,
    pick_subtype,
    stem_files,
)
from restem.bridge.progress import Progress
from restem.streamer.mixer.routing import MASTER
from restem.streamer.model.protocol import StreamingModel

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
    files: tuple[Path, ...]  # of the stems, then of `others`
    others: tuple[str, ...] = ()  # a master, the residual, the mix without some stems
    gain_db: float = 0.0  # by which all files were scaled

    def line(self) -> str:
        """The report in one line for people."""
        minutes, tenths = divmod(round(10 * self.frames / self.sample_rate), 600)
        stems = [_count(self.stems, "stem")] if self.stems else []
        parts = [
            " and ".join([*stems, *self.others]),
            f"{minutes}:{tenths / 10:04.1f}",
            f"real-time factor {self.real_time_factor:.2f}",
            f"peak {self.peak_dbfs:.1f} dBFS",
            _count(self.clipped_samples, "clipped sample"),
        ]
        if self.gain_db:
            parts.append(f"scaled by {self.gain_db:.1f} dB")
        if self.first_bad_seconds is not None:
            bad = _count(self.bad_samples, "NaN or Inf sample")
            parts.append(f"{bad} silenced, the first at {self.first_bad_seconds:.3f} s")
        is_take = MASTER in self.others  # whose mixes have one name all
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


@dataclass(frozen=True)
class RenderOptions:
    """Choice and form of the files of a mix.

    Args:
        selection: what gets a file.
        naming: of the files.
        start, duration: seconds; the part of the mix that is restored, as if it had been cut out.
        clip: beyond full scale: `clamp` in integers, `rescale` all files by one gain, or write
            `float`.
        dither: 16-bit files, with noise of a triangular density of one step each way.
        bitrate: of compressed files, kbit/s; their usual one if None.
        tags: keep those of the mix, its cover too, with the stem's name in the title; from WAV to
            WAV also cue points and the BWF's time.
        downmix: mix more than two channels down to stereo; that is then the mix.
        recipe: for a record beside the files; none if None.

    Raises:
        ValueError: a number or a way to clip is none.
    """

    selection: Selection = ALL
    naming: Naming = USUAL
    start: float = 0.0
    duration: float | None = None
    clip: str = CLIPS[0]
    dither: bool = False
    bitrate: int | None = None
    tags: bool = True
    downmix: bool = False
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        if self.clip not in CLIPS:
            raise ValueError(f"unknown way to clip '{self.clip}'; expected one of {_list(CLIPS)}")
        if not 0 <= self.start < math.inf:
            raise ValueError(f"start must be 0 seconds or more, got {self.start:g}")
        if self.duration is not None and not 0 < self.duration < math.inf:
            raise ValueError(f"duration must be more than 0 seconds, got {self.duration:g}")

    def subtype(self, file_format: str, subtype: str | None) -> str:
        """The sample format of files; none of compressed ones.

        Raises:
            ValueError: the format is unknown, or does not go with these options.
        """
        if file_format not in (*FORMATS, *CODECS):
            known = _list((*FORMATS, *CODECS))
            raise ValueError(f"unknown file format '{file_format}'; expected one of {known}")
        floats = "FLOAT" if self.clip == "float" else None
        if floats and (file_format != "wav" or subtype not in (None, floats)):
            raise ValueError("clip float: only WAV files of subtype FLOAT hold it; leave one out")
        if file_format in CODECS and subtype:
            raise ValueError(f"{file_format} has no subtype '{subtype}'; give a bitrate instead")
        if file_format in FORMATS and self.bitrate:
            raise ValueError(f"a bitrate is for compressed files: {_list((*CODECS,))}")
        picked = "" if file_format in CODECS else pick_subtype(file_format, floats or subtype)
        if self.dither and picked != "PCM_16":
            kind = picked or file_format
            raise ValueError(f"dither is for 16-bit files, not {kind}: take subtype PCM_16")
        return picked


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)


PLAIN = RenderOptions()


def render_file(
    model: StreamingModel,
    mix_path: str | Path,
    out_folder: str | Path,
    *,
    file_format: str = "wav",
    subtype: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    options: RenderOptions = PLAIN,
) -> RenderReport:
    """Restore the stems of a file, each to a file of the mix's length, sample rate and channels.

    Memory does not grow with the file. The stems take their names when all are complete; if
    anything goes wrong, what was begun is removed and what was there before stays.

    Args:
        model: what to run.
        mix_path: the mix.
        out_folder: the files become `out_folder/<mix>/<stem>.<file_format>`.
        file_format: wav, flac, m4a, mp3 or opus; a WAV beyond 4 GiB is written as RF64.
        subtype: one of `FORMATS`; FLOAT for wav and PCM_24 for flac if None.
        overwrite: replace stems that exist.
        progress: called with the seconds of music done and the seconds in all.
        options: other files, other names, a part of the mix.

    Raises:
        ValueError: the mix does not fit (see `open_mix`), or the format or an option is unknown.
        FileExistsError: a stem exists, and `overwrite` is not set; nothing was done.
        OSError: reading or writing failed.
    """
    with open_mix(mix_path, options.downmix) as mix:
        return render_mix(
            model, mix, out_folder, file_format, subtype, overwrite, progress, options
        )


def render_mix(
    model: StreamingModel,
    mix: MixReader,
    out_folder: str | Path,
    file_format: str = "wav",
    subtype: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
    options: RenderOptions = PLAIN,
) -> RenderReport:
    """Restore a mix that is open as `render_file` does."""
    started = time.perf_counter()
    subtype = options.subtype(file_format, subtype)
    mix.select(options.start, options.duration)
    outputs = Outputs(model.stems, options.selection)
    targets = options.naming.files(mix.path, Path(out_folder), outputs.names, file_format)
    record = options.recipe and options.recipe.record(mix.path, targets[0])
    notes = [record.path] if record else []
    overwrite = overwrite or bool(record and record.owns(targets))
    check_targets(targets, mix.path, overwrite)
    if record and not overwrite:
        with suppress(OSError):  # what is wrong there is said where the files are made
            record.path.unlink()  # its files are gone
    tags = read_tags(mix.path) if options.tags else Tags()
    markers = read_markers(mix.path) if options.tags and file_format == "wav" else Markers()
    markers = markers.of_part(mix.start, mix.frames)
    meter = Meter(output_blocks(model, mix, outputs), mix, progress)
    scaled = Rescaled(meter, targets[0].parent)
    shape = mix.channels, mix.frames
    with all_or_none([*notes, *targets], overwrite) as every:
        parts = every[len(notes) :]
        shapes = dict.fromkeys(parts, shape)
        form = subtype, options.dither, options.bitrate
        with stem_files(shapes, mix.sample_rate, *form) as files:
            for signals in scaled if options.clip == "rescale" else meter:
                for file, signal in zip(files, signals, strict=True):
                    file.write(signal)
        for part, name in zip(parts, outputs.names, strict=True):
            write_tags(part, file_format, tags.of_stem(name))
            write_markers(part, markers)
        if record:
            record.write(every[0], parts, targets)
    report = make_report(mix, files, targets, outputs.stems, meter.peak, started, outputs.others)
    return dataclasses.replace(report, gain_db=20 * math.log10(scaled.gain))


def make_report(
    mix: MixReader,
    files: Sequence[StemFile | EncodedFile],
    targets: Sequence[Path],
    stems: int,
    peak: float,
    started: float,
    others: tuple[str, ...] = (),
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
        others=others,
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
