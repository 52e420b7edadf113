from collections.abc import Callable

import pytest
import torch

from restem.models.dttnet import DTTNet, DTTNetConfig
from restem.models.tfc_tdf import BandSequenceConfig
from tests.support.golden import Golden, peak_error

SMALL = DTTNetConfig(
    n_fft=64,
    hop_length=16,
    bins=24,
    growth=16,
    squeeze=2,
    recurrence=BandSequenceConfig(layers=1, heads=1),
)
BASS = DTTNetConfig(bins=864, squeeze=2)


@pytest.fixture
def network() -> DTTNet:
    torch.manual_seed(0)
    return DTTNet(SMALL).eval()


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("dttnet_small")
    network = DTTNet(DTTNetConfig.from_published(reference.params))
    assert set(network.state_dict()) == {*reference.state, *reference.empty_keys}
    assert reference.error(network) < 1e-5


@pytest.mark.parametrize(("config", "count"), [(DTTNetConfig(), 4_968_712), (BASS, 4_199_368)])
def test_the_full_size_is_the_published_one(config: DTTNetConfig, count: int) -> None:
    with torch.device("meta"):
        network = DTTNet(config)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert len(network.state_dict()) == 440


def test_the_published_files_are_read_unchanged() -> None:
    shared = {
        "_target_": "src.dp_tdf.dp_tdf_net.DPTDFNet",
        "lr": 0.0001,
        "optimizer": "adamW",
        "dim_t": 256,
        "n_fft": 6144,
        "hop_length": 1024,
        "overlap": 3072,
        "audio_ch": 2,
        "block_type": "TFC_TDF_Res2",
        "num_blocks": 5,
        "l": 3,
        "g": 32,
        "k": 3,
        "bias": False,
        "bn_norm": "BN",
        "bandsequence": {
            "rnn_type": "LSTM",
            "bidirectional": True,
            "num_layers": 4,
            "n_heads": 2,
        },
    }
    vocals = {**shared, "target_name": "vocals", "dim_f": 2048, "bn": 8}
    bass = {**shared, "target_name": "bass", "dim_f": 864, "bn": 2}
    assert DTTNetConfig.from_published(vocals) == DTTNetConfig()
    assert DTTNetConfig.from_published(bass) == BASS


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown key 'RoPEParams', 'hopp'; expected one of .*bn"):
        DTTNetConfig.from_published({"hopp": 1, "RoPEParams": {}})


def test_the_published_chunks_need_no_padding() -> None:
    config = DTTNetConfig()
    assert config.padded_length(1024 * 255) == 1024 * 255
    assert config.padded_length(1024 * 511) == 1024 * 511
    assert config.padded_length(1024 * 255 + 1) == 1024 * 259


@pytest.mark.parametrize("length", [0, 1, 13, 47, 48, 49, 480, 1000, 1008])
def test_any_length_comes_back(network: DTTNet, length: int) -> None:
    audio = torch.randn(2, 2, length)
    with torch.inference_mode():
        assert network(audio).shape == audio.shape


@torch.inference_mode()
def test_a_length_off_the_grid_is_met_by_silence(network: DTTNet) -> None:
    audio = torch.randn(1, 2, 1000)
    padded = torch.nn.functional.pad(audio, (0, SMALL.padded_length(1000) - 1000))
    assert padded.shape[-1] == 1008  # 64 frames
    assert peak_error(network(audio), network(padded)[..., :1000]) < 1e-5


@torch.inference_mode()
def test_items_of_a_batch_do_not_hear_each_other(network: DTTNet) -> None:
    audio = torch.randn(3, 2, 500)
    assert peak_error(network(audio)[1:2], network(audio[1:2])) < 1e-5


def test_every_trained_parameter_has_a_gradient(network: DTTNet) -> None:
    network.train()(torch.randn(2, 2, 500)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name
    assert not network.window.requires_grad
