"""A take of music that is played in this process."""

from pathlib import Path

import numpy as np

from restem.bridge.takes.recorder import Take
from restem.bridge.takes.sidecar import TakeInfo
from restem.streamer.engine.latency import Latency
from restem.streamer.engine.playback_kernel import LatePolicy
from restem.streamer.engine.rings import Audio
from tests.support.gain_model import Plain
from tests.support.law import STEMS, Stage, expected, music

HOST = 256


class Played:
    """Looks like an engine, and plays when it is told to."""

    def __init__(self, policy: LatePolicy = LatePolicy.RESIDUAL) -> None:
        self.stage, self.policy = Stage(Plain(), HOST, policy), policy
        self.rings, self.mixer = self.stage.rings, self.stage.mixer
        self.stems, self.sample_rate, self.channels = STEMS, 48000, 2
        self.model = {"block_size": 512}
        self.latency = Latency(300, 256, self.stage.latency - 556 - 128, 128)
        self.heard = np.zeros((2, 0), np.float32)
        self.stage.work()

    def play(self, blocks: int, works: bool = True) -> None:
        mix = music(blocks * HOST, seed=self.heard.shape[1])
        self.stage.run(mix, [HOST] * blocks, None if works else [False] * blocks)
        self.heard = np.concatenate([self.heard, mix], axis=1)

    def law(self, session: TakeInfo) -> Audio:
        """What the files must hold: mix, stems, silence."""
        cut = slice(session.start, session.start + session.frames)
        stems = expected(self.heard, 0)[..., cut]
        files = [self.heard[None, :, cut], stems, np.zeros_like(stems[:1])]
        return np.concatenate(files[: 2 + session.residual])


def write_all(take: Take) -> None:
    while take.advance():
        pass


def finished(take: Take) -> Path:
    write_all(take)
    folder = take.finish()
    assert folder is not None
    return folder
