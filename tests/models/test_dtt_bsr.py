import pickle
from collections.abc import Callable

import pytest
import torch

from restem.models.dtt_bsr import DTTBSR, DTTBSRConfig
from restem.models.tfc_tdf import BandSequenceConfig
from restem.models.transformer import Rotary, TransformerConfig
from tests.support.golden import Golden, peak_error

SMALL = DTTBSRConfig(
    n_fft=64,
    hop_length=16,
    bins=33,
    growth=16,
    recurrence=BandSequenceConfig(layers=1, heads=1),
    transformer=TransformerConfig(
        depth=1, time_depth=1, frequency_depth=1, heads=2, head_features=8
    ),
)


@pytest.fixture
def network() -> DTTBSR:
    torch.manual_seed(0)
    return DTTBSR(SMALL).eval()


def test_the_answer_is_the_published_one(golden: Callable[[str], Golden]) -> None:
    reference = golden("dtt_bsr_small")
    network = DTTBSR(DTTBSRConfig.from_published(reference.params))
    assert set(network.state_dict()) == {*reference.state, *reference.empty_keys}
    assert reference.error(network) < 1e-5


def test_the_full_size_is_the_published_one() -> None:
    with torch.device("meta"):
        network = DTTBSR()
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_137_154
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    assert sum(parameter.numel() for parameter in trained) == 7_135_042
    assert len(network.state_dict()) == 533


def test_the_published_file_is_read_unchanged() -> None:
    params = {
        "dim_f": 1025,
        "n_fft": 2048,
        "hop_length": 512,
        "audio_ch": 1,
        "block_type": "TFC_TDF_Res2",
        "num_blocks": 5,
        "l": 3,
        "g": 32,
        "k": 3,
        "bn": 2,
        "bias": False,
        "bn_norm": "BN",
        "sample_rate": 48000,
        "hidden_channels": 128,
        "bandsequence": {
            "rnn_type": "LSTM",
            "bidirectional": True,
            "num_layers": 4,
            "n_heads": 2,
        },
        "RoPEParams": {
            "depth": 2,
            "dim_head": 64,
            "heads": 8,
            "time_transformer_depth": 2,
            "freq_transformer_depth": 2,
            "attn_dropout": 0.1,
            "ff_dropout": 0.1,
            "flash_attn": True,
        },
    }
    assert DTTBSRConfig.from_published(params) == DTTBSRConfig()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hopp": 1}, "model.params: unknown key 'hopp'; expected one of RoPEParams, audio_ch"),
        ({"RoPEParams": {"head": 8}}, "RoPEParams: unknown key 'head'; expected one of .*heads"),
        ({"RoPEParams": {"dim_head": 7}}, "head_features must be even, got 7"),
        ({"audio_ch": 2}, "channels must be 1 .*, got 2"),
    ],
)
def test_what_the_network_cannot_be_is_refused(params: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DTTBSRConfig.from_published(params)


@pytest.mark.parametrize("length", [0, 1, 13, 33, 48, 64, 65, 480, 1000])
def test_any_length_comes_back(network: DTTBSR, length: int) -> None:
    audio = torch.randn(2, length)
    with torch.inference_mode():
        assert network(audio).shape == audio.shape


@torch.inference_mode()
def test_items_of_a_batch_do_not_hear_each_other(network: DTTBSR) -> None:
    audio = torch.randn(3, 500)
    assert peak_error(network(audio)[1:2], network(audio[1:2])) < 1e-5


def test_a_network_that_has_inferred_can_still_be_trained(network: DTTBSR) -> None:
    audio = torch.randn(2, 500)
    with torch.inference_mode():
        network(audio)
    network.train()(audio).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (parameter.grad is not None), name


def test_mixed_precision_stays_close(network: DTTBSR) -> None:
    audio = torch.randn(1, 500)
    with torch.inference_mode():
        exact = network(audio)
        with torch.autocast("cpu", torch.bfloat16):
            mixed = network(audio)
    assert mixed.dtype == torch.float32
    assert peak_error(mixed, exact) < 0.1


def test_a_network_that_has_inferred_can_be_sent_to_another_process(network: DTTBSR) -> None:
    audio = torch.randn(1, 500)
    with torch.inference_mode():
        answer = network(audio)
        assert peak_error(pickle.loads(pickle.dumps(network))(audio), answer) < 1e-5


def test_rotary_products_depend_on_the_distance_alone() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 8).unbind()
    rotary = Rotary(8)
    queries, keys = rotary(query.expand(20, 8)), rotary(key.expand(20, 8))
    products = queries @ keys.T
    for distance in (-7, 0, 1, 12):
        diagonal = products.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert torch.equal(queries[0], query)


def test_the_rotary_table_is_kept_until_it_must_change() -> None:
    rotary = Rotary(8)
    table = rotary.table(20)
    assert rotary.table(5).data_ptr() == table.data_ptr()
    assert torch.equal(rotary.table(30)[:, :20], table)
    rotary.load_state_dict({"freqs": torch.zeros(4)})
    assert torch.equal(rotary.table(5), torch.tensor([1.0, 0.0])[:, None, None].expand(2, 5, 4))
    assert set(rotary.state_dict()) == {"freqs"}
    assert rotary.double().table(5).dtype == torch.float64
