"""Evaluation: a profile's stems, or any tool's, are held against the stems they should be.

    song ──► excerpt ──► mix ──► model ──► restored ─┐
                │                                    ├──► Scorer
                └──────► references ─────────────────┘

The mix is the song's own; else the sum of its stems; with a seed, a mix degraded as in training.
Memory grows with the longest excerpt, not with the number of songs. Shapes: `s` stem, `c` channel,
`n` sample.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from restem.bridge.evaluation.plots import draw_scores
from restem.bridge.evaluation.scores import FAD, MIX, SILENT_PEAK, Scorer, Scores, pick_metrics
from restem.bridge.evaluation.tables import as_csv
from restem.bridge.files.reader import one_line_errors, open_mix
from restem.bridge.files.writer import StemFile
from restem.models.atomic_write import atomically
from restem.models.stems import STEMS
from restem.models.training.data.degradations import make_example
from restem.models.training.data.songs import Audio, Song, open_songs
from restem.models.training.embeddings import load_embedding
from restem.streamer.builder import load_profile, pick_stems
from restem.streamer.model.combine import first_stage
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import DEFAULT
from restem.streamer.stream import render_blocks

SEPARATOR, RESTORED, ESTIMATE = "separator", "restored", "estimate"
CHANNELS = 2
SHORTEST_SECONDS = 0.25  # of an excerpt: below it metrics are undefined
LENGTH_TOLERANCE_SECONDS = 0.1  # between an estimate and its song: encoders pad
FIGURES, PICTURE, TABLE = "scores.json", "scores.png", "scores.csv"
Progress = Callable[[float, float], None]  # done, in all


def ignore(done: float, total: float) -> None:
    """Discard progress."""


@dataclass(frozen=True)
class EvaluationRequest:
    """Systems to evaluate, the songs, and what to keep."""

    songs: Path
    layout: str = "restem"
    names: tuple[str, ...] | None = None  # of songs, all if None
    stems: tuple[str, ...] | None = None
    seconds: float | None = None  # of each song, all of it if None
    degrade: int | None = None  # a seed
    profile: str | None = None
    device: str = "auto"
    estimates: Path | None = None  # instead of a profile
    metrics: tuple[str, ...] | None = None
    embedding: str = "mel"
    out: Path | None = None
    keep: bool = False
    overwrite: bool = False

    def check(self) -> None:
        """Raise ValueError if parts of the request exclude each other."""
        if self.estimates is not None:
            for name in ("profile", "degrade", "keep"):
                value = getattr(self, name)
                if value is not None and value is not False:  # a seed of 0 counts
                    raise ValueError(
                        f"--{name} is of no use with --estimates: stems that are there already "
                        "were made without it; leave one of the two out"
                    )
        if self.keep and self.out is None:
            raise ValueError("--keep needs --out: the folder to keep the stems in")
        if self.seconds is not None and not self.seconds >= 1:
            raise ValueError(f"--seconds must be at least 1, got {self.seconds:g}")
        if self.degrade is not None and self.degrade < 0:
            raise ValueError(f"--degrade must be a seed of 0 or more, got {self.degrade}")

    def as_dict(self) -> dict[str, Any]:
        fields = dataclasses.asdict(self).items()
        return {k: str(v) if isinstance(v, Path) else v for k, v in fields}


@dataclass(frozen=True)
class Example:
    """A mix [c, n] and those of its stems that play."""

    mix: Tensor
    references: dict[str, Tensor]


class ProgressMeter:
    """Overall progress, in seconds of music."""

    def __init__(self, total: float, progress: Progress) -> None:
        self.done, self.total, self.progress = 0.0, total, progress

    def advance(self, seconds: float) -> None:
        self.done += seconds
        self.progress(min(self.done, self.total), self.total)


def run_evaluation(request: EvaluationRequest, progress: Progress = ignore) -> Scores:
    """Evaluate; with `request.out`, write scores.json, .csv and .png there when all is done.

    Raises:
        ValueError: the request, a song, a profile or an estimate does not fit; one line.
        FileExistsError: an answer exists, and `overwrite` is not set; nothing was done.
        OSError: reading or writing failed.
    """
    request.check()
    metrics, notes = pick_metrics(request.metrics)
    embedding = load_embedding(request.embedding) if FAD in metrics else None
    songs = pick_songs(request, progress)
    if request.estimates is not None:
        stems = pick_stems(STEMS, request.stems)
        found = find_estimates(request.estimates, songs, stems)
        _prepare_out(request, songs, stems)
        scorer = Scorer((ESTIMATE,), stems, metrics, embedding)
        score_estimates(scorer, songs, found, request.seconds, progress)
    else:
        model = load_profile(request.profile or DEFAULT, request.device, request.stems)
        _prepare_out(request, songs, model.stems)
        stages = {SEPARATOR: first_stage(model), RESTORED: model}
        models = {system: stage for system, stage in stages.items() if stage is not None}
        scorer = Scorer(tuple(models), model.stems, metrics, embedding)
        score_models(scorer, models, songs, request, progress)
    scores = scorer.result(notes)
    if request.out is not None:
        figures = json.dumps({"request": request.as_dict(), **scores.as_dict()}, indent=2)
        with atomically(request.out / FIGURES) as part:
            part.write_text(figures + "\n", encoding="utf-8")
        with atomically(request.out / TABLE) as part:
            part.write_text(as_csv(scores), encoding="utf-8")
        draw_scores(scores, request.out / PICTURE)
    return scores


def pick_songs(request: EvaluationRequest, progress: Progress = ignore) -> list[Song]:
    """Open the songs that are asked for.

    Raises:
        ValueError: there are none, or a name is unknown.
    """
    with one_line_errors(request.songs):
        songs = open_songs(request.songs, request.layout, progress)
    if request.names is None:
        return songs
    known = {song.name: song for song in songs}
    for name in request.names:
        if name not in known:
            more = f" and {len(known) - 8} more" if len(known) > 8 else ""
            choices = ", ".join([*known][:8])
            raise ValueError(f"{request.songs}: no song '{name}'; expected some of {choices}{more}")
    return [song for song in songs if song.name in request.names]


def score_models(
    scorer: Scorer,
    models: Mapping[str, StreamingModel],
    songs: Sequence[Song],
    request: EvaluationRequest,
    progress: Progress = ignore,
) -> None:
    """Restore every song's mix with every model and score the stems.

    Args:
        models: by system; all with one sample rate and the same stems.

    Raises:
        ValueError: a song is too short, or a model answers with NaN.
    """
    sample_rate = next(iter(models.values())).sample_rate
    spans = [find_excerpt(song, request.seconds) for song in songs]
    work = ProgressMeter(sum(length for _, length in spans) * (len(models) + 1), progress)
    for song, span in zip(songs, spans, strict=True):
        example = read_example(song, span, sample_rate, request.degrade)
        answers = {}
        for system, model in models.items():
            stems = _restore(model, example.mix, work)
            if not bool(stems.isfinite().all()):
                raise ValueError(f"{song.name}: the model answers with NaN or Inf; try another")
            answers[system] = dict(zip(model.stems, stems, strict=True))
        if request.keep and request.out is not None:
            kept = {MIX: example.mix, **answers[RESTORED]}
            _write(request.out / song.name, kept, sample_rate)
        tick = partial(work.advance, span[1] / len(scorer.stems))
        scorer.add(song.name, example.mix, example.references, answers, sample_rate, tick)


def find_excerpt(song: Song, seconds: float | None) -> tuple[float, float]:
    """Find the excerpt in which most stems play, counted by the second; the first such.

    Returns:
        Start and length in seconds; the whole song if it is no longer than `seconds`, or for None.
    """
    duration = song.duration_seconds
    if duration < SHORTEST_SECONDS:
        raise ValueError(f"{song.name}: lasts {duration:.2f} s; at least {SHORTEST_SECONDS} needed")
    if seconds is None or seconds >= duration:
        return 0.0, duration
    playing = np.zeros(math.ceil(duration), dtype=int)
    for parts in song.parts.values():
        playing[sorted({second for part in parts for second in part.active})] += 1
    total = np.concatenate(([0], np.cumsum(playing)))
    starts = np.arange(math.floor(duration - seconds) + 1)
    ends = np.minimum(starts + math.ceil(seconds), len(playing))
    return float(starts[np.argmax(total[ends] - total[starts])]), seconds


def read_example(
    song: Song, span: tuple[float, float], sample_rate: int, degrade: int | None = None
) -> Example:
    """Read an excerpt of a song.

    Args:
        span: start and length in seconds.
        sample_rate: Hz, of the answer.
        degrade: a seed; the degradations depend on it and on the song's name alone.

    Returns:
        The mix and the stems that play; degraded, these are the clean ones, placed and levelled
        as they are in the mix.
    """
    clips: dict[str, Audio] = {
        stem: np.sum([part.read(*span, sample_rate) for part in parts], axis=0, dtype=np.float32)
        for stem, parts in song.parts.items()
    }
    playing = {stem: clip for stem, clip in clips.items() if np.abs(clip).max() > SILENT_PEAK}
    if degrade is not None and playing:
        rng = np.random.default_rng((degrade, crc32(song.name.encode())))
        mix, playing = make_example(playing, sample_rate, rng)
    elif song.mixture is not None:
        mix = song.mixture.read(*span, sample_rate)
    else:
        mix = np.sum([*clips.values()], axis=0, dtype=np.float32)
    references = {stem: torch.from_numpy(clip) for stem, clip in playing.items()}
    return Example(torch.from_numpy(mix), references)


def _restore(model: StreamingModel, mix: Tensor, work: ProgressMeter) -> Tensor:
    """Render as `streamer.render`, with progress and no second copy: [s, c, n]."""
    stems = torch.empty(len(model.stems), *mix.shape)
    done = 0
    for block in render_blocks(model, mix.split(model.block_size, dim=-1)):
        stems[..., done : done + block.shape[-1]] = block
        done += block.shape[-1]
        work.advance(block.shape[-1] / model.sample_rate)
    return stems


def find_estimates(
    folder: Path, songs: Sequence[Song], stems: Sequence[str]
) -> dict[str, dict[str, Path]]:
    """Find FOLDER/<song>/<stem>.wav or .flac and check every one, by song and stem.

    Raises:
        ValueError: there are none, or one does not fit its song.
        OSError: one cannot be opened.
    """
    found: dict[str, dict[str, Path]] = {}
    for song in songs:
        rate, seconds = _own_rate(song), (song.mixture or song).duration_seconds
        found[song.name] = {}
        for stem in stems:
            path = _find_estimate(folder / song.name, stem)
            if path is not None and stem in song.parts:
                _check_estimate(path, rate, seconds)
                found[song.name][stem] = path
    if not any(found.values()):
        raise ValueError(
            f"{folder}: no estimates of these songs; expected {folder}/{songs[0].name}/<stem>.wav "
            "or .flac, as `restem render` writes them"
        )
    return found


def _own_rate(song: Song) -> int:
    """The mixture's sample rate; else the highest of the stems."""
    if song.mixture is not None:
        return song.mixture.sample_rate
    return max(part.sample_rate for parts in song.parts.values() for part in parts)


def _find_estimate(folder: Path, stem: str) -> Path | None:
    paths = [folder / f"{stem}{suffix}" for suffix in (".wav", ".flac")]
    there = [path for path in paths if path.is_file()]
    if len(there) > 1:
        raise ValueError(f"{there[0]}: {there[1].name} is there, too; keep the one to score")
    return there[0] if there else None


def _check_estimate(path: Path, sample_rate: int, seconds: float) -> None:
    with open_mix(path) as file:
        if file.sample_rate != sample_rate:
            raise ValueError(
                f"{path}: has {file.sample_rate} Hz, its song {sample_rate} Hz; "
                f"resample it to {sample_rate} Hz"
            )
        length = file.frames / sample_rate
        if abs(length - seconds) > LENGTH_TOLERANCE_SECONDS:
            raise ValueError(
                f"{path}: lasts {length:.2f} s, its song {seconds:.2f} s; "
                "make it of the whole song, aligned with it"
            )


def score_estimates(
    scorer: Scorer,
    songs: Sequence[Song],
    found: Mapping[str, Mapping[str, Path]],
    seconds: float | None = None,
    progress: Progress = ignore,
) -> None:
    """Score stems that are there already, each at its song's own sample rate."""
    spans = [find_excerpt(song, seconds) for song in songs]
    work = ProgressMeter(sum(length for _, length in spans), progress)
    for song, span in zip(songs, spans, strict=True):
        sample_rate = _own_rate(song)
        example = read_example(song, span, sample_rate)
        estimates = {
            stem: _read_estimate(path, round(span[0] * sample_rate), example.mix.shape[1])
            for stem, path in found[song.name].items()
            if stem in example.references
        }
        tick = partial(work.advance, span[1] / len(scorer.stems))
        answers = {ESTIMATE: estimates}
        scorer.add(song.name, example.mix, example.references, answers, sample_rate, tick)


def _read_estimate(path: Path, start: int, frames: int) -> Tensor:
    with open_mix(path) as file:
        audio = np.concatenate([*file], axis=1)[:, start : start + frames]
        if file.bad_samples:
            raise ValueError(
                f"{path}: has NaN or Inf, first at {file.first_bad_seconds:.3f} s; make it again"
            )
    padded = np.zeros((CHANNELS, frames), np.float32)
    padded[:, : audio.shape[1]] = audio
    return torch.from_numpy(padded)


def _prepare_out(request: EvaluationRequest, songs: Sequence[Song], stems: Sequence[str]) -> None:
    """Check before hours of work that results can be written, and overwrite none."""
    if request.out is None:
        return
    targets = [request.out / name for name in (FIGURES, PICTURE, TABLE)]
    if request.keep:
        names = (MIX, *stems)
        targets += [request.out / song.name / f"{name}.wav" for song in songs for name in names]
    for target in targets:
        with one_line_errors(target):
            if target.exists() and not request.overwrite:
                raise FileExistsError(f"{target}: exists; --overwrite it or choose another folder")
    with one_line_errors(request.out):
        request.out.mkdir(parents=True, exist_ok=True)


def _write(folder: Path, audios: Mapping[str, Tensor], sample_rate: int) -> None:
    for name, audio in audios.items():
        path = folder / f"{name}.wav"
        with one_line_errors(path), atomically(path) as part:
            channels, frames = audio.shape
            file = StemFile(part, sample_rate, channels, frames, "FLOAT")
            try:
                file.write(audio.numpy())
                file.finish()
            finally:
                file.close()
