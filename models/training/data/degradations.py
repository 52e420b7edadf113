"""The music source restoration problem: what production does to a stem and to the mix.

Families and ranges follow the published training code of DTT-BSR (OrigamiShido/DTT-BSR): equaliser,
compressor, distortion, reverb and resampling on each stem; limiter, resampling and MP3 on the mix.
Every effect keeps the samples aligned; the target stays the clean stem.
"""

from collections.abc import Mapping

import numpy as np
import pedalboard as pb
import soxr

from restem.models.training.data.songs import Audio


def degrade_stem(audio: Audio, sample_rate: int, rng: np.random.Generator) -> Audio:
    """Equalise, compress, distort and place one stem [c, n], each at random; loudness is kept."""
    chain: list[pb.Plugin] = []
    if rng.random() < 0.5:
        chain += [
            pb.LowShelfFilter(rng.uniform(60, 300), rng.uniform(-6, 6)),
            pb.PeakFilter(rng.uniform(200, 1500), rng.uniform(-6, 6), rng.uniform(0.5, 2)),
            pb.PeakFilter(rng.uniform(1500, 8000), rng.uniform(-6, 6), rng.uniform(0.5, 2)),
            pb.HighShelfFilter(rng.uniform(4000, 12000), rng.uniform(-6, 6)),
        ]
    if rng.random() < 0.5:
        chain.append(
            pb.Compressor(
                rng.uniform(-20, 0), rng.uniform(1.5, 10), rng.uniform(1, 10), rng.uniform(50, 200)
            )
        )
    if rng.random() < 0.3:
        chain.append(pb.Distortion(rng.uniform(0, 5)))
    if rng.random() < 0.4:
        chain.append(
            pb.Reverb(
                room_size=rng.uniform(0.1, 1),
                damping=rng.uniform(0.1, 1),
                wet_level=rng.uniform(0.05, 0.4),
                dry_level=1.0,
                width=rng.uniform(0.1, 1),
            )
        )
    wet = _run(chain, audio, sample_rate)
    if rng.random() < 0.15:
        wet = _resample(wet, sample_rate, rng.uniform(8000, 32000))
    return _at_loudness_of(audio, wet)


def degrade_mix(audio: Audio, sample_rate: int, rng: np.random.Generator) -> Audio:
    """Limit, resample and encode the mix [c, n], each at random; loudness is kept."""
    chain: list[pb.Plugin] = []
    if rng.random() < 0.5:
        chain.append(pb.Limiter(rng.uniform(-10, 0), rng.uniform(50, 200)))
    wet = _run(chain, audio, sample_rate)
    if rng.random() < 0.15:
        wet = _resample(wet, sample_rate, rng.uniform(16000, 32000))
    if rng.random() < 0.15:
        wet = _run([pb.MP3Compressor(rng.uniform(1, 9))], wet, sample_rate)
    return _at_loudness_of(audio, wet)


def make_example(
    clips: Mapping[str, Audio], sample_rate: int, rng: np.random.Generator
) -> tuple[Audio, dict[str, Audio]]:
    """Make a mastered mix and its clean targets from clean clips.

    Args:
        clips: [c, n] by stem, at least one.

    Returns:
        The mix [c, n] and the clean targets by stem, scaled alike.
    """
    targets = {}
    for stem, clip in clips.items():
        loudness = 10 ** (rng.uniform(-26, -14) / 20) / max(float(np.sqrt(np.mean(clip**2))), 1e-3)
        spread = 10 ** (rng.uniform(-3, 3, size=(2, 1)) / 20)  # a random place in the panorama
        channels = clip[::-1] if rng.random() < 0.5 else clip
        targets[stem] = (channels * loudness * spread).astype(np.float32)
    wet = [degrade_stem(target, sample_rate, rng) for target in targets.values()]
    mix: Audio = np.sum(wet, axis=0, dtype=np.float32)
    peak = max(float(np.abs(mix).max()), 1e-6)
    if peak > 0.95:
        mix *= 0.95 / peak
    mix = degrade_mix(mix, sample_rate, rng)
    scale = np.float32(min(0.95 / peak, 1.0))
    level = np.float32(rng.uniform(0.5, 1.0) / max(float(np.abs(mix).max()), 1e-6))
    return mix * level, {stem: target * scale * level for stem, target in targets.items()}


def _run(chain: list[pb.Plugin], audio: Audio, sample_rate: int) -> Audio:
    if not chain:
        return audio
    processed: Audio = pb.process(audio, sample_rate, chain)
    return processed[:, : audio.shape[1]]


def _resample(audio: Audio, sample_rate: int, rate: float) -> Audio:
    """Down to `rate` Hz and back, aligned."""
    low = soxr.resample(audio.T, sample_rate, rate)
    back = soxr.resample(low, rate, sample_rate)[: audio.shape[1]]
    padded: Audio = np.pad(back, ((0, audio.shape[1] - len(back)), (0, 0))).T
    return padded


def _at_loudness_of(reference: Audio, audio: Audio) -> Audio:
    ratio = float(np.sqrt((np.mean(reference**2) + 1e-12) / (np.mean(audio**2) + 1e-12)))
    louder: Audio = audio * np.float32(ratio)
    return louder
