"""The mix comes in blocks as from a sound card, and the drums leave `latency` samples later.

At the end, silence brings out what is still inside, and the latency is cut off: the drums lie under
the mix to the sample.

python examples/stream_blocks.py MIX
"""

import sys

import numpy as np
import soundfile

from restem import Stream, load_profile
from restem.streamer.model.resampled import at_rate

BLOCK = 512

info = soundfile.info(sys.argv[1])
model = at_rate(load_profile("live-cpu", stems=["drums"]), info.samplerate)
stream = Stream(model, host_block=BLOCK)
print(f"latency: {stream.latency} samples")
padded = info.frames + stream.latency
drums = []
with soundfile.SoundFile(sys.argv[1]) as mix:
    for _ in range(0, padded, BLOCK):
        block = mix.read(BLOCK, dtype="float32", always_2d=True, fill_value=0)  # [n, c]
        stereo = np.broadcast_to(block.T, (model.channels, BLOCK))
        drums.append(stream.process(stereo)[0].T.numpy())
aligned = np.concatenate(drums)[stream.latency : padded]
soundfile.write("drums.wav", aligned, info.samplerate)
