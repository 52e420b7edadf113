import math
from functools import cache

import numpy as np
import pytest

from restem.streamer.resampler import Audio, Resampler

RATES = [
    (44100, 48000),
    (48000, 44100),
    (8000, 48000),
    (48000, 8000),
    (192000, 44100),
    (44100, 192000),
    (96000, 48000),
    (44101, 48000),
]
BLOCKS = (1, 0, 13, 64, 65, 480, 512, 1000, 4096)


def noise(samples: int, channels: int = 2, seed: int = 0) -> Audio:
    return np.random.default_rng(seed).normal(0, 0.1, (channels, samples)).astype(np.float32)


def sine(hertz: float, sample_rate: int, samples: int) -> Audio:
    return np.sin(2 * np.pi * hertz * np.arange(samples) / sample_rate)[None].astype(np.float32)


def convert(audio: Audio, source_rate: int, target_rate: int) -> Audio:
    return Resampler(source_rate, target_rate, audio.shape[0]).process(audio, last=True)


@cache
def noise_and_conversion(source_rate: int, target_rate: int) -> tuple[Audio, Audio]:
    audio = noise(20001)
    return audio, convert(audio, source_rate, target_rate)


def decibels(error: Audio, signal: Audio) -> float:
    return float(10 * np.log10(np.mean(np.square(error, dtype=float)) / np.mean(signal**2)))


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_a_sine_stays_where_it_was_to_120_decibels(source_rate: int, target_rate: int) -> None:
    heard = convert(sine(997, source_rate, source_rate), source_rate, target_rate)
    expected = sine(997, target_rate, target_rate)
    middle = slice(target_rate // 4, -target_rate // 4)  # a sine that starts is no sine there
    assert decibels((heard - expected)[:, middle], expected[:, middle]) < -120


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_a_click_sounds_alike_at_any_time_even_the_first(
    source_rate: int, target_rate: int
) -> None:
    period = source_rate // math.gcd(source_rate, target_rate)
    at = math.ceil(2000 / period) * period
    clicks = np.zeros((2, 2 * at + 1), np.float32)
    clicks[0, 0] = clicks[1, at] = 1
    first, later = convert(clicks, source_rate, target_rate)
    shift = at * target_rate // source_rate
    assert np.abs(later).argmax() == shift
    assert np.abs(first[:shift] - later[shift : 2 * shift]).max() < 1e-5


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_what_the_lower_rate_cannot_hold_is_gone(source_rate: int, target_rate: int) -> None:
    if target_rate > source_rate:
        source_rate, target_rate = target_rate, source_rate
    heard = convert(sine(0.55 * target_rate, source_rate, source_rate), source_rate, target_rate)
    assert np.abs(heard[:, target_rate // 4 : -target_rate // 4]).max() < 1e-5


@pytest.mark.parametrize("block", BLOCKS[2:])
@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_how_the_stream_is_cut_changes_nothing(
    source_rate: int, target_rate: int, block: int
) -> None:
    audio, expected = noise_and_conversion(source_rate, target_rate)
    resampler = Resampler(source_rate, target_rate, 2)
    parts = [resampler.process(part) for part in np.split(audio, range(block, 20001, block), 1)]
    parts.append(resampler.process(audio[:, :0], last=True))
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


def test_blocks_of_all_sizes_may_be_mixed() -> None:
    audio, expected = noise_and_conversion(44100, 48000)
    resampler = Resampler(44100, 48000, 2)
    cuts = np.cumsum(BLOCKS * 2)
    parts = [resampler.process(part) for part in np.split(audio, cuts, axis=1)]
    parts.append(resampler.process(audio[:, :0], last=True))
    assert np.array_equal(np.concatenate(parts, axis=1), expected)


@pytest.mark.parametrize(("source_rate", "target_rate"), RATES)
def test_the_length_is_the_duration_rounded_to_a_sample(source_rate: int, target_rate: int) -> None:
    for samples in (0, 1, 13, 64, 65, 480, 512, 1000, 44100):
        length = convert(noise(samples, 1), source_rate, target_rate).shape[1]
        assert length == int(samples * target_rate / source_rate + 0.5)


def test_equal_rates_pass_the_audio_itself() -> None:
    audio = noise(1000)
    assert Resampler(48000, 48000, 2).process(audio) is audio


def test_sixteen_channels_do_not_hear_each_other() -> None:
    audio = noise(5000, channels=16)
    together = convert(audio, 48000, 44100)
    alone = [convert(channel[None], 48000, 44100) for channel in audio]
    assert np.array_equal(together, np.concatenate(alone))


def test_another_channel_count_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[2 channels, samples\], got \[1, 64\]"):
        Resampler(44100, 48000, 2).process(noise(64, channels=1))


@pytest.mark.parametrize("arguments", [(0, 48000, 2), (48000, 0, 2), (44100, 48000, 0)])
def test_rates_and_channels_below_one_are_refused(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be at least 1, got"):
        Resampler(*arguments)
