"""The law, with a worker that does what a test wants: no process, no clock."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from torch import Tensor

from restem.streamer.engine.latency import FADE
from restem.streamer.engine.playback_kernel import LARGEST, LatePolicy
from restem.streamer.engine.rings import Cell
from restem.streamer.engine.worker import Worker
from restem.streamer.mixer.routing import Routing
from tests.support.gain_model import Plain
from tests.support.law import Stage, expected, music
from tests.support.tiny_networks import extraction


@pytest.fixture
def stage(request: pytest.FixtureRequest):  # noqa: ANN201
    made = Stage(Plain(), *getattr(request, "param", (256,)))
    made.work()
    yield made
    made.close()


@pytest.mark.parametrize("size", [1, 13, 64, 256, 480, 512, 1000])
def test_stems_come_out_at_their_time_plus_the_latency_to_the_bit(size: int) -> None:
    stage, mix = Stage(Plain(), size), music(size * (4000 // size + 4))
    stage.work()
    played = stage.run(mix, [size] * (mix.shape[1] // size))
    assert np.array_equal(played[:3], expected(mix, stage.latency))
    assert not played[3].any()
    assert stage.rings.get(Cell.LATE_FRAMES) == 0
    stage.close()


def test_host_blocks_may_change_at_random() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(1, LARGEST + 1, 40).tolist()
    stage, mix = Stage(Plain(), None), music(sum(blocks))
    stage.work()
    assert np.array_equal(stage.run(mix, blocks)[:3], expected(mix, stage.latency))
    stage.close()


@pytest.mark.parametrize("varies", [True, False])
def test_a_host_that_divides_its_blocks_wants_them_counted_so(varies: bool) -> None:
    """Each of the worker's steps takes as long as it may: two host blocks of 256."""
    stage, mix = Stage(Plain(), 256, varies=varies), music(100 + 60 * 256)
    rng = np.random.default_rng(0)
    worker, played, ends = stage.workers[0], [stage.play(mix[:, :100])], [0, 100]
    for start in range(100, mix.shape[1], 256):
        while worker.position + worker.model.block_size <= ends[-2]:
            assert worker.advance()
        cut = start + int(rng.integers(1, 256))
        played += [stage.play(mix[:, start:cut]), stage.play(mix[:, cut : start + 256])]
        ends.append(start + 256)
    if varies:
        assert np.array_equal(np.concatenate(played, axis=-1)[:3], expected(mix, stage.latency))
    assert (stage.rings.get(Cell.LATE_FRAMES) == 0) == varies
    stage.close()


def test_a_late_extraction_keeps_the_sum_and_the_time_of_its_stems() -> None:
    model, mix = extraction(256), music(256 * 200)
    stage = Stage(model, 256)
    stage.work()
    works = [not 80 <= number < 110 for number in range(200)]
    played = stage.run(mix, [256] * 200, works)
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]]
    law = expected(mix, stage.latency, model)
    gap = slice(256 * 95, 256 * 108)
    np.testing.assert_allclose(played[3, :, gap], dry[:, gap], atol=1e-6)
    assert not played[:3, :, gap].any()
    early = slice(0, 256 * 75)
    np.testing.assert_allclose(played[:3, :, early], law[..., early], atol=1e-5)
    assert not played[3, :, early].any()
    late = slice(256 * 190, None)  # the windows have forgotten the gap
    np.testing.assert_allclose(played[0, :, late], law[0, :, late], atol=1e-5)
    stage.close()


def test_without_a_worker_the_dry_mix_plays_on_at_its_time(stage: Stage) -> None:
    mix = music(256 * 512)
    works = [False] * 512
    played = stage.run(mix, [256] * 512, works)
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]]
    assert np.array_equal(played[3], dry)
    assert not played[:3].any()
    assert (stage.rings.get(Cell.CALLBACKS), stage.rings.get(Cell.LATE)) == (512, 1)


def test_a_late_worker_is_bridged_and_the_law_holds_before_and_after(stage: Stage) -> None:
    mix = music(256 * 120)
    works = [not 30 <= number < 60 for number in range(120)]
    played = stage.run(mix, [256] * 120, works)
    law = expected(mix, stage.latency)
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]]
    late = np.abs(played[3]).max(axis=0) > 0
    first, last = np.flatnonzero(late)[[0, -1]]
    assert 30 * 256 < first < 40 * 256
    assert 60 * 256 <= last < 62 * 256
    assert np.array_equal(played[:3, :, :first], law[..., :first])
    assert np.array_equal(played[:3, :, last + 1 :], law[..., last + 1 :])
    middle = slice(first + FADE, last - FADE)
    assert np.array_equal(played[3][:, middle], dry[:, middle])
    assert stage.rings.get(Cell.LATE) == 1
    assert abs(stage.rings.get(Cell.LATE_FRAMES) - late.sum()) <= 2  # a fade's ends are silent


def test_every_step_late_at_random_never_shifts_time(stage: Stage) -> None:
    rng = np.random.default_rng(1)
    mix = music(256 * 400)
    played = stage.run(mix, [256] * 400, (rng.random(400) < 0.25).tolist())
    law = expected(mix, stage.latency)
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]]
    share = np.divide(played[3], dry, out=np.zeros_like(dry), where=np.abs(dry) > 1e-3)
    assert 0.02 < share.mean() < 0.9
    clear = np.abs(dry) > 1e-3
    for stem in range(3):
        error = np.abs(played[stem] - (1 - share) * law[stem])[clear]
        assert error.max() < 1e-5


@pytest.mark.parametrize(
    "stage", [(256, LatePolicy.SPREAD), (256, LatePolicy.SILENCE)], indirect=True
)
def test_the_policy_says_where_the_dry_mix_goes(stage: Stage) -> None:
    mix = music(256 * 40)
    played = stage.run(mix, [256] * 40, [False] * 40)[..., -1000:]
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]][:, -1000:]
    total = dry if stage.policy is LatePolicy.SPREAD else np.zeros_like(dry)
    np.testing.assert_allclose(played.sum(axis=0), total, atol=1e-6)


def test_fades_have_no_steps(stage: Stage) -> None:
    mix = np.full((2, 256 * 100), 0.5, np.float32)
    works = [not 30 <= number < 60 for number in range(100)]
    played = stage.run(mix, [256] * 100, works)[..., stage.latency + 2 :]
    assert np.abs(np.diff(played, axis=-1)).max() < 0.5 * 2 / FADE


def test_after_a_reset_only_what_came_later_is_heard(stage: Stage) -> None:
    mix = music(256 * 80)
    first = stage.run(mix[:, : 256 * 37], [256] * 37)
    stage.rings.put(Cell.RESET, stage.rings.get(Cell.FRAMES_IN))
    stage.work()
    second = stage.run(mix[:, 256 * 37 :], [256] * 43)
    assert first[:3].any()
    assert np.array_equal(second[:3], expected(mix[:, 256 * 37 :], stage.latency))
    assert not second[3].any()


def test_after_a_reset_the_dry_mix_of_before_is_not_heard_either(stage: Stage) -> None:
    stage.mixer.route(Routing(("dry.left", "dry.right") * 4))
    mix = music(256 * 80)
    stage.run(mix[:, : 256 * 37], [256] * 37)
    stage.rings.put(Cell.RESET, stage.rings.get(Cell.FRAMES_IN))
    played = stage.run(mix[:, 256 * 37 :], [256] * 43)[0]
    assert not played[:, : stage.latency].any()
    assert np.array_equal(played[:, stage.latency :], mix[:, 256 * 37 : -stage.latency])


def test_what_is_no_audio_in_the_mix_becomes_silence(stage: Stage) -> None:
    mix = music(256 * 40)
    broken = mix.copy()
    broken[0, 3000], broken[1, 4000], broken[0, 5000] = np.nan, np.inf, 1e20
    mix[0, 3000] = mix[1, 4000] = mix[0, 5000] = 0
    played = stage.run(broken, [256] * 40)
    assert np.array_equal(played[:3], expected(mix, stage.latency))
    assert stage.rings.get(Cell.BAD_SAMPLES) == 3


@dataclass
class Poisoned(Plain):
    """Has a memory that what is too loud spoils for good."""

    def step(self, block: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        answer, after = super().step(block, state)
        spoiled = block.abs().max() > 5 or not state.isfinite().all()
        return (answer * np.nan, after * np.nan) if spoiled else (answer, after)


def test_a_memory_that_is_spoiled_is_cleared_and_the_mix_stands_in() -> None:
    stage, mix = Stage(Poisoned(), 256), music(256 * 100)
    stage.work()
    mix[:, 256 * 40] = 6.0
    played = stage.run(mix, [256] * 100)
    law = expected(mix, stage.latency)
    dry = np.pad(mix, ((0, 0), (stage.latency, 0)))[:, : mix.shape[1]]
    assert stage.rings.get(Cell.BAD_ANSWERS) == 1
    assert np.isfinite(played).all()
    assert np.array_equal(played[:3, :, -256 * 40 :], law[..., -256 * 40 :])
    share = np.divide(played[3], dry, out=np.zeros_like(dry), where=np.abs(dry) > 1e-3)
    assert share.max() > 0.99
    clear = np.abs(dry) > 1e-3
    for stem in range(3):
        assert np.abs(played[stem] - (1 - share) * law[stem])[clear].max() < 1e-5
    stage.close()


def test_another_deck_takes_over_without_a_step_and_at_the_same_latency(
    stage: Stage,
) -> None:
    model = replace(Plain(), gains=(1.0, 1.0, 1.0), latency=100)
    stage.workers.append(Worker(model, stage.rings, 1))
    mix = np.full((2, 256 * 60), 0.5, np.float32)
    played = stage.run(mix[:, : 256 * 30], [256] * 30)
    stage.rings.put(Cell.ACTIVE, 1)
    played = np.concatenate([played, stage.run(mix[:, 256 * 30 :], [256] * 30)], axis=-1)
    law, other = expected(mix, stage.latency), expected(mix, stage.latency, model)
    assert np.array_equal(played[:3, :, : 256 * 30], law[..., : 256 * 30])
    done = 256 * 30 + FADE
    assert np.array_equal(played[:3, :, done:], other[..., done:])
    assert np.abs(np.diff(played[..., 256 * 29 :], axis=-1)).max() < 0.75 * 2 / FADE


def test_a_worker_far_behind_leaves_blocks_out_and_is_on_time_again(stage: Stage) -> None:
    mix = music(256 * 200)
    works = [not 20 <= number < 120 for number in range(200)]
    played = stage.run(mix, [256] * 200, works)
    assert stage.rings.get(Cell.DROPPED) > 0
    end = slice(-256 * 60, None)
    assert np.array_equal(played[:3, :, end], expected(mix, stage.latency)[..., end])


def test_the_tap_keeps_what_goes_to_the_mixer(stage: Stage) -> None:
    mix = music(256 * 40)
    stage.mixer.set("mute", True, "vocals")
    stage.run(mix, [256] * 40)
    played = stage.rings.get(Cell.FRAMES_OUT)
    assert played == 256 * 40 - stage.latency
    stems = expected(mix, 0)[..., played - 500 : played].reshape(6, 500)
    assert np.array_equal(stage.rings.tap[:6, played - 500 : played], stems)
