"""The layers of the TFC-TDF U-Nets, of several networks at once.

Along the convolutions features are one axis, network after network, `[b, g * d, t, f]`, laid out
channels last; recurrences and attention take the networks as an axis of its own.

Shape letters: `g` network, `b` batch, `d` feature, `t` frame, `f` frequency bin, `r` rows (batch
and the axis at rest), `h` head.
"""

import copy
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, gelu, group_norm, rms_norm
from torch.nn.functional import scaled_dot_product_attention as attend
from torch.nn.utils.fusion import fuse_conv_bn_weights

from models.dtt_bsr import Rotary

SMALL = (
    1e-24  # beside the mean square of features, where `nn.functional.normalize` divides by 1e-12
)
TILE = 2048  # positions that attention takes at once on a CPU: its temporaries then stay in caches


AnyModule = TypeVar("AnyModule", bound=nn.Module)


def listed(modules: Iterable[AnyModule]) -> Sequence[AnyModule]:
    """A list of modules, with their type."""
    return cast(Sequence[AnyModule], nn.ModuleList(modules))


class Frozen(nn.Module):
    """Holds weights as buffers: they move with the module, and nothing trains them."""

    exact: Collection[str] = ()  # of them, those that stay float32

    def hold(self, **tensors: Tensor) -> None:
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.detach().clone(), persistent=False)

    def cast(self, dtype: torch.dtype) -> None:
        """Round the weights to another type."""
        for name, tensor in list(self.named_buffers(recurse=False)):
            if name not in self.exact:
                self.hold(**{name: tensor.to(dtype)})


class Convolution(Frozen):
    """Convolution, with the batch norm and ReLU behind it if there are any.

    Args:
        layers: of each network: convolution, and perhaps batch norm and ReLU.
        shared: all networks take the same input.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, layers: Sequence[Any], shared: bool = False) -> None:
        super().__init__()
        first = layers[0][0]
        self.stride, self.padding = first.stride, first.padding
        self.groups = 1 if shared else len(layers)
        self.rectifies = len(layers[0]) > 1
        folded = [folded_weights(layer[0], *layer[1:2]) for layer in layers]
        weight = torch.cat([weight for weight, _ in folded])
        self.hold(
            weight=weight.contiguous(memory_format=torch.channels_last),
            bias=torch.cat([bias for _, bias in folded]),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        y = conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
        return rectify(y) if self.rectifies else y


class UpSampling(Frozen):
    """`UpSample`: transposed convolution, batch norm, ReLU."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.groups = len(layers)
        pairs = [layer.children() for layer in layers]
        folded = [folded_weights(up, norm, transpose=True) for up, norm in pairs]
        self.hold(
            weight=torch.cat([weight for weight, _ in folded]),
            bias=torch.cat([bias for _, bias in folded]),
        )

    def forward(self, x: Tensor, frames: int, bins: int) -> Tensor:
        """Double frames and bins, up to those wanted: twice as many, or one more."""
        x = x.to(self.weight.dtype)
        spare = frames - 2 * x.shape[-2], bins - 2 * x.shape[-1]
        return rectify(conv_transpose2d(x, self.weight, self.bias, 2, 0, spare, self.groups))


def rectify(x: Tensor) -> Tensor:
    """ReLU, in place; of NaN it may make 0."""
    if x.dtype is torch.bfloat16 and x.device.type == "cpu":
        # As an integer a number has the same sign, and integers are compared several times faster.
        x.view(torch.int16).clamp_min_(0)
        return x
    return x.relu_()


def folded_weights(
    convolution: Any, norm: Any = None, transpose: bool = False
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does the batch norm behind it too."""
    if norm is None:
        return convolution.weight, convolution.bias
    return fuse_conv_bn_weights(
        convolution.weight,
        convolution.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
        transpose,
    )


class FrequencyLayers(Frozen):
    """`TDF`: two linear layers along frequency, batch norm and ReLU behind each."""

    down: Tensor  # [g, f, hidden]
    up: Tensor  # [g, hidden, f]

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.hold(
            down=torch.stack([layer[0].weight.T for layer in layers]),
            up=torch.stack([layer[3].weight.T for layer in layers]),
        )
        self.down_affine = Affine([(layer[0], layer[1]) for layer in layers])
        self.up_affine = Affine([(layer[3], layer[4]) for layer in layers])

    def forward(self, x: Tensor) -> Tensor:
        """What is added to x, [b, g * d, t, f]."""
        parts = x.unflatten(1, (len(self.down), -1))
        b, g, d, t, f = parts.shape
        rows = parts.permute(1, 0, 3, 2, 4).reshape(g, -1, f)  # [g, b * t * d, f]
        y = self.down_affine(torch.bmm(rows, self.down).view(g, b * t, d, -1))
        y = self.up_affine(torch.bmm(y.view(g, b * t * d, -1), self.up).view(g, b * t, d, f))
        # Copied first: adding what lies across takes several times longer.
        change: Tensor = y.view(g, b, t, d, f).permute(1, 2, 4, 0, 3).flatten(3)  # [b, t, f, g * d]
        return change.permute(0, 3, 1, 2)


class Affine(Frozen):
    """The bias of a linear layer, the batch norm behind it, and ReLU."""

    scale: Tensor  # [g, d]
    shift: Tensor  # [g, d]
    bias: Tensor  # [g, 1, 1, f], or empty
    exact = ("scale", "shift")  # as `batch_norm` wants them

    def __init__(self, layers: Sequence[tuple[Any, Any]]) -> None:
        super().__init__()
        scales, shifts, biases = [], [], []
        for linear, norm in layers:
            scales.append(norm.weight * torch.rsqrt(norm.running_var + norm.eps))
            shifts.append(norm.bias - norm.running_mean * scales[-1])
            biases.append(torch.zeros(0) if linear.bias is None else linear.bias)
        scale = torch.stack(scales)
        self.hold(scale=scale, shift=torch.stack(shifts), bias=torch.stack(biases)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """x: [g, r, d, f], and so is the result."""
        if self.bias.numel():
            x = x + self.bias
        if len(x) > 1:
            scale, shift = self.scale.to(x.dtype), self.shift.to(x.dtype)
            return rectify(torch.addcmul(shift[:, None, :, None], x, scale[:, None, :, None]))
        # The same in half the time, but for one network only.
        zero, one = torch.zeros_like(self.shift[0]), torch.ones_like(self.scale[0])
        y = batch_norm(x[0], zero, one, self.scale[0], self.shift[0], eps=0.0)
        return rectify(y)[None]


class StackedBlock(nn.Module):
    """`Block`; `reach` frames to each side are all that its answer depends on."""

    def __init__(self, blocks: Sequence[Any]) -> None:
        super().__init__()
        self.tfc1 = convolutions([block.tfc1 for block in blocks])
        self.tdf = FrequencyLayers([block.tdf for block in blocks])
        self.tfc2 = convolutions([block.tfc2 for block in blocks])
        self.res = convolutions([block.res for block in blocks])
        self.reach = sum(int(layer.padding[0]) for layer in (*self.tfc1, *self.tfc2))

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, g * d, t, f], and so is the result."""
        inner = in_turn(self.tfc1, x)
        inner += self.tdf(inner)
        outer = in_turn(self.tfc2, inner)
        outer += in_turn(self.res, x)
        return outer


def convolutions(layers: Sequence[Any]) -> Sequence[Convolution]:
    """`TFC`."""
    return listed(Convolution(each) for each in zip(*(layer.H for layer in layers), strict=True))


def in_turn(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x


class StackedAxisRNN(Frozen):
    """`AxisRNN`; the group norm's gain and offset are folded into the recurrence behind it."""

    weight_input: Tensor  # [g, 2, 4 h, d], one for each direction
    weight_hidden: Tensor  # [g, 2, 4 h, h]
    bias: Tensor  # [g, 2, 4 h]
    weight_out: Tensor  # [g, 2 h, d]
    bias_out: Tensor  # [g, 1, d]

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.norm_groups, self.epsilon = layers[0].groupnorm.num_groups, layers[0].groupnorm.eps
        self.directions = 2 if layers[0].rnn.bidirectional else 1
        suffixes = ("_l0", "_l0_reverse")[: self.directions]

        def gather(layer: Any, kind: str) -> Tensor:
            return torch.stack([getattr(layer.rnn, kind + suffix) for suffix in suffixes])

        inputs, biases = [], []
        for layer in layers:
            weight, norm = gather(layer, "weight_ih"), layer.groupnorm
            bias = gather(layer, "bias_ih") + gather(layer, "bias_hh")
            inputs.append(weight * norm.weight)
            biases.append(bias + weight @ norm.bias)
        self.hold(
            weight_input=torch.stack(inputs),
            weight_hidden=torch.stack([gather(layer, "weight_hh") for layer in layers]),
            bias=torch.stack(biases),
            weight_out=torch.stack([layer.fc.weight.T for layer in layers]),
            bias_out=torch.stack([layer.fc.bias for layer in layers])[:, None],
        )

    def forward(self, x: Tensor) -> Tensor:
        """[g, b, rows, steps, d] -> [g, b, steps, rows, d], as `AxisRNN`."""
        g, _, _, steps, d = x.shape
        x = x.contiguous()
        rows = x.view(-1, 1, steps, d).permute(0, 3, 1, 2)  # channels last, as a CPU likes it
        normed = group_norm(rows, self.norm_groups, eps=self.epsilon).permute(0, 2, 3, 1)
        recur = self.recur_together if x.is_cuda else self.recur_in_turn
        hidden = recur(
            normed.reshape(g, -1, steps, d).to(self.bias.dtype)
        )  # [g, r, steps, directions * h]
        change = torch.baddbmm(self.bias_out, hidden.flatten(1, 2), self.weight_out)
        return (x + change.view(x.shape)).transpose(2, 3)

    def recur_in_turn(self, x: Tensor) -> Tensor:
        """One network after the other, by the library.

        Args:
            x: [g, r, steps, d].

        Returns:
            [g, r, steps, directions * h].
        """
        size = self.weight_hidden.shape[-1]
        start = x.new_zeros(self.directions, x.shape[1], size)
        silent = torch.zeros_like(self.bias[0, 0])
        answers = []
        for network, rows in enumerate(x):
            weights = [
                weight
                for direction in range(self.directions)
                for weight in (
                    self.weight_input[network, direction],
                    self.weight_hidden[network, direction],
                    self.bias[network, direction],
                    silent,
                )
            ]
            both = self.directions == 2
            answers.append(
                torch.lstm(rows, (start, start), weights, True, 1, 0.0, False, both, True)[0]
            )
        return torch.stack(answers)

    def recur_together(self, x: Tensor) -> Tensor:
        """All networks and both directions in one product a step; few launches, all alike."""
        g, r, steps, _ = x.shape
        size = self.weight_hidden.shape[-1]
        k = g * self.directions
        ways = torch.stack((x, x.flip(2))[: self.directions], dim=1)  # [g, direction, r, steps, d]
        ordered = ways.flatten(0, 1).transpose(1, 2).reshape(k, steps * r, -1)
        drive = torch.baddbmm(
            self.bias.flatten(0, 1)[:, None], ordered, self.weight_input.flatten(0, 1).mT
        )
        drive = drive.view(k, steps, r, -1).transpose(0, 1).contiguous()  # [steps, k, r, 4 h]
        weight = self.weight_hidden.flatten(0, 1).mT
        hidden = cell = x.new_zeros(k, r, size)
        answers = []
        for step in drive:
            hidden, cell = lstm_cell(step, torch.bmm(hidden, weight), cell)
            answers.append(hidden)
        forth = torch.stack(answers, dim=2).unflatten(0, (g, -1))  # [g, direction, r, steps, h]
        back = [way.flip(2) if number else way for number, way in enumerate(forth.unbind(1))]
        return torch.cat(back, dim=-1)


def lstm_cell(drive: Tensor, recurrent: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM from the two halves of its gates: the hidden state and the cell's.

    Args:
        drive, recurrent: [k, r, 4 h]; input, forget, candidate and output gate.
        cell: [k, r, h].
    """
    if drive.is_cuda:  # PyTorch's own, in one launch
        flat = [tensor.flatten(0, 1) for tensor in (drive, recurrent, cell)]
        hidden, after, _ = torch.ops.aten._thnn_fused_lstm_cell(*flat)
        return hidden.view_as(cell), after.view_as(cell)
    enter, forget, candidate, leave = (drive + recurrent).chunk(4, dim=-1)
    cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell.tanh(), cell


class StackedBandSequence(nn.Module):
    """`BandSequence`."""

    def __init__(self, modules: Sequence[Any]) -> None:
        super().__init__()
        self.networks, self.heads = len(modules), modules[0].heads
        pairs = zip(*(module.bsrnn for module in modules), strict=True)
        self.layers = listed(
            StackedAxisRNN(axis) for pair in pairs for axis in zip(*pair, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[b, g * d, t, f] -> [g, b, t, f, d]."""
        apart = x.unflatten(1, (self.networks, self.heads, -1))  # [b, g, h, d / h, t, f]
        rows = apart.permute(1, 0, 2, 5, 4, 3).flatten(1, 2)  # [g, b * h, f, t, d / h]
        heads: Tensor = in_turn(self.layers, rows).unflatten(1, (-1, self.heads))
        return heads.permute(0, 1, 4, 3, 2, 5).flatten(-2)  # from [g, b, h, f, t, d / h]


class StackedAttention(Frozen):
    """`Attention`, with the norm's gain folded into the layers behind it."""

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.heads = layers[0].heads
        inner = layers[0].to_out[0].in_features
        gained = [layer.to_qkv.weight * layer.norm.gamma for layer in layers]
        self.hold(
            query=torch.stack([weight[:inner].T for weight in gained]),  # [g, d, h * e]
            key_value=torch.stack([weight[inner:].T for weight in gained]),  # [g, d, 2 * h * e]
            gates=torch.stack([(x.to_gates.weight * x.norm.gamma).T for x in layers]),  # [g, d, h]
            gates_bias=torch.stack([layer.to_gates.bias for layer in layers])[:, None],
            out=torch.stack([layer.to_out[0].weight.T for layer in layers]),  # [g, h * e, d]
        )
        self.query: Tensor
        self.key_value: Tensor
        self.gates: Tensor
        self.gates_bias: Tensor
        self.out: Tensor

    def forward(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        """What is added to the positions [first, last) of x: [g, r, t, d] -> [g, r, u, d]."""
        g, r, t, _ = x.shape
        normed = normalised(x, self.query.dtype)
        wanted = normed[:, :, first:last].reshape(g, -1, x.shape[-1])
        query = torch.bmm(wanted, self.query).view(g * r, last - first, self.heads, -1)
        both = torch.bmm(normed.flatten(1, 2), self.key_value).view(g * r, t, 2, self.heads, -1)
        mixed = attend(
            turn(query, turns[first:last]).transpose(1, 2),
            turn(both[:, :, 0], turns).transpose(1, 2),
            both[:, :, 1].transpose(1, 2),
        )  # [g * r, h, u, e]
        gates = torch.baddbmm(self.gates_bias, wanted, self.gates).sigmoid_()
        gated = mixed.transpose(1, 2).reshape(g, -1, self.heads, mixed.shape[-1])
        gated = (gated * gates.unsqueeze(-1)).flatten(-2)
        return torch.bmm(gated, self.out).view(g, r, last - first, -1)


def normalised(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Features divided by their root mean square, silence left alone."""
    return rms_norm(x, x.shape[-1:], eps=SMALL).to(dtype)


def turn(x: Tensor, turns: Tensor) -> Tensor:
    """Rotary positions: pairs of features times e^(i angle).

    Args:
        x: [r, t, h, e].
        turns: [t, 1, e / 2], complex.
    """
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


class StackedFeedForward(Frozen):
    """`FeedForward`, with the norm's gain folded into the first layer."""

    widen: Tensor
    widen_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.hold(
            widen=torch.stack([(x.net[1].weight * x.net[0].gamma).T for x in layers]),
            widen_bias=torch.stack([layer.net[1].bias for layer in layers])[:, None],
            narrow=torch.stack([layer.net[4].weight.T for layer in layers]),
            narrow_bias=torch.stack([layer.net[4].bias for layer in layers])[:, None],
        )

    def forward(self, x: Tensor) -> Tensor:
        """What is added to x, [g, r, t, d]."""
        normed = normalised(x, self.widen.dtype).flatten(1, 2)
        wide = gelu(torch.baddbmm(self.widen_bias, normed, self.widen))
        return torch.baddbmm(self.narrow_bias, wide, self.narrow).view(x.shape)


class StackedTransformer(Frozen):
    """`Transformer`, at some of the positions only: the others serve as keys and values."""

    gain: Tensor  # [g, 1, 1, d]
    exact = ("gain",)

    def __init__(self, modules: Sequence[Any]) -> None:
        super().__init__()
        layers = [*zip(*(module.layers for module in modules), strict=True)]
        self.attentions = listed(StackedAttention([pair[0] for pair in same]) for same in layers)
        self.feed_forwards = listed(
            StackedFeedForward([pair[1] for pair in same]) for same in layers
        )
        self.hold(gain=torch.stack([module.norm.gamma for module in modules])[:, None, None])

    def forward(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        """[g, r, t, d] -> [g, r, last - first, d]."""
        t = x.shape[2]
        tile = max(1, TILE // t) if x.device.type == "cpu" else x.shape[1]
        tiles = [self._restore(rows, turns, first, last) for rows in x.split(tile, dim=1)]
        return torch.cat(tiles, dim=1)

    def _restore(self, x: Tensor, turns: Tensor, first: int, last: int) -> Tensor:
        final = self.attentions[-1]
        for attention, feed_forward in zip(self.attentions, self.feed_forwards, strict=True):
            here = (first, last) if attention is final else (0, x.shape[2])
            x = x[:, :, here[0] : here[1]] + attention(x, turns, *here)
            x = x + feed_forward(x)
        return normalised(x, x.dtype) * self.gain


class StackedDualAxisTransformer(nn.Module):
    """`DualAxisTransformer`, at some of the frames only.

    Raises:
        ValueError: the networks turn positions differently.
    """

    def __init__(self, modules: Sequence[Any]) -> None:
        super().__init__()
        pairs = [*zip(*(module.layers for module in modules), strict=True)]
        self.along_time = listed(StackedTransformer([pair[0] for pair in same]) for same in pairs)
        self.along_frequency = listed(
            StackedTransformer([pair[1] for pair in same]) for same in pairs
        )
        self.rotary = listed(copy.deepcopy(rotary) for rotary in rotaries(modules[0]))
        for module in modules[1:]:
            for mine, other in zip(self.rotary, rotaries(module), strict=True):
                if not torch.equal(mine.freqs, other.freqs):
                    raise ValueError("networks whose rotary frequencies differ cannot be stacked")

    def forward(self, x: Tensor, first: int, last: int) -> Tensor:
        """The frames [first, last) of the answer: [g, b, t, f, d] -> [g, b, last - first, f, d]."""
        b, t, f = x.shape[1:4]
        time, frequency = (axis.turns(size) for axis, size in zip(self.rotary, (t, f), strict=True))
        final = self.along_time[-1]
        for along_time, along_frequency in zip(self.along_time, self.along_frequency, strict=True):
            frames = (first, last) if along_time is final else (0, t)
            rows = x.transpose(2, 3).flatten(1, 2)  # [g, b * f, t, d]
            rows = along_time(rows, time, *frames)
            rows = rows.unflatten(1, (b, f)).transpose(2, 3).flatten(1, 2)  # [g, b * t, f, d]
            x = along_frequency(rows, frequency, 0, f).unflatten(1, (b, -1))
        return x


def rotaries(module: Any) -> list[Rotary]:
    """The one along time and the one along frequency."""
    axes = module.layers[0].children()
    return [next(each for each in axis.modules() if isinstance(each, Rotary)) for axis in axes]
