"""Every way to run an effect, in a process that only this module has to be imported in."""

import numpy as np
import pedalboard as pb
import torch

from restem.streamer.processors.chain import Chain, Mix
from restem.streamer.processors.effected import Effected
from restem.streamer.stream import Stream, render
from tests.support.gain_model import Plain
from tests.support.plugins import RATE, Same, noise, streamed

ROOM = 0.05 * np.random.default_rng(0).standard_normal((2, 2000)).astype(np.float32)
AUDIO = noise(6000)


def make(name: str) -> pb.Plugin:
    return pb.Convolution(ROOM, 0.5, sample_rate=RATE) if name == "Convolution" else _built(name)


def _built(name: str) -> pb.Plugin:
    plugin: pb.Plugin = getattr(pb, name)()
    return plugin


def run_whole(name: str) -> None:
    """In a chain, behind another processor, in a mix, and of no samples."""
    for board in (Chain([make(name)]), Chain([Same(), make(name)]), Mix([make(name), Same()])):
        assert board(AUDIO[:, :0], RATE).shape == (2, 0)
        answer = board(AUDIO, RATE)
        assert answer.shape == AUDIO.shape
        assert np.isfinite(answer).all()
        assert board(AUDIO[:, :0], RATE).shape == (2, 0)


def run_streamed(name: str) -> None:
    """In a chain and in a mix, in blocks of all sizes."""
    for board in (Chain([Same(), make(name)]), Mix([make(name), Same()])):
        answer = streamed(board, AUDIO)
        assert answer.shape == AUDIO.shape
        assert np.isfinite(answer).all()


def run_on_a_stem(name: str) -> None:
    """In a model's step, whole and streamed."""
    model = Effected(Plain(), {"bass": make(name)})
    mix = torch.from_numpy(AUDIO)
    rendered = render(model, mix)
    assert rendered.isfinite().all()
    stream = Stream(model)
    heard = torch.cat([stream.process(block) for block in mix.split(700, dim=-1)], dim=-1)
    assert heard.isfinite().all()
