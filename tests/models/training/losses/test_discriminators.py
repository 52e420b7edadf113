import pytest
import torch

from restem.models.training.losses.discriminators import (
    DiscriminatorConfig,
    MultiFrequencyDiscriminator,
    Verdict,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from tests.support.tiny_networks import noise

SMALL = DiscriminatorConfig(windows=(256, 128), features=2)


def small() -> MultiFrequencyDiscriminator:
    """Seeded, its weights normalised as they are after some steps."""
    torch.manual_seed(0)
    network = MultiFrequencyDiscriminator(SMALL).requires_grad_(False)
    for _ in range(60):
        network(noise(256))
    return network.eval()


def verdict(score: float, feature: float = 0.0) -> Verdict:
    """Of two discriminators with three layers each."""
    layers = [torch.full((2, 4, 5, 3), feature) for _ in range(3)]
    return Verdict([torch.full((2, 1, 5, 3), score)] * 2, [layers, layers])


def test_the_sizes_and_names_are_the_published_ones() -> None:
    network = MultiFrequencyDiscriminator()
    parts = ("bias", "weight_orig", "weight_u", "weight_v")
    layers = {f"layers.{layer}.conv.{part}" for layer in range(6) for part in parts}
    one = layers | {"output_conv.weight", "output_conv.bias"}
    assert set(network.state_dict()) == {
        f"discriminators.{d}.{key}" for d in range(3) for key in one
    }
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_333_371


def test_features_come_from_every_layer_and_halve_in_frequency_only() -> None:
    scores, features = small()(noise(2560))
    assert [len(layers) for layers in features] == [6, 6]
    assert [tuple(x.shape[1:]) for x in features[0]] == [
        (2, 21, 129),
        (4, 21, 65),
        (8, 21, 33),
        (16, 21, 17),
        (32, 21, 17),
        (64, 21, 17),
    ]
    assert [tuple(score.shape) for score in scores] == [(2, 1, 21, 17), (2, 1, 41, 9)]


@pytest.mark.parametrize("level", [1e-2, 7.0])
def test_loudness_does_not_matter(level: float) -> None:
    network, audio = small(), noise(4096)
    for louder, score in zip(network(level * audio).scores, network(audio).scores, strict=True):
        torch.testing.assert_close(louder, score, rtol=1e-3, atol=1e-5)


def test_polarity_and_order_of_time_do_matter() -> None:
    network, audio = small(), noise(4096)
    for other in (-audio, audio.flip(-1)):
        assert not torch.allclose(network(other).scores[0], network(audio).scores[0], atol=1e-4)


def test_silence_is_judged_too() -> None:
    audio = torch.zeros(2, 4096, requires_grad=True)
    scores, _ = small()(audio)
    torch.stack([score.mean() for score in scores]).sum().backward()
    assert audio.grad is not None
    assert all(x.isfinite().all() for x in (*scores, audio.grad))


def test_weights_are_normalised_by_their_largest_singular_value() -> None:
    for layer in small().discriminators[0].layers:
        assert torch.linalg.matrix_norm(layer.conv.weight.flatten(1), 2).item() == pytest.approx(
            1, abs=0.05
        )


@pytest.mark.parametrize(
    ("real", "restored", "judging", "fooling"),
    [(1.0, 0.0, 0.0, 2.0), (0.0, 1.0, 4.0, 0.0), (0.5, 0.5, 1.0, 0.5), (1.0, 3.0, 18.0, 8.0)],
)
def test_least_squares_over_two_discriminators(
    real: float, restored: float, judging: float, fooling: float
) -> None:
    assert discriminator_loss(verdict(real), verdict(restored)).item() == pytest.approx(judging)
    assert adversarial_loss(verdict(restored)).item() == pytest.approx(fooling)


def test_features_of_one_signal_match_themselves() -> None:
    network, audio = small(), noise(4096)
    assert feature_loss(network(audio), network(audio)) == 0
    assert feature_loss(network(audio), network(noise(4096, seed=1))) > 0.01


def test_features_are_averaged_in_a_layer_and_summed_over_layers() -> None:
    loss = feature_loss(verdict(0, feature=0.25), verdict(0, feature=-0.5))
    assert loss.item() == pytest.approx(2 * 3 * 0.75)
