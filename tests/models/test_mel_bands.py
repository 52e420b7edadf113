"""Networks between mel bands that run over whole windows: as published, of any length."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from restem.models import zoo
from restem.models.mel_bands import BANDS
from tests.support.golden import Golden
from tests.support.tiny_networks import PARAMS, noise

NAMES = ("mel-rnn", "mel-roformer", "mel-unet")
ENTRIES = {"mel-rnn": 241, "mel-roformer": 177, "mel-unet": 81}


def small(name: str, **params: Any) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = zoo.build_network(name, {**PARAMS[name], **params}, "here")
        return network.eval().requires_grad_(False)


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_is_the_published_one(name: str, golden: Callable[[str], Golden]) -> None:
    reference = golden(f"{name.replace('-', '_')}_small")
    assert reference.error(zoo.build_network(name, reference.params, "here")) < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_published_sizes_have_the_published_entries(name: str) -> None:
    with torch.device("meta"):
        network = zoo.build_network(name, zoo.NETWORKS[name].params, "here")
    assert len(network.state_dict()) == ENTRIES[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [1, 127, 256, 257, 1000])
@torch.inference_mode()
def test_any_length_comes_back(name: str, length: int) -> None:
    answer = small(name)(noise(length))
    assert answer.shape == (2, length)
    assert bool(answer.isfinite().all())


def test_the_bands_are_those_of_the_published_filters() -> None:
    with torch.device("cpu"):
        band: Any = zoo.build_network("mel-rnn", zoo.MEL_RNN, "here").band
    assert band.widest == 125
    assert int(band.mask.sum()) == 1981
    bins = band.f_idxes.unflatten(0, (BANDS, 125))
    last = bins.max(dim=1).values
    assert [(int(bins[k, 0]), int(last[k])) for k in (0, 1, 2, 61, 62, 63)] == [
        (1, 5),
        (3, 8),
        (6, 10),
        (791, 899),
        (844, 959),
        (900, 1024),
    ]


@pytest.mark.parametrize("name", NAMES)
@torch.inference_mode()
def test_the_lowest_bin_stays_silent(name: str) -> None:
    network: Any = small(name)
    parts = network.band.join(torch.randn(2, 3, BANDS, 16))
    assert not parts[:, :, 0].any()
    assert parts[:, :, 1:].abs().amax(dim=(0, 1, 3)).min() > 0


@torch.inference_mode()
def test_more_frames_than_there_are_positions_for_are_refused() -> None:
    network = small("mel-roformer")
    assert network(noise(799 * 128 + 127)).shape == (2, 799 * 128 + 127)
    with pytest.raises(ValueError, match="MelRoFormer takes 102399 samples at once, got 102400"):
        network(noise(800 * 128))
