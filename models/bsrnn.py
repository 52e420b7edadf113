"""BSRNN: one stem from a stereo mix (Luo and Yu, arXiv 2209.15174).

    mix -> STFT -> bands -> [recurrence along time, recurrence along bands] .. -> masks * STFT
        -> inverse STFT

Some norms have weights of their own for every frame, so that all windows have one length, that of
the training. Attribute names are those of https://github.com/amanteur/BandSplitRNN-Pytorch.

Shape letters: `b` batch, `c` channel, `d` feature, `t` frame, `f` frequency bin, `k` band, `w`
value of a band (channels, real and imaginary part, bins), `n` sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from restem.models.published_config import published_options
from restem.models.tfc_tdf import AxisRNN, inverse_stft

FLOOR = 1e-5  # beside the deviation of the mix


@dataclass(frozen=True)
class BSRNNConfig:
    """Sizes of BSRNN; the defaults are those of vocals and other."""

    splits: tuple[tuple[int, int], ...] = (  # up to so many Hz bands of so many
        (1000, 100),
        (4000, 250),
        (8000, 500),
        (16000, 1000),
        (20000, 2000),
    )
    frames: int = 263  # of a window
    features: int = 128
    hidden: int = 256  # of the recurrences, each way
    layers: int = 12
    mask_hidden: int = 512
    bidirectional: bool = True
    channels: int = 2
    n_fft: int = 2048
    hop_length: int = 512
    sample_rate: int = 44100

    def __post_init__(self) -> None:
        object.__setattr__(self, "splits", tuple(map(tuple, self.splits)))
        if self.sample_rate != 44100:
            raise ValueError(f"sr must be 44100, got {self.sample_rate}")
        if min(self.widths) < 1:
            raise ValueError("bandsplits leave a band without any bin")

    @property
    def window(self) -> int:
        """The length that all input has, in samples."""
        return self.hop_length * (self.frames - 1)

    @property
    def widths(self) -> list[int]:
        """Bins of each band; the last has all above the others."""
        edges, start = [], 0
        for end, step in self.splits:
            edges += [*range(start + step, end + 1, step)]
            start = end
        bins = np.arange(self.n_fft // 2 + 1) * self.sample_rate / self.n_fft
        below = [int((bins < edge).sum()) for edge in edges]
        return [int(width) for width in np.diff([0, *below, len(bins)])]

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the section `model` of a published file, its section `featurizer` beside the rest.

        Raises:
            ValueError: a key is unknown, or asks for another network.
        """
        names = {
            "sr": "sample_rate",
            "n_fft": "n_fft",
            "bandsplits": "splits",
            "t_timesteps": "frames",
            "fc_dim": "features",
            "rnn_dim": "hidden",
            "num_layers": "layers",
            "mlp_dim": "mask_hidden",
            "bidirectional": "bidirectional",
        }
        fixed = {
            "bottleneck_layer": ("rnn",),
            "rnn_type": ("LSTM",),
            "complex_as_channel": (True,),
            "return_mask": (False,),
        }
        options = published_options("model", params, names, ("is_mono", "featurizer"), fixed)
        featurizer = params.get("featurizer", {})
        sizes = {"n_fft": "n_fft", "hop_length": "hop_length"}
        n_fft = featurizer.get("n_fft", options.get("n_fft", 2048))
        options |= published_options(
            "featurizer", featurizer, sizes, fixed={"win_length": (n_fft,)}
        )
        return cls(**options, channels=1 if params.get("is_mono", False) else 2)


class BandSplit(nn.Module):
    """A norm and a linear layer for each band: [b, w, t] of each -> [b, k, t, d]."""

    def __init__(self, sizes: Sequence[int], config: BSRNNConfig) -> None:
        super().__init__()
        self.layernorms = nn.ModuleList(nn.LayerNorm((size, config.frames)) for size in sizes)
        self.fcs = nn.ModuleList(nn.Linear(size, config.features) for size in sizes)

    def forward(self, bands: Sequence[Tensor]) -> Tensor:
        layers = zip(self.layernorms, self.fcs, bands, strict=True)
        return torch.stack([fc(norm(band).transpose(1, 2)) for norm, fc, band in layers], dim=1)


class GatedLinear(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, 2 * size)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.glu(self.linear(x))


class MaskMLP(nn.Module):
    """A perceptron under its published name."""

    def __init__(self, features: int, hidden: int, size: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.Tanh(), nn.Linear(hidden, size), GatedLinear(size)
        )


class MaskEstimator(nn.Module):
    """A norm and a perceptron for each band: [b, k, t, d] -> [b, t, w] of each."""

    def __init__(self, sizes: Sequence[int], config: BSRNNConfig) -> None:
        super().__init__()
        shape = config.frames, config.features
        self.layernorms = nn.ModuleList(nn.LayerNorm(shape) for _ in sizes)
        self.mlp = nn.ModuleList(
            MaskMLP(config.features, config.mask_hidden, size) for size in sizes
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        layers = zip(self.layernorms, self.mlp, x.unbind(1), strict=True)
        return [next(holder.children())(norm(band)) for norm, holder, band in layers]


class BandSequence(nn.Module):
    """Recurrences along time, then along bands, `layers` times over: [b, k, t, d]."""

    def __init__(self, config: BSRNNConfig) -> None:
        super().__init__()
        sizes = config.features, config.hidden, config.bidirectional, config.features
        self.bsrnn = nn.ModuleList(
            nn.Sequential(AxisRNN(*sizes), AxisRNN(*sizes)) for _ in range(config.layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.bsrnn:
            x = layer(x)
        return x


class BSRNN(nn.Module):
    """Separates one stem; see `BSRNNConfig` for its sizes."""

    window: Tensor  # of the STFT and of its inverse

    def __init__(self, config: BSRNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or BSRNNConfig()
        sizes = [2 * config.channels * width for width in config.widths]
        self.bandsplit = BandSplit(sizes, config)
        self.bandsequence = BandSequence(config)
        self.maskest = MaskEstimator(sizes, config)
        window = torch.hann_window(config.n_fft, dtype=torch.float32)
        self.register_buffer("window", window, persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """Separate the stem that the weights were trained for.

        Args:
            audio: [b, c, n], n as `config.window` says; its ends are mirrored.

        Returns:
            [b, c, n].

        Raises:
            ValueError: it has another length.
        """
        config, length = self.config, audio.shape[-1]
        if length != config.window:
            raise ValueError(f"BSRNN takes {config.window} samples at once, got {length}")
        spectrum = torch.stft(
            audio.flatten(0, 1),
            config.n_fft,
            config.hop_length,
            window=self.window,
            return_complex=True,
        ).unflatten(0, audio.shape[:2])
        mean = spectrum.mean(dim=(1, 2, 3), keepdim=True)
        deviation = spectrum.std(dim=(1, 2, 3), keepdim=True)
        normed = (spectrum - mean) / (deviation + FLOOR)  # [b, c, f, t]
        parts = torch.view_as_real(normed).movedim(-1, 2)  # [b, c, 2, f, t]
        bands = [band.flatten(1, 3) for band in parts.split(config.widths, dim=3)]
        values = self.maskest(self.bandsequence(self.bandsplit(bands)))
        pairs = [band.unflatten(-1, (config.channels, 2, -1)) for band in values]
        masks = torch.cat(pairs, dim=-1).movedim(3, -1).contiguous()  # [b, t, c, f, 2]
        masked = torch.view_as_complex(masks).permute(0, 2, 3, 1) * normed
        bins = masked * deviation + mean
        signal: Tensor = inverse_stft(bins, self.window, config.hop_length, length)
        return signal
