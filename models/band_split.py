"""Layers of a causal band-split network: windows, bands in and out, recurrences, mixers in a frame.

Shape letters as in `models.embedded`; `r` rows of batch (and stem), `i` and `o`
features in and out.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


def windows(n_fft: int, hop_length: int) -> tuple[Tensor, Tensor]:
    """The analysis window and the synthesis window of a frame, [n_fft] and [2 * hop_length].

    After Mauler and Martin (EUSIPCO 2007); their product is a periodic Hann window over the last
    `2 * hop_length` samples, whatever came before. For `n_fft = 2 * hop_length` both are its root.
    """
    short = torch.hann_window(2 * hop_length, dtype=torch.float64)
    rise = torch.hann_window(2 * (n_fft - hop_length), dtype=torch.float64)[: n_fft - hop_length]
    analysis = torch.cat((rise, short[hop_length:])).sqrt()
    synthesis = short / analysis[-2 * hop_length :].clamp_min(1e-12)
    return analysis.float(), synthesis.float()


class BandEncoder(nn.Module):
    """A linear layer for each band: [.., w, i] -> [.., k, d], w inputs (bins or grid points)."""

    def __init__(self, bands: Sequence[tuple[int, int]], features: int, dim: int) -> None:
        """`bands` lists (count, inputs of a band)."""
        super().__init__()
        self.inputs = [count * width for count, width in bands]
        self.weight = nn.ParameterList(
            nn.Parameter(torch.randn(count, width * features, dim) * (width * features) ** -0.5)
            for count, width in bands
        )
        self.bias = nn.Parameter(torch.randn(sum(count for count, _ in bands), dim) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -3)  # [r, w, i]
        encoded = [
            torch.bmm(part.reshape(len(part), len(weight), -1).transpose(0, 1), weight)
            for part, weight in zip(rows.split(self.inputs, dim=1), self.weight, strict=True)
        ]
        bands = torch.cat(encoded).transpose(0, 1) + self.bias  # [r, k, d]
        unflattened: Tensor = bands.unflatten(0, x.shape[:-2])
        return unflattened


class BandDecoder(nn.Module):
    """A linear layer for each band, back to its grid points: [.., k, d] -> [.., g, o]."""

    def __init__(self, bands: Sequence[tuple[int, int]], dim: int, outputs: int) -> None:
        """`bands` lists (count, grid points of a band)."""
        super().__init__()
        self.outputs = outputs
        self.counts = [count for count, _ in bands]
        self.weight = nn.ParameterList(
            nn.Parameter(torch.randn(count, dim, width * outputs) * dim**-0.5)
            for count, width in bands
        )
        self.bias = nn.ParameterList(
            nn.Parameter(torch.zeros(count, 1, width * outputs)) for count, width in bands
        )

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -3).transpose(0, 1)  # [k, r, d]
        decoded = [
            torch.baddbmm(bias, part, weight).transpose(0, 1).reshape(rows.shape[1], -1)
            for part, weight, bias in zip(
                rows.split(self.counts), self.weight, self.bias, strict=True
            )
        ]
        points = torch.cat(decoded, dim=1).unflatten(1, (-1, self.outputs))  # [r, g, o]
        unflattened: Tensor = points.unflatten(0, x.shape[:-2])
        return unflattened


def scan(decay: Tensor, candidate: Tensor, memory: Tensor) -> Tensor:
    """Run h[t] = decay[t] h[t - 1] + (1 - decay[t]) candidate[t] along time, from h[-1] = memory.

    Args:
        decay, candidate: [r, t, k, d].
        memory: [r, k, d].

    Returns:
        Every h, [r, t, k, d].
    """
    if candidate.shape[1] == 1:  # a stream's step
        return torch.lerp(candidate, memory.unsqueeze(1), decay)
    hidden: Tensor = _Scan.apply(decay, candidate, memory)  # type: ignore[no-untyped-call]
    return hidden


class _Scan(torch.autograd.Function):
    """The loop outside of autograd: one fused operation a frame each way.

    Where frames are cheap and calls are not, on a GPU, all frames at once in logarithmic time.
    """

    @staticmethod
    def forward(ctx: Any, decay: Tensor, candidate: Tensor, memory: Tensor) -> Tensor:
        if candidate.is_cuda:
            fresh = (1 - decay) * candidate
            fresh[:, 0].addcmul_(decay[:, 0], memory)
            hidden = accumulate(decay, fresh)
            ctx.save_for_backward(decay, candidate, hidden, memory)
            return hidden
        hidden = torch.empty_like(candidate)
        h = memory
        for frame in range(candidate.shape[1]):
            h = torch.lerp(candidate[:, frame], h, decay[:, frame], out=hidden[:, frame])
        ctx.save_for_backward(decay, candidate, hidden, memory)
        return hidden

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, candidate, hidden, memory = ctx.saved_tensors
        if candidate.is_cuda:
            later = torch.cat((torch.zeros_like(decay[:, :1]), decay[:, 1:].flip(1)), dim=1)
            total = accumulate(later, gradient.flip(1)).flip(1)
        else:
            total = torch.empty_like(hidden)
            g = total[:, -1].copy_(gradient[:, -1])
            for frame in range(hidden.shape[1] - 2, -1, -1):
                g = torch.addcmul(gradient[:, frame], decay[:, frame + 1], g, out=total[:, frame])
        before = torch.cat((memory.unsqueeze(1), hidden[:, :-1]), dim=1)
        return total * (before - candidate), total * (1 - decay), decay[:, 0] * total[:, 0]


def accumulate(decay: Tensor, fresh: Tensor) -> Tensor:
    """Every h[t] = decay[t] h[t - 1] + fresh[t] from nothing, [r, t, ..], by doubling steps.

    After a step of size n, each frame knows what the n frames before it left.
    """
    left, kept, size = fresh.clone(), decay.clone(), 1
    while size < fresh.shape[1]:
        left = torch.cat(
            (left[:, :size], torch.addcmul(left[:, size:], kept[:, size:], left[:, :-size])), dim=1
        )
        kept = torch.cat((kept[:, :size], kept[:, size:] * kept[:, :-size]), dim=1)
        size *= 2
    return left


class GatedRecurrence(nn.Module):
    """A linear recurrence along time whose gates see the input alone.

    minGRU of Feng et al. (arXiv 2410.01201), with an output gate as in Griffin (arXiv 2402.19427):
    the matrix products run over all frames at once, only the multiply-adds go frame by frame.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.gates = nn.Linear(dim, 3 * hidden)
        self.out = nn.Linear(hidden, dim)
        self.hidden = hidden
        # Time constants from one frame to several hundred.
        nn.init.uniform_(self.gates.bias[:hidden], 0.0, 6.0)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """x: [r, t, k, d], memory: [r, k, hidden]."""
        gates = self.gates(x).float()  # decays near 1 need it
        _, candidate, gate = gates.chunk(3, dim=-1)
        decay, _, opening = torch.sigmoid(gates).chunk(3, dim=-1)  # at once: it lies contiguous
        hidden = scan(decay, candidate, memory)
        return self.out(hidden * gate * opening), hidden[:, -1]


class RMSNorm(nn.RMSNorm):
    """PyTorch's norm of the last dimension, in half of the operations that it takes on a CPU."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        root = torch.tensor(dim**0.5, dtype=torch.float32)
        self.register_buffer("root", root, persistent=False)
        self.register_buffer("floor", root * torch.finfo(root.dtype).eps ** 0.5, persistent=False)
        self.root: Tensor
        self.floor: Tensor

    def forward(self, x: Tensor) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True).hypot(self.floor)
        normed: Tensor = x * (self.weight * self.root) / norm
        return normed


class BandBlock(nn.Module):
    """Residual: a recurrence along time in each band, a mixer across bands, one across features."""

    def __init__(self, bands: int, dim: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(RMSNorm(dim) for _ in range(3))
        self.across_time = GatedRecurrence(dim, dim)
        self.across_bands = mlp(bands, 2 * bands)
        self.across_features = mlp(dim, 2 * dim)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """x: [r, t, k, d], memory: [r, k, d], r rows of batch (and stem)."""
        first, second, third = self.norms
        y, memory = self.across_time(first(x), memory)
        x = x + y
        x = x + along_bands(self.across_bands, second(x))
        return x + self.across_features(third(x)), memory


class Summary(nn.Module):
    """Residual: one recurrence over the whole frame, all bands together."""

    def __init__(self, bands: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = RMSNorm(dim)
        self.squeeze = nn.Linear(bands * dim, hidden)
        self.across_time = GatedRecurrence(hidden, 2 * hidden)
        self.spread = nn.Linear(hidden, bands * dim)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """x: [b, t, k, d], memory: [b, 1, 2 * hidden]."""
        summary = self.squeeze(self.norm(x).flatten(-2)).unsqueeze(2)
        change, memory = self.across_time(summary, memory)
        return x + self.spread((summary + change).squeeze(2)).unflatten(-1, x.shape[-2:]), memory


class GELU(nn.GELU):
    """PyTorch's; in inference by plain operations: oneDNN's call costs more than so few values."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(0.5, dtype=torch.float32), persistent=False)
        self.register_buffer(
            "root", torch.tensor(2.0, dtype=torch.float32).sqrt(), persistent=False
        )
        self.factor: Tensor
        self.root: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad:  # one operation keeps one activation
            return super().forward(x)
        half = x * self.factor
        return torch.addcmul(half, half, torch.erf(half * self.root))


def mlp(dim: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, hidden), GELU(), nn.Linear(hidden, dim))


def along_bands(layers: nn.Sequential, x: Tensor) -> Tensor:
    """Apply an `mlp` to the last dimension but one, where it lies: x is [r, t, k, d]."""
    y = x.flatten(0, 1)
    for layer in layers:
        if isinstance(layer, nn.Linear):
            weight = layer.weight.expand(len(y), -1, -1)
            y = torch.baddbmm(layer.bias.unsqueeze(-1), weight, y)
        else:
            y = layer(y)
    return y.view_as(x)
