"""Distances between two signals' spectra, at several resolutions; and their phase.

Everything here computes in float32, takes silence, and gives a finite loss and gradient for it.

Shape letters: `m` mel band, `f` frequency bin, `t` frame, `n` sample.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from restem.models.training.metrics import mel_filters

FLOOR = 1e-7  # of magnitudes, in front of a logarithm
QUIET = 1e-2  # a mean magnitude: noise at -60 dBFS through a window of 600 samples


class LogMelLoss(nn.Module):
    """L1 between logarithms of mel magnitudes, the mean of DTT-BSR's resolutions.

    After arXiv 2602.19825, whose code has mel filters with peak one on the HTK scale and
    magnitudes, not powers.
    """

    resolutions = ((1024, 256, 80), (2048, 512, 160), (512, 128, 40))  # n_fft, hop_length, mels

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        for n_fft, _, mels in self.resolutions:
            filters = mel_filters(sample_rate, n_fft, mels)
            self.register_buffer(f"filters_{n_fft}", filters, persistent=False)
            self.register_buffer(f"window_{n_fft}", torch.hann_window(n_fft), persistent=False)

    def forward(self, estimate: Tensor, target: Tensor) -> Tensor:
        """[.., n] each, n more than 1024."""
        losses = []
        for n_fft, hop_length, _ in self.resolutions:
            window, filters = (self.get_buffer(f"{kind}_{n_fft}") for kind in ("window", "filters"))
            a, b = (
                (filters @ magnitudes(x, n_fft, hop_length, window)).clamp_min(FLOOR).log()
                for x in (estimate, target)
            )
            losses.append(l1_loss(a, b))
        return torch.stack(losses).mean()


class MultiResolutionLoss(nn.Module):
    """Spectral convergence and L1 of log-magnitudes (Yamamoto et al., arXiv 1910.11480).

    The resolutions are that paper's, which DTT-BSR+ cites. A norm is that of the whole batch, so
    a loud clip counts more than a quiet one and a silent one does no harm; where nearly the whole
    batch is silent, the convergence is that to a target of `QUIET` magnitudes.
    """

    resolutions = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))  # n_fft, hop, window

    def __init__(self) -> None:
        super().__init__()
        for n_fft, _, length in self.resolutions:
            self.register_buffer(f"window_{n_fft}", torch.hann_window(length), persistent=False)

    def forward(self, estimate: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """[.., n] each, n more than 1024; the convergence and the log-magnitudes' loss."""
        convergences, levels = [], []
        for n_fft, hop_length, _ in self.resolutions:
            window = self.get_buffer(f"window_{n_fft}")
            a, b = (
                magnitudes(x, n_fft, hop_length, window).clamp_min(FLOOR)
                for x in (estimate, target)
            )
            quiet = QUIET * b.numel() ** 0.5
            convergences.append((a - b).norm() / b.norm().clamp_min(quiet))
            levels.append(l1_loss(a.log(), b.log()))
        return torch.stack(convergences).mean(), torch.stack(levels).mean()


def magnitudes(audio: Tensor, n_fft: int, hop_length: int, window: Tensor) -> Tensor:
    """Magnitudes of a centred STFT, reflected edges: [.., n] -> [.., f, t]."""
    bins = torch.stft(
        audio.flatten(0, -2).float(),
        n_fft,
        hop_length,
        win_length=len(window),
        window=window,
        return_complex=True,
    )
    result: Tensor = bins.abs().unflatten(0, audio.shape[:-1])
    return result


def rotate_phase(audio: Tensor, angle: Tensor, n_fft: int = 2048, hop_length: int = 512) -> Tensor:
    """Add a constant to the phase of every frequency; levels stay, pi flips the polarity.

    Args:
        audio: [.., n], n more than half of `n_fft`.
        angle: in radians, of a shape that broadcasts over [.., 1].
    """
    window = torch.hann_window(n_fft, device=audio.device)
    rows = audio.flatten(0, -2)
    bins = torch.stft(rows, n_fft, hop_length, window=window, return_complex=True)
    turn = torch.polar(torch.ones_like(angle), angle).expand(*audio.shape[:-1], 1).flatten(0, -2)
    turned = bins * turn.unsqueeze(-1)
    return torch.istft(turned, n_fft, hop_length, window=window, length=audio.shape[-1]).reshape(
        audio.shape
    )
