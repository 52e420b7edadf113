"""The law, and a stage to hold it on: rings, a mixer and workers, without a process or a clock."""

import numpy as np
import torch

from restem.streamer.engine.latency import FADE, count_latency
from restem.streamer.engine.playback_kernel import LatePolicy, Playback, process_at
from restem.streamer.engine.rings import Audio, Cell, Geometry, Rings
from restem.streamer.engine.worker import Worker
from restem.streamer.mixer.mixer import Mixer
from restem.streamer.mixer.routing import Routing
from restem.streamer.stream import render
from tests.support.gain_model import Plain
from tests.support.tiny_networks import noise

ALLOWANCE = 512
STEMS = ("vocals", "bass", "drums")
OUTPUTS = Routing(tuple(f"{s}.{side}" for s in (*STEMS, "residual") for side in ("left", "right")))


class Stage:
    """Rings, a mixer whose outputs are the stems and the residual, and a worker to be called."""

    def __init__(
        self,
        model: Plain,
        host_block: int | None,
        policy: LatePolicy = LatePolicy.RESIDUAL,
        varies: bool = False,
    ) -> None:
        self.model, self.policy = model, policy
        described = {"block_size": model.block_size, "latency": model.latency}
        self.latency = count_latency(described, host_block, ALLOWANCE, varies).total
        geometry = Geometry(model.sample_rate, 2, 3, 8, self.latency, FADE, 1 << 15)
        self.rings = Rings(geometry)
        self.rings.put(Cell.BLOCK_ORIGIN, -1, 1)
        self.mixer = Mixer(STEMS, model.sample_rate)
        self.mixer.route(OUTPUTS)
        self.playback = Playback.of(self.rings, self.mixer.memory)
        self._context = self.playback.context(policy)
        self.workers = [Worker(model, self.rings, 0)]

    def work(self) -> None:
        for worker in self.workers:
            while worker.advance():
                pass

    def play(self, audio: Audio) -> Audio:
        """One callback: [2, n] -> [4, 2, n]."""
        p, count = self.playback, audio.shape[1]
        p.input[:, :count] = audio
        process_at(self._context, count)
        return p.output[:8, :count].reshape(4, 2, count).copy()

    def run(self, mix: Audio, blocks: list[int], works: "list[bool] | None" = None) -> Audio:
        """Play a mix in blocks; the worker works between those for which it may."""
        played, start = [], 0
        for number, size in enumerate(blocks):
            played.append(self.play(mix[:, start : start + size]))
            start += size
            if works is None or works[number]:
                self.work()
        return np.concatenate(played, axis=-1)

    def close(self) -> None:
        self.workers.clear()
        self.rings.close()


def music(samples: int, seed: int = 0) -> Audio:
    audio: Audio = noise(samples, seed).numpy()
    return audio


def expected(mix: Audio, latency: int, model: Plain | None = None) -> Audio:
    """What the law says: the stems, `latency` late."""
    stems = render(model or Plain(), torch.from_numpy(mix)).numpy()
    return np.concatenate([np.zeros((3, 2, latency), np.float32), stems], axis=-1)[
        ..., : mix.shape[1]
    ]
