"""MDX23C: as published, in parts, and what would be another network."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from restem.models.mdx23c import MDX23C, MDX23CConfig
from tests.support.golden import Golden, peak_error
from tests.support.tiny_networks import PARAMS, noise

DRUMS = {
    "instruments": ["kick", "snare", "toms", "hh", "cymbals"],
    "audio": {"n_fft": 2048, "hop_length": 512, "dim_f": 1024, "chunk_size": 523776},
}


def small(**model: Any) -> MDX23C:
    params = {**PARAMS["mdx23c"], "model": {**PARAMS["mdx23c"]["model"], **model}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MDX23C(MDX23CConfig.from_published(params)).eval().requires_grad_(False)


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("mdx23c_small")
    sections = {name: reference.params[name] for name in ("audio", "model")}
    params = {**sections, "instruments": reference.params["training"]["instruments"]}
    assert reference.error(MDX23C(MDX23CConfig.from_published(params))) < 1e-5


def test_the_published_sizes_have_the_published_counts() -> None:
    with torch.device("meta"):
        network = MDX23C(MDX23CConfig.from_published(DRUMS))
    assert sum(parameter.numel() for parameter in network.parameters()) == 109_376_576
    assert len(network.state_dict()) == 319


@torch.inference_mode()
def test_a_chosen_stem_is_what_it_is_among_all() -> None:
    network, mix = small(), noise(1984)
    chosen = network.select(["drums"])
    assert peak_error(chosen(mix), network(mix)[1:]) < 1e-6
    assert peak_error(network(mix, 100, 300), network(mix)[..., 100:300]) < 1e-6
    assert peak_error(network(mix)[0], network(mix)[1]) > 0.1


@pytest.mark.parametrize("length", [1, 64, 129, 1000, 1984, 1985])
@torch.inference_mode()
def test_any_length_comes_back(length: int) -> None:
    answer = small()(noise(length))
    assert answer.shape == (2, 2, length)
    assert bool(answer.isfinite().all())


@pytest.mark.parametrize("norm", ["BatchNorm", "GroupNorm4"])
@pytest.mark.parametrize("activation", ["relu", "elu0.5"])
@torch.inference_mode()
def test_other_norms_and_activations_are_other_networks(norm: str, activation: str) -> None:
    mix = noise(1984)
    assert peak_error(small(norm=norm, act=activation)(mix), small()(mix)) > 1e-3


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"models": {}}, "unknown key 'models'"),
        ({"model": {"growht": 1}}, "model: unknown key 'growht'"),
        ({"model": {"norm": "LayerNorm"}}, "norm must be InstanceNorm"),
        ({"model": {"act": "silu"}}, "act must be gelu"),
        ({"audio": {"dim_f": 4000}}, "dim_f must be a multiple of 128 up to 4097, got 4000"),
        ({"audio": {"chunk_size": 261121}}, "chunk_size must be hop_length"),
        ({"instruments": []}, "instruments must be given"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line), torch.device("meta"):
        MDX23C(MDX23CConfig.from_published({"instruments": ["vocals"], **change}))
