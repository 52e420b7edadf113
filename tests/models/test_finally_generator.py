"""The second stage of CP-JKU's system: as published, and what it refuses."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from restem.models.finally_generator import FinallyConfig, FinallyGenerator
from tests.support.golden import GOLDEN_FOLDER, peak_error
from tests.support.tiny_networks import noise

GOLDEN = GOLDEN_FOLDER / "finally_generator_small.safetensors"
SMALL = {
    "stft_n_fft": 128,
    "stft_hop": 32,
    "spectral_channels": 16,
    "upsample_scales": [4, 4, 2],
    "embedding_dim": 12,
    "max_frames": 32,
    "spectral_base_channels": 4,
    "wave_base_channels": 4,
    "mask_base_channels": 4,
    "head_base_channels": 4,
}


def test_the_answers_are_the_published_ones() -> None:
    path = Path(GOLDEN)
    if not path.exists():
        pytest.skip(f"needs the golden file {path.name} beside the checkout")
    with safe_open(path, "pt") as file:
        params = json.loads(file.metadata()["params"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    network = FinallyGenerator(FinallyConfig.from_published(params)).eval()
    state = {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}
    network.load_state_dict(state)
    with torch.inference_mode():
        target, base = network(tensors["input"], tensors["input.embedding"])
    assert peak_error(target, tensors["output"]) < 1e-5
    assert peak_error(base, tensors["output.base"]) < 1e-5


@pytest.mark.parametrize(("embedding", "parameters"), [(768, 15_910_856), (512, 15_845_320)])
def test_the_published_sizes_have_the_published_counts(embedding: int, parameters: int) -> None:
    with torch.device("meta"):
        network = FinallyGenerator(FinallyConfig(embedding=embedding))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert len(network.state_dict()) == 311


@torch.inference_mode()
def test_an_embedding_of_any_pace_conditions_it() -> None:
    torch.manual_seed(0)
    network = FinallyGenerator(FinallyConfig.from_published(SMALL)).eval()
    audio = noise(900)[None]
    silent, base = network(audio, torch.zeros(1, 12, 1))
    assert (silent.shape, base.shape) == ((1, 2, 1800), (1, 2, 900))
    spoken, _ = network(audio, 30 * torch.randn(1, 12, 7))
    assert peak_error(spoken, silent) > 1e-4
    with pytest.raises(ValueError, match="takes 32 frames at once, got 38"):
        network(noise(1200)[None], torch.zeros(1, 12, 1))


def test_an_embedding_may_be_brought_to_another_size() -> None:
    config = FinallyConfig.from_published({**SMALL, "pretrained_embedding_dim": 5})
    network = FinallyGenerator(config).eval()
    assert network.embedding_proj is not None
    assert network.hifi.proj.in_channels == 16 + 5


def test_what_would_be_another_network_is_refused() -> None:
    with pytest.raises(ValueError, match="target_sample_rate must be one of 48000, got 44100"):
        FinallyConfig.from_published({**SMALL, "target_sample_rate": 44100})
