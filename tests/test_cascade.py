import pytest
import torch

from models.cascade import Cascade, Repair, Separator
from models.demucs import Demucs
from models.zoo import NETWORKS
from streamer import Chunked, render
from tests.small import PARAMS, noise


def seeded_repair(stems: tuple[str, ...], repaired: tuple[str, ...], seed: int = 0) -> Repair:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        networks = {s: NETWORKS["demucs-l"].build(full("demucs-l")).eval() for s in stems}
    geometry = networks[stems[0]]
    assert isinstance(geometry, Demucs)
    chosen = {stem: networks[stem] for stem in repaired}
    return Repair(chosen, stems, geometry, 48000).requires_grad_(False)


def full(network: str) -> dict[str, object]:
    return {**NETWORKS[network].params, **PARAMS[network]}


def seeded_separator(stems: tuple[str, ...], network: str = "dtt-bsr") -> Separator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = {s: NETWORKS[network].build(full(network)).eval() for s in stems}
    return Separator(networks, 48000).requires_grad_(False)


STEMS = ("vocals", "bass")


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_repair_is_streamed_exactly(blocks: int) -> None:
    # One convolution over other lengths may sum in another order: equal to float rounding.
    repair = seeded_repair(STEMS, STEMS)
    stems = torch.stack((noise(5000), noise(5000, seed=1)))
    model = Chunked(
        repair,
        block_size=blocks * repair.stride,
        context=repair.context,
        lookahead=repair.lookahead,
    )
    whole, state, parts = repair.whole(stems), model.init_state(), []
    padded = torch.nn.functional.pad(stems, (0, model.latency + model.block_size))
    for block in padded.split(model.block_size, dim=-1):
        if block.shape[-1] == model.block_size:
            part, state = model.step(block, state)
            parts.append(part)
    streamed = torch.cat(parts, dim=-1)[..., model.latency :][..., :5000]
    assert streamed.shape == whole.shape
    assert (streamed - whole).abs().max() < 1e-5 * whole.abs().max()


def test_margins_put_every_window_on_the_grid_of_the_whole_file() -> None:
    repair = seeded_repair(STEMS, STEMS)
    assert (repair.context + repair.lookahead) % repair.stride == 0


def test_one_sample_less_lookahead_is_not_exact() -> None:
    repair = seeded_repair(STEMS, STEMS)
    stems = torch.stack((noise(5000), noise(5000, seed=1)))
    window = stems[..., : repair.context + 8 * repair.stride + repair.lookahead]
    cut = window.clone()
    cut[..., -1] += 1
    last = window.shape[-1] - repair.lookahead - 1
    assert torch.equal(repair(window)[..., :last], repair(cut)[..., :last])
    assert not torch.equal(repair(window)[..., last + 1 :], repair(cut)[..., last + 1 :])


def test_a_stem_without_a_network_passes_unchanged() -> None:
    repair = seeded_repair(STEMS, ("bass",))
    stems = torch.stack((noise(3000), noise(3000, seed=1)))
    repaired = repair.whole(stems)
    assert torch.equal(repaired[0], stems[0])
    assert not torch.allclose(repaired[1], stems[1], atol=1e-3)


def test_stems_and_channels_are_restored_each_for_itself() -> None:
    cascade = Cascade(seeded_separator(STEMS), seeded_repair(STEMS, STEMS))
    mix = noise(4000)
    swapped = cascade(mix.flip(0))
    torch.testing.assert_close(swapped.flip(1), cascade(mix), rtol=0, atol=1e-6)


@pytest.mark.parametrize("network", ["dtt-bsr", "dttnet"])
def test_fewer_stems_are_the_same_stems(network: str) -> None:
    mix = noise(4000)
    both, first = (seeded_separator(stems, network) for stems in (STEMS, STEMS[:1]))
    torch.testing.assert_close(both(mix)[:1], first(mix), rtol=0, atol=1e-6)


def test_the_cascade_is_one_stage_after_the_other() -> None:
    separator, repair = seeded_separator(STEMS), seeded_repair(STEMS, STEMS)
    mix = noise(4000)
    expected = repair.whole(separator(mix))
    assert torch.equal(Cascade(separator, repair)(mix), expected)
    assert torch.equal(Cascade(separator)(mix), separator(mix))


def test_a_streamed_cascade_is_finite_and_as_long_as_the_mix() -> None:
    model = Chunked(
        Cascade(seeded_separator(STEMS)), block_size=1024, context=1024, fade=256, lookahead=768
    )
    stems = render(model, noise(5001))
    assert stems.shape == (2, 2, 5001)
    assert stems.isfinite().all()
