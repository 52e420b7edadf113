"""More than two channels to stereo, by Rec. ITU-R BS.775-3, Annex 4.

    left = FL + (FC + each left surround) / sqrt(2)        right: the same of its side

The low-frequency effects are left out. A single surround is that of both sides, 3 dB down each. The
Recommendation ends at five channels: of 7.1, sides and backs are surrounds alike. Nothing is scaled
down afterwards: a mix of 5.1 may peak up to 7.7 dB higher than its channels.

Speakers have FFmpeg's names. Shape letters: `s` side, `c` channel.
"""

import math
from collections.abc import Sequence

import numpy as np

from restem.streamer.resampler import Audio

HALF = math.sqrt(0.5)  # of the power: 3 dB down
SIDES = {  # what goes to the left, to the right
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FC": (HALF, HALF),
    "LFE": (0.0, 0.0),
    "BL": (HALF, 0.0),
    "BR": (0.0, HALF),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "BC": (0.5, 0.5),
    "SL": (HALF, 0.0),
    "SR": (0.0, HALF),
}
WAV_ORDERS = (  # where a file tells none
    "FL FR FC",
    "FL FR BL BR",
    "FL FR FC BL BR",
    "FL FR FC LFE BL BR",
    "FL FR FC LFE BC SL SR",
    "FL FR FC LFE BL BR SL SR",
)
WAV_SPEAKERS = {len(order.split()): tuple(order.split()) for order in WAV_ORDERS}


def stereo_matrix(channels: int, speakers: Sequence[str] = ()) -> Audio:
    """The weights [s, c] of channels in a stereo mix.

    Args:
        channels: how many there are, more than two.
        speakers: of the channels; those of a WAV if there are none.

    Raises:
        ValueError: no mix is known of so many channels, or of one of the speakers.
    """
    speakers = speakers or WAV_SPEAKERS.get(channels, ())
    if not speakers:
        raise ValueError(f"has {channels} channels, and does not tell their speakers")
    unknown = [speaker for speaker in speakers if speaker not in SIDES]
    if unknown or len(speakers) != channels:
        names = ", ".join(unknown or speakers)
        raise ValueError(f"has channels for speakers that BS.775 mixes nowhere ({names})")
    return np.array([SIDES[speaker] for speaker in speakers], np.float32).T
