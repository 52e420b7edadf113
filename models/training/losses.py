"""Losses of the embedded cascade, computed on its own grid of gains.

With a gain M constant over a grid point, the estimate's power there is |M|² Pxx and its error
|M|² Pxx - 2 Re(M* Pxt) + Ptt, where Pxx, Pxt, Ptt are the powers of mix and target pooled over the
point: nothing larger than the grid carries a gradient.

Shape letters as in `models.embedded`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from models.embedded import EmbeddedConfig, pool


class Powers(NamedTuple):
    """Pooled powers of one batch; x is the mix, t the target."""

    xx: Tensor  # [b, 1, t, g, c]
    tt: Tensor  # [b, s, t, g, c]
    xt: Tensor  # complex, [b, s, t, g, c]: conj(x) t

    def of(self, stems: Sequence[int]) -> "Powers":
        """The same for some of the stems."""
        rows = list(stems)
        return Powers(self.xx, self.tt[:, rows], self.xt[:, rows])


def pooled_powers(mix: Tensor, targets: Tensor, config: EmbeddedConfig) -> Powers:
    """Pool a batch once for all its losses: mix [b, t, f, c], targets [b, s, t, f, c], complex."""
    batch, stems = targets.shape[:2]
    rows, stem = targets[..., :8, :].flatten(2).any(-1).nonzero(as_tuple=True)  # those that play
    x, t = torch.view_as_real(mix[rows]), torch.view_as_real(targets[rows, stem])
    real = (x * t).sum(-1)
    imaginary = x[..., 0] * t[..., 1] - x[..., 1] * t[..., 0]
    parts = [pool(part, config.pools) for part in (t.square().sum(-1), real, imaginary)]
    shape = (batch, stems, *parts[0].shape[1:])
    power, real, imaginary = (
        part.new_zeros(shape).index_put_((rows, stem), part) for part in parts
    )
    own = pool(torch.view_as_real(mix).square().sum(-1), config.pools)
    return Powers(own.unsqueeze(1), power, torch.complex(real, imaginary))


def grid_weight(config: EmbeddedConfig) -> Tensor:
    """How much each grid point counts: its width on the mel scale, mean one, [g, 1]."""
    width = torch.cat([torch.full((points,), float(size)) for points, size in config.pools])
    edges = torch.cat((torch.zeros(1), width.cumsum(0))) * config.sample_rate / config.n_fft
    weight = torch.diff(torch.log10(1 + edges / 700))
    return (weight / weight.mean()).unsqueeze(-1)


def spectral_loss(gain: Tensor, powers: Powers, weight: Tensor) -> Tensor:
    """L1 of magnitudes to the power 0.3, plus a bounded SNR over the stems that play.

    Args:
        gain: [b, s, t, g, c], real or complex.
        powers: of the same batch and stems.
        weight: from `grid_weight`.
    """
    squared = gain.abs().square() if gain.is_complex() else gain.square()
    estimate = squared * powers.xx
    magnitude = (estimate + 1e-6).pow(0.15) - (powers.tt + 1e-6).pow(0.15)
    level = (magnitude.abs() * weight).mean()

    cross = (gain * powers.xt.conj()).real if gain.is_complex() else gain * powers.xt.real
    error = ((estimate - 2 * cross + powers.tt).clamp_min(0) * weight).sum((2, 3, 4))
    target = (powers.tt * weight).sum((2, 3, 4))
    plays = target > 1e-3 * (powers.xx * weight).sum((2, 3, 4))
    snr = torch.log10((error + 0.03 * target + 1e-4) / (target + 1e-4))
    # The challenge's own metric compares powers, and squares them again.
    spread = (estimate - powers.tt).square().mul(weight).sum((2, 3, 4))
    energy = powers.tt.square().mul(weight).sum((2, 3, 4))
    power_snr = torch.log10((spread + 0.03 * energy + 1e-6) / (energy + 1e-6))
    bounded = torch.where(plays, snr + 0.5 * power_snr.clamp_max(1.5), 0.0)
    return level + 0.5 * bounded.sum() / plays.sum().clamp_min(1)
