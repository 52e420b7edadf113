"""Separator of CP-JKU's system for music source restoration, its first stage.

A BS-RoFormer (see `roformer`) at 44.1 kHz behind resamplers from and to 48 kHz, with low-rank
updates of its queries and values (LoRA, Hu et al., arXiv 2106.09685) and values that later layers
mix with the first one's (Zhou et al., arXiv 2410.17897). Attribute names are the published ones.
Source of the details: https://github.com/CPJKU/music-source-restoration.

Shape letters: `b` batch, `s` stem, `c` channel, `r` rows (batch and the axis at rest), `h` head,
`d` feature, `t` frame or position, `k` band, `n` sample.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.published_config import published_options
from restem.models.roformer import SAMPLE_RATE, BSRoFormerConfig, RoFormer
from restem.models.sinc import SincFilter, SincResampler
from restem.models.transformer import Attention, FeedForward, Rotary, TransformerConfig

OUTER_RATE = 48000  # Hz
FILTER = SincFilter(width=64, rolloff=0.99, beta=14.0)  # of the resamplers
STEMS = (
    "vocals",
    "bass",
    "drums",
    "guitars",
    "keyboards",
    "synthesizers",
    "percussions",
    "orchestral",
    "other",
)


@dataclass(frozen=True)
class LoRAConfig:
    """Sizes of low-rank updates."""

    rank: int = 8
    alpha: float = 16.0
    parts: tuple[bool, ...] = (True, False, True)  # whether query, key and value have one

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> "LoRAConfig | None":
        """None where they are switched off."""
        names = {"enabled": "enabled", "r": "rank", "lora_alpha": "alpha", "enable_lora": "parts"}
        dropped = (
            "fan_in_fan_out",
            "finetune_bandsplit",
            "finetune_lora",
            "finetune_mask_estimator",
            "finetune_only_new_mask_estimators",
            "lora_dropout",
            "merge_weights",
        )
        options = published_options("lora_config", params, names, dropped)
        enabled = options.pop("enabled", False)
        if "parts" in options:
            options["parts"] = tuple(options["parts"])
        return cls(**options) if enabled else None


@dataclass(frozen=True)
class CPJKUConfig(BSRoFormerConfig):
    """Sizes of the separator."""

    lora: LoRAConfig | None = None

    without_effect: ClassVar[tuple[str, ...]] = ("freq_range", "head_dim", "lora_config")
    fixed: ClassVar[Mapping[str, Collection[Any]]] = {
        "num_residual_streams": (1,),
        "resample_to_44100_for_model": (True,),
        "use_dual_stft": (False,),
    }

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the inner arguments of a published YAML file.

        Nine stems that have no names are those of the publication.

        Raises:
            ValueError: a key is unknown or missing, or asks for another network.
        """
        if "sample_rate" in params:
            raise ValueError(f"model: unknown key 'sample_rate': it is {SAMPLE_RATE} inside")
        named = {"instruments": STEMS, **params}
        config = super().from_published(named)
        lora = LoRAConfig.from_published(params.get("lora_config", {}))
        object.__setattr__(config, "lora", lora)
        return config


class LoRALinear(nn.Module):
    """Linear layer to query, key and value, some of them with a low-rank update."""

    def __init__(self, features: int, outputs: int, config: LoRAConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs, bias=False)
        self.parts = [number for number, has_one in enumerate(config.parts) if has_one]
        self.scale, share = config.alpha / config.rank, outputs // len(config.parts)
        for number in self.parts:
            down = torch.empty(config.rank, features)
            nn.init.kaiming_uniform_(down, a=5**0.5)
            self.register_parameter(f"lora_A_{number}", nn.Parameter(down))
            up = torch.zeros(share, config.rank)
            self.register_parameter(f"lora_B_{number}", nn.Parameter(up))

    def forward(self, x: Tensor) -> Tensor:
        answers = [*self.linear(x).chunk(3, dim=-1)]
        for number in self.parts:
            down, up = (self.get_parameter(f"lora_{kind}_{number}") for kind in "AB")
            answers[number] = answers[number] + self.scale * (x @ down.T @ up.T)
        return torch.cat(answers, dim=-1)


class ResidualAttention(Attention):
    """Attention whose values may be mixed with the first layer's."""

    def __init__(
        self, config: CPJKUConfig, features: int, rotary: Rotary, mixes_values: bool
    ) -> None:
        super().__init__(config.transformer, features, rotary)
        if config.lora:
            outputs = self.to_qkv.out_features
            self.to_qkv = LoRALinear(features, outputs, config.lora)  # type: ignore[assignment]
        self.to_value_residual_mix: nn.Linear | None = None
        if mixes_values:
            self.to_value_residual_mix = nn.Linear(features, self.heads)

    def update(self, x: Tensor, first: Tensor | None) -> tuple[Tensor, Tensor]:
        """[r, t, d] -> its update and its own values, [r, h, t, d]; `first` are the first ones."""
        x = self.norm(x)
        query, key, own = self.project(x)
        value = own
        if self.to_value_residual_mix is not None and first is not None:
            share = self.to_value_residual_mix(x).sigmoid().transpose(1, 2).unsqueeze(-1)
            value = torch.lerp(own, first, share)
        return self.mixed(x, query, key, value), own


class Branch(nn.Module):
    """Holds a layer under its published name."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.branch = layer


class ResidualTransformer(nn.Module):
    """Attention and feed-forward along one axis, both residual, `depth` times."""

    def __init__(self, config: CPJKUConfig, depth: int, rotary: Rotary, mixes: bool) -> None:
        super().__init__()
        d, dropout = config.features, config.transformer.feed_forward_dropout
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (
                    Branch(ResidualAttention(config, d, rotary, mixes)),
                    Branch(FeedForward(d, dropout)),
                )
            )
            for _ in range(depth)
        )

    def run(self, x: Tensor, first: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[.., t, d] -> [.., t, d], and the first values of all."""
        rows = x.flatten(0, -3)
        for layer in self.layers:
            attention, feed_forward = (next(branch.children()) for branch in layer.children())
            assert isinstance(attention, ResidualAttention)
            update, values = attention.update(rows, first)
            first = values if first is None else first
            rows = rows + update
            rows = rows + feed_forward(rows)
        return rows.reshape(x.shape), first


class CPJKUSeparator(RoFormer):
    """Separates all stems that the weights were trained for."""

    config: CPJKUConfig

    def __init__(self, config: CPJKUConfig) -> None:
        super().__init__(config)
        self.sample_rate = OUTER_RATE
        common = gcd(OUTER_RATE, SAMPLE_RATE)
        outer, inner = OUTER_RATE // common, SAMPLE_RATE // common
        self.downsample_resampler = SincResampler(outer, inner, FILTER)
        self.upsample_resampler = SincResampler(inner, outer, FILTER)

    def build_layers(self, config: CPJKUConfig) -> nn.ModuleList:
        sizes: TransformerConfig = config.transformer
        axes: Sequence[tuple[int, Rotary]] = (
            (sizes.time_depth, Rotary(sizes.head_features)),
            (sizes.frequency_depth, Rotary(sizes.head_features)),
        )
        return nn.ModuleList(
            nn.ModuleList(
                ResidualTransformer(config, depth, rotary, mixes=number > 0)
                for depth, rotary in axes
            )
            for number in range(sizes.depth)
        )

    def attend(self, x: Tensor, first: int, last: int) -> Tensor:
        """[b, t, k, d] -> [b, last - first, k, d]."""
        of_time: Tensor | None = None
        of_bands: Tensor | None = None
        for layer in self.layers:
            along_time, along_bands = layer.children()
            assert isinstance(along_time, ResidualTransformer)
            assert isinstance(along_bands, ResidualTransformer)
            x, of_time = along_time.run(x.transpose(1, 2), of_time)
            x, of_bands = along_bands.run(x.transpose(1, 2), of_bands)
        normed: Tensor = self.final_norm(x[:, first:last])
        return normed

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The samples [start, stop) of the stems, at 48 kHz.

        Up to 480 samples at the end of `mix` are silent in the answer, as in the publication.

        Args:
            mix: [.., c, n], any length.

        Returns:
            [.., s, c, stop - start].
        """
        inner = self.downsample_resampler(mix)
        hop_length = self.config.hop_length
        stems = super().forward(inner, 0, inner.shape[-1] // hop_length * hop_length or None)
        signal: Tensor = self.upsample_resampler(stems)
        length = mix.shape[-1]
        return pad(signal, (0, max(0, length - signal.shape[-1])))[..., :length][..., start:stop]
