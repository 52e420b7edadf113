"""Resampling by a windowed sinc as torchaudio does it, inside networks that were trained with it.

Shape letter: `n` sample.
"""

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad


@dataclass(frozen=True)
class SincFilter:
    """Shape of the filter; its window is Kaiser's, or Hann's without `beta`."""

    width: int  # zero crossings to each side
    rolloff: float  # cut-off by the lower Nyquist frequency
    beta: float | None = None


class SincResampler(nn.Module):
    """Resamples [.., n] to [.., ceil(n * new / orig)].

    Args:
        orig, new: the rates, divided by what they have in common.
        shape: of the filter.
        stored: the kernel is a part of the weights.
    """

    kernel: Tensor  # [new, 1, taps]

    def __init__(self, orig: int, new: int, shape: SincFilter, stored: bool = True) -> None:
        super().__init__()
        self.orig, self.new = orig, new
        base = min(orig, new) * shape.rolloff
        self.width = ceil(shape.width * orig / base)
        taps = torch.arange(-self.width, self.width + orig, dtype=torch.float64) / orig
        # Rounded as in torchaudio, which is worth 3e-5 of some answers.
        phases = (torch.arange(new, dtype=torch.float32) / new).double()
        times = ((taps - phases[:, None]) * base).clamp(-shape.width, shape.width)
        if shape.beta is None:
            window = torch.cos(times * torch.pi / shape.width / 2) ** 2
        else:
            beta = torch.tensor(shape.beta, dtype=torch.float64)
            inside = (1 - (times / shape.width) ** 2).clamp_min(0).sqrt()
            window = torch.i0(beta * inside) / torch.i0(beta)
        kernel = torch.sinc(times) * window * base / orig
        self.register_buffer("kernel", kernel[:, None].float(), persistent=stored)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, 1, x.shape[-1])
        padded = pad(rows, (self.width, self.width + self.orig))
        phases = conv1d(padded, self.kernel, stride=self.orig)
        signal = phases.transpose(1, 2).flatten(1)[:, : ceil(self.new * x.shape[-1] / self.orig)]
        return signal.reshape(*x.shape[:-1], -1)
