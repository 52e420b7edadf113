"""Batched degradations against pedalboard's, in kind and in level."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pedalboard as pb
import pytest
import torch
from torch import Tensor

from restem.models.training.data import batched_degradations as batched
from restem.models.training.data.batched_degradations import (
    bandlimit,
    compress,
    degrade_mixes,
    degrade_stems,
    distort,
    encode,
    equalise,
    limit,
    make_examples,
    reverberate,
)
from restem.models.training.data.degradations import _resample
from tests.support.tiny_networks import noise

RATE = 48000


def one(*values: float) -> Tensor:
    return torch.tensor([values]) if len(values) > 1 else torch.tensor([values[0]])


def board(audio: Tensor, *effects: pb.Plugin) -> Tensor:
    return torch.from_numpy(pb.process(audio.numpy(), RATE, list(effects)))


def band_levels(audio: Tensor) -> Tensor:
    """The level in dB of third-octave bands from 50 Hz to 18 kHz."""
    power = torch.fft.rfft(audio.mean(0)).abs().square()
    frequency = torch.fft.rfftfreq(audio.shape[-1], 1 / RATE)
    edges = [50 * 2 ** (n / 3) for n in range(26)]
    bands = [(frequency >= a) & (frequency < b) for a, b in pairwise(edges)]
    return 10 * torch.log10(torch.stack([power[band].mean() for band in bands]) + 1e-9)


def swell() -> Tensor:
    """Three seconds of a tone: quiet, loud, quiet."""
    level = torch.cat([torch.full((RATE,), value) for value in (0.1, 0.8, 0.1)])
    tone = level * torch.sin(2 * np.pi * 440 / RATE * torch.arange(3 * RATE))
    return tone.expand(2, -1).contiguous()


def envelope(audio: Tensor) -> Tensor:
    """The peak of every 10 ms in dB."""
    return 20 * torch.log10(audio[0].unfold(-1, 480, 480).abs().amax(-1) + 1e-6)


def test_the_equaliser_is_pedalboards() -> None:
    audio = noise(3 * RATE)
    ours = equalise(audio[None], one(120, 700, 4000, 9000), one(6, -5, 4, -6), one(0.7, 1.5))[0]
    theirs = board(
        audio,
        pb.LowShelfFilter(120, 6),
        pb.PeakFilter(700, -5, 0.7),
        pb.PeakFilter(4000, 4, 1.5),
        pb.HighShelfFilter(9000, -6),
    )
    assert (band_levels(ours) - band_levels(theirs)).abs().max() < 0.3
    assert (band_levels(ours) - band_levels(audio)).abs().max() > 3


def test_the_compressor_turns_down_as_far_and_as_fast_as_pedalboards() -> None:
    audio = swell()
    ours = compress(audio[None], one(-20.0), one(4.0), one(5.0), one(100.0))[0]
    theirs = board(audio, pb.Compressor(-20, 4, 5, 100))
    difference = (envelope(ours) - envelope(theirs)).abs()
    assert difference.median() < 1
    assert difference.mean() < 1.5
    assert (envelope(ours) - envelope(audio)).min() < -8


def test_the_limiter_holds_peaks_and_makes_up_as_pedalboards() -> None:
    audio = swell()
    ours = limit(audio[None], one(-9.0), one(100.0))[0]
    theirs = board(audio, pb.Limiter(-9, 100))
    assert ours.abs().max() <= 1
    for start in (0.5, 1.5, 2.7):
        passage = slice(int(start * 100), int(start * 100) + 20)
        levels = [envelope(x)[passage].mean() for x in (ours, theirs)]
        assert abs(levels[0] - levels[1]) < 1.5
    rises = envelope(ours) - envelope(audio)
    assert rises[50] > rises[150] + 5


def test_distortion_is_pedalboards() -> None:
    audio = noise(RATE)
    ours, theirs = distort(audio[None], one(5.0))[0], board(audio, pb.Distortion(5))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert (ours - audio).abs().max() > 0.01


def test_resampling_leaves_what_soxr_leaves() -> None:
    audio = noise(2 * RATE)
    ours = bandlimit(audio[None], one(16000.0))[0]
    theirs = torch.from_numpy(_resample(audio.numpy(), RATE, 16000.0))
    kept = torch.stack([band_levels(x)[:21] for x in (ours, theirs)])
    assert (kept[0] - kept[1]).abs().max() < 0.3
    assert (band_levels(audio) - band_levels(ours))[-3:].min() > 40
    likeness = torch.nn.functional.cosine_similarity(ours[0], theirs[0], dim=0)
    assert likeness > 0.99


def test_a_room_rings_on_in_both_channels() -> None:
    audio = torch.zeros(2, 2 * RATE)
    audio[:, 100:600] = noise(500)
    generator = torch.Generator().manual_seed(0)
    ours = reverberate(audio[None], one(1.5), one(0.5), one(0.3), one(0.8), generator)[0]
    theirs = board(audio, pb.Reverb(0.6, 0.5, 0.3, 1.0, 0.8))
    dry, wet = audio[:, :1000].square().sum(), ours[:, 1000:].square().sum()
    theirs_wet = theirs[:, 1000:].square().sum()
    assert 0.03 < wet / dry < 0.3
    assert abs(10 * torch.log10(wet / theirs_wet)) < 10
    first, second = (ours[:, a:b].square().sum() for a, b in ((1000, 25000), (60000, 84000)))
    assert first > 10 * second > 0
    assert torch.corrcoef(ours[:, 1000:])[0, 1] < 0.8
    torch.testing.assert_close(ours[:, :100], audio[:, :100])


def test_the_codec_rounds_as_much_as_an_mp3_does() -> None:
    audio = noise(2 * RATE) + 0.3 * torch.sin(torch.arange(2 * RATE) * 0.05)
    for quality in (2.0, 8.0):
        ours = encode(audio[None], one(quality))[0]
        theirs = board(audio, pb.MP3Compressor(quality))[:, : audio.shape[-1]]
        errors = [10 * torch.log10((x - audio).square().mean()) for x in (ours, theirs)]
        assert abs(errors[0] - errors[1]) < 6
    worse, better = (encode(audio[None], one(quality))[0] - audio for quality in (9.0, 1.0))
    assert worse.square().mean() > 2 * better.square().mean() > 0


@pytest.mark.parametrize("degrade", [degrade_stems, degrade_mixes])
def test_batches_keep_samples_aligned_and_the_loudness(
    degrade: Callable[[Tensor, torch.Generator], Tensor],
) -> None:
    audio = torch.stack([noise(24000, seed) for seed in range(24)])
    wet = degrade(audio, torch.Generator().manual_seed(0))
    spectra = [torch.fft.rfft(x.mean(1), n=65536) for x in (wet, audio)]
    assert not torch.fft.irfft(spectra[0] * spectra[1].conj()).argmax(-1).any()
    rms = wet.square().mean((1, 2)).sqrt()
    torch.testing.assert_close(rms, torch.full_like(rms, 0.1), rtol=0.02, atol=0)
    changed = (wet - audio).abs().amax((1, 2)) > 1e-4
    assert 8 < changed.sum() < 24  # some rows, not all


@pytest.mark.parametrize(
    ("degrade", "effect"),
    [
        (degrade_stems, "equalise"),
        (degrade_stems, "compress"),
        (degrade_stems, "distort"),
        (degrade_stems, "reverberate"),
        (degrade_stems, "bandlimit"),
        (degrade_mixes, "limit"),
        (degrade_mixes, "bandlimit"),
        (degrade_mixes, "encode"),
    ],
)
def test_every_effect_is_used(
    monkeypatch: pytest.MonkeyPatch,
    degrade: Callable[[Tensor, torch.Generator], Tensor],
    effect: str,
) -> None:
    audio = torch.stack([noise(9600, seed) for seed in range(40)])
    whole = degrade(audio, torch.Generator().manual_seed(0))

    def left_out(audio: Tensor, *arguments: Tensor | torch.Generator) -> Tensor:
        if effect == "reverberate":  # what it draws moves all that follows
            reverberate(audio, *arguments)  # type: ignore[arg-type]
        return audio

    monkeypatch.setattr(batched, effect, left_out)
    without = degrade(audio, torch.Generator().manual_seed(0))
    touched = ((whole - without).abs().amax((1, 2)) > 1e-4).sum()
    assert 0 < touched < 40


def test_examples_are_mixes_of_clean_targets() -> None:
    stems = torch.stack([noise(24000, seed) for seed in range(12)]).view(3, 4, 2, -1).clone()
    stems[1, 2] = 0
    examples = make_examples(stems, torch.Generator().manual_seed(0))
    peaks = examples.mix.abs().amax((1, 2))
    assert torch.all((peaks > 0.49) & (peaks <= 1.0001))
    assert not examples.targets[1, 2].any()
    for mix, targets, clean in zip(examples.mix, examples.targets, stems, strict=True):
        for target, dry in zip(targets, clean, strict=True):
            if not dry.any():
                continue
            likeness = torch.corrcoef(torch.stack((target[0], *dry)))[0, 1:]
            assert likeness.max() > 0.9999
            assert torch.corrcoef(torch.stack((target.flatten(), mix.flatten())))[0, 1] > 0.05


def test_one_generator_makes_one_batch() -> None:
    stems = torch.stack([noise(9600, seed) for seed in range(4)]).view(2, 2, 2, -1)
    a, b, c = (make_examples(stems, torch.Generator().manual_seed(s)).mix for s in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
