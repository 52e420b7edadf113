"""Songs in the memory of the device that trains, and random batches drawn from there.

Every stem of a song lies there whole, as 16-bit samples, its parts already summed. A batch is a
table of starts, one gather, and the degradations of
`models.training.data.batched_degradations`: nothing is done clip by clip, nothing waits for a file.

Shape letters: `b` clip, `s` stem, `c` channel, `n` sample.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from restem.models.training.data.batched_degradations import Examples, make_examples
from restem.models.training.data.songs import Song, source_of

PLAYS = 0.6  # how often a stem is drawn where stems come from anywhere


class Resident:
    """Songs on a device."""

    def __init__(
        self,
        songs: Sequence[Song],
        stems: Sequence[str],
        sample_rate: int,
        device: torch.device,
        sources: Mapping[str, float] | None = None,
    ) -> None:
        """`sources` as in `models.training.data.songs.draw_stems`.

        Raises:
            ValueError: there is no song.
        """
        if not songs:
            raise ValueError("no songs to train on")
        self.stems, self.sample_rate, self.device = tuple(stems), sample_rate, device
        pieces: list[Tensor] = []
        offsets = torch.full((len(songs), len(stems)), -1, dtype=torch.long)
        moments: list[list[tuple[int, int, float]]] = [[] for _ in stems]  # song, second, weight
        counts = Counter(source_of(song) for song in songs)
        total = 0
        for number, song in enumerate(songs):
            seconds = int(song.duration_seconds) + 1
            source = source_of(song)
            share = (sources or {}).get(source, float(counts[source])) / counts[source]
            for column, stem in enumerate(stems):
                if stem not in song.parts:
                    continue
                pieces.append(_full_length(song, stem, seconds, sample_rate))
                offsets[number, column] = total
                total += seconds * sample_rate
                active = sorted({s for part in song.parts[stem] for s in part.active})
                moments[column] += [(number, second, share / len(active)) for second in active]
        self.samples = torch.cat(pieces).to(device)  # [n, c]
        self.lengths = torch.tensor([(int(song.duration_seconds) + 1) for song in songs])
        self.offsets, self.lengths = offsets.to(device), self.lengths.to(device) * sample_rate
        self.songs = [torch.tensor([m[0] for m in rows], device=device) for rows in moments]
        self.seconds = [torch.tensor([m[1] for m in rows], device=device) for rows in moments]
        self.chances = [
            torch.tensor([m[2] for m in rows], dtype=torch.float64, device=device).cumsum(0)
            for rows in moments
        ]

    def starts(
        self, batch: int, length: int, together: float, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Draw where clips begin: [b, s] each, the first sample (-1: silence) and the last one."""
        songs, firsts = [], []
        for column in range(len(self.stems)):
            song, first = self._moments(column, batch, length, generator)
            songs.append(song)
            firsts.append(first)
        song, first = torch.stack(songs, dim=1), torch.stack(firsts, dim=1)  # [b, s]
        usable = torch.tensor([len(rows) > 0 for rows in self.songs], device=self.device)
        draws = torch.rand(batch, len(self.stems), generator=generator, device=self.device)
        apart = (draws < PLAYS) & usable
        # An anchor's song and moment for all stems of a clip.
        anchor = torch.where(usable, draws, -1.0).argmax(-1, keepdim=True)
        one = torch.rand(batch, 1, generator=generator, device=self.device) < together
        one = one | ~apart.any(-1, keepdim=True)
        song = torch.where(one, song.gather(1, anchor), song)
        first = torch.where(one, first.gather(1, anchor), first)
        columns = torch.arange(len(self.stems), device=self.device)
        offset = self.offsets[song, columns]
        playing = (one | apart) & (offset >= 0)
        begin = torch.where(playing, offset + first, -1)
        return begin, torch.where(playing, offset + self.lengths[song] - 1, -1)

    def _moments(
        self, column: int, batch: int, length: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """A song and a first sample for each clip, so that the stem plays in a second of it."""
        if not len(self.songs[column]):
            nothing = torch.zeros(batch, dtype=torch.long, device=self.device)
            return nothing, nothing
        chances = self.chances[column]
        draw = torch.rand(batch, 2, generator=generator, device=self.device)
        row = torch.searchsorted(chances, draw[:, 0].double() * chances[-1])
        row = row.clamp_max(len(chances) - 1)
        back = (draw[:, 1] * max(length - self.sample_rate, 0)).long()
        first = (self.seconds[column][row] * self.sample_rate - back).clamp_min(0)
        return self.songs[column][row], first

    def clips(
        self, batch: int, length: int, together: float, generator: torch.Generator | None = None
    ) -> Tensor:
        """Clean stems, [b, s, c, n], zeros where a stem does not play."""
        first, last = self.starts(batch, length, together, generator)
        index = first.unsqueeze(-1) + torch.arange(length, device=self.device)
        heard = (first.unsqueeze(-1) >= 0) & (index <= last.unsqueeze(-1))
        audio = self.samples[index.clamp(0, len(self.samples) - 1)]  # [b, s, n, c]
        return (audio * heard.unsqueeze(-1)).movedim(-1, -2).float() / 32768

    def batches(
        self, batch: int, length: int, together: float, seed: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Endless mixes [b, c, n] and targets [b, s, c, n]."""
        generator = torch.Generator(self.device).manual_seed(seed)
        while True:
            made: Examples = make_examples(
                self.clips(batch, length, together, generator), generator
            )
            yield made.mix, made.targets


def _full_length(song: Song, stem: str, seconds: int, sample_rate: int) -> Tensor:
    """A stem of a song from its beginning, its parts summed, as 16-bit samples: [n, c]."""
    total = np.zeros((2, seconds * sample_rate), dtype=np.float32)
    for part in song.parts[stem]:
        total += part.read(0.0, seconds, sample_rate)
    total /= max(float(np.abs(total).max()), 1.0)
    return torch.from_numpy((total.T * 32767).astype(np.int16))
