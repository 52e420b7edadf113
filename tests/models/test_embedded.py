from dataclasses import replace

import pytest
import torch

from restem.models.band_split import (
    GELU,
    GatedRecurrence,
    RMSNorm,
    accumulate,
    along_bands,
    mlp,
    scan,
    windows,
)
from restem.models.embedded import (
    EmbeddedCascade,
    EmbeddedConfig,
    compress,
    loudness,
    multiply,
    pool,
    power,
    spread,
)
from restem.models.stems import STEMS
from restem.models.training.trainers.embedded import restore_clip
from restem.streamer.stream import Stream, render
from tests.support.golden import peak_error
from tests.support.tiny_networks import embedded, noise

needs_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
LONG = {"n_fft": 256, "bands": ((8, 2, 1), (4, 7, 4)), "features": "levels"}


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


def test_a_long_analysis_and_a_short_synthesis_give_the_mix_back() -> None:
    for n_fft, hop_length in ((128, 64), (256, 64), (4096, 896), (1024, 384)):
        analysis, synthesis = windows(n_fft, hop_length)
        product = (analysis[-2 * hop_length :] * synthesis).view(2, -1)
        torch.testing.assert_close(product.sum(0), torch.ones(hop_length))
        assert synthesis.max() < 1.1
        assert analysis.min() >= 0


def test_a_long_analysis_streams_as_it_renders_at_the_latency_of_the_short_window() -> None:
    model, mix = embedded(**LONG), noise(5000)
    assert (model.block_size, model.latency) == (64, 64)
    with torch.inference_mode():
        _, repaired = restore_clip(model, mix)
    assert peak_error(render(model, mix), repaired) < 1e-5
    for block_size in (1, 13, 64, 100, 441):
        stream = Stream(model, block_size)
        whole_blocks = mix[:, : 4410 // block_size * block_size].split(block_size, dim=-1)
        heard = torch.cat([stream.process(block) for block in whole_blocks], dim=-1)
        streamed = heard[..., stream.latency :]
        assert peak_error(streamed, repaired[..., : streamed.shape[-1]]) < 1e-5


@pytest.mark.parametrize("features", ["levels", "both"])
def test_levels_do_not_care_how_loud_the_mix_is(features: str) -> None:
    model = embedded(**{**LONG, "features": features})
    mix = noise(6400) * torch.linspace(0.01, 1, 6400)
    mix[:, 2000:3000] = 0  # a pause
    answer = render(model, mix)
    for gain_db in (-45, -20, 12):
        gain = 10 ** (gain_db / 20)
        assert peak_error(render(model, gain * mix) / gain, answer) < 1e-4


def test_loudness_jumps_up_and_falls_slowly() -> None:
    power, before = torch.tensor([[0.0, 3.0, 0.0, -5.0]]), torch.tensor([1.0])
    expected = torch.tensor([[0.5, 3.0, 2.5, 2.0]])
    torch.testing.assert_close(loudness(power, before, 0.5), expected)
    halves = loudness(power[:, :2], before, 0.5)
    rest = loudness(power[:, 2:], halves[:, -1], 0.5)
    torch.testing.assert_close(torch.cat((halves, rest), dim=1), expected)


def test_a_summary_may_come_in_the_middle() -> None:
    model, mix = embedded(summary_after=1), noise(1000)
    with torch.inference_mode():
        assert peak_error(render(model, mix), restore_clip(model, mix)[1]) < 1e-5
    assert not torch.allclose(render(model, mix), render(embedded(), mix), atol=1e-6)
    with pytest.raises(ValueError, match=r"summary_after must be in \[1, separator_layers=3\]"):
        embedded(summary_after=4)


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


def test_accumulation_by_doubling_is_the_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    for frames in (1, 2, 7, 64):
        decay, fresh = (torch.rand(2, frames, 3, generator=generator) for _ in range(2))
        h, steps = torch.zeros(2, 3), []
        for frame in range(frames):
            h = decay[:, frame] * h + fresh[:, frame]
            steps.append(h)
        torch.testing.assert_close(accumulate(decay, fresh), torch.stack(steps, dim=1))


@needs_a_gpu
def test_a_scan_on_a_gpu_is_that_of_the_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = ((2, 50, 3, 4), (2, 50, 3, 4), (2, 3, 4))
    results = []
    for device in ("cpu", "cuda"):
        inputs = [
            torch.rand(s, generator=generator.manual_seed(n)).to(device).requires_grad_()
            for n, s in enumerate(sizes)
        ]
        hidden = scan(*inputs)
        hidden.square().sum().backward()
        results.append([x.detach().cpu() for x in (hidden, *(i.grad for i in inputs))])
    for cpu, gpu in zip(*results, strict=True):
        torch.testing.assert_close(gpu, cpu, rtol=1e-4, atol=1e-5)


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
