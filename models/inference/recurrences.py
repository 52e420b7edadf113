"""The recurrences along time and frequency of several networks at once (see `models.tfc_tdf`).

Shape letters: `g` network, `b` batch, `d` feature, `t` frame, `f` frequency bin, `r` rows (batch
and the axis at rest), `h` head, or hidden feature.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import group_norm

from restem.models.inference.frozen import InferenceModule, module_list, sequential


class StackedAxisRNN(InferenceModule):
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
        self.register_weights(
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
        normed = normed.reshape(g, -1, steps, d).to(self.bias.dtype)
        hidden = recur(normed)  # [g, r, steps, directions * h]
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
        self.layers = module_list(
            StackedAxisRNN(axis) for pair in pairs for axis in zip(*pair, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """[b, g * d, t, f] -> [g, b, t, f, d]."""
        apart = x.unflatten(1, (self.networks, self.heads, -1))  # [b, g, h, d / h, t, f]
        rows = apart.permute(1, 0, 2, 5, 4, 3).flatten(1, 2)  # [g, b * h, f, t, d / h]
        heads: Tensor = sequential(self.layers, rows).unflatten(1, (-1, self.heads))
        return heads.permute(0, 1, 4, 3, 2, 5).flatten(-2)  # from [g, b, h, f, t, d / h]
