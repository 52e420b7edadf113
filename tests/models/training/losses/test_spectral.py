import numpy as np
import pytest
import torch
from torch import Tensor

from restem.models.training.losses.spectral import LogMelLoss, MultiResolutionLoss, rotate_phase
from restem.models.training.metrics import mel_filters
from tests.support.tiny_networks import noise

N = 4800


def log_mel(estimate: Tensor, target: Tensor) -> float:
    return LogMelLoss(48000)(estimate, target).item()


def stft(estimate: Tensor, target: Tensor) -> tuple[float, float]:
    convergence, magnitude = MultiResolutionLoss()(estimate, target)
    return convergence.item(), magnitude.item()


def tone(phase: float = 0.0) -> Tensor:
    return torch.sin(torch.arange(N) * 0.2 + phase)[None]


def test_equal_signals_lose_nothing() -> None:
    assert log_mel(noise(N), noise(N)) == 0
    assert stft(noise(N), noise(N)) == (0, 0)


@pytest.mark.parametrize("gain", [0.25, 2.0, -3.0])
def test_a_gain_costs_its_logarithm_at_any_loudness(gain: float) -> None:
    for level in (0.1, 1.0):
        audio = level * noise(N)
        cost = abs(np.log(abs(gain)))
        # Bands of mel filters narrower than a bin are empty: they sit on the floor either way.
        filters = [bank for name, bank in LogMelLoss(48000).named_buffers() if "filters" in name]
        audible = np.mean([bank.any(-1).float().mean() for bank in filters])
        assert log_mel(gain * audio, audio) == pytest.approx(cost * audible, rel=1e-3)
        convergence, magnitude = stft(gain * audio, audio)
        assert magnitude == pytest.approx(cost, rel=1e-3)
        assert convergence == pytest.approx(abs(abs(gain) - 1), rel=1e-3)


def test_log_mels_are_those_of_magnitudes() -> None:
    audio = noise(N)
    losses = []
    for n_fft, hop_length, mels in LogMelLoss.resolutions:
        padded = np.pad(audio.numpy(), ((0, 0), (n_fft // 2, n_fft // 2)), mode="reflect")
        frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft, axis=-1)[:, ::hop_length]
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
        bands = np.abs(np.fft.rfft(frames * window)) @ mel_filters(48000, n_fft, mels).numpy().T
        log = np.log(np.maximum(bands, 1e-7))
        losses.append(np.abs(log[0] - log[1]).mean())
    assert log_mel(audio[:1], audio[1:]) == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.parametrize("loss", [LogMelLoss(48000), MultiResolutionLoss()], ids=["mel", "stft"])
@pytest.mark.parametrize("target", [0.0, 1.0], ids=["silent", "loud"])
@pytest.mark.parametrize("estimate", [0.0, 1e-6, 1.0], ids=["silent", "faint", "loud"])
def test_silence_leaves_loss_and_gradient_finite(
    loss: torch.nn.Module, target: float, estimate: float
) -> None:
    guess = (estimate * noise(N)).requires_grad_()
    parts = loss(guess, target * noise(N, seed=1))
    total = parts if isinstance(parts, Tensor) else torch.stack(parts).sum()
    total.backward()
    assert guess.grad is not None
    assert total.isfinite()
    assert guess.grad.isfinite().all()


def test_a_silent_target_wants_silence() -> None:
    levels = (0.0, 1e-3, 0.1, 1.0)
    for losses in (
        [log_mel(level * noise(N), torch.zeros(2, N)) for level in levels],
        [sum(stft(level * noise(N), torch.zeros(2, N))) for level in levels],
    ):
        assert losses == sorted(losses)
        assert losses[0] == 0
        assert losses[1] > 1


def test_convergence_to_silence_is_that_to_something_quiet() -> None:
    losses = [stft(level * noise(N), torch.zeros(2, N))[0] for level in (0.01, 1.0)]
    assert losses[1] == pytest.approx(100 * losses[0], rel=1e-2)
    assert 10 < losses[1] < 1000


def test_a_silent_clip_beside_a_loud_one_does_no_harm() -> None:
    target = torch.stack((noise(N), torch.zeros(2, N)))
    convergence, _ = stft(0.5 * target, target)
    assert convergence == pytest.approx(0.5, rel=1e-3)


def test_channels_and_clips_may_be_stacked() -> None:
    pair = torch.stack((noise(N), noise(N, seed=1)))
    assert log_mel(pair, 0.3 * pair.flip(0)) == pytest.approx(
        log_mel(pair.flatten(0, 1), 0.3 * pair.flip(0).flatten(0, 1))
    )


@pytest.mark.parametrize("angle", [-2.0, 0.0, 0.7, 3.0])
def test_a_tone_is_shifted_by_the_angle(angle: float) -> None:
    turned = rotate_phase(tone(), torch.tensor([[angle]]))
    inside = slice(1200, N - 1200)  # nearer to the ends the spectrum is not that of a tone alone
    torch.testing.assert_close(turned[:, inside], tone(angle)[:, inside], rtol=0, atol=2e-3)


def test_pi_flips_the_polarity_and_zero_changes_nothing() -> None:
    angles = torch.tensor([[torch.pi], [0.0]])
    turned = rotate_phase(noise(N), angles)
    torch.testing.assert_close(turned, noise(N) * torch.tensor([[-1.0], [1.0]]), rtol=0, atol=1e-6)


def test_turning_keeps_the_levels() -> None:
    audio = noise(48000)
    turned = rotate_phase(audio, torch.tensor([[1.0], [2.5]]))
    assert stft(turned, audio)[0] < 0.1
    assert stft(noise(48000, seed=1), audio)[0] > 0.5
