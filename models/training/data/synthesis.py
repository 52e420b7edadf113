"""Synthesizers of our own: patches drawn at random, subtractive and FM, for songs to train on."""

import random
from typing import Any

import numpy as np

from restem.models.training.data.songs import Audio

TABLE = 4096  # samples of a wave table


class Patch:
    """A voice with its own spectrum, envelope and movement."""

    def __init__(self, stem: str, rng: random.Random, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.kind = (
            "bell" if stem == "percussions" else rng.choice(("saws", "pulse", "organ", "fm"))
        )
        self.name = f"patch-{self.kind}"
        plucked = stem == "percussions" or rng.random() < 0.45
        self.attack = 0.002 if plucked else rng.choice((0.005, 0.02, 0.1, 0.3))
        self.decay = rng.uniform(0.15, 1.5) if plucked else rng.uniform(0.5, 6.0)
        self.sustain = 0.0 if plucked else rng.uniform(0.4, 1.0)
        self.release = rng.uniform(0.03, 0.5)
        self.voices = rng.choice((1, 2, 3, 5)) if self.kind == "saws" else rng.choice((1, 2))
        self.detune = rng.uniform(0.03, 0.25)  # semitones
        self.vibrato = (rng.uniform(4, 7), rng.choice((0.0, 0.0, rng.uniform(0.02, 0.3))))
        self.cutoff = rng.uniform(2, 40)  # harmonics, when open
        self.closed = self.cutoff * rng.uniform(0.1, 1.0)  # and later
        self.sweep = rng.uniform(0.05, 1.5)  # seconds from one to the other
        self.slope = rng.uniform(1, 4)
        self.width = rng.uniform(0.1, 0.5)
        self.ratio = rng.choice((0.5, 1, 1, 2, 3, 3.5, 1.41, 4, 7))
        self.index = rng.uniform(0.5, 6)
        self.octave = rng.choice((0, 0, 0, -12, 12)) if stem != "bass" else rng.choice((0, -12))
        self.sub = rng.choice((0.0, rng.uniform(0, 0.7)))
        self.noise = rng.choice((0.0, 0.0, rng.uniform(0, 0.1)))
        self.dice = np.random.default_rng(rng.getrandbits(32))

    def play(self, pitch: float, seconds: float) -> Audio:
        """One note, [n, 2], about -6 dB full scale."""
        held = min(max(seconds, 0.02), 20.0)
        count = round((held + self.release) * self.sample_rate)
        time = np.arange(count, dtype=np.float32) / self.sample_rate
        frequency = 440 * 2 ** ((pitch + self.octave - 69) / 12)
        while frequency > 4000:
            frequency /= 2
        rate, depth = self.vibrato
        bend = 2 ** (depth / 12 * np.sin(2 * np.pi * rate * time) * np.minimum(time * 2, 1))
        sound = np.zeros((count, 2), dtype=np.float32)
        for voice in range(self.voices):
            spread = 0.0 if self.voices == 1 else 2 * voice / (self.voices - 1) - 1
            tuned = frequency * 2 ** (spread * self.detune / 12)
            phase = np.cumsum(tuned * bend / self.sample_rate) + self.dice.random()
            wave = self._wave(phase, time, tuned)
            sides = np.array([1 - 0.6 * max(spread, 0), 1 + 0.6 * min(spread, 0)], np.float32)
            sound += wave[:, None].astype(np.float32) * sides
        if self.sub:
            sub = np.sin(np.pi * np.cumsum(frequency * bend / self.sample_rate))
            sound += (self.sub * sub[:, None]).astype(np.float32)
        if self.noise:
            sound += self.noise * self.dice.standard_normal((count, 2), dtype=np.float32)
        shape = np.minimum(time / self.attack, 1) * (
            self.sustain + (1 - self.sustain) * np.exp(-time / self.decay)
        )
        after = time - held
        shape *= np.where(after > 0, np.exp(-5 * after.clip(0) / self.release), 1)
        sound *= shape[:, None].astype(np.float32)
        scaled: Audio = sound * np.float32(0.5 / max(float(np.abs(sound).max()), 1e-6))
        return scaled

    def _wave(self, phase: Any, time: Any, frequency: float) -> Any:
        if self.kind in ("fm", "bell"):
            index = self.index * np.exp(-time / self.sweep)
            ratio = self.ratio if self.kind == "fm" else 1.41 + self.ratio
            index = np.minimum(index, 0.4 * self.sample_rate / (frequency * max(ratio, 1)))
            return np.sin(2 * np.pi * phase + index * np.sin(2 * np.pi * ratio * phase))
        open_, closed = (self._table(frequency, cutoff) for cutoff in (self.cutoff, self.closed))
        place = (phase % 1) * TABLE
        low = place.astype(np.int64) % TABLE
        part = place - low
        blend = np.exp(-time / self.sweep)
        table = np.stack((open_, closed))
        waves = table[:, low] * (1 - part) + table[:, (low + 1) % TABLE] * part
        return waves[0] * blend + waves[1] * (1 - blend)

    def _table(self, frequency: float, cutoff: float) -> Any:
        """A period whose harmonics end below 20 kHz."""
        count = max(1, min(int(20000 / frequency), TABLE // 4))
        number = np.arange(1, count + 1)
        if self.kind == "saws":
            levels = 1 / number
        elif self.kind == "pulse":
            levels = np.sin(np.pi * number * self.width) / number
        else:
            levels = np.where(np.isin(number, (1, 2, 3, 4, 6, 8)), 1 / number**0.5, 0)
        levels = levels / np.sqrt(1 + (number / cutoff) ** (2 * self.slope))
        spectrum = np.zeros(TABLE // 2 + 1, dtype=complex)
        spectrum[1 : count + 1] = -0.5j * TABLE * levels
        return np.fft.irfft(spectrum)
