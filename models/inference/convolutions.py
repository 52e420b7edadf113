"""The TFC-TDF blocks of several networks at once (see `models.tfc_tdf`).

Features are one axis, network after network, laid out channels last.

Shape letters: `g` network, `b` batch, `d` feature, `t` frame, `f` frequency bin, `r` rows (batch
and time).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d
from torch.nn.utils.fusion import fuse_conv_bn_weights

from restem.models.inference.frozen import InferenceModule, module_list, sequential


class Convolution(InferenceModule):
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
        self.register_weights(
            weight=weight.contiguous(memory_format=torch.channels_last),
            bias=torch.cat([bias for _, bias in folded]),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.weight.dtype)
        y = conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
        return rectify(y) if self.rectifies else y


class UpSampling(InferenceModule):
    """`UpSample`: transposed convolution, batch norm, ReLU."""

    weight: Tensor
    bias: Tensor

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.groups = len(layers)
        pairs = [layer.children() for layer in layers]
        folded = [folded_weights(up, norm, transpose=True) for up, norm in pairs]
        self.register_weights(
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


class FrequencyLayers(InferenceModule):
    """`TDF`: two linear layers along frequency, batch norm and ReLU behind each."""

    down: Tensor  # [g, f, hidden]
    up: Tensor  # [g, hidden, f]

    def __init__(self, layers: Sequence[Any]) -> None:
        super().__init__()
        self.register_weights(
            down=torch.stack([layer[0].weight.T for layer in layers]),
            up=torch.stack([layer[3].weight.T for layer in layers]),
        )
        self.down_affine = Affine([(layer[0], layer[1]) for layer in layers])
        self.up_affine = Affine([(layer[3], layer[4]) for layer in layers])

    def forward(self, x: Tensor) -> Tensor:
        """Residual to add to x, [b, g * d, t, f]."""
        parts = x.unflatten(1, (len(self.down), -1))
        b, g, d, t, f = parts.shape
        rows = parts.permute(1, 0, 3, 2, 4).reshape(g, -1, f)  # [g, b * t * d, f]
        y = self.down_affine(torch.bmm(rows, self.down).view(g, b * t, d, -1))
        y = self.up_affine(torch.bmm(y.view(g, b * t * d, -1), self.up).view(g, b * t, d, f))
        # Copied first: adding what lies across takes several times longer.
        change: Tensor = y.view(g, b, t, d, f).permute(1, 2, 4, 0, 3).flatten(3)  # [b, t, f, g * d]
        return change.permute(0, 3, 1, 2)


class Affine(InferenceModule):
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
            biases.append(
                torch.zeros(0, dtype=scales[-1].dtype) if linear.bias is None else linear.bias
            )
        scale = torch.stack(scales)
        self.register_weights(
            scale=scale, shift=torch.stack(shifts), bias=torch.stack(biases)[:, None, None]
        )

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
    """`Block`; `context_frames` to each side are all that its answer depends on."""

    def __init__(self, blocks: Sequence[Any]) -> None:
        super().__init__()
        self.tfc1 = convolutions([block.tfc1 for block in blocks])
        self.tdf = FrequencyLayers([block.tdf for block in blocks])
        self.tfc2 = convolutions([block.tfc2 for block in blocks])
        self.res = convolutions([block.res for block in blocks])
        self.context_frames = sum(int(layer.padding[0]) for layer in (*self.tfc1, *self.tfc2))

    def forward(self, x: Tensor) -> Tensor:
        """x: [b, g * d, t, f], and so is the result."""
        inner = sequential(self.tfc1, x)
        inner += self.tdf(inner)
        outer = sequential(self.tfc2, inner)
        outer += sequential(self.res, x)
        return outer


def convolutions(layers: Sequence[Any]) -> Sequence[Convolution]:
    """`TFC`."""
    return module_list(
        Convolution(each) for each in zip(*(layer.H for layer in layers), strict=True)
    )
