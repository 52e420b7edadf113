import pytest
import torch

from restem.models.cascade import Cascade, Repair, Separator
from restem.models.demucs import Demucs
from restem.models.zoo import NETWORKS
from restem.streamer.model.chunked import Chunked
from restem.streamer.stream import Stream, render
from tests.support.tiny_networks import PARAMS, noise, unets


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
    whole, state, parts = repair.process_all(stems), model.init_state(), []
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
    repaired = repair.process_all(stems)
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
    expected = repair.process_all(separator(mix))
    assert torch.equal(Cascade(separator, repair)(mix), expected)
    assert torch.equal(Cascade(separator)(mix), separator(mix))


def close(mine: torch.Tensor, theirs: torch.Tensor, tolerance: float = 1e-6) -> bool:
    """To float rounding: one convolution over other lengths may sum in another order."""
    return bool((mine - theirs).abs().max() <= tolerance * theirs.abs().max())


def test_networks_together_are_networks_in_turn_whatever_their_configurations() -> None:
    plain, wide = unets("dtt-bsr", 2), unets("dtt-bsr", 2, g=32)
    networks = {"vocals": plain[0], "bass": wide[0], "drums": plain[1], "guitars": wide[1]}
    together = Separator(networks, 48000, together=True)
    assert len(together.stacks) == 2
    mix = noise(4000)
    apart = Separator(networks, 48000)
    assert close(together(mix), apart(mix), 1e-5)
    window, later = noise(24 * 512).split([23 * 512, 512], dim=-1)
    kept = together.prepare_window(window, 512)
    assert kept is not None
    moved = torch.cat((window[:, 512:], later), dim=-1)
    answer, _ = together.step_window(moved, kept, 512, 6000, 7000)
    assert close(answer, apart(moved)[..., 6000:7000], 1e-5)


@pytest.mark.parametrize("repaired", [(), ("bass",), STEMS])
@pytest.mark.parametrize(("start", "stop"), [(0, 300), (3333, 4000), (6000, 6001), (7000, 8000)])
def test_a_part_of_an_answer_is_a_part_of_the_answer(
    repaired: tuple[str, ...], start: int, stop: int
) -> None:
    cascade = Cascade(seeded_separator(STEMS), seeded_repair(STEMS, repaired))
    mix = noise(8000)
    # Rounding alone: 1.1e-5 to 1.7e-5 with the kernels for SSE4 and AVX2.
    assert close(cascade(mix, start, stop), cascade(mix)[..., start:stop], 3e-5)
    assert cascade.repair is not None
    stems = cascade.separator(mix)
    assert close(cascade.repair(stems, start, stop), cascade.repair(stems)[..., start:stop], 1e-5)


@pytest.mark.parametrize("host_block", [1, 100, 512, 700, 1024, 2048, None])
@pytest.mark.parametrize("repaired", [False, True])
def test_what_windows_share_may_be_kept_at_any_host_block(
    repaired: bool, host_block: int | None
) -> None:
    repair = seeded_repair(STEMS, STEMS) if repaired else None
    cascade = Cascade(seeded_separator(STEMS), repair)
    sizes = {"block_size": 1024, "context": 4096, "fade": 256, "lookahead": 2816}
    keeping, fresh = (Chunked(cascade, **sizes, keeps=keeps) for keeps in (True, False))
    assert keeping.init_state().kept is not None
    assert fresh.init_state().kept is None
    mix = noise(9000)
    streams = [Stream(model, host_block) for model in (keeping, fresh)]
    count = host_block or 3000
    blocks = mix[:, : 9000 // count * count].split(count, dim=-1)
    heard = [torch.cat([stream.process(b) for b in blocks], dim=-1) for stream in streams]
    assert heard[1].abs().max() > 0
    assert close(*heard)


def test_windows_off_the_networks_grid_are_restored_anew() -> None:
    sizes = {"block_size": 1000, "context": 4096, "lookahead": 2816}
    model = Chunked(Cascade(seeded_separator(STEMS)), **sizes)
    assert model.init_state().kept is None
    assert render(model, noise(3000)).isfinite().all()


def test_a_streamed_cascade_is_finite_and_as_long_as_the_mix() -> None:
    model = Chunked(
        Cascade(seeded_separator(STEMS)), block_size=1024, context=1024, fade=256, lookahead=768
    )
    stems = render(model, noise(5001))
    assert stems.shape == (2, 2, 5001)
    assert stems.isfinite().all()
