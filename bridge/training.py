"""`restem train`: songs in, a trained network out, with its curves and a profile to render with."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml

from restem.bridge.evaluation.plots import draw_curves
from restem.models import zoo
from restem.models.atomic_write import atomically
from restem.models.training.data.songs import Song, open_songs, split_songs
from restem.models.training.loop import (
    Progress,
    build_trainer,
    check_networks,
    load_checkpoint,
    train,
)
from restem.models.training.recipes import Recipe
from restem.streamer.profiles import read_profile


@dataclass(frozen=True)
class TrainingSongs:
    """Folders of the songs, and of those held out."""

    songs: tuple[Path, ...]
    held_out: tuple[Path, ...] = ()  # empty: a tenth of the songs, drawn by name
    layout: str = "restem"

    def open(self, seed: int) -> tuple[list[Song], list[Song]]:
        """The songs to train on and those held out.

        Raises:
            ValueError: a folder has no songs, a song is on both sides, or there is only one.
        """
        songs = _open(self.songs, self.layout)
        if not self.held_out:
            training, held_out = split_songs(songs, seed=seed)
            if not held_out or not training:
                raise ValueError(
                    f"{self.songs[0]}: one song cannot be split; give more, or --held-out FOLDER"
                )
            return training, held_out
        held_out = _open(self.held_out, self.layout)
        both = {song.name for song in songs} & {song.name for song in held_out}
        if both:
            raise ValueError(f"held-out songs are among the training songs: {_some(both)}")
        return songs, held_out


def run_training(
    recipe: Recipe,
    material: TrainingSongs,
    out: Path,
    device: torch.device,
    progress: Callable[[Progress], None],
) -> Progress:
    """Train, draw `OUT/curves.png` after each validation, leave `OUT/profile.yaml`."""
    songs, held_out = material.open(recipe.seed)

    def watch(now: Progress) -> None:
        if now.scores and find_spec("matplotlib"):  # a borrowed machine may do without
            draw_curves(out / "log.jsonl", out / "curves.png")
        progress(now)

    done = train(recipe, songs, held_out, out, device, watch)
    write_profile(recipe, Path("weights.safetensors"), out / "profile.yaml")
    return done


def export(recipe: Recipe, out: Path, path: Path) -> None:
    """Write the newest weights of the run in OUT, and beside them a profile to render with.

    Raises:
        ValueError: there is no run in OUT, it is of another recipe, or a file exists.
    """
    profile = path.with_suffix(".yaml")
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: weights are exported as .safetensors")
    for file in (path, profile):
        if file.exists():
            raise ValueError(f"{file}: exists; remove it or choose another name")
    state = load_checkpoint(out / "last.pt")
    check_networks(recipe, out)
    trainee = build_trainer(recipe, torch.device("cpu"))
    trainee.load_state_dict(state["trainee"])
    path.parent.mkdir(parents=True, exist_ok=True)
    trainee.export(path)
    write_profile(recipe, Path(path.name), profile)


def write_profile(recipe: Recipe, weights: Path, path: Path) -> None:
    """Write a profile that renders with exported weights; paths from the profile's own folder.

    A network that does not stream natively gets the windows of a profile of the package.
    """
    profile: dict[str, Any] = {"description": recipe.description}
    if recipe.embedded is not None:
        profile["separator"] = {"network": "embedded", "weights": str(weights)}
    elif recipe.separator is not None:
        profile |= {"stems": [recipe.separator.stem], "separator": _separator(recipe, str(weights))}
    else:
        return  # a repair is nothing without the profile of its separator
    with atomically(path) as part:
        part.write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")


def _separator(recipe: Recipe, weights: str) -> dict[str, Any]:
    assert recipe.separator is not None
    network = recipe.separator.network
    window = read_profile(zoo.NETWORKS[network].windows).separator.window
    assert window is not None
    return {"network": network, "weights": weights, "window": asdict(window)}


def _open(folders: Sequence[Path], layout: str) -> list[Song]:
    songs = [song for folder in folders for song in open_songs(folder, layout)]
    names = [song.name for song in songs]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"songs of one name in two folders: {_some(twice)}; rename one of each")
    return songs


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
