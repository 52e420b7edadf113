import pytest
import torch

from restem.streamer.model.chunked import Chunked
from restem.streamer.model.reblocked import Reblocked, reblocked, reblocking
from restem.streamer.stream import Stream, render
from tests.support.tiny_networks import Halves, embedded, noise


@pytest.mark.parametrize("block_size", [1, 13, 48, 64, 96, 100, 128, 1000])
def test_other_blocks_make_a_model_later_and_change_nothing(block_size: int) -> None:
    model, mix = embedded(), noise(5000)
    other = Reblocked(model, block_size)
    assert other.latency == model.latency + reblocking(block_size, model.block_size)
    assert torch.equal(render(other, mix), render(model, mix))


def test_blocks_that_are_not_promised_may_be_of_any_size() -> None:
    model, mix = embedded(), noise(3000)
    free, state, parts = Reblocked(model, None), Reblocked(model, None).init_state(), []
    for block in mix.split([1, 0, 999, 13, 1987], dim=-1):
        stems, state = free.step(block, state)
        parts.append(stems)
    heard = torch.cat(parts, dim=-1)[..., free.latency :]
    assert torch.equal(heard, render(model, mix)[..., : heard.shape[-1]])


def test_a_model_in_its_own_blocks_is_itself() -> None:
    model = embedded()
    assert reblocked(model, model.block_size) is model
    assert reblocked(model, 100).block_size == 100


def test_the_state_handed_in_stays_valid() -> None:
    model = Reblocked(Chunked(Halves(), block_size=48, fade=8), 100)
    _, state = model.step(noise(100), model.init_state())
    once, _ = model.step(noise(100, seed=1), state)
    again, _ = model.step(noise(100, seed=1), state)
    assert torch.equal(once, again)


def test_a_stream_reblocks_what_is_reblocked() -> None:
    model, mix = Reblocked(embedded(), 100), noise(4000)
    stream = Stream(model, 48)
    heard = torch.cat([stream.process(b) for b in mix.split(48, dim=-1)[:-1]], dim=-1)
    heard = heard[..., stream.latency :]
    assert torch.equal(heard, render(model, mix)[..., : heard.shape[-1]])
