"""Bands of Slaney's mel scale: linear below 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""

import math

import numpy as np
from numpy.typing import NDArray


def mel_edges(bands: int, sample_rate: int) -> NDArray[np.float64]:
    """Edges of triangular bands up to half the sample rate, in Hz: [bands + 2].

    Band `i` rises from edge `i` to edge `i + 1`, and falls to edge `i + 2`.
    """
    top = 15 + 27 * math.log(sample_rate / 2000) / math.log(6.4)  # in mel
    mels = np.linspace(0, top, bands + 2)
    edges: NDArray[np.float64] = np.where(
        mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27)
    )
    return edges


def mel_filters(bands: int, n_fft: int, sample_rate: int) -> NDArray[np.float64]:
    """Triangles of peak 1 over the bins of an STFT: [bands, n_fft // 2 + 1]."""
    edges = mel_edges(bands, sample_rate)
    bins = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    filters: NDArray[np.float64] = np.minimum(rise, fall).clip(0)
    return filters
