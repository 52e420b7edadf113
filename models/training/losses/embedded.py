"""Losses of the embedded cascade, computed on its own grid of gains.

With a gain M constant over a grid point, the estimate's power there is |M|² Pxx and its error
|M|² Pxx - 2 Re(M* Pxt) + Ptt, where Pxx, Pxt, Ptt are the powers of mix and target pooled over the
point: nothing larger than the grid carries a gradient.

Shape letters as in `models.embedded`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from restem.models.embedded import EmbeddedConfig, pool


class Powers(NamedTuple):
    """Pooled powers of one batch; x is the mix, t the target."""

    xx: Tensor  # [b, 1, t, g, c]
    tt: Tensor  # [b, s, t, g, c]
    xt: tuple[Tensor, Tensor]  # real and imaginary part of conj(x) t, [b, s, t, g, c] each

    def of(self, stems: Sequence[int]) -> "Powers":
        """The same for some of the stems."""
        rows, (real, imaginary) = list(stems), self.xt
        return Powers(self.xx, self.tt[:, rows], (real[:, rows], imaginary[:, rows]))


def pooled_powers(mix: Tensor, targets: Tensor, config: EmbeddedConfig) -> Powers:
    """Pool a batch once for all its losses: mix [b, t, f, c], targets [b, s, t, f, c], complex."""
    x_real, x_imaginary = _planes(mix)  # [b, c, t, f]
    batch, stem = targets[..., :8, :].flatten(2).any(-1).nonzero(as_tuple=True)  # those that play
    t_real, t_imaginary = _planes(targets[batch, stem])
    grid = sum(points for points, _ in config.pools)
    shape = (*targets.shape[:2], *t_real.shape[1:-1], grid)
    power, real, imaginary = (t_real.new_zeros(shape) for _ in range(3))
    for b, s, re, im in zip(batch.tolist(), stem.tolist(), t_real, t_imaginary, strict=True):
        x, y = x_real[b], x_imaginary[b]
        power[b, s] = _pooled(re * re + im * im, config)
        real[b, s] = _pooled(x * re + y * im, config)
        imaginary[b, s] = _pooled(x * im - y * re, config)
    own = _pooled(x_real.square() + x_imaginary.square(), config)
    own, power, real, imaginary = (part.movedim(-3, -1) for part in (own, power, real, imaginary))
    return Powers(own.unsqueeze(1), power, (real, imaginary))


def _planes(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of [.., t, f, c], contiguous: [.., c, t, f] each."""
    channels_first = spectrum.movedim(-1, -3)
    return channels_first.real.contiguous(), channels_first.imag.contiguous()


def _pooled(power: Tensor, config: EmbeddedConfig) -> Tensor:
    """Average bins into grid points: [.., f] -> [.., g]."""
    return pool(power.unsqueeze(-1), config.pools).squeeze(-1)


def grid_weight(config: EmbeddedConfig) -> Tensor:
    """Weight of each grid point: its width on the mel scale, mean one, [g, 1]."""
    width = torch.cat([torch.full((points,), float(size)) for points, size in config.pools])
    edges = torch.cat((torch.zeros(1), width.cumsum(0))) * config.sample_rate / config.n_fft
    weight = torch.diff(torch.log10(1 + edges / 700))
    return (weight / weight.mean()).unsqueeze(-1)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of `spectral_loss`."""

    level: float = 0.5
    snr: float = 1.0
    power_snr: float = 0.5


def spectral_loss(
    gain: Tensor, powers: Powers, mel: Tensor, weights: LossWeights | None = None
) -> Tensor:
    """L1 of magnitudes to the power 0.3, plus bounded SNRs over the stems that play.

    The L1 alone rewards silence where a stem is in doubt. The SNR of the spectrum pulls away from
    there; the SNR of powers, squared again as in the challenge's metric, weighs what is loud.

    Args:
        gain: [b, s, t, g, c], real or complex.
        powers: of the same batch and stems.
        mel: from `grid_weight`.
    """
    weights = weights or LossWeights()
    real, imaginary = powers.xt
    if gain.is_complex():
        squared = gain.real.square() + gain.imag.square()
        cross = gain.real * real + gain.imag * imaginary
    else:
        squared, cross = gain.square(), gain * real
    estimate = squared * powers.xx
    magnitude = (estimate + 1e-6).pow(0.15) - (powers.tt + 1e-6).pow(0.15)
    level = (magnitude.abs() * mel).mean()

    error = ((estimate - 2 * cross + powers.tt).clamp_min(0) * mel).sum((2, 3, 4))
    target = (powers.tt * mel).sum((2, 3, 4))
    plays = target > 1e-3 * (powers.xx * mel).sum((2, 3, 4))
    snr = torch.log10((error + 0.03 * target + 1e-4) / (target + 1e-4))
    # The challenge's own metric compares powers, and squares them again.
    spread = (estimate - powers.tt).square().mul(mel).sum((2, 3, 4))
    energy = powers.tt.square().mul(mel).sum((2, 3, 4))
    power_snr = torch.log10((spread + 0.03 * energy + 1e-6) / (energy + 1e-6))
    bounded = weights.snr * snr + weights.power_snr * power_snr.clamp_max(1.5)
    bounded = torch.where(plays, bounded, 0.0)
    return weights.level * level + bounded.sum() / plays.sum().clamp_min(1)
