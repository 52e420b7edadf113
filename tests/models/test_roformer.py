"""Both RoFormers: as published, in parts, by the names of their stems."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from restem.models import zoo
from restem.models.roformer import BSRoFormerConfig, MelBandRoFormerConfig, RoFormer, RoFormerConfig
from tests.support.golden import Golden, peak_error
from tests.support.tiny_networks import PARAMS, ROFORMER, noise

KINDS: dict[str, type[RoFormerConfig]] = {
    "bs-roformer": BSRoFormerConfig,
    "mel-band-roformer": MelBandRoFormerConfig,
}
# First and last bin of each of 60 bands, by librosa's filters.
MEL_BANDS = """
0-6 4-9 7-12 10-15 13-18 16-21 19-24 22-27 25-30 28-33 31-36 34-39 37-42 40-45 43-48 46-52 49-55
53-59 56-64 60-68 65-73 69-78 74-83 79-89 84-96 90-102 97-109 103-117 110-125 118-134 126-144
135-154 145-164 155-176 165-188 177-202 189-216 203-231 217-247 232-264 248-283 265-303 284-324
304-347 325-371 348-397 372-425 398-454 426-486 455-520 487-557 521-596 558-637 597-682 638-730
683-781 731-835 782-894 836-957 895-1024
"""


def small(kind: str, seed: int = 0, **params: Any) -> RoFormer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = KINDS[kind].from_published({**PARAMS[kind], **params})
        return RoFormer(config).eval().requires_grad_(False)


def test_the_answer_of_bs_roformer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("bs_roformer_small")
    params = {**reference.params, "instruments": ["vocals", "other"]}
    assert reference.error(RoFormer(BSRoFormerConfig.from_published(params))) < 1e-5


def test_the_answer_of_mel_band_roformer_is_the_published_one(
    golden: Callable[[str], Golden],
) -> None:
    reference = golden("mel_band_roformer_small")
    params = {**reference.params, "instruments": ["vocals"]}
    network = RoFormer(MelBandRoFormerConfig.from_published(params))
    network.load_state_dict(reference.state)
    with torch.inference_mode():
        answer = network.eval()(reference.input)[:, 0, :, : reference.output.shape[-1]]
    assert peak_error(answer, reference.output) < 1e-5


@pytest.mark.parametrize(
    ("name", "params", "parameters", "entries"),
    [
        ("bs-roformer", {"mlp_expansion_factor": 4}, 51_049_484, 699),
        (
            "bs-roformer",
            {"dim": 384, "depth": 8, "num_stems": 4, "mlp_expansion_factor": 2},
            131_704_164,
            1355,
        ),
        ("bs-roformer", {"num_stems": 6}, 174_656_564, 1939),
        ("mel-band-roformer", {}, 228_202_852, 684),
    ],
)
def test_the_published_sizes_have_the_published_counts(
    name: str, params: dict[str, Any], parameters: int, entries: int
) -> None:
    stems = [f"stem {number}" for number in range(params.get("num_stems", 1))]
    params = {**zoo.NETWORKS[name].params, **params, "instruments": stems}
    with torch.device("meta"):
        network = zoo.build_network(name, params, "here")
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == entries


def test_the_mel_bands_are_those_of_the_published_filters() -> None:
    config = MelBandRoFormerConfig.from_published(zoo.MEL_BAND_ROFORMER)
    bands = [f"{band[0]}-{band[-1]}" for band in config.bands]
    assert bands == MEL_BANDS.split()


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_chosen_stem_is_what_it_is_among_all(kind: str) -> None:
    network, mix = small(kind), noise(3000)
    chosen = network.select(["drums"])
    assert (chosen.stems, network.stems) == (("drums",), ("vocals", "drums"))
    assert torch.equal(chosen(mix), network(mix)[1:])
    assert peak_error(network(mix)[0], network(mix)[1]) > 0.1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("span", [(0, 1000), (0, 1), (999, 1000), (123, 457), (448, 512)])
@torch.inference_mode()
def test_some_samples_are_cut_from_all(kind: str, span: tuple[int, int]) -> None:
    network, mix = small(kind), noise(1000)
    assert peak_error(network(mix, *span), network(mix)[..., slice(*span)]) < 2e-6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [1, 13, 63, 64, 65, 128, 129, 480, 1000])
@torch.inference_mode()
def test_any_length_comes_back(kind: str, length: int) -> None:
    answer = small(kind)(noise(length))
    assert answer.shape == (2, 2, length)
    assert bool(answer.isfinite().all())


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_masks_of_one_give_the_mix_back(kind: str) -> None:
    network, mix = small(kind), noise(2000)

    def one(x: Tensor) -> Tensor:
        pairs = torch.tensor([1.0, 0.0]).repeat(len(network.bins) * network.channels)
        return pairs.expand(*x.shape[:2], -1)

    for estimator in network.mask_estimators:
        estimator.forward = one  # type: ignore[method-assign]
    assert peak_error(network(mix), mix.expand(2, -1, -1)) < 1e-5


def test_stems_get_the_names_that_restem_has_for_them() -> None:
    names = ["Piano", "Guitar", "Lead Vocals", "other"]
    config = BSRoFormerConfig.from_published(
        {**PARAMS["bs-roformer"], "num_stems": 4, "instruments": names}
    )
    assert config.stems == ("keyboards", "guitars", "lead_vocals", "other")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"hopp": 1}, "model: unknown key 'hopp'"),
        ({"num_stems": 3}, r"num_stems is 3, but the instruments are \['vocals', 'drums'\]"),
        ({"instruments": None}, "instruments must be given"),
        ({"instruments": ["piano", "keys"]}, "instruments must be names, each once"),
        ({"stft_win_length": 128}, "stft_win_length must be stft_n_fft, which is 256"),
        ({"linear_transformer_depth": 1}, "linear_transformer_depth must be one of 0, got 1"),
        ({"freqs_per_bands": [64, 64]}, "freqs_per_bands must add up to 129 bins, got 128"),
        ({"stereo": False}, "stereo must be true"),
        ({"dim_head": 7}, "head_features must be even, got 7"),
    ],
)
def test_what_would_be_another_network_is_refused(change: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        BSRoFormerConfig.from_published({**PARAMS["bs-roformer"], **change})


def test_bands_without_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="num_bands of 200 leave some without any bin"):
        MelBandRoFormerConfig.from_published({**ROFORMER, "num_bands": 200})


@pytest.mark.parametrize("key", ["dim", "depth"])
def test_sizes_that_have_no_default_must_be_given(key: str) -> None:
    params = {name: value for name, value in PARAMS["bs-roformer"].items() if name != key}
    with pytest.raises(ValueError, match=f"model: {key} must be given"):
        BSRoFormerConfig.from_published(params)
