"""Transformers along time and along frequency in turn, with rotary positions.

After Lu et al. (BS-RoFormer, arXiv 2309.02612) and Su et al. (rotary positions, arXiv 2104.09864).
Attribute names are those of lucidrains' BS-RoFormer, which all publications here build on, so that
their weights load strictly.

Shape letters: `b` batch, `r` rows (batch and the axis at rest), `h` head, `d` feature, `t` frame or
position, `f` frequency bin or band.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from restem.models.published_config import published_options


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of the transformer: `depth` times (`time_depth` layers, then `frequency_depth`)."""

    depth: int = 2
    time_depth: int = 2
    frequency_depth: int = 2
    heads: int = 8
    head_features: int = 64
    attention_dropout: float = 0.1  # in training only, like the next
    feed_forward_dropout: float = 0.1

    published_names: ClassVar[Mapping[str, str]] = {
        "depth": "depth",
        "time_transformer_depth": "time_depth",
        "freq_transformer_depth": "frequency_depth",
        "heads": "heads",
        "dim_head": "head_features",
        "attn_dropout": "attention_dropout",
        "ff_dropout": "feed_forward_dropout",
    }

    def __post_init__(self) -> None:
        if min(self.depth, self.time_depth, self.frequency_depth) < 1:
            raise ValueError("the transformer's depths must be at least 1")
        if self.head_features % 2:
            raise ValueError(f"head_features must be even, got {self.head_features}")

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        # flash_attn chooses among equal ways to compute; torch chooses here.
        names, dropped = cls.published_names, ("flash_attn",)
        return cls(**published_options("RoPEParams", params, names, dropped))


class Rotary(nn.Module):
    """Turns pairs of features by an angle that grows with the position."""

    def __init__(self, features: int, stored: bool = True) -> None:
        """`stored`: its frequencies are a part of the weights."""
        super().__init__()
        exponents = torch.arange(0, features, 2, dtype=torch.float32) / features
        self.freqs: Tensor
        if stored:
            self.freqs = nn.Parameter(10000.0**-exponents, requires_grad=False)
        else:
            self.register_buffer("freqs", 10000.0**-exponents, persistent=False)
        self._table: Tensor | None = None
        self.register_load_state_dict_post_hook(Rotary.forget)  # type: ignore[no-untyped-call]

    def forget(self, _: object = None) -> None:
        """Drop the cached table: the frequencies have been loaded anew."""
        self._table = None

    def table(self, length: int) -> Tensor:
        """Cosine and sine of every angle, [2, t, d / 2], kept until a longer one is asked for."""
        table, freqs = self._table, self.freqs
        kind = freqs.device, freqs.dtype
        if table is None or table.shape[1] < length or (table.device, table.dtype) != kind:
            # A tensor made in inference mode could not serve a later training step.
            with torch.inference_mode(False):
                angles = torch.arange(length, device=freqs.device)[:, None] * freqs
                self._table = table = torch.stack((angles.cos(), angles.sin()))
        return table[:, :length]

    def turns(self, length: int) -> Tensor:
        """The table as complex numbers, for heads behind positions: [t, 1, d / 2]."""
        return torch.complex(*self.table(length))[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """x: [.., t, d], and so is the result."""
        cos, sin = self.table(x.shape[-2])
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
        return turned.flatten(-2).to(x.dtype)


class RMSNorm(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(x, dim=-1) * sqrt(len(self.gamma)) * self.gamma


class Attention(nn.Module):
    """Full self-attention with rotary positions and one sigmoid gate a head."""

    def __init__(self, config: TransformerConfig, features: int, rotary: Rotary) -> None:
        super().__init__()
        inner = config.heads * config.head_features
        self.heads = config.heads
        self.dropout = config.attention_dropout
        self.rotary_embed = rotary
        self.norm = RMSNorm(features)
        self.to_qkv = nn.Linear(features, 3 * inner, bias=False)
        self.to_gates = nn.Linear(features, config.heads)
        self.to_out = nn.Sequential(
            nn.Linear(inner, features, bias=False), nn.Dropout(self.dropout)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [r, t, d], and so is the result."""
        x = self.norm(x)
        return self.mixed(x, *self.project(x))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of a normed input, [r, h, t, d] each."""
        qkv = self.to_qkv(x).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        return query, key, value

    def mixed(self, x: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Update of a normed input, [r, t, d]."""
        mixed = nn.functional.scaled_dot_product_attention(
            self.rotary_embed(query),
            self.rotary_embed(key),
            value,
            dropout_p=self.dropout if self.training else 0.0,
        )
        gates = self.to_gates(x).sigmoid().unsqueeze(-1)  # [r, t, h, 1]
        update: Tensor = self.to_out((mixed.transpose(1, 2) * gates).flatten(-2))
        return update


class FeedForward(nn.Module):
    def __init__(self, features: int, dropout: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            RMSNorm(features),
            nn.Linear(features, 4 * features),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * features, features),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        update: Tensor = self.net(x)
        return update


class Transformer(nn.Module):
    """Attention and feed-forward along one axis, both residual, `depth` times; then a norm."""

    def __init__(
        self,
        config: TransformerConfig,
        features: int,
        depth: int,
        rotary: Rotary,
        norms: bool = True,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (
                    Attention(config, features, rotary),
                    FeedForward(features, config.feed_forward_dropout),
                )
            )
            for _ in range(depth)
        )
        self.norm = RMSNorm(features) if norms else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """x: [.., t, d], and so is the result."""
        rows = x.flatten(0, -3)  # [r, t, d]
        for layer in self.layers:
            attend, feed_forward = layer.children()
            rows = rows + attend(rows)
            rows = rows + feed_forward(rows)
        normed: Tensor = self.norm(rows)
        return normed.reshape(x.shape)


def dual_axis_layers(config: TransformerConfig, features: int, norms: bool = True) -> nn.ModuleList:
    """Pairs of transformers, along time and along frequency, that share what turns positions."""
    time, frequency = Rotary(config.head_features), Rotary(config.head_features)
    return nn.ModuleList(
        nn.ModuleList(
            (
                Transformer(config, features, config.time_depth, time, norms),
                Transformer(config, features, config.frequency_depth, frequency, norms),
            )
        )
        for _ in range(config.depth)
    )


class DualAxisTransformer(nn.Module):
    def __init__(self, config: TransformerConfig, features: int) -> None:
        super().__init__()
        self.layers = dual_axis_layers(config, features)

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, d, t, f], and so is the result."""
        x = x.permute(0, 2, 3, 1)  # [b, t, f, d]
        for layer in self.layers:
            along_time, along_frequency = layer.children()
            x = along_time(x.transpose(1, 2)).transpose(1, 2)
            x = along_frequency(x)
        return x.permute(0, 3, 1, 2)
