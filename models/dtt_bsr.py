"""DTT-BSR: one restored stem from a mix, the first stage (arXiv 2602.19825).

DTTNet's U-Net (see `tfc_tdf`) at 48 kHz with a transformer at the bottom (see `transformer`). The
network is mono: left and right are two items of a batch. Source of the details and of the published
sizes: https://github.com/OrigamiShido/DTT-BSR.

Shape letters: `b` batch, `d` feature, `t` frame, `f` frequency bin, `n` sample.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from restem.models.tfc_tdf import BandSequenceConfig, UNet, UNetConfig
from restem.models.transformer import DualAxisTransformer, TransformerConfig


@dataclass(frozen=True)
class DTTBSRConfig(UNetConfig):
    """Sizes of DTT-BSR; the defaults are the published ones, the same for all eight stems."""

    channels: int = 1
    transformer: TransformerConfig = field(default_factory=TransformerConfig)

    published_names: ClassVar[Mapping[str, str]] = {
        **UNetConfig.published_names,
        "RoPEParams": "transformer",
    }
    published_parts: ClassVar[Mapping[str, Any]] = {
        "recurrence": BandSequenceConfig,
        "transformer": TransformerConfig,
    }
    without_effect: ClassVar[Collection[str]] = ("hidden_channels", "sample_rate")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels != 1:
            raise ValueError(f"channels must be 1 (put them into the batch), got {self.channels}")


class Analysis(nn.Module):
    """Holds the STFT's window under its published name; the U-Net's own `window` goes unused."""

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(n_fft, dtype=torch.float32))
        self.window: Tensor


class DTTBSR(UNet):
    """Restores one stem, mono; see `DTTBSRConfig` for its sizes."""

    def __init__(self, config: DTTBSRConfig | None = None) -> None:
        config = config or DTTBSRConfig()
        super().__init__(config, up_names=("conv", "norm"))
        self.fourier = Analysis(config.n_fft)
        self.bottleneck_block3 = DualAxisTransformer(config.transformer, config.deepest_features)

    @property
    def analysis_window(self) -> Tensor:
        return self.fourier.window

    def bottleneck(self, x: Tensor) -> Tensor:
        deepest: Tensor = self.bottleneck_block3(super().bottleneck(x))
        return deepest

    def forward(self, audio: Tensor) -> Tensor:
        """Restore the stem that the weights were trained for.

        Recurrences, group norms and attention see all of `audio`, past and future. Less than
        `config.shortest` samples are padded by zeros at the end.

        Args:
            audio: [b, n], any length.

        Returns:
            [b, n].
        """
        return self.process(audio[:, None])[:, 0]
