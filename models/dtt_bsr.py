"""DTT-BSR: one restored stem from a mix, the first stage (arXiv 2602.19825).

DTTNet's U-Net (see `tfc_tdf`) at 48 kHz with a transformer at the bottom, whose attention runs
along time and along frequency in turn, with rotary positions (Lu et al., arXiv 2309.02612; Su et
al., arXiv 2104.09864). The network is mono: left and right are two items of a batch. Source of the
details and of the published sizes: https://github.com/OrigamiShido/DTT-BSR.

Shape letters: `b` batch, `r` rows (batch and the axis at rest), `h` head, `d` feature, `t` frame,
`f` frequency bin, `n` sample.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from restem.models.published_config import published_options
from restem.models.tfc_tdf import BandSequenceConfig, UNet, UNetConfig


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

    def __post_init__(self) -> None:
        if min(self.depth, self.time_depth, self.frequency_depth) < 1:
            raise ValueError("the transformer's depths must be at least 1")

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        names = {
            "depth": "depth",
            "time_transformer_depth": "time_depth",
            "freq_transformer_depth": "frequency_depth",
            "heads": "heads",
            "dim_head": "head_features",
            "attn_dropout": "attention_dropout",
            "ff_dropout": "feed_forward_dropout",
        }
        # flash_attn chooses among equal ways to compute; torch chooses here.
        return cls(**published_options("RoPEParams", params, names, ("flash_attn",)))


@dataclass(frozen=True)
class DTTBSRConfig(UNetConfig):
    """Sizes of DTT-BSR; the defaults are the published ones, the same for all eight stems."""

    channels: int = 1
    transformer: TransformerConfig = TransformerConfig()

    published_names: ClassVar[Mapping[str, str]] = {
        **UNetConfig.published_names,
        "RoPEParams": "transformer",
    }
    published_parts: ClassVar[Mapping[str, Any]] = {
        "recurrence": BandSequenceConfig,
        "transformer": TransformerConfig,
    }
    without_effect: ClassVar[Collection[str]] = ("hidden_channels", "sample_rate")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels != 1:
            raise ValueError(f"channels must be 1 (put them into the batch), got {self.channels}")
        if self.transformer.head_features % 2:
            raise ValueError(f"head_features must be even, got {self.transformer.head_features}")


class Rotary(nn.Module):
    """Turns pairs of features by an angle that grows with the position."""

    def __init__(self, features: int) -> None:
        super().__init__()
        exponents = torch.arange(0, features, 2, dtype=torch.float32) / features
        self.freqs = nn.Parameter(10000.0**-exponents, requires_grad=False)
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
        qkv = self.to_qkv(x).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # [r, h, t, d] each
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
    """Attention and feed-forward along one axis, both residual, `depth` times."""

    def __init__(
        self, config: TransformerConfig, features: int, depth: int, rotary: Rotary
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
        self.norm = RMSNorm(features)

    def forward(self, x: Tensor) -> Tensor:
        """x: [.., t, d], and so is the result."""
        rows = x.flatten(0, -3)  # [r, t, d]
        for layer in self.layers:
            attend, feed_forward = layer.children()
            rows = rows + attend(rows)
            rows = rows + feed_forward(rows)
        normed: Tensor = self.norm(rows)
        return normed.reshape(x.shape)


class DualAxisTransformer(nn.Module):
    def __init__(self, config: TransformerConfig, features: int) -> None:
        super().__init__()
        time, frequency = Rotary(config.head_features), Rotary(config.head_features)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (
                    Transformer(config, features, config.time_depth, time),
                    Transformer(config, features, config.frequency_depth, frequency),
                )
            )
            for _ in range(config.depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, d, t, f], and so is the result."""
        x = x.permute(0, 2, 3, 1)  # [b, t, f, d]
        for layer in self.layers:
            along_time, along_frequency = layer.children()
            x = along_time(x.transpose(1, 2)).transpose(1, 2)
            x = along_frequency(x)
        return x.permute(0, 3, 1, 2)


class Analysis(nn.Module):
    """Holds the STFT's window under its published name; the U-Net's own `window` goes unused."""

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(n_fft, dtype=torch.float32))
        self.window: Tensor


class DTTBSR(UNet):
    """Restores one stem, mono; see `DTTBSRConfig` for its sizes."""

    def __init__(self, config: DTTBSRConfig | None = None) -> None:
        config = config or DTTBSRConfig()
        super().__init__(config, up_names=("conv", "norm"))
        self.fourier = Analysis(config.n_fft)
        self.bottleneck_block3 = DualAxisTransformer(config.transformer, config.deepest_features)

    @property
    def analysis_window(self) -> Tensor:
        return self.fourier.window

    def bottleneck(self, x: Tensor) -> Tensor:
        deepest: Tensor = self.bottleneck_block3(super().bottleneck(x))
        return deepest

    def forward(self, audio: Tensor) -> Tensor:
        """Restore the stem that the weights were trained for.

        Recurrences, group norms and attention see all of `audio`, past and future. Less than
        `config.shortest` samples are padded by zeros at the end.

        Args:
            audio: [b, n], any length.

        Returns:
            [b, n].
        """
        return self.process(audio[:, None])[:, 0]
