"""The transformers of several DTT-BSRs at once (see `models.transformer`).

Shape letters: `g` network, `b` batch, `d` feature, `t` frame or position, `u` wanted one, `f`
frequency bin, `r` rows (batch and the axis at rest), `h` head, `e` feature of a head.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, rms_norm
from torch.nn.functional import scaled_dot_product_attention as attend

from restem.models.inference.frozen import InferenceModule, module_list
from restem.models.transformer import Rotary

SMALL = 1e-24  # beside a mean square, so that silence stays silence
TILE = 2048  # positions that a CPU takes at once: temporaries then stay in its caches


class StackedAttention(InferenceModule):
    """`Attention`, with the norm's gain folded into the layers behind it."""

    query: Tensor  # [g, d, h * e]
    key_value: Tensor  # [g, d, 2 * h * e]
    gates: Tensor  # [g, d, h]
    gates_bias: Tensor  # [g, 1, h]
    out: Tensor  # [g, h * e, d]

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.heads = layers[0].heads
        inner = layers[0].to_out[0].in_features
        gained = [layer.to_qkv.weight * layer.norm.gamma for layer in layers]
        self.register_weights(
            query=torch.stack([weight[:inner].T for weight in gained]),
            key_value=torch.stack([weight[inner:].T for weight in gained]),
            gates=torch.stack([(x.to_gates.weight * x.norm.gamma).T for x in layers]),
            gates_bias=torch.stack([layer.to_gates.bias for layer in layers])[:, None],
            out=torch.stack([layer.to_out[0].weight.T for layer in layers]),
        )

    def forward(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        """Residual to add to positions [first, last) of x: [g, r, t, d] -> [g, r, u, d]."""
        g, r, t, _ = x.shape
        normed = normalised(x, self.query.dtype)
        wanted = normed[:, :, first:last].reshape(g, -1, x.shape[-1])
        query = torch.bmm(wanted, self.query).view(g * r, last - first, self.heads, -1)
        both = torch.bmm(normed.flatten(1, 2), self.key_value).view(g * r, t, 2, self.heads, -1)
        mixed = attend(
            turn(query, turns[first:last]).transpose(1, 2),
            turn(both[:, :, 0], turns).transpose(1, 2),
            both[:, :, 1].transpose(1, 2),
        )  # [g * r, h, u, e]
        gates = torch.baddbmm(self.gates_bias, wanted, self.gates).sigmoid_()
        gated = mixed.transpose(1, 2).reshape(g, -1, self.heads, mixed.shape[-1])
        gated = (gated * gates.unsqueeze(-1)).flatten(-2)
        return torch.bmm(gated, self.out).view(g, r, last - first, -1)


def normalised(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Features divided by their root mean square, silence left alone."""
    return rms_norm(x, x.shape[-1:], eps=SMALL).to(dtype)


def turn(x: Tensor, turns: Tensor) -> Tensor:
    """Rotary positions: pairs of features times e^(i angle).

    Args:
        x: [r, t, h, e].
        turns: [t, 1, e / 2], complex.
    """
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


class StackedFeedForward(InferenceModule):
    """`FeedForward`, with the norm's gain folded into the first layer."""

    widen: Tensor
    widen_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.register_weights(
            widen=torch.stack([(x.net[1].weight * x.net[0].gamma).T for x in layers]),
            widen_bias=torch.stack([layer.net[1].bias for layer in layers])[:, None],
            narrow=torch.stack([layer.net[4].weight.T for layer in layers]),
            narrow_bias=torch.stack([layer.net[4].bias for layer in layers])[:, None],
        )

    def forward(self, x: Tensor) -> Tensor:
        """Residual to add to x, [g, r, t, d]."""
        normed = normalised(x, self.widen.dtype).flatten(1, 2)
        wide = gelu(torch.baddbmm(self.widen_bias, normed, self.widen))
        return torch.baddbmm(self.narrow_bias, wide, self.narrow).view(x.shape)


class StackedTransformer(InferenceModule):
    """`Transformer`, at some of the positions only: the others serve as keys and values."""

    gain: Tensor  # [g, 1, 1, d]
    exact = ("gain",)

    def __init__(self, modules: Sequence[Any]) -> None:
        super().__init__()
        layers = [*zip(*(module.layers for module in modules), strict=True)]
        self.attentions = module_list(
            StackedAttention([pair[0] for pair in same]) for same in layers
        )
        self.feed_forwards = module_list(
            StackedFeedForward([pair[1] for pair in same]) for same in layers
        )
        self.register_weights(
            gain=torch.stack([module.norm.gamma for module in modules])[:, None, None]
        )

    def forward(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        """[g, r, t, d] -> [g, r, last - first, d]."""
        t = x.shape[2]
        tile = max(1, TILE // t) if x.device.type == "cpu" else x.shape[1]
        tiles = [self._restore(rows, turns, first, last) for rows in x.split(tile, dim=1)]
        return torch.cat(tiles, dim=1)

    def _restore(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        final = self.attentions[-1]
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            here = (first, last) if attention is final else (0, x.shape[2])
            x = x[:, :, here[0] : here[1]] + attention(x, turns, *here)
            x = x + feed_forward(x)
        return normalised(x, x.dtype) * self.gain


class StackedDualAxisTransformer(nn.Module):
    """`DualAxisTransformer`, at some of the frames only.

    Raises:
        ValueError: the networks turn positions differently.
    """

    def __init__(self, modules: Sequence[Any]) -> None:
        super().__init__()
        pairs = [*zip(*(module.layers for module in modules), strict=True)]
        self.along_time = module_list(
            StackedTransformer([pair[0] for pair in same]) for same in pairs
        )
        self.along_frequency = module_list(
            StackedTransformer([pair[1] for pair in same]) for same in pairs
        )
        self.rotary = module_list(copy.deepcopy(rotary) for rotary in rotaries(modules[0]))
        for module in modules[1:]:
            for mine, other in zip(self.rotary, rotaries(module), strict=True):
                if not torch.equal(mine.freqs, other.freqs):
                    raise ValueError("networks whose rotary frequencies differ cannot be stacked")

    def forward(self, x: Tensor, first: int, last: int) -> Tensor:
        """The frames [first, last) of the answer: [g, b, t, f, d] -> [g, b, last - first, f, d]."""
        b, t, f = x.shape[1:4]
        time, frequency = (axis.turns(size) for axis, size in zip(self.rotary, (t, f), strict=True))
        final = self.along_time[-1]
        for along_time, along_frequency in zip(self.along_time, self.along_frequency, strict=True):
            frames = (first, last) if along_time is final else (0, t)
            rows = x.transpose(2, 3).flatten(1, 2)  # [g, b * f, t, d]
            rows = along_time(rows, time, *frames)
            rows = rows.unflatten(1, (b, f)).transpose(2, 3).flatten(1, 2)  # [g, b * t, f, d]
            x = along_frequency(rows, frequency, 0, f).unflatten(1, (b, -1))
        return x


def rotaries(module: Any) -> list[Rotary]:
    """The one along time and the one along frequency."""
    axes = module.layers[0].children()
    return [next(each for each in axis.modules() if isinstance(each, Rotary)) for axis in axes]
