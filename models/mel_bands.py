"""Parts that the baselines of the restoration challenge share: bins to mel bands and back.

Attribute names are the published ones, so that published weights load strictly. Source of the
details: https://github.com/yongyizang/MSRKit; the challenge is summed up in arXiv 2601.04343.

Shape letters: `b` batch, `d` feature, `t` frame, `f` frequency bin, `k` band, `w` widest band's
bins, `p` real and imaginary part, `n` sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from restem.models.mel_scale import mel_filters
from restem.models.published_config import published_options
from restem.models.tfc_tdf import inverse_stft

BANDS = 64
NO_WEIGHT = 1e-8  # less than that on a bin is none


@dataclass(frozen=True)
class MelConfig:
    """Sizes that all of them have; each adds its own."""

    features: int = 128
    n_fft: int = 2048
    hop_length: int = 512
    sample_rate: int = 48000
    channels: int = 1

    own_names: ClassVar[Mapping[str, str]] = {}
    without_effect: ClassVar[tuple[str, ...]] = ()

    @property
    def shortest(self) -> int:
        """Fewest samples that the STFT can mirror at its ends."""
        return self.n_fft // 2 + 1

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the mapping `model.params` of a published YAML file as it stands.

        Raises:
            ValueError: a key is unknown.
        """
        names = {
            "hidden_channels": "features",
            "window_size": "n_fft",
            "hop_size": "hop_length",
            "sample_rate": "sample_rate",
            **cls.own_names,
        }
        return cls(**published_options("model.params", params, names, cls.without_effect))


class RMSNorm(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * self.scale


class MLP(nn.Module):
    """SwiGLU (Shazeer, arXiv 2002.05202)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        hidden = 8 * features // 3
        self.c_fc1 = nn.Linear(features, hidden, bias=False)
        self.c_fc2 = nn.Linear(features, hidden, bias=False)
        self.c_proj = nn.Linear(hidden, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        update: Tensor = self.c_proj(silu(self.c_fc1(x)) * self.c_fc2(x))
        return update


class BandLinear(nn.Module):
    """A linear layer for each band: [.., k, i] -> [.., k, o]."""

    def __init__(self, bands: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(bands, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(bands, outputs))

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -3).transpose(0, 1)  # [k, r, i]
        rows = torch.bmm(rows, self.weight).transpose(0, 1) + self.bias
        answer: Tensor = rows.unflatten(0, x.shape[:-2])
        return answer


class MelBands(nn.Module):
    """Bins to overlapping bands of the mel scale and back, each padded to the widest.

    The lowest bin is in no band and stays silent. Bins with little weight are amplified, up to 64
    times in the published network.
    """

    f_idxes: Tensor  # [k * w], the bins of each band
    mask: Tensor  # [k * w], 0 where a band is filled up
    ola_window: Tensor  # [f], by which what bands add up to is divided

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        filters = mel_filters(BANDS, config.n_fft, config.sample_rate)
        members = filters > 0
        members[-1, -1] = True  # by rounding, in the publication
        self.widest = int(members.sum(axis=1).max())
        rows = [np.flatnonzero(band) for band in members]
        indices = np.stack([np.pad(row, (0, self.widest - len(row))) for row in rows])
        mask = np.stack([np.arange(self.widest) < len(row) for row in rows])
        weights = filters.sum(axis=0)
        weights[weights < NO_WEIGHT] = 1
        constants = {"filterbanks": filters, "mask": mask.flatten(), "ola_window": weights}
        for name, values in constants.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32))
        self.register_buffer("f_idxes", torch.tensor(indices.flatten(), dtype=torch.long))
        self.pre_bandnet = BandLinear(BANDS, 2 * self.widest, config.features)
        self.post_bandnet = BandLinear(BANDS, config.features, 2 * self.widest)

    def split(self, parts: Tensor) -> Tensor:
        """[b, t, f, p] -> [b, t, k, d]."""
        gathered = parts[:, :, self.f_idxes] * self.mask[:, None]
        bands: Tensor = self.pre_bandnet(gathered.unflatten(2, (BANDS, self.widest)).flatten(3))
        return bands

    def join(self, bands: Tensor) -> Tensor:
        """[b, t, k, d] -> [b, t, f, p]."""
        values = self.post_bandnet(bands).unflatten(3, (self.widest, 2)).flatten(2, 3)
        bins = values.new_zeros((*bands.shape[:2], len(self.ola_window), 2))
        added: Tensor = bins.index_add(2, self.f_idxes, values * self.mask[:, None])
        return added / self.ola_window[:, None]


class Analysis(nn.Module):
    """Holds the STFT's window under its published name."""

    window: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(n_fft, dtype=torch.float32))


class MelNetwork(nn.Module):
    """Base of networks between mel bands; a subclass adds its layers and `forward`."""

    def __init__(self, config: MelConfig) -> None:
        super().__init__()
        self.config = config
        self.fourier = Analysis(config.n_fft)
        self.band = MelBands(config)

    def analyse(self, audio: Tensor) -> Tensor:
        """STFT, centred, the ends mirrored: [b, n] -> [b, t, f, p]."""
        padded = pad(audio, (0, max(0, self.config.shortest - audio.shape[-1])))
        window, hop_length = self.fourier.window, self.config.hop_length
        spectrum = torch.stft(
            padded, self.config.n_fft, hop_length, window=window, return_complex=True
        )
        return torch.view_as_real(spectrum).transpose(1, 2)

    def synthesise(self, parts: Tensor, length: int) -> Tensor:
        """Inverse STFT: [b, t, f, p] -> [b, length]."""
        bins = torch.view_as_complex(parts.contiguous()).transpose(1, 2)[:, None]
        return inverse_stft(bins, self.fourier.window, self.config.hop_length, length)[:, 0]
