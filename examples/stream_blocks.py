"""The mix comes in blocks as from a sound card, and the drums leave `latency` samples later.

python examples/stream_blocks.py MIX
"""

import sys

import numpy as np
import soundfile
import torch

from restem import Stream, load_profile

stream = Stream(load_profile("live-cpu", stems=["drums"]), host_block=512)
print(f"latency: {stream.latency} samples")
drums = []
for block in soundfile.blocks(sys.argv[1], 512, dtype="float32", always_2d=True):
    if len(block) == 512:
        drums.append(stream.process(torch.from_numpy(block.T.copy()))[0].T.numpy())
soundfile.write("drums.wav", np.concatenate(drums), stream.model.sample_rate)
