"""The embedded cascade: a small two-stage network that streams natively on a plain CPU.

A causal band-split network (Luo and Yu, arXiv 2209.15174; RT-STT, arXiv 2511.13146) in the two
stages of DTT-BSR+ (arXiv 2606.24127): the separator gives each stem a mask, the repair network then
regresses each stem's complex gain from what the mask lets through. Recurrences run over time only,
bands are mixed inside a frame: one frame in gives one frame out, and the state is explicit.

    mix -> STFT -> separator (masks) -> repair (complex gains) -> inverse STFT -> stems

Gains live on a grid that is coarser than the bins where hearing is: a grid point stands for `pool`
neighbouring bins. Most of the cost of a small network is per bin and stem, so this pays.

Shape letters: `b` batch, `s` stem, `c` channel, `f` frequency bin, `g` grid point, `k` band,
`t` frame, `d` feature, `n` sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.stems import STEMS


@dataclass(frozen=True)
class EmbeddedConfig:
    """Sizes of the embedded cascade.

    `bands` lists (count, grid points in a band, bins in a grid point) from the lowest bin up; their
    bins must sum to `n_fft // 2`: the Nyquist bin is left out and stays silent.
    """

    sample_rate: int = 48000
    channels: int = 2
    stems: tuple[str, ...] = STEMS
    n_fft: int = 2048
    hop_length: int = 1024
    bands: tuple[tuple[int, int, int], ...] = ((16, 2, 1), (16, 6, 1), (16, 14, 4))
    separator_dim: int = 64
    separator_layers: int = 3
    summary_dim: int = 128
    repair_dim: int = 32
    repair_layers: int = 1

    def __post_init__(self) -> None:
        bins = sum(count * points * size for count, points, size in self.bands)
        if bins != self.n_fft // 2:
            raise ValueError(f"bands must cover n_fft // 2 = {self.n_fft // 2} bins, got {bins}")
        if self.n_fft != 2 * self.hop_length:
            raise ValueError(
                f"n_fft must be 2 * hop_length, got {self.n_fft} and {self.hop_length}"
            )

    @property
    def band_count(self) -> int:
        return sum(count for count, _, _ in self.bands)

    @property
    def pools(self) -> tuple[tuple[int, int], ...]:
        """(grid points, bins in each) from the lowest bin up."""
        return tuple((count * points, size) for count, points, size in self.bands)


class EmbeddedState(NamedTuple):
    """What one step hands to the next; every shape is fixed."""

    history: Tensor  # [c, n_fft - hop_length], the last samples of the mix
    overlap: Tensor  # [s, c, n_fft - hop_length], the unfinished tail of the inverse STFT
    memory: tuple[Tensor, ...]  # the hidden state of each recurrence, in the order of use


class BandEncoder(nn.Module):
    """A linear layer for each band: [.., w, i] -> [.., k, d], w inputs (bins or grid points)."""

    def __init__(self, bands: Sequence[tuple[int, int]], features: int, dim: int) -> None:
        """`bands` lists (count, inputs of a band)."""
        super().__init__()
        self.inputs = [count * width for count, width in bands]
        self.weight = nn.ParameterList(
            nn.Parameter(torch.randn(count, width * features, dim) * (width * features) ** -0.5)
            for count, width in bands
        )
        self.bias = nn.Parameter(torch.randn(sum(count for count, _ in bands), dim) * 0.1)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -3)  # [r, w, i]
        encoded = [
            torch.bmm(part.reshape(len(part), len(weight), -1).transpose(0, 1), weight)
            for part, weight in zip(rows.split(self.inputs, dim=1), self.weight, strict=True)
        ]
        bands = torch.cat(encoded).transpose(0, 1) + self.bias  # [r, k, d]
        unflattened: Tensor = bands.unflatten(0, x.shape[:-2])
        return unflattened


class BandDecoder(nn.Module):
    """A linear layer for each band, back to its grid points: [.., k, d] -> [.., g, o]."""

    def __init__(self, bands: Sequence[tuple[int, int]], dim: int, outputs: int) -> None:
        """`bands` lists (count, grid points of a band)."""
        super().__init__()
        self.outputs = outputs
        self.counts = [count for count, _ in bands]
        self.weight = nn.ParameterList(
            nn.Parameter(torch.randn(count, dim, width * outputs) * dim**-0.5)
            for count, width in bands
        )
        self.bias = nn.ParameterList(
            nn.Parameter(torch.zeros(count, 1, width * outputs)) for count, width in bands
        )

    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(0, -3).transpose(0, 1)  # [k, r, d]
        decoded = [
            torch.baddbmm(bias, part, weight).transpose(0, 1).reshape(rows.shape[1], -1)
            for part, weight, bias in zip(
                rows.split(self.counts), self.weight, self.bias, strict=True
            )
        ]
        points = torch.cat(decoded, dim=1).unflatten(1, (-1, self.outputs))  # [r, g, o]
        unflattened: Tensor = points.unflatten(0, x.shape[:-2])
        return unflattened


class BandBlock(nn.Module):
    """Residual: a recurrence along time in each band, a mixer across bands, one across features."""

    def __init__(self, bands: int, dim: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(dim) for _ in range(3))
        self.recurrence = nn.GRU(dim, dim, batch_first=True)
        self.across_bands = mlp(bands, 2 * bands)
        self.across_features = mlp(dim, 2 * dim)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """x: [r, t, k, d], memory: [1, r * k, d], r rows of batch (and stem)."""
        rows, frames, bands, dim = x.shape
        sequence = self.norms[0](x).transpose(1, 2).reshape(rows * bands, frames, dim)
        sequence, memory = self.recurrence(sequence, memory)
        x = x + sequence.reshape(rows, bands, frames, dim).transpose(1, 2)
        x = x + self.across_bands(self.norms[1](x).transpose(-1, -2)).transpose(-1, -2)
        return x + self.across_features(self.norms[2](x)), memory


class Summary(nn.Module):
    """Residual: one recurrence over the whole frame, all bands together."""

    def __init__(self, bands: int, dim: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim)
        self.squeeze = nn.Linear(bands * dim, hidden)
        self.recurrence = nn.GRU(hidden, hidden, batch_first=True)
        self.spread = nn.Linear(hidden, bands * dim)

    def forward(self, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """x: [b, t, k, d], memory: [1, b, hidden]."""
        summary, memory = self.recurrence(self.squeeze(self.norm(x).flatten(-2)), memory)
        return x + self.spread(summary).unflatten(-1, x.shape[-2:]), memory


def mlp(dim: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))


def compress(spectrum: Tensor) -> Tensor:
    """Compress a complex spectrum's magnitude to the power 0.3 and keep its phase.

    Args:
        spectrum: complex, any shape; a full-scale sine reaches about `n_fft / pi`.

    Returns:
        Real, [.., 2]: real and imaginary part.
    """
    pair = torch.view_as_real(spectrum)
    return pair * (pair.square().sum(-1, keepdim=True) + 1e-8) ** -0.35


def pool(bins: Tensor, pools: Sequence[tuple[int, int]]) -> Tensor:
    """Average bins into grid points: [.., f, c] -> [.., g, c]."""
    parts = bins.split([points * size for points, size in pools], dim=-2)
    return torch.cat(
        [
            part if size == 1 else part.unflatten(-2, (points, size)).mean(-2)
            for part, (points, size) in zip(parts, pools, strict=True)
        ],
        dim=-2,
    )


def spread(grid: Tensor, pools: Sequence[tuple[int, int]]) -> Tensor:
    """Repeat grid points over their bins: [.., g, c] -> [.., f, c]."""
    parts = grid.split([points for points, _ in pools], dim=-2)
    return torch.cat(
        [
            part if size == 1 else part.repeat_interleave(size, dim=-2)
            for part, (_, size) in zip(parts, pools, strict=True)
        ],
        dim=-2,
    )


class EmbeddedCascade(nn.Module):
    """Eight restored stems from a stereo mix, one frame of `hop_length` samples a step.

    Implements the streaming protocol: `latency` is `n_fft - hop_length` samples, exactly.
    """

    def __init__(self, config: EmbeddedConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EmbeddedConfig()
        self.sample_rate = config.sample_rate
        self.channels = config.channels
        self.stems = config.stems
        self.block_size = config.hop_length
        self.latency = config.n_fft - config.hop_length
        c, s, k = config.channels, len(config.stems), config.band_count
        wide, narrow = config.separator_dim, config.repair_dim
        bins = [(count, points * size) for count, points, size in config.bands]
        grid = [(count, points) for count, points, _ in config.bands]
        self.mix_encoder = BandEncoder(bins, 2 * c, wide)
        self.separator = nn.ModuleList(BandBlock(k, wide) for _ in range(config.separator_layers))
        self.summary = Summary(k, wide, config.summary_dim)
        self.mask = BandDecoder(grid, wide, s * c)
        self.stem_encoder = BandEncoder(grid, 2 * c, narrow)
        self.stem_embedding = nn.Parameter(torch.randn(s, 1, k, narrow) * 0.5)
        self.hint = nn.Linear(wide, narrow)
        self.repair = nn.ModuleList(BandBlock(k, narrow) for _ in range(config.repair_layers))
        self.gain = BandDecoder(grid, narrow, 2 * c)
        for weight in self.gain.weight:
            nn.init.zeros_(weight)  # before it has learned, the repair changes nothing
        # The square root of a periodic Hann window twice, half overlapped, sums to one.
        window = torch.hann_window(config.n_fft).sqrt()
        self.register_buffer("window", window, persistent=False)
        self.window: Tensor

    @property
    def device(self) -> torch.device:
        return self.window.device

    def select(self, stems: Sequence[str]) -> "EmbeddedCascade":
        """The same network for some of its stems only, in the order given.

        The mix is analysed once whatever is asked for; masks, repair and inverse STFT are saved.
        """
        rows = [self.stems.index(stem) for stem in stems]
        chosen = EmbeddedCascade(replace(self.config, stems=tuple(stems))).to(self.device).eval()
        state = self.state_dict()
        outputs = len(self.stems), self.channels
        for name, value in state.items():
            if name.startswith("mask."):
                grid = value.unflatten(-1, (-1, *outputs))[..., rows, :]
                state[name] = grid.flatten(-3)
        state["stem_embedding"] = state["stem_embedding"][rows]
        chosen.load_state_dict(state)
        return chosen.requires_grad_(False)

    def init_state(self) -> EmbeddedState:
        """The state before the first sample: silence."""
        zeros = self.window.new_zeros
        history = zeros(self.channels, self.latency)
        overlap = zeros(len(self.stems), self.channels, self.latency)
        return EmbeddedState(history, overlap, self._silence(1, len(self.stems)))

    def _silence(self, mixes: int, stems: int) -> tuple[Tensor, ...]:
        config, zeros = self.config, self.window.new_zeros
        wide = zeros(1, mixes * config.band_count, config.separator_dim)
        narrow = zeros(1, stems * config.band_count, config.repair_dim)
        summary = zeros(1, mixes, config.summary_dim)
        return (*[wide] * len(self.separator), summary, *[narrow] * len(self.repair))

    def step(self, block: Tensor, state: EmbeddedState) -> tuple[Tensor, EmbeddedState]:
        """Take `block_size` samples of the mix, give as many of every stem, `latency` late.

        Args:
            block: [c, n].
            state: from `init_state` or the step before.

        Returns:
            [s, c, n] and the next state.
        """
        frame = torch.cat((state.history, block), dim=-1)
        spectrum = torch.fft.rfft(frame * self.window)[:, :-1]
        _, gains, memory = self.gains(spectrum.T[None, None], state.memory)
        bins = spread(gains[0, :, 0], self.config.pools).movedim(-1, -2) * spectrum  # [s, c, f]
        padded = nn.functional.pad(bins, (0, 1))  # the Nyquist bin
        stems = torch.fft.irfft(padded, n=self.config.n_fft) * self.window
        block_size = self.block_size
        done = stems[..., :block_size] + state.overlap
        return done, EmbeddedState(frame[:, block_size:], stems[..., block_size:], memory)

    def gains(
        self,
        mix: Tensor,
        memory: Sequence[Tensor] | None = None,
        repaired: Sequence[int] | None = None,
    ) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """Run both stages over any number of frames: one in a stream, many in training.

        Args:
            mix: complex, [b, t, f, c], without the Nyquist bin.
            memory: the recurrences' hidden states, zeros if left out.
            repaired: which stems the second stage repairs, all if left out.

        Returns:
            The separator's masks in 0..1 and the repaired complex gains, [b, s, t, g, c] each, by
            which the mix is to be multiplied, and the memory.
        """
        rows = slice(None) if repaired is None else list(repaired)
        embedding = self.stem_embedding[rows]
        if memory is None:
            memory = self._silence(len(mix), len(mix) * len(embedding))
        hidden = list(memory)
        x = self.mix_encoder(compress(mix).flatten(-2))
        for number, block in enumerate(self.separator):
            x, hidden[number] = block(x, hidden[number])
        number = len(self.separator)
        x, hidden[number] = self.summary(x, hidden[number])
        mask = torch.sigmoid(self.mask(x)).unflatten(-1, (len(self.stems), -1))
        mask = mask.movedim(-2, 1)  # [b, s, t, g, c]
        # The stages are trained together, but each for itself: no gradient leaves the repair.
        own = mask.detach()[:, rows]
        level = pool(mix.abs(), self.config.pools).square().add(1e-8).pow(0.15)  # [b, t, g, c]
        y = self.stem_encoder(torch.cat((own, own * level.unsqueeze(1)), dim=-1))
        y = y + embedding + self.hint(x.detach()).unsqueeze(1)
        y = y.flatten(0, 1)  # [b s, t, k, d]
        for number, block in enumerate(self.repair, start=len(self.separator) + 1):
            y, hidden[number] = block(y, hidden[number])
        change = torch.tanh(self.gain(y)).unflatten(-1, (-1, 2)).unflatten(0, own.shape[:2])
        return mask, own + torch.view_as_complex(change), tuple(hidden)
