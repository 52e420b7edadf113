"""DTTNet: one stem from a stereo mix (Chen, Vekkot and Shukla, ICASSP 2024, arXiv 2309.08684).

A dual-path TFC-TDF U-Net: see `tfc_tdf`. Source of the details and of the published sizes:
https://github.com/junyuchen-cjy/DTTNet-Pytorch.

Shape letters: `b` batch, `c` channel, `n` sample.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from restem.models.tfc_tdf import UNet, UNetConfig


@dataclass(frozen=True)
class DTTNetConfig(UNetConfig):
    """Sizes of DTTNet; the defaults are those of vocals, drums and other.

    Bass has `bins=864, squeeze=2`. All are made for 44.1 kHz.
    """

    n_fft: int = 6144
    hop_length: int = 1024
    bins: int = 2048
    squeeze: int = 8

    # How long its training chunks were, how the chunks of a file overlap, and the training itself.
    without_effect: ClassVar[Collection[str]] = (
        "_target_",
        "dim_t",
        "lr",
        "optimizer",
        "overlap",
        "target_name",
    )

    def padded_length(self, length: int) -> int:
        """The next length whose frames every level halves without rest, in samples.

        The published chunk, `hop_length * (256 - 1)`, is such a length.
        """
        grid = self.hop_length << self.levels
        needed = max(length, self.shortest)
        return -(-(needed + self.hop_length) // grid) * grid - self.hop_length


class DTTNet(UNet):
    """Separates one stem, stereo; see `DTTNetConfig` for its sizes."""

    config: DTTNetConfig

    def __init__(self, config: DTTNetConfig | None = None) -> None:
        super().__init__(config or DTTNetConfig(), up_names=("0", "1"))

    def forward(self, audio: Tensor) -> Tensor:
        """Separate the stem that the weights were trained for.

        The recurrences run both ways over all of `audio`. A length that is not one of
        `DTTNetConfig.padded_length` is met by zeros at the end.

        Args:
            audio: [b, c, n], any length.

        Returns:
            [b, c, n].
        """
        return self.process(audio)
