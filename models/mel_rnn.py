"""MelRNN: one restored stem, mono; the baseline of the music source restoration challenge.

    mix -> STFT -> 64 mel bands -> [recurrence across bands, recurrence along time] ..
        -> bins -> inverse STFT

The spectrum itself is predicted, no mask of it. What runs along time is causal and every norm is of
one frame, so that the network streams exactly: `MelRNNs`. Attribute names are the published ones,
so that published weights load strictly. Source of the details and sizes:
https://github.com/yongyizang/MSRKit; the challenge is summed up in arXiv 2601.04343.

Shape letters: `b` batch, `s` stem, `c` channel, `d` feature, `t` frame, `f` frequency bin, `k`
band, `w` widest band's bins, `p` real and imaginary part, `n` sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from restem.models.mel_scale import mel_filters
from restem.models.published_config import published_options
from restem.models.tfc_tdf import inverse_stft

BANDS = 64
CHANNELS = 2  # of a mix
GRU_LAYERS = 2  # of every recurrence
NO_WEIGHT = 1e-8  # less than that on a bin is none

Memory = tuple[Tensor, ...]  # of the recurrences along time, one of each group of each layer


@dataclass(frozen=True)
class MelRNNConfig:
    """Sizes of MelRNN; the defaults are those of the published weights."""

    features: int = 128
    layers: int = 4
    groups: int = 4
    n_fft: int = 2048
    hop_length: int = 512
    sample_rate: int = 48000
    channels: int = 1

    def __post_init__(self) -> None:
        if self.groups < 1 or self.features % (2 * self.groups):
            raise ValueError(
                f"hidden_channels must be a multiple of 2 * num_groups = {2 * self.groups}, "
                f"got {self.features}"
            )
        if self.n_fft % (2 * self.hop_length) or self.n_fft < 4 * self.hop_length:
            raise ValueError(
                f"window_size must be an even multiple of hop_size, 4 at least, got {self.n_fft} "
                f"and {self.hop_length}"
            )

    @property
    def shortest(self) -> int:
        """Fewest samples that the STFT can mirror at its ends."""
        return self.n_fft // 2 + 1

    @classmethod
    def from_published(cls, params: Mapping[str, Any]) -> Self:
        """Read the mapping `model.params` of a published YAML file as it stands."""
        names = {
            "hidden_channels": "features",
            "num_layers": "layers",
            "num_groups": "groups",
            "window_size": "n_fft",
            "hop_size": "hop_length",
            "sample_rate": "sample_rate",
        }
        return cls(**published_options("model.params", params, names))


class RMSNorm(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(dim=-1, keepdim=True) + 1e-6) * self.scale


class GroupedGRU(nn.Module):
    """Recurrences that each run over a share of the features and never meet."""

    def __init__(self, features: int, groups: int, both_ways: bool) -> None:
        super().__init__()
        share = features // groups
        hidden = share // 2 if both_ways else share
        self.rnns = nn.ModuleList(
            nn.GRU(share, hidden, GRU_LAYERS, bias=False, batch_first=True, bidirectional=both_ways)
            for _ in range(groups)
        )

    def forward(self, x: Tensor, memory: Sequence[Tensor] | None = None) -> tuple[Tensor, Memory]:
        """Run along the second axis: [b, t, d] -> [b, t, d], and each group's memory."""
        answers: list[Tensor] = []
        ends: list[Tensor] = []
        for group, (rnn, part) in enumerate(
            zip(self.rnns, x.chunk(len(self.rnns), dim=-1), strict=True)
        ):
            answer, end = rnn(part, memory[group] if memory else None)
            answers.append(answer)
            ends.append(end)
        return torch.cat(answers, dim=-1), tuple(ends)


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


class RNNBlock(nn.Module):
    """Residual: a recurrence, then a perceptron."""

    def __init__(self, features: int, groups: int, both_ways: bool) -> None:
        super().__init__()
        self.rnn_norm, self.ffn_norm = RMSNorm(features), RMSNorm(features)
        self.rnn = GroupedGRU(features, groups, both_ways)
        self.mlp = MLP(features)

    def forward(self, x: Tensor, memory: Sequence[Tensor] | None = None) -> tuple[Tensor, Memory]:
        """Run along the second axis: [b, t, d] -> [b, t, d]."""
        update, after = self.rnn(self.rnn_norm(x), memory)
        x = x + update
        return x + self.mlp(self.ffn_norm(x)), after


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

    def __init__(self, config: MelRNNConfig) -> None:
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


class MelRNN(nn.Module):
    """Restores one stem, mono; see `MelRNNConfig` for its sizes."""

    def __init__(self, config: MelRNNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MelRNNConfig()
        self.fourier = Analysis(config.n_fft)
        self.band = MelBands(config)
        sizes = config.features, config.groups
        self.freq_blocks = nn.ModuleList(RNNBlock(*sizes, True) for _ in range(config.layers))
        self.time_blocks = nn.ModuleList(RNNBlock(*sizes, False) for _ in range(config.layers))

    def silence(self, batch: int) -> Memory:
        """The memory before the first frame."""
        share = self.config.features // self.config.groups
        shape = GRU_LAYERS, batch * BANDS, share
        count = self.config.layers * self.config.groups
        return tuple(self.fourier.window.new_zeros(shape) for _ in range(count))

    def restore(self, parts: Tensor, memory: Memory) -> tuple[Tensor, Memory]:
        """The stem's bins of some frames: [b, t, f, p] -> [b, t, f, p], and the memory after."""
        x, after, groups = self.band.split(parts), [], self.config.groups
        b, t = x.shape[:2]
        blocks = zip(self.freq_blocks, self.time_blocks, strict=True)
        for number, (across_bands, along_time) in enumerate(blocks):
            rows, _ = across_bands(x.flatten(0, 1))
            rows = rows.unflatten(0, (b, t)).transpose(1, 2).flatten(0, 1)  # [b * k, t, d]
            rows, ends = along_time(rows, memory[number * groups : (number + 1) * groups])
            x = rows.unflatten(0, (b, BANDS)).transpose(1, 2)
            after += ends
        return self.band.join(x), tuple(after)

    def forward(self, audio: Tensor) -> Tensor:
        """Restore the stem that the weights were trained for.

        Args:
            audio: [b, n], any length; its ends are mirrored.

        Returns:
            [b, n].
        """
        config, window, length = self.config, self.fourier.window, audio.shape[-1]
        spectrum = torch.stft(
            pad(audio, (0, max(0, config.shortest - length))),
            config.n_fft,
            config.hop_length,
            window=window,
            return_complex=True,
        )
        parts = torch.view_as_real(spectrum).transpose(1, 2)  # [b, t, f, p]
        answer, _ = self.restore(parts, self.silence(len(audio)))
        bins = torch.view_as_complex(answer.contiguous()).transpose(1, 2)[:, None]
        return inverse_stft(bins, window, config.hop_length, length)[:, 0]


class MelRNNState(NamedTuple):
    """State between steps; every shape is fixed."""

    past: Tensor  # [c, n_fft - hop], the newest samples
    overlap: Tensor  # [s, c, n_fft - hop], what frames still add to
    weights: Tensor  # [n_fft - hop], the squared windows of the same frames
    start: Tensor  # [], where the next frame begins in the signal
    memory: tuple[Memory, ...]  # of each stem


class MelRNNs(nn.Module):
    """MelRNNs, one a stem, as a model that streams natively; left and right are a batch.

    The answer is that of `MelRNN` to the whole signal, but for its last `n_fft` samples: there the
    network mirrors the end, which a stream has not.

    Args:
        networks: by stem, all of one configuration.
    """

    def __init__(self, networks: Mapping[str, MelRNN]) -> None:
        super().__init__()
        self.stems = tuple(networks)
        self.networks = cast(Sequence[MelRNN], nn.ModuleList(networks.values()))
        self.config = config = next(iter(networks.values())).config
        if any(network.config != config for network in networks.values()):
            raise ValueError("MelRNNs of different sizes cannot run as one model")
        self.sample_rate, self.channels = config.sample_rate, CHANNELS
        self.block_size = config.hop_length
        self.latency = config.n_fft - config.hop_length
        window = next(iter(networks.values())).fourier.window
        self.register_buffer("window", window, persistent=False)
        offsets = torch.arange(config.n_fft, device=window.device)
        self.register_buffer("offsets", offsets, persistent=False)
        self.window: Tensor
        self.offsets: Tensor

    @property
    def device(self) -> torch.device:
        return self.window.device

    def init_state(self) -> MelRNNState:
        """The state before the first sample."""
        zeros, size = self.window.new_zeros, self.latency
        return MelRNNState(
            zeros(CHANNELS, size),
            zeros(len(self.stems), CHANNELS, size),
            zeros(size),
            torch.tensor(-size, device=self.device),
            tuple(network.silence(CHANNELS) for network in self.networks),
        )

    def step(self, block: Tensor, state: MelRNNState) -> tuple[Tensor, MelRNNState]:
        """Take `block_size` samples of the mix, give as many of every stem, `latency` late.

        Args:
            block: [c, n].
            state: from `init_state` or the step before.

        Returns:
            [s, c, n] and the next state.
        """
        hop_length, n_fft = self.block_size, self.config.n_fft
        seen = torch.cat((state.past, block), dim=-1)
        # The signal's first samples are mirrored, as the network has it.
        mirrored = ((self.offsets + state.start).abs() - state.start).clamp_max(n_fft - 1)
        counts = state.start >= -(n_fft // 2)  # frames before that are none of the network's
        frame = seen[:, mirrored] * self.window
        parts = torch.view_as_real(torch.fft.rfft(frame))[:, None]
        answers, memory = [], []
        for network, before in zip(self.networks, state.memory, strict=True):
            bins, after = network.restore(parts, before)
            answers.append(torch.view_as_complex(bins.contiguous())[:, 0])
            memory.append(
                tuple(torch.where(counts, new, old) for new, old in zip(after, before, strict=True))
            )
        frames = torch.fft.irfft(torch.stack(answers), n=n_fft) * (self.window * counts)
        added = pad(state.overlap, (0, hop_length)) + frames
        weights = pad(state.weights, (0, hop_length)) + self.window.square() * counts
        here = self.offsets[:hop_length] + state.start >= 0
        divisor = torch.where(here, weights[:hop_length], 1)
        done = added[..., :hop_length] / divisor * here
        ahead = added[..., hop_length:], weights[hop_length:]
        start = state.start + hop_length
        return done, MelRNNState(seen[:, hop_length:], *ahead, start, tuple(memory))
