from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from restem.models.cascade import Separator
from restem.models.training.losses.discriminators import DiscriminatorConfig
from restem.models.training.trainers.separator import (
    SeparatorTrainer,
    SeparatorTrainingConfig,
    as_separator,
)
from restem.models.weights import store
from tests.support.equality import same
from tests.support.golden import peak_error
from tests.support.tiny_networks import PARAMS, noise

CPU = torch.device("cpu")
CONFIG = SeparatorTrainingConfig(
    stem="bass",
    params=PARAMS["dtt-bsr"],
    precision="fp32",
    learning_rate=2e-3,
    warmup_steps=0,
    discriminator=DiscriminatorConfig(windows=(256, 128), features=2),
)


def training(config: SeparatorTrainingConfig = CONFIG, seed: int = 0) -> SeparatorTrainer:
    torch.manual_seed(seed)
    return SeparatorTrainer(config, CPU)


def batch(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two clips: a mix and the low half of its spectrum."""
    mix = torch.stack((noise(1200, seed), noise(1200, seed + 100)))
    bins = torch.fft.rfft(mix)
    bins[..., 300:] = 0
    return mix, torch.fft.irfft(bins)[:, None]


def weights(network: nn.Module) -> dict[str, Tensor]:
    return deepcopy(network.state_dict())


def test_the_defaults_are_the_published_recipe() -> None:
    config = SeparatorTrainingConfig()
    weighted = (config.reconstruction_weight, config.adversarial_weight, config.feature_weight)
    assert weighted == (45, 2, 4)
    assert (config.learning_rate, config.betas, config.weight_decay) == (2e-4, (0.8, 0.99), 0.01)
    assert (config.averaging, config.gradient_clip, config.gradient_percentile) == (0, None, None)
    rates = [config.rate(step, progress=0.5) for step in (0, 4999, 9999, 500_000)]
    assert rates == pytest.approx([2e-8, 1e-4, 2e-4, 2e-4])


@pytest.mark.parametrize(
    ("network", "precision"), [("dtt-bsr", "fp32"), ("dtt-bsr", "bf16"), ("dttnet", "fp32")]
)
def test_a_separator_learns_what_it_is_shown(network: str, precision: str) -> None:
    learning = training(
        replace(CONFIG, network=network, params=PARAMS[network], precision=precision)
    )
    rows = [learning.step(*batch(), progress=0) for _ in range(12)]
    assert rows[-1]["reconstruction"] < 0.8 * rows[0]["reconstruction"]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    assert not any(row["skipped"] for row in rows)


def test_discriminators_learn_to_tell() -> None:
    learning = training()
    mix, targets = batch()
    real, fake = targets.flatten(0, 2), mix.flatten(0, 1)
    losses = [learning.update_discriminator(real, fake, 2e-3).item() for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]


def test_each_update_leaves_the_others_weights_alone() -> None:
    learning = training()
    generator, judge = learning.generator, learning.discriminator
    mix, targets = batch()
    real, fake = targets.flatten(0, 2), generator(mix.flatten(0, 1))
    first = weights(generator), deepcopy(list(judge.parameters()))
    learning.update_generator(real, fake, 1e-3)
    second = weights(generator), list(judge.parameters())
    assert not same(second[0], first[0])
    assert same(second[1], first[1])
    assert all(p.grad is None and p.requires_grad for p in judge.parameters())
    learning.update_discriminator(real, fake.detach(), 1e-3)
    assert same(weights(generator), second[0])
    assert not same(list(judge.parameters()), first[1])


def test_the_loss_is_the_weighted_sum() -> None:
    row = training(replace(CONFIG, feature_weight=3.0)).step(*batch(), progress=0)
    parts = 45 * row["reconstruction"] + 2 * row["adversarial"] + 3 * row["features"]
    assert row["loss"] == pytest.approx(parts, rel=1e-4)


def test_a_silent_target_is_learnt_too() -> None:
    learning = training()
    mix, targets = batch()
    for silent_mix in (mix, 0 * mix):
        row = learning.step(silent_mix, 0 * targets, progress=0)
        assert row["skipped"] == 0
        assert torch.tensor(list(row.values())).isfinite().all()


@pytest.mark.parametrize("averaging", [0.0, 0.9])
def test_a_resumed_run_is_the_uninterrupted_one(averaging: float, tmp_path: Path) -> None:
    config = replace(CONFIG, averaging=averaging, gradient_percentile=50.0)
    straight, resumed = training(config), training(config, seed=1)
    straight.step(*batch(0), progress=0)
    straight.step(*batch(1), progress=0)
    torch.save(straight.state_dict(), tmp_path / "last.pt")
    resumed.load_state_dict(torch.load(tmp_path / "last.pt", weights_only=True))
    last = straight.step(*batch(2), progress=0.5)
    torch.rand(7)  # what else draws numbers between the steps does not matter
    assert resumed.step(*batch(2), progress=0.5) == last
    mix = noise(1200)
    assert torch.equal(straight.restore(mix)["separator"], resumed.restore(mix)["separator"])
    assert same(straight.state_dict(), resumed.state_dict())


@pytest.mark.parametrize("averaging", [0.0, 0.9])
@pytest.mark.parametrize("network", ["dtt-bsr", "dttnet"])
def test_what_is_exported_restores_alike(network: str, averaging: float, tmp_path: Path) -> None:
    learning = training(
        replace(CONFIG, network=network, params=PARAMS[network], averaging=averaging)
    )
    learning.step(*batch(), progress=0)
    learning.export(tmp_path / "bass.safetensors")
    loaded = as_separator(store.load_network(tmp_path / "bass.safetensors"))
    mix = noise(3000)
    expected = Separator({"bass": loaded}, learning.sample_rate)(mix)
    assert learning.restore(mix).keys() == {"separator"}
    assert peak_error(learning.restore(mix)["separator"], expected) < 1e-5
    assert store.describe_weights(tmp_path / "bass.safetensors").stem == "bass"
    assert learning.generator.training


def test_the_average_lags_behind_the_weights() -> None:
    learning = training(replace(CONFIG, averaging=0.9))
    first = deepcopy(learning.generator.final_conv[0].weight.detach())
    for _ in range(5):
        learning.step(*batch(), progress=0)
    assert learning.averaged is not None
    newest = learning.generator.final_conv[0].weight
    mean = as_separator(learning.averaged).final_conv[0].weight
    assert 0 < (mean - first).norm() < (newest - first).norm()
    assert same(list(learning.averaged.buffers()), list(learning.generator.buffers()))
    with learning.evaluated() as network:
        assert network is learning.averaged


def spoiled(learning: SeparatorTrainer) -> dict[str, Callable[[], dict[str, float]]]:
    mix, targets = batch()
    gap = mix.clone()
    gap[0, 0, 100] = torch.nan
    return {
        "mix": lambda: learning.step(gap, targets, progress=0),
        "target": lambda: learning.step(mix, targets / 0, progress=0),
    }


@pytest.mark.parametrize("cause", ["mix", "target"])
def test_a_step_that_is_not_finite_changes_nothing(cause: str) -> None:
    learning = training(replace(CONFIG, averaging=0.9))
    good = learning.step(*batch(), progress=0)
    before = deepcopy(learning.state_dict())
    assert spoiled(learning)[cause]() == {**good, "skipped": 1.0}
    after = learning.state_dict()
    assert (after.pop("steps"), after.pop("skipped")) == (2, 1)
    assert same(after, {name: before[name] for name in after})
    assert learning.step(*batch(), progress=0)["skipped"] == 0
    assert learning.skipped == 0


def test_a_gradient_that_is_not_finite_leaves_the_separator_alone() -> None:
    learning = training()
    learning.step(*batch(), progress=0)
    before = weights(learning.generator)
    hook = learning.generator.final_conv[0].weight.register_hook(lambda g: g * torch.inf)
    assert learning.step(*batch(), progress=0)["skipped"] == 1
    assert same(weights(learning.generator), before)
    hook.remove()
    assert learning.step(*batch(), progress=0)["skipped"] == 0


def test_twenty_such_steps_in_a_row_are_enough() -> None:
    learning = training()
    spoil = spoiled(learning)["mix"]
    for _ in range(19):
        spoil()
    with pytest.raises(RuntimeError, match=r"^20 steps in a row gave NaN .* learning_rate"):
        spoil()


def test_large_gradients_are_clipped() -> None:
    learning = training(replace(CONFIG, gradient_clip=1e-3))
    learning.step(*batch(), progress=0)
    gradients = [p.grad for p in learning.generator.parameters() if p.grad is not None]
    assert torch.nn.utils.get_total_norm(gradients).item() == pytest.approx(1e-3, rel=1e-2)


def test_the_rate_falls_in_the_cooldown() -> None:
    config = replace(CONFIG, learning_rate=1.0, cooldown=0.25)
    rates = [config.rate(10, progress) for progress in (0, 0.75, 0.875, 1)]
    assert rates == pytest.approx([1, 1, 0.5, 0])


@pytest.mark.parametrize(
    "wrong",
    [{"stem": "banjo"}, {"network": "demucs-l"}, {"precision": "fp16"}, {"averaging": 1.0}],
    ids=str,
)
def test_wrong_configurations_are_refused(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} must be"):
        replace(CONFIG, **wrong)
