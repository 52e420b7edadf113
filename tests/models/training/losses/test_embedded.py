import torch

from restem.models.embedded import EmbeddedConfig, spread
from restem.models.training.losses.embedded import Powers, grid_weight, pooled_powers, spectral_loss

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


def cross(powers: Powers) -> torch.Tensor:
    return torch.complex(*powers.xt)


def test_pooled_powers_give_the_error_of_any_gain() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, targets, CONFIG)
    other = batch(seed=1)[1]
    error = other.abs() ** 2 * powers.xx - 2 * (other.conj() * cross(powers)).real + powers.tt
    true = (spread(other, CONFIG.pools) * mix.unsqueeze(1) - targets).abs() ** 2
    width = torch.cat([torch.full((p,), float(size)) for p, size in CONFIG.pools])[:, None]
    torch.testing.assert_close((error * width).sum(), true.sum(), rtol=1e-4, atol=0)
    right = gains.abs() ** 2 * powers.xx - 2 * (gains.conj() * cross(powers)).real + powers.tt
    assert right.abs().max() < 1e-4 * powers.tt.max()


def test_silent_stems_have_no_power() -> None:
    mix, _, targets = batch()
    targets[1, 0] = 0
    powers = pooled_powers(mix, targets, CONFIG)
    assert not powers.tt[1, 0].any()
    assert not cross(powers)[1, 0].any()
    assert powers.tt[0, 0].any()


def test_the_true_gain_has_the_least_loss() -> None:
    mix, gains, targets = batch()
    powers, weight = pooled_powers(mix, targets, CONFIG), grid_weight(CONFIG)
    best = spectral_loss(gains, powers, weight)
    for worse in (0.7 * gains, 1.4 * gains, gains * 1j, torch.zeros_like(gains)):
        assert spectral_loss(worse, powers, weight) > best + 0.01


def test_a_silent_target_wants_silence() -> None:
    mix, gains, targets = batch()
    powers = pooled_powers(mix, 0 * targets, CONFIG)
    losses = [spectral_loss(level * gains, powers, grid_weight(CONFIG)) for level in (0, 0.1, 1)]
    assert losses == sorted(losses)
    assert losses[0] < 1e-6


def test_some_stems_are_judged_as_among_all() -> None:
    mix, gains, targets = batch()
    powers, weight = pooled_powers(mix, targets, CONFIG), grid_weight(CONFIG)
    chosen = spectral_loss(0.5 * gains[:, [1]], powers.of([1]), weight)
    alone = spectral_loss(0.5 * gains[:, [1]], pooled_powers(mix, targets[:, [1]], CONFIG), weight)
    torch.testing.assert_close(chosen, alone)


def test_low_notes_weigh_more_than_their_share_of_bins() -> None:
    weight = grid_weight(CONFIG)[:, 0]
    assert torch.isclose(weight.mean(), torch.tensor(1.0))
    assert torch.all(weight[:16].diff() < 0)
