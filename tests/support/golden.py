"""Golden files: what reference networks answered."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

GOLDEN_FOLDER = Path(__file__).parents[3] / "shared" / "golden"  # beside the checkout


def peak_error(answer: Tensor, expected: Tensor) -> float:
    """The worst sample's error over the expected peak."""
    return float((answer - expected).abs().max() / expected.abs().max())


@dataclass(frozen=True)
class Golden:
    """A reference network at a small size, an input, and what it answered.

    A file cannot hold a tensor without elements: `empty_keys` names those of the state.
    """

    params: dict[str, Any]
    state: dict[str, Tensor]
    empty_keys: list[str]
    input: Tensor
    output: Tensor

    def error(self, network: nn.Module) -> float:
        """Load the reference weights strictly and compare the answers."""
        own = network.state_dict()
        network.load_state_dict({**self.state, **{key: own[key] for key in self.empty_keys}})
        with torch.inference_mode():
            return peak_error(network.eval()(self.input), self.output)
