"""A file goes through a chain block by block, in constant memory; the flush brings the rest.

python examples/stream_a_file.py MIX
"""

import sys

from pedalboard import Reverb
from pedalboard.io import AudioFile

from restem import Chain, StemRestorer

board = Chain([StemRestorer(vocals_mute=True), Reverb(wet_level=0.1)])
with (
    AudioFile(sys.argv[1]) as mix,
    AudioFile("streamed.wav", "w", mix.samplerate, mix.num_channels) as out,
):
    board.reset()  # a stream begins here
    while mix.tell() < mix.frames:
        out.write(board(mix.read(4096), mix.samplerate, reset=False))
    out.write(board.flush())
