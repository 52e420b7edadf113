"""Train the embedded cascade on a CPU or GPU; resumable, seeded, for as long as it is given.

    python -m models.training.train SONGS HELD_OUT_SONGS OUT_DIR --minutes 90

SONGS and HELD_OUT_SONGS are folders as in `models.training.songs`, with no song in both. OUT_DIR
receives `last.pt` (resumed from when it exists), `log.jsonl` and `embedded.safetensors`.
"""

import argparse
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
    seed: int = 0


class Clips(IterableDataset[tuple[Tensor, Tensor]]):
    """Endless random examples: mix [c, n] and clean targets [s, c, n]."""

    def __init__(self, songs: list[Song], sample_rate: int, recipe: Recipe, start: int = 0):
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
    """The frames that streaming would see: [.., c, n] -> complex [.., t, f, c], Nyquist left out."""
    n_fft, hop = model.config.n_fft, model.config.hop_length
    frames = torch.nn.functional.pad(audio, (model.latency, 0)).unfold(-1, n_fft, hop)
    bins = torch.fft.rfft(frames * model.window)[..., :-1]  # [.., c, t, f]
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
def validate(model: EmbeddedCascade, examples: list[tuple[Tensor, Tensor]]) -> dict[str, list]:
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


def train(songs: Path, held_out: Path, out: Path, recipe: Recipe) -> None:
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = EmbeddedCascade().to(device)
    averaged = EmbeddedCascade().to(device)
    averaged.load_state_dict(model.state_dict())
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01)
    spent, steps = 0.0, 0
    last = out / "last.pt"
    if last.exists():
        kept = torch.load(last, weights_only=True)
        model.load_state_dict(kept["model"])
        averaged.load_state_dict(kept["averaged"])
        optimizer.load_state_dict(kept["optimizer"])
        spent, steps = kept["spent"], kept["steps"]
    quiet = Recipe(clip_seconds=6.0, seed=1234)
    unseen = Clips(open_songs(held_out), model.sample_rate, quiet)
    examples = [example for example, _ in zip(unseen, range(32), strict=False)]
    data = Clips(open_songs(songs), model.sample_rate, recipe, start=steps)
    loader = DataLoader(data, recipe.batch_size, num_workers=1, prefetch_factor=8)
    weight = grid_weight(model.config).to(device)
    began, validated, losses = time.monotonic() - spent * 60, spent, []
    for mix, targets in loader:
        progress = (time.monotonic() - began) / 60 / recipe.minutes
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(min(progress, 1.0), recipe)
        model.train()
        bins = spectra(mix.to(device), model)
        powers = pooled_powers(bins, spectra(targets.to(device), model), model.config)
        repaired = draw_repaired(targets, recipe.repaired_stems)
        mask, gain, _ = model.gains(bins, repaired=repaired)
        first = spectral_loss(mask, powers, weight)
        second = spectral_loss(gain, powers.of(repaired), weight)
        optimizer.zero_grad()
        (first + second).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        steps += 1
        decay = min(recipe.averaging, steps / (steps + 20))
        with torch.no_grad():
            for kept_value, value in zip(averaged.parameters(), model.parameters(), strict=True):
                kept_value.lerp_(value, 1 - decay)
        losses.append((first.item(), second.item()))
        spent = (time.monotonic() - began) / 60
        if spent - validated >= recipe.validate_minutes or progress >= 1:
            validated = spent
            row = {
                "minutes": round(spent, 1),
                "steps": steps,
                "loss": np.mean(losses, axis=0).round(4).tolist(),
                "mmsnr": validate(averaged.cpu(), examples),
            }
            averaged.to(device)
            losses = []
            with open(out / "log.jsonl", "a") as log:
                print(json.dumps(row), file=log)
            print(json.dumps(row), flush=True)
            state = {"model": model.state_dict(), "averaged": averaged.state_dict()}
            state |= {"optimizer": optimizer.state_dict(), "spent": spent, "steps": steps}
            torch.save(state, last.with_suffix(".new"))
            last.with_suffix(".new").replace(last)
            export(averaged, out / "embedded.safetensors")
        if progress >= 1:
            break


def export(model: EmbeddedCascade, path: Path) -> None:
    """Write the weights as they are shipped, at half precision."""
    description = zoo.Description("embedded", asdict(model.config), origin="restem", licence="GPL-3.0-or-later")
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
