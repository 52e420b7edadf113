"""MelRNN: one restored stem, mono; the baseline of the music source restoration challenge.

    mix -> STFT -> 64 mel bands -> [recurrence across bands, recurrence along time] ..
        -> bins -> inverse STFT

The spectrum itself is predicted, no mask of it. What runs along time is causal and every norm is of
one frame, so that the network streams exactly: `MelRNNs`. Source: see `mel_bands`.

Shape letters: `b` batch, `s` stem, `c` channel, `d` feature, `t` frame, `f` frequency bin, `k`
band, `p` real and imaginary part, `n` sample.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.mel_bands import BANDS, MLP, MelConfig, MelNetwork, RMSNorm

CHANNELS = 2  # of a mix
GRU_LAYERS = 2  # of every recurrence

Memory = tuple[Tensor, ...]  # of the recurrences along time, one of each group of each layer


@dataclass(frozen=True)
class MelRNNConfig(MelConfig):
    """Sizes of MelRNN; the defaults are those of the published weights."""

    layers: int = 4
    groups: int = 4

    own_names: ClassVar[Mapping[str, str]] = {"num_layers": "layers", "num_groups": "groups"}

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


class MelRNN(MelNetwork):
    """Restores one stem, mono; see `MelRNNConfig` for its sizes."""

    config: MelRNNConfig

    def __init__(self, config: MelRNNConfig | None = None) -> None:
        config = config or MelRNNConfig()
        super().__init__(config)
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
        parts = self.analyse(audio)
        answer, _ = self.restore(parts, self.silence(len(audio)))
        return self.synthesise(answer, audio.shape[-1])


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
