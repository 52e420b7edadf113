import doctest

import pytest

from restem.models.stems import STEMS
from restem.streamer.mixer import routing
from restem.streamer.mixer.routing import Routing, source_names


def test_presets_have_their_outputs() -> None:
    assert Routing.preset("stereo", STEMS).outputs == ("master.left", "master.right")
    stems = Routing.preset("stems", STEMS).outputs
    assert len(stems) == 18
    assert stems[:4] == ("master.left", "master.right", "vocals.left", "vocals.right")
    assert Routing.preset("stems-only", STEMS).outputs == stems[2:]


def test_an_unknown_preset_is_answered_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"'quad'; expected one of stereo, stems, stems-only$"):
        Routing.preset("quad", STEMS)


@pytest.mark.parametrize("output", [0, 65, -1, "1", True])
def test_an_output_that_is_none_is_refused(output: int) -> None:
    with pytest.raises(ValueError, match=f"outputs are numbered from 1 to 64, got {output!r}"):
        Routing.of({output: "master.left"})


def test_a_routing_without_outputs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one output"):
        Routing.of({})


def test_an_unknown_source_is_answered_with_the_choices() -> None:
    with pytest.raises(
        ValueError,
        match=r"^output 3: unknown source 'vocal.left'; expected silence, or .left or .right of "
        "master, vocals, drums, residual, dry, no_vocals, no_drums$",
    ):
        Routing.of({1: "dry.left", 3: "vocal.left"}).rows(["vocals", "drums"])


def test_more_outputs_than_the_table_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 64 outputs, got 65"):
        Routing(("silence",) * 65).rows(STEMS)


def test_every_source_has_a_row_of_its_own() -> None:
    names = source_names(STEMS)
    assert Routing(names).rows(STEMS) == list(range(39))


def test_the_examples_in_the_docstrings_are_true() -> None:
    assert doctest.testmod(routing).failed == 0


def test_a_strip_called_as_the_mix_without_another_is_itself() -> None:
    stems = ("vocals", "no_vocals")
    assert Routing(("no_vocals.left",)).rows(stems) == [source_names(stems).index("no_vocals.left")]
    assert Routing(("no_vocals.left",)).rows(stems) == [4]
