"""Scores: what every metric says of every stem, of the mix as it is and of each answer to it.

    references ─┐
    mix ────────┼──► Scorer ──► Scores ──► table, JSON, picture
    answers ────┘

The mix, taken as if it were the stem, is the zero line. A system is what is scored: the mix, a
separator, restored stems.
"""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from torch import Tensor

from restem.bridge.evaluation.intervals import Interval, bootstrap, by_song, text
from restem.models.training.embeddings import Embedding
from restem.models.training.metrics import (
    ZIMTOHRLI_REMEDY,
    Gaussian,
    Items,
    frechet,
    mmsnr,
    sdr,
    si_sdr,
    zimtohrli,
)

MIX, REFERENCE = "mix", "reference"
SILENT_PEAK = 1e-3  # -60 dBFS: a reference that never gets louder is silent
Values = dict[str, float]  # by system, the mix first


@dataclass(frozen=True)
class Metric:
    """One column of figures; `key` is its name for scripts."""

    key: str
    title: str
    digits: int
    higher: bool  # is better


MMSNR = Metric("mmsnr", "MMSNR, dB", 2, higher=True)
CLIP_METRICS: dict[Metric, Callable[[Tensor, Tensor, int], float]] = {
    MMSNR: mmsnr,
    Metric("si-sdr", "SI-SDR, dB", 2, higher=True): lambda r, e, _: si_sdr(r, e),
    Metric("sdr", "SDR, dB", 2, higher=True): sdr,
    Metric("zimtohrli", "Zimtohrli", 4, higher=False): zimtohrli,
}
FAD = "fad"
CHOICES = (*(metric.key for metric in CLIP_METRICS), FAD)


def fad_metrics(embedding: str) -> tuple[Metric, ...]:
    """The terms of a Fréchet audio distance and their sum, each named after its embedding."""
    titles = {"mean": ", mean term", "covariance": ", covariance term", "distance": ""}
    return tuple(
        Metric(f"{FAD}-{term}", f"FAD-{embedding}{title}", 4, higher=False)
        for term, title in titles.items()
    )


def pick_metrics(wanted: Sequence[str] | None) -> tuple[tuple[str, ...], list[str]]:
    """The wanted metrics, for None all that can be had, and a note for any that cannot.

    Raises:
        ValueError: a metric is unknown, or was asked for by name and is not installed.
    """
    for key in wanted or ():
        if key not in CHOICES:
            raise ValueError(f"unknown metric '{key}'; expected one of {', '.join(CHOICES)}")
    chosen = tuple(key for key in CHOICES if wanted is None or key in wanted)
    if not chosen:
        raise ValueError(f"no metric was asked for; expected some of {', '.join(CHOICES)}")
    if "zimtohrli" not in chosen or find_spec("zimtohrli"):
        return chosen, []
    missing = f"Zimtohrli is not installed: {ZIMTOHRLI_REMEDY}"
    if wanted is not None:
        raise ValueError(missing)
    return tuple(key for key in chosen if key != "zimtohrli"), [f"{missing}; it is left out"]


@dataclass(frozen=True)
class Clip:
    """One stem of one song, by metric and system."""

    song: str
    stem: str
    scores: dict[str, Values]


@dataclass(frozen=True)
class ScoreRow:
    """One metric of one stem over all its clips, or of the average stem."""

    metric: Metric
    stem: str
    values: Values

    @property
    def gain(self) -> float:
        """Gain of the last system over the mix; positive is better, always."""
        gain = [*self.values.values()][-1] - self.values[MIX]
        return gain if self.metric.higher else -gain

    def cells(self) -> tuple[str, ...]:
        """Every system's value and the gain."""
        digits = self.metric.digits
        values = [f"{value:.{digits}f}" for value in self.values.values()]
        cells = (*values, f"{self.gain:+.{digits}f}")
        return tuple("-" if cell.endswith("nan") else cell for cell in cells)


@dataclass(frozen=True)
class Scores:
    """All of an evaluation.

    Attributes:
        systems: what was scored, the mix first.
        metrics: by what.
        stems: those asked for.
        clips: every stem of every song that was scored.
        frechet: distances between all clips of a stem, by stem, metric and system.
        silent: in how many songs a stem does not play.
        missing: the songs in which a stem plays, but has no answer.
        notes: what to know before one believes the figures.
    """

    systems: tuple[str, ...]
    metrics: tuple[Metric, ...]
    stems: tuple[str, ...]
    clips: tuple[Clip, ...]
    frechet: Mapping[str, Mapping[str, Values]]
    silent: Mapping[str, int]
    missing: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    def line(self, metric: Metric, stem: str) -> ScoreRow:
        """The mean over a stem's clips, or the distance between all of them."""
        if metric.key.startswith(FAD):
            values = self.frechet.get(stem, {}).get(metric.key, {})
        else:
            clips = [clip.scores[metric.key] for clip in self.clips if clip.stem == stem]
            values = {system: _mean([c[system] for c in clips]) for system in self.systems}
        return ScoreRow(metric, stem, {s: values.get(s, float("nan")) for s in self.systems})

    def average(self, metric: Metric) -> ScoreRow:
        """The mean over the stems, each with the same weight."""
        lines = [self.line(metric, stem) for stem in self.stems]
        values = {s: _mean([line.values[s] for line in lines]) for s in self.systems}
        return ScoreRow(metric, "average", values)

    @property
    def columns(self) -> tuple[str, ...]:
        missing = ("missing",) if self.missing else ()
        return ("metric", "stem", "clips", "silent", *missing, *self.systems, "gain", "95 %")

    def rows(self) -> list[tuple[str, ...]]:
        """The table: metric by metric, stem by stem, averages below."""
        clips = Counter(clip.stem for clip in self.clips)
        missing = {stem: len(songs) for stem, songs in self.missing.items()}
        counts = [clips, self.silent, *([missing] if missing else [])]
        rows = []
        for metric in self.metrics:
            *spread, spread_of_all = (text(i, metric.digits) for i in self.intervals(metric))
            for stem, bounds in zip(self.stems, spread, strict=True):
                cells = (f"{count.get(stem, 0)}" for count in counts)
                rows.append((metric.title, stem, *cells, *self.line(metric, stem).cells(), bounds))
            total = (f"{sum(count.values())}" for count in counts)
            average = self.average(metric).cells()
            rows.append((metric.title, "average", *total, *average, spread_of_all))
        return rows

    def intervals(self, metric: Metric) -> list[Interval]:
        """Bootstrap intervals of the gain, by stem and of the average; NaN for distances."""
        songs = [*dict.fromkeys(clip.song for clip in self.clips)]
        gains = {
            (clip.song, clip.stem): ScoreRow(metric, clip.stem, clip.scores[metric.key]).gain
            for clip in self.clips
            if metric.key in clip.scores
        }
        return bootstrap(by_song(songs, self.stems, gains))

    def as_dict(self) -> dict[str, Any]:
        """Full figures for scripts, per song too; what is undefined is None."""
        count = Counter(clip.stem for clip in self.clips)
        figures: dict[str, Any] = {
            "systems": list(self.systems),
            "metrics": [dataclasses.asdict(metric) for metric in self.metrics],
            "stems": {
                stem: {
                    "clips": count[stem],
                    "silent": self.silent.get(stem, 0),
                    "missing": list(self.missing.get(stem, ())),
                    "scores": {m.key: self.line(m, stem).values for m in self.metrics},
                }
                for stem in self.stems
            },
            "average": {metric.key: self.average(metric).values for metric in self.metrics},
            "gain_intervals_95": {
                metric.key: dict(zip((*self.stems, "average"), self.intervals(metric), strict=True))
                for metric in self.metrics
            },
            "clips": [dataclasses.asdict(clip) for clip in self.clips],
            "notes": list(self.notes),
        }
        defined: dict[str, Any] = _defined(figures)
        return defined


class Scorer:
    """Scores songs one by one; memory grows by a few figures a clip.

    Args:
        systems: what will be scored beside the mix.
        stems: which stems of it.
        metrics: some of `CHOICES`.
        embedding: for the Fréchet audio distance; left out if None.
    """

    def __init__(
        self,
        systems: Sequence[str],
        stems: Sequence[str],
        metrics: Sequence[str],
        embedding: Embedding | None = None,
    ) -> None:
        self.systems, self.stems = (MIX, *systems), tuple(stems)
        self.clip_metrics = [metric for metric in CLIP_METRICS if metric.key in metrics]
        self.embedding = embedding if FAD in metrics else None
        self._clips: list[Clip] = []
        self._silent: Counter[str] = Counter()
        self._missing: defaultdict[str, list[str]] = defaultdict(list)
        self._mute: Counter[str] = Counter()  # answers without a sound, by system
        self._clouds: defaultdict[tuple[str, str], Gaussian] = defaultdict(Gaussian)

    def add(
        self,
        song: str,
        mix: Tensor,
        references: Mapping[str, Tensor],
        answers: Mapping[str, Mapping[str, Tensor]],
        sample_rate: int,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Score one song; stems without a reference are silent.

        Args:
            song: its name.
            mix: [c, n].
            references: [c, n], by stem.
            answers: [c, n] each, by system and stem.
            sample_rate: Hz, of everything.
            tick: called after every stem.

        Raises:
            ValueError: a metric or the embedding fails; the song and the stem are named.
        """
        mix_items = self._embed(mix, sample_rate)
        for stem in self.stems:
            reference = references.get(stem)
            if reference is None or float(reference.abs().max()) <= SILENT_PEAK:
                self._silent[stem] += 1
            elif any(stem not in answers[system] for system in self.systems[1:]):
                self._missing[stem].append(song)
            else:
                estimates = {system: answers[system][stem] for system in self.systems[1:]}
                try:
                    self._add_clip(song, stem, reference, {MIX: mix, **estimates}, sample_rate)
                    self._add_items(stem, MIX, mix_items)
                    for name, audio in {REFERENCE: reference, **estimates}.items():
                        self._add_items(stem, name, self._embed(audio, sample_rate))
                except ValueError as error:
                    raise ValueError(f"{song}: {stem}: {error}") from error
            tick()

    def result(self, notes: Sequence[str] = ()) -> Scores:
        """All scores so far, with a note for everything that makes them weak.

        Raises:
            ValueError: there are none.
        """
        missing = {stem: tuple(songs) for stem, songs in self._missing.items()}
        if not self._clips:
            why = "no stem has both a sound and an estimate" if missing else "every stem is silent"
            raise ValueError(f"nothing to score: {why}")
        metrics = [*self.clip_metrics]
        distances: dict[str, dict[str, Values]] = {}
        if self.embedding:
            fad = fad_metrics(self.embedding.name)
            metrics += fad
            distances = {
                stem: self._distances(stem, fad)
                for stem in self.stems
                if (stem, REFERENCE) in self._clouds
            }
        return Scores(
            systems=self.systems,
            metrics=tuple(metrics),
            stems=self.stems,
            clips=tuple(self._clips),
            frechet=distances,
            silent=dict(self._silent),
            missing=missing,
            notes=(*notes, *self._mute_notes(), *self._missing_notes(), *self._item_notes()),
        )

    def _add_clip(
        self, song: str, stem: str, reference: Tensor, estimates: dict[str, Tensor], rate: int
    ) -> None:
        scores = {
            metric.key: {
                system: CLIP_METRICS[metric](reference, audio, rate)
                for system, audio in estimates.items()
            }
            for metric in self.clip_metrics
        }
        self._clips.append(Clip(song, stem, scores))
        self._mute.update(system for system, audio in estimates.items() if not audio.any())

    def _embed(self, audio: Tensor, sample_rate: int) -> Items | None:
        return self.embedding(audio.numpy(), sample_rate) if self.embedding else None

    def _add_items(self, stem: str, system: str, items: Items | None) -> None:
        if items is not None:
            self._clouds[stem, system].add(items)

    def _distances(self, stem: str, metrics: Sequence[Metric]) -> dict[str, Values]:
        clouds = {system: self._clouds[stem, system] for system in self.systems}
        terms = {system: frechet(self._clouds[stem, REFERENCE], c) for system, c in clouds.items()}
        return {
            metric.key: {
                s: getattr(term, metric.key.removeprefix(f"{FAD}-")) for s, term in terms.items()
            }
            for metric in metrics
        }

    def _mute_notes(self) -> list[str]:
        return [
            f"{system}: {count} of {len(self._clips)} clips are silent where the stem plays; "
            "silence scores 0 dB MMSNR and -100 dB SI-SDR"
            for system, count in self._mute.items()
        ]

    def _missing_notes(self) -> list[str]:
        missing = [f"{song}/{stem}" for stem, songs in self._missing.items() for song in songs]
        if not missing:
            return []
        more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
        return [
            f"{len(missing)} estimates of stems that play are missing and not in the averages: "
            f"{', '.join(missing[:8])}{more}"
        ]

    def _item_notes(self) -> list[str]:
        counts = {
            stem: cloud.count
            for (stem, system), cloud in self._clouds.items()
            if system == REFERENCE and cloud.count <= cloud.dim
        }
        if not counts or self.embedding is None:
            return []
        fewest = min(counts, key=lambda stem: counts[stem])
        dim = self._clouds[fewest, REFERENCE].dim
        return [
            f"FAD-{self.embedding.name}: {len(counts)} stems have fewer items than the {dim + 1} "
            f"that {dim} features need ({fewest}: {counts[fewest]}): their covariance term says "
            "little; take more or longer songs"
        ]


def _mean(values: Sequence[float]) -> float:
    """The mean of what is defined."""
    defined = [value for value in values if value == value]
    return float(np.mean(defined)) if defined else float("nan")


def _defined(value: Any) -> Any:
    """Replace NaN by None, recursively, for JSON."""
    if isinstance(value, dict):
        return {key: _defined(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_defined(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
