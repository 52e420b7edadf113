import sys
from pathlib import Path

import numpy as np
import pytest

from restem.models.training.embeddings import Embedding, load_embedding, mel
from restem.models.training.metrics import Gaussian, frechet
from tests.support.tiny_networks import noise


def test_mel_gives_an_item_for_every_second_of_every_channel() -> None:
    assert mel(noise(48000 * 3 + 47999).numpy(), 48000).shape == (6, 64)
    assert mel(noise(44100, channels=1).numpy(), 44100).shape == (1, 64)
    assert mel(noise(20000).numpy(), 48000).shape == (2, 64)


def test_mel_knows_levels_in_units_of_ten_decibels() -> None:
    audio = 10 * noise(48000).numpy()
    bands = mel(audio, 48000)[:, :32], mel(0.1 * audio, 48000)[:, :32]
    np.testing.assert_allclose(bands[0] - bands[1], 2, atol=0.05)
    assert mel(0 * audio, 48000)[:, :32].max() == pytest.approx(-8)


def test_mel_hears_where_a_tone_is_and_whether_it_moves() -> None:
    time = np.arange(48000, dtype=np.float32) / 48000
    low, high = (np.sin(2 * np.pi * f * time)[None] for f in (200, 5000))
    pulsing = low * (np.sin(2 * np.pi * 4 * time) > 0)
    levels = [mel(x.astype(np.float32), 48000)[0] for x in (low, high, pulsing)]
    assert levels[0][:32].argmax() < 5 < levels[1][:32].argmax()
    assert levels[2][32:].max() > 10 * levels[0][32:].max()


def test_a_louder_copy_is_farther_away_than_the_same_again() -> None:
    clouds = []
    for level in (1.0, 1.0, 2.0):
        cloud = Gaussian()
        cloud.add(mel(level * noise(48000 * 8).numpy(), 48000))
        clouds.append(cloud)
    assert frechet(clouds[0], clouds[1]).distance == pytest.approx(0, abs=1e-6)
    assert frechet(clouds[0], clouds[2]).mean > 1


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ears.py").write_text(
        "def loudness(audio, sample_rate):\n"
        "    return audio.std(axis=1, keepdims=True) * sample_rate\n"
        "def deaf(audio, sample_rate):\n"
        "    raise RuntimeError('cannot hear')\n"
        "size = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("own_module")
def test_any_function_is_an_embedding_under_its_own_name() -> None:
    embedding = load_embedding("ears:loudness")
    assert (embedding.name, embedding.source) == ("loudness", "ears:loudness")
    audio = noise(9600).numpy()
    np.testing.assert_allclose(embedding(audio, 2)[:, 0], 2 * audio.std(axis=1))


@pytest.mark.usefixtures("own_module")
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("vggish", "unknown embedding 'vggish'; expected mel, clap, clap:MODEL or MODULE:FUNCTION"),
        ("ears:", "unknown embedding 'ears:'"),
        ("nowhere:ears", "No module named 'nowhere'; the module must be importable"),
        ("ears:smell", "has no attribute 'smell'"),
        ("ears:size", "is no function, but a int"),
    ],
)
def test_an_embedding_that_is_not_there_is_refused(source: str, message: str) -> None:
    with pytest.raises(ValueError, match="embedding") as error:
        load_embedding(source)
    assert message in str(error.value)


@pytest.mark.usefixtures("own_module")
def test_an_embedding_that_fails_is_named() -> None:
    deaf: Embedding = load_embedding("ears:deaf")
    with pytest.raises(ValueError, match="embedding ears:deaf: cannot hear"):
        deaf(noise(9600).numpy(), 48000)


def test_clap_without_transformers_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match="pip install transformers"):
        load_embedding("clap")


def test_clap_comes_from_a_folder_and_makes_an_item_of_ten_seconds(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    audio = {"num_hidden_layers": 2, "depths": [1, 1], "num_attention_heads": [2, 2]}
    size = {"patch_embeds_hidden_size": 16, "hidden_size": 32, "projection_dim": 8}
    text = {"num_hidden_layers": 1, "hidden_size": 16, "num_attention_heads": 2}
    config = transformers.ClapConfig(
        audio_config={**audio, **size},
        text_config={**text, "intermediate_size": 16, "vocab_size": 50},
        projection_dim=8,
    )
    transformers.ClapModel(config).save_pretrained(tmp_path)
    transformers.ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(tmp_path)
    embedding = load_embedding(f"clap:{tmp_path}")
    assert embedding.name == "CLAP"
    clip = noise(48000 * 12).numpy()
    items = embedding(clip, 48000)
    assert items.shape == (2, 8)
    np.testing.assert_allclose(embedding(clip[:, : 48000 * 10], 48000), items, atol=1e-6)
    with pytest.raises(ValueError, match="no CLAP model at '"):
        load_embedding(f"clap:{tmp_path / 'nowhere'}")
