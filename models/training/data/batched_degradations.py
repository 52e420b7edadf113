"""The degradations of `models.training.data.degradations` as operations on whole batches of clips.

Each row of a batch has parameters of its own, nothing is done row by row, and everything runs where
the tensors are. Spectra stand for filters and rooms; what follows a level (compressor, limiter)
works on a gain that is drawn from blocks of `BLOCK` samples and smoothed, not on single samples.
Kind and level are those of pedalboard's effects, not their samples.

Shape letters: `r` clip, `c` channel, `n` sample, `k` block.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 32  # samples
SECOND = 48000
MAKEUP_DB = 3.75  # of the limiter, for its first stage
CODEC = 1024  # samples of the codec's window


def uniform(low: float, high: float, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """A number in [low, high) for each row, [r]."""
    draw = torch.rand(len(like), generator=generator, device=like.device)
    drawn: Tensor = low + (high - low) * draw
    return drawn


def shelf(frequency: Tensor, gain_db: Tensor, omega: Tensor, high: bool) -> Tensor:
    """A shelving filter's response (Bristow-Johnson, Q 0.707) at angular frequencies, [r, f]."""
    a, w0 = 10 ** (gain_db / 40), 2 * math.pi * frequency
    alpha, root = torch.sin(w0) / math.sqrt(2), torch.sqrt(a)
    sign = -1.0 if high else 1.0
    c = sign * torch.cos(w0)
    b0 = a * ((a + 1) - (a - 1) * c + 2 * root * alpha)
    b1 = sign * 2 * a * ((a - 1) - (a + 1) * c)
    b2 = a * ((a + 1) - (a - 1) * c - 2 * root * alpha)
    a0 = (a + 1) + (a - 1) * c + 2 * root * alpha
    a1 = sign * -2 * ((a - 1) + (a + 1) * c)
    a2 = (a + 1) + (a - 1) * c - 2 * root * alpha
    return _response((b0, b1, b2), (a0, a1, a2), omega)


def peak(frequency: Tensor, gain_db: Tensor, q: Tensor, omega: Tensor) -> Tensor:
    """A peaking filter's response, as `shelf`."""
    a, w0 = 10 ** (gain_db / 40), 2 * math.pi * frequency
    alpha, c = torch.sin(w0) / (2 * q), torch.cos(w0)
    numerator = (1 + alpha * a, -2 * c, 1 - alpha * a)
    return _response(numerator, (1 + alpha / a, -2 * c, 1 - alpha / a), omega)


def _response(b: tuple[Tensor, ...], a: tuple[Tensor, ...], omega: Tensor) -> Tensor:
    z = torch.polar(torch.ones_like(omega), -omega)
    powers = (torch.ones_like(z), z, z * z)
    top, bottom = (
        sum((x.unsqueeze(-1) * p for x, p in zip(side, powers, strict=True)), torch.zeros_like(z))
        for side in (b, a)
    )
    return top / bottom


def equalise(audio: Tensor, frequencies: Tensor, gains_db: Tensor, q: Tensor) -> Tensor:
    """A low shelf, two peaks and a high shelf.

    Args:
        audio: [r, c, n].
        frequencies: of the four, in Hz, [r, 4].
        gains_db: [r, 4].
        q: of the two peaks, [r, 2].
    """
    n = audio.shape[-1]
    size = _fast(n + 4096)  # the filters' tails stay at the end
    omega = torch.linspace(0, math.pi, size // 2 + 1, device=audio.device)[None]
    f, g = (frequencies / SECOND).unbind(-1), gains_db.unbind(-1)
    response = shelf(f[0], g[0], omega, high=False) * shelf(f[3], g[3], omega, high=True)
    for band, width in enumerate(q.unbind(-1), start=1):
        response = response * peak(f[band], g[band], width, omega)
    spectrum = torch.fft.rfft(audio, size) * response.unsqueeze(1)
    equalised: Tensor = torch.fft.irfft(spectrum, size)[..., :n]
    return equalised


def smoothed(gain: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """Follow a gain in dB down within `attack`, up within `release`: [r, k], times in blocks.

    Two one-pole filters as one associative scan each: first the deepest gain of late, released
    exponentially, then the attack.
    """
    blocks = torch.arange(gain.shape[-1], device=gain.device, dtype=torch.float64)
    slope = 1 / release.double().unsqueeze(-1) * 8.7  # dB a block, of an exponential's beginning
    depth = -gain.double()
    rising = (depth + slope * blocks).cummax(-1).values - slope * blocks
    released = torch.maximum(rising, depth.new_zeros(()))
    kernel = torch.exp(-blocks / attack.double().unsqueeze(-1))
    kernel = kernel / kernel.sum(-1, keepdim=True)
    size = 2 * gain.shape[-1]
    product = torch.fft.rfft(released, size) * torch.fft.rfft(kernel, size)
    followed: Tensor = -torch.fft.irfft(product, size)[..., : gain.shape[-1]].float()
    return followed


def compress(
    audio: Tensor, threshold_db: Tensor, ratio: Tensor, attack_ms: Tensor, release_ms: Tensor
) -> Tensor:
    """Turn down what is louder than a threshold, [r, c, n]; one gain for all channels."""
    level = 20 * torch.log10(_peaks(audio) + 1e-6)  # [r, k]
    over = (level - threshold_db.unsqueeze(-1)).clamp_min(0)
    wanted = -over * (1 - 1 / ratio).unsqueeze(-1)
    gain = smoothed(wanted, *(ms * SECOND / 1000 / BLOCK for ms in (attack_ms, release_ms)))
    compressed: Tensor = audio * _spread(gain, audio.shape[-1])
    return compressed


def limit(audio: Tensor, threshold_db: Tensor, release_ms: Tensor) -> Tensor:
    """Squeeze, hold peaks below a threshold, bring up to full scale: pedalboard's (JUCE's) limiter.

    Its first stage is a compressor of four to one above -10 dB, 2 and 200 ms.
    """
    same = torch.ones_like(threshold_db)
    audio = compress(audio, -10 * same, 4 * same, 2 * same, 200 * same)
    threshold = 10 ** (threshold_db / 20)
    peaks = functional.max_pool1d(_peaks(audio), 3, 1, 1)  # a gain is there before its peak
    wanted = -20 * torch.log10((peaks / threshold.unsqueeze(-1)).clamp_min(1))
    release = release_ms * SECOND / 1000 / BLOCK
    gain = smoothed(wanted, torch.full_like(release, 0.05), release)
    limited = audio * _spread(gain, audio.shape[-1])
    makeup = 10 ** (MAKEUP_DB / 20) / threshold
    clipped: Tensor = (limited * makeup[:, None, None]).clamp(-1, 1)
    return clipped


def distort(audio: Tensor, drive_db: Tensor) -> Tensor:
    """tanh after a gain."""
    gain: Tensor = 10 ** (drive_db / 20)
    return torch.tanh(audio * gain[:, None, None])


def reverberate(
    audio: Tensor,
    decay_seconds: Tensor,
    damping: Tensor,
    wet: Tensor,
    width: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Add a room to stereo clips, [r, 2, n]: noise that decays, the highs sooner.

    Args:
        decay_seconds: to a thousandth, [r].
        damping: 0 to 1, how much sooner the highs end.
        wet: the room's power relative to the dry sound's, as an amplitude.
        width: 0 for one room in both channels, 1 for two.
    """
    n = audio.shape[-1]
    length = min(n, 2 * SECOND)
    time = torch.arange(length, device=audio.device) / SECOND
    noise = torch.randn(len(audio), 4, length, generator=generator, device=audio.device)
    dull = functional.avg_pool1d(noise, 9, 1, 4)
    fast = decay_seconds * (1 - 0.8 * damping)
    slopes = [torch.exp(-6.9 * time / x.unsqueeze(-1)).unsqueeze(1) for x in (decay_seconds, fast)]
    room = dull * slopes[0] + (noise - dull) * slopes[1]
    common, apart = room[:, :1], room[:, 1:3]
    blend = width[:, None, None]
    room = (1 - blend).sqrt() * common + blend.sqrt() * apart
    room[..., : SECOND // 100] = 0  # the first echo comes after a while
    room = room / (room.square().sum(-1, keepdim=True).sqrt() + 1e-9)
    size = _fast(n + length)
    echo = torch.fft.irfft(torch.fft.rfft(audio, size) * torch.fft.rfft(room, size), size)[..., :n]
    both: Tensor = audio + wet[:, None, None] * echo
    return both


def bandlimit(audio: Tensor, rate: Tensor) -> Tensor:
    """The rest after resampling to `rate` Hz and back: a steep low pass."""
    n = audio.shape[-1]
    size = _fast(n + 1024)
    frequency = torch.fft.rfftfreq(size, 1 / SECOND).to(audio.device)
    edge = (0.456 * rate).unsqueeze(-1)  # soxr's pass band ends at 0.913 of the Nyquist frequency
    slope = ((0.5 * rate).unsqueeze(-1) - frequency) / (0.5 * rate.unsqueeze(-1) - edge)
    keep = 0.5 - 0.5 * torch.cos(math.pi * slope.clamp(0, 1))
    low: Tensor = torch.fft.irfft(torch.fft.rfft(audio, size) * keep.unsqueeze(1), size)[..., :n]
    return low


def encode(audio: Tensor, quality: Tensor) -> Tensor:
    """A stand-in for a lossy codec: what each band masks is rounded away, the top is cut off.

    Args:
        quality: 0 (best) to 10, as LAME's variable rate.
    """
    window = torch.hann_window(CODEC, device=audio.device)
    rows = audio.flatten(0, 1)
    bins = torch.stft(rows, CODEC, CODEC // 4, window=window, return_complex=True)
    level = bins.abs()
    masked = functional.avg_pool2d(level.square().unsqueeze(1), (9, 1), 1, (4, 0)).squeeze(1).sqrt()
    each = quality.repeat_interleave(audio.shape[1])[:, None, None]
    step = masked * 10 ** ((-28 + 2.4 * each) / 20)
    coded = torch.polar(torch.round(level / (step + 1e-9)) * step, bins.angle())
    frequency = torch.linspace(0, SECOND / 2, bins.shape[1], device=audio.device)[:, None]
    coded = coded * (frequency < 20000 - 800 * each)
    back = torch.istft(coded, CODEC, CODEC // 4, window=window, length=audio.shape[-1])
    return back.view_as(audio)


def degrade_stems(audio: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """As `degrade_stem`, of each row of [r, 2, n]; loudness is kept."""

    def draw(low: float, high: float) -> Tensor:
        return uniform(low, high, audio, generator)

    def pick(share: float, changed: Tensor, unchanged: Tensor) -> Tensor:
        return torch.where((draw(0, 1) < share)[:, None, None], changed, unchanged)

    edges = ((60, 300), (200, 1500), (1500, 8000), (4000, 12000))
    frequencies = torch.stack([draw(*edge) for edge in edges], dim=-1)
    gains = torch.stack([draw(-6, 6) for _ in edges], dim=-1)
    q = torch.stack([draw(0.5, 2) for _ in range(2)], dim=-1)
    wet = pick(0.5, equalise(audio, frequencies, gains, q), audio)
    squeezed = compress(wet, draw(-20, 0), draw(1.5, 10), draw(1, 10), draw(50, 200))
    wet = pick(0.5, squeezed, wet)
    wet = pick(0.3, distort(wet, draw(0, 5)), wet)
    size = draw(0.1, 1)
    room = reverberate(
        wet, 0.3 + 2.5 * size, draw(0.1, 1), draw(0.05, 0.4), draw(0.1, 1), generator
    )
    wet = pick(0.4, room, wet)
    wet = pick(0.15, bandlimit(wet, draw(8000, 32000)), wet)
    return at_loudness_of(audio, wet)


def degrade_mixes(audio: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """As `degrade_mix`, of each row of [r, 2, n]; loudness is kept."""

    def draw(low: float, high: float) -> Tensor:
        return uniform(low, high, audio, generator)

    def pick(share: float, changed: Tensor, unchanged: Tensor) -> Tensor:
        return torch.where((draw(0, 1) < share)[:, None, None], changed, unchanged)

    wet = pick(0.5, limit(audio, draw(-10, 0), draw(50, 200)), audio)
    wet = pick(0.15, bandlimit(wet, draw(16000, 32000)), wet)
    wet = pick(0.15, encode(wet, draw(1, 9)), wet)
    return at_loudness_of(audio, wet)


@dataclass(frozen=True)
class Examples:
    """Mastered mixes [b, 2, n] and their clean targets [b, s, 2, n]."""

    mix: Tensor
    targets: Tensor


def make_examples(stems: Tensor, generator: torch.Generator | None = None) -> Examples:
    """As `make_example`: mastered mixes and clean targets from clean stems, [b, s, 2, n].

    Stems that are silent throughout stay so.
    """
    batch, count = stems.shape[:2]
    rows = stems.flatten(0, 1)
    rms = rows.square().mean((1, 2)).sqrt()
    loudness = 10 ** (uniform(-26, -14, rows, generator) / 20) / rms.clamp_min(1e-3)
    spread = [10 ** (uniform(-3, 3, rows, generator) / 20) for _ in range(2)]
    swapped = uniform(0, 1, rows, generator) < 0.5
    rows = torch.where(swapped[:, None, None], rows.flip(1), rows)
    targets = rows * loudness[:, None, None] * torch.stack(spread, dim=-1).unsqueeze(-1)
    plays = rms > 0
    wet = torch.zeros_like(targets)
    wet[plays] = degrade_stems(targets[plays], generator)
    mix = wet.unflatten(0, (batch, count)).sum(1)
    tallest = mix.abs().amax((1, 2)).clamp_min(1e-6)
    scale = (0.95 / tallest).clamp_max(1)
    mix = degrade_mixes(mix * scale[:, None, None], generator)
    level = uniform(0.5, 1, mix, generator) / mix.abs().amax((1, 2)).clamp_min(1e-6)
    clean = targets.unflatten(0, (batch, count)) * (scale * level)[:, None, None, None]
    return Examples(mix * level[:, None, None], clean)


def at_loudness_of(reference: Tensor, audio: Tensor) -> Tensor:
    """Bring each row to its reference's power."""
    power = [x.square().mean((1, 2), keepdim=True) + 1e-12 for x in (reference, audio)]
    louder: Tensor = audio * (power[0] / power[1]).sqrt()
    return louder


def _peaks(audio: Tensor) -> Tensor:
    """The highest sample of each block over all channels, [r, k]."""
    n = audio.shape[-1]
    padded = functional.pad(audio.abs().amax(1), (0, -n % BLOCK))
    peaks: Tensor = padded.unflatten(-1, (-1, BLOCK)).amax(-1)
    return peaks


def _spread(gain_db: Tensor, n: int) -> Tensor:
    """A gain in dB for each block as factors for each sample, without steps: [r, 1, n]."""
    samples = functional.interpolate(
        gain_db.unsqueeze(1), scale_factor=BLOCK, mode="linear", align_corners=False
    )
    factors: Tensor = 10 ** (samples[..., :n] / 20)
    return factors


def _fast(size: int) -> int:
    """The next size that a Fourier transform likes: 2, 3 or 5 times a power of two."""
    return min(odd << math.ceil(math.log2(size / odd)) for odd in (2, 3, 5))
