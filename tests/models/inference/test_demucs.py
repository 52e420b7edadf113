import copy
import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from restem.models.demucs import Demucs, DemucsConfig
from restem.models.inference import demucs
from restem.models.inference.demucs import StackedDemucs
from tests.support.golden import Golden, peak_error

SHALLOW = DemucsConfig(features=4, growth=1.5, depth=2)
VARIANTS = [
    SHALLOW,
    DemucsConfig(features=4, depth=2, context=1),
    DemucsConfig(features=4, depth=2, channels=2),
    DemucsConfig(features=4, depth=2, resample=True),
    DemucsConfig(features=4, depth=2, normalize=True),
    DemucsConfig(features=4, depth=2, channels=2, normalize=True, resample=True),
    DemucsConfig(features=4, depth=1, kernel_size=4, stride=4),
    DemucsConfig(features=4, growth=1, depth=3, kernel_size=5, stride=3),
    DemucsConfig(features=4, growth=1, depth=3, kernel_size=8, stride=3, context=5),
    DemucsConfig(features=4, growth=1, depth=4, resample=True, kernel_size=4, stride=2, context=5),
]
variants = pytest.mark.parametrize("config", VARIANTS)


def build(config: DemucsConfig, count: int = 3) -> list[Demucs]:
    """Networks of different weights that let the input through, and do not magnify rounding."""
    torch.manual_seed(0)
    networks = [Demucs(config).eval().requires_grad_(False) for _ in range(count)]
    for network in networks:
        for parameter in network.parameters():
            wide = parameter.ndim > 1
            parameter.normal_(std=1.5 * parameter[0].numel() ** -0.5 if wide else 0.1)
    return networks


def noise(networks: list[Demucs], length: int, batch: int = 2) -> Tensor:
    return torch.randn(len(networks), batch, networks[0].config.channels, length)


def one_by_one(networks: list[Demucs], audio: Tensor) -> Tensor:
    pairs = zip(networks, audio, strict=True)
    return torch.stack([network(each)[:, 0] for network, each in pairs])


def repaired(networks: list[Demucs], audio: Tensor) -> Tensor:
    pairs = zip(networks, audio, strict=True)
    return torch.stack([network.repair(each) for network, each in pairs])


def snr(answer: Tensor, expected: Tensor) -> float:
    error = (answer - expected).square().mean()
    return float(10 * torch.log10(expected.square().mean() / error))


@pytest.fixture(params=["whole", "in parts", "batched"])
def manner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ways to run: short levels, long levels, and what other devices do."""
    if request.param == "in parts":
        monkeypatch.setattr(demucs, "PART", 1)
        monkeypatch.setattr(demucs, "FEWEST", 5)
    elif request.param == "batched":

        def convolve(self: StackedDemucs, x: Tensor, start: int, stop: int) -> Tensor:
            return self._run(x.transpose(-1, -2), slice(None), start, stop).transpose(-1, -2)

        monkeypatch.setattr(StackedDemucs, "_convolve", convolve)


@pytest.mark.usefixtures("manner")
@variants
def test_stacked_networks_answer_as_each_does(config: DemucsConfig) -> None:
    networks = build(config)
    audio = noise(networks, networks[0].valid_length(700))
    answer = StackedDemucs(networks)(audio)
    assert peak_error(answer, one_by_one(networks, audio)) < 1e-5


@pytest.mark.usefixtures("manner")
@variants
def test_a_part_of_the_answer_is_that_part(config: DemucsConfig) -> None:
    networks = build(config)
    audio = noise(networks, networks[0].valid_length(300))
    stack = StackedDemucs(networks)
    answer = stack(audio)
    last = answer.shape[-1]
    for start, stop in ((0, 1), (0, 64), (13, 14), (65, 200), (last - 64, last), (last - 1, last)):
        assert peak_error(stack(audio, start, stop), answer[..., start:stop]) < 1e-5


@pytest.mark.usefixtures("manner")
@variants
def test_repair_is_that_of_each_network_at_any_length(config: DemucsConfig) -> None:
    networks = build(config)
    stack = StackedDemucs(networks)
    for length in (2, 13, 65, 512, 1000):
        audio = noise(networks, length) + 0.5
        answer = stack.repair(audio)
        assert answer.shape == audio.shape
        assert peak_error(answer, repaired(networks, audio)) < 1e-5


@pytest.mark.usefixtures("manner")
@variants
def test_memory_that_nothing_was_written_to_is_never_heard(config: DemucsConfig) -> None:
    stack = StackedDemucs(build(config))
    torch.use_deterministic_algorithms(True)  # fills such memory with NaN
    try:
        answer = stack(torch.randn(3, 2, config.channels, stack.valid_length(300)))
    finally:
        torch.use_deterministic_algorithms(False)
    assert answer.isfinite().all()


@pytest.mark.parametrize("count", [1, 8])
def test_any_number_of_networks_and_of_items_is_one(count: int) -> None:
    networks = build(SHALLOW, count)
    for batch in (1, 5):
        audio = noise(networks, 100, batch)
        assert peak_error(StackedDemucs(networks).repair(audio), repaired(networks, audio)) < 1e-5


@pytest.mark.parametrize("config", [config for config in VARIANTS if not config.normalize])
def test_a_passage_is_repaired_the_same_wherever_the_grid_lets_it_be_cut(
    config: DemucsConfig,
) -> None:
    stack = StackedDemucs(build(config, 1))
    past, future = stack.receptive_field
    audio = torch.randn(1, 1, config.channels, 2000)
    whole = stack.repair(audio)
    for start in (stack.stride, 17 * stack.stride):
        window = slice(start, start + past + future + 3 * stack.stride + 5)
        part = stack.repair(audio[..., window])
        agreed = slice(start + past, window.stop - future)
        assert peak_error(part[..., past : part.shape[-1] - future], whole[..., agreed]) < 1e-5


@variants
def test_the_geometry_is_that_of_the_networks(config: DemucsConfig) -> None:
    network = build(config, 1)[0]
    stack = StackedDemucs([network])
    assert stack.config == config
    assert stack.receptive_field == network.receptive_field
    assert (stack.stride, stack.trim) == (network.stride, network.trim)
    for length in (1, 64, 1000):
        assert stack.valid_length(length) == network.valid_length(length)


def test_the_published_network_stacked_answers_as_published(
    golden: Callable[[str], Golden],
) -> None:
    reference = golden("demucs_small")
    network = Demucs(DemucsConfig.from_published(reference.params)).eval()
    reference.error(network)  # loads the weights
    answer = StackedDemucs([network, network])(reference.input.expand(2, -1, -1, -1))
    assert peak_error(answer, reference.output[:, 0].expand_as(answer)) < 1e-5


@pytest.mark.parametrize(("dtype", "floor_db"), [(torch.bfloat16, 30), (torch.float16, 48)])
@pytest.mark.parametrize("resample", [False, True])
def test_short_floats_cost_little_and_audio_stays_float32(
    dtype: torch.dtype, floor_db: float, resample: bool
) -> None:
    networks = build(DemucsConfig(features=8, depth=3, normalize=True, resample=resample))
    audio = 0.1 * noise(networks, 2000)
    answer = StackedDemucs(networks, dtype).repair(audio)
    assert answer.dtype == torch.float32
    assert snr(answer, repaired(networks, audio)) > floor_db


@pytest.mark.parametrize("resample", [False, True])
def test_another_dtype_later_is_that_dtype_from_the_start(resample: bool) -> None:
    networks = build(DemucsConfig(features=4, depth=2, resample=resample))
    audio = noise(networks, 300)
    moved = StackedDemucs(networks).to(torch.bfloat16)
    assert torch.equal(moved.repair(audio), StackedDemucs(networks, torch.bfloat16).repair(audio))


def test_every_weight_moves_to_another_device() -> None:
    stack = StackedDemucs(build(VARIANTS[3])).to("meta")
    assert {buffer.device.type for buffer in stack.buffers()} == {"meta"}
    assert stack.repair(torch.zeros(3, 2, 1, 100, device="meta")).shape == (3, 2, 1, 100)


def test_the_networks_are_neither_changed_nor_kept() -> None:
    networks = build(SHALLOW)
    before = copy.deepcopy(networks[0].state_dict())
    stack = StackedDemucs(networks)
    audio = noise(networks, 100)
    answer = stack.repair(audio)
    after = networks[0].state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert not list(stack.parameters())
    for parameter in networks[0].parameters():
        parameter.zero_()
    gone = weakref.ref(networks.pop())
    del networks
    gc.collect()
    assert gone() is None
    assert torch.equal(stack.repair(audio), answer)


def test_no_gradient_is_kept_and_the_input_is_not_changed() -> None:
    networks = [network.requires_grad_(True) for network in build(SHALLOW)]
    audio = noise(networks, 100).requires_grad_()
    before = audio.detach().clone()
    assert not StackedDemucs(networks).repair(audio).requires_grad
    assert torch.equal(audio.detach(), before)


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([], "networks must be one or more, got none"),
        (
            [SHALLOW, DemucsConfig(features=4, growth=1.5, depth=3)],
            "networks must have one configuration, got depth 2 and 3",
        ),
        ([DemucsConfig(stems=2, features=4, depth=2)], "stems must be 1 to repair, got 2"),
    ],
)
def test_networks_that_are_not_one_are_refused(configs: list[DemucsConfig], message: str) -> None:
    networks = [build(config, 1)[0] for config in configs]
    with pytest.raises(ValueError, match=message):
        StackedDemucs(networks)


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dtype must be one of torch.float32, .*, got torch.int8"):
        StackedDemucs(build(SHALLOW), torch.int8)


@pytest.mark.parametrize("shape", [(2, 1, 1, 100), (3, 1, 2, 100), (3, 1, 100)])
def test_audio_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    stack = StackedDemucs(build(SHALLOW))
    with pytest.raises(ValueError, match=r"audio must be \[3, b, 1, n\], got \["):
        stack.repair(torch.zeros(shape))


def test_lengths_and_samples_that_are_not_there_are_refused() -> None:
    networks = build(SHALLOW)
    stack, length = StackedDemucs(networks), networks[0].valid_length(100)
    with pytest.raises(ValueError, match=f"n must be a valid length, such as .*, got {length + 1}"):
        stack(noise(networks, length + 1))
    with pytest.raises(ValueError, match=r"n must be a valid length, such as .*, got 3"):
        stack(noise(networks, 3))
    answer = length - 2 * stack.trim
    for start, stop in ((-1, 5), (5, 5), (0, answer + 1)):
        with pytest.raises(ValueError, match=rf"\[start, stop\) must be within \[0, {answer}\)"):
            stack(noise(networks, length), start, stop)
