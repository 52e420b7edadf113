"""MelUNet: one restored stem, mono, by a convolutional U-Net over mel bands (see `mel_bands`).

Shape letters: `b` batch, `d` feature, `t` frame, `k` band, `n` sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn.functional import silu

from restem.models.mel_bands import MelConfig, MelNetwork, RMSNorm

KERNEL_SIZE, STRIDE, PADDING = 7, 2, 3


@dataclass(frozen=True)
class MelUNetConfig(MelConfig):
    """Sizes of MelUNet; the defaults are those of the published weights."""

    features: int = 64
    layers: int = 4

    own_names: ClassVar[Mapping[str, str]] = {"num_layers": "layers"}
    without_effect: ClassVar[tuple[str, ...]] = ("upsampling_factor",)


class ConvNeXtBlock(nn.Module):
    """Halves frames and bands, or doubles them: a gated perceptron beside one convolution.

    After Liu et al. (arXiv 2201.03545); the convolution of the perceptron's side is a full one.
    """

    def __init__(self, kind: type[nn.Module], d_in: int, d_out: int) -> None:
        super().__init__()
        hidden = 4 * d_in // 3
        sizes = KERNEL_SIZE, STRIDE, PADDING
        self.dwconv = kind(d_in, d_in, *sizes)
        self.norm = RMSNorm(d_in)
        self.pwconv1 = nn.Linear(d_in, 2 * hidden)
        self.pwconv2 = nn.Linear(hidden, d_out)
        self.residual_conv = kind(d_in, d_out, *sizes)

    def forward(self, x: Tensor, size: tuple[int, ...] = ()) -> Tensor:
        """[b, d, t, k] -> [b, d, t, k]; on the way up to frames and bands of that size."""
        more = {"output_size": size} if size else {}
        features = self.norm(self.dwconv(x, **more).movedim(1, -1))
        gate, value = self.pwconv1(features).chunk(2, dim=-1)
        update = self.pwconv2(silu(gate) * value).movedim(-1, 1)
        answer: Tensor = self.residual_conv(x, **more) + update
        return answer


class MelUNet(MelNetwork):
    """Restores one stem, mono; see `MelUNetConfig` for its sizes."""

    def __init__(self, config: MelUNetConfig | None = None) -> None:
        config = config or MelUNetConfig()
        super().__init__(config)
        features = [config.features << level for level in range(config.layers + 1)]
        pairs = [*pairwise(features)]
        self.downsampling_blocks = nn.ModuleList(
            ConvNeXtBlock(nn.Conv2d, outside, inside) for outside, inside in pairs
        )
        self.upsampling_blocks = nn.ModuleList(
            ConvNeXtBlock(nn.ConvTranspose2d, inside, outside) for outside, inside in pairs
        )

    def forward(self, audio: Tensor) -> Tensor:
        """Restore the stem that the weights were trained for.

        Args:
            audio: [.., n], any length; its ends are mirrored.

        Returns:
            [.., n].
        """
        parts = self.analyse(audio.reshape(-1, audio.shape[-1]))
        x = self.band.split(parts).movedim(-1, 1)  # [b, d, t, k]
        skips = []
        for down in self.downsampling_blocks:
            skips.append(x)
            x = down(x)
        for up in reversed(self.upsampling_blocks):
            skip = skips.pop()
            x = up(x, skip.shape[-2:])
            x = x + skip if skips else x
        bins = self.band.join(x.movedim(1, -1))
        return self.synthesise(bins, audio.shape[-1]).reshape(audio.shape)
