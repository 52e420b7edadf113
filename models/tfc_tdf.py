"""Base of DTTNet and DTT-BSR: a TFC-TDF U-Net over the complex spectrogram.

TFC is a stack of convolutions over time and frequency, TDF a bottlenecked pair of linear layers
along frequency (Choi et al., arXiv 1912.02591; Kim et al., arXiv 2111.12203). At the bottom,
recurrences run along time and along frequency in turn (Luo and Yu, arXiv 2209.15174; Chen et al.,
arXiv 2309.08684). Skips multiply.

    audio -> STFT -> first_conv -> [block, ds] -> bottleneck -> [us, * skip, block] -> final_conv
          -> inverse STFT -> audio

Attribute names are the published ones, so published weights load strictly. Sources:
https://github.com/junyuchen-cjy/DTTNet-Pytorch and https://github.com/OrigamiShido/DTT-BSR.

Shape letters: `b` batch, `c` audio channel, `d` feature, `t` frame, `f` frequency bin, `n` sample.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from restem.models.published_config import published_options

FEATURES_PER_GROUP = 16  # of the group norm in front of each recurrence


@dataclass(frozen=True)
class BandSequenceConfig:
    """Sizes of the recurrences; `heads` splits the features into groups that never meet."""

    layers: int = 4
    heads: int = 2
    bidirectional: bool = True

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        names = {"num_layers": "layers", "n_heads": "heads", "bidirectional": "bidirectional"}
        return cls(
            **published_options("bandsequence", params, names, fixed={"rnn_type": ("LSTM",)})
        )


@dataclass(frozen=True)
class UNetConfig:
    """Sizes of the U-Net; `DTTNetConfig` and `DTTBSRConfig` hold the published ones."""

    channels: int = 2
    n_fft: int = 2048
    hop_length: int = 512
    bins: int = 1025  # the lowest ones; those above stay silent
    levels: int = 2  # each halves time and frequency and adds `growth` features
    growth: int = 32
    convolutions: int = 3  # in a TFC
    kernel_size: int = 3
    squeeze: int = 2  # a TDF's hidden layer has 1 / squeeze of the bins
    bias: bool = False  # of the TDF's linear layers
    recurrence: BandSequenceConfig = BandSequenceConfig()

    published_names: ClassVar[Mapping[str, str]] = {
        "audio_ch": "channels",
        "n_fft": "n_fft",
        "hop_length": "hop_length",
        "dim_f": "bins",
        "num_blocks": "levels",
        "g": "growth",
        "l": "convolutions",
        "k": "kernel_size",
        "bn": "squeeze",
        "bias": "bias",
        "bandsequence": "recurrence",
    }
    published_parts: ClassVar[Mapping[str, Any]] = {"recurrence": BandSequenceConfig}
    without_effect: ClassVar[Collection[str]] = ()

    def __post_init__(self) -> None:
        if not 0 < self.bins <= self.n_fft // 2 + 1:
            raise ValueError(f"bins must be in [1, {self.n_fft // 2 + 1}], got {self.bins}")
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {self.kernel_size}")
        deepest_bins = self.bins >> self.levels
        if not isinstance(self.squeeze, int) or not 1 <= self.squeeze <= deepest_bins:
            raise ValueError(f"squeeze must be in [1, {deepest_bins}], got {self.squeeze}")
        unit = FEATURES_PER_GROUP * self.recurrence.heads
        if self.deepest_features % unit:
            raise ValueError(
                f"growth * (levels + 1) must be a multiple of {FEATURES_PER_GROUP} * heads = {unit}"
                f", got {self.deepest_features}"
            )

    @property
    def deepest_features(self) -> int:
        return self.growth * (self.levels + 1)

    @property
    def shortest(self) -> int:
        """Fewest samples that the STFT can reflect at its edges and every level can halve."""
        return max(self.n_fft // 2 + 1, self.hop_length * ((1 << self.levels) - 1))

    def padded_length(self, length: int) -> int:
        """Length to which a signal is padded with silence at its end, in samples."""
        return max(length, self.shortest)

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the mapping `model.params` of a published YAML file as it stands.

        The keys in `without_effect` (training, data set) are accepted and dropped: they do not
        change the network. `bn_norm: syncBN` is batch normalisation across training devices,
        the same network.

        Raises:
            ValueError: a key is unknown, or a block, norm or recurrence is not the published one.
        """
        fixed = {"block_type": ("TFC_TDF_Res2",), "bn_norm": ("BN", "syncBN")}
        options = published_options(
            "model.params", params, cls.published_names, cls.without_effect, fixed
        )
        if "levels" in options:
            options["levels"] //= 2  # num_blocks counts both sides and the bottom
        for field, part in cls.published_parts.items():
            if field in options:
                options[field] = part.from_published(options[field])
        return cls(**options)


def convolution(d_in: int, d_out: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; an odd kernel keeps the size, an even one does not pad."""
    padding = kernel_size // 2 if kernel_size % 2 else 0
    return nn.Sequential(
        nn.Conv2d(d_in, d_out, kernel_size, stride, padding), nn.BatchNorm2d(d_out), nn.ReLU()
    )


class TFC(nn.Module):
    def __init__(self, features: int, convolutions: int, kernel_size: int) -> None:
        super().__init__()
        self.H = nn.ModuleList(
            convolution(features, features, kernel_size) for _ in range(convolutions)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.H:
            x = layer(x)
        return x


class TDF(nn.Sequential):
    def __init__(self, features: int, bins: int, squeeze: int, bias: bool) -> None:
        hidden = bins // squeeze
        super().__init__(
            nn.Linear(bins, hidden, bias=bias),
            nn.BatchNorm2d(features),
            nn.ReLU(),
            nn.Linear(hidden, bins, bias=bias),
            nn.BatchNorm2d(features),
            nn.ReLU(),
        )


class Block(nn.Module):
    """TFC, residual TDF, TFC, all beside one convolution: the published `TFC_TDF_Res2`."""

    def __init__(self, config: UNetConfig, features: int, bins: int) -> None:
        super().__init__()
        self.tfc1 = TFC(features, config.convolutions, config.kernel_size)
        self.tdf = TDF(features, bins, config.squeeze, config.bias)
        self.tfc2 = TFC(features, config.convolutions, config.kernel_size)
        self.res = TFC(features, 1, config.kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, d, t, f], and so is the result."""
        inner = self.tfc1(x)
        inner = inner + self.tdf(inner)
        outer: Tensor = self.tfc2(inner) + self.res(x)
        return outer


class UpSample(nn.Module):
    """Transposed convolution, batch norm, ReLU; the two publications name the first two apart."""

    def __init__(self, d_in: int, d_out: int, names: Sequence[str]) -> None:
        super().__init__()
        layers = (nn.ConvTranspose2d(d_in, d_out, 2, 2), nn.BatchNorm2d(d_out))
        for name, layer in zip(names, layers, strict=True):
            self.add_module(name, layer)

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        """Double frames and bins of `x`, [b, d, t, f], up to those of `like`, odd or even."""
        up, norm = self.children()
        return nn.functional.relu(norm(up(x, output_size=like.shape[-2:])))


class AxisRNN(nn.Module):
    """Residual: group norm, LSTM along the third axis, linear; then the middle axes swap places."""

    def __init__(
        self, features: int, hidden: int, bidirectional: bool, groups: int | None = None
    ) -> None:
        super().__init__()
        self.groupnorm = nn.GroupNorm(groups or features // FEATURES_PER_GROUP, features)
        self.rnn = nn.LSTM(features, hidden, batch_first=True, bidirectional=bidirectional)
        self.fc = nn.Linear(hidden * (2 if bidirectional else 1), features)

    def forward(self, x: Tensor) -> Tensor:
        """[b, rows, steps, d] -> [b, steps, rows, d]: the next recurrence runs along the rows."""
        rows = x.flatten(0, 1)
        normed = self.groupnorm(rows.transpose(1, 2)).transpose(1, 2)
        rows = rows + self.fc(self.rnn(normed)[0])
        axes: Tensor = rows.unflatten(0, x.shape[:2])
        return axes.transpose(1, 2)


class BandSequence(nn.Module):
    """Recurrences along time, then along frequency, `layers` times over."""

    def __init__(self, config: BandSequenceConfig, features: int) -> None:
        super().__init__()
        self.heads = config.heads
        sizes = (features // config.heads, 2 * features // config.heads, config.bidirectional)
        self.bsrnn = nn.ModuleList(
            nn.Sequential(AxisRNN(*sizes), AxisRNN(*sizes)) for _ in range(config.layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, d, t, f], and so is the result."""
        heads: Tensor = x.unflatten(1, (self.heads, -1)).flatten(0, 1)
        rows = heads.permute(0, 3, 2, 1)  # [b * heads, f, t, d / heads]
        for layer in self.bsrnn:
            rows = layer(rows)
        return rows.permute(0, 3, 2, 1).reshape(x.shape)


class UNet(nn.Module):
    """Spectrogram in, spectrogram out; a subclass adds its `forward` and what else it publishes.

    Args:
        up_names: what the layers of `us` are called in the published weights.
    """

    def __init__(self, config: UNetConfig, up_names: Sequence[str]) -> None:
        super().__init__()
        self.config = config
        parts = 2 * config.channels  # real and imaginary
        features = [config.growth * (level + 1) for level in range(config.levels + 1)]
        bins = [config.bins >> level for level in range(config.levels + 1)]
        self.first_conv = convolution(parts, features[0], 1)
        self.encoding_blocks = nn.ModuleList(
            Block(config, d, f) for d, f in zip(features[:-1], bins[:-1], strict=True)
        )
        self.ds = nn.ModuleList(convolution(d, d + config.growth, 2, 2) for d in features[:-1])
        self.bottleneck_block1 = Block(config, features[-1], bins[-1])
        self.bottleneck_block2 = BandSequence(config.recurrence, features[-1])
        self.us = nn.ModuleList(
            UpSample(d, d - config.growth, up_names) for d in reversed(features[1:])
        )
        self.decoding_blocks = nn.ModuleList(
            Block(config, d, f) for d, f in zip(features[-2::-1], bins[-2::-1], strict=True)
        )
        self.final_conv = nn.Sequential(nn.Conv2d(features[0], parts, 1))
        # Constants, but published as parameters.
        self.window = nn.Parameter(
            torch.hann_window(config.n_fft, dtype=torch.float32), requires_grad=False
        )
        silent = config.n_fft // 2 + 1 - config.bins
        self.freq_pad = nn.Parameter(
            torch.zeros(1, parts, silent, 1, dtype=torch.float32), requires_grad=False
        )

    def bottleneck(self, x: Tensor) -> Tensor:
        """x: [b, d, t, f], and so is the result."""
        deepest: Tensor = self.bottleneck_block2(self.bottleneck_block1(x))
        return deepest

    @property
    def analysis_window(self) -> Tensor:
        """Window of the STFT and of its inverse, [n_fft]."""
        return self.window

    def process(self, audio: Tensor) -> Tensor:
        """STFT, U-Net, inverse STFT: [b, c, n] -> [b, c, n]."""
        length, window = audio.shape[-1], self.analysis_window
        audio = nn.functional.pad(audio, (0, self.config.padded_length(length) - length))
        x = self.first_conv(analyse(audio, window, self.config))
        skips = []
        for block, down in zip(self.encoding_blocks, self.ds, strict=True):
            x = block(x)
            skips.append(x)
            x = down(x)
        x = self.bottleneck(x)
        for up, block in zip(self.us, self.decoding_blocks, strict=True):
            skip = skips.pop()
            x = block(up(x, like=skip) * skip)
        return synthesise(self.final_conv(x), window, self.config, length)


def analyse(audio: Tensor, window: Tensor, config: UNetConfig) -> Tensor:
    """STFT, centred, the ends mirrored: [b, c, n] -> [b, 2 * c, t, f].

    The real part of each channel comes before its imaginary one.
    """
    spectrum = torch.stft(
        audio.flatten(0, 1), config.n_fft, config.hop_length, window=window, return_complex=True
    )
    pairs = torch.view_as_real(spectrum[:, : config.bins])
    parts: Tensor = pairs.unflatten(0, audio.shape[:2])  # [b, c, f, t, 2]
    return parts.permute(0, 1, 4, 3, 2).flatten(1, 2)


def synthesise(x: Tensor, window: Tensor, config: UNetConfig, length: int) -> Tensor:
    """Inverse STFT, the bins above `config.bins` silent: [b, 2 * c, t, f] -> [b, c, length]."""
    x = x.to(window.dtype).unflatten(1, (-1, 2)).permute(0, 1, 4, 3, 2)  # [b, c, f, t, 2]
    return inverse_stft(torch.view_as_complex(x.contiguous()), window, config.hop_length, length)


def inverse_stft(spectrum: Tensor, window: Tensor, hop_length: int, length: int) -> Tensor:
    """Inverse STFT, centred, bins that are not there silent: [b, c, f, t] -> [b, c, length].

    As `torch.istft`, which would make a GPU wait to check the window.
    """
    n_fft = window.shape[0]
    frames = torch.fft.irfft(spectrum, n_fft, dim=2) * window[:, None]  # [b, c, n_fft, t]
    audio = overlap_add(frames.flatten(0, 1), hop_length)
    weights = window.square()[None, :, None].expand(-1, -1, spectrum.shape[3])
    start, stop = n_fft // 2, n_fft // 2 + length
    added = audio[:, start:stop] / overlap_add(weights, hop_length)[:, start:stop]
    padded = nn.functional.pad(added, (0, length - added.shape[-1]))
    signal: Tensor = padded.unflatten(0, spectrum.shape[:2])
    return signal


def overlap_add(frames: Tensor, hop_length: int) -> Tensor:
    """[b, n_fft, t] -> [b, n_fft + (t - 1) * hop_length]."""
    n_fft, t = frames.shape[1:]
    size = (1, n_fft + (t - 1) * hop_length)
    return nn.functional.fold(frames, size, (1, n_fft), stride=(1, hop_length))[:, 0, 0]
