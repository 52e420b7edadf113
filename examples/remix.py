"""A remix: drums up 3 dB, and vocals de-essed, by compressing what is above 6 kHz.

python examples/remix.py MIX
"""

import sys

from pedalboard import Compressor, HighpassFilter, LowpassFilter
from pedalboard.io import AudioFile

from restem import Chain, Mix, StemRestorer

lows = [LowpassFilter(6000)]
highs = [HighpassFilter(6000), Compressor(threshold_db=-36, ratio=4, attack_ms=1, release_ms=40)]
restorer = StemRestorer(
    drums_gain_db=3,
    effects={"vocals": Mix([Chain(lows), Chain(highs)])},
)
with AudioFile(sys.argv[1]) as file:
    mix, sample_rate = file.read(file.frames), file.samplerate
remix = restorer(mix, sample_rate)
with AudioFile("remix.wav", "w", sample_rate, remix.shape[0]) as file:
    file.write(remix)
