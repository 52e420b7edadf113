"""Training of the embedded cascade: both stages at once, on the spectra of streaming."""

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from restem.models import zoo
from restem.models.embedded import EmbeddedCascade, EmbeddedConfig, spread
from restem.models.training.losses.embedded import LossWeights, SpectralLoss, pooled_powers
from restem.models.training.metrics import Example, mmsnr, plays
from restem.models.weights import store

STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the repair, that are tried
PATIENCE = 20  # steps in a row that may fail
LEARNS = ("both", "separator", "repair")
OF_REPAIR = ("repair", "stem_encoder", "stem_embedding", "hint", "gain")  # the second stage's parts


@dataclass(frozen=True)
class EmbeddedTrainingConfig:
    """Hidden matrices are trained with Muon (arXiv 2502.16982), everything else with AdamW."""

    params: dict[str, Any] = field(default_factory=dict)  # overrides of `EmbeddedConfig`
    # Weights to begin with: a name, or a path of a .safetensors file; `params` then change theirs.
    start: str = ""
    learns: str = "both"  # stages, or `separator` or `repair` alone: the other stays as it is
    learning_rate: float = 1.5e-3
    hidden_learning_rate: float = 4e-3
    weight_decay: float = 0.01
    repaired_stems: int = 3  # a step: the second stage costs by the stem
    warmup: float = 0.01  # share of the schedule in which the rates rise
    cooldown: float = 1.0  # share of the schedule, at its end, in which they fall by half a cosine
    averaging: float = 0.998
    losses: LossWeights = field(default_factory=LossWeights)
    precision: str = "fp32"  # or bf16, of the matrix products, where the device computes in it

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision must be fp32 or bf16, got {self.precision!r}")
        for name, share in (("warmup", self.warmup), ("cooldown", self.cooldown)):
            if not 0 < share <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {share}")
        if self.learns not in LEARNS:
            raise ValueError(f"learns must be one of {', '.join(LEARNS)}, got {self.learns!r}")


class EmbeddedTrainer:
    """A cascade in training, its average and its optimisers."""

    def __init__(self, config: EmbeddedTrainingConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.model = _initial_network(config).to(device)
        self.sample_rate, self.stems = self.model.sample_rate, self.model.stems
        self.averaged = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.loss = SpectralLoss(self.model.config, config.losses).to(device)
        self.optimizers = _optimizers(self.model, config)
        self.steps, self.skipped = 0, 0  # all of them, and how many of the last ones failed
        self.strength: tuple[float, ...] = ()  # of the repair, once it is calibrated

    def step(self, mix: Tensor, targets: Tensor, progress: float) -> dict[str, float]:
        """Train both stages on a batch.

        Args:
            mix: [b, c, n].
            targets: [b, s, c, n], silence where a stem does not play.
            progress: 0 to 1, through the schedule.

        Returns:
            The losses by stage; zeros if a step gave NaN or infinity, which then changes nothing.

        Raises:
            RuntimeError: many steps in a row did.
        """
        warmup, cooldown = self.config.warmup, self.config.cooldown
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * schedule(progress, warmup, cooldown)
        bins = spectra(mix.to(self.device), self.model)
        powers = pooled_powers(
            bins, spectra(targets.to(self.device), self.model), self.model.config
        )
        repaired: list[int] = []
        if self.config.learns != "separator":
            repaired = draw_repaired(targets, min(self.config.repaired_stems, len(self.stems)))
        with torch.autocast(
            self.device.type,
            torch.bfloat16,
            enabled=self.config.precision == "bf16" and computes_in_bfloat16(self.device),
        ):
            mask, gain, _ = self.model.gains(bins, repaired=repaired)
        losses = {}
        if self.config.learns != "separator":
            losses["repair"] = self.loss(gain, powers.of(repaired))
        if self.config.learns != "repair":
            losses["separator"] = self.loss(mask.float(), powers)
        self.model.zero_grad()
        sum(losses.values(), torch.zeros((), device=self.device)).backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.steps += 1
        if not torch.isfinite(norm):  # one bad clip must not spoil hours
            self.skipped += 1
            if self.skipped >= PATIENCE:
                raise RuntimeError(f"{PATIENCE} steps in a row gave NaN or infinity")
            return dict.fromkeys(losses, 0.0)
        self.skipped = 0
        for optimizer in self.optimizers:
            optimizer.step()
        self.strength = ()  # it was that of other weights
        self._average()
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.averaging, self.steps / (self.steps + 20))
        pairs = zip(self.averaged.parameters(), self.model.parameters(), strict=True)
        for average, value in pairs:
            average.lerp_(value, 1 - decay)

    @torch.no_grad()
    def restore(self, mix: Tensor) -> dict[str, Tensor]:
        """Restore a whole clip [c, n] with the averaged weights: [s, c, n] by stage."""
        separated, repaired = restore_clip(self.averaged, mix.to(self.device))
        return {"separator": separated.cpu(), "repair": repaired.cpu()}

    def calibrate(self, examples: Sequence[Example]) -> None:
        """Choose how much of its repair each stem gets: what scores best on held-out clips.

        A stem that learned from few songs may be repaired for the worse on others.
        """
        scores: dict[int, list[list[float]]] = {n: [] for n in range(len(self.stems))}
        for mix, targets in examples:
            stages = self.restore(mix)
            for number, target in enumerate(targets):
                if plays(target):
                    separated, repaired = (audio[number] for audio in stages.values())
                    scores[number].append(
                        [mmsnr(target, separated.lerp(repaired, s)) for s in STRENGTHS]
                    )
        self.strength = tuple(
            STRENGTHS[int(np.argmax(np.mean(rows, axis=0)))] if rows else 1.0
            for rows in scores.values()
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "steps": self.steps,
            "strength": self.strength,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.steps = state["steps"]
        self.strength = tuple(state.get("strength", ()))  # checkpoints had none at first

    def export(self, path: Path) -> None:
        """Write the averaged weights as they are shipped, at half precision."""
        config = replace(self.model.config, repair_strength=self.strength)
        description = store.WeightsHeader(
            "embedded", asdict(config), origin="restem", licence="GPL-3.0-or-later"
        )
        state = {name: value.half() for name, value in self.averaged.state_dict().items()}
        store.save_weights(state, path, description)


def embedded_config(params: dict[str, Any]) -> EmbeddedConfig:
    """The network's sizes, from a recipe's overrides; ValueError names a wrong one."""
    network = zoo.build_network("embedded", params, "embedded: params")
    assert isinstance(network, EmbeddedCascade)
    return network.config


def computes_in_bfloat16(device: torch.device) -> bool:
    """Tell if matrix products in bfloat16 are fast: emulated, they take 40 times as long."""
    if device.type != "cpu":
        return True
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # since PyTorch 2.10
    return bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def _initial_network(config: EmbeddedTrainingConfig) -> EmbeddedCascade:
    """The network with its first weights; only what learns wants gradients."""
    if config.start:
        path = store.find_weights(config.start)
        model = store.load_network(path)
        if not isinstance(model, EmbeddedCascade):
            raise ValueError(f"{path}: start: not the weights of an embedded cascade")
        # A stem's repair learns whole, and gets its strength at the end.
        params = asdict(model.config) | {"repair_strength": ()} | config.params
        model = adapted(model, embedded_config(params))
    else:
        model = EmbeddedCascade(embedded_config(config.params))
    model.requires_grad_(True)
    if config.learns != "both":
        for name, parameter in model.named_parameters():
            part = "repair" if name.split(".")[0] in OF_REPAIR else "separator"
            parameter.requires_grad_(part == config.learns)
    return model.train()


def adapted(model: EmbeddedCascade, config: EmbeddedConfig) -> EmbeddedCascade:
    """A network's weights in one of another hop or of more features.

    A recurrence remembers for as many seconds as before; what the weights have not begins at zero.

    Raises:
        ValueError: a size differs.
    """
    ratio = config.hop_length / model.config.hop_length
    network, old = EmbeddedCascade(config), model.state_dict()
    state = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    for name, value in old.items():
        if name not in state or state[name].shape != value.shape:
            raise ValueError(f"embedded: params: {name} is of another size in the weights of start")
        state[name] = value.clone()
        if name.endswith("across_time.gates.bias"):
            keep = state[name][: len(value) // 3]  # the logits of what a frame keeps of the past
            keep.copy_(torch.logit(torch.sigmoid(keep.double()) ** ratio, eps=1e-5))
    network.load_state_dict(state)
    return network


def _optimizers(
    model: EmbeddedCascade, config: EmbeddedTrainingConfig
) -> tuple[torch.optim.Optimizer, ...]:
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    hidden = {id(layer.weight) for layer in layers}
    parts: tuple[Iterable[nn.Parameter], ...] = (
        [p for p in model.parameters() if id(p) not in hidden and p.requires_grad],
        [p for p in model.parameters() if id(p) in hidden and p.requires_grad],
    )
    decay = config.weight_decay
    optimizers = (
        torch.optim.AdamW(parts[0], config.learning_rate, betas=(0.9, 0.98), weight_decay=decay),
        torch.optim.Muon(
            parts[1],
            config.hidden_learning_rate,
            weight_decay=decay,
            adjust_lr_fn="match_rms_adamw",
        ),
    )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def schedule(progress: float, warmup: float = 0.01, cooldown: float = 1.0) -> float:
    """The rate relative to its peak: a linear rise, a plateau, half a cosine down to 1 %.

    A run whose cooldown is still to come may be given a longer schedule.
    """
    warm = min(progress / warmup, 1.0)
    fallen = max(0.0, 1 - (1 - progress) / cooldown)
    return warm * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * fallen)))


def draw_repaired(targets: Tensor, count: int) -> list[int]:
    """Draw stems for the second stage, those that play in more of the batch more often."""
    plays = targets.flatten(2).any(-1).float().sum(0)  # [s]
    return torch.multinomial(plays + 0.3, count).tolist()


def spectra(audio: Tensor, model: EmbeddedCascade) -> Tensor:
    """The frames of streaming: [.., c, n] -> complex [.., t, f, c], the Nyquist bin left out."""
    n_fft, hop = model.config.n_fft, model.config.hop_length
    frames = nn.functional.pad(audio, (n_fft - hop, 0)).unfold(-1, n_fft, hop)
    bins: Tensor = torch.fft.rfft(frames * model.window)[..., :-1]  # [.., c, t, f]
    return bins.movedim(-3, -1)


def restore_clip(model: EmbeddedCascade, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Restore a whole clip: mix [c, n] -> stems of stage 1 and of stage 2, [s, c, n] each."""
    bins = spectra(nn.functional.pad(mix, (0, 2 * model.latency)), model)
    masks, gains, _ = model.gains(bins[None])
    n_fft, hop = model.config.n_fft, model.config.hop_length
    results = []
    for gain in (masks, gains):
        estimate = (spread(gain[0], model.config.pools) * bins).movedim(-1, 1)  # [s, c, t, f]
        frames = torch.fft.irfft(nn.functional.pad(estimate, (0, 1)), n=n_fft)
        first, second = (frames[..., -2 * hop :] * model.synthesis).split(hop, dim=-1)
        joined = (first[:, :, 1:] + second[:, :, :-1]).flatten(-2)
        results.append(joined[..., : mix.shape[-1]])
    return results[0], results[1]
