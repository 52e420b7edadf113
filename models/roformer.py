"""BS-RoFormer and Mel-band RoFormer: stems by masks from attention over frames and over bands.

    mix -> STFT -> bands -> [transformer along time, transformer along bands] .. -> masks * STFT
        -> inverse STFT

BS-RoFormer (Lu et al., arXiv 2309.02612) splits the bins into bands that lie side by side, Mel-band
RoFormer (Wang et al., arXiv 2310.01809) into overlapping ones of the mel scale. Attribute names are
those of https://github.com/ZFTurbo/Music-Source-Separation-Training, after lucidrains' BS-RoFormer,
so that checkpoints which separation tools pass around load strictly.

Shape letters: `b` batch, `s` stem, `c` channel, `d` feature, `t` frame, `f` frequency bin, `k`
band, `w` value (bins of all bands, channels, real and imaginary part), `n` sample.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.joint import Joint, stem_names
from restem.models.mel_scale import mel_edges
from restem.models.published_config import published_options
from restem.models.tfc_tdf import inverse_stft
from restem.models.transformer import RMSNorm, TransformerConfig, dual_axis_layers

SAMPLE_RATE = 44100  # Hz, of nearly all that is published


@dataclass(frozen=True)
class RoFormerConfig:
    """Sizes that both have; `BSRoFormerConfig` and `MelBandRoFormerConfig` add their bands."""

    features: int
    transformer: TransformerConfig
    stems: tuple[str, ...] = ("vocals",)
    sample_rate: int = SAMPLE_RATE
    channels: int = 2
    n_fft: int = 2048
    hop_length: int = 441
    mask_depth: int = 2
    mask_expansion: int = 4  # of the hidden layers of masks

    own_names: ClassVar[Mapping[str, str]] = {}
    without_effect: ClassVar[tuple[str, ...]] = ()
    fixed: ClassVar[Mapping[str, Collection[Any]]] = {}
    norms_each: ClassVar[bool]  # every transformer ends with a norm; else there is one at the end
    hidden_layers_more: ClassVar[int]  # of masks, for the same `mask_depth`

    @property
    def bands(self) -> list[range]:
        """The bins of each band."""
        raise NotImplementedError

    @property
    def shortest(self) -> int:
        """Fewest samples that the STFT can mirror at its ends."""
        return self.n_fft // 2 + 1

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the section `model` of a configuration file of that training framework.

        `instruments` (of its section `training`) may stand beside the rest: they name the stems.

        Raises:
            ValueError: a key is unknown or missing, or asks for another network.
        """
        names = {
            "dim": "features",
            "sample_rate": "sample_rate",
            "stft_n_fft": "n_fft",
            "stft_hop_length": "hop_length",
            "mask_estimator_depth": "mask_depth",
            "mlp_expansion_factor": "mask_expansion",
            **cls.own_names,
        }
        own = TransformerConfig.published_names
        read_here = (*own, "num_stems", "instruments", "stft_win_length", "stereo")
        dropped = (*read_here, *WITHOUT_EFFECT, *cls.without_effect)
        options = published_options("model", params, names, dropped, {**FIXED, **cls.fixed})
        if missing := [key for key in ("dim", "depth") if key not in params]:
            raise ValueError(f"model: {' and '.join(missing)} must be given")
        sizes = {own[key]: params[key] for key in own if key in params}
        options["transformer"] = TransformerConfig(**sizes)
        if not params.get("stereo", False):
            raise ValueError("model: stereo must be true: mono networks cannot take restem's mixes")
        n_fft = options.get("n_fft", 2048)
        if params.get("stft_win_length", n_fft) != n_fft:
            raise ValueError(f"model: stft_win_length must be stft_n_fft, which is {n_fft}")
        return cls(**options, stems=_stems(params))


WITHOUT_EFFECT = (
    "dim_freqs_in",
    "flash_attn",
    "match_input_audio_length",
    "multi_stft_hop_size",
    "multi_stft_normalized",
    "multi_stft_resolution_loss_weight",
    "multi_stft_resolutions_window_sizes",
    "sage_attention",
    "use_torch_checkpoint",
)
FIXED: Mapping[str, Collection[Any]] = {
    "linear_transformer_depth": (0,),
    "residual": (False,),
    "skip_connection": (False,),
    "stft_normalized": (False,),
}


def _stems(params: Mapping[str, Any]) -> tuple[str, ...]:
    count, stems = params.get("num_stems", 1), stem_names(params)
    if len(stems) != count:
        given = list(params["instruments"])
        raise ValueError(f"model: num_stems is {count}, but the instruments are {given}")
    return stems


@dataclass(frozen=True)
class BSRoFormerConfig(RoFormerConfig):
    """Sizes of BS-RoFormer."""

    widths: tuple[int, ...] = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)

    own_names: ClassVar[Mapping[str, str]] = {"freqs_per_bands": "widths"}
    norms_each: ClassVar[bool] = False
    hidden_layers_more: ClassVar[int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", tuple(self.widths))
        if sum(self.widths) != self.n_fft // 2 + 1 or min(self.widths) < 1:
            raise ValueError(
                f"freqs_per_bands must add up to {self.n_fft // 2 + 1} bins, got {sum(self.widths)}"
            )

    @property
    def bands(self) -> list[range]:
        """The bins of each band, side by side."""
        ends = np.cumsum(self.widths).tolist()
        return [range(end - width, end) for width, end in zip(self.widths, ends, strict=True)]


@dataclass(frozen=True)
class MelBandRoFormerConfig(RoFormerConfig):
    """Sizes of Mel-band RoFormer."""

    band_count: int = 60

    own_names: ClassVar[Mapping[str, str]] = {"num_bands": "band_count"}
    norms_each: ClassVar[bool] = True
    hidden_layers_more: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if not all(self.bands):
            raise ValueError(f"num_bands of {self.band_count} leave some without any bin")

    @cached_property
    def bands(self) -> list[range]:
        """The bins of each band: those between its neighbours' middles, in Slaney's mel scale."""
        edges = mel_edges(self.band_count, self.sample_rate) * self.n_fft / self.sample_rate
        first = np.floor(edges[:-2]).astype(int) + 1
        last = np.ceil(edges[2:]).astype(int)
        first[0], last[-1] = 0, self.n_fft // 2 + 1
        return [range(low, high) for low, high in zip(first.tolist(), last.tolist(), strict=True)]


class BandSplit(nn.Module):
    """A norm and a linear layer for each band: [.., w] -> [.., k, d]."""

    def __init__(self, sizes: Sequence[int], features: int) -> None:
        super().__init__()
        self.sizes = [*sizes]
        self.to_features = nn.ModuleList(
            nn.Sequential(RMSNorm(size), nn.Linear(size, features)) for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        bands = zip(self.to_features, x.split(self.sizes, dim=-1), strict=True)
        return torch.stack([layers(band) for layers, band in bands], dim=-2)


class MaskEstimator(nn.Module):
    """A multilayer perceptron and a gated linear unit for each band: [.., k, d] -> [.., w]."""

    def __init__(self, sizes: Sequence[int], features: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.to_freqs = nn.ModuleList(
            nn.Sequential(_mlp((features, *hidden, 2 * size)), nn.GLU(dim=-1)) for size in sizes
        )

    def forward(self, x: Tensor) -> Tensor:
        bands = zip(self.to_freqs, x.unbind(dim=-2), strict=True)
        return torch.cat([layers(band) for layers, band in bands], dim=-1)


def _mlp(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class RoFormer(Joint):
    """Separates all stems that the weights were trained for; see the configurations for sizes."""

    config: RoFormerConfig
    bins: Tensor  # of all bands, one after the other
    bands_of_bin: Tensor  # how many have it, [f, 1]

    def __init__(self, config: RoFormerConfig) -> None:
        super().__init__(config)
        features, bands = config.features, config.bands
        self.layers = self.build_layers(config)
        self.final_norm = nn.Identity() if config.norms_each else RMSNorm(features)
        sizes = [2 * config.channels * len(band) for band in bands]
        self.band_split = BandSplit(sizes, features)
        hidden = [features * config.mask_expansion]
        hidden *= config.mask_depth - 1 + config.hidden_layers_more
        self.mask_estimators = nn.ModuleList(
            MaskEstimator(sizes, features, hidden) for _ in config.stems
        )
        bins = [each for band in bands for each in band]
        counts = torch.tensor(np.bincount(bins)[:, None], dtype=torch.float32)
        self.register_buffer("bins", torch.tensor(bins), persistent=False)
        self.register_buffer("bands_of_bin", counts, persistent=False)

    def build_layers(self, config: Any) -> nn.ModuleList:
        """Pairs of what runs along time and along bands."""
        return dual_axis_layers(config.transformer, config.features, config.norms_each)

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The samples [start, stop) of the stems.

        Attention sees all of `mix`, past and future; its ends are mirrored.

        Args:
            mix: [.., c, n], any length.

        Returns:
            [.., s, c, stop - start].
        """
        config, stop = self.config, mix.shape[-1] if stop is None else stop
        spectrum = self._analyse(mix.reshape(-1, *mix.shape[-2:]))  # [b, c, f, t]
        first, last = self.frames_of(start, stop, spectrum.shape[-1])
        parts = torch.view_as_real(spectrum).permute(0, 3, 2, 1, 4)  # [b, t, f, c, 2]
        x = self.attend(self.band_split(parts[:, :, self.bins].flatten(2)), first, last)
        estimators = [self.mask_estimators[config.stems.index(stem)] for stem in self.stems]
        masks = torch.stack([self._mask(estimator(x)) for estimator in estimators], dim=1)
        masked = spectrum[:, None, :, :, first:last] * masks
        hop_length, origin = config.hop_length, first * config.hop_length
        answer = inverse_stft(masked.flatten(0, 1), self.window, hop_length, stop - origin)
        stems: Tensor = answer.unflatten(0, (*mix.shape[:-2], len(self.stems)))
        return stems[..., start - origin :]

    def _analyse(self, mix: Tensor) -> Tensor:
        padded = pad(mix, (0, max(0, self.config.shortest - mix.shape[-1])))
        spectrum = torch.stft(
            padded.flatten(0, 1),
            self.config.n_fft,
            self.config.hop_length,
            window=self.window,
            return_complex=True,
        )
        channels: Tensor = spectrum.unflatten(0, mix.shape[:2])
        return channels

    def attend(self, x: Tensor, first: int, last: int) -> Tensor:
        """[b, t, k, d] -> [b, last - first, k, d]."""
        for number, layer in enumerate(self.layers, start=1):
            along_time, along_bands = layer.children()
            x = along_time(x.transpose(1, 2)).transpose(1, 2)
            if number == len(self.layers):  # nothing looks at the other frames any more
                x = x[:, first:last]
            x = along_bands(x)
        normed: Tensor = self.final_norm(x)
        return normed

    def _mask(self, values: Tensor) -> Tensor:
        """[b, t, w] -> [b, c, f, t], the mean where bands overlap."""
        pairs = values.unflatten(-1, (-1, self.config.channels, 2))
        masks = torch.view_as_complex(pairs.contiguous())  # [b, t, w / 2 c, c]
        added = masks.new_zeros((*masks.shape[:2], len(self.bands_of_bin), masks.shape[-1]))
        mean = added.index_add(2, self.bins, masks) / self.bands_of_bin
        return mean.permute(0, 3, 2, 1)
