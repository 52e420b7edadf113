"""Metrics of music source restoration."""

from functools import cache

import torch
from torch import Tensor

RESOLUTIONS = ((512, 256, 80), (1024, 512, 128), (2048, 1024, 192))  # n_fft, hop_length, mels


@cache
def mel_filters(sample_rate: int, n_fft: int, mels: int) -> Tensor:
    """Triangular filters on the HTK mel scale, peak one, from 0 Hz to Nyquist: [mels, f]."""
    nyquist = sample_rate / 2
    top = 2595 * torch.log10(torch.tensor(1 + nyquist / 700, dtype=torch.float64))
    edges = 700 * (10 ** (torch.linspace(0, 1, mels + 2, dtype=torch.float64) * top / 2595) - 1)
    bins = torch.linspace(0, nyquist, n_fft // 2 + 1, dtype=torch.float64)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp_min(0).float()


def mmsnr(reference: Tensor, estimate: Tensor, sample_rate: int = 48000) -> float:
    """Multi-resolution mel SNR in dB of the MSR challenge (arXiv 2601.04343); higher is better.

    The estimate is first scaled to the reference by least squares. Silence and an estimate that has
    nothing to do with the reference score about 0 dB.

    Args:
        reference, estimate: [c, n].

    Returns:
        The mean over resolutions and channels, in dB; NaN if the reference is silent.
    """
    scale = (reference * estimate).sum(-1, keepdim=True)
    scale = scale / (estimate.square().sum(-1, keepdim=True) + 1e-8)
    if not reference.any():
        return float("nan")
    scores = []
    for n_fft, hop_length, mels in RESOLUTIONS:
        r, p = (
            mel_power(x, sample_rate, n_fft, hop_length, mels)
            for x in (reference, scale * estimate)
        )
        error = (r - p).square().sum((-1, -2)) + 1e-8
        scores.append(10 * torch.log10(r.square().sum((-1, -2)) / error))
    return float(torch.stack(scores).mean())


def mel_power(audio: Tensor, sample_rate: int, n_fft: int, hop_length: int, mels: int) -> Tensor:
    """Power mel spectrogram, periodic Hann window, centred, reflected edges: [c, mels, t]."""
    spectrum = torch.stft(
        audio,
        n_fft,
        hop_length,
        window=torch.hann_window(n_fft, device=audio.device),
        return_complex=True,
    )
    return mel_filters(sample_rate, n_fft, mels).to(audio.device) @ spectrum.abs().square()
