"""MelRNN: as published, and streamed as it answers to a whole signal."""

from typing import Any

import pytest
import torch
from torch import Tensor

from restem.models import zoo
from restem.models.mel_rnn import MelRNN, MelRNNConfig, MelRNNs
from restem.models.mel_scale import mel_filters
from restem.streamer.stream import Stream
from tests.support.golden import peak_error
from tests.support.tiny_networks import PARAMS, noise


def small(seed: int = 0, **params: Any) -> MelRNN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = MelRNN(MelRNNConfig.from_published({**PARAMS["mel-rnn"], **params}))
        return network.eval().requires_grad_(False)


def streamed(networks: dict[str, MelRNN], mix: Tensor, host_block: int) -> Tensor:
    stream = Stream(MelRNNs(networks), host_block)
    parts = [stream.process(block) for block in mix.split(host_block, dim=-1)[:-1]]
    return torch.cat(parts, dim=-1)[..., stream.latency :]


@pytest.mark.parametrize("layers", [{}, {"num_layers": 9, "num_groups": 8}])
def test_the_published_sizes_have_the_published_counts(layers: dict[str, int]) -> None:
    params = {**zoo.MEL_RNN, **layers}
    with torch.device("meta"):
        network = zoo.build_network("mel-rnn", params, "here")
    counts = sum(parameter.numel() for parameter in network.parameters()), len(network.state_dict())
    assert counts == ((6_868_864, 963) if layers else (5_513_856, 241))


@pytest.mark.parametrize("host_block", [128, 100, 1000])
@torch.inference_mode()
def test_streamed_it_is_what_it_is_of_a_whole_signal(host_block: int) -> None:
    networks = {"vocals": small(1), "drums": small(2)}
    mix = noise(5000)
    heard = streamed(networks, mix, host_block)
    for stem, network in enumerate(networks.values()):
        expected = network(mix)[:, : min(heard.shape[-1], 5000 - 512)]
        assert peak_error(heard[stem, :, : expected.shape[-1]], expected) < 1e-5


@torch.inference_mode()
def test_it_is_late_by_what_the_longest_window_needs() -> None:
    model = MelRNNs({"vocals": small()})
    assert (model.block_size, model.latency) == (128, 384)
    published = MelRNNs({"vocals": MelRNN()})
    assert published.latency + published.block_size == 2048


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hidden": 1}, "unknown key 'hidden'"),
        ({"hidden_channels": 18}, "hidden_channels must be a multiple of 2 . num_groups = 4"),
        ({"hop_size": 200}, "window_size must be an even multiple of hop_size"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        MelRNNConfig.from_published({**PARAMS["mel-rnn"], **change})


def test_networks_of_different_sizes_are_no_model() -> None:
    with pytest.raises(ValueError, match="MelRNNs of different sizes cannot run as one model"):
        MelRNNs({"vocals": small(), "drums": small(num_layers=1)})


def test_filters_are_triangles_that_add_up_to_one_between_the_outer_edges() -> None:
    filters = mel_filters(64, 2048, 48000)
    assert filters.shape == (64, 1025)
    assert filters.max() <= 1
    assert abs(filters.sum(axis=0)[10:870] - 1).max() < 1e-9
