"""MDX23C, or TFC-TDF v3: stems by a U-Net over sub-bands of the complex spectrogram.

Kim et al. (Sound Demixing Challenge 2023, arXiv 2306.09382), after Choi et al. (arXiv 1912.02591).
Norms run over all of a window, so that its length is a part of the answer: keep the trained one.
Attribute names are those of https://github.com/kuielab/sdx23 and of
https://github.com/ZFTurbo/Music-Source-Separation-Training, so that published checkpoints load
strictly.

    mix -> STFT -> sub-bands -> [block, down] .. block .. [up, skip, block] -> * first -> stems
        -> inverse STFT

Shape letters: `b` batch, `s` stem, `c` channel (audio, real and imaginary part, sub-band), `d`
feature, `t` frame, `f` frequency bin, `n` sample.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.joint import Joint, stem_names
from restem.models.published_config import published_options
from restem.models.tfc_tdf import inverse_stft


@dataclass(frozen=True)
class MDX23CConfig:
    """Sizes of MDX23C; the defaults are those of the MUSDB18 checkpoint."""

    stems: tuple[str, ...]
    sample_rate: int = 44100
    channels: int = 2
    n_fft: int = 8192
    hop_length: int = 1024
    bins: int = 4096  # the lowest ones; those above stay silent
    chunk: int = 261120  # samples of a window in training
    features: int = 128
    growth: int = 128  # features that each level adds
    levels: int = 5
    scale: tuple[int, int] = (2, 2)  # by which each divides frames and bins
    subbands: int = 4
    blocks: int = 2  # of a level
    squeeze: int = 4  # a TDF's hidden layer has 1 / squeeze of the bins
    norm: str = "InstanceNorm"
    activation: str = "gelu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", tuple(self.scale))
        deepest = self.subbands * self.scale[1] ** self.levels
        if not 0 < self.bins <= self.n_fft // 2 + 1 or self.bins % deepest:
            raise ValueError(
                f"dim_f must be a multiple of {deepest} up to {self.n_fft // 2 + 1}, "
                f"got {self.bins}"
            )
        if self.padded_length(self.chunk) != self.chunk:
            raise ValueError(
                f"chunk_size must be hop_length * (frames - 1) for a multiple of {self.grid} "
                f"frames, got {self.chunk}"
            )

    @property
    def grid(self) -> int:
        """Frames that all levels together divide to one."""
        return int(self.scale[0] ** self.levels)

    def padded_length(self, length: int) -> int:
        """The next length whose frames every level divides without rest, in samples."""
        frames = -(-max(length, self.n_fft // 2 + 1) // self.hop_length) + 1
        return (-(-frames // self.grid) * self.grid - 1) * self.hop_length

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the sections `audio` and `model` of a published file, and its `instruments`.

        Raises:
            ValueError: a key is unknown, or asks for another network.
        """
        audio = {
            "sample_rate": "sample_rate",
            "num_channels": "channels",
            "n_fft": "n_fft",
            "hop_length": "hop_length",
            "dim_f": "bins",
            "chunk_size": "chunk",
        }
        model = {
            "num_channels": "features",
            "growth": "growth",
            "num_scales": "levels",
            "scale": "scale",
            "num_subbands": "subbands",
            "num_blocks_per_scale": "blocks",
            "bottleneck_factor": "squeeze",
            "norm": "norm",
            "act": "activation",
        }
        published_options("params", params, {}, ("audio", "model", "instruments"))
        dropped = ("dim_t", "min_mean_abs")
        options = published_options("audio", params.get("audio", {}), audio, dropped)
        options |= published_options("model", params.get("model", {}), model)
        return cls(stems=stem_names(params), **options)


def norm_of(kind: str) -> Callable[[int], nn.Module]:
    """A norm by its published name.

    Raises:
        ValueError: there is no such norm.
    """
    if kind == "InstanceNorm":
        return lambda features: nn.InstanceNorm2d(features, affine=True)
    if kind == "BatchNorm":
        return nn.BatchNorm2d
    if kind.startswith("GroupNorm"):
        groups = int(kind.removeprefix("GroupNorm"))
        return lambda features: nn.GroupNorm(groups, features)
    raise ValueError(f"norm must be InstanceNorm, BatchNorm or GroupNorm<n>, got {kind!r}")


def activation_of(kind: str) -> nn.Module:
    """An activation by its published name.

    Raises:
        ValueError: there is no such activation.
    """
    if kind.startswith("elu"):
        return nn.ELU(float(kind.removeprefix("elu")))
    if kind not in ("gelu", "relu"):
        raise ValueError(f"act must be gelu, relu or elu<alpha>, got {kind!r}")
    return nn.GELU() if kind == "gelu" else nn.ReLU()


class Layers:
    """Makes layers of one configuration: norm, activation, and what follows them."""

    def __init__(self, config: MDX23CConfig) -> None:
        self.norm, self.config = norm_of(config.norm), config

    def before(self, features: int, layer: nn.Module) -> list[nn.Module]:
        return [self.norm(features), activation_of(self.config.activation), layer]

    def convolution(self, d_in: int, d_out: int) -> nn.Sequential:
        return nn.Sequential(*self.before(d_in, nn.Conv2d(d_in, d_out, 3, 1, 1, bias=False)))

    def tdf(self, features: int, bins: int) -> nn.Sequential:
        hidden = bins // self.config.squeeze
        squeeze = self.before(features, nn.Linear(bins, hidden, bias=False))
        return nn.Sequential(*squeeze, *self.before(features, nn.Linear(hidden, bins, bias=False)))

    def scaling(self, kind: Any, d_in: int, d_out: int) -> "Scaling":
        scale = self.config.scale
        return Scaling(self.before(d_in, kind(d_in, d_out, scale, scale, bias=False)))


class Scaling(nn.Module):
    """Change of scale: norm, activation, convolution of its own size."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = self.conv(x)
        return scaled


class Block(nn.Module):
    """TFC, residual TDF, TFC, all beside one convolution."""

    def __init__(self, layers: Layers, d_in: int, d_out: int, bins: int) -> None:
        super().__init__()
        self.tfc1 = layers.convolution(d_in, d_out)
        self.tdf = layers.tdf(d_out, bins)
        self.tfc2 = layers.convolution(d_out, d_out)
        self.shortcut = nn.Conv2d(d_in, d_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[b, d, t, f] -> [b, d, t, f]."""
        inner = self.tfc1(x)
        answer: Tensor = self.tfc2(inner + self.tdf(inner)) + self.shortcut(x)
        return answer


class Blocks(nn.Module):
    """Several `Block`s, the first of which changes the features."""

    def __init__(self, layers: Layers, d_in: int, d_out: int, bins: int) -> None:
        super().__init__()
        inputs = [d_in] + [d_out] * (layers.config.blocks - 1)
        self.blocks = nn.ModuleList(Block(layers, size, d_out, bins) for size in inputs)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Level(nn.Module):
    """One level down or up: its blocks and its change of scale, under their published names."""

    def __init__(self, blocks: Blocks, name: str, scaling: nn.Module) -> None:
        super().__init__()
        self.tfc_tdf = blocks
        self.add_module(name, scaling)


class MDX23C(Joint):
    """Separates all stems that the weights were trained for; see `MDX23CConfig` for its sizes."""

    config: MDX23CConfig

    def __init__(self, config: MDX23CConfig) -> None:
        super().__init__(config)
        layers, growth = Layers(config), config.growth
        parts = 2 * config.channels * config.subbands
        d, f = config.features, config.bins // config.subbands
        self.first_conv = nn.Conv2d(parts, d, 1, bias=False)
        self.encoder_blocks, self.decoder_blocks = nn.ModuleList(), nn.ModuleList()
        for _ in range(config.levels):
            down = layers.scaling(nn.Conv2d, d, d + growth)
            self.encoder_blocks.append(Level(Blocks(layers, d, d, f), "downscale", down))
            d, f = d + growth, f // config.scale[1]
        self.bottleneck_block = Blocks(layers, d, d, f)
        for _ in range(config.levels):
            up = layers.scaling(nn.ConvTranspose2d, d, d - growth)
            d, f = d - growth, f * config.scale[1]
            self.decoder_blocks.append(Level(Blocks(layers, 2 * d, d, f), "upscale", up))
        self.final_conv = nn.Sequential(
            nn.Conv2d(d + parts, d, 1, bias=False),
            activation_of(config.activation),
            nn.Conv2d(d, parts * len(config.stems), 1, bias=False),
        )

    def file_window(self) -> dict[str, int]:
        """The window of training, half of it used: sizes in samples."""
        quarter = self.config.chunk // 4 // self.config.hop_length * self.config.hop_length
        fade = self.config.hop_length
        block = self.config.chunk - 2 * quarter - fade
        return {"context": quarter, "block_size": block, "fade": fade, "lookahead": quarter}

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The samples [start, stop) of the stems.

        Norms see all of `mix`, and silence behind it up to a length that every level divides.

        Args:
            mix: [.., c, n], any length.

        Returns:
            [.., s, c, stop - start].
        """
        config, length = self.config, mix.shape[-1]
        batch = mix.reshape(-1, *mix.shape[-2:])
        padded = pad(batch, (0, config.padded_length(length) - length))
        spectrum = torch.stft(
            padded.flatten(0, 1),
            config.n_fft,
            config.hop_length,
            window=self.window,
            return_complex=True,
        )
        pairs = torch.view_as_real(spectrum[:, : config.bins]).unflatten(0, batch.shape[:2])
        parts = pairs.permute(0, 1, 4, 2, 3).flatten(1, 2)  # [b, c, f, t], real before imaginary
        rows = parts.unflatten(2, (config.subbands, -1)).flatten(1, 2)
        answer = self._restore(rows)  # [b, s * c, f / subbands, t]
        joined = answer.unflatten(1, (-1, config.subbands)).flatten(2, 3)
        stems = joined.unflatten(1, (len(config.stems), config.channels, 2))
        wanted = stems[:, [config.stems.index(stem) for stem in self.stems]]
        bins = torch.view_as_complex(wanted.movedim(3, -1).contiguous())  # [b, s, c, f, t]
        audio = inverse_stft(bins.flatten(0, 1), self.window, config.hop_length, length)
        signals: Tensor = audio.unflatten(0, (*mix.shape[:-2], len(self.stems)))
        return signals[..., start:stop]

    def _restore(self, rows: Tensor) -> Tensor:
        first = self.first_conv(rows)
        x, skips = first.transpose(2, 3), []  # [b, d, t, f]
        for level in self.encoder_blocks:
            blocks, down = level.children()
            skips.append(blocks(x))
            x = down(skips[-1])
        x = self.bottleneck_block(x)
        for level in self.decoder_blocks:
            blocks, up = level.children()
            x = blocks(torch.cat((up(x), skips.pop()), dim=1))
        answer: Tensor = self.final_conv(torch.cat((rows, x.transpose(2, 3) * first), dim=1))
        return answer
