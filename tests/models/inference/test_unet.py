"""Stacked networks are the networks: several at once, and no more of them than is asked for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from restem.models.dtt_bsr import DTTBSR
from restem.models.inference.convolutions import rectify
from restem.models.inference.recurrences import StackedAxisRNN, lstm_cell
from restem.models.inference.unet import StackedUNet
from restem.models.tfc_tdf import AxisRNN, UNet
from tests.support.golden import Golden
from tests.support.tiny_networks import PARAMS, UNETS, noise, unets

LARGER: dict[str, Any] = {  # every level, layer, head and repetition more than once
    "l": 2,
    "bandsequence": {**PARAMS["dtt-bsr"]["bandsequence"], "num_layers": 2, "n_heads": 2},
    "g": 32,
    "bn": 2,
}
ATTENTION = {**PARAMS["dtt-bsr"]["RoPEParams"], "depth": 2, "heads": 2, "time_transformer_depth": 2}


def batch(kind: str, audio: Tensor) -> Tensor:
    """[2, n] -> [b, c, n]."""
    return audio[:, None] if kind == "dtt-bsr" else audio[None]


def separately(networks: list[UNet], audio: Tensor) -> Tensor:
    """[2, n] -> [g, 2, n]."""
    mono = isinstance(networks[0], DTTBSR)
    answers = [network(audio) if mono else network(audio[None])[0] for network in networks]
    return torch.stack(answers)


def error(estimate: Tensor, reference: Tensor) -> float:
    """The largest one, over the reference's peak."""
    reached = estimate.reshape(reference.shape)
    return float((reached - reference).abs().max() / reference.abs().max())


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", UNETS)
@pytest.mark.parametrize("length", [100, 4096, 4480, 5001])
def test_stacked_networks_answer_as_each_alone(kind: str, count: int, length: int) -> None:
    networks, audio = unets(kind, count), noise(length)
    stacked = StackedUNet(networks)(batch(kind, audio))
    assert error(stacked, separately(networks, audio)) < 1e-5


@pytest.mark.parametrize("kind", UNETS)
def test_the_answer_is_the_published_one(golden: Callable[[str], Golden], kind: str) -> None:
    reference = golden(f"{kind.replace('-', '_')}_small")
    network, config = UNETS[kind]
    made = network(config.from_published(reference.params))
    reference.error(made)  # loads the weights
    audio = reference.input.unsqueeze(1) if kind == "dtt-bsr" else reference.input
    assert error(StackedUNet([made])(audio), reference.output) < 1e-5


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", UNETS)
def test_so_do_networks_with_more_of_everything(kind: str, bias: bool) -> None:
    extra = {"RoPEParams": ATTENTION} if kind == "dtt-bsr" else {}
    networks, audio = unets(kind, 2, **LARGER, **extra, bias=bias), noise(3000)
    stacked = StackedUNet(networks)(batch(kind, audio))
    assert error(stacked, separately(networks, audio)) < 1e-5


@pytest.mark.parametrize("kind", UNETS)
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 700), (1700, 2500), (4990, 5001)])
def test_a_part_of_an_answer_is_a_part_of_the_answer(kind: str, start: int, stop: int) -> None:
    stacked, audio = StackedUNet(unets(kind)), batch(kind, noise(5001))
    whole = stacked(audio)
    assert error(stacked(audio, start, stop), whole[..., start:stop]) < 1e-5


def test_a_part_of_an_answer_costs_a_part() -> None:
    seen: list[int] = []
    stacked, audio = StackedUNet(unets("dtt-bsr", 1)), batch("dtt-bsr", noise(32 * 512))
    stacked.decoder[-1].register_forward_hook(lambda _, x, y: seen.append(y.shape[2]))
    stacked(audio)
    stacked(audio, 8000, 8512)
    assert seen[1] < seen[0] / 5


@pytest.mark.parametrize("kind", UNETS)
@pytest.mark.parametrize("hops", [1, 3])
def test_what_windows_share_is_kept_and_nothing_else_changes(kind: str, hops: int) -> None:
    stacked = StackedUNet(unets(kind, 2))
    grid = stacked.config.hop_length << stacked.config.levels
    length, hop = stacked.config.padded_length(20 * grid), hops * grid
    audio = batch(kind, noise(length + 5 * hop))
    kept = stacked.prepare_window(audio[..., :length], hop)
    assert kept is not None
    computed: list[int] = []
    stacked.encoder[0].register_forward_hook(lambda _, x, y: computed.append(y.shape[2]))
    for start in range(hop, 6 * hop, hop):
        window = audio[..., start : start + length]
        answer, kept = stacked.step_window(window, kept, hop, length // 2, length - 100)
        frames = sum(computed)
        computed.clear()
        expected = stacked(window, length // 2, length - 100)
        assert frames < sum(computed)
        computed.clear()
        assert error(answer, expected) < 1e-6


@pytest.mark.parametrize("hop", [500, 512 * 40])
def test_windows_off_the_grid_or_far_apart_share_too_little(hop: int) -> None:
    stacked = StackedUNet(unets("dtt-bsr", 1))
    assert stacked.prepare_window(batch("dtt-bsr", noise(20 * 512)), hop) is None


@pytest.mark.parametrize(("dtype", "decibels"), [(torch.bfloat16, 36), (torch.float16, 54)])
def test_half_the_bits_cost_little(dtype: torch.dtype, decibels: float) -> None:
    networks, audio = unets("dtt-bsr", 2), noise(3000)
    exact = separately(networks, audio)
    rounded = StackedUNet(networks, dtype)(batch("dtt-bsr", audio))
    assert rounded.dtype is torch.float32
    noise_power = (rounded.reshape(exact.shape) - exact).square().sum()
    snr = 10 * torch.log10(exact.square().sum() / noise_power)
    assert decibels < snr < 90


def test_the_networks_are_left_as_they_were() -> None:
    networks = unets("dtt-bsr", 2)
    before = [{k: v.clone() for k, v in network.state_dict().items()} for network in networks]
    stacked = StackedUNet(networks)
    stacked(batch("dtt-bsr", noise(1000)))
    for network, state in zip(networks, before, strict=True):
        assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())
    assert not any(weight.requires_grad for weight in stacked.parameters())


def test_recurrences_are_the_same_in_turn_and_together() -> None:
    torch.manual_seed(0)
    layers = [AxisRNN(16, 12, True).eval().requires_grad_(False) for _ in range(3)]
    stacked, rows = StackedAxisRNN(layers), torch.randn(3, 5, 7, 16)
    assert torch.allclose(stacked.recur_in_turn(rows), stacked.recur_together(rows), atol=1e-6)


def test_a_cell_is_the_librarys() -> None:
    torch.manual_seed(0)
    cell = nn.LSTMCell(4, 6).requires_grad_(False)
    x, hidden, memory = torch.randn(5, 4), torch.randn(5, 6), torch.randn(5, 6)
    drive = nn.functional.linear(x, cell.weight_ih, cell.bias_ih + cell.bias_hh)
    recurrent = nn.functional.linear(hidden, cell.weight_hh)
    expected = cell(x, (hidden, memory))
    for mine, theirs in zip(lstm_cell(drive, recurrent, memory), expected, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rectifying_is_relu(dtype: torch.dtype) -> None:
    values = torch.tensor([-3e4, -1.0, -1e-5, -0.0, 0.0, 1e-5, 1.0, 3e4, torch.inf, -torch.inf])
    x = values.to(dtype)
    expected = nn.functional.relu(x)
    assert torch.equal(rectify(x), expected)
    assert torch.equal(x, expected)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (lambda: unets("dtt-bsr", 1, g=32), "configuration"),
        (lambda: unets("dttnet", 1), "configuration"),
        (lambda: [with_window(unets("dtt-bsr", 1)[0])], "window"),
        (lambda: [with_other_turns(unets("dtt-bsr", 1)[0])], "rotary"),
    ],
)
def test_networks_that_differ_in_more_than_weights_are_refused(other: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        StackedUNet([*unets("dtt-bsr", 1), *other()])


def with_window(network: UNet) -> UNet:
    network.analysis_window.mul_(0.5)
    return network


def with_other_turns(network: UNet) -> UNet:
    for name, weight in network.named_parameters():
        if name.endswith("freqs"):
            weight.data.mul_(2)
    return network
