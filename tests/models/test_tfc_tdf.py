import pytest
import torch

from restem.models.tfc_tdf import (
    TDF,
    TFC,
    BandSequence,
    BandSequenceConfig,
    Block,
    UNetConfig,
    UpSample,
    analyse,
    published_options,
    synthesise,
)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def test_an_unknown_key_is_named_together_with_the_expected_ones() -> None:
    with pytest.raises(ValueError, match=r"model.params: unknown key 'hopp'; .*dim_f.*hop_length"):
        UNetConfig.from_published({"hopp": 512})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"block_type": "TFC_TDF"}, "block_type must be one of TFC_TDF_Res2, got 'TFC_TDF'"),
        ({"bn_norm": "GN"}, "bn_norm must be one of BN, syncBN, got 'GN'"),
        ({"bandsequence": {"rnn_type": "GRU"}}, "rnn_type must be one of LSTM, got 'GRU'"),
        ({"bandsequence": {"depth": 4}}, "bandsequence: unknown key 'depth'"),
        ({"bn": None}, r"squeeze must be in \[1, 256\], got None"),
        ({"bn": 0}, r"squeeze must be in \[1, 256\], got 0"),
        ({"dim_f": 1026}, r"bins must be in \[1, 1025\], got 1026"),
        ({"k": 4}, "kernel_size must be odd, got 4"),
        ({"g": 30}, r"growth \* \(levels \+ 1\) must be a multiple of 16 \* heads = 32, got 90"),
    ],
)
def test_what_the_network_cannot_be_is_refused_in_one_line(
    params: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        UNetConfig.from_published(params)
    assert "\n" not in str(refusal.value)


def test_published_options_are_renamed_and_those_without_effect_dropped() -> None:
    options = published_options("x", {"bn": 2, "lr": 1.0}, {"bn": "squeeze"}, ("lr",))
    assert options == {"squeeze": 2}


def test_blocks_count_both_sides_and_the_bottom() -> None:
    assert UNetConfig.from_published({"num_blocks": 5, "bn_norm": "syncBN"}) == UNetConfig()
    assert UNetConfig.from_published({"num_blocks": 7}).levels == 3


@pytest.mark.parametrize(("frames", "bins"), [(1, 4), (5, 13), (8, 16)])
def test_convolutions_and_blocks_keep_the_size(frames: int, bins: int) -> None:
    x = torch.randn(2, 8, frames, bins)
    assert TFC(8, 3, 3)(x).shape == x.shape
    assert Block(UNetConfig(), 8, bins)(x).shape == x.shape


def test_a_tdf_mixes_frequencies_and_never_frames() -> None:
    x = torch.randn(1, 8, 5, 12)
    other = x.clone()
    other[:, :, 2] += torch.randn(12)
    tdf = TDF(8, 12, squeeze=2, bias=False).eval()
    changed = (tdf(x) - tdf(other)).abs().amax(dim=(0, 1, 3)) > 0
    assert changed.tolist() == [False, False, True, False, False]


@pytest.mark.parametrize(("frames", "bins"), [(4, 8), (5, 8), (4, 9), (5, 9)])
def test_up_sampling_gives_back_the_size_that_was_halved(frames: int, bins: int) -> None:
    like = torch.empty(1, 8, frames, bins)
    halved = torch.randn(1, 16, frames // 2, bins // 2)
    up = UpSample(16, 8, ("conv", "norm"))
    assert up(halved, like).shape == like.shape
    assert {key.split(".")[0] for key in up.state_dict()} == {"conv", "norm"}


def test_the_heads_of_the_recurrences_never_meet() -> None:
    x = torch.randn(2, 64, 4, 6)
    other = x.clone()
    other[:, :32] += torch.randn(2, 32, 4, 6)
    recurrence = BandSequence(BandSequenceConfig(layers=2, heads=2), 64)
    difference = recurrence(x) - recurrence(other)
    assert difference[:, :32].abs().min() > 0
    assert difference[:, 32:].abs().max() == 0


def test_a_layer_of_recurrences_reaches_every_frame_and_every_bin() -> None:
    x = torch.randn(1, 16, 4, 6)
    other = x.clone()
    other[0, :, 1, 2] += torch.randn(16)
    recurrence = BandSequence(BandSequenceConfig(layers=1, heads=1), 16)
    assert (recurrence(x) - recurrence(other)).abs().amax(1).min() > 0


def test_recurrences_that_add_nothing_give_their_input_back() -> None:
    recurrence = BandSequence(BandSequenceConfig(layers=2, heads=1), 16)
    for name, parameter in recurrence.named_parameters():
        if ".fc." in name:
            torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 16, 3, 5)
    assert torch.equal(recurrence(x), x)


def test_analysis_and_synthesis_with_every_bin_cancel() -> None:
    config = UNetConfig(
        channels=2,
        n_fft=64,
        hop_length=16,
        bins=33,
        growth=16,
        recurrence=BandSequenceConfig(layers=1, heads=1),
    )
    window, audio = torch.hann_window(64), torch.randn(3, 2, 500)
    spectrum = analyse(audio, window, config)
    assert spectrum.shape == (3, 4, 32, 33)
    assert torch.allclose(synthesise(spectrum, window, config, 500), audio, atol=1e-5)
