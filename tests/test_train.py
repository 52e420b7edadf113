import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models import zoo
from models.embedded import EmbeddedCascade
from models.training.train import Recipe, Training, learning_rate, stream, train, validate
from tests.small import embedded, noise


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for stem in ("vocals", "bass", "drums"):
        path = tmp_path / "songs" / "one" / stem / "0.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, 0.1 * rng.standard_normal((48000 * 8, 2)), 48000)
    return tmp_path / "songs"


def test_training_learns_what_it_is_shown() -> None:
    training = Training(Recipe(minutes=100, learning_rate=3e-3), torch.device("cpu"))
    training.minutes = 1.0  # warmed up
    mix = noise(9 * 1024)
    low = torch.fft.irfft(torch.fft.rfft(mix) * (torch.arange(4609) < 400), n=9 * 1024)
    targets = torch.zeros(8, 2, 9 * 1024)
    targets[4], targets[5] = low, mix - low
    losses = [sum(training.step(mix[None], targets[None])) for _ in range(12)]
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_leaves_weights_a_log_and_resumes(songs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    recipe = Recipe(minutes=0.01, clip_seconds=0.5, batch_size=1, validation_clips=2)
    train(songs, songs, out, recipe)
    first = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert first["steps"] >= 1
    assert set(first["mmsnr"]) <= {"vocals", "bass", "drums"}
    assert first["mmsnr"]
    assert isinstance(zoo.load_network(out / "embedded.safetensors"), EmbeddedCascade)
    train(songs, songs, out, replace(recipe, minutes=0.05))
    second = json.loads((out / "log.jsonl").read_text().splitlines()[-1])
    assert second["steps"] > first["steps"]
    assert second["minutes"] >= 0.05 > first["minutes"] >= 0.01


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    recipe = Recipe(seed=5)
    training, again = (Training(recipe, torch.device("cpu")) for _ in range(2))
    targets = torch.zeros(1, 8, 2, 4096)
    targets[0, 3] = noise(4096)
    training.step(targets[:, 3], targets)
    training.save(tmp_path / "last.pt")
    again.resume(tmp_path / "last.pt")
    assert again.steps == 1
    for name, value in training.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)


def test_validation_scores_only_stems_that_play() -> None:
    model = EmbeddedCascade().eval()
    mix, targets = noise(48000), torch.zeros(8, 2, 48000)
    targets[2] = mix
    scores = validate(model, [(mix, targets)])
    assert set(scores) == {"keyboards"}
    assert scores["keyboards"][0] > 60
    assert scores["keyboards"][3] == 1


def test_a_stage_that_lets_everything_through_is_the_mix() -> None:
    model = embedded()
    for bias, weight in zip(model.mask.bias, model.mask.weight, strict=True):
        bias.fill_(100)
        weight.zero_()
    mix = 0.1 * torch.sin(torch.arange(5000) * torch.tensor([[0.1], [0.33]]))
    first, _ = stream(model, mix)
    torch.testing.assert_close(
        first[..., 100:-100], mix[:, 100:-100].expand(3, -1, -1), rtol=0, atol=1e-4
    )


def test_the_learning_rate_rises_then_falls() -> None:
    recipe = Recipe(learning_rate=1.0)
    rates = [learning_rate(progress / 1000, recipe) for progress in range(1001)]
    assert rates[0] == 0
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.01)
