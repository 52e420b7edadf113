from dataclasses import replace

import pytest
import torch

from restem.models.embedded import (
    GELU,
    EmbeddedCascade,
    EmbeddedConfig,
    GatedRecurrence,
    RMSNorm,
    along_bands,
    compress,
    mlp,
    multiply,
    pool,
    power,
    scan,
    spread,
)
from restem.models.stems import STEMS
from restem.models.training.trainers.embedded import restore_clip
from restem.streamer.stream import render
from tests.support.golden import peak_error
from tests.support.tiny_networks import embedded, noise


def test_streaming_equals_the_network_over_the_whole_file() -> None:
    # Sums run in another order over one frame than over many: equal to float rounding only.
    model, mix = embedded(), noise(5000)
    with torch.inference_mode():
        separated, repaired = restore_clip(model, mix)
    for streamed, file in ((model.without_repair(), separated), (model, repaired)):
        error = (render(streamed, mix) - file).abs().max() / file.abs().max()
        assert error < 1e-5


def test_unit_gains_give_the_mix_back() -> None:
    model = embedded()
    for decoder, value in ((model.mask, 1.0), (model.gain, 0.0)):
        for bias, weight in zip(decoder.bias, decoder.weight, strict=True):
            bias.fill_(value)
            weight.zero_()
    mix = 0.1 * torch.sin(torch.arange(5000) * torch.tensor([[0.1], [0.33]]))  # far from Nyquist
    stems = render(model, mix)[..., 100:-100]
    torch.testing.assert_close(stems, mix[:, 100:-100].expand(3, -1, -1), rtol=0, atol=1e-4)


def test_silence_stays_silence() -> None:
    assert not render(embedded(), torch.zeros(2, 1000)).any()


def test_the_newest_sample_waits_for_one_window_less_one_hop() -> None:
    model = embedded()
    assert (model.block_size, model.latency) == (64, 64)


def test_what_was_heard_changes_what_is_heard() -> None:
    model, mix = embedded(), noise(640)
    late = render(model, torch.cat((noise(6400, seed=1), mix), dim=-1))[..., -500:]
    assert not torch.allclose(late, render(model, mix)[..., -500:], atol=1e-6)


def test_chosen_stems_are_the_same_stems() -> None:
    model, mix = embedded(), noise(3000)
    some = render(model.select(("drums", "vocals")), mix)
    torch.testing.assert_close(some, render(model, mix)[[2, 0]], rtol=1e-5, atol=1e-7)


def test_a_repairs_strength_is_each_stems_own() -> None:
    model, mix = embedded(), noise(64 * 30)
    config = replace(model.config, repair_strength=(0.0, 0.5, 1.0))
    partly = EmbeddedCascade(config).eval().requires_grad_(False)
    partly.load_state_dict(model.state_dict())
    separated, repaired = render(model.without_repair(), mix), render(model, mix)
    expected = torch.stack(
        [a.lerp(b, s) for a, b, s in zip(separated, repaired, (0, 0.5, 1), strict=True)]
    )
    assert peak_error(render(partly, mix), expected) < 1e-5
    assert peak_error(repaired, separated) > 0.01
    chosen = partly.select(["drums", "bass"])
    assert torch.equal(chosen.strength, torch.tensor([1.0, 0.5]))
    with pytest.raises(ValueError, match="repair_strength must be a number in"):
        replace(model.config, repair_strength=(0.0, 1.5, 1.0))


def test_the_full_network_has_eight_stems_in_order_and_documented_latency() -> None:
    with torch.device("meta"):
        model = EmbeddedCascade()
    assert model.stems == STEMS
    assert (model.sample_rate, model.channels, model.latency) == (48000, 2, 2048)


def test_a_scan_is_the_recurrence_it_stands_for() -> None:
    generator = torch.Generator().manual_seed(0)
    for frames in (1, 2, 7):
        sizes = ((2, frames, 3, 4), (2, frames, 3, 4), (2, 3, 4))
        decay, candidate, memory = (
            torch.rand(s, generator=generator, dtype=torch.float64, requires_grad=True)
            for s in sizes
        )
        h, steps = memory, []
        for frame in range(frames):
            h = decay[:, frame] * h + (1 - decay[:, frame]) * candidate[:, frame]
            steps.append(h)
        torch.testing.assert_close(scan(decay, candidate, memory), torch.stack(steps, dim=1))
        assert torch.autograd.gradcheck(scan, (decay, candidate, memory))


def test_the_first_gate_keeps_the_memory_and_the_last_lets_it_out() -> None:
    layer, x, memory = GatedRecurrence(6, 6), noise(30).view(2, 1, 5, 6), noise(30).view(2, 5, 6)
    keep, candidate, gate = layer.gates(x).chunk(3, dim=-1)
    hidden = candidate + torch.sigmoid(keep) * (memory.unsqueeze(1) - candidate)
    answer, kept = layer(x, memory)
    torch.testing.assert_close(kept, hidden[:, 0])
    torch.testing.assert_close(answer, layer.out(hidden * torch.nn.functional.silu(gate)))


def test_norm_and_activation_are_those_of_pytorch() -> None:
    x = torch.cat((noise(96), torch.zeros(1, 96), 1e-5 * noise(96)))
    norm = RMSNorm(96)
    torch.nn.init.uniform_(norm.weight)
    torch.testing.assert_close(norm(x), torch.nn.RMSNorm.forward(norm, x), rtol=1e-5, atol=1e-7)
    wanted = torch.nn.functional.gelu(30 * x)
    torch.testing.assert_close(GELU()(30 * x), wanted, rtol=1e-5, atol=1e-6)
    assert torch.equal(GELU()((30 * x).requires_grad_()), wanted)


def test_bands_are_mixed_where_they_lie() -> None:
    layers, x = mlp(5, 10), noise(120).view(2, 4, 5, 6)
    mixed = layers(x.transpose(-1, -2)).transpose(-1, -2)
    torch.testing.assert_close(along_bands(layers, x), mixed, rtol=1e-5, atol=1e-6)


def test_a_first_stage_alone_has_no_second() -> None:
    alone = embedded().without_repair()
    assert not any(name.startswith(("repair", "gain")) for name, _ in alone.named_parameters())
    assert (alone.latency, alone.stems) == (embedded().latency, embedded().stems)


def test_pooling_what_was_spread_gives_it_back() -> None:
    pools = ((3, 1), (2, 4))
    grid = torch.rand(5, 2)
    torch.testing.assert_close(pool(spread(grid, pools), pools), grid)


def test_bins_are_multiplied_by_the_gain_of_their_grid_point() -> None:
    pools = ((3, 1), (2, 4))
    spectrum = torch.fft.rfft(noise(22))  # 11 bins and that of Nyquist
    gains = torch.view_as_complex(noise(30).view(3, 2, 5, 2))
    spread_out = spread(gains.mT, pools).mT
    product = multiply(spectrum, gains, pools)
    torch.testing.assert_close(product[..., :-1], spread_out * spectrum[:, :-1])
    assert not product[..., -1].any()


def test_compression_keeps_the_phase_and_tames_the_magnitude() -> None:
    spectrum = torch.polar(torch.tensor([1e-1, 1e1, 1e3]), torch.tensor([0.3, -2.0, 1.0]))
    tamed = torch.view_as_complex(compress(spectrum, power(spectrum)))
    torch.testing.assert_close(tamed.angle(), spectrum.angle())
    torch.testing.assert_close(tamed.abs(), spectrum.abs() ** 0.3, rtol=1e-4, atol=0)


def test_bands_that_do_not_cover_the_spectrum_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must cover n_fft // 2 = 2048 bins, got 32"):
        EmbeddedConfig(bands=((16, 2, 1),))
