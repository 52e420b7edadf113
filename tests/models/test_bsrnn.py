"""BSRNN: as published, and what would be another network."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from restem.models.bsrnn import BSRNN, BSRNNConfig
from tests.support.golden import Golden
from tests.support.tiny_networks import PARAMS, noise

BASS = [[500, 50], [1000, 100], [4000, 500], [8000, 1000], [16000, 2000]]
DRUMS = [[1000, 50], [2000, 100], [4000, 250], [8000, 500], [16000, 1000]]
# Bins of each band of vocals.
WIDTHS = """
5 5 4 5 5 4 5 5 4 5 12 11 12 11 12 12 11 12 11 12 12 11 23 24 23 23 23 24 23 23
46 47 46 47 46 47 46 47 92 93 96
"""


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("bsrnn_small")
    assert reference.error(BSRNN(BSRNNConfig.from_published(reference.params))) < 1e-5


@pytest.mark.parametrize(
    ("splits", "parameters", "entries"),
    [
        (BSRNNConfig.splits, 32_414_628, 780),
        (BASS, 33_371_812, 648),
        (DRUMS, 35_954_340, 948),
    ],
)
def test_the_published_sizes_have_the_published_counts(
    splits: Any, parameters: int, entries: int
) -> None:
    with torch.device("meta"):
        network = BSRNN(BSRNNConfig(splits=splits))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == entries


def test_the_bands_are_the_published_ones() -> None:
    assert BSRNNConfig().widths == [int(width) for width in WIDTHS.split()]


@torch.inference_mode()
def test_a_window_of_another_length_is_refused_in_a_line() -> None:
    network = BSRNN(BSRNNConfig.from_published(PARAMS["bsrnn"])).eval()
    assert network(noise(3072)[None]).shape == (1, 2, 3072)
    with pytest.raises(ValueError, match="BSRNN takes 3072 samples at once, got 3071"):
        network(noise(3071)[None])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"rnns": 1}, "model: unknown key 'rnns'"),
        ({"rnn_type": "GRU"}, "rnn_type must be one of LSTM, got 'GRU'"),
        ({"return_mask": True}, "return_mask must be one of False"),
        ({"sr": 48000}, "sr must be 44100, got 48000"),
        ({"bandsplits": [[1000, 10]]}, "bandsplits leave a band without any bin"),
        ({"featurizer": {"win_length": 128}}, "featurizer: win_length must be one of 256"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        BSRNNConfig.from_published({**PARAMS["bsrnn"], **change})
