"""Losses of the embedded cascade, computed on its own grid of gains.

With a gain M constant over a grid point, the estimate's power there is |M|² Pxx and its product
with the target Re(M* Pxt), where Pxx, Pxt and Ptt are the powers of mix and target pooled over the
point: nothing larger than the grid carries a gradient.

Shape letters as in `models.embedded`; `r` counts the stems of a batch that play, `q` the others,
`m` mel bands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from restem.models.embedded import EmbeddedConfig, pool
from restem.models.training.metrics import mel_filters

MELS = 128
BEST = 0.003  # an error relative to the target that is good enough: 25 dB
AUDIBLE = 1e-3  # of a silent stem's power, relative to the mix: -30 dB
LOUD = 1e-3  # a target's power relative to the mix, from which on it plays


class Powers(NamedTuple):
    """Pooled powers of one batch; x is the mix, t the target."""

    xx: Tensor  # [b, t, g, c]
    tt: Tensor  # [r, t, g, c]
    xt: tuple[Tensor, Tensor]  # real and imaginary part of conj(x) t, [r, t, g, c] each
    rows: tuple[Tensor, Tensor]  # clip and stem of each r
    silent: tuple[Tensor, Tensor]  # clip and stem of each q

    def of(self, stems: Sequence[int]) -> "Powers":
        """The same for some of the stems, which are then counted anew."""
        order = torch.full((1 + max(*stems, *map(_last, (self.rows[1], self.silent[1]))),), -1)
        order[list(stems)] = torch.arange(len(stems))
        (clips, stem), (quiet, still) = self.rows, self.silent
        number, other = order[stem.cpu()].to(stem.device), order[still.cpu()].to(still.device)
        keep, rest = number >= 0, other >= 0
        real, imaginary = self.xt
        return Powers(
            self.xx,
            self.tt[keep],
            (real[keep], imaginary[keep]),
            (clips[keep], number[keep]),
            (quiet[rest], other[rest]),
        )


def _last(stems: Tensor) -> int:
    return int(stems.max()) if len(stems) else 0


def pooled_powers(mix: Tensor, targets: Tensor, config: EmbeddedConfig) -> Powers:
    """Pool a batch once for all its losses: mix [b, t, f, c], targets [b, s, t, f, c], complex."""
    x_real, x_imaginary = _planes(mix)  # [b, c, t, f]
    plays = targets[..., :8, :].flatten(2).any(-1)
    clips, stems = plays.nonzero(as_tuple=True)
    t_real, t_imaginary = _planes(targets[clips, stems])
    grid = sum(points for points, _ in config.pools)
    shape = (*t_real.shape[:-1], grid)
    power, real, imaginary = (t_real.new_zeros(shape) for _ in range(3))
    # One at a time stays in a CPU's cache; a GPU takes all at once.
    rows = [slice(None)] if mix.is_cuda else [slice(row, row + 1) for row in range(len(clips))]
    for row in rows:
        x, y, re, im = x_real[clips[row]], x_imaginary[clips[row]], t_real[row], t_imaginary[row]
        power[row] = _pooled(re * re + im * im, config)
        real[row] = _pooled(x * re + y * im, config)
        imaginary[row] = _pooled(x * im - y * re, config)
    own = _pooled(x_real.square() + x_imaginary.square(), config)
    own, power, real, imaginary = (part.movedim(-3, -1) for part in (own, power, real, imaginary))
    silent = (~plays).nonzero(as_tuple=True)
    return Powers(own, power, (real, imaginary), (clips, stems), (silent[0], silent[1]))


def _planes(spectrum: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of [.., t, f, c], contiguous: [.., c, t, f] each."""
    channels_first = spectrum.movedim(-1, -3)
    return channels_first.real.contiguous(), channels_first.imag.contiguous()


def _pooled(power: Tensor, config: EmbeddedConfig) -> Tensor:
    """Average bins into grid points: [.., f] -> [.., g]."""
    return pool(power.unsqueeze(-1), config.pools).squeeze(-1)


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of `SpectralLoss`; each but `level` is a logarithm of a ratio."""

    level: float = 0.2
    snr: float = 0.5
    si_sdr: float = 0.5
    mel: float = 1.0
    leakage: float = 0.1


class SpectralLoss(nn.Module):
    """Terms for all that the metrics ask for and the grid shows, over the stems that play.

    * `mel`: the challenge's own ratio (`models.training.metrics.mmsnr`): the estimate is scaled to
      the target by least squares, then the mel powers are compared.
    * `si_sdr`: the same of the waveform, which is scale-invariant.
    * `snr`: not scale-invariant; low notes count for their width on the mel scale.
    * `level`: L1 of magnitudes to the power 0.3, for all that is faint.
    * `leakage`: of stems that do not play, relative to the mix.
    """

    def __init__(self, config: EmbeddedConfig, weights: LossWeights | None = None) -> None:
        super().__init__()
        self.weights = weights or LossWeights()
        width = torch.cat([torch.full((points,), float(size)) for points, size in config.pools])
        edges = torch.cat((torch.zeros(1), width.cumsum(0))) * config.sample_rate / config.n_fft
        perceived = torch.diff(torch.log10(1 + edges / 700))
        perceived = perceived / perceived.mean()
        filters = mel_filters(config.sample_rate, config.n_fft, min(MELS, len(width)))[:, :-1]
        bands = torch.cat(
            [
                part.unflatten(-1, (points, size)).sum(-1)
                for part, (points, size) in zip(
                    filters.split([p * s for p, s in config.pools], dim=-1),
                    config.pools,
                    strict=True,
                )
            ],
            dim=-1,
        )
        self.register_buffer("width", width, persistent=False)
        self.register_buffer("perceived", perceived, persistent=False)
        self.register_buffer("bands", bands, persistent=False)  # [m, g]
        self.width: Tensor
        self.perceived: Tensor
        self.bands: Tensor

    def forward(self, gain: Tensor, powers: Powers) -> Tensor:
        """Judge gains, [b, s, t, g, c], real or complex."""
        weights = self.weights
        loss = self._leakage(gain, powers) * weights.leakage
        if not len(powers.tt):
            return loss
        clips, _ = powers.rows
        estimate, cross = applied(gain[powers.rows], powers.xx[clips], powers.xt)
        if weights.level:
            magnitude = (estimate + 1e-6).pow(0.15) - (powers.tt + 1e-6).pow(0.15)
            loss = loss + weights.level * (magnitude.abs().mean((0, 1, 3)) @ self.perceived) / len(
                self.perceived
            )
        own, shared, wanted = (x.sum(1).mT for x in (estimate, cross, powers.tt))  # [r, c, g]
        energy, product, target = (x @ self.width for x in (own, shared, wanted))  # [r, c]
        plays = target > LOUD * (powers.xx.sum(1).mT @ self.width)[clips] + 1e-9
        error = ((own - 2 * shared + wanted) @ self.perceived).clamp_min(0)
        norm = wanted @ self.perceived + 1e-9
        snr = torch.log10(error / norm + 0.03)
        coherence = product.clamp_min(0).square() / (energy * target + 1e-18)
        si_sdr = torch.log10((1 - coherence).clamp_min(0) + BEST)
        scale = product / (energy + 1e-12)
        bands = [x.mT.contiguous() @ self.bands.T for x in (estimate, powers.tt)]  # [r, t, c, m]
        spread = (bands[0] * scale.square()[:, None, :, None] - bands[1]).square().sum((1, 3))
        mel = torch.log10(spread / (bands[1].square().sum((1, 3)) + 1e-12) + BEST)
        judged = weights.snr * snr + weights.si_sdr * si_sdr + weights.mel * mel
        return loss + torch.where(plays, judged, 0.0).sum() / plays.sum().clamp_min(1)

    def _leakage(self, gain: Tensor, powers: Powers) -> Tensor:
        """Loudness of silent stems, in powers of ten above `AUDIBLE`."""
        clips, _ = powers.silent
        if not len(clips):
            return gain.real.new_zeros(())
        estimate, _ = applied(gain[powers.silent], powers.xx[clips])
        leaked = estimate.sum(1).mT @ self.perceived  # [q, c]
        mix = (powers.xx.sum(1).mT @ self.perceived)[clips]
        return torch.log10(1 + leaked / (AUDIBLE * mix + 1e-9)).mean()


def applied(
    gain: Tensor, mix: Tensor, product: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """The power that gains make of the mix's, and its product with the target's."""
    real, imaginary = product or (mix, mix)
    if gain.is_complex():
        squared = gain.real.square() + gain.imag.square()
        return squared * mix, gain.real * real + gain.imag * imaginary
    return gain.square() * mix, gain * real
