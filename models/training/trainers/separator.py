"""Training of stage 1, one stem: a separator against discriminators (arXiv 2602.19825).

    mix -> separator -> restored --+--> log-mel L1 to the clean stem
                                   +--> discriminators <- the clean stem

Each step updates the discriminators first, then the separator. The defaults are the recipe in
https://github.com/OrigamiShido/DTT-BSR, which trains on pairs of stereo clips of 3 s; left and
right are two items of a batch.

Shape letters: `b` batch, `s` stem, `c` channel, `n` sample.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from restem.models import zoo
from restem.models.cascade import Separator
from restem.models.tfc_tdf import UNet
from restem.models.training.losses.discriminators import (
    DiscriminatorConfig,
    MultiFrequencyDiscriminator,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from restem.models.training.losses.spectral import LogMelLoss
from restem.models.training.trainers.single_stem import (
    OptimizedNetwork,
    SingleStemConfig,
    SingleStemTrainer,
    frozen,
)

SEPARATORS = tuple(
    name for name in zoo.network_names("separator", streams=False) if zoo.NETWORKS[name].windows
)


@dataclass(frozen=True, kw_only=True)
class SeparatorTrainingConfig(SingleStemConfig):
    """The recipe of DTT-BSR; separator and discriminators learn alike.

    DTTNet was published with L1 alone; here it gets the same losses.
    """

    stem: str = "vocals"
    network: str = "dtt-bsr"
    precision: str = "bf16"  # published: 16-mixed, whose half floats need loss scaling
    betas: tuple[float, float] = (0.8, 0.99)
    weight_decay: float = 0.01
    warmup_steps: int = 10_000  # then constant; no averaging, no clipping of gradients
    reconstruction_weight: float = 45.0
    adversarial_weight: float = 2.0
    feature_weight: float = 4.0
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network not in SEPARATORS:
            raise ValueError(
                f"network must be one of {', '.join(SEPARATORS)}, got {self.network!r}"
            )


class SeparatorTrainer(SingleStemTrainer):
    """A separator of one stem in training, with its discriminators."""

    def __init__(self, config: SeparatorTrainingConfig, device: torch.device) -> None:
        sample_rate = zoo.network_info(config.network, "network").sample_rate
        super().__init__(config, sample_rate, device)
        self.config = config
        self.discriminator = MultiFrequencyDiscriminator(config.discriminator).to(device)
        self.learners["discriminator"] = OptimizedNetwork(self.discriminator, config)
        self.log_mel = LogMelLoss(sample_rate).to(device)

    @property
    def generator(self) -> UNet:
        return as_separator(self.learners["network"].network)

    def learn(self, mix: Tensor, target: Tensor, rate: float) -> dict[str, Tensor]:
        with self.autocast():
            restored = separate(self.generator, mix)
        real, fake = target.flatten(0, 1), restored.float().flatten(0, 1)  # [b * c, n]
        judged = self.update_discriminator(real, fake.detach(), rate)
        return {**self.update_generator(real, fake, rate), "discriminator": judged}

    def update_discriminator(self, real: Tensor, fake: Tensor, rate: float) -> Tensor:
        """Teach the discriminators to tell `real` from `fake`, [b, n] each; returns their loss."""
        with self.autocast():
            verdicts = self.discriminator(real), self.discriminator(fake)
        loss = discriminator_loss(*verdicts)
        self.learners["discriminator"].descend(loss, rate)
        return loss.detach()

    def update_generator(self, real: Tensor, fake: Tensor, rate: float) -> dict[str, Tensor]:
        """Teach the separator, whose answer is `fake`, to come near `real`; [b, n] each."""
        with self.autocast(), frozen(self.discriminator):
            with torch.no_grad():
                model = self.discriminator(real)
            verdict = self.discriminator(fake)
        reconstruction = self.log_mel(fake, real)
        adversarial, features = adversarial_loss(verdict), feature_loss(model, verdict)
        loss = (
            self.config.reconstruction_weight * reconstruction
            + self.config.adversarial_weight * adversarial
            + self.config.feature_weight * features
        )
        self.learners["network"].descend(loss, rate)
        losses = {
            "loss": loss,
            "reconstruction": reconstruction,
            "adversarial": adversarial,
            "features": features,
        }
        return {name: value.detach() for name, value in losses.items()}

    def restore(self, mix: Tensor) -> dict[str, Tensor]:
        """Restore a whole signal: [c, n] -> {"separator": [s, c, n]}, on the device of `mix`."""
        with self.evaluated() as network:
            separator = Separator({self.stems[0]: as_separator(network)}, self.sample_rate)
            stems = separator(mix.to(self.device))
        return {"separator": stems.to(mix.device)}


def as_separator(network: object) -> UNet:
    assert isinstance(network, UNet)
    return network


def separate(network: UNet, mix: Tensor) -> Tensor:
    """Run a separator on a batch, [b, c, n] -> [b, c, n]; a mono one takes channels as a batch."""
    if network.config.channels > 1:
        restored: Tensor = network(mix)
        return restored
    channels: Tensor = network(mix.flatten(0, 1)).unflatten(0, mix.shape[:2])
    return channels
