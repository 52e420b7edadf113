"""The embedded cascade: a small two-stage network that streams natively on a plain CPU.

A causal band-split network (Luo and Yu, arXiv 2209.15174; RT-STT, arXiv 2511.13146) in the two
stages of DTT-BSR+ (arXiv 2606.24127): the separator gives each stem a mask, the repair network then
regresses each stem's complex gain from what the mask lets through. Recurrences run over time only,
bands are mixed inside a frame: one frame in gives one frame out, and the state is explicit.

    mix -> STFT -> separator (masks) -> repair (complex gains) -> inverse STFT -> stems

Gains live on a grid that is coarser than the bins where hearing is: a grid point stands for `pool`
neighbouring bins. Most of the cost of a small network is per bin and stem, so this pays.

A frame is analysed over `n_fft` samples, but only its last `2 * hop_length` are synthesised (Mauler
and Martin, EUSIPCO 2007): resolution of the long window, latency of the short one.

    |           n_fft           |      analysis: a long rise, a short fall
                    | hop | hop |      synthesis: times the analysis, a Hann window

Loudness is divided out of what the network sees: `answer(g x)` is `g answer(x)`.

Shape letters: `b` batch, `s` stem, `c` channel, `f` frequency bin, `g` grid point, `k` band,
`t` frame, `d` feature, `n` sample.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from restem.models.band_split import BandBlock, BandDecoder, BandEncoder, Summary, windows
from restem.models.stems import STEMS

FEATURES = ("spectrum", "levels", "both")
FALL_DB = 6.0  # a second: how fast a loud passage is forgotten
NOTHING = 1e-20  # a power that no sound has
LOUD = 150.0  # the mean power of a bin in a loud passage of a master
FAINT = 1e-9  # a power relative to the loudest passage, below which levels no longer tell


@dataclass(frozen=True)
class EmbeddedConfig:
    """Sizes of the embedded cascade.

    `bands` lists (count, grid points in a band, bins in a grid point) from the lowest bin up; their
    bins must sum to `n_fft // 2`: the Nyquist bin is left out and stays silent.

    `features` are what the network sees of a mix: its "spectrum", or "levels" of its grid points
    relative to the loudest passage of late, or "both", the spectrum relative to that passage, too.
    """

    sample_rate: int = 48000
    channels: int = 2
    stems: tuple[str, ...] = STEMS
    n_fft: int = 4096
    hop_length: int = 2048
    bands: tuple[tuple[int, int, int], ...] = ((16, 4, 1), (16, 12, 1), (16, 14, 8))
    separator_dim: int = 96
    separator_layers: int = 3
    summary_dim: int = 128
    summary_after: int | None = None  # how many of the separator's layers; the last if left out
    repair_dim: int = 48
    repair_layers: int = 1
    repair_strength: tuple[float, ...] = ()  # of each stem, 0 to 1; whole if left out
    features: str = "spectrum"

    def __post_init__(self) -> None:
        bins = sum(count * points * size for count, points, size in self.bands)
        if bins != self.n_fft // 2:
            raise ValueError(f"bands must cover n_fft // 2 = {self.n_fft // 2} bins, got {bins}")
        if self.n_fft < 2 * self.hop_length:
            raise ValueError(
                f"n_fft must be at least 2 * hop_length, got {self.n_fft} and {self.hop_length}"
            )
        if self.summary_after is not None and not 0 < self.summary_after <= self.separator_layers:
            raise ValueError(
                f"summary_after must be in [1, separator_layers={self.separator_layers}], "
                f"got {self.summary_after}"
            )
        if self.features not in FEATURES:
            raise ValueError(
                f"features must be one of {', '.join(FEATURES)}, got {self.features!r}"
            )

        strengths = self.repair_strength
        in_range = all(0 <= strength <= 1 for strength in strengths)
        if strengths and not (in_range and len(strengths) == len(self.stems)):
            raise ValueError(
                f"repair_strength must be a number in [0, 1] for each stem, got {list(strengths)}"
            )

    @property
    def band_count(self) -> int:
        return sum(count for count, _, _ in self.bands)

    @property
    def pools(self) -> tuple[tuple[int, int], ...]:
        """(grid points, bins in each) from the lowest bin up."""
        groups = itertools.groupby(self.bands, key=lambda band: band[-1])
        return tuple((sum(count * points for count, points, _ in g), size) for size, g in groups)


class EmbeddedState(NamedTuple):
    """State between steps; every shape is fixed."""

    history: Tensor  # [c, n_fft - hop_length], the last samples of the mix
    overlap: Tensor  # [s, c, hop_length], the unfinished tail of the inverse STFT
    memory: tuple[Tensor, ...]  # of the loudness and of each recurrence, in the order of use


def power(spectrum: Tensor) -> Tensor:
    """The squared magnitude of a complex spectrum."""
    real, imaginary = spectrum.real, spectrum.imag
    return torch.addcmul(real.square(), imaginary, imaginary)


def compress(spectrum: Tensor, power: Tensor) -> Tensor:
    """Compress a complex spectrum's magnitude to the power 0.3 and keep its phase.

    Args:
        spectrum: complex, any shape; a full-scale sine reaches about `n_fft / pi`.
        power: of the spectrum.

    Returns:
        Real, [.., 2]: real and imaginary part.
    """
    scale = (power + 1e-8) ** -0.35
    return torch.view_as_real(spectrum) * scale.unsqueeze(-1)


def loudness(power: Tensor, before: Tensor, fall: float) -> Tensor:
    """Follow the loudest frame of late: up at once, down by `fall` a frame.

    Args:
        power: the logarithm of each frame's power, [b, t].
        before: where the follower was, [b].

    Returns:
        [b, t].
    """
    slope = fall * torch.arange(1, power.shape[1] + 1, device=power.device, dtype=torch.float64)
    raised = torch.cat((before.unsqueeze(1).double(), power.double() + slope), dim=1)
    return (raised.cummax(dim=1).values[:, 1:] - slope).float()


def pool(bins: Tensor, pools: Sequence[tuple[int, int]]) -> Tensor:
    """Average bins into grid points: [.., f, c] -> [.., g, c]."""
    parts = bins.split_with_sizes([points * size for points, size in pools], dim=-2)
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


def multiply(spectrum: Tensor, gains: Tensor, pools: Sequence[tuple[int, int]]) -> Tensor:
    """Multiply bins by the gains of their grid points, as `spread` would repeat them.

    Args:
        spectrum: complex, [c, f + 1], its last bin without a gain, which makes it zero.
        gains: [s, c, g].

    Returns:
        [s, c, f + 1].
    """
    counts = [points for points, _ in pools]
    sizes = [points * size for points, size in pools]
    *parts, _ = spectrum.split_with_sizes([*sizes, 1], dim=-1)
    products = [
        gain * part
        if size == 1
        else (gain.unsqueeze(-1) * part.unflatten(-1, (points, size))).flatten(-2)
        for gain, part, (points, size) in zip(
            gains.split_with_sizes(counts, dim=-1), parts, pools, strict=True
        )
    ]
    return torch.cat((*products, spectrum.new_zeros((*gains.shape[:-1], 1))), dim=-1)


class EmbeddedCascade(nn.Module):
    """Eight restored stems from a stereo mix, one frame of `hop_length` samples a step.

    Implements the streaming protocol: `latency` is `hop_length` samples, exactly.
    """

    def __init__(self, config: EmbeddedConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or EmbeddedConfig()
        self.sample_rate = config.sample_rate
        self.channels = config.channels
        self.stems = config.stems
        self.block_size = config.hop_length
        self.latency = config.hop_length
        c, s, k = config.channels, len(config.stems), config.band_count
        wide, narrow = config.separator_dim, config.repair_dim
        bins = [(count, points * size) for count, points, size in config.bands]
        grid = [(count, points) for count, points, _ in config.bands]
        levels = c + 2 * (c == 2)
        if config.features == "levels":
            self.mix_encoder = BandEncoder(grid, levels, wide)
        else:
            self.mix_encoder = BandEncoder(bins, 2 * c, wide)
        if config.features == "both":
            self.level_encoder = BandEncoder(grid, levels, wide)
        self.separator = nn.ModuleList(BandBlock(k, wide) for _ in range(config.separator_layers))
        self.summary = Summary(k, wide, config.summary_dim)
        self.mask = BandDecoder(grid, wide, s * c)
        for bias in self.mask.bias:
            nn.init.constant_(bias, 1 / s)  # at first every stem gets an equal share
        self.repair = nn.ModuleList(BandBlock(k, narrow) for _ in range(config.repair_layers))
        if self.repair:
            self.stem_encoder = BandEncoder(grid, 2 * c, narrow)
            self.stem_embedding = nn.Parameter(torch.randn(s, 1, k, narrow) * 0.5)
            self.hint = nn.Linear(wide, narrow)
            self.gain = BandDecoder(grid, narrow, 2 * c)
            for weight in self.gain.weight:
                nn.init.zeros_(weight)  # before it has learned, the repair changes nothing
        window, synthesis = windows(config.n_fft, config.hop_length)
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("synthesis", synthesis, persistent=False)
        strength = torch.tensor(config.repair_strength or (1.0,) * s, dtype=torch.float32)
        self.register_buffer("strength", strength, persistent=False)
        self.float()  # the user's default type may be another
        self.window: Tensor
        self.synthesis: Tensor
        self.strength: Tensor

    @property
    def device(self) -> torch.device:
        return self.window.device

    def select(self, stems: Sequence[str]) -> "EmbeddedCascade":
        """The same network for some of its stems only, in the order given.

        The mix is analysed once whatever is asked for; masks, repair and inverse STFT are saved.
        """
        rows = [self.stems.index(stem) for stem in stems]
        strengths = self.config.repair_strength and tuple(self.strength[rows].tolist())
        config = replace(self.config, stems=tuple(stems), repair_strength=strengths)
        chosen = self._undrawn(config)
        state = self.state_dict()
        outputs = len(self.stems), self.channels
        for name, value in state.items():
            if name.startswith("mask."):
                grid = value.unflatten(-1, (-1, *outputs))[..., rows, :]
                state[name] = grid.flatten(-3)
        if self.repair:
            state["stem_embedding"] = state["stem_embedding"][rows]
        chosen.load_state_dict(state)
        return chosen.requires_grad_(False)

    def _undrawn(self, config: EmbeddedConfig) -> "EmbeddedCascade":
        """A network whose first weights are not drawn from the user's random numbers."""
        with torch.random.fork_rng(devices=[]):
            return EmbeddedCascade(config).to(self.device).eval()

    def without_repair(self) -> "EmbeddedCascade":
        """The first stage alone, as a network of its own; of the same latency."""
        alone = self._undrawn(replace(self.config, repair_layers=0))
        state = self.state_dict()
        alone.load_state_dict({name: state[name] for name in alone.state_dict()})
        return alone.requires_grad_(False)

    def init_state(self) -> EmbeddedState:
        """The state before the first sample: silence."""
        zeros = self.window.new_zeros
        history = zeros(self.channels, self.config.n_fft - self.block_size)
        overlap = zeros(len(self.stems), self.channels, self.latency)
        return EmbeddedState(history, overlap, self._silence(1, len(self.stems)))

    def _silence(self, mixes: int, stems: int) -> tuple[Tensor, ...]:
        config, zeros = self.config, self.window.new_zeros
        wide = zeros(mixes, config.band_count, config.separator_dim)
        narrow = zeros(stems, config.band_count, config.repair_dim)
        summary = zeros(mixes, 1, 2 * config.summary_dim)
        loudness = zeros(mixes) + math.log(NOTHING)
        return (loudness, *[wide] * len(self.separator), summary, *[narrow] * len(self.repair))

    def step(self, block: Tensor, state: EmbeddedState) -> tuple[Tensor, EmbeddedState]:
        """Take `block_size` samples of the mix, give as many of every stem, `latency` late.

        Args:
            block: [c, n].
            state: from `init_state` or the step before.

        Returns:
            [s, c, n] and the next state.
        """
        frame = torch.cat((state.history, block), dim=-1)
        spectrum = torch.fft.rfft(frame * self.window)
        _, gains, memory = self.gains(spectrum[:, :-1].T.contiguous()[None, None], state.memory)
        bins = multiply(spectrum, gains[0, :, 0].movedim(-1, -2).contiguous(), self.config.pools)
        block_size = self.block_size
        stems = torch.fft.irfft(bins, n=self.config.n_fft)[..., -2 * block_size :]
        stems = stems * self.synthesis
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
            The separator's real gains (masks) and the repaired complex ones, [b, s, t, g, c] each,
            by which the mix is to be multiplied, and the memory.
        """
        rows = slice(None) if repaired is None else list(repaired)  # a slice copies nothing
        strength = self.strength[rows, None, None, None]
        if memory is None:
            memory = self._silence(len(mix), len(mix) * len(strength))
        loudness, *hidden = memory
        x, levels, loudness = self.encode(mix, loudness)
        last = len(self.separator)
        for number, block in enumerate(self.separator, start=1):
            x, hidden[number - 1] = block(x, hidden[number - 1])
            if number == (self.config.summary_after or last):
                x, hidden[last] = self.summary(x, hidden[last])
        mask = self.mask(x).unflatten(-1, (len(self.stems), -1))
        mask = mask.movedim(-2, 1)  # [b, s, t, g, c]
        if not self.repair or not len(strength):
            return mask, mask[:, rows], (loudness, *hidden)
        # The stages are trained together: the repair shapes the features that it shares with the
        # separator, but not the masks.
        own = mask.detach()[:, rows].contiguous()
        y = self.stem_encoder(torch.cat((own, own * levels.unsqueeze(1)), dim=-1))
        y = y + self.stem_embedding[rows] + self.hint(x).unsqueeze(1)
        y = y.flatten(0, 1)  # [b s, t, k, d]
        for number, block in enumerate(self.repair, start=last + 1):
            y, hidden[number] = block(y, hidden[number])
        change = torch.tanh(self.gain(y)).unflatten(0, own.shape[:2]) * strength
        gains = own + torch.view_as_complex(change.unflatten(-1, (-1, 2)))
        return mask, gains, (loudness, *hidden)

    def encode(self, mix: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode what the network sees of a mix, [b, t, f, c].

        Args:
            before: the loudness so far, [b].

        Returns:
            Features of each band [b, t, k, d], each channel's compressed level [b, t, g, c], the
            loudness.
        """
        config, powers = self.config, power(mix)
        if config.features == "spectrum":
            levels = pool(powers.sqrt(), config.pools).square().add(1e-8).pow(0.15)
            return self.mix_encoder(compress(mix, powers).flatten(-2)), levels, before
        levels, follower = self.levels(powers, mix, before)
        own = levels[..., : config.channels]
        if config.features == "levels":
            return self.mix_encoder(levels), own, follower[:, -1]
        scale = torch.exp((math.log(LOUD) - follower) / 2)[..., None, None]
        spectrum = compress(mix * scale, powers * scale.square()).flatten(-2)
        x = self.mix_encoder(spectrum) + self.level_encoder(levels)
        return x, own * LOUD**0.15, follower[:, -1]

    def levels(self, powers: Tensor, mix: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Compressed levels of the channels, the middle and the sides, and the loudness.

        Returns:
            [b, t, g, d] and [b, t].
        """
        config = self.config
        if config.channels == 2:  # the middle and the sides tell where a sound is
            left, right = torch.view_as_real(mix).unbind(-2)
            middle, both = (left * right).sum(-1), powers.mean(-1)
            wide = torch.stack((both + middle, both - middle), dim=-1) / 2
            powers = torch.cat((powers, wide.clamp_min(0)), dim=-1)  # a rounding may be below
        pooled = pool(powers, config.pools)
        total = powers[..., : config.channels].mean((-1, -2)).clamp_min(NOTHING).log()
        fall = FALL_DB / 10 * math.log(10) * config.hop_length / config.sample_rate
        follower = loudness(total, before, fall)
        relative = pooled * torch.exp(-follower)[..., None, None]
        return (relative + FAINT).pow(0.15), follower
