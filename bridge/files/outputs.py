"""Signals that are written of a mix: its stems, the mix without some of them, what they leave.

    stems ─┬─────────────────────► vocals, drums ..
    mix ───┼─ mix - some stems ──► no_vocals
           └─ mix - all stems ───► residual

Shape letters: `o` output, `s` stem, `c` channel, `n` sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restem.streamer.builder import pick_stems
from restem.streamer.mixer.parameters import RESIDUAL
from restem.streamer.mixer.routing import minus_name
from restem.streamer.resampler import Audio


@dataclass(frozen=True)
class Selection:
    """Choice of the signals that get a file.

    Args:
        stems: which stems, all of the model's if None; may be none beside `minus`.
        minus: the mix without these.
        residual: the mix less all of `stems`; with them it adds up to the mix.
        add_up: spread that over `stems` in equal parts instead, so that they add up to the mix
            (the unweighted projection of Wisdom et al., arXiv 1811.08521).

    Raises:
        ValueError: parts of it exclude each other.
    """

    stems: tuple[str, ...] | None = None
    minus: tuple[str, ...] = ()
    residual: bool = False
    add_up: bool = False

    def __post_init__(self) -> None:
        if self.residual and self.add_up:
            raise ValueError("residual and add_up: nothing is left of what was spread; take one")
        if self.stems == () and (self.residual or self.add_up):
            raise ValueError("residual and add_up are of stems; name some")
        if self.stems == () and not self.minus:
            raise ValueError("no file was asked for; name stems, or stems to leave out")

    @property
    def needed(self) -> tuple[str, ...] | None:
        """The stems that a model has to restore, None for all of them."""
        if self.stems is None:
            return None
        return tuple(dict.fromkeys((*self.stems, *self.minus)))

    @property
    def files(self) -> int | None:
        """Number of files, None if the model's stems decide."""
        if self.stems is None:
            return None
        return len(set(self.stems)) + bool(self.minus) + self.residual


ALL = Selection()


class Outputs:
    """The wanted signals of a model's stems.

    Args:
        stems: of the model.
        wanted: what gets a file.

    Attributes:
        names: of the files, [o]: stems first.
        stems: how many of them are stems.

    Raises:
        ValueError: a stem is unknown.
    """

    def __init__(self, stems: Sequence[str], wanted: Selection) -> None:
        picked = () if wanted.stems == () else pick_stems(stems, wanted.stems)
        without = pick_stems(stems, wanted.minus) if wanted.minus else ()
        self.stems, self._add_up = len(picked), wanted.add_up
        self._picked = [stems.index(stem) for stem in picked]
        self._taken = [[stems.index(stem) for stem in without]] if without else []
        self._taken += [self._picked] if wanted.residual else []
        self.others: tuple[str, ...] = (minus_name(*without),) if without else ()
        self.others += (RESIDUAL,) if wanted.residual else ()
        self.names = (*picked, *self.others)

    def __call__(self, stems: Audio, mix: Audio) -> Audio:
        """[s, c, n] and [c, n] to [o, c, n]; stems that are only picked stay as they are."""
        exact = stems.astype(np.float64)
        if self._add_up:
            exact[self._picked] += (mix - exact[self._picked].sum(axis=0)) / len(self._picked)
        rests = [(mix - exact[taken].sum(axis=0))[None] for taken in self._taken]
        return np.concatenate([exact[self._picked], *rests]).astype(np.float32)
