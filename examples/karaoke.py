"""A mix without its vocals: every other stem, summed.

python examples/karaoke.py MIX
"""

import sys
from pathlib import Path

import soundfile
import torch

from restem import load_profile, render

mix, sample_rate = soundfile.read(sys.argv[1], dtype="float32", always_2d=True)
model = load_profile("live-cpu")
if sample_rate != model.sample_rate:
    sys.exit(f"{sys.argv[1]}: expected {model.sample_rate} Hz, got {sample_rate}")
stems = render(model, torch.from_numpy(mix.T.copy()))  # [s, c, n]
others = [number for number, stem in enumerate(model.stems) if stem != "vocals"]
soundfile.write(
    f"{Path(sys.argv[1]).stem}-karaoke.wav", stems[others].sum(0).T.numpy(), sample_rate
)
