"""Test signals, and a measure of clicks."""

import numpy as np

from restem.streamer.mixer.kernel import Audio

RATE = 48000


def noise(samples: int, strips: int = 9, channels: int = 2, seed: int = 0) -> tuple[Audio, Audio]:
    """Dry mix [c, n] and stems [s, c, n], which do not add up to it."""
    random = np.random.default_rng(seed)
    shapes = ((channels, samples), (strips, channels, samples))
    dry, stems = (random.normal(0, 0.03, shape).astype(np.float32) for shape in shapes)
    return dry, stems


def sine(samples: int = RATE) -> tuple[Audio, Audio]:
    """A mixer's input where dry mix and the first strip are one sine of 1 kHz."""
    wave = 0.85 * np.sin(2 * np.pi * 1000 * np.arange(samples) / RATE)
    dry = np.stack([wave, wave]).astype(np.float32)
    return dry, np.stack([dry, np.zeros_like(dry), np.zeros_like(dry)])


def level(samples: int, value: float = 1.0, strips: int = 3) -> tuple[Audio, Audio]:
    """Constant stems, which show the gains; no dry mix."""
    stems = np.full((strips, 2, samples), value, np.float32)
    return np.zeros((2, samples), np.float32), stems


def splatter(wave: Audio) -> float:
    """Energy more than 500 Hz away from 1 kHz, in dB of all of it.

    Under a 4-term Blackman-Harris window over the whole second; its sidelobes end below -92 dB.
    """
    phase = 2 * np.pi * np.arange(len(wave)) / len(wave)
    terms = (0.35875, -0.48829, 0.14128, -0.01168)
    window = sum(a * np.cos(i * phase) for i, a in enumerate(terms))
    energy = np.abs(np.fft.rfft(window * wave)) ** 2
    hertz = np.arange(len(energy)) * RATE / len(wave)
    return float(10 * np.log10(energy[np.abs(hertz - 1000) > 500].sum() / energy.sum()))
