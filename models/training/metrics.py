"""Metrics of music source restoration.

Shape letters: `c` channel, `n` sample, `f` frequency bin, `t` frame, `i` item, `d` feature.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor

RESOLUTIONS = ((512, 256, 80), (1024, 512, 128), (2048, 1024, 192))  # n_fft, hop_length, mels
SI_SDR_BOUND = 100.0  # dB
ZIMTOHRLI_RATE = 48000  # Hz
ZIMTOHRLI_SHORTEST = 9600  # samples; 0.2.1 writes past its memory below some 3500
ZIMTOHRLI_REMEDY = "pip install restem[evaluate]"

Items = NDArray[np.floating[Any]]  # [i, d]
Matrix = NDArray[np.float64]


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


Example = tuple[Tensor, Tensor]  # mix [c, n] and clean targets [s, c, n]
SILENT_POWER = 1e-6  # on average over a clip


def plays(target: Tensor) -> bool:
    """True if a clip of a stem is more than silence."""
    return float(target.square().mean()) > SILENT_POWER


def mmsnr(reference: Tensor, estimate: Tensor, sample_rate: int = 48000) -> float:
    """Multi-resolution mel SNR in dB of the MSR challenge (arXiv 2601.04343); higher is better.

    The estimate is first scaled to the reference by least squares. Silence and an estimate that has
    nothing to do with the reference score about 0 dB.

    Args:
        reference, estimate: [c, n].

    Returns:
        The mean over resolutions and the channels in which the reference plays, in dB; NaN if it
        is silent.

    Raises:
        ValueError: the shapes differ.
    """
    reference, estimate = _playing(reference, estimate)
    if not len(reference):
        return float("nan")
    scale = (reference * estimate).sum(-1, keepdim=True)
    scale = scale / (estimate.square().sum(-1, keepdim=True) + 1e-8)
    scores = []
    for n_fft, hop_length, mels in RESOLUTIONS:
        r, p = (
            mel_power(x, sample_rate, n_fft, hop_length, mels)
            for x in (reference, scale * estimate)
        )
        error = (r - p).square().sum((-1, -2)) + 1e-8
        scores.append(10 * torch.log10(r.square().sum((-1, -2)) / error))
    return float(torch.stack(scores).mean())


def si_sdr(reference: Tensor, estimate: Tensor) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019); higher is better.

    Bounded to ±100 dB, so that no single clip rules an average: silence scores -100 dB.

    Args:
        reference, estimate: [c, n].

    Returns:
        The mean over the channels in which the reference plays; NaN if it is silent.

    Raises:
        ValueError: the shapes differ.
    """
    reference, estimate = (x.double() for x in _playing(reference, estimate))
    if not len(reference):
        return float("nan")
    scale = (reference * estimate).sum(-1) / reference.square().sum(-1)
    target = scale[:, None] * reference
    ratio = target.square().sum(-1) / (target - estimate).square().sum(-1)
    level = 10 * torch.log10(ratio.nan_to_num(nan=0.0))  # 0 / 0: the estimate is silent
    return float(level.clamp(-SI_SDR_BOUND, SI_SDR_BOUND).mean())


def sdr(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Signal-to-distortion ratio in dB as MUSDB18's tables have it; higher is better.

    That of museval, BSS Eval v4 of images (Stöter et al., arXiv 1804.06267): over windows of one
    second, all channels together, the median. Windows in which one of the two is silent are left
    out; museval leaves them out of every stem of the song. Bounded to ±100 dB.

    Args:
        reference, estimate: [c, n].
        sample_rate: Hz.

    Returns:
        The median; NaN if no window is left.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != estimate.shape:
        raise ValueError(
            f"reference and estimate must be alike, got {list(reference.shape)} and "
            f"{list(estimate.shape)}"
        )
    size = min(sample_rate, reference.shape[-1])
    windows = [x.double().unfold(-1, size, size) for x in (reference, estimate)]  # [c, t, n]
    sounds = torch.stack([(x.sum(0) != 0).any(-1) for x in windows]).all(0)  # as museval's
    signal, error = (x.square().sum((0, 2))[sounds] for x in (windows[0], windows[1] - windows[0]))
    if not len(signal):
        return float("nan")
    level = 10 * torch.log10(signal / error)
    return float(np.median(level.clamp(-SI_SDR_BOUND, SI_SDR_BOUND).numpy()))


def zimtohrli(reference: Tensor, estimate: Tensor, sample_rate: int) -> float:
    """Zimtohrli's perceptual distance: 0 for identical signals, at most 1; lower is better.

    Level counts, as it does in the MSR challenge: nothing is scaled.

    Args:
        reference, estimate: [c, n], at least 0.2 s.
        sample_rate: Hz; other rates than 48 kHz are resampled to it.

    Returns:
        The mean over the channels in which the reference plays; NaN if it is silent.

    Raises:
        ValueError: the shapes differ, or the signals are too short.
        ModuleNotFoundError: the package `zimtohrli` is not installed.
    """
    distance = _zimtohrli().distance
    pairs = zip(*_playing(reference, estimate), strict=True)
    distances = []
    for pair in pairs:
        ours, theirs = (_at_48_khz(channel, sample_rate) for channel in pair)
        if len(ours) < ZIMTOHRLI_SHORTEST:
            raise ValueError(f"Zimtohrli needs at least 0.2 s, got {len(pair[0])} samples")
        distances.append(distance(ours, theirs))
    return float(np.mean(distances)) if distances else float("nan")


@cache
def _zimtohrli() -> Any:
    try:
        from zimtohrli import Pyohrli
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"Zimtohrli is not installed: {ZIMTOHRLI_REMEDY}") from error
    return Pyohrli()


def _at_48_khz(audio: Tensor, sample_rate: int) -> NDArray[np.float32]:
    here: NDArray[np.float32] = audio.cpu().float().numpy()
    if sample_rate == ZIMTOHRLI_RATE:
        return here
    there: NDArray[np.float32] = soxr.resample(here, sample_rate, ZIMTOHRLI_RATE)
    return there


def _playing(reference: Tensor, estimate: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the channels in which the reference plays."""
    if reference.shape != estimate.shape:
        shapes = f"{list(reference.shape)} and {list(estimate.shape)}"
        raise ValueError(f"reference and estimate must have one shape, got {shapes}")
    plays = reference.any(-1)
    return reference[plays], estimate[plays]


@dataclass(frozen=True)
class Frechet:
    """The Fréchet distance between two Gaussians and its two terms, all squared."""

    mean: float  # how far apart the centres are
    covariance: float  # how differently the clouds are spread

    @property
    def distance(self) -> float:
        return self.mean + self.covariance


class Gaussian:
    """Mean and covariance of embeddings, in memory that does not grow with their number.

    Batches are merged as in Chan et al. 1979: no difference of two large sums is ever taken.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Matrix = np.zeros(0)
        self._scatter: Matrix = np.zeros((0, 0))

    @property
    def dim(self) -> int:
        return len(self.mean)

    @property
    def covariance(self) -> Matrix:
        """[d, d], of which the rank is at most `count - 1`; NaN for fewer than two items."""
        return self._scatter / (self.count - 1) if self.count > 1 else self._scatter * np.nan

    def add(self, items: Items) -> None:
        """Take [i, d].

        Raises:
            ValueError: the items are no rows, not finite, or of another length than those before.
        """
        if items.ndim != 2 or (self.count and items.shape[1] != self.dim):
            expected = f"[items, {self.dim if self.count else 'features'}]"
            raise ValueError(f"an embedding must be {expected}, got {list(items.shape)}")
        if not np.isfinite(items).all():
            raise ValueError("an embedding must be finite, got NaN or Inf")
        if not len(items):
            return
        rows = items.astype(np.float64)
        mean = rows.mean(axis=0)
        centred = rows - mean
        if not self.count:
            self.mean, self._scatter = np.zeros_like(mean), np.zeros((len(mean), len(mean)))
        count = self.count + len(rows)
        shift = mean - self.mean
        between = np.outer(shift, shift) * (self.count * len(rows) / count)
        self._scatter = self._scatter + centred.T @ centred + between
        self.mean = self.mean + shift * (len(rows) / count)
        self.count = count


def frechet(reference: Gaussian, estimate: Gaussian) -> Frechet:
    """Fréchet distance, e.g. of audio (FAD): |mu_r - mu_g|² + Tr(S_r + S_g - 2 (S_r S_g)^½).

    The trace of the root is the sum of the roots of the eigenvalues of S_r^½ S_g S_r^½, and these
    are the singular values of S_g^½ S_r^½: no square root is taken of a rounding error, so that
    singular covariances do no harm.

    Returns:
        NaN for both terms if one side has fewer than two items.
    """
    if min(reference.count, estimate.count) < 2:
        return Frechet(float("nan"), float("nan"))
    roots = [_root(gaussian.covariance) for gaussian in (reference, estimate)]
    shared = np.linalg.svd(roots[1] @ roots[0], compute_uv=False).sum()
    traces = sum(float(np.trace(gaussian.covariance)) for gaussian in (reference, estimate))
    shift = reference.mean - estimate.mean
    return Frechet(float(shift @ shift), max(float(traces - 2 * shared), 0.0))


def _root(covariance: Matrix) -> Matrix:
    values, vectors = np.linalg.eigh(covariance)
    root: Matrix = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
