"""The discriminators of DTT-BSR (arXiv 2602.19825), and the losses that come from them.

Three convolutional networks look at complex spectra of three resolutions, each of a signal scaled
to energy one; nothing is said of its loudness. Weights are normalised by their largest singular
value (Miyato et al., arXiv 1802.05957). Attribute names are the published ones. Source of the
details: https://github.com/OrigamiShido/DTT-BSR.

Shape letters: `b` batch, `d` feature, `t` frame, `f` frequency bin, `n` sample.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, leaky_relu

EPSILON = torch.finfo(torch.float32).eps  # added to a signal's energy


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of the discriminators; the defaults are the published ones."""

    windows: tuple[int, ...] = (2048, 1024, 512)  # of the STFTs, one a discriminator; hop is half
    features: int = 8  # of the first layer; the last has 32 times as many


class Verdict(NamedTuple):
    """Each discriminator's output for a signal."""

    scores: list[Tensor]  # near one: real, near zero: restored; [b, 1, t, f']
    features: list[list[Tensor]]  # of every layer, [b, d, t, f']


class Layer(nn.Module):
    """Convolution and leaky ReLU; the stride is along frequency, the dilation along time."""

    def __init__(
        self, d_in: int, d_out: int, width: int = 3, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        self.conv = torch.nn.utils.spectral_norm(
            nn.Conv2d(d_in, d_out, (3, width), (1, stride), (dilation, width // 2), (dilation, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(self.conv(x), 0.2)


class FrequencyDiscriminator(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        d = [features << level for level in range(6)]
        self.layers = nn.ModuleList(
            (
                Layer(2, d[0], width=9),
                Layer(d[0], d[1], width=9, stride=2),
                Layer(d[1], d[2], width=9, stride=2, dilation=2),
                Layer(d[2], d[3], width=9, stride=2, dilation=4),
                Layer(d[3], d[4]),
                Layer(d[4], d[5]),
            )
        )
        self.output_conv = nn.Conv2d(d[5], 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The score and every layer's features of a spectrum, [b, 2, t, f]."""
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return self.output_conv(x), features


class MultiFrequencyDiscriminator(nn.Module):
    """Tells real stems from restored ones, mono."""

    def __init__(self, config: DiscriminatorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DiscriminatorConfig()
        self.discriminators = nn.ModuleList(
            FrequencyDiscriminator(config.features) for _ in config.windows
        )
        for window in config.windows:
            self.register_buffer(f"window_{window}", torch.hann_window(window), persistent=False)

    def forward(self, audio: Tensor) -> Verdict:
        """audio: [b, n], n more than half the longest window."""
        energy = audio.square().sum(-1, keepdim=True)
        normal = audio / (energy + EPSILON).sqrt()
        scores, features = [], []
        for discriminator, n_fft in zip(self.discriminators, self.config.windows, strict=True):
            window = self.get_buffer(f"window_{n_fft}")
            bins = torch.stft(normal, n_fft, n_fft // 2, window=window, return_complex=True)
            score, layers = discriminator(torch.view_as_real(bins).permute(0, 3, 2, 1))
            scores.append(score)
            features.append(layers)
        return Verdict(scores, features)


def discriminator_loss(real: Verdict, restored: Verdict) -> Tensor:
    """Least squares (Mao et al., arXiv 1611.04076, eq. 9, not halved), summed over discriminators.

    Zero where every real score is one and every restored one zero.
    """
    return torch.stack(
        [
            (r.float() - 1).square().mean() + s.float().square().mean()
            for r, s in zip(real.scores, restored.scores, strict=True)
        ]
    ).sum()


def adversarial_loss(restored: Verdict) -> Tensor:
    """The same for the generator: zero where everything restored passes for real."""
    return torch.stack([(s.float() - 1).square().mean() for s in restored.scores]).sum()


def feature_loss(real: Verdict, restored: Verdict) -> Tensor:
    """L1 between features (Kong et al., HiFi-GAN, arXiv 2010.05646, eq. 4).

    The mean over a layer, and the sum over all layers of all discriminators.
    """
    pairs = [
        l1_loss(s.float(), r.float())
        for layers in zip(real.features, restored.features, strict=True)
        for r, s in zip(*layers, strict=True)
    ]
    return torch.stack(pairs).sum()
