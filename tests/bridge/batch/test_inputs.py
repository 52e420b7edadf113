import io
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from restem.bridge.batch.inputs import Work, find_works, read_list


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "music"
    for name in (
        "b.wav",
        "a.FLAC",
        "deep/er/c.mp3",
        "deep/cover.jpg",
        ".hidden.wav",
        "out/a/x.wav",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(*inputs: Path, out: Path) -> list[tuple[str, str]]:
    return [(work.mix.name, work.below.as_posix()) for work in find_works(inputs, out)]


def test_a_folder_is_all_its_audio_files_but_for_those_in_the_output(tree: Path) -> None:
    assert found(tree, out=tree / "out") == [("a.FLAC", "."), ("b.wav", "."), ("c.mp3", "deep/er")]
    assert ("x.wav", "out/a") in found(tree, out=tree / "elsewhere")


def test_a_pattern_keeps_the_tree_below_its_first_wildcard(tree: Path) -> None:
    assert found(tree / "*.wav", out=tree / "out") == [("b.wav", ".")]
    assert found(tree / "**" / "*.mp3", out=tree / "out") == [("c.mp3", "deep/er")]
    assert found(tree / "d*", out=tree / "out") == [("c.mp3", "deep/er")]


def test_files_are_taken_as_they_are_named_and_each_once(tree: Path) -> None:
    odd = tree / "deep" / "cover.jpg"
    assert found(odd, tree / "b.wav", tree, tree / "b.wav", out=tree / "out") == [
        ("cover.jpg", "."),
        ("b.wav", "."),
        ("a.FLAC", "."),
        ("c.mp3", "deep/er"),
    ]
    assert [*find_works([Path("nowhere.wav")], tree)] == [Work(Path("nowhere.wav"))]


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "song [live].wav").touch()
    assert found(tmp_path / "song [live].wav", out=tmp_path) == [("song [live].wav", ".")]


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_list_has_a_path_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"one.wav\n\n a b.flac\r\ncaf\xe9.mp3\n"
    expected = [Path("one.wav"), Path(" a b.flac"), Path(os.fsdecode(b"caf\xe9.mp3"))]
    (tmp_path / "list").write_bytes(content)
    assert [*read_list(tmp_path / "list")] == expected
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert [*read_list(Path("-"))] == expected


def test_no_input_is_looked_at_before_its_turn(tmp_path: Path) -> None:
    def named() -> Iterator[Path]:
        yield from map(Path, ("one.wav", "one.wav", "two.wav"))
        raise AssertionError("one too many")

    found = find_works(named(), tmp_path)
    assert [work.mix.name for work in itertools.islice(found, 2)] == ["one.wav", "two.wav"]
