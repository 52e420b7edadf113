"""A random walk over faults, with the engine's own parts and no clock; every frame is checked.

    python -m tests.support.fault_walk [--steps 1000000] [--seed 0]

The mix is a ramp, so that a sample says which time it is from; two decks have different gains, so
that a crossfade between them shows. Faults strike between callbacks, in the middle of a worker's
step, and between any two of its stores.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from restem.streamer.engine.engine import leads
from restem.streamer.engine.latency import FADE, count_capacity, count_latency
from restem.streamer.engine.playback_kernel import (
    PATIENCE_MS,
    POLICY,
    LatePolicy,
    Playback,
    process_at,
)
from restem.streamer.engine.rings import Audio, Cell, Geometry, Rings, read_ring
from restem.streamer.engine.worker import Worker
from restem.streamer.mixer.mixer import Mixer
from tests.support.gain_model import Plain

PERIOD = 1 << 20  # frames until the ramp begins anew, many rings long
SIZES = (1, 13, 64, 256, 480, 512, 1000, 1024, 1024)
STEMS = ("vocals", "bass")
MOST_BLOCKS = 40  # of an action
MODELS = (  # block size, latency
    (256, 256),
    (256, 0),
    (64, 200),
    (200, 100),
    (240, 256),
)


class Killed(BaseException):
    """A worker's process ended here."""


@dataclass
class Interrupted(Plain):
    """Lets something happen in the middle of a step."""

    stems: tuple[str, ...] = STEMS
    gains: tuple[float, ...] = (1.0, -0.5)
    happen: Callable[[], object] = field(default=lambda: None)
    garble: Callable[[Tensor], Tensor] = field(default=lambda answer: answer)

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self.happen()
        answer, state = super().step(block, state)
        self.happen()
        return self.garble(answer), state


class InterruptedRings(Rings):
    """Lets something happen before each store of a worker."""

    happen: Callable[[], object] = staticmethod(lambda: None)

    def put(self, which: Cell, value: int, deck: int = 0) -> None:
        self.happen()
        super().put(which, value, deck)


class WrongError(AssertionError):
    """A frame that is none of what it may be."""


class Walk:
    """An engine without processes: two decks, a worker on one or both, and what befalls them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.latency = count_latency({"block_size": 256, "latency": 256}, None, 1024).total
        capacity = count_capacity(self.latency, 256)
        self.rings = InterruptedRings(Geometry(48000, 2, 2, 6, self.latency, FADE, capacity))
        self.rings.put(Cell.BLOCK_ORIGIN, -1, 1)
        self.rings.happen = self.interrupt
        self.working = False
        self.capacity = capacity
        mixer = Mixer(STEMS, 48000)
        self.playback = Playback.of(self.rings, mixer.memory)
        self._context = self.playback.context(LatePolicy.RESIDUAL)
        self.policy, self.size, self.patience = LatePolicy.RESIDUAL, 256, 0
        self.active, self.workers = 0, dict[int, Worker]()
        self.gains = np.ones((2, 2))  # of each deck's stems
        self.unfinished = 0  # frames to play in the middle of a worker's work
        self.fatal = False  # the next interruption ends the worker
        self.spoiled = False  # the next answer is not finite
        self.rate = np.inf  # steps that a worker takes in the time of one
        self.credit = 0.0
        self.kept_up = 0  # frames since the heard worker was last behind
        self.mended = 0  # times that stems came back
        self.frames = 0
        self.weights = np.zeros(3)
        self.begin(0)

    def begin(self, deck: int) -> None:
        """A new worker for a deck: the model of the one before, or another one."""
        old = self.workers.pop(deck, None)
        if old:
            model = old.model
        else:
            size, latency = MODELS[self.rng.integers(len(MODELS))]
            gains = tuple(self.rng.choice([-1.0, -0.5, 0.25, 0.5, 1.0], 2))
            model = Interrupted(
                size, latency, gains=gains, happen=self.interrupt, garble=self.garble
            )
            self.gains[deck] = gains
        self.workers[deck] = Worker(model, self.rings, deck)
        self.kept_up = 0

    def interrupt(self) -> None:
        """In the middle of a worker's work."""
        if not self.working:
            return
        if self.fatal:
            self.fatal = False
            raise Killed
        while self.unfinished > 0:
            self.kept_up = 0
            self.unfinished -= self.block()

    def work(self, deck: int, steps: float = np.inf) -> None:
        """Let a deck's worker step until it has nothing to do, or so often; it may die."""
        self.working = True
        try:
            while steps >= 1 and self.workers[deck].advance():
                steps -= 1
        except Killed:
            self.begin(deck)
        finally:
            self.working = False

    def play(self, frames: int, works: bool = True) -> None:
        """Play on; the workers work after every callback, as fast as `rate` lets them."""
        frames = min(frames, MOST_BLOCKS * self.size)
        while frames > 0:
            count = self.block()
            frames -= count
            if not works:
                self.kept_up = 0
                continue
            self.credit = min(self.credit + self.rate * count, 1e9)
            for deck in list(self.workers):
                steps = self.credit // self.workers[deck].model.block_size
                self.work(deck, steps)
            if self.rate < np.inf:
                self.credit %= self.workers[self.active].model.block_size
                self.kept_up = 0

    def rest(self) -> None:
        self.play(int(self.rng.integers(1, 2 * self.latency)))

    def hang(self) -> None:
        self.play(int(self.capacity * 3 * self.rng.random() ** 2), works=False)

    def stop(self) -> None:
        """The worker stands still in the middle of whatever it does."""
        frames = int(self.capacity * 3 * self.rng.random() ** 2)
        self.unfinished = min(frames, MOST_BLOCKS * self.size)
        self.rest()

    def kill(self) -> None:
        """Dead in the middle of whatever it does; another comes at once, or later."""
        self.fatal = bool(self.rng.integers(2))
        if self.fatal:
            self.rest()
        else:
            self.play(int(self.capacity * 3 * self.rng.random() ** 4), works=False)
            self.begin(self.active)

    def garble(self, answer: Tensor) -> Tensor:
        if not self.spoiled:
            return answer
        self.spoiled, self.kept_up = False, 0
        return answer * np.nan

    def spoil(self) -> None:
        """A worker's next answer is none."""
        self.spoiled = True
        self.rest()

    def swap(self) -> None:
        """As `Engine.swap`, with anything under way."""
        deck = 1 - self.active
        self.rings.put(Cell.BLOCK_ORIGIN, -1, deck)
        self.begin(deck)
        for _ in range(100):
            if leads(self.rings, deck):
                break
            self.play(self.size)
        else:  # it does not keep up: the old one plays on
            del self.workers[deck]
            return
        if self.rng.integers(4) == 0:
            self.hang()  # between the last look and the change of decks
        self.rings.put(Cell.ACTIVE, deck)
        old, self.active, self.kept_up = self.active, deck, 0
        done = 0
        while self.playback.fades[2] != deck and done < 48000:
            done += self.size
            self.play(self.size)
        del self.workers[old]

    def reset(self) -> None:
        self.rings.put(Cell.RESET, self.rings.get(Cell.FRAMES_IN))
        if self.rng.integers(2):
            self.hang()

    def overload(self) -> None:
        self.rate = self.rng.uniform(0.3, 1.0)
        self.play(int(self.rng.integers(self.capacity * 2)))
        self.rate, self.credit = np.inf, 0.0

    def resize(self) -> None:
        self.size = int(self.rng.choice(SIZES))

    def wait(self) -> None:
        """Have patience for some callbacks, as where the clock can wait."""
        self.patience = 1
        self.play(2 * self.size, works=bool(self.rng.integers(2)))
        self.patience = 0

    def choose(self) -> None:
        self.policy = LatePolicy(self.rng.integers(len(LatePolicy)))

    def block(self) -> int:
        """One callback, and every frame of it checked; its frames."""
        count, rings, p = self.size, self.rings, self.playback
        heard = rings.get(Cell.FRAMES_IN)
        ramp = ((np.arange(heard, heard + count) % PERIOD + 1) / PERIOD).astype(np.float32)
        p.input[0, :count], p.input[1, :count] = ramp, -0.5 * ramp
        if self.rng.integers(50) == 0:
            p.input[:, self.rng.integers(count)] = np.nan
        late = rings.get(Cell.LATE_FRAMES)
        self._context[POLICY], self._context[PATIENCE_MS] = self.policy, self.patience
        process_at(self._context, count)
        start, reset = heard - self.latency, rings.get(Cell.RESET)
        mix = read_ring(rings.mix, start, count)
        mix[:, : max(reset - start, 0)] = 0
        weights = p.weights[:, :count]
        music = np.arange(start, start + count) >= reset
        self.check_weights(weights, music)
        strips = self.expected(mix, weights)
        self.demand(np.abs(p.strips[..., :count] - strips).max() < 1e-6, "a frame of another time")
        self.demand(np.array_equal(p.dry[:, :count], mix), "the dry mix is another one")
        tap = read_ring(rings.tap, start, count).reshape(3, 2, count)
        seen = p.strips[..., :count].copy()
        seen[..., : max(-start, 0)] = 0
        self.demand(np.array_equal(tap, seen), "the tap holds something else")
        dry = int((weights[2] > 0).sum())
        self.demand(rings.get(Cell.LATE_FRAMES) - late == dry, "late frames are miscounted")
        behind = int(rings.get(Cell.FRAMES_IN)) - self.workers[self.active].position
        if self.kept_up > self.latency + 2 * FADE:
            self.mended += self.kept_up - count <= self.latency + 2 * FADE
            self.demand(dry == 0, f"dry for no reason, the worker is {behind} frames behind")
        self.kept_up += count
        return count

    def check_weights(
        self, weights: Audio, music: "np.ndarray[tuple[int], np.dtype[np.bool]]"
    ) -> None:
        """Of music all is heard once, of what is older nothing; fades have no steps."""
        self.demand(np.abs(weights.sum(axis=0) - music).max() < 1e-6, "weights do not add up")
        self.demand(bool((weights >= 0).all()), "a weight is negative")
        joined = np.concatenate([self.weights[:, None], weights], axis=1)
        steady = np.concatenate([[self.weights.any()], music[:-1]]) & music
        steps = np.abs(np.diff(joined, axis=1))[:, steady]
        self.demand(steps.max(initial=0) < 3.1 / FADE, "a fade with a step in it")
        self.weights = weights[:, -1].astype(np.float64)

    def expected(self, mix: Audio, weights: Audio) -> Audio:
        """Strips [stems + 1, c, n]: each deck's gains times the mix of this very time."""
        gains = self.gains[0, :, None] * weights[0] + self.gains[1, :, None] * weights[1]
        gains = gains + (weights[2] / len(STEMS) if self.policy is LatePolicy.SPREAD else 0)
        residual = weights[2] if self.policy is LatePolicy.RESIDUAL else 0 * weights[2]
        return np.stack([*(gain * mix for gain in gains), residual * mix])

    def demand(self, holds: "bool | np.bool", complaint: str) -> None:
        if not holds:
            raise WrongError(f"{complaint}, at frame {self.rings.get(Cell.FRAMES_IN)}")

    def step(self) -> None:
        """One random action, and the music that follows it."""
        actions = (
            *(self.rest, self.hang, self.stop, self.kill, self.swap, self.reset, self.overload),
            *(self.resize, self.wait, self.choose, self.spoil),
        )
        action = actions[self.rng.integers(len(actions))]
        try:
            action()
            self.rest()
        except WrongError as error:
            raise WrongError(f"after {action.__name__}: {error}") from None

    def close(self) -> None:
        self.frames = self.rings.get(Cell.FRAMES_IN)
        self.workers.clear()
        self.rings.close()


def run(steps: int, seed: int) -> Walk:
    """Walk, and say where it went wrong."""
    walk = Walk(seed)
    try:
        for number in range(steps):
            try:
                walk.step()
            except WrongError as error:
                raise WrongError(f"seed {seed}, step {number}: {error}") from None
    finally:
        walk.close()
    return walk


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    walk = run(args.steps, args.seed)
    seconds = time.monotonic() - began
    print(
        f"{args.steps} steps from seed {args.seed}, {walk.frames} frames: none wrong; "
        f"{seconds:.0f} s"
    )
