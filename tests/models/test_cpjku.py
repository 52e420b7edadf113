"""CP-JKU's separator: as published, in parts, with and without low-rank updates."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from restem.models import zoo
from restem.models.cpjku import FILTER, CPJKUConfig, CPJKUSeparator
from restem.models.sinc import SincResampler
from tests.support.golden import Golden, peak_error
from tests.support.tiny_networks import PARAMS, noise


def small(**params: Any) -> CPJKUSeparator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = CPJKUConfig.from_published({**PARAMS["cpjku-separator"], **params})
        return CPJKUSeparator(config).eval().requires_grad_(False)


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("cpjku_separator_small")
    params = {**reference.params, "instruments": ["vocals", "bass", "drums"]}
    assert reference.error(CPJKUSeparator(CPJKUConfig.from_published(params))) < 1e-5


@pytest.mark.parametrize(
    ("enabled", "parameters", "entries"),
    [(True, 255_166_460, 2689), (False, 254_937_084, 2625)],
)
def test_the_published_sizes_have_the_published_counts(
    enabled: bool, parameters: int, entries: int
) -> None:
    params = zoo.NETWORKS["cpjku-separator"].params
    params = {**params, "lora_config": {**params["lora_config"], "enabled": enabled}}
    with torch.device("meta"):
        network = zoo.build_network("cpjku-separator", params, "here")
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == entries


@torch.inference_mode()
def test_a_part_and_a_chosen_stem_are_cut_from_all() -> None:
    network, mix = small(), noise(3000)
    chosen = network.select(["drums"])
    assert peak_error(chosen(mix), network(mix)[1:]) < 1e-6
    assert peak_error(network(mix, 500, 900), network(mix)[..., 500:900]) < 1e-6
    assert network.sample_rate == 48000


@pytest.mark.parametrize("length", [1, 100, 480, 1000])
@torch.inference_mode()
def test_any_length_comes_back(length: int) -> None:
    answer = small()(noise(length))
    assert answer.shape == (2, 2, length)
    assert bool(answer.isfinite().all())


@torch.inference_mode()
def test_there_and_back_a_tone_stays() -> None:
    time = torch.arange(9600) / 48000
    tone = (2 * torch.pi * 1000 * time).sin()[None]
    there, back = SincResampler(160, 147, FILTER), SincResampler(147, 160, FILTER)
    again = back(there(tone))
    assert again.shape == tone.shape
    assert peak_error(again[:, 500:-500], tone[:, 500:-500]) < 1e-4


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"num_residual_streams": 4}, "num_residual_streams must be one of 1, got 4"),
        ({"sample_rate": 48000}, "model: unknown key 'sample_rate': it is 44100 inside"),
        ({"use_dual_stft": True}, "use_dual_stft must be one of False"),
        ({"lora_config": {"rank": 8}}, "lora_config: unknown key 'rank'"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        CPJKUConfig.from_published({**PARAMS["cpjku-separator"], **change})
