from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from restem.models import zoo
from restem.models.cascade import Separator
from restem.models.training.trainers.repair import (
    RepairTrainer,
    RepairTrainingConfig,
    as_repair,
    crop,
    mix_in_clean,
    random_angles,
)
from restem.models.training.trainers.separator import as_separator
from restem.models.weights import store
from tests.support.equality import same
from tests.support.tiny_networks import PARAMS, noise

CPU = torch.device("cpu")


@pytest.fixture
def config(tmp_path: Path) -> RepairTrainingConfig:
    """Small networks; the separator's weights are noise."""
    path = tmp_path / "separator.safetensors"
    torch.manual_seed(7)
    params = {**zoo.NETWORKS["dtt-bsr"].params, **PARAMS["dtt-bsr"]}
    network = zoo.build_network("dtt-bsr", params, "test")
    store.save_weights(network, path, store.WeightsHeader("dtt-bsr", params, "bass"))
    return RepairTrainingConfig(
        separator=str(path),
        stem="bass",
        params=PARAMS["demucs-l"],
        learning_rate=2e-3,
        crop_seconds=0.05,
    )


def training(config: RepairTrainingConfig, seed: int = 0) -> RepairTrainer:
    torch.manual_seed(seed)
    return RepairTrainer(config, CPU)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    mix = torch.stack((noise(3000, seed), noise(3000, seed + 100)))
    return mix, 0.5 * mix[:, None]


def test_the_defaults_are_the_published_recipe() -> None:
    config = RepairTrainingConfig(separator="dtt-bsr/vocals")
    assert (config.l1_weight, config.stft_weight) == (10, 1)
    assert (config.learning_rate, config.weight_decay) == (2e-4, 0)
    assert {config.rate(step, progress=0.9) for step in (0, 10, 10**6)} == {2e-4}
    assert (config.crop_seconds, config.clean_share) == (1, 0.1)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_repair_learns_what_it_is_shown(config: RepairTrainingConfig, precision: str) -> None:
    learning = training(replace(config, precision=precision, clean_share=1.0))
    rows = [learning.step(*batch(), progress=0) for _ in range(30)]
    losses = [row["loss"] for row in rows]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert not any(row["skipped"] for row in rows)


def test_the_loss_is_the_weighted_sum(config: RepairTrainingConfig) -> None:
    row = training(replace(config, convergence_weight=0.5)).step(*batch(), progress=0)
    parts = 10 * row["l1"] + 0.5 * row["convergence"] + 0.1 * row["magnitude"]
    assert row["loss"] == pytest.approx(parts, rel=1e-4)


def test_the_separator_is_frozen(config: RepairTrainingConfig) -> None:
    learning = training(config)
    before = deepcopy(learning.separator.state_dict())
    for _ in range(3):
        learning.step(*batch(), progress=0)
    assert same(learning.separator.state_dict(), before)
    assert not learning.separator.training


def test_inputs_are_the_separators_and_targets_lie_beside_them(
    config: RepairTrainingConfig,
) -> None:
    learning = training(replace(config, clean_share=0.0, crop_seconds=1.0))
    mix, targets = batch()
    broken, target = learning.examples(mix, targets[:, 0])
    separated = torch.stack([learning.separator(clip) for clip in mix])
    # Whatever the angle is, what turns one must turn the other: their products do not move.
    for before, after in ((separated, broken), (targets[:, 0], target)):
        assert not torch.allclose(after, before, atol=1e-3)
        torch.testing.assert_close(
            (after * target).sum(-1), (before * targets[:, 0]).sum(-1), rtol=0.05, atol=0.05
        )


def test_a_clean_input_is_its_own_target(config: RepairTrainingConfig) -> None:
    mix, targets = batch()
    broken, target = training(replace(config, clean_share=1.0)).examples(mix, targets[:, 0])
    assert torch.equal(broken, target)


def test_a_tenth_of_the_inputs_is_clean() -> None:
    torch.manual_seed(0)
    broken, clean = torch.zeros(4000, 2, 1), torch.ones(4000, 2, 1)
    mixed = mix_in_clean(broken, clean, 0.1)
    assert mixed.mean().item() == pytest.approx(0.1, abs=0.015)  # three deviations
    assert torch.equal(mixed[:, 0], mixed[:, 1])


def test_angles_are_spread_over_the_circle() -> None:
    torch.manual_seed(0)
    angles = random_angles(torch.zeros(4000, 2, 2, 5))
    assert angles.shape == (4000, 1, 1, 1)
    assert angles.abs().max() <= torch.pi
    for moment in (1, 2, 3):
        assert torch.polar(torch.ones(4000), moment * angles.flatten()).mean().abs() < 0.04


def test_crops_keep_input_and_target_together_and_start_anywhere() -> None:
    torch.manual_seed(0)
    ramp = torch.arange(10.0).expand(200, 2, 2, 10)
    cut = crop(ramp, 7)
    assert cut.shape == (200, 2, 2, 7)
    assert torch.equal(cut[:, 0], cut[:, 1])
    assert set(cut[:, 0, 0, 0].tolist()) == {0, 1, 2, 3}
    assert torch.equal(crop(ramp, 11), ramp)


def test_a_silent_target_is_learnt_too(config: RepairTrainingConfig) -> None:
    mix, targets = batch()
    learning = training(config)
    for silent_mix in (mix, 0 * mix):
        row = learning.step(silent_mix, 0 * targets, progress=0)
        assert row["skipped"] == 0
        assert torch.tensor(list(row.values())).isfinite().all()


def test_a_resumed_run_is_the_uninterrupted_one(
    config: RepairTrainingConfig, tmp_path: Path
) -> None:
    straight, resumed = training(config), training(config, seed=1)
    straight.step(*batch(0), progress=0)
    straight.step(*batch(1), progress=0)
    torch.save(straight.state_dict(), tmp_path / "last.pt")
    resumed.load_state_dict(torch.load(tmp_path / "last.pt", weights_only=True))
    rows = [each.step(*batch(2), progress=0.5) for each in (straight, resumed)]
    assert rows[0] == rows[1]
    assert same(straight.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_exported_restores_alike(
    config: RepairTrainingConfig, channels: int, tmp_path: Path
) -> None:
    learning = training(
        replace(config, averaging=0.9, params={**config.params, "audio_channels": channels})
    )
    learning.step(*batch(), progress=0)
    learning.export(tmp_path / "repair.safetensors")
    repair = as_repair(store.load_network(tmp_path / "repair.safetensors"))
    separator = as_separator(store.load_network(Path(config.separator)))
    stems = learning.restore(noise(5000))
    separated = Separator({"bass": separator}, 48000)(noise(5000))
    # Equal to the bit on some processors, not on others (seen with AVX2 alone).
    peak = float(separated.abs().max())
    assert torch.allclose(stems["separator"], separated, rtol=0, atol=1e-5 * peak)
    whole = repair.repair(separated.reshape(-1, channels, 5000)).reshape(1, 2, 5000)
    assert torch.allclose(stems["repair"], whole, rtol=0, atol=1e-5 * float(whole.abs().max()))
    assert not torch.allclose(stems["repair"], separated, atol=1e-2)


def test_the_usual_gradient_is_the_largest(config: RepairTrainingConfig) -> None:
    learning = training(config)
    learner = learning.learners["network"]
    for seed in range(4):
        learning.step(*batch(seed), progress=0)
        usual = float(np.percentile(learner.norms, 10))
        gradients = [p.grad for p in learner.parameters if p.grad is not None]
        left = torch.nn.utils.get_total_norm(gradients).item()
        assert left == pytest.approx(min(learner.norms[-1], usual), rel=1e-3)
    assert len(set(learner.norms)) == 4
    assert max(learner.norms) > 1.1 * usual


def test_weights_that_are_not_such_a_separators_are_refused(
    config: RepairTrainingConfig, tmp_path: Path
) -> None:
    learning = training(config)
    learning.export(tmp_path / "repair.safetensors")
    with pytest.raises(ValueError, match="separator must be weights of dtt-bsr or dttnet for bass"):
        training(replace(config, separator=str(tmp_path / "repair.safetensors")))
    with pytest.raises(ValueError, match="for drums, got dtt-bsr for bass"):
        training(replace(config, stem="drums"))
    with pytest.raises(ValueError, match="no such file"):
        training(replace(config, separator=str(tmp_path / "none.safetensors")))
