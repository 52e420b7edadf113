"""Weights that others publish: where they are, their checksums and licences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from restem.models.stems import STEMS
from restem.models.zoo import DTT_BSR, DTTNET


@dataclass(frozen=True)
class HubFile:
    """A file on Hugging Face."""

    repo: str
    filename: str

    def __str__(self) -> str:
        return f"https://huggingface.co/{self.repo}/blob/main/{self.filename}"


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that their authors give away; `source` is None where only people can download."""

    name: str  # <set>/<stem>
    network: str
    params: Mapping[str, Any]
    licence: str
    page: str  # where people find them
    source: HubFile | str | None  # a string is a URL

    @property
    def set(self) -> str:
        return self.name.partition("/")[0]

    @property
    def stem(self) -> str:
        return self.name.partition("/")[2]

    @property
    def origin(self) -> str:
        return str(self.source or self.page)


_DTT_BSR_REPO = "OrigamiShido/MSRChallenge-ACDC"
_DTT_BSR_FILES = {
    "vocals": "Vocals.pth",
    "guitars": "Guitars.pth",
    "keyboards": "Keyboards.pth",
    "synthesizers": "Synthesizers.pth",
    "bass": "Bass.pth",
    "drums": "Drums.pth",
    "percussions": "Percussions.pth",
    "orchestral": "Orchestra.pth",
}
_DTTNET_STEMS = {
    "vocals": DTTNET,
    "drums": DTTNET,
    "bass": {**DTTNET, "dim_f": 864, "bn": 2},
    "other": DTTNET,
}
PUBLISHED: tuple[PublishedWeights, ...] = (
    *(
        PublishedWeights(
            name=f"dtt-bsr/{stem}",
            network="dtt-bsr",
            params=DTT_BSR,
            licence="code MIT; the weights' page states none that we know of",
            page=f"https://huggingface.co/{_DTT_BSR_REPO}",
            source=HubFile(_DTT_BSR_REPO, _DTT_BSR_FILES[stem]),
        )
        for stem in STEMS
    ),
    *(
        PublishedWeights(
            name=f"dttnet/{stem}",
            network="dttnet",
            params=params,
            licence="code Apache-2.0; the weights' page states none that we know of; "
            "trained on MUSDB18, which is for academic use",
            page="https://github.com/ZFTurbo/Music-Source-Separation-Training/releases/tag/v1.0.22",
            source=None,
        )
        for stem, params in _DTTNET_STEMS.items()
    ),
)


def published_weights(name: str) -> PublishedWeights | None:
    """The published weights of that name, if there are any."""
    return next((weights for weights in PUBLISHED if weights.name == name), None)
