import math
import sys

import librosa
import numpy as np
import pytest
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import Tensor

from restem.models.training.metrics import (
    RESOLUTIONS,
    Frechet,
    Gaussian,
    frechet,
    mel_filters,
    mmsnr,
    sdr,
    si_sdr,
    zimtohrli,
)
from tests.support.tiny_networks import needs_zimtohrli, noise

Floats = NDArray[np.float64]
CLIP_METRICS = [
    mmsnr,
    si_sdr,
    pytest.param(lambda r, e: zimtohrli(r, e, 48000), marks=needs_zimtohrli, id="zimtohrli"),
]


@pytest.mark.filterwarnings("ignore:Empty filters detected")  # the metric is defined so
@pytest.mark.parametrize(("n_fft", "hop_length", "mels"), RESOLUTIONS)
def test_mel_filters_are_the_htk_ones(n_fft: int, hop_length: int, mels: int) -> None:
    expected = librosa.filters.mel(
        sr=48000, n_fft=n_fft, n_mels=mels, fmin=0, fmax=24000, htk=True, norm=None
    )
    torch.testing.assert_close(
        mel_filters(48000, n_fft, mels), torch.from_numpy(expected).float(), rtol=0, atol=2e-5
    )


def mmsnr_by_the_book(reference: Tensor, estimate: Tensor) -> float:
    """The challenge's definition once more, frame by frame in float64, channel by channel."""
    scores = []
    for r, p in zip(reference.double().numpy(), estimate.double().numpy(), strict=True):
        if not r.any():
            continue
        p = (r @ p) / (p @ p + 1e-8) * p
        for n_fft, hop_length, mels in ((512, 256, 80), (1024, 512, 128), (2048, 1024, 192)):
            filters = librosa.filters.mel(
                sr=48000, n_fft=n_fft, n_mels=mels, fmin=0, fmax=24000, htk=True, norm=None
            )
            one, other = (filters @ power_frames(x, n_fft, hop_length) for x in (r, p))
            error = np.sum((one - other) ** 2) + 1e-8
            scores.append(10 * math.log10(np.sum(one**2) / error))
    return float(np.mean(scores))


def power_frames(signal: Floats, n_fft: int, hop_length: int) -> Floats:
    """[f, t]"""
    padded = np.pad(signal, n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop_length]
    window = scipy.signal.get_window("hann", n_fft, fftbins=True)
    return np.abs(np.fft.rfft(frames * window)).T ** 2


def melody(samples: int = 24000) -> Tensor:
    """Two notes, another pair in each channel."""
    time = torch.arange(samples) / 48000
    left, right = (
        0.3 * torch.sin(2 * math.pi * low * time) + 0.1 * torch.sin(2 * math.pi * high * time)
        for low, high in ((110, 1760), (220, 5000))
    )
    return torch.stack((left, right)) * torch.linspace(1, 0.2, samples)


CASES = {
    "random": (noise(24000), noise(24000, seed=1)),
    "noisy": (melody(), melody() + noise(24000)),
    "quiet": (melody(), 1e-3 * (melody() + 0.1 * noise(24000))),
    "inverted": (melody(), -2 * melody() + noise(24000, seed=2)),
    "shifted": (melody(), melody().roll(48, dims=-1)),
    "silent estimate": (melody(), torch.zeros(2, 24000)),
    "one channel silent": (melody() * torch.tensor([[1.0], [0.0]]), noise(24000)),
    "a mix": (melody(), melody() + noise(24000, seed=3) + 0.2),
    "odd length": (noise(12345), noise(12345) + 0.3 * noise(12345, seed=4)),
}


@pytest.mark.filterwarnings("ignore:Empty filters detected")
@pytest.mark.parametrize("case", CASES)
def test_mmsnr_is_the_challenges(case: str) -> None:
    reference, estimate = CASES[case]
    assert mmsnr(reference, estimate) == pytest.approx(
        mmsnr_by_the_book(reference, estimate), abs=2e-3
    )


@pytest.mark.parametrize("level", [0.01, 1.0, 30.0, -1.0])
def test_a_perfect_estimate_scores_high_whatever_its_level(level: float) -> None:
    reference = noise(48000)
    assert mmsnr(reference, level * reference) > 60
    assert si_sdr(reference, level * reference) > 60


@pytest.mark.parametrize("metric", [mmsnr, si_sdr])
def test_less_noise_scores_higher(metric: type[mmsnr]) -> None:
    reference, other = noise(48000), noise(48000, seed=1)
    scores = [metric(reference, reference + level * other) for level in (1.0, 0.3, 0.1, 0.03)]
    assert scores == sorted(scores)
    assert scores[-1] - scores[0] > 20


def test_an_unrelated_estimate_scores_about_nothing() -> None:
    assert abs(mmsnr(noise(48000), noise(48000, seed=1))) < 0.2


def test_a_shift_of_a_millisecond_ruins_the_score() -> None:
    reference = noise(48000)
    assert mmsnr(reference, reference.roll(48, dims=-1)) < 1


@pytest.mark.parametrize("metric", [mmsnr, si_sdr])
def test_the_score_is_the_mean_of_the_channels(metric: type[mmsnr]) -> None:
    reference, estimate = noise(48000), noise(48000) + 0.3 * noise(48000, seed=1)
    estimate[1] += noise(48000, seed=2)[1]
    left, right = (metric(reference[[i]], estimate[[i]]) for i in (0, 1))
    assert metric(reference, estimate) == pytest.approx((left + right) / 2, abs=1e-4)
    assert left > right + 2


@pytest.mark.parametrize("metric", CLIP_METRICS)
def test_channels_in_which_the_reference_is_silent_do_not_count(metric: type[mmsnr]) -> None:
    reference, estimate = noise(48000), noise(48000) + 0.3 * noise(48000, seed=1)
    reference[1] = 0
    assert metric(reference, estimate) == pytest.approx(metric(reference[:1], estimate[:1]))
    assert math.isnan(metric(torch.zeros(2, 48000), estimate))


@pytest.mark.parametrize("metric", CLIP_METRICS)
def test_signals_of_two_shapes_are_refused(metric: type[mmsnr]) -> None:
    for estimate in (noise(47999), noise(48000, channels=1)):
        with pytest.raises(ValueError, match="one shape"):
            metric(noise(48000), estimate)


@pytest.mark.parametrize("ratio_db", [-20.0, 0.0, 35.0])
def test_si_sdr_is_the_ratio_of_a_stem_and_what_is_orthogonal_to_it(ratio_db: float) -> None:
    stem, rest = noise(48000).double(), noise(48000, seed=1).double()
    rest -= (rest * stem).sum(-1, True) / stem.square().sum(-1, True) * stem
    rest *= (stem.square().sum(-1, True) / rest.square().sum(-1, True)).sqrt()
    mix = 7 * (stem + 10 ** (-ratio_db / 20) * rest)
    assert si_sdr(stem, mix) == pytest.approx(ratio_db, abs=1e-6)


def test_si_sdr_stays_finite() -> None:
    reference = noise(48000)
    assert si_sdr(reference, torch.zeros(2, 48000)) == -100
    assert si_sdr(reference, 2 * reference) == 100


@needs_zimtohrli
def test_zimtohrli_is_the_packages_distance_channel_by_channel() -> None:
    from zimtohrli import Pyohrli

    reference, estimate = melody(48000), melody(48000) + 0.3 * noise(48000)
    expected = [
        Pyohrli().distance(r, e) for r, e in zip(reference.numpy(), estimate.numpy(), strict=True)
    ]
    assert zimtohrli(reference, estimate, 48000) == pytest.approx(np.mean(expected))
    assert zimtohrli(reference, reference, 48000) == 0


@needs_zimtohrli
def test_zimtohrli_hears_the_same_at_another_sample_rate() -> None:
    def tones(sample_rate: int, level: float) -> Tensor:
        time = torch.arange(sample_rate) / sample_rate
        signal = sum(torch.sin(2 * math.pi * f * time) for f in (200, 900, 3000))
        return (0.1 * signal + level * torch.sin(2 * math.pi * 1300 * time)).expand(2, -1)

    here, there = (zimtohrli(tones(r, 0.0), tones(r, 0.1), r) for r in (48000, 44100))
    assert there == pytest.approx(here, rel=0.05)
    assert here > 1e-4


@needs_zimtohrli
def test_zimtohrli_refuses_what_would_make_it_crash() -> None:
    with pytest.raises(ValueError, match=r"at least 0\.2 s, got 4800 samples"):
        zimtohrli(noise(4800), noise(4800, seed=1), 48000)


def test_a_missing_zimtohrli_is_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from restem.models.training import metrics

    monkeypatch.setitem(sys.modules, "zimtohrli", None)
    metrics._zimtohrli.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"pip install restem\[evaluate\]"):
        zimtohrli(noise(48000), noise(48000), 48000)


def cloud(items: int, dim: int, seed: int = 0) -> Floats:
    """Items with correlated features around a centre of their own."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((items, dim)) @ rng.standard_normal((dim, dim)) + rng.uniform(9, 11)


def gaussian(items: Floats, batch: int = 7) -> Gaussian:
    answer = Gaussian()
    for start in range(0, len(items), batch):
        answer.add(items[start : start + batch])
    return answer


@pytest.mark.parametrize("batch", [1, 7, 50])
def test_a_gaussian_has_the_mean_and_covariance_of_all_items_however_they_come(batch: int) -> None:
    items = cloud(50, 4) + 1e6  # far away, where sums of squares would lose their digits
    found = gaussian(items, batch)
    np.testing.assert_allclose(found.mean, items.mean(axis=0))
    np.testing.assert_allclose(found.covariance, np.cov(items.T), rtol=1e-6)


def test_the_frechet_distance_is_that_of_the_definition() -> None:
    one, other = cloud(300, 5), cloud(200, 5, seed=1)
    s_r, s_g = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(s_r @ s_g).real
    found = frechet(gaussian(one), gaussian(other))
    assert found.mean == pytest.approx(np.sum((one.mean(axis=0) - other.mean(axis=0)) ** 2))
    assert found.covariance == pytest.approx(np.trace(s_r + s_g - 2 * root))
    assert found.distance == found.mean + found.covariance


def test_a_shift_is_all_in_the_mean_term() -> None:
    items = cloud(100, 5)
    found = frechet(gaussian(items), gaussian(items + np.array([3, 0, 0, 4, 0])))
    assert found.mean == pytest.approx(25)
    assert found.covariance == pytest.approx(0, abs=1e-9)


def test_a_change_of_spread_is_all_in_the_covariance_term() -> None:
    items = cloud(100, 5)
    centre = items.mean(axis=0)
    found = frechet(gaussian(items), gaussian(centre + 3 * (items - centre)))
    assert found.mean == pytest.approx(0, abs=1e-9)
    assert found.covariance == pytest.approx(4 * np.trace(np.cov(items.T)))


def test_singular_covariances_do_no_harm() -> None:
    few = cloud(3, 40)  # rank 2
    same = frechet(gaussian(few), gaussian(few))
    assert same.mean == 0
    assert same.covariance == pytest.approx(0, abs=1e-9 * np.trace(np.cov(few.T)))
    still = gaussian(np.ones((10, 40)))
    assert frechet(gaussian(few), still).covariance == pytest.approx(np.trace(np.cov(few.T)))


def test_one_item_has_no_distance() -> None:
    found: Frechet = frechet(gaussian(cloud(9, 3)), gaussian(cloud(1, 3)))
    assert math.isnan(found.distance)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (np.ones(3), r"must be \[items, 3\], got \[3\]"),
        (np.ones((2, 4)), r"must be \[items, 3\], got \[2, 4\]"),
        (np.full((2, 3), np.nan), "must be finite"),
    ],
)
def test_items_that_do_not_fit_are_refused(items: Floats, message: str) -> None:
    known = gaussian(cloud(9, 3))
    with pytest.raises(ValueError, match=message):
        known.add(items)
    assert known.count == 9


def test_sdr_is_the_median_over_seconds_as_musevals() -> None:
    reference = noise(8 * 1000, seed=3)
    errors = torch.tensor([0.1, 0.5, 0.02, 1.0, 0.3, 0.2, 0.7, 0.05]).repeat_interleave(1000)
    estimate = reference + errors * noise(8 * 1000, seed=4)
    reference[:, 4000:5000] = 0  # a silent window is left out
    estimate = torch.cat((estimate, noise(500, seed=5)), dim=-1)  # half a window, too
    reference = torch.cat((reference, noise(500, seed=6)), dim=-1)
    # The nanmedian of museval 0.4.1's bss_eval with window and hop of 1000.
    assert sdr(reference, estimate, 1000) == pytest.approx(14.018153, abs=1e-5)
    assert sdr(reference, reference, 1000) == 100
    assert math.isnan(sdr(0 * reference, estimate, 1000))


def test_sdr_counts_level_and_takes_clips_shorter_than_a_second() -> None:
    clip = noise(700)
    assert sdr(clip, 0.5 * clip, 1000) == pytest.approx(20 * math.log10(2), abs=1e-4)
    with pytest.raises(ValueError, match="must be alike"):
        sdr(clip, clip[:, :-1], 1000)
