import doctest
from pathlib import Path

import pytest

from restem.bridge.files import names
from restem.bridge.files.names import Naming


def test_the_example_in_the_docstring_is_true() -> None:
    assert doctest.testmod(names).failed == 0


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("../{stem}.{ext}", "leads out of the output folder"),
        ("{mix}/../../{stem}.{ext}", "leads out of the output folder"),
        ("/tmp/{stem}.{ext}", "leads out of the output folder"),
        ("{mix}/{stem}", r"must end in .\{ext\}"),
        ("{song}/{stem}.{ext}", r"unknown field 'song'; expected some of \{mix\}"),
        ("{stem.__class__}.{ext}", "unknown field 'stem.__class__'"),
        ("{}.{ext}", "unknown field ''"),
        ("{stem:>9}.{ext}", "unknown field 'stem'"),
        ("{stem.{ext}", "unexpected '{'"),
    ],
)
def test_a_template_that_leads_astray_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Naming(template)


@pytest.mark.parametrize("stem", ["../bass", "a/../../../bass"])
def test_no_stems_name_leads_out_of_the_folder(stem: str) -> None:
    with pytest.raises(ValueError, match="leads out of the output folder"):
        Naming().files(Path("song.wav"), Path("out"), [stem], "wav")


def test_files_that_would_be_one_are_refused() -> None:
    single = Naming("{mix}.{ext}")
    assert single.files(Path("a/song.mp3"), Path("out"), ["bass"], "wav") == [Path("out/song.wav")]
    with pytest.raises(ValueError, match=r"has no \{stem\}, but there are 2 files"):
        single.files(Path("song.mp3"), Path("out"), ["bass", "drums"], "wav")


def test_a_mix_has_a_place_by_its_name() -> None:
    assert Naming().place(Path("a/song.wav"), Path("out")) == Path("out/song")
    assert Naming("{stem}.{ext}").place(Path("song.wav"), Path("out")) == Path("out")
    single = Naming("{mix} ({stem}).{ext}").place(Path("song.wav"), Path("out"))
    assert single == Path("out/song (<stem>).<ext>")
