"""Demucs, several networks at once, and only as much of the decoder as an answer needs.

Frames are rows, features columns, and `stride` frames side by side a block. Every layer is then a
sum of matrix products over neighbouring rows:

    y[t] = bias + x[t] @ weight[0] + .. + x[t + taps - 1] @ weight[taps - 1]

with two taps for a convolution (kernel 8, stride 4) over blocks of its input and for a transposed
one that answers blocks, as many as `context` for the gate before it, one for the other gate. On a
CPU the networks run one by one, and a long level in parts that its caches hold; elsewhere a layer
of all networks is one batched product.

Shape letters: `g` network, `b` batch, `c` audio channel, `d` feature, `t` row, `n` sample.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from restem.models.demucs import EPSILON, Demucs, DemucsConfig, Resampler
from restem.models.inference.frozen import module_list

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
PART = 1 << 18  # features, of all rows, that a layer takes at once on a CPU
FEWEST = 256  # rows that it takes at least: with fewer it mostly reads weights

Network = int | slice  # one of those stacked, the axis `g` left out, or all


class Rows(nn.Module):
    """Sum of matrix products over neighbouring rows."""

    weight: Tensor  # [g, taps, d, d']
    bias: Tensor  # [g, 1, d']

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.taps = weight.shape[1]
        self.register_buffer("weight", weight.to(dtype).contiguous(), persistent=False)
        self.register_buffer("bias", bias.to(dtype).unsqueeze(1), persistent=False)

    def forward(self, x: Tensor, which: Network) -> Tensor:
        """[.., b, t, d] -> [.., b, t - (taps - 1), d']."""
        weight, bias = self.weight[which].unbind(-3), self.bias[which]
        multiply = torch.addmm if bias.ndim == 2 else torch.baddbmm
        b, t = x.shape[-3], x.shape[-2] - (self.taps - 1)
        x = x.to(bias.dtype)
        y = multiply(bias, x[..., :t, :].flatten(-3, -2), weight[0])
        for tap in range(1, self.taps):
            multiply(y, x[..., tap : tap + t, :].flatten(-3, -2), weight[tap], out=y)
        rows: Tensor = y.unflatten(-2, (b, t))
        return rows


class Float32(nn.Module):
    """Moves to any device, and is float32 whatever else the rest becomes."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        nn.Module._apply(self, lambda tensor: tensor.to(fn(tensor).device), recurse)
        return self


class Float32Rows(Float32, Rows):
    pass


class Float32Resampler(Float32, Resampler):
    pass


class Level(nn.Module):
    """A level's encoder and decoder; those of the outermost meet the audio in float32."""

    def __init__(self, networks: Sequence[Demucs], number: int, dtype: torch.dtype) -> None:
        super().__init__()
        config = networks[0].config
        encoders = [network.encoder[number] for network in networks]
        decoders = [network.decoder[-1 - number] for network in networks]
        self.outermost = number == 0
        outer = Float32Rows if self.outermost else Rows
        outer_dtype = torch.float32 if self.outermost else dtype
        spare = -config.kernel_size % config.stride  # the kernel becomes a number of blocks

        weight, bias = stacked(encoders, 0)  # [g, d', d, kernel]
        weight = pad(weight, (0, spare)).unflatten(-1, (-1, config.stride))
        self.convolution = outer(weight.permute(0, 3, 4, 2, 1).flatten(2, 3), bias, outer_dtype)

        weight, bias = stacked(encoders, 2)
        self.encoder_gate = Rows(weight.permute(0, 3, 2, 1), bias, dtype)

        weight, bias = stacked(decoders, 0)
        if number == config.depth - 1:
            weight = 2 * weight  # what enters is the skip connection itself: they add up to twice
        self.decoder_gate = Rows(weight.permute(0, 3, 2, 1), bias, dtype)

        weight, bias = stacked(decoders, 2)  # [g, d, d', kernel]
        weight = pad(weight, (0, spare)).unflatten(-1, (-1, config.stride)).flip(3)
        weight = weight.permute(0, 3, 1, 4, 2).flatten(3, 4)  # the latest frame has the first block
        self.transposed = outer(weight, bias.repeat(1, config.stride), outer_dtype)

    @property
    def features(self) -> int:
        return self.decoder_gate.weight.shape[-2]

    @property
    def dtype(self) -> torch.dtype:
        return self.decoder_gate.weight.dtype

    def encode(self, blocks: Tensor, which: Network, out: Tensor) -> None:
        """[.., b, t, stride * d] -> [.., b, t - (taps - 1), d']."""
        x = self.convolution(blocks, which).relu_()
        gated_linear_unit(self.encoder_gate(x, which), out)

    def decode(self, frames: Tensor, which: Network, silence: tuple[int, int]) -> Tensor:
        """[.., b, t, d'] -> [.., b, blocks, stride * d]; `silence` are rows around the gated."""
        gated = gated_linear_unit(self.decoder_gate(frames, which))
        if any(silence):
            gated = pad(gated, (0, 0, *silence))
        blocks: Tensor = self.transposed(gated, which)
        return blocks if self.outermost else blocks.relu_()


def stacked(layers: Sequence[nn.Module], position: int) -> tuple[Tensor, Tensor]:
    """Weights and biases of every network's layer at a position, `g` first."""
    chosen = [layer.get_submodule(str(position)) for layer in layers]
    weights = [layer.get_parameter("weight").detach().float() for layer in chosen]
    biases = [layer.get_parameter("bias").detach().float() for layer in chosen]
    return torch.stack(weights), torch.stack(biases)


def gated_linear_unit(x: Tensor, out: Tensor | None = None) -> Tensor:
    """[.., 2 d] -> [.., d]; `x` is changed."""
    values, gates = x.chunk(2, -1)
    return torch.mul(values, gates.sigmoid_(), out=out)


@dataclass(frozen=True)
class DecoderSpan:
    """Frames that the decoder computes in a level, as [first, last) of the encoder's there.

    A gated frame counts as the one in the middle of its context, a block as the first of those
    frames that cover it.
    """

    gated: tuple[int, int]
    blocks: tuple[int, int]


def parts(x: Tensor, rows: tuple[int, int], features: int) -> Iterator[tuple[slice, slice]]:
    """Items of the batch, and rows of them, that one device computes at once."""
    total, most = rows[1] - rows[0], max(FEWEST, PART // features)
    if x.device.type != "cpu" or total <= most:
        yield slice(None), slice(*rows)
        return
    count = -(-total // most)
    bounds = [rows[0] + total * number // count for number in range(count + 1)]
    for item in range(x.shape[-3]):
        for first, last in pairwise(bounds):
            yield slice(item, item + 1), slice(first, last)


class StackedDemucs(nn.Module):
    """Demucs networks of one configuration as one network.

    Args:
        networks: they are not changed, and not kept.
        dtype: of weights and features; audio, the outermost convolutions and resampling are
            float32 always.

    Raises:
        ValueError: no network, configurations that differ, several stems, or an unknown dtype.
    """

    def __init__(self, networks: Sequence[Demucs], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        if not networks:
            raise ValueError("networks must be one or more, got none")
        if dtype not in DTYPES:
            choices = ", ".join(map(str, DTYPES))
            raise ValueError(f"dtype must be one of {choices}, got {dtype}")
        self.config = config = networks[0].config
        for network in networks[1:]:
            check_same(config, network.config)
        if config.stems != 1:
            raise ValueError(f"stems must be 1 to repair, got {config.stems}")
        with torch.device("meta"):
            geometry = Demucs(config)
        self.receptive_field = geometry.receptive_field
        self.stride, self.trim = geometry.stride, geometry.trim
        self.valid_length = geometry.valid_length
        self.networks = len(networks)
        self.levels = module_list(Level(networks, i, dtype) for i in range(config.depth))
        self.resampler = Float32Resampler() if config.resample else None
        self.to(next(networks[0].parameters()).device)

    def forward(self, audio: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Repair all but the edges, or the samples [start, stop) of that.

        Args:
            audio: [g, b, c, n], n a valid length (see `valid_length`).

        Returns:
            [g, b, c, stop - start], with `stop` at n - 2 * trim unless given.

        Raises:
            ValueError: another shape or length, or samples that the answer does not have.
        """
        length = audio.shape[-1]
        answer = length - 2 * self.trim
        valid = self.valid_length(max(1, answer))
        if length != valid:
            raise ValueError(f"n must be a valid length, such as {valid}, got {length}")
        stop = answer if stop is None else stop
        if not 0 <= start < stop <= answer:
            raise ValueError(f"[start, stop) must be within [0, {answer}), got [{start}, {stop})")
        return self._regress(audio, (0, 0), start, stop)

    def repair(self, audio: Tensor) -> Tensor:
        """Repair signals of any length, silence before and after them, in place.

        As `Demucs.repair` of each network: a passage is repaired the same wherever it is cut from,
        `repair(x)[..., k:]` and `repair(x[..., k:])` agree from sample `past` on, for every `k`
        that is a multiple of `stride`. Not so with `normalize`: the statistics are those of each
        signal, without the silence.

        Args:
            audio: [g, b, c, n].

        Returns:
            [g, b, c, n], sample by sample in place of the input's.
        """
        past, future = self.receptive_field
        left = -(-past // self.stride) * self.stride
        length = audio.shape[-1]
        total = self.valid_length(left + length + future - 2 * self.trim)
        start = left - self.trim
        return self._regress(audio, (left, total - left - length), start, start + length)

    @torch.no_grad()
    def _regress(self, audio: Tensor, silence: tuple[int, int], start: int, stop: int) -> Tensor:
        """Normalise, pad with silence, convolve, and undo the first."""
        networks, channels = self.networks, self.config.channels
        if audio.ndim != 4 or (audio.shape[0], audio.shape[2]) != (networks, channels):
            shape = [*audio.shape]
            raise ValueError(f"audio must be [{networks}, b, {channels}, n], got {shape}")
        mean, deviation = audio.new_zeros(()), audio.new_ones(())
        if self.config.normalize:
            mono = audio.mean(dim=-2, keepdim=True)
            mean, deviation = mono.mean(-1, keepdim=True), mono.std(-1, keepdim=True)
        x = pad((audio - mean) / (deviation + EPSILON), silence)
        x = self._resampled(x, start, stop) if self.resampler else self._convolve(x, start, stop)
        return x * deviation + mean

    def _resampled(self, x: Tensor, start: int, stop: int) -> Tensor:
        """`_convolve` at twice the sample rate."""
        assert self.resampler is not None
        reach = self.resampler.half_width
        first, last = max(0, start - reach), min(stop + reach, x.shape[-1] - 2 * self.trim)
        doubled = self.resampler.up(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        answer = self._convolve(doubled, 2 * first, 2 * last)
        halved: Tensor = self.resampler.down(answer.flatten(0, 1)).unflatten(0, x.shape[:2])
        return halved[..., start - first : stop - first]

    def _convolve(self, x: Tensor, start: int, stop: int) -> Tensor:
        """[g, b, c, n] -> [g, b, c, stop - start]."""
        x = x.transpose(-1, -2)
        if x.device.type == "cpu":
            y = torch.stack([self._run(each, i, start, stop) for i, each in enumerate(x)])
        else:
            y = self._run(x, slice(None), start, stop)
        return y.transpose(-1, -2)

    def _run(self, x: Tensor, which: Network, start: int, stop: int) -> Tensor:
        """[.., b, n, c] -> [.., b, stop - start, c]."""
        config = self.config
        more, side = -(-config.kernel_size // config.stride) - 1, config.context // 2
        lengths = [x.shape[-2]]
        for _ in range(config.depth):
            lengths.append((lengths[-1] - config.kernel_size) // config.stride + 1)
        spans, first = self._spans(lengths, start, stop)
        # Whole blocks, `more` of them than there are frames inside; beyond `lengths` are zeros.
        padded = [config.stride * (length + more) for length in lengths[1:]] + lengths[-1:]
        skips = [pad(x, (0, 0, 0, padded[0] - lengths[0]))]
        for number, level in enumerate(self.levels):
            blocks = skips[-1].unflatten(-2, (-1, config.stride)).flatten(-2)
            sizes = (*x.shape[:-2], padded[number + 1], level.features)
            skip = x.new_empty(sizes, dtype=level.dtype)
            skip[..., lengths[number + 1] :, :].zero_()
            for items, rows in parts(x, (0, lengths[number + 1]), level.features):
                seen = blocks[..., items, rows.start : rows.stop + more, :]
                level.encode(seen, which, skip[..., items, rows, :])
            skips.append(skip)
        skips[0] = x.new_zeros(*x.shape[:-2], config.stride * spans[0].blocks[1], x.shape[-1])
        for number in reversed(range(config.depth)):
            level, span = self.levels[number], spans[number]
            frames, outside = skips.pop(), skips[-1].unflatten(-2, (-1, config.stride)).flatten(-2)
            for items, rows in parts(x, span.blocks, level.features):
                wanted = rows.start - more, rows.stop
                gated = max(wanted[0], span.gated[0]), min(wanted[1], span.gated[1])
                seen = frames[..., items, gated[0] - side : gated[1] + side, :]
                silence = gated[0] - wanted[0], wanted[1] - gated[1]
                outside[..., items, rows, :] += level.decode(seen, which, silence)
        return skips[0][..., first + start : first + stop, :]

    def _spans(
        self, lengths: Sequence[int], start: int, stop: int
    ) -> tuple[list[DecoderSpan], int]:
        """Decoder spans of every level for [start, stop), and where the answer begins.

        Args:
            lengths: samples, then the encoder's frames in every level.
        """
        config = self.config
        more, side = -(-config.kernel_size // config.stride) - 1, config.context // 2
        whole: list[tuple[int, int]] = []  # gated frames there are, from the innermost out
        first, last = 0, lengths[-1]
        for _ in range(config.depth):
            whole.append((first + side, last - side))
            first = config.stride * (first + side)
            last = config.stride * (last - side - 1) + config.kernel_size
        spans: list[DecoderSpan] = []
        wanted = first + start, first + stop
        for gated in reversed(whole):
            blocks = wanted[0] // config.stride, -(-wanted[1] // config.stride)
            used = max(gated[0], blocks[0] - more), min(gated[1], blocks[1])
            spans.append(DecoderSpan(used, blocks))
            wanted = used[0] - side, used[1] + side
        return spans, first


def check_same(config: DemucsConfig, other: DemucsConfig) -> None:
    for field in fields(config):
        one, two = getattr(config, field.name), getattr(other, field.name)
        if one != two:
            raise ValueError(
                f"networks must have one configuration, got {field.name} {one} and {two}"
            )
