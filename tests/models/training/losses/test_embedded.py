import pytest
import torch

from restem.models.embedded import EmbeddedConfig, spread
from restem.models.training.losses.embedded import (
    LossWeights,
    Powers,
    SpectralLoss,
    applied,
    pooled_powers,
)
from restem.models.training.metrics import mmsnr

CONFIG = EmbeddedConfig(
    stems=("vocals", "bass"),
    n_fft=128,
    hop_length=64,
    bands=((8, 2, 1), (4, 3, 4)),
)
GRID = sum(points for points, _ in CONFIG.pools)


def batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A mix [b, t, f, c], gains [b, s, t, g, c] and the targets that the gains make of the mix."""
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(3, 10, 64, 2, generator=generator, dtype=torch.complex64)
    gains = torch.randn(3, 2, 10, GRID, 2, generator=generator, dtype=torch.complex64)
    return mix, gains, spread(gains, CONFIG.pools) * mix.unsqueeze(1)


LOSS = SpectralLoss(CONFIG)


def judge(gain: torch.Tensor, powers: Powers, **weights: float) -> float:
    """The loss of some terms alone."""
    none = dict.fromkeys(("level", "snr", "si_sdr", "mel", "leakage"), 0.0)
    loss = SpectralLoss(CONFIG, LossWeights(**{**none, **weights})) if weights else LOSS
    return loss(gain, powers).item()


def test_pooled_powers_give_the_error_of_any_gain() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, targets, CONFIG)
    for gain in (batch(seed=1)[1], gains):
        estimate, cross = applied(gain[powers.rows], powers.xx[powers.rows[0]], powers.xt)
        error = (estimate - 2 * cross + powers.tt).mT @ LOSS.width
        true = (spread(gain, CONFIG.pools) * mix.unsqueeze(1) - targets).abs() ** 2
        expected = true.sum(3)[powers.rows]  # [r, t, c]
        torch.testing.assert_close(error, expected, rtol=1e-4, atol=1e-3)


def test_stems_that_play_and_silent_ones_are_told_apart() -> None:
    mix, _, targets = batch()
    targets[1, 0] = 0
    powers = pooled_powers(mix, targets, CONFIG)
    rows = list(zip(*(part.tolist() for part in powers.rows), strict=True))
    assert rows == [(0, 0), (0, 1), (1, 1), (2, 0), (2, 1)]
    assert [part.tolist() for part in powers.silent] == [[1], [0]]


def test_the_true_gain_has_the_least_loss() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, targets, CONFIG)
    best = judge(gains, powers)
    for worse in (0.7 * gains, 1.4 * gains, gains * 1j, torch.zeros_like(gains)):
        assert judge(worse, powers) > best + 0.01


def test_ratios_that_are_free_of_scale_see_no_scale() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, targets, CONFIG)
    other = gains + batch(seed=1)[1]
    for term in ("mel", "si_sdr"):
        losses = [judge(level * other, powers, **{term: 1.0}) for level in (0.1, 1, 3)]
        assert max(losses) - min(losses) < 1e-4
    assert judge(0.1 * other, powers, snr=1.0) != judge(other, powers, snr=1.0)


def test_the_mel_term_is_the_metric_as_far_as_frames_show_it() -> None:
    # A stationary target in stationary noise: what one frame shows, another does.
    config = EmbeddedConfig(stems=("vocals",), n_fft=2048, hop_length=1024, bands=((64, 16, 1),))
    generator = torch.Generator().manual_seed(0)
    shape = torch.exp(-torch.arange(20000) / 3000)
    noises = torch.randn(2, 2, 38000, generator=generator)
    target, other = (
        torch.fft.irfft(torch.fft.rfft(x)[..., :19001] * shape[:19001]) for x in noises
    )
    mix = target + 0.5 * other
    window = torch.hann_window(2048).sqrt()
    bins = [
        (torch.fft.rfft(x.unfold(-1, 2048, 1024) * window)[..., :-1]).movedim(0, -1)
        for x in (mix, target)
    ]
    powers = pooled_powers(bins[0][None], bins[1][None, None], config)
    loss = SpectralLoss(config, LossWeights(0, 0, 0, 1, 0))
    unit = torch.ones(1, 1, *powers.xx.shape[1:])
    assert abs(-10 * loss(unit, powers).item() - mmsnr(target, mix)) < 1.5


def test_silent_stems_want_silence_down_to_what_is_heard() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, 0 * targets, CONFIG)
    losses = [judge(level * gains, powers) for level in (0, 0.1, 1)]
    assert losses == sorted(losses)
    assert losses[0] < 1e-6
    assert judge(torch.ones_like(gains), powers, leakage=1.0) == pytest.approx(3, abs=0.01)


def test_some_stems_are_judged_as_among_all() -> None:
    mix, gains, targets = batch()
    targets[0, 1] = 0
    powers = pooled_powers(mix, targets, CONFIG)
    chosen = judge(0.5 * gains[:, [1]], powers.of([1]))
    alone = judge(0.5 * gains[:, [1]], pooled_powers(mix, targets[:, [1]], CONFIG))
    assert chosen == pytest.approx(alone, rel=1e-5)


def test_a_loss_of_nothing_is_finite_and_so_is_its_gradient() -> None:
    mix, gains, targets = batch()
    for x, t in ((mix, 0 * targets), (0 * mix, 0 * targets), (mix, 1e-12 * targets)):
        gain = torch.zeros_like(gains.real).requires_grad_()
        loss = LOSS(gain, pooled_powers(x, t, CONFIG))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(gain.grad).all()


def test_low_notes_weigh_more_than_their_share_of_bins() -> None:
    assert torch.isclose(LOSS.perceived.mean(), torch.tensor(1.0))
    assert torch.all(LOSS.perceived[:16].diff() < 0)
