"""Training of stage 2, one stem: a regression that repairs what a separator leaves.

    mix -> frozen separator -> one second of it, or of the clean stem -> random phase -> repair

After DTT-BSR+ (arXiv 2606.24127): L1 on samples and a multi-resolution STFT loss. Details that the
paper leaves open are those of early revisions of https://github.com/OrigamiShido/DTT-BSR, or of
MSG (Schaffer et al., ISMIR 2022), from which both come. A batch has 16 clips there.

Shape letters: `b` batch, `s` stem, `c` channel, `n` sample.
"""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from restem.models import zoo
from restem.models.cascade import Repair, Separator
from restem.models.demucs import Demucs
from restem.models.training.losses.spectral import MultiResolutionLoss, rotate_phase
from restem.models.training.trainers.separator import SEPARATORS, as_separator, separate
from restem.models.training.trainers.single_stem import SingleStemConfig, SingleStemTrainer
from restem.models.weights import store

REPAIRS = zoo.network_names("repair")


@dataclass(frozen=True, kw_only=True)
class RepairTrainingConfig(SingleStemConfig):
    """The recipe of DTT-BSR+'s second stage; Adam at a constant rate."""

    separator: str  # its weights: a name, or a path of a .safetensors file
    stem: str = "vocals"
    network: str = "demucs-l"
    betas: tuple[float, float] = (0.5, 0.9)  # of the revisions; the paper says Adam
    gradient_percentile: float | None = 10.0  # of the revisions
    # Of each clip, at random. The separator hears the whole clip: 10 s there, 3 s in its own
    # training.
    crop_seconds: float = 1.0
    clean_share: float = 0.1  # inputs that are the clean stem: what is whole must stay so
    l1_weight: float = 10.0
    stft_weight: float = 1.0
    # Inside the STFT loss. The revisions have MSG's; Parallel WaveGAN, which the paper cites, 1.
    convergence_weight: float = 0.1
    magnitude_weight: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.network not in REPAIRS:
            raise ValueError(f"network must be one of {', '.join(REPAIRS)}, got {self.network!r}")
        if not 0 <= self.clean_share <= 1:
            raise ValueError(f"clean_share must be in [0, 1], got {self.clean_share}")


class RepairTrainer(SingleStemTrainer):
    """A repair network of one stem in training, behind a frozen separator.

    Raises:
        ValueError: as `store.load_network`, or the weights are not a separator's of that stem.
    """

    def __init__(self, config: RepairTrainingConfig, device: torch.device) -> None:
        path = store.find_weights(config.separator)
        found = store.describe_weights(path)
        if found.network not in SEPARATORS or found.stem not in ("", config.stem):
            raise ValueError(
                f"{path}: separator must be weights of {' or '.join(SEPARATORS)} for {config.stem},"
                f" got {found.network} for {found.stem or 'no stem'}"
            )
        sample_rate = zoo.network_info(found.network, str(path)).sample_rate
        super().__init__(config, sample_rate, device)
        self.config = config
        self.separator = as_separator(store.load_network(path, device))
        self.spectra = MultiResolutionLoss().to(device)

    def learn(self, mix: Tensor, target: Tensor, rate: float) -> dict[str, Tensor]:
        broken, target = self.examples(mix, target)
        with self.autocast():
            repaired = repair(as_repair(self.learners["network"].network), broken)
        repaired = repaired.float()
        difference = l1_loss(repaired, target)
        convergence, magnitude = self.spectra(repaired, target)
        config = self.config
        stft = config.convergence_weight * convergence + config.magnitude_weight * magnitude
        loss = config.l1_weight * difference + config.stft_weight * stft
        self.learners["network"].descend(loss, rate)
        losses = {
            "loss": loss,
            "l1": difference,
            "convergence": convergence,
            "magnitude": magnitude,
        }
        return {name: value.detach() for name, value in losses.items()}

    @torch.no_grad()
    def examples(self, mix: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Make the inputs and the targets of the repair, from [b, c, n] each."""
        with self.autocast():
            separated = separate(self.separator, mix).float()
        pair = torch.stack((separated, target), dim=1)  # [b, 2, c, n]
        pair = crop(pair, round(self.config.crop_seconds * self.sample_rate))
        broken, target = rotate_phase(pair, random_angles(pair)).unbind(1)
        return mix_in_clean(broken, target, self.config.clean_share), target

    def restore(self, mix: Tensor) -> dict[str, Tensor]:
        """Restore a whole signal by both stages: [c, n] -> [s, c, n], on the device of `mix`."""
        with self.evaluated() as evaluated:
            network = as_repair(evaluated)
            (stem,) = self.stems
            separated = Separator({stem: self.separator}, self.sample_rate)(mix.to(self.device))
            stage = Repair({stem: network}, self.stems, network, self.sample_rate)
            stages = {"separator": separated, "repair": stage.process_all(separated)}
        return {name: stems.to(mix.device) for name, stems in stages.items()}


def as_repair(network: object) -> Demucs:
    assert isinstance(network, Demucs)
    return network


def repair(network: Demucs, audio: Tensor) -> Tensor:
    """Run a repair on a batch, [b, c, n] -> [b, c, n], silence before and after."""
    if network.config.channels == 1:
        return network.repair(audio.flatten(0, 1).unsqueeze(1)).reshape(audio.shape)
    return network.repair(audio)


def crop(audio: Tensor, length: int) -> Tensor:
    """Cut a random passage of `length` samples from each clip, [b, .., n], unless it is shorter."""
    spare = audio.shape[-1] - length
    if spare <= 0:
        return audio
    starts = torch.randint(spare + 1, (len(audio),)).tolist()
    return torch.stack([clip[..., s : s + length] for clip, s in zip(audio, starts, strict=True)])


def random_angles(audio: Tensor) -> Tensor:
    """An angle in [-pi, pi) for each clip of [b, .., n], in the shape that `rotate_phase` takes."""
    shape = (len(audio), *[1] * (audio.ndim - 1))
    return (pi * (2 * torch.rand(shape) - 1)).to(audio.device)


def mix_in_clean(broken: Tensor, clean: Tensor, share: float) -> Tensor:
    """Replace about `share` of the clips, [b, c, n], by the clean ones."""
    replaced = (torch.rand(len(broken)) < share).to(broken.device)
    return torch.where(replaced[:, None, None], clean, broken)
