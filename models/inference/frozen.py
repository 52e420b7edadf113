"""Building blocks of stacked networks: modules with frozen weights."""

from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)


def module_list(modules: Iterable[AnyModule]) -> Sequence[AnyModule]:
    """A list of modules, with their type."""
    return cast(Sequence[AnyModule], nn.ModuleList(modules))


class InferenceModule(nn.Module):
    """Holds weights as buffers: they move with the module, and nothing trains them."""

    exact: Collection[str] = ()  # of them, those that stay float32

    def register_weights(self, **tensors: Tensor) -> None:
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor.detach().clone(), persistent=False)

    def cast(self, dtype: torch.dtype) -> None:
        """Round the weights to another type."""
        for name, tensor in list(self.named_buffers(recurse=False)):
            if name not in self.exact:
                self.register_weights(**{name: tensor.to(dtype)})


def sequential(layers: Sequence[nn.Module], x: Tensor) -> Tensor:
    for layer in layers:
        x = layer(x)
    return x
