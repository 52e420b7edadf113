import pytest
import torch
from torch import Tensor

from streamer import Chunked, Series, render
from tests.small import Halves, noise


class Doubled(Halves):
    """A second stage: stems in, stems out."""

    input_shape = (2, 2)

    def __call__(self, stems: Tensor) -> Tensor:
        return 2 * stems


def test_latencies_add_up_along_a_series() -> None:
    first = Chunked(Halves(), block_size=64, fade=3, lookahead=4)
    second = Chunked(Doubled(), block_size=64, lookahead=5)
    assert Series(first, second).latency == 12


def test_a_series_does_one_after_the_other() -> None:
    first = Chunked(Halves(), block_size=64, fade=3, lookahead=4)
    second = Chunked(Doubled(), block_size=64, lookahead=5)
    mix = noise(1000)
    torch.testing.assert_close(render(Series(first, second), mix), 2 * Halves()(mix))


def test_a_series_knows_its_ends() -> None:
    first, second = (Chunked(n, block_size=64) for n in (Halves(), Doubled()))
    series = Series(first, second)
    assert (series.channels, series.stems, series.block_size) == (2, second.stems, 64)
    assert series.device == torch.device("cpu")


def test_models_of_different_block_sizes_do_not_chain() -> None:
    with pytest.raises(ValueError, match=r"agree on block_size, got \[64, 65\]"):
        Series(Chunked(Halves(), block_size=64), Chunked(Doubled(), block_size=65))


def test_an_empty_series_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one model"):
        Series()
