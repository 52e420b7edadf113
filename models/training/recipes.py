"""Recipes: what is trained, on which clips, for how long; dataclasses that YAML overrides.

description: one paragraph for people
embedded: {precision: bf16}             # or `separator:` or `repair:`: what is trained, and how
data: {clip_seconds: 3, batch_size: 2}
steps: 20000                            # or `minutes:`, whichever is over first
validation: {every_minutes: 10}
"""

from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from restem.models.config import read_named
from restem.models.training.trainers.embedded import EmbeddedTrainingConfig
from restem.models.training.trainers.repair import RepairTrainingConfig
from restem.models.training.trainers.separator import SeparatorTrainingConfig

KINDS = ("embedded", "separator", "repair")


@dataclass(frozen=True)
class DataConfig:
    """Random clips, as `models.training.data.songs.draw_stems` draws them."""

    clip_seconds: float = 3.0
    batch_size: int = 2
    together: float = 0.4  # how often all stems come from one moment of one song
    workers: int = 1  # processes that make examples
    # Whether songs and their degradations stay in the memory of the device; if left out, on a GPU.
    resident: bool | None = None
    sources: dict[str, float] = field(default_factory=dict)  # how often, by folder of songs


@dataclass(frozen=True)
class ValidationConfig:
    """Held-out clips: the same ones every time."""

    every_minutes: float = 10.0
    clips: int = 32
    clip_seconds: float = 6.0


@dataclass(frozen=True)
class Recipe:
    """Exactly one of `embedded`, `separator` and `repair` is given."""

    description: str
    embedded: EmbeddedTrainingConfig | None = None
    separator: SeparatorTrainingConfig | None = None
    repair: RepairTrainingConfig | None = None
    data: DataConfig = field(default_factory=DataConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    steps: int | None = None
    minutes: float | None = None  # of training, over any number of resumptions
    seed: int = 0

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


def read_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe of the package, or any YAML file.

    Raises:
        ValueError: there is no such recipe, or a key or a value in it is wrong.
    """
    recipe: Recipe
    recipe, where = read_named(Recipe, name_or_path, _folder(), "recipe")
    check(recipe, where)
    return recipe


def _folder() -> Traversable:
    return resources.files("restem.models.training") / "recipes"


def check(recipe: Recipe, where: str) -> None:
    """Raise ValueError, one line with the place, unless a recipe can be trained."""
    given = [kind for kind in KINDS if getattr(recipe, kind) is not None]
    if len(given) != 1:
        raise ValueError(
            f"{where}: expected one of {', '.join(KINDS)}, got {', '.join(given) or 'none'}"
        )
    if recipe.steps is None and recipe.minutes is None:
        raise ValueError(f"{where}: expected steps or minutes")
    for name, value, least in (
        ("data: clip_seconds", recipe.data.clip_seconds, 0.1),
        ("data: batch_size", recipe.data.batch_size, 1),
        ("data: workers", recipe.data.workers, 0),
        ("validation: clips", recipe.validation.clips, 1),
        ("validation: clip_seconds", recipe.validation.clip_seconds, 0.1),
        ("steps", 1 if recipe.steps is None else recipe.steps, 1),
        ("minutes", 1 if recipe.minutes is None else recipe.minutes, 0),
    ):
        if value < least:
            raise ValueError(f"{where}: {name}: expected at least {least}, got {value}")
    if not 0 <= recipe.data.together <= 1:
        raise ValueError(f"{where}: data: together: expected 0 to 1, got {recipe.data.together}")
