"""MelRoFormer: one restored stem, mono, by real masks; of the challenge's kit (see `mel_bands`).

Shape letters: `b` batch, `r` rows (batch and the axis at rest), `h` head, `d` feature, `t` frame or
position, `f` frequency bin, `k` band, `p` real and imaginary part, `n` sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from restem.models.mel_bands import MLP, MelConfig, MelNetwork, RMSNorm
from restem.models.transformer import Rotary

MOST_FRAMES = 800  # that the publication has positions for


@dataclass(frozen=True)
class MelRoFormerConfig(MelConfig):
    """Sizes of MelRoFormer; the defaults are those of the kit's configuration."""

    layers: int = 12
    heads: int = 4

    own_names: ClassVar[Mapping[str, str]] = {"num_layers": "layers", "num_heads": "heads"}

    def __post_init__(self) -> None:
        if self.heads < 1 or self.features % (2 * self.heads):
            raise ValueError(
                f"hidden_channels must be a multiple of 2 * num_heads = {2 * self.heads}, "
                f"got {self.features}"
            )


class Attention(nn.Module):
    """Full self-attention with rotary positions."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.rotary = Rotary(features // heads, stored=False)
        self.c_attn = nn.Linear(features, 3 * features, bias=False)
        self.c_proj = nn.Linear(features, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x: [r, t, d], and so is the result."""
        qkv = self.c_attn(x).unflatten(-1, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # [r, h, t, d / h] each
        mixed = scaled_dot_product_attention(self.rotary(query), self.rotary(key), value)
        update: Tensor = self.c_proj(mixed.transpose(1, 2).flatten(-2))
        return update


class RoFormerBlock(nn.Module):
    """Residual: attention, then a perceptron."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.att_norm, self.ffn_norm = RMSNorm(features), RMSNorm(features)
        self.att = Attention(features, heads)
        self.mlp = MLP(features)

    def forward(self, x: Tensor) -> Tensor:
        """Run along the last axis but one: [.., t, d] -> [.., t, d]."""
        rows = x.flatten(0, -3)
        rows = rows + self.att(self.att_norm(rows))
        rows = rows + self.mlp(self.ffn_norm(rows))
        answer: Tensor = rows.reshape(x.shape)
        return answer


class MelRoFormer(MelNetwork):
    """Restores one stem, mono; see `MelRoFormerConfig` for its sizes."""

    def __init__(self, config: MelRoFormerConfig | None = None) -> None:
        config = config or MelRoFormerConfig()
        super().__init__(config)
        sizes = config.features, config.heads
        self.freq_blocks = nn.ModuleList(RoFormerBlock(*sizes) for _ in range(config.layers))
        self.time_blocks = nn.ModuleList(RoFormerBlock(*sizes) for _ in range(config.layers))

    def forward(self, audio: Tensor) -> Tensor:
        """Restore the stem that the weights were trained for.

        Args:
            audio: [.., n], of no more than 800 frames; its ends are mirrored.

        Returns:
            [.., n].

        Raises:
            ValueError: it is longer.
        """
        parts = self.analyse(audio.reshape(-1, audio.shape[-1]))
        if parts.shape[1] > MOST_FRAMES:
            most = (MOST_FRAMES - 1) * self.config.hop_length + self.config.hop_length - 1
            raise ValueError(f"MelRoFormer takes {most} samples at once, got {audio.shape[-1]}")
        x = self.band.split(parts)  # [b, t, k, d]
        for across_bands, along_time in zip(self.freq_blocks, self.time_blocks, strict=True):
            x = along_time(across_bands(x).transpose(1, 2)).transpose(1, 2)
        return self.synthesise(parts * self.band.join(x), audio.shape[-1]).reshape(audio.shape)
