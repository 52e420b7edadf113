"""The "Finally" generator of CP-JKU's system, its second stage: restores a separated stem.

HiFi++ GAN (Andreev et al., arXiv 2203.13086) as Babaev et al. have it (FINALLY, arXiv 2410.05920):
24 kHz in, 24 and 48 kHz out, conditioned on an embedding of the music. Attribute names are the
published ones. Source of the details: https://github.com/CPJKU/music-source-restoration.

    mix ─┬─ spectra ─► U-Net ─┐
         │        embedding ─►├─ HiFi upsampler ─► wave U-Net ─► spectral mask ─► base, 24 kHz
         └────────────────────┴────────────────────────┘            └─► x 2, wave U-Net ─► 48 kHz

A table of random numbers, fixed by the weights, tells the network a frame's place in its window;
windows therefore begin at frame 0, and are never moved by a part of one.

Shape letters: `b` batch, `c` channel, `d` feature, `e` feature of the embedding, `t` frame,
`f` frequency bin, `n` sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv2d, interpolate, leaky_relu, pad

from restem.models.published_config import published_options
from restem.models.sinc import SincFilter, SincResampler
from restem.models.tfc_tdf import inverse_stft

SLOPE = 0.2  # of every leaky ReLU
DILATIONS = (1, 3, 5), (1, 6, 9)  # of the HiFi upsampler's residual stacks
TINY = 1e-6  # beside the real part, in the phase
DOUBLING = SincFilter(width=32, rolloff=0.9475937)  # of the sample rate


@dataclass(frozen=True)
class FinallyConfig:
    """Sizes; the defaults are the published ones."""

    sample_rate: int = 24000  # of the input
    n_fft: int = 2048
    hop_length: int = 512
    tokens: int = 256  # features of the spectra's U-Net
    scales: tuple[int, ...] = (8, 8, 8)  # of the HiFi upsampler
    embedding: int = 768
    projected: int | None = None  # features that the embedding is brought to
    frames: int = 1024  # that there are places for
    spectral: tuple[int, int] = (32, 4)  # lowest features and scales of each U-Net
    wave: tuple[int, int] = (64, 4)
    mask: tuple[int, int] = (16, 3)
    head: int = 64

    channels = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(self.scales))

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the constructor's arguments as they stand."""
        pairs = ("spectral", "wave", "mask")
        names = {
            "base_sample_rate": "sample_rate",
            "stft_n_fft": "n_fft",
            "stft_hop": "hop_length",
            "spectral_channels": "tokens",
            "upsample_scales": "scales",
            "embedding_dim": "embedding",
            "pretrained_embedding_dim": "projected",
            "max_frames": "frames",
            "head_base_channels": "head",
            **{f"{name}_base_channels": f"{name} base" for name in pairs},
            **{f"{name}_num_scales": f"{name} scales" for name in pairs},
        }
        rate = params.get("base_sample_rate", 24000)
        fixed = {"target_sample_rate": (2 * rate,), "embedding_backbone": ("mert95m",)}
        options = published_options("model", params, names, fixed=fixed)
        for name in pairs:
            base, scales = getattr(cls, name)
            options[name] = (
                options.pop(f"{name} base", base),
                options.pop(f"{name} scales", scales),
            )
        return cls(**options)


class WeightNormed(nn.Module):
    """Convolution that keeps the size, with weights of a direction and a length each.

    Salimans and Kingma, arXiv 1602.07868.
    """

    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        made = nn.Conv2d(features, features, 3) if dims == 2 else nn.Conv1d(features, features, 3)
        self.convolve: Any = conv2d if dims == 2 else conv1d
        self.axes = tuple(range(1, dims + 2))
        weight = made.weight.detach()
        self.bias = nn.Parameter(torch.zeros(features))
        self.weight_g = nn.Parameter(weight.square().sum(self.axes, keepdim=True).sqrt())
        self.weight_v = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        length = self.weight_v.square().sum(self.axes, keepdim=True).sqrt()
        answer: Tensor = self.convolve(
            x, self.weight_v * (self.weight_g / length), self.bias, padding=1
        )
        return answer


class ResidualBlock(nn.Module):
    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        self.conv = WeightNormed(dims, features)

    def forward(self, x: Tensor) -> Tensor:
        return x + leaky_relu(self.conv(x), SLOPE)


def blocks(dims: int, features: int, count: int = 2) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(dims, features) for _ in range(count)))


class Down(nn.Module):
    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        self.pre = blocks(dims, features)
        self.conv: nn.Module = (
            nn.Conv2d(features, 2 * features, 3, 2, 1)
            if dims == 2
            else nn.Conv1d(features, 2 * features, 4, 2, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.conv(self.pre(x))
        return halved


class Up(nn.Module):
    """Doubles the size, up to that of a skip, and merges it."""

    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        wide = 2 * features
        self.dims = dims
        self.deconv: nn.Module
        self.merge: nn.Module
        if dims == 2:
            self.deconv = nn.ConvTranspose2d(wide, features, 3, 2, 1, 1)
            self.merge = nn.Conv2d(wide, features, 1)
        else:
            self.deconv = nn.ConvTranspose1d(wide, features, 4, 2, 1)
            self.merge = nn.Conv1d(wide, features, 1)
        self.post = blocks(dims, features)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self._fitted(self.post(self.deconv(x)), skip)
        merged: Tensor = self.merge(torch.cat((x, skip), dim=1))
        return merged

    def _fitted(self, x: Tensor, skip: Tensor) -> Tensor:
        """Pad or crop: at both sides of a spectrum, at the end of a signal."""
        sides: list[int] = []
        for axis in range(x.dim() - 1, 1, -1):
            more = skip.shape[axis] - x.shape[axis]
            before = more // 2 if self.dims == 2 else 0
            sides += [before, more - before]
        return pad(x, sides)


class UNet(nn.Module):
    """Over a spectrum (two dimensions) or a signal (one).

    Args:
        dims: how many.
        d_in, d_out: features in and out.
        sizes: features of the first level, and how many levels.
        shape: of a table of places that is added to the input; none if empty.
    """

    def __init__(
        self, dims: int, d_in: int, d_out: int, sizes: tuple[int, int], shape: Sequence[int] = ()
    ) -> None:
        super().__init__()
        base, levels = sizes
        features = [base << level for level in range(levels)]
        convolution: Any = nn.Conv2d if dims == 2 else nn.Conv1d
        self.input = convolution(d_in, base, 3 if dims == 2 else 5, padding=1 if dims == 2 else 2)
        self.downs = nn.ModuleList(Down(dims, d) for d in features[:-1])
        self.bottleneck = blocks(dims, features[-1], 2 if dims == 2 else 4)
        self.ups = nn.ModuleList(Up(dims, d) for d in features[-2::-1])
        middle = nn.GELU() if dims == 2 else nn.LeakyReLU(SLOPE)
        size = 3 if dims == 2 else 5
        self.output = nn.Sequential(
            convolution(base, base, size, padding=size // 2), middle, convolution(base, d_out, 1)
        )
        if shape:
            self.register_buffer("positional", torch.randn(1, d_in, *shape))

    def forward(self, x: Tensor) -> Tensor:
        if hasattr(self, "positional"):
            places = self.get_buffer("positional")
            if x.shape[-1] > places.shape[-1]:
                raise ValueError(f"takes {places.shape[-1]} frames at once, got {x.shape[-1]}")
            x = x + places[..., : x.shape[-1]]
        x = self.input(x)
        skips = []
        for down in self.downs:
            skips.append(x)
            x = down(x)
        x = self.bottleneck(x)
        for up in self.ups:
            x = up(x, skips.pop())
        answer: Tensor = self.output(x)
        return answer


class ResidualStack(nn.Module):
    def __init__(self, features: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.LeakyReLU(SLOPE), nn.Conv1d(features, features, 3, padding=d, dilation=d)
            )
            for d in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x


class HiFiBlock(nn.Module):
    """A step of upsampling: transposed convolution, then the mean of two residual stacks."""

    def __init__(self, features: int, scale: int) -> None:
        super().__init__()
        half, odd = features // 2, scale % 2
        self.deconv = nn.ConvTranspose1d(
            features, half, 2 * scale, scale, scale // 2 + odd, output_padding=odd
        )
        self.resblocks = nn.ModuleList(ResidualStack(half, each) for each in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        x = leaky_relu(self.deconv(x), SLOPE)
        return torch.stack([stack(x) for stack in self.resblocks]).mean(dim=0)


class HiFiUpsampler(nn.Module):
    """Frames to samples: [b, d, t] -> [b, c, t * scales]."""

    def __init__(self, d_in: int, features: int, scales: Sequence[int], channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv1d(d_in, features, 1)
        widths = [features >> level for level in range(len(scales) + 1)]
        self.blocks = nn.ModuleList(
            HiFiBlock(width, scale) for width, scale in zip(widths, scales, strict=False)
        )
        self.out = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv1d(widths[-1], channels, 7, padding=3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x)
        for block in self.blocks:
            x = block(x)
        signal: Tensor = self.out(x)
        return signal


class SpectralMask(nn.Module):
    """A share of each bin's magnitude; its phase stays."""

    def __init__(self, sizes: tuple[int, int]) -> None:
        super().__init__()
        self.encoder = UNet(2, 2, 2, sizes)

    def forward(self, spectrum: Tensor) -> Tensor:
        """[b, f, t], complex, and so is the result."""
        features = torch.stack((spectrum.abs().log1p(), spectrum.angle().cos()), dim=1)
        shares = self.encoder(features)[:, 0].sigmoid()
        return torch.polar(spectrum.abs() * shares, spectrum.angle())


class UpsampleHead(nn.Module):
    """Twice the sample rate: [b, c, n] -> [b, c, 2 n]."""

    def __init__(self, channels: int, base: int, levels: int) -> None:
        super().__init__()
        self.resampler = SincResampler(1, 2, DOUBLING, stored=False)
        self.pre = nn.Sequential(nn.Conv1d(channels, base, 5, padding=2), nn.LeakyReLU(SLOPE))
        self.wave_unet = UNet(1, base, base, (base, levels))
        self.post = nn.Sequential(nn.LeakyReLU(SLOPE), nn.Conv1d(base, channels, 5, padding=2))

    def forward(self, x: Tensor) -> Tensor:
        signal: Tensor = self.post(self.wave_unet(self.pre(self.resampler(x))))
        return signal


class FinallyGenerator(nn.Module):
    """Restores a stem, stereo; see `FinallyConfig` for its sizes."""

    window: Tensor  # of the STFT and of its inverse

    def __init__(self, config: FinallyConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FinallyConfig()
        bins = config.n_fft // 2 + 1
        self.spectral_unet = UNet(2, 4, config.tokens, config.spectral, (bins, config.frames))
        self.proj_spec = nn.Conv1d(config.tokens, config.tokens, 1)
        condition = config.projected or config.embedding
        self.embedding_proj: nn.Linear | None = None
        if condition != config.embedding:
            self.embedding_proj = nn.Linear(config.embedding, condition)
        self.hifi = HiFiUpsampler(
            config.tokens + condition, config.tokens, config.scales, config.channels
        )
        self.wave_unet = UNet(1, 2 * config.channels, config.channels, config.wave)
        self.spectral_mask = SpectralMask(config.mask)
        self.upsample_head = UpsampleHead(config.channels, config.head, config.wave[1])
        window = torch.hann_window(config.n_fft, dtype=torch.float32)
        self.register_buffer("window", window, persistent=False)

    def forward(self, audio: Tensor, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Restore the stem that the weights were trained for.

        Args:
            audio: [b, c, n] at 24 kHz.
            embedding: [b, e, any number of frames]; zeros are a condition, if an untrained one.

        Returns:
            [b, c, 2 n] at 48 kHz, and [b, c, n] at 24 kHz.

        Raises:
            ValueError: it has more frames than there are places for.
        """
        length = audio.shape[-1]
        tokens = self.proj_spec(self._tokens(audio))
        if self.embedding_proj is not None:
            embedding = self.embedding_proj(embedding.transpose(1, 2)).transpose(1, 2)
        condition = interpolate(embedding, tokens.shape[-1], mode="linear", align_corners=False)
        coarse = torch.tanh(self.hifi(torch.cat((tokens, condition), dim=1)))
        if coarse.shape[-1] != length:  # a slight stretch, as the network was trained
            coarse = interpolate(coarse, length, mode="linear", align_corners=False)
        fine = torch.tanh(self.wave_unet(torch.cat((coarse, audio), dim=1)))
        fine = torch.tanh(fine + audio)
        masked = self.spectral_mask(self._spectra(fine)).unflatten(0, audio.shape[:2])
        base = inverse_stft(masked, self.window, self.config.hop_length, length)
        return self.upsample_head(base), base

    def _spectra(self, audio: Tensor) -> Tensor:
        """[b, c, n] -> [b * c, f, t], complex."""
        return torch.stft(
            audio.flatten(0, 1),
            self.config.n_fft,
            self.config.hop_length,
            window=self.window,
            return_complex=True,
        )

    def _tokens(self, audio: Tensor) -> Tensor:
        """[b, d, t]: the mean over bins and channels of what the U-Net makes of the spectra."""
        spectrum = self._spectra(audio)
        phase = torch.atan2(spectrum.imag, spectrum.real + TINY)
        features = torch.stack((spectrum.abs(), spectrum.real, spectrum.imag, phase), dim=1)
        rows: Tensor = self.spectral_unet(features).mean(dim=2)  # [b * c, d, t]
        tokens: Tensor = rows.unflatten(0, audio.shape[:2]).mean(dim=1)
        return tokens
