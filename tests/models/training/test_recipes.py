from dataclasses import replace
from pathlib import Path

import pytest

from restem.models.training.recipes import Recipe, check, read_recipe

RECIPES = (
    *("demucs-l", "dtt-bsr", "dttnet", "embedded", "embedded-fast", "embedded-gpu"),
    "embedded-repair",
)


def test_the_package_has_a_recipe_for_every_network_that_can_be_trained() -> None:
    with pytest.raises(ValueError, match=f"expected one of {', '.join(RECIPES)}"):
        read_recipe("nonesuch")


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_of_the_package_is_sound(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.kind in ("embedded", "separator", "repair")
    assert recipe.description


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("embeded: {}", r"mine.yaml: unknown key 'embeded'; expected one of description, embedded"),
        ("embedded: {lr: 1}", r"mine.yaml: embedded: unknown key 'lr'; expected one of params"),
        ("embedded: {learning_rate: fast}", r"learning_rate: expected float, got 'fast'"),
        ("embedded: {}", r"mine.yaml: expected steps or minutes"),
        ("steps: 5", r"expected one of embedded, separator, repair, got none"),
        ("embedded: {}\nrepair: {}", r"mine.yaml: "),
        ("embedded: {}\nsteps: 0", r"mine.yaml: steps: expected at least 1, got 0"),
        ("embedded: {}\nsteps: 1\ndata: {together: 2}", r"together: expected 0 to 1, got 2"),
        ("embedded: {}\nsteps: 1\ndata: {clip_seconds: 0}", r"clip_seconds: expected at least 0.1"),
        ("embedded: [", r"mine.yaml: not YAML"),
    ],
)
def test_a_wrong_recipe_is_refused_in_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"description: x\n{text}\n")
    with pytest.raises(ValueError, match=complaint) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)


def test_an_unknown_recipe_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match="unknown recipe 'embeded'; expected one of demucs-l, dtt"):
        read_recipe("embeded")


def test_a_schedule_may_be_given_late() -> None:
    recipe = Recipe("x", embedded=read_recipe("embedded").embedded)
    with pytest.raises(ValueError, match="expected steps or minutes"):
        check(recipe, "x")
    check(replace(recipe, minutes=3.0), "x")
