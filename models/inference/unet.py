"""`UNet`, several at once, and only as much of it as an answer needs.

A window of an answer needs few frames of the decoder, and of the encoder it changes little when the
window moves on: a frame whose convolutions reach neither end of the window is what it was before.

    | changed |        kept from the window before        | changed, and new |     an encoder level
                                   | wanted |                                     a decoder level

Recurrences and attention reach over the whole window, so what is between is done anew.

Shape letters: `g` network, `b` batch, `c` audio channel, `d` feature, `t` frame, `f` frequency bin,
`n` sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from restem.models.dtt_bsr import DTTBSR
from restem.models.inference.attention import StackedDualAxisTransformer
from restem.models.inference.convolutions import Convolution, StackedBlock, UpSampling
from restem.models.inference.frozen import InferenceModule, module_list
from restem.models.inference.recurrences import StackedBandSequence
from restem.models.tfc_tdf import UNet, analyse, synthesise

EncoderCache = tuple[Tensor, ...]  # each encoder level's answer, [b, g * d, t, f], the deepest last


@dataclass(frozen=True)
class Span:
    """Frames [first, last) of a level."""

    first: int
    last: int

    def widened(self, reach: int, frames: int) -> "Span":
        return Span(max(0, self.first - reach), min(frames, self.last + reach))

    def halved(self, frames: int) -> "Span":
        """Those of the next level, `frames` long, that they are made from."""
        return Span(min(self.first // 2, frames - 1), min(-(-self.last // 2), frames))

    def within(self, outer: "Span") -> slice:
        return slice(self.first - outer.first, self.last - outer.first)


class StackedUNet(nn.Module):
    """DTTNets or DTT-BSRs of one configuration as one network.

    Args:
        networks: they are not changed, and not kept.
        dtype: of weights and features. Audio and spectra are float32, and so are the layers whose
            rounding is heard most: the first convolution and the last ones, and the residuals of
            the bottleneck.

    Raises:
        ValueError: the networks differ in more than their weights.
    """

    window: Tensor

    def __init__(self, networks: Sequence[UNet], dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        first = networks[0]
        self.config, self.dtype = first.config, dtype
        for other in networks[1:]:
            if type(other) is not type(first) or other.config != first.config:
                raise ValueError("only networks of one configuration can be stacked")
            if not torch.equal(other.analysis_window, first.analysis_window):
                raise ValueError("only networks with one STFT window can be stacked")
        self.register_buffer("window", first.analysis_window.detach().clone(), persistent=False)
        self.first_conv = Convolution([network.first_conv for network in networks], shared=True)
        self.encoder = module_list(
            StackedBlock(blocks)
            for blocks in zip(
                *([*each.encoding_blocks, each.bottleneck_block1] for each in networks), strict=True
            )
        )
        self.down = module_list(
            Convolution(layers) for layers in zip(*(each.ds for each in networks), strict=True)
        )
        self.recurrence = StackedBandSequence([each.bottleneck_block2 for each in networks])
        transformers = [x.bottleneck_block3 for x in networks if isinstance(x, DTTBSR)]
        self.attention = StackedDualAxisTransformer(transformers) if transformers else None
        self.up = module_list(
            UpSampling(layers) for layers in zip(*(each.us for each in networks), strict=True)
        )
        self.decoder = module_list(
            StackedBlock(blocks)
            for blocks in zip(*(each.decoding_blocks for each in networks), strict=True)
        )
        self.final_conv = Convolution([network.final_conv for network in networks])
        self.networks = len(networks)
        last = self.decoder[-1]
        precise = {self.first_conv, self.up[-1], *last.tfc2, *last.res, self.final_conv}
        for module in self.modules():
            if isinstance(module, InferenceModule) and module not in precise:
                module.cast(dtype)

    def forward(self, audio: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """The samples [start, stop) of every network's answer.

        Args:
            audio: [b, c, n], any length.

        Returns:
            [g, b, c, stop - start].
        """
        length = audio.shape[-1]
        audio = nn.functional.pad(audio, (0, self.config.padded_length(length) - length))
        return self._decode(self._encode(audio), start, length if stop is None else stop)

    def prepare_window(self, audio: Tensor, hop: int) -> EncoderCache | None:
        """Prepare a first window, [b, c, n], for `step_window`.

        Returns:
            None if windows that are `hop` samples apart share too little to be worth its memory.
        """
        length, grid = audio.shape[-1], self.config.hop_length << self.config.levels
        if hop % grid or 2 * hop > length or self.config.padded_length(length) != length:
            return None
        return self._encode(audio)

    def step_window(
        self, audio: Tensor, before: EncoderCache, hop: int, start: int, stop: int
    ) -> tuple[Tensor, EncoderCache]:
        """`forward` for a window that is `hop` samples later than the one before.

        Args:
            audio: [b, c, n], as long as the window before.
            before: what `prepare_window` or `step_window` gave for that one.
            hop: as `prepare_window` was asked.

        Returns:
            The answer, [g, b, c, stop - start], and what the next `step_window` wants to know.
        """
        levels = self._encode_changes(audio, before, hop)
        return self._decode(levels, start, stop), levels

    def _enter(self, spectrum: Tensor) -> Tensor:
        x: Tensor = self.first_conv(spectrum.contiguous(memory_format=torch.channels_last))
        return x.to(self.dtype)

    def _encode(self, audio: Tensor) -> EncoderCache:
        x = self._enter(analyse(audio, self.window, self.config))
        levels: list[Tensor] = []
        for number, block in enumerate(self.encoder):
            x = block(self.down[number - 1](levels[-1]) if number else x)
            levels.append(x)
        return tuple(levels)

    def _encode_changes(self, audio: Tensor, before: EncoderCache, hop: int) -> EncoderCache:
        config = self.config
        spectrum = analyse(audio, self.window, config)
        # Frames at the window's ends that are not what they would be further inside, and frames by
        # which the window has moved.
        frames, moved = spectrum.shape[-2], hop // config.hop_length
        left = -(-config.n_fft // 2 // config.hop_length)
        right = frames - 1 - (audio.shape[-1] - config.n_fft // 2) // config.hop_length
        levels: list[Tensor] = []
        for number, (block, old) in enumerate(zip(self.encoder, before, strict=True)):
            if number:
                right = frames // 2 - (frames - right) // 2
                left, frames, moved = -(-left // 2), frames // 2, moved // 2
            left, right = left + block.context_frames, right + block.context_frames
            kept = Span(left, frames - right - moved)
            changed = [Span(0, kept.first), Span(kept.last, frames)]
            if kept.last <= kept.first:
                kept, changed = Span(0, 0), [Span(0, frames), Span(frames, frames)]
            parts = []
            for span in changed:
                if span.first == span.last:
                    parts.append(old[:, :, :0])
                    continue
                seen = span.widened(block.context_frames, frames)
                if number:
                    x = self.down[number - 1](levels[-1][:, :, 2 * seen.first : 2 * seen.last])
                else:
                    x = self._enter(spectrum[:, :, seen.first : seen.last])
                parts.append(block(x)[:, :, span.within(seen)])
            same = old[:, :, kept.first + moved : kept.last + moved]
            levels.append(torch.cat((parts[0], same, parts[1]), dim=2))
        return tuple(levels)

    def _decode(self, levels: EncoderCache, start: int, stop: int) -> Tensor:
        config = self.config
        half = config.n_fft // 2
        lengths = [level.shape[2] for level in levels]
        first = max(0, (start - half) // config.hop_length)
        wanted = Span(first, min(lengths[0], (stop + half) // config.hop_length + 1))
        spans = []  # of each level, from the top: what a block gives, and what it must see for it
        for number, block in enumerate(reversed(self.decoder)):
            seen = wanted.widened(block.context_frames, lengths[number])
            spans.append((wanted, seen))
            wanted = seen.halved(lengths[number + 1])
        x = self._bottleneck(levels[-1], wanted)
        for number in reversed(range(len(spans))):
            origin, skip = 2 * wanted.first, levels[number]
            wanted, seen = spans[number]
            up, block = self.up[-1 - number], self.decoder[-1 - number]
            x = up(x, max(2 * x.shape[2], seen.last - origin), skip.shape[-1])
            x = x[:, :, seen.first - origin : seen.last - origin]
            x = block(x * skip[:, :, seen.first : seen.last])[:, :, wanted.within(seen)]
        spectra = self.final_conv(x).unflatten(1, (self.networks, -1)).transpose(0, 1)
        origin = first * config.hop_length
        audio = synthesise(spectra.flatten(0, 1), self.window, config, stop - origin)
        answer: Tensor = audio.unflatten(0, spectra.shape[:2])
        return answer[..., start - origin :]

    def _bottleneck(self, x: Tensor, wanted: Span) -> Tensor:
        """The wanted frames only: [b, g * d, t, f] -> [b, g * d, t', f]."""
        rows: Tensor = self.recurrence(x.float())  # [g, b, t, f, d]
        if self.attention is None:
            rows = rows[:, :, wanted.first : wanted.last]
        else:
            rows = self.attention(rows, wanted.first, wanted.last)
        features = rows.permute(1, 2, 3, 0, 4).flatten(-2)  # [b, t', f, g * d]
        return features.permute(0, 3, 1, 2).to(self.dtype)
