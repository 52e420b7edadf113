from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restem.models.demucs import Demucs, DemucsConfig, Resampler
from tests.support.golden import Golden, peak_error

SHALLOW = DemucsConfig(features=4, growth=1.5, depth=2)
VARIANTS = [
    SHALLOW,
    DemucsConfig(features=4, depth=2, context=1),
    DemucsConfig(features=4, depth=2, resample=True),
    DemucsConfig(features=4, depth=2, resample=True, context=1),
    DemucsConfig(features=4, growth=1, depth=3, resample=True, kernel_size=4, stride=2, context=5),
    DemucsConfig(features=4, growth=1, depth=3, kernel_size=5, stride=3),
]


def build(config: DemucsConfig) -> Demucs:
    """With weights that let the input through: as first drawn, the answer is biases above all."""
    torch.manual_seed(0)
    network = Demucs(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.normal_(std=2 * parameter[0].numel() ** -0.5)
        else:
            parameter.normal_(std=0.1)
    return network


def build_positive(config: DemucsConfig) -> Demucs:
    """In which no path can cancel another and no ReLU closes, for a positive input."""
    network = build(config).double()
    for parameter in network.parameters():
        parameter.data.abs_().add_(0.01)
    return network


def reach(network: Demucs, audio: Tensor, output: Tensor, index: int) -> tuple[int, int]:
    """How many past and future samples of `audio` sample `index` of `output` depends on."""
    (gradient,) = torch.autograd.grad(output[0, 0, 0, index], audio, retain_graph=True)
    used = gradient[0, 0].nonzero().flatten()
    here = index + network.trim
    return here - int(used[0]), int(used[-1]) - here


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("demucs_small")
    network = Demucs(DemucsConfig.from_published(reference.params))
    assert set(network.state_dict()) == set(reference.state)
    assert reference.error(network) < 1e-5
    assert network.valid_length(12000) == reference.input.shape[-1]
    assert reference.output.shape[-1] == reference.input.shape[-1] - 2 * network.trim


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (DemucsConfig(), 89_447_041),
        (DemucsConfig(resample=True), 89_447_041),
        (DemucsConfig(channels=2), 89_448_066),
        (DemucsConfig(context=1), 67_082_881),
    ],
)
def test_the_full_size_is_the_published_one(config: DemucsConfig, count: int) -> None:
    with torch.device("meta"):
        network = Demucs(config)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert len(network.state_dict()) == 48


def test_the_second_stage_reaches_as_far_and_hops_as_wide_as_documented() -> None:
    with torch.device("meta"):
        plain, resampled = Demucs(), Demucs(DemucsConfig(resample=True))
    assert (plain.receptive_field, plain.stride, plain.trim) == ((15015, 15015), 4096, 5460)
    assert (resampled.receptive_field, resampled.stride, resampled.trim) == (
        (7557, 7557),
        2048,
        2730,
    )


def test_arguments_left_out_are_those_of_version_2() -> None:
    config = DemucsConfig.from_published({"sources": ["x", "y"], "lstm_layers": 0})
    assert config == DemucsConfig(stems=2, channels=2, resample=True)
    with pytest.raises(ValueError, match="lstm_layers must be one of 0, got 2"):
        DemucsConfig.from_published({"sources": ["x"]})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hopp": 1}, "unknown key 'hopp'; expected one of audio_channels, channels, context"),
        ({"glu": False}, "glu must be one of True, got False"),
        ({"context": 2}, "context must be odd, got 2"),
        ({"stride": 9}, r"stride must be in \[2, kernel_size=8\], got 9"),
        ({"stride": 3}, "kernel_size and stride must be even with resample, got 8 and 3"),
    ],
)
def test_what_the_network_cannot_be_is_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DemucsConfig.from_published({"sources": ["x"], "lstm_layers": 0, **params})


@pytest.mark.parametrize("config", VARIANTS)
def test_a_valid_input_gives_at_least_the_samples_asked_for(config: DemucsConfig) -> None:
    network = build(config)
    for length in (1, 13, 64, 65, 480, 1000):
        valid = network.valid_length(length)
        with torch.inference_mode():
            output = network(torch.randn(2, 1, valid))
        assert output.shape == (2, 1, 1, valid - 2 * network.trim)
        assert length <= output.shape[-1]
        assert length < 64 or output.shape[-1] < length + network.stride


@pytest.mark.parametrize("config", VARIANTS)
def test_the_receptive_field_is_reached_and_never_left(config: DemucsConfig) -> None:
    network = build_positive(config)
    past, future = network.receptive_field
    length = network.valid_length(past + future + network.stride)
    audio = torch.rand(1, 1, length, dtype=torch.float64, requires_grad=True)
    output = network(audio)
    inside = range(past - network.trim, past - network.trim + network.stride)
    reaches = [reach(network, audio, output, index) for index in inside]
    assert tuple(max(side) for side in zip(*reaches, strict=True)) == (past, future)


@pytest.mark.parametrize("resample", [False, True])
def test_the_receptive_field_is_exact_at_full_depth(resample: bool) -> None:
    network = build_positive(DemucsConfig(features=2, growth=1, resample=resample))
    past, future = network.receptive_field
    length = network.valid_length(past + future + 2 * network.stride)
    audio = torch.rand(1, 1, length, dtype=torch.float64, requires_grad=True)
    output = network(audio)
    # The farthest past is the start of a deepest frame, the farthest future the end of one.
    filter_reach = 25 if resample else 0
    frame = (4**6 - 1) // 3 * 7 // (2 if resample else 1) + 1
    first = past - filter_reach + network.stride
    last = past // network.stride * network.stride + frame - 1 - future + filter_reach
    last += -(-(past - last) // network.stride) * network.stride
    assert reach(network, audio, output, first - network.trim)[0] == past
    assert reach(network, audio, output, last - network.trim)[1] == future


@pytest.mark.parametrize("channels", [1, 2])
def test_scale_and_offset_pass_through_a_normalised_network(channels: int) -> None:
    network = build(DemucsConfig(channels=channels, features=4, depth=2, normalize=True))
    audio = torch.randn(2, channels, network.valid_length(500))
    with torch.inference_mode():
        for answer in (network, network.repair):
            assert peak_error(answer(3 * audio + 0.5), 3 * answer(audio) + 0.5) < 1e-4


@torch.inference_mode()
def test_items_of_a_batch_do_not_hear_each_other() -> None:
    network = build(DemucsConfig(stems=3, channels=2, features=4, depth=2, normalize=True))
    audio = torch.randn(4, 2, network.valid_length(300))
    together = network(audio)
    assert together.shape[:3] == (4, 3, 2)
    assert peak_error(together[2:3], network(audio[2:3])) < 1e-5


@pytest.mark.parametrize("config", VARIANTS)
@pytest.mark.parametrize("length", [1, 13, 65, 512, 1000])
def test_repair_keeps_any_length(config: DemucsConfig, length: int) -> None:
    with torch.inference_mode():
        assert build(config).repair(torch.randn(2, 1, length)).shape == (2, 1, length)


@pytest.mark.parametrize("config", VARIANTS)
@torch.inference_mode()
def test_repair_is_forward_with_every_sample_in_its_place(config: DemucsConfig) -> None:
    network = build(config)
    past, future = network.receptive_field
    audio = torch.randn(1, 1, network.valid_length(past + future + 100))
    repaired, trimmed = network.repair(audio), network(audio)[:, 0]
    inside = slice(past, audio.shape[-1] - future)
    moved = slice(past - network.trim, audio.shape[-1] - future - network.trim)
    assert peak_error(repaired[..., inside], trimmed[..., moved]) < 1e-5
    assert peak_error(repaired[..., inside], trimmed[..., moved].roll(1)) > 0.1


@pytest.mark.parametrize("config", VARIANTS)
@torch.inference_mode()
def test_a_passage_is_repaired_the_same_wherever_the_grid_lets_it_be_cut(
    config: DemucsConfig,
) -> None:
    network = build(config)
    past, future = network.receptive_field
    audio = torch.randn(1, 1, 2000)
    whole = network.repair(audio)
    for start in (network.stride, 5 * network.stride, 17 * network.stride):
        window = slice(start, start + past + future + 3 * network.stride + 5)
        part = network.repair(audio[..., window])
        agreed = slice(start + past, window.stop - future)
        inside = slice(past, part.shape[-1] - future)
        assert peak_error(part[..., inside], whole[..., agreed]) < 1e-5


def test_repair_is_for_one_stem() -> None:
    with pytest.raises(ValueError, match="stems must be 1 to repair, got 2"):
        build(DemucsConfig(stems=2, features=4, depth=2)).repair(torch.zeros(1, 1, 100))


@pytest.mark.parametrize("length", [1, 13, 64, 65])
def test_resampling_keeps_a_constant_and_doubles_or_halves_the_length(length: int) -> None:
    resampler, audio = Resampler(), torch.full((2, 3, length), 0.7)
    assert torch.allclose(resampler.up(audio), torch.full((2, 3, 2 * length), 0.7))
    assert torch.allclose(resampler.down(audio), torch.full((2, 3, length // 2), 0.7))


def test_resampling_keeps_a_tone_and_its_place() -> None:
    time = torch.arange(400, dtype=torch.float64)
    coarse = torch.sin(0.8 * torch.pi * time)[None, None].float()
    fine = torch.sin(0.4 * torch.pi * torch.arange(800, dtype=torch.float64))[None, None].float()
    resampler, away = Resampler(), slice(60, -60)
    assert torch.allclose(resampler.up(coarse)[..., away], fine[..., away], atol=2e-3)
    assert torch.allclose(resampler.down(fine)[..., away], coarse[..., away], atol=2e-3)


def test_halving_stops_what_the_lower_rate_cannot_hold() -> None:
    tone = torch.sin(0.6 * torch.pi * torch.arange(800.0))[None, None]
    assert Resampler().down(tone)[..., 60:-60].abs().max() < 2e-3
