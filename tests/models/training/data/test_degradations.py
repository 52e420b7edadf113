import numpy as np
import pytest

from restem.models.training.data.degradations import degrade_mix, degrade_stem, make_example
from restem.models.training.data.songs import Audio
from tests.support.tiny_networks import noise

SEEDS = range(12)


def clip(seed: int = 0) -> Audio:
    audio: Audio = noise(24000, seed).numpy()
    return audio


@pytest.mark.parametrize("degrade", [degrade_stem, degrade_mix])
def test_degradations_keep_samples_aligned(degrade: type[degrade_stem]) -> None:
    for seed in SEEDS:
        audio = degrade(clip(), 48000, np.random.default_rng(seed))
        assert audio.shape == (2, 24000)
        spectra = [np.fft.rfft(x.mean(axis=0), n=65536) for x in (audio, clip())]
        assert np.fft.irfft(spectra[0] * spectra[1].conj()).argmax() == 0


@pytest.mark.parametrize("degrade", [degrade_stem, degrade_mix])
def test_degradations_keep_the_loudness(degrade: type[degrade_stem]) -> None:
    for seed in SEEDS:
        audio = degrade(clip(), 48000, np.random.default_rng(seed))
        assert np.sqrt(np.mean(audio**2)) == pytest.approx(0.1, rel=0.02)


def test_one_seed_gives_one_example() -> None:
    first, again, other = (
        make_example({"vocals": clip(), "bass": clip(1)}, 48000, np.random.default_rng(seed))
        for seed in (3, 3, 4)
    )
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_the_targets_are_clean_and_explain_the_mix() -> None:
    for seed in SEEDS:
        clips = {"vocals": clip(), "bass": clip(1)}
        mix, targets = make_example(clips, 48000, np.random.default_rng(seed))
        assert np.abs(mix).max() <= 1.0001
        flat = np.stack([targets[stem].ravel() for stem in clips])
        correlation = np.corrcoef(np.vstack((flat, mix.ravel())))
        assert correlation[0, 2] > 0.05
        assert correlation[1, 2] > 0.05
        for stem, source in clips.items():  # clean: each channel is a channel of the source, scaled
            for channel in targets[stem]:
                likeness = [abs(np.corrcoef(channel, dry)[0, 1]) for dry in source]
                assert max(likeness) > 0.9999
