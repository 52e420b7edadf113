from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from restem.models.config import from_mapping, read_named, yaml_names


@dataclass(frozen=True)
class Inner:
    betas: tuple[float, float] = (0.9, 0.99)


@dataclass(frozen=True)
class Outer:
    name: str
    rate: float = 1.0
    count: int = 1
    windows: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)
    inner: Inner | None = None


def test_a_mapping_overrides_what_it_names_and_nothing_else() -> None:
    read = from_mapping(Outer, {"name": "x", "windows": [3, 4], "inner": {"betas": [0, 1]}}, "f")
    assert read == Outer("x", windows=(3, 4), inner=Inner((0.0, 1.0)))
    assert all(isinstance(beta, float) for beta in read.inner.betas)


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ([], r"f: expected a mapping, got \[\]"),
        ({}, "f: missing key 'name'"),
        ({"name": "x", "rat": 1}, "f: unknown key 'rat'; expected one of name, rate, count"),
        ({"name": 3}, "f: name: expected str, got 3"),
        ({"name": "x", "rate": "fast"}, "f: rate: expected float, got 'fast'"),
        ({"name": "x", "count": 1.5}, "f: count: expected int, got 1.5"),
        ({"name": "x", "count": True}, "f: count: expected int, got True"),
        ({"name": "x", "rate": True}, "f: rate: expected float, got True"),
        (
            {"name": "x", "windows": [1, "b"]},
            r"windows: expected a list of numbers, got \[1, 'b'\]",
        ),
        ({"name": "x", "words": "ab"}, "words: expected a list of names, got 'ab'"),
        ({"name": "x", "inner": {"betas": [1]}}, "f: inner: betas: expected a list of 2 numbers"),
        (
            {"name": "x", "inner": {"beta": 1}},
            "f: inner: unknown key 'beta'; expected one of betas",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(mapping: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        from_mapping(Outer, mapping, "f")


def test_files_are_found_by_name_in_the_folder_and_by_path_anywhere(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "a.yaml").write_text("name: of the package")
    (tmp_path / "b.yaml").write_text("name: my own")
    assert yaml_names(tmp_path / "package") == ["a"]
    read = [read_named(Outer, n, tmp_path / "package", "x") for n in ("a", tmp_path / "b.yaml")]
    assert read == [(Outer("of the package"), "a.yaml"), (Outer("my own"), "b.yaml")]
    with pytest.raises(ValueError, match="unknown recipe 'b'; expected one of a, or"):
        read_named(Outer, "b", tmp_path / "package", "recipe")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot read the x: No such file"),
        (b"\xff\xfe\xfa", "not a text file in UTF-8"),
        (b"name: [", "not YAML"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as caught:
        read_named(Outer, path, tmp_path, "x")
    assert "\n" not in str(caught.value)
