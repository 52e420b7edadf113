"""Small seeded models: the shapes of the real ones at a thousandth of the cost."""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch
from zlib import crc32

import pytest
import torch
from torch import Tensor, nn

from restem.models.dtt_bsr import DTTBSR, DTTBSRConfig
from restem.models.dttnet import DTTNet, DTTNetConfig
from restem.models.embedded import EmbeddedCascade, EmbeddedConfig
from restem.models.spleeter import Spleeter, SpleeterConfig
from restem.models.tfc_tdf import UNet
from restem.streamer import builder
from restem.streamer.builder import build_profile
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Extraction, Series
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import (
    SEEDED,
    Profile,
    RepairConfig,
    SeparatorConfig,
    Window,
    read_profile,
)

needs_zimtohrli = pytest.mark.skipif(
    find_spec("zimtohrli") is None, reason="needs zimtohrli: pip install restem[evaluate]"
)
RNN = {"rnn_type": "LSTM", "bidirectional": True, "num_layers": 1, "n_heads": 1}
ATTENTION = {
    "depth": 1,
    "dim_head": 16,
    "heads": 1,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
}
ROFORMER: dict[str, Any] = {
    "instruments": ["vocals", "drums"],
    "num_stems": 2,
    "stereo": True,
    "dim": 16,
    "depth": 2,
    "heads": 2,
    "dim_head": 8,
    "time_transformer_depth": 1,
    "freq_transformer_depth": 1,
    "stft_n_fft": 256,
    "stft_hop_length": 64,
    "stft_win_length": 256,
    "mask_estimator_depth": 2,
    "mlp_expansion_factor": 2,
}
MEL: dict[str, Any] = {
    "hidden_channels": 16,
    "num_layers": 2,
    "window_size": 512,
    "hop_size": 128,
    "sample_rate": 48000,
}
PARAMS: dict[str, dict[str, Any]] = {
    "dtt-bsr": {
        "dim_f": 129,
        "n_fft": 256,
        "hop_length": 128,
        "l": 1,
        "g": 16,
        "bandsequence": RNN,
        "RoPEParams": ATTENTION,
    },
    "dttnet": {
        "dim_f": 96,
        "n_fft": 256,
        "hop_length": 128,
        "dim_t": 32,
        "l": 1,
        "g": 16,
        "bandsequence": RNN,
    },
    "demucs-l": {"channels": 4, "depth": 3},
    "spleeter": {
        "instrument_list": ["vocals", "accompaniment"],
        "frame_length": 256,
        "frame_step": 64,
        "F": 96,
        "conv_n_filters": [4, 8],
    },
    "mel-rnn": {**MEL, "num_groups": 2},
    "bsrnn": {
        "n_fft": 256,
        "bandsplits": [[4000, 1000], [16000, 4000]],
        "t_timesteps": 49,
        "fc_dim": 8,
        "rnn_dim": 8,
        "num_layers": 1,
        "mlp_dim": 8,
        "featurizer": {"n_fft": 256, "win_length": 256, "hop_length": 64},
    },
    "mel-roformer": {**MEL, "num_heads": 2},
    "mel-unet": {**MEL, "upsampling_factor": 2},
    "mdx23c": {
        "instruments": ["vocals", "drums"],
        "audio": {"n_fft": 256, "hop_length": 64, "dim_f": 128, "chunk_size": 64 * 31},
        "model": {"num_channels": 8, "growth": 8, "num_scales": 2},
    },
    "bs-roformer": {**ROFORMER, "freqs_per_bands": [4] * 8 + [16] * 6 + [1]},
    "mel-band-roformer": {**ROFORMER, "num_bands": 12},
    "cpjku-separator": {
        **ROFORMER,
        "freqs_per_bands": [4] * 8 + [16] * 6 + [1],
        "resample_to_44100_for_model": True,
        "lora_config": {"enabled": True, "r": 2},
    },
}

UNETS: dict[str, tuple[Any, Any]] = {
    "dtt-bsr": (DTTBSR, DTTBSRConfig),
    "dttnet": (DTTNet, DTTNetConfig),
}

# A profile of a small untrained network, as a user might write one.
PROFILE = """
description: a small network without training
stems: [vocals, bass, drums]
separator:
  network: embedded
  weights: seeded
  params: {n_fft: 2048, hop_length: 1024, bands: [[8, 16, 1], [8, 28, 4]], separator_dim: 8,
           summary_dim: 8, repair_dim: 8}
"""


class Halves:
    """An offline network that needs no context: the mix, cut in two unequal parts."""

    sample_rate = 48000
    channels = 2
    stems = ("vocals", "drums")
    input_shape = (2,)
    device = torch.device("cpu")

    def __call__(self, mix: Tensor) -> Tensor:
        return torch.stack((0.25 * mix, 0.75 * mix))


def noise(samples: int, seed: int = 0, channels: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, samples, generator=generator)


def embedded(seed: int = 0, **params: Any) -> EmbeddedCascade:
    """The embedded cascade with three stems, 64 samples a step."""
    params = {"n_fft": 128, "bands": ((8, 2, 1), (4, 3, 4)), **params}
    config = EmbeddedConfig(
        stems=("vocals", "bass", "drums"),
        hop_length=64,
        separator_dim=8,
        summary_dim=8,
        repair_dim=8,
        **params,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = EmbeddedCascade(config).eval()
        for weight in model.gain.weight:
            weight.data.normal_(std=0.3)
    return model.requires_grad_(False)


def unets(kind: str, count: int = 3, **params: Any) -> list[UNet]:
    """Networks with statistics and gains that do something, as after training."""
    network, config = UNETS[kind]
    built = []
    with torch.random.fork_rng(devices=[]):
        for seed in range(count):
            torch.manual_seed(seed)
            made = network(config.from_published({**PARAMS[kind], **params}))
            for name, value in made.named_buffers():
                if name.endswith("running_mean"):
                    value.normal_(0, 0.2)
                if name.endswith("running_var"):
                    value.uniform_(0.5, 2)
            for name, weight in made.named_parameters():
                if "norm" in name:
                    weight.data.uniform_(0.5, 1.5)
            built.append(made.eval().requires_grad_(False))
    return built


def seeded(profile: Profile) -> Profile:
    """The same profile with small networks full of noise."""
    stages = {
        name: replace(stage, weights=SEEDED, params=PARAMS[stage.network])
        for name, stage in profile.stages.items()
        if stage.network in PARAMS
    }
    return replace(profile, **stages, precision="float32")


def windowed(network: str, repair: bool | None, **window: int) -> StreamingModel:
    """A small separator in windows; `repair` is None for none, else whether it is exact."""
    profile = Profile(
        description="small",
        separator=SeparatorConfig(network, SEEDED, PARAMS[network], Window(**window)),
        repair=None
        if repair is None
        else RepairConfig(weights=SEEDED, params=PARAMS["demucs-l"], exact=repair),
        stems=("vocals", "drums"),
    )
    return built(profile)


def spleeter(seed: int = 0, **params: Any) -> Spleeter:
    """A small Spleeter whose masks are not all about a half; its window's frames halve twice."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = SpleeterConfig.from_published({**PARAMS["spleeter"], **params})
        network = Spleeter(config).eval()
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.2)
            if name.endswith("running_var"):
                value.uniform_(0.5, 2)
        for name, weight in network.named_parameters():
            if name.endswith(f"up{len(config.features) + 1}.0.weight"):
                weight.data.normal_(0, 0.5)
    return network.requires_grad_(False)


def extraction(block_size: int = 64) -> Extraction:
    """Vocals from windows of a small Spleeter, the rest from the embedded cascade."""
    network = spleeter(sample_rate=48000).select(["vocals"])
    context = 960 - block_size - 128
    first = Chunked(network, block_size=block_size, context=context, fade=16, lookahead=112)
    return Extraction(first, embedded().select(["bass", "drums"]), ("vocals", "bass", "drums"))


def small_models() -> dict[str, StreamingModel]:
    """One of every kind of streaming model there is."""
    window = {"context": 1024, "block_size": 1024, "fade": 256, "lookahead": 768}
    return {
        "halves": Chunked(Halves(), block_size=48, context=7, fade=5, lookahead=11),
        "embedded": embedded(),
        "dtt-bsr": windowed("dtt-bsr", None, **window),
        "dttnet": windowed("dttnet", None, **window),
        "roformer": windowed("bs-roformer", None, **window),
        "mel-unet": windowed("mel-unet", None, **window),
        "bsrnn": windowed("bsrnn", None, **window),
        "cascade in one window": windowed("dtt-bsr", False, **window),
        "cascade with exact repair": windowed("dtt-bsr", True, **window),
        "extraction": extraction(),
    }


def shipped(name: str) -> StreamingModel:
    """A profile of the package with its own windows, small networks, one stem of each separator."""
    profile = seeded(read_profile(name))
    return built(profile, profile.stems[: 1 if profile.extractor is None else 2])


def built(profile: Profile, stems: Sequence[str] | None = None) -> StreamingModel:
    """A profile with weights that let the input through: as first drawn, answers are biases."""
    draw = builder._network

    def lively(config: RepairConfig, weights: str, seed: int) -> Any:
        network = draw(config, weights, seed)
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
                generator = torch.Generator().manual_seed(crc32(f"{seed} {name}".encode()))
                layer.weight.normal_(std=2 * layer.weight[0].numel() ** -0.5, generator=generator)
                layer.bias.zero_()
        return network

    with patch.object(builder, "_network", lively):
        return build_profile(profile, "cpu", stems)


def transparent(model: StreamingModel) -> StreamingModel:
    """The same windows around a network that changes nothing: every stem is the mix."""
    if isinstance(model, Series):
        return Series(*map(transparent, model.models))
    assert isinstance(model, Chunked)
    clear = copy(model)
    clear.network = Transparent(model.network.stems, model.network.input_shape)
    return clear


class Transparent(Halves):
    def __init__(self, stems: tuple[str, ...], input_shape: tuple[int, ...]) -> None:
        self.stems, self.input_shape = stems, input_shape

    def __call__(self, audio: Tensor) -> Tensor:
        return audio if audio.ndim == 3 else audio.expand(len(self.stems), -1, -1)
