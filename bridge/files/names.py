"""Names of the files that are made of a mix, below an output folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

TEMPLATE = "{mix}/{stem}.{ext}"
FIELDS = ("mix", "stem", "ext")
END = ".{ext}"


@dataclass(frozen=True)
class Naming:
    """A template such as `{mix}/{stem}.{ext}`: the mix's name, the stem's, the format's.

    >>> [path.as_posix() for path in Naming("{stem}/{mix}.{ext}").files(
    ...     Path("in/song.mp3"), Path("out"), ["drums", "bass"], "wav")]
    ['out/drums/song.wav', 'out/bass/song.wav']

    Raises:
        ValueError: it has an unknown field or another end, or leads out of the output folder.
    """

    template: str = TEMPLATE

    def __post_init__(self) -> None:
        try:
            parsed = [part[1:] for part in Formatter().parse(self.template) if part[1] is not None]
        except ValueError as error:
            raise ValueError(f"name {self.template!r}: {error}") from error
        for field, form, conversion in parsed:
            if field not in FIELDS or form or conversion:
                choices = ", ".join(f"{{{name}}}" for name in FIELDS)
                raise ValueError(
                    f"name {self.template!r}: unknown field '{field}'; expected some of {choices}"
                )
        if not self.template.endswith(END):
            raise ValueError(f"name {self.template!r}: must end in {END}")
        self._below(self.template)

    def _below(self, text: str) -> Path:
        path = Path(text)
        if path.is_absolute() or path.drive or path.root or ".." in path.parts or "\0" in text:
            raise ValueError(f"name {text!r}: leads out of the output folder; leave / and .. out")
        return path

    def files(self, mix: Path, out: Path, stems: Sequence[str], ext: str) -> list[Path]:
        """The file of each of `stems`, or of what else is made of a mix.

        Raises:
            ValueError: two of them would be one file, or one leads out of `out`.
        """
        values = {"mix": folder_name(mix), "ext": ext}
        texts = [self.template.format(stem=stem, **values) for stem in stems]
        if len({text.casefold() for text in texts}) < len(texts):
            raise ValueError(
                f"name {self.template!r}: has no {{stem}}, but there are {len(texts)} files"
            )
        return [out / self._below(text) for text in texts]

    def place(self, mix: Path, out: Path) -> Path:
        """Place of the files of a mix: their folder, or the pattern of their names."""
        (path,) = self.files(mix, out, ["<stem>"], "<ext>")
        return path.parent if path.name == "<stem>.<ext>" else path


USUAL = Naming()


def folder_name(path: Path) -> str:
    """A file's name without its suffix, if a folder can be called so: `...wav` would be `..`."""
    return path.stem if path.stem.strip(".") else path.name
