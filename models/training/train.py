"""Train the embedded cascade on a CPU or GPU; resumable, seeded, for as long as it is given.

    python -m models.training.train SONGS HELD_OUT_SONGS OUT_DIR --minutes 90

SONGS and HELD_OUT_SONGS are folders as in `models.training.songs`, with no song in both. OUT_DIR
receives `last.pt` (resumed from when it exists), `log.jsonl` and `embedded.safetensors`.
"""

import argparse
import copy
import itertools
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models import zoo
from models.embedded import EmbeddedCascade, spread
from models.stems import STEMS
from models.training.degradations import make_example
from models.training.losses import grid_weight, pooled_powers, spectral_loss
from models.training.metrics import mmsnr
from models.training.songs import Song, draw_stems, open_songs

Scores = dict[str, list[float]]  # by stem: dB of the mix, stage 1, stage 2, and the clips counted


@dataclass(frozen=True)
class Recipe:
    """How to train; `minutes` is the whole schedule, over any number of resumptions."""

    minutes: float = 90.0
    clip_seconds: float = 3.0
    batch_size: int = 2
    learning_rate: float = 1e-3
    repaired_stems: int = 3  # a step: the second stage costs by the stem
    averaging: float = 0.998
    validate_minutes: float = 10.0
    validation_clips: int = 32  # of 6 s
    seed: int = 0


class Clips(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless random examples: mix [c, n] and clean targets [s, c, n]."""

    def __init__(self, songs: list[Song], sample_rate: int, recipe: Recipe, start: int = 0) -> None:
        self.songs, self.sample_rate, self.recipe, self.start = songs, sample_rate, recipe, start

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.recipe.seed, self.start, worker.id if worker else 0))
        while True:
            clips = draw_stems(self.songs, self.recipe.clip_seconds, rng)
            if clips:
                yield as_tensors(*make_example(clips, self.sample_rate, rng))


def as_tensors(mix: np.ndarray, targets: dict[str, np.ndarray]) -> tuple[Tensor, Tensor]:
    silence = np.zeros_like(mix)
    stacked = np.stack([targets.get(stem, silence) for stem in STEMS])
    return torch.from_numpy(np.ascontiguousarray(mix)), torch.from_numpy(stacked)


def spectra(audio: Tensor, model: EmbeddedCascade) -> Tensor:
    """The frames of streaming: [.., c, n] -> complex [.., t, f, c], the Nyquist bin left out."""
    n_fft, hop = model.config.n_fft, model.config.hop_length
    frames = torch.nn.functional.pad(audio, (model.latency, 0)).unfold(-1, n_fft, hop)
    bins: Tensor = torch.fft.rfft(frames * model.window)[..., :-1]  # [.., c, t, f]
    return bins.movedim(-3, -1)


def stream(model: EmbeddedCascade, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Restore a whole clip: mix [c, n] -> stems of stage 1 and of stage 2, [s, c, n] each."""
    bins = spectra(torch.nn.functional.pad(mix, (0, 2 * model.latency)), model)
    masks, gains, _ = model.gains(bins[None])
    n_fft, hop = model.config.n_fft, model.config.hop_length
    results = []
    for gain in (masks, gains):
        estimate = (spread(gain[0], model.config.pools) * bins).movedim(-1, 1)  # [s, c, t, f]
        frames = torch.fft.irfft(torch.nn.functional.pad(estimate, (0, 1)), n=n_fft) * model.window
        first, second = frames.split(hop, dim=-1)
        joined = (first[:, :, 1:] + second[:, :, :-1]).flatten(-2)
        results.append(joined[..., : mix.shape[-1]])
    return results[0], results[1]


@torch.no_grad()
def validate(model: EmbeddedCascade, examples: list[tuple[Tensor, Tensor]]) -> Scores:
    """Held-out MMSNR in dB per stem: [mix, stage 1, stage 2, clips in which the stem plays]."""
    model.eval()
    scores: dict[str, list[list[float]]] = {stem: [] for stem in STEMS}
    for mix, targets in examples:
        stages = (mix.expand_as(targets), *stream(model, mix))
        for number, stem in enumerate(STEMS):
            if float(targets[number].square().mean()) > 1e-6:
                scores[stem].append([mmsnr(targets[number], stage[number]) for stage in stages])
    return {
        stem: [*np.mean(rows, axis=0).round(3).tolist(), len(rows)]
        for stem, rows in scores.items()
        if rows
    }


def learning_rate(progress: float, recipe: Recipe) -> float:
    """Warm up over 1 % of the schedule, then a half cosine to 1 % of the peak."""
    warm = min(progress / 0.01, 1.0)
    return recipe.learning_rate * warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * progress)))


def draw_repaired(targets: Tensor, count: int) -> list[int]:
    """Draw stems for the second stage, those that play in more of the batch more often."""
    plays = targets.flatten(2).any(-1).float().sum(0)  # [s]
    return torch.multinomial(plays + 0.3, count).tolist()


class Training:
    """A model in training, its average, its optimiser and how far they have come."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device = recipe, device
        self.model = EmbeddedCascade().to(device)
        self.averaged = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), betas=(0.9, 0.98), weight_decay=0.01
        )
        self.weight = grid_weight(self.model.config).to(device)
        self.minutes, self.steps = 0.0, 0

    def step(self, mix: Tensor, targets: Tensor) -> tuple[float, float]:
        """One step of both stages on a batch; returns their losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(min(self.minutes / self.recipe.minutes, 1.0), self.recipe)
        bins = spectra(mix.to(self.device), self.model)
        powers = pooled_powers(
            bins, spectra(targets.to(self.device), self.model), self.model.config
        )
        repaired = draw_repaired(targets, self.recipe.repaired_stems)
        mask, gain, _ = self.model.gains(bins, repaired=repaired)
        first = spectral_loss(mask, powers, self.weight)
        second = spectral_loss(gain, powers.of(repaired), self.weight)
        self.optimizer.zero_grad()
        (first + second).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.steps += 1
        self._average()
        return first.item(), second.item()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.recipe.averaging, self.steps / (self.steps + 20))
        pairs = zip(self.averaged.parameters(), self.model.parameters(), strict=True)
        for average, value in pairs:
            average.lerp_(value, 1 - decay)

    def save(self, path: Path) -> None:
        """Write everything that `resume` needs, whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "minutes": self.minutes,
            "steps": self.steps,
        }
        with zoo.atomically(path) as part:
            torch.save(state, part)

    def resume(self, path: Path) -> None:
        kept = torch.load(path, weights_only=True, map_location=self.device)
        self.model.load_state_dict(kept["model"])
        self.averaged.load_state_dict(kept["averaged"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.minutes, self.steps = kept["minutes"], kept["steps"]


def train(songs: Path, held_out: Path, out: Path, recipe: Recipe) -> None:
    """Train until the recipe's minutes are over; progress goes to stdout and `out/log.jsonl`."""
    out.mkdir(parents=True, exist_ok=True)
    training = Training(recipe, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    checkpoint = out / "last.pt"
    if checkpoint.exists():
        training.resume(checkpoint)
    sample_rate = training.model.sample_rate
    examples = held_out_examples(held_out, sample_rate, recipe.validation_clips)
    data = Clips(open_songs(songs), sample_rate, recipe, start=training.steps)
    began, validated = time.monotonic() - 60 * training.minutes, training.minutes
    losses = []
    for mix, targets in DataLoader(data, recipe.batch_size, num_workers=1, prefetch_factor=8):
        losses.append(training.step(mix, targets))
        training.minutes = (time.monotonic() - began) / 60
        over = training.minutes >= recipe.minutes
        if over or training.minutes - validated >= recipe.validate_minutes:
            validated = training.minutes
            scores = validate(copy.deepcopy(training.averaged).cpu(), examples)
            _log(training, losses, scores, out / "log.jsonl")
            losses = []
            training.save(checkpoint)
            export(training.averaged, out / "embedded.safetensors")
        if over:
            return


def held_out_examples(
    songs: Path, sample_rate: int, count: int, seed: int = 1234
) -> list[tuple[Tensor, Tensor]]:
    """The same clips of 6 s for every validation."""
    clips = Clips(open_songs(songs), sample_rate, Recipe(clip_seconds=6.0, seed=seed))
    return list(itertools.islice(clips, count))


def _log(training: Training, losses: list[tuple[float, float]], scores: Scores, path: Path) -> None:
    row = {
        "minutes": round(training.minutes, 3),
        "steps": training.steps,
        "loss": np.mean(losses, axis=0).round(4).tolist(),
        "mmsnr": scores,
    }
    line = json.dumps(row)
    with path.open("a") as log:
        print(line, file=log)
    print(line, flush=True)


def export(model: EmbeddedCascade, path: Path) -> None:
    """Write the weights as they are shipped, at half precision."""
    description = zoo.Description(
        "embedded", asdict(model.config), origin="restem", licence="GPL-3.0-or-later"
    )
    zoo.save_weights({k: v.half() for k, v in model.state_dict().items()}, path, description)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the embedded cascade.")
    parser.add_argument("songs", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=Recipe.minutes)
    parser.add_argument("--validate-minutes", type=float, default=Recipe.validate_minutes)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = Recipe(args.minutes, validate_minutes=args.validate_minutes, seed=args.seed)
    train(args.songs, args.held_out, args.out, recipe)


if __name__ == "__main__":
    main()
