"""Native plugins before and after the restorer, as one chain: Pedalboard's calls, all aligned.

python examples/restorer_in_a_chain.py MIX
"""

import sys

from pedalboard import Compressor, HighpassFilter, Reverb
from pedalboard.io import AudioFile

from restem import Chain, StemRestorer

with AudioFile(sys.argv[1]) as file:
    mix, sample_rate = file.read(file.frames), file.samplerate  # [channels, samples]

board = Chain(
    [
        HighpassFilter(30),
        StemRestorer(drums_gain_db=2, bass_gain_db=1),
        Compressor(threshold_db=-12, ratio=2),
        Reverb(room_size=0.1, wet_level=0.1),
    ]
)
remix = board(mix, sample_rate)
with AudioFile("chain.wav", "w", sample_rate, remix.shape[0]) as file:
    file.write(remix)
