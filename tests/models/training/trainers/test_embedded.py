import copy
from pathlib import Path

import pytest
import torch

from restem.models.embedded import EmbeddedCascade
from restem.models.training.trainers.embedded import (
    OF_REPAIR,
    EmbeddedTrainer,
    EmbeddedTrainingConfig,
    draw_repaired,
    restore_clip,
    schedule,
)
from restem.models.weights import store
from restem.streamer.stream import render
from tests.support.embedded_params import PARAMS
from tests.support.tiny_networks import embedded, noise


def small(**config: object) -> EmbeddedTrainer:
    torch.manual_seed(0)
    return EmbeddedTrainer(EmbeddedTrainingConfig(PARAMS, **config), torch.device("cpu"))


def batch(samples: int = 64 * 40) -> tuple[torch.Tensor, torch.Tensor]:
    """A mix of two stems that a filter can tell apart: [b, c, n], [b, s, c, n]."""
    mix = noise(samples)
    bins = torch.fft.rfft(mix)
    low = torch.fft.irfft(bins * (torch.arange(bins.shape[-1]) < bins.shape[-1] / 4), n=samples)
    targets = torch.zeros(8, 2, samples)
    targets[4], targets[5] = low, mix - low
    return mix[None], targets[None]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_training_learns_what_it_is_shown(precision: str) -> None:
    training, example = small(learning_rate=1e-2, precision=precision), batch()
    losses = [sum(training.step(*example, progress=0.05).values()) for _ in range(30)]
    assert losses[-1] < losses[0] - 1


def test_a_processor_without_bfloat16_is_not_made_to_emulate_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses = {}
    for able in (False, True):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda able=able: {"amx_bf16": able}, raising=False
        )
        losses[able] = small(precision="bf16").step(*batch(), progress=0.5)
    exact = small(precision="fp32").step(*batch(), progress=0.5)
    assert losses[False] == exact
    assert losses[True] != exact


def test_both_stages_and_all_their_weights_are_trained() -> None:
    training, example = small(weight_decay=0.0), batch()
    before = {n: p.clone() for n, p in training.model.named_parameters()}
    for _ in range(2):  # the repair's last layer begins at zero and holds back all before it
        training.step(*example, progress=0.5)
    still = [n for n, p in training.model.named_parameters() if torch.equal(p, before[n])]
    assert still == []


def test_the_repair_shapes_shared_features_but_no_masks() -> None:
    training = small()
    for weight in training.model.gain.weight:  # zeros at first: they hold back all before them
        torch.nn.init.normal_(weight)
    spectrum = torch.randn(1, 5, 64, 2, dtype=torch.complex64)
    _, gains, _ = training.model.gains(spectrum)
    gains.abs().sum().backward()
    touched = {n.split(".")[0] for n, p in training.model.named_parameters() if p.grad is not None}
    shared = {"mix_encoder", "separator", "summary"}
    assert touched == {*OF_REPAIR, *shared}


def test_a_separator_may_learn_before_its_repair_does() -> None:
    training, example = small(learns="separator"), batch()
    before = {n: p.clone() for n, p in training.model.named_parameters()}
    assert set(training.step(*example, progress=0.5)) == {"separator"}
    moved = {n for n, p in training.model.named_parameters() if not torch.equal(p, before[n])}
    assert {name.split(".")[0] for name in moved} == {"mix_encoder", "separator", "summary", "mask"}


def test_a_repair_may_learn_behind_a_separator_that_stays(tmp_path: Path) -> None:
    first, example = small(), batch()
    first.step(*example, progress=0.5)
    first.export(tmp_path / "a.safetensors")
    config = EmbeddedTrainingConfig(start=str(tmp_path / "a.safetensors"), learns="repair")
    second = EmbeddedTrainer(config, torch.device("cpu"))
    before = second.restore(example[0][0])
    losses = [second.step(*example, progress=0.05) for _ in range(15)]
    assert set(losses[0]) == {"repair"}
    assert losses[-1]["repair"] < losses[0]["repair"] - 0.02
    after = second.restore(example[0][0])
    assert torch.equal(after["separator"], before["separator"])
    assert not torch.equal(after["repair"], before["repair"])


def test_a_repair_learns_whole_whatever_strength_it_had(tmp_path: Path) -> None:
    first = small()
    first.strength = (0.0,) * 8
    first.export(tmp_path / "a.safetensors")
    config = EmbeddedTrainingConfig(start=str(tmp_path / "a.safetensors"))
    second = EmbeddedTrainer(config, torch.device("cpu"))
    assert torch.equal(second.model.strength, torch.ones(8))


def test_weights_may_begin_a_network_of_shorter_frames_and_more_features(tmp_path: Path) -> None:
    first = small()
    first.export(tmp_path / "a.safetensors")
    changed = {"hop_length": 32, "features": "both"}
    config = EmbeddedTrainingConfig(changed, start=str(tmp_path / "a.safetensors"))
    model = EmbeddedTrainer(config, torch.device("cpu")).model
    assert (model.latency, model.config.features) == (32, "both")
    state, old = model.state_dict(), first.averaged.half().float().state_dict()
    assert not any(state[name].any() for name in state if name.startswith("level_encoder"))
    assert torch.equal(state["mask.weight.0"], old["mask.weight.0"])
    bias = "separator.0.across_time.gates.bias"
    kept, before = (torch.sigmoid(weights[bias][:8]) for weights in (state, old))
    torch.testing.assert_close(kept.square(), before)  # two frames are as long as one was
    wider = EmbeddedTrainingConfig({"separator_dim": 16}, start=str(tmp_path / "a.safetensors"))
    with pytest.raises(ValueError, match="another size in the weights of start"):
        EmbeddedTrainer(wider, torch.device("cpu"))


def test_a_state_brings_everything_back() -> None:
    training, again, example = small(), small(), batch()
    training.step(*example, progress=0.1)
    again.load_state_dict(copy.deepcopy(training.state_dict()))
    results = []
    for trained in (training, again):
        torch.manual_seed(3)
        results.append(trained.step(*example, progress=0.2))
    assert results[0] == results[1]
    pairs = zip(training.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_exported_file_is_the_averaged_network(tmp_path: Path) -> None:
    training, example = small(), batch()
    for _ in range(3):
        training.step(*example, progress=0.3)
    training.export(tmp_path / "a.safetensors")
    network = store.load_network(tmp_path / "a.safetensors")
    assert isinstance(network, EmbeddedCascade)
    restored, rendered = training.restore(example[0][0]), render(network, example[0][0])
    error = (rendered - restored["repair"]).abs().max() / restored["repair"].abs().max()
    assert error < 1e-2  # half precision
    assert not torch.equal(restored["separator"], restored["repair"])


def test_a_repair_is_calibrated_to_what_scores_best_on_held_out_clips(tmp_path: Path) -> None:
    training = small()
    separated, wrong = noise(64 * 40, 1), noise(64 * 40, 2)
    targets = torch.zeros(8, 2, 64 * 40)
    targets[0], targets[1], targets[2] = separated, wrong, 0.3 * separated + 0.7 * wrong
    training.restore = lambda mix: {  # type: ignore[method-assign]
        "separator": separated.expand_as(targets),
        "repair": wrong.expand_as(targets),
    }
    training.calibrate([(noise(64 * 40), targets)])
    assert training.strength == pytest.approx((0.0, 1.0, 0.7, 1, 1, 1, 1, 1))
    training.export(tmp_path / "weights.safetensors")
    network = store.load_network(tmp_path / "weights.safetensors")
    assert network.config.repair_strength == training.strength


def test_a_stage_that_lets_everything_through_is_the_mix() -> None:
    model = embedded()
    for bias, weight in zip(model.mask.bias, model.mask.weight, strict=True):
        bias.fill_(1)
        weight.zero_()
    mix = 0.1 * torch.sin(torch.arange(5000) * torch.tensor([[0.1], [0.33]]))
    first, _ = restore_clip(model, mix)
    torch.testing.assert_close(
        first[..., 100:-100], mix[:, 100:-100].expand(3, -1, -1), rtol=0, atol=1e-4
    )


def test_stems_that_play_are_repaired_more_often() -> None:
    torch.manual_seed(0)
    targets = torch.zeros(2, 8, 2, 10)
    targets[:, 3] = 1
    drawn = [stem for _ in range(300) for stem in draw_repaired(targets, 3)]
    assert drawn.count(3) > 2 * max(drawn.count(stem) for stem in range(8) if stem != 3)
    assert set(drawn) == set(range(8))


def test_the_learning_rate_rises_then_falls() -> None:
    rates = [schedule(progress / 1000) for progress in range(1001)]
    assert rates[0] == 0
    assert max(range(1001), key=rates.__getitem__) == 10
    assert rates[10] == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.01)


def test_a_plateau_waits_for_its_cooldown() -> None:
    rates = [schedule(progress / 1000, warmup=0.002, cooldown=0.2) for progress in range(1001)]
    assert rates[1] == pytest.approx(0.5)
    assert set(rates[2:801]) == {1.0}
    assert rates[900] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01)
    with pytest.raises(ValueError, match=r"cooldown must be in \(0, 1\], got 0"):
        EmbeddedTrainingConfig(cooldown=0)


def test_a_step_that_is_not_finite_changes_nothing() -> None:
    training, (mix, targets) = small(), batch()
    before = copy.deepcopy(training.model.state_dict())
    losses = training.step(mix * float("nan"), targets, progress=0.5)
    assert losses == {"repair": 0.0, "separator": 0.0}
    assert all(torch.equal(before[name], p) for name, p in training.model.state_dict().items())
    for _ in range(18):
        training.step(mix * float("nan"), targets, progress=0.5)
    with pytest.raises(RuntimeError, match="20 steps in a row"):
        training.step(mix * float("nan"), targets, progress=0.5)


def test_wrong_params_are_refused_with_their_place() -> None:
    with pytest.raises(ValueError, match=r"embedded: params: .*'stride'"):
        EmbeddedTrainer(EmbeddedTrainingConfig({"stride": 3}), torch.device("cpu"))
    with pytest.raises(ValueError, match="precision must be fp32 or bf16, got 'fp8'"):
        EmbeddedTrainingConfig(precision="fp8")
