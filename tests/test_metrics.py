import librosa
import pytest
import torch

from models.training.metrics import RESOLUTIONS, mel_filters, mmsnr
from tests.small import noise


@pytest.mark.filterwarnings("ignore:Empty filters detected")  # the metric is defined so
@pytest.mark.parametrize(("n_fft", "hop_length", "mels"), RESOLUTIONS)
def test_mel_filters_are_the_htk_ones(n_fft: int, hop_length: int, mels: int) -> None:
    expected = librosa.filters.mel(
        sr=48000, n_fft=n_fft, n_mels=mels, fmin=0, fmax=24000, htk=True, norm=None
    )
    torch.testing.assert_close(
        mel_filters(48000, n_fft, mels), torch.from_numpy(expected).float(), rtol=0, atol=2e-5
    )


def test_a_perfect_estimate_scores_high_whatever_its_level() -> None:
    reference = noise(48000)
    for level in (0.01, 1.0, 30.0, -1.0):
        assert mmsnr(reference, level * reference) > 60


def test_less_noise_scores_higher() -> None:
    reference, other = noise(48000), noise(48000, seed=1)
    scores = [mmsnr(reference, reference + level * other) for level in (1.0, 0.3, 0.1, 0.03)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 20


def test_an_unrelated_estimate_scores_about_nothing() -> None:
    assert abs(mmsnr(noise(48000), noise(48000, seed=1))) < 0.2


def test_a_shift_of_a_millisecond_ruins_the_score() -> None:
    reference = noise(48000)
    assert mmsnr(reference, reference.roll(48, dims=-1)) < 1


def test_the_score_is_the_mean_of_the_channels() -> None:
    reference, estimate = noise(48000), noise(48000) + 0.3 * noise(48000, seed=1)
    left, right = (mmsnr(reference[[i]], estimate[[i]]) for i in (0, 1))
    assert mmsnr(reference, estimate) == pytest.approx((left + right) / 2, abs=1e-4)


def test_a_silent_reference_has_no_score() -> None:
    assert torch.isnan(torch.tensor(mmsnr(torch.zeros(2, 48000), noise(48000))))
