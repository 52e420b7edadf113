"""Training shared by both paper-size stages: one network of one stem, safely updated.

A step whose loss or gradient is not finite changes no weight and no statistic. All chance in a step
(dropout, augmentation) is drawn from the seed and the number of the step, so a run that is resumed
goes on exactly as one that never stopped.

Shape letters: `b` batch, `s` stem, `c` channel, `n` sample.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from restem.models import zoo
from restem.models.stems import STEMS
from restem.models.training.metrics import Example
from restem.models.weights import store

PATIENCE = 20  # steps in a row that may fail
NORMS = 10_000  # gradient norms that are remembered; AutoClip's paper remembers all


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class SingleStemConfig:
    """Settings to train one network of one stem; a stage adds losses and published defaults."""

    stem: str
    network: str
    params: Mapping[str, Any] = field(default_factory=dict)  # over the published ones
    precision: str = "fp32"  # or bf16: matrix products and convolutions only, by autocast
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    warmup_steps: int = 0  # of a linear rise to `learning_rate`
    cooldown: float = 0.0  # share of the schedule, at its end, of a linear fall to nothing
    averaging: float = 0.0  # decay of an exponential average of the weights, which is then kept
    gradient_clip: float | None = None  # largest norm of the gradient
    # AutoClip (Seetharaman et al., arXiv 2007.14469): the largest norm is this percentile of those
    # seen so far.
    gradient_percentile: float | None = None

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise ValueError(f"stem must be one of {', '.join(STEMS)}, got {self.stem!r}")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be fp32 or bf16, got {self.precision!r}")
        if not 0 <= self.averaging < 1:
            raise ValueError(f"averaging must be in [0, 1), got {self.averaging}")
        if not 0 <= self.cooldown <= 1:
            raise ValueError(f"cooldown must be in [0, 1], got {self.cooldown}")

    def rate(self, step: int, progress: float) -> float:
        """The learning rate of a step; `progress` is how much of the schedule is over, 0 to 1."""
        rise = min(1.0, (step + 1) / max(self.warmup_steps, 1))
        fall = min(1.0, (1 - progress) / self.cooldown) if self.cooldown else 1.0
        return self.learning_rate * rise * fall


class OptimizedNetwork:
    """A network and its optimiser."""

    def __init__(self, network: nn.Module, config: SingleStemConfig) -> None:
        self.network, self.config = network, config
        self.parameters = [p for p in network.parameters() if p.requires_grad]
        # Without decay AdamW is Adam.
        self.optimizer = torch.optim.AdamW(
            self.parameters, betas=config.betas, weight_decay=config.weight_decay
        )
        self.norms: list[float] = []

    def descend(self, loss: Tensor, rate: float) -> None:
        """Take one step down the gradient of `loss`.

        Raises:
            NotFiniteError: nothing has been changed.
        """
        self.optimizer.zero_grad()
        loss.backward()
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = get_total_norm(gradients)
        if not torch.isfinite(norm + loss.detach()):
            raise NotFiniteError
        if limit := self._limit(norm):
            clip_grads_with_norm_(self.parameters, limit, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()

    def _limit(self, norm: Tensor) -> float | None:
        """The largest norm that the gradient may have, if there is one."""
        if self.config.gradient_percentile is None:
            return self.config.gradient_clip
        self.norms = [*self.norms[1 - NORMS :], float(norm)]
        usual = float(np.percentile(self.norms, self.config.gradient_percentile))
        return min(usual, self.config.gradient_clip or usual)

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "norms": list(self.norms),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.norms = list(state["norms"])


class SingleStemTrainer:
    """The training of one network of one stem; `learn` and `restore` are the stage's own."""

    def __init__(self, config: SingleStemConfig, sample_rate: int, device: torch.device) -> None:
        info = zoo.network_info(config.network, "network")
        self.device = device
        self.sample_rate = sample_rate
        self.stems: tuple[str, ...] = (config.stem,)
        self.description = store.WeightsHeader(
            config.network,
            {**info.params, **config.params},
            config.stem,
            origin="restem train",
            licence="unknown: yours to check",
        )
        self._config = config
        network = zoo.build_network(config.network, self.description.params, "params").to(device)
        self.learners = {"network": OptimizedNetwork(network, config)}
        self.averaged = _frozen_copy(network) if config.averaging else None
        self.seed = torch.initial_seed()
        self.steps, self.skipped = 0, 0  # all of them, and how many of the last ones failed
        self._losses: dict[str, float] = {}

    def learn(self, mix: Tensor, target: Tensor, rate: float) -> dict[str, Tensor]:
        """Update every network on [b, c, n] each; returns the losses by name."""
        raise NotImplementedError

    def step(self, mix: Tensor, targets: Tensor, progress: float) -> dict[str, float]:
        """Train on a batch.

        Args:
            mix: [b, c, n].
            targets: [b, 1, c, n].
            progress: how much of the schedule is over, 0 to 1.

        Returns:
            Losses by name. `skipped` is 1 if something was not finite: the network concerned is
            then as before, and the losses are those of the last good step.

        Raises:
            RuntimeError: the last 20 steps were skipped.
        """
        rate = self._config.rate(self.steps, progress)
        kept = [(b, b.clone()) for one in self.learners.values() for b in one.network.buffers()]
        try:
            with self._seeded_rng():
                losses = self.learn(mix.to(self.device), targets[:, 0].to(self.device), rate)
        except NotFiniteError:
            for buffer, before in kept:
                buffer.copy_(before)
            self._skip()
        else:
            self._losses = dict(zip(losses, torch.stack([*losses.values()]).tolist(), strict=True))
            self.skipped = 0
        self.steps += 1
        if not self.skipped:
            self._average()
        return {**self._losses, "skipped": float(self.skipped > 0)}

    def _skip(self) -> None:
        self.skipped += 1
        if self.skipped >= PATIENCE:
            raise RuntimeError(
                f"{PATIENCE} steps in a row gave NaN or infinity: look for broken songs, lower "
                "learning_rate, or set precision: fp32; the weights are still good"
            )

    @contextmanager
    def _seeded_rng(self) -> Iterator[None]:
        """Chance of this step alone, whatever was drawn before; nothing outside notices."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed((self.seed + self.steps) % (1 << 63))
            yield

    def autocast(self) -> torch.autocast:
        enabled = self._config.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=enabled)

    @torch.no_grad()
    def _average(self) -> None:
        if self.averaged is None:
            return
        decay = min(self._config.averaging, self.steps / (self.steps + 20))
        network = self.learners["network"].network
        for mean, value in zip(self.averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)
        for statistic, newest in zip(self.averaged.buffers(), network.buffers(), strict=True):
            statistic.copy_(newest)

    @contextmanager
    def evaluated(self) -> Iterator[nn.Module]:
        """The network as it is exported, in eval mode, without gradients."""
        network = self.averaged or self.learners["network"].network
        network.eval()
        try:
            with torch.no_grad():
                yield network
        finally:
            network.train(network is not self.averaged)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, but for the batch."""
        return {
            **{name: learner.state_dict() for name, learner in self.learners.items()},
            "averaged": self.averaged and self.averaged.state_dict(),
            "steps": self.steps,
            "skipped": self.skipped,
            "seed": self.seed,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, learner in self.learners.items():
            learner.load_state_dict(state[name])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.steps, self.skipped, self.seed = state["steps"], state["skipped"], state["seed"]

    def calibrate(self, examples: Sequence[Example]) -> None:
        """Nothing of a stage is fitted to held-out clips."""

    def export(self, path: Path) -> None:
        """Write a weights file, as `models.zoo` and profiles read them.

        Raises:
            ValueError: as `models.weights.store.save_weights`.
        """
        with self.evaluated() as network:
            store.save_weights(network, path, self.description)


def _frozen_copy(network: nn.Module) -> nn.Module:
    return copy.deepcopy(network).eval().requires_grad_(False)


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Freeze a network's parameters; gradients still pass through."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
