"""A chain for each stem, one of them a VST3 if given; however late they are, stems stay aligned.

python examples/stem_effects.py MIX [PLUGIN.vst3]
"""

import sys

from pedalboard import Compressor, HighpassFilter, Limiter, Pedalboard, Reverb, load_plugin
from pedalboard.io import AudioFile

from restem import StemRestorer

restorer = StemRestorer(
    effects={
        "vocals": Pedalboard([HighpassFilter(90), Compressor(-20, 3), Reverb(wet_level=0.15)]),
        "drums": load_plugin(sys.argv[2]) if len(sys.argv) > 2 else Limiter(-6),
    }
)
print(f"latency: {restorer.reported_latency_samples} samples")
with AudioFile(sys.argv[1]) as file:
    mix, sample_rate = file.read(file.frames), file.samplerate
for stem, audio in restorer.stems(mix, sample_rate, by_name=True).items():
    with AudioFile(f"{stem}.wav", "w", sample_rate, audio.shape[0]) as file:
        file.write(audio)
