"""DTT-BSR+: a generative separator, then a regression network that repairs its output.

    mix -> separator (one DTT-BSR or DTTNet a stem) -> repair (one Demucs-L a stem) -> stems

After arXiv 2606.24127. Both stages are offline networks here: `forward` takes a whole signal or a
window of one. The separator sees all of it; the repair's receptive field is finite, so a window
with `context` and `lookahead` samples around a passage gives that passage exactly.

Shape letters: `s` stem, `c` channel, `n` sample.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from models.demucs import Demucs
from models.dtt_bsr import DTTBSR
from models.dttnet import DTTNet

CHANNELS = 2


class Separator(nn.Module):
    """Stage 1: one network a stem; mono networks take left and right as a batch."""

    def __init__(self, networks: Mapping[str, DTTBSR | DTTNet], sample_rate: int) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.stems = tuple(networks)
        self.sample_rate = sample_rate
        self.channels = CHANNELS
        self.input_shape = (CHANNELS,)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(self, mix: Tensor) -> Tensor:
        """[c, n] -> [s, c, n]."""
        stems = []
        for network in self.networks.values():
            mono = isinstance(network, DTTBSR)
            stems.append(network(mix) if mono else network(mix.unsqueeze(0)).squeeze(0))
        return torch.stack(stems)


class Repair(nn.Module):
    """Stage 2: one network a stem; a stem without one passes unchanged.

    Args:
        networks: by stem, all of one geometry.
        stems: every stem that comes in.
        geometry: a network of that geometry, on any device, for when `networks` is empty.
        sample_rate: Hz.
    """

    def __init__(
        self,
        networks: Mapping[str, Demucs],
        stems: Sequence[str],
        geometry: Demucs,
        sample_rate: int,
    ) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(networks)
        self.stems = tuple(stems)
        self.sample_rate = sample_rate
        self.channels = CHANNELS
        self.input_shape = (len(self.stems), CHANNELS)
        past, self.lookahead = geometry.receptive_field
        self.stride = geometry.stride
        self.normalizes = geometry.config.normalize
        # Windows one stride apart, or any multiple, then lie on one grid with the whole signal.
        self.context = -(-(past + self.lookahead) // self.stride) * self.stride - self.lookahead
        self.register_buffer("_here", torch.empty(0), persistent=False)
        self._here: Tensor

    @property
    def device(self) -> torch.device:
        return self._here.device

    def forward(self, stems: Tensor) -> Tensor:
        """Repair a window: [s, c, n] -> [s, c, n], without its margins.

        The first `context` and the last `lookahead` samples of the answer lack what they depend on.
        """
        return self._each(stems, repair_window)

    def whole(self, stems: Tensor) -> Tensor:
        """Repair a whole signal, silence before and after it: [s, c, n] -> [s, c, n]."""
        return self._each(stems, Demucs.repair)

    def _each(self, stems: Tensor, repair: Callable[[Demucs, Tensor], Tensor]) -> Tensor:
        repaired = stems.clone()
        for number, stem in enumerate(self.stems):
            if stem in self.networks:
                network = self.networks[stem]
                assert isinstance(network, Demucs)
                mono = network.config.channels == 1
                batch = stems[number].unsqueeze(1 if mono else 0)  # [c, 1, n] or [1, c, n]
                repaired[number] = repair(network, batch).reshape(self.channels, -1)
        return repaired


def repair_window(network: Demucs, audio: Tensor) -> Tensor:
    """Repair without padding: [b, c, n] -> [b, c, n], silent where convolutions give nothing."""
    length, trim = audio.shape[-1], network.trim
    answer = network(pad(audio, (0, network.valid_length(length) - length)))[:, 0]
    answer = answer[..., : length - trim]
    return pad(answer, (trim, length - trim - answer.shape[-1]))


class Cascade(nn.Module):
    """Both stages as one offline network, the repair optional.

    In a window that both stages share, the repair sees silence outside the window: less than
    `context` samples from the window's start or `lookahead` from its end the answer differs from
    that to the whole signal.
    """

    def __init__(self, separator: Separator, repair: Repair | None = None) -> None:
        super().__init__()
        self.separator = separator
        self.repair = repair
        self.stems = separator.stems
        self.sample_rate = separator.sample_rate
        self.channels = separator.channels
        self.input_shape = separator.input_shape

    @property
    def device(self) -> torch.device:
        return self.separator.device

    def forward(self, mix: Tensor) -> Tensor:
        """[c, n] -> [s, c, n]."""
        stems: Tensor = self.separator(mix)
        return stems if self.repair is None else self.repair.whole(stems)
