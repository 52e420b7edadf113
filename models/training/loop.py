"""The training loop: clips in, checkpoints, validation curves and an exported file out.

OUT/recipe.json      what is trained; a run is only continued with the same recipe
OUT/split.yaml       which songs are trained on, which are held out
OUT/last.pt          everything to go on from
OUT/log.jsonl        a line for every validation
OUT/weights.safetensors   the newest weights, as they are shipped
"""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from restem.models.atomic_write import atomically
from restem.models.training.data.degradations import make_example
from restem.models.training.data.resident import Resident
from restem.models.training.data.songs import Song, draw_stems, write_split
from restem.models.training.metrics import Example, mmsnr, plays
from restem.models.training.recipes import DataConfig, Recipe
from restem.models.training.trainers.embedded import EmbeddedTrainer
from restem.models.training.trainers.repair import RepairTrainer
from restem.models.training.trainers.separator import SeparatorTrainer

SAVE_MINUTES = 5.0  # between two checkpoints
Scores = dict[str, dict[str, float]]  # by stem: dB of the mix and after each stage, and the clips


class Trainer(Protocol):
    """Whatever can be trained: networks, their optimisers and their averages."""

    sample_rate: int
    stems: tuple[str, ...]  # whose targets it wants

    def step(self, mix: Tensor, targets: Tensor, progress: float) -> dict[str, float]:
        """Train on mix [b, c, n] and targets [b, s, c, n]; returns the losses by name."""

    def restore(self, mix: Tensor) -> dict[str, Tensor]:
        """Restore mix [c, n]: [s, c, n] by the name of the stage."""

    def calibrate(self, examples: Sequence[Example]) -> None:
        """Fit what is fitted to held-out clips, once training is over."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> None: ...
    def export(self, path: Path) -> None: ...


@dataclass(frozen=True)
class Progress:
    """Progress of a run so far."""

    steps: int
    minutes: float
    fraction: float
    losses: dict[str, float]
    scores: Scores | None = None  # after a validation


class Clips(IterableDataset[Example]):
    """Endless random examples."""

    def __init__(
        self,
        songs: list[Song],
        stems: tuple[str, ...],
        sample_rate: int,
        data: DataConfig,
        seed: tuple[int, ...],
    ) -> None:
        self.songs, self.stems, self.sample_rate = songs, stems, sample_rate
        self.data, self.seed = data, seed

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        rng = np.random.default_rng((*self.seed, worker.id if worker else 0))
        only = self.stems[0] if len(self.stems) == 1 else None
        while True:
            clips = draw_stems(
                self.songs,
                self.data.clip_seconds,
                rng,
                together=self.data.together,
                sample_rate=self.sample_rate,
                always=only,
                sources=self.data.sources,
            )
            if clips:
                mix, targets = make_example(clips, self.sample_rate, rng)
                silence = np.zeros_like(mix)
                stacked = np.stack([targets.get(stem, silence) for stem in self.stems])
                yield torch.from_numpy(np.ascontiguousarray(mix)), torch.from_numpy(stacked)


def build_trainer(recipe: Recipe, device: torch.device) -> Trainer:
    """The networks of a recipe with seeded random weights."""
    torch.manual_seed(recipe.seed)
    if recipe.embedded is not None:
        return EmbeddedTrainer(recipe.embedded, device)
    if recipe.separator is not None:
        return SeparatorTrainer(recipe.separator, device)
    assert recipe.repair is not None
    return RepairTrainer(recipe.repair, device)


def train(
    recipe: Recipe,
    songs: list[Song],
    held_out: list[Song],
    out: Path,
    device: torch.device,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Train until the recipe's schedule is over; a run that is there is continued.

    An interrupted run keeps its last step, one that was killed the last checkpoint.

    Raises:
        ValueError: OUT holds a run of another recipe, or its checkpoint is broken.
    """
    out.mkdir(parents=True, exist_ok=True)
    trainee = build_trainer(recipe, device)
    run = _Run(recipe, trainee, out)
    write_split(out / "split.yaml", songs, held_out)
    clip = replace(recipe.data, clip_seconds=recipe.validation.clip_seconds)
    validation = Clips(held_out, trainee.stems, trainee.sample_rate, clip, (recipe.seed, 1))
    examples = list(itertools.islice(validation, recipe.validation.clips))
    batches = draw_batches(recipe, songs, trainee, run.steps, device)
    try:
        for mix, targets in batches:
            if run.over:
                break
            now = run.step(mix, targets)
            if run.over or run.minutes - run.validated >= recipe.validation.every_minutes:
                now = replace(now, scores=validate(trainee, examples))
                run.record(now)
            elif run.minutes - run.saved >= SAVE_MINUTES:
                run.save()
            progress(now)
    finally:
        run.save()
    if run.over:
        trainee.calibrate(examples)
        run.save()
    trainee.export(out / "weights.safetensors")
    return run.now({})


def draw_batches(
    recipe: Recipe, songs: list[Song], trainee: Trainer, steps: int, device: torch.device
) -> Iterable[Example]:
    """Endless batches of examples, [b, c, n] and [b, s, c, n], from a step on."""
    data, stems, sample_rate = recipe.data, trainee.stems, trainee.sample_rate
    on_gpu = device.type == "cuda" and len(stems) > 1
    if on_gpu if data.resident is None else data.resident:
        songs_there = Resident(songs, stems, sample_rate, device, data.sources)
        length = round(data.clip_seconds * sample_rate)
        seed = (recipe.seed << 32) + steps
        return songs_there.batches(data.batch_size, length, data.together, seed)
    clips = Clips(songs, stems, sample_rate, data, (recipe.seed, 0, steps))
    return DataLoader(
        clips,
        data.batch_size,
        num_workers=data.workers,
        prefetch_factor=8 if data.workers else None,
    )


class _Run:
    """Steps and time of one run, over any number of resumptions, and its folder."""

    def __init__(self, recipe: Recipe, trainee: Trainer, out: Path) -> None:
        self.recipe, self.trainer, self.out = recipe, trainee, out
        self.steps, self.minutes, self.validated, self.saved = 0, 0.0, 0.0, 0.0
        self.losses: list[dict[str, float]] = []
        self._resume()
        self.began = time.monotonic() - 60 * self.minutes

    @property
    def fraction(self) -> float:
        steps, minutes = self.recipe.steps, self.recipe.minutes
        parts = (
            self.steps / steps if steps else 0.0,
            self.minutes / minutes if minutes else 0.0,
        )
        return min(max(parts), 1.0)

    @property
    def over(self) -> bool:
        return self.fraction >= 1

    def now(self, losses: dict[str, float]) -> Progress:
        return Progress(self.steps, self.minutes, self.fraction, losses)

    def step(self, mix: Tensor, targets: Tensor) -> Progress:
        losses = self.trainer.step(mix, targets, self.fraction)
        self.losses.append(losses)
        self.steps += 1
        self.minutes = (time.monotonic() - self.began) / 60
        return self.now(losses)

    def record(self, now: Progress) -> None:
        """Log a validation and save everything."""
        names = self.losses[-1]
        mean = {n: float(np.mean([losses.get(n, 0.0) for losses in self.losses])) for n in names}
        row = {**asdict(now), "losses": mean, "minutes": round(self.minutes, 3)}
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as log:
            print(json.dumps(row), file=log)
        self.losses, self.validated = [], self.minutes
        self.save()
        self.trainer.export(self.out / "weights.safetensors")

    def save(self) -> None:
        state = {
            "trainee": self.trainer.state_dict(),
            "steps": self.steps,
            "minutes": self.minutes,
            "validated": self.validated,
        }
        self.saved = self.minutes
        with atomically(self.out / "last.pt") as part:
            torch.save(state, part)

    def _resume(self) -> None:
        told = json.dumps(_identity(self.recipe), indent=2)
        kept, checkpoint = self.out / "recipe.json", self.out / "last.pt"
        if not checkpoint.exists():
            kept.write_text(told, encoding="utf-8")
            return
        if not kept.is_file() or kept.read_text(encoding="utf-8") != told:
            raise ValueError(f"{self.out}: holds a run of another recipe; choose another folder")
        state = load_checkpoint(checkpoint)
        self.trainer.load_state_dict(state["trainee"])
        self.steps, self.minutes = state["steps"], state["minutes"]
        self.validated, self.saved = state["validated"], state["minutes"]


def check_networks(recipe: Recipe, out: Path) -> None:
    """Refuse a run whose networks a recipe does not describe; seed, songs and schedule may differ.

    Raises:
        ValueError: the run in OUT is of another recipe.
    """
    told, kept = json.loads(json.dumps(_identity(recipe))), out / "recipe.json"
    run = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    if any(run.get(stage) != told[stage] for stage in ("embedded", "separator", "repair")):
        raise ValueError(f"{out}: holds a run of another recipe; give the recipe of {kept}")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; nothing in it is executed.

    Raises:
        ValueError: there is none, or it is broken.
    """
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no checkpoint; train first") from error
    except Exception as error:  # torch names broken files in many ways
        raise ValueError(f"{path}: a broken checkpoint; remove it to begin anew") from error
    return state


def _identity(recipe: Recipe) -> dict[str, Any]:
    """A recipe without what may change between resumptions."""
    kept = asdict(recipe)
    for name in ("steps", "minutes", "validation", "description"):
        del kept[name]
    for name in ("workers", "resident"):
        del kept["data"][name]
    return kept


def validate(trainee: Trainer, examples: list[Example]) -> Scores:
    """Held-out MMSNR in dB of each stem, over the clips in which it plays."""
    rows: dict[str, list[dict[str, float]]] = {stem: [] for stem in trainee.stems}
    for mix, targets in examples:
        playing = [n for n, target in enumerate(targets) if plays(target)]
        stages = {"mix": mix.expand_as(targets), **(trainee.restore(mix) if playing else {})}
        for number in playing:
            rows[trainee.stems[number]].append(
                {name: mmsnr(targets[number], audio[number]) for name, audio in stages.items()}
            )
    return {
        stem: {
            **{name: round(float(np.mean([s[name] for s in scores])), 3) for name in scores[0]},
            "clips": len(scores),
        }
        for stem, scores in rows.items()
        if scores
    }
