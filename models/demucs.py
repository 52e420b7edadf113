"""Demucs without recurrence: the regression network that repairs a stem, the second stage.

The waveform U-Net of Défossez et al. (arXiv 1911.13254) as DTT-BSR+ uses it (arXiv 2606.24127):
gated linear units, no LSTM, so that its reach is finite. Nothing is padded: the output is shorter
than the input by `trim` samples on each side.

    audio [b, c, n] -> (x2) -> [convolution, gate] ... -> [+ skip, gate, transposed] ... -> (/2)
          -> [b, s, c, n - 2 * trim]

Attribute names are those of version 2, so its weights load strictly. Source of the details:
https://github.com/facebookresearch/demucs (`demucs/model.py` of version 2), and for the resampling
https://github.com/adefossez/julius.

Shape letters: `b` batch, `s` stem, `c` channel, `d` feature, `t` frame, `n` sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from restem.models.published_config import published_options

EPSILON = 1e-5  # added to the deviation, also to the 1 that stands for it without `normalize`


@dataclass(frozen=True)
class DemucsConfig:
    """Sizes of Demucs; the defaults are those of the second stage, mono."""

    stems: int = 1
    channels: int = 1
    features: int = 64  # of the outermost layer
    growth: float = 2.0  # features of a layer over those of the layer outside it
    depth: int = 6
    kernel_size: int = 8
    stride: int = 4
    context: int = 3  # kernel of the gate before each transposed convolution
    resample: bool = False  # run at twice the sample rate
    normalize: bool = False  # by mean and deviation of the whole segment's mono sum
    rescale: float = 0.1  # draws the deviation of the initial weights towards itself; 0 does not

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError(f"depth must be at least 1, got {self.depth}")
        if self.context % 2 == 0:
            raise ValueError(f"context must be odd, got {self.context}")
        if not 1 < self.stride <= self.kernel_size:
            raise ValueError(
                f"stride must be in [2, kernel_size={self.kernel_size}], got {self.stride}"
            )
        if self.resample and (self.stride % 2 or self.kernel_size % 2):
            raise ValueError(
                f"kernel_size and stride must be even with resample, got {self.kernel_size} and "
                f"{self.stride}"
            )

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the arguments of version 2's class; one left out has version 2's default.

        `samplerate` and `segment_length` are accepted and dropped: they describe the training.

        Raises:
            ValueError: a key is unknown, or asks for a recurrence or for layers without gates.
        """
        names = {
            "sources": "stems",
            "audio_channels": "channels",
            "channels": "features",
            "growth": "growth",
            "depth": "depth",
            "kernel_size": "kernel_size",
            "stride": "stride",
            "context": "context",
            "resample": "resample",
            "normalize": "normalize",
            "rescale": "rescale",
        }
        fixed = {"lstm_layers": (0,), "glu": (True,), "rewrite": (True,)}
        defaults = {"audio_channels": 2, "resample": True, "lstm_layers": 2}
        options = published_options(
            "model.params", {**defaults, **params}, names, ("samplerate", "segment_length"), fixed
        )
        if "stems" in options:
            options["stems"] = len(options["stems"])
        return cls(**options)


class Resampler(nn.Module):
    """Doubles and halves the sample rate with a windowed sinc, by the numbers of julius.

    Beyond its ends a signal is taken to stay at its first and last sample. After Julius O. Smith,
    https://ccrma.stanford.edu/~jos/resample/.
    """

    zeros = 24  # zero crossings on each side
    cutoff = 0.945  # over half the lower rate

    def __init__(self) -> None:
        super().__init__()
        self.half_width = int(self.zeros / self.cutoff)  # each side, in samples of the lower rate
        times = torch.arange(-self.half_width, self.half_width + 1, dtype=torch.float64)
        half_times = (
            torch.arange(-2 * self.half_width, 2 * self.half_width + 1, dtype=torch.float64) / 2
        )
        doubling = torch.stack((self._taps(times), self._taps(times - 0.5)))
        halving = self._taps(half_times)
        self.register_buffer("doubling", doubling[:, None].float(), persistent=False)
        self.register_buffer("halving", halving[None, None].float(), persistent=False)
        self.doubling: Tensor  # [2, 1, taps], one row for each new sample between two old ones
        self.halving: Tensor  # [1, 1, taps]

    def _taps(self, times: Tensor) -> Tensor:
        x = (self.cutoff * times).clamp(-self.zeros, self.zeros)
        taps = torch.sinc(x) * torch.cos(torch.pi / (2 * self.zeros) * x).square()
        return taps / taps.sum()

    def up(self, x: Tensor) -> Tensor:
        """[b, c, n] -> [b, c, 2 n], sample `i` at `2 i`."""
        padded = nn.functional.pad(x, (self.half_width, self.half_width), mode="replicate")
        phases = nn.functional.conv1d(padded.flatten(0, 1)[:, None], self.doubling)
        return phases.transpose(1, 2).reshape(*x.shape[:2], -1)

    def down(self, x: Tensor) -> Tensor:
        """[b, c, n] -> [b, c, n // 2], sample `2 i` at `i`."""
        padded = nn.functional.pad(x, (2 * self.half_width, 2 * self.half_width), mode="replicate")
        halved = nn.functional.conv1d(padded.flatten(0, 1)[:, None], self.halving, stride=2)
        return halved.reshape(*x.shape[:2], -1)[..., : x.shape[-1] // 2]


class Demucs(nn.Module):
    """Repairs the stem that the weights were trained for; its reach and grid are known exactly."""

    def __init__(self, config: DemucsConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DemucsConfig()
        kernel_size, stride, context = config.kernel_size, config.stride, config.context
        self.encoder = nn.ModuleList()
        self.decoder = nn.ModuleList()
        outside, features = config.channels, config.features
        for level in range(config.depth):
            encode = [
                nn.Conv1d(outside, features, kernel_size, stride),
                nn.ReLU(),
                nn.Conv1d(features, 2 * features, 1),
                nn.GLU(dim=1),
            ]
            decode = [
                nn.Conv1d(features, 2 * features, context),
                nn.GLU(dim=1),
                nn.ConvTranspose1d(
                    features, outside if level else config.stems * outside, kernel_size, stride
                ),
            ]
            if level:
                decode.append(nn.ReLU())
            self.encoder.append(nn.Sequential(*encode))
            self.decoder.insert(0, nn.Sequential(*decode))
            outside, features = features, int(config.growth * features)
        self.resampler = Resampler() if config.resample else None
        if config.rescale:
            self._rescale()

    @torch.no_grad()
    def _rescale(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                scale = (layer.weight.std() / self.config.rescale).sqrt()
                for parameter in layer.parameters():
                    parameter.div_(scale)

    @property
    def _rate(self) -> int:
        return 2 if self.config.resample else 1

    @property
    def _frames(self) -> int:
        """Sum of the hops inside every level, 1 + stride + .. + stride^(depth - 1)."""
        return sum(self.config.stride**level for level in range(self.config.depth))

    @property
    def stride(self) -> int:
        """Hop of the deepest layer, in samples: shifting the input by it shifts the output."""
        hop: int = self.config.stride**self.config.depth
        return hop // self._rate

    @property
    def trim(self) -> int:
        """Samples missing on each side: output sample `i` is input sample `i + trim` repaired.

        Level by level the gates' context takes `(context - 1) / 2` frames off each side.
        """
        return self.config.context // 2 * self.config.stride * self._frames // self._rate

    @property
    def receptive_field(self) -> tuple[int, int]:
        """Past and future samples that an output sample can depend on, at most.

        An output sample of a level needs, of the frames below, those whose transposed kernel covers
        it and `context // 2` more; a frame covers `kernel_size` samples of the level above. Worst
        case over the grid, both ways alike:

            (stride * (context // 2) + kernel_size - 1) * (1 + stride + .. + stride^(depth - 1))

        Resampling adds its filters, one at each rate. `normalize` is not counted: it makes every
        sample depend on the whole segment.
        """
        config = self.config
        reach = config.stride * (config.context // 2) + config.kernel_size - 1
        reach *= self._frames
        if self.resampler:
            filter_reach = self.resampler.half_width
            reach = (2 * filter_reach + reach) // 2 + filter_reach
        return reach, reach

    def valid_length(self, length: int) -> int:
        """The shortest input that leaves no convolution a rest and gives at least `length` samples.

        Both in samples; the output has `valid_length(length) - 2 * trim` of them.
        """
        config = self.config
        frames = length * self._rate
        for _ in range(config.depth):
            frames = max(1, -(-(frames - config.kernel_size) // config.stride) + 1)
            frames += config.context - 1
        for _ in range(config.depth):
            frames = (frames - 1) * config.stride + config.kernel_size
        return -(-frames // self._rate)

    def forward(self, audio: Tensor) -> Tensor:
        """Repair all but the edges.

        Args:
            audio: [b, c, n], n a valid length (see `valid_length`).

        Returns:
            [b, s, c, n - 2 * trim].
        """
        sizes = (self.config.stems, self.config.channels)
        stems: Tensor = self._regress(audio).unflatten(1, sizes)
        return stems

    def repair(self, audio: Tensor) -> Tensor:
        """Repair a signal of any length, silence before and after it, in place.

            | left | audio | right |      what the convolutions see
              ^                           a multiple of `stride`, at least the past they reach

        `left` is the same for every length, so a passage is repaired the same wherever it is cut
        from: `repair(x)[..., k:]` and `repair(x[..., k:])` agree from sample `past` on, for every
        `k` that is a multiple of `stride`. Not so with `normalize`: the statistics are those of
        `audio`, without the silence.

        Args:
            audio: [b, c, n].

        Returns:
            [b, c, n], sample by sample in place of the input's.

        Raises:
            ValueError: the network has more than one stem.
        """
        if self.config.stems != 1:
            raise ValueError(f"stems must be 1 to repair, got {self.config.stems}")
        past, future = self.receptive_field
        left = -(-past // self.stride) * self.stride
        length = audio.shape[-1]
        total = self.valid_length(left + length + future - 2 * self.trim)
        start = left - self.trim
        return self._regress(audio, left, total - left - length)[..., start : start + length]

    def _regress(self, audio: Tensor, left: int = 0, right: int = 0) -> Tensor:
        """Normalise, pad with silence, convolve, and undo the first; shapes as in `_convolve`."""
        mean, deviation = audio.new_zeros(()), audio.new_ones(())
        if self.config.normalize:
            mono = audio.mean(dim=1, keepdim=True)
            mean, deviation = mono.mean(-1, keepdim=True), mono.std(-1, keepdim=True)
        normal = (audio - mean) / (deviation + EPSILON)
        return self._convolve(nn.functional.pad(normal, (left, right))) * deviation + mean

    def _convolve(self, x: Tensor) -> Tensor:
        """[b, c, n] -> [b, s * c, n - 2 * trim]."""
        if self.resampler:
            x = self.resampler.up(x)
        skips = []
        for encode in self.encoder:
            x = encode(x)
            skips.append(x)
        for decode in self.decoder:
            skip = skips.pop()
            start = (skip.shape[-1] - x.shape[-1]) // 2
            x = decode(x + skip[..., start : start + x.shape[-1]])
        return self.resampler.down(x) if self.resampler else x
