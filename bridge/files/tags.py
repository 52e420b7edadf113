"""Tags of the mix on its stems: title, artist, album and so on, and the cover.

The stems' titles get the stem's name: `Blue Train (drums)`.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# A name of ours, which is that of Vorbis comments; the frame of an ID3 tag; the atom of an MP4.
NAMES = (
    ("title", "TIT2", "\xa9nam"),
    ("artist", "TPE1", "\xa9ART"),
    ("album", "TALB", "\xa9alb"),
    ("albumartist", "TPE2", "aART"),
    ("composer", "TCOM", "\xa9wrt"),
    ("date", "TDRC", "\xa9day"),
    ("genre", "TCON", "\xa9gen"),
    ("tracknumber", "TRCK", "trkn"),
    ("discnumber", "TPOS", "disk"),
    ("bpm", "TBPM", "tmpo"),
    ("isrc", "TSRC", "----:com.apple.iTunes:ISRC"),
    ("copyright", "TCOP", "cprt"),
)
PAIRS = ("trkn", "disk")  # number and count
PICTURE = "metadata_block_picture"
FRONT = 3  # a cover, among the kinds of pictures


@dataclass(frozen=True)
class Tags:
    """Texts by name, and the cover's media type and bytes."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cover: tuple[str, bytes] | None = None

    def of_stem(self, stem: str) -> "Tags":
        """These tags, the stem's name added to the title."""
        titles = tuple(f"{title} ({stem})" for title in self.texts.get("title", ()))
        return Tags({**self.texts, "title": titles} if titles else self.texts, self.cover)


def read_tags(path: Path) -> Tags:
    """Tags of a file; none of those that have none, or none that can be read."""
    import mutagen
    from mutagen.id3 import ID3
    from mutagen.mp4 import MP4Tags

    try:
        file = mutagen.File(path)
    except (mutagen.MutagenError, OSError, ValueError):
        return Tags()
    tags = getattr(file, "tags", None)
    if not tags:
        return _vorbis(file, {})
    if isinstance(tags, ID3):
        return _id3(tags)
    if isinstance(tags, MP4Tags):
        return _mp4(tags)
    return _vorbis(file, tags)


def _id3(tags: Any) -> Tags:
    texts = {name: tuple(map(str, tags[frame].text)) for name, frame, _ in NAMES if frame in tags}
    pictures = sorted(tags.getall("APIC"), key=lambda picture: picture.type != FRONT)
    return Tags(texts, (pictures[0].mime, pictures[0].data) if pictures else None)


def _mp4(tags: Any) -> Tags:
    texts = {name: tuple(map(_mp4_text, tags[atom])) for name, _, atom in NAMES if atom in tags}
    covers: list[Any] = tags.get("covr") or []
    for cover in covers[:1]:
        kind = "png" if cover.imageformat == cover.FORMAT_PNG else "jpeg"
        return Tags(texts, (f"image/{kind}", bytes(cover)))
    return Tags(texts)


def _mp4_text(value: Any) -> str:
    if isinstance(value, tuple):  # a number and a count, 0 for unknown
        return "/".join(str(number) for number in value if number)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _vorbis(file: Any, tags: Any) -> Tags:
    from mutagen.flac import Picture

    pictures = [*getattr(file, "pictures", ())]
    for text in tags.get(PICTURE, ()) if tags else ():
        pictures.append(Picture(base64.b64decode(text)))
    pictures.sort(key=lambda picture: picture.type != FRONT)
    texts = {name: tuple(tags[name]) for name, _, _ in NAMES if tags and name in tags}
    return Tags(texts, (pictures[0].mime, pictures[0].data) if pictures else None)


def write_tags(path: Path, file_format: str, tags: Tags) -> None:
    """Add tags to a complete file; an RF64 keeps none.

    Args:
        path: the file, whatever it is called.
        file_format: wav, flac, m4a, mp3 or opus.
        tags: nothing is done for none.

    Raises:
        OSError: the disk is full, or fails; the file may be broken now.
    """
    import mutagen

    if (not tags.texts and tags.cover is None) or _is_rf64(path):
        return
    try:
        {"flac": _to_flac, "opus": _to_opus, "m4a": _to_mp4}.get(file_format, _to_id3)(path, tags)
    except mutagen.MutagenError as error:
        raise OSError(f"{path}: tags cannot be written ({error}); leave them out") from error


def _is_rf64(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"RF64"


def _to_id3(path: Path, tags: Tags) -> None:
    from mutagen import id3
    from mutagen.mp3 import MP3
    from mutagen.wave import WAVE

    with path.open("rb") as head:
        file: Any = (WAVE if head.read(4) == b"RIFF" else MP3)(path)
    if file.tags is None:
        file.add_tags()
    for name, frame, _ in NAMES:
        if name in tags.texts:
            file.tags.add(getattr(id3, frame)(encoding=3, text=list(tags.texts[name])))
    if tags.cover:
        mime, content = tags.cover
        file.tags.add(id3.APIC(encoding=3, mime=mime, type=FRONT, data=content))
    file.save()


def _to_mp4(path: Path, tags: Tags) -> None:
    from mutagen.mp4 import MP4, MP4Cover

    file: Any = MP4(path)
    if file.tags is None:
        file.add_tags()
    for name, _, atom in NAMES:
        values = [_mp4_value(atom, text) for text in tags.texts.get(name, ())]
        if values and None not in values:
            file.tags[atom] = values
    if tags.cover:
        mime, content = tags.cover
        kind = MP4Cover.FORMAT_PNG if mime == "image/png" else MP4Cover.FORMAT_JPEG
        file.tags["covr"] = [MP4Cover(content, kind)]
    file.save()


def _mp4_value(atom: str, text: str) -> Any:
    """A text as its atom wants it, None if it cannot be that."""
    if atom in PAIRS:
        numbers = [int(part) if part.isdecimal() else 0 for part in text.split("/")]
        return (*numbers, 0)[:2]
    if atom == "tmpo":
        number = text.partition(".")[0]
        return int(number) if number.isdecimal() and int(number) < 2**16 else None
    return text.encode() if atom.startswith("----") else text


def _to_flac(path: Path, tags: Tags) -> None:
    from mutagen.flac import FLAC

    file: Any = FLAC(path)
    if file.tags is None:
        file.add_tags()
    file.update({name: list(values) for name, values in tags.texts.items()})
    if tags.cover:
        file.add_picture(_picture(*tags.cover))
    file.save()


def _to_opus(path: Path, tags: Tags) -> None:
    from mutagen.oggopus import OggOpus

    file: Any = OggOpus(path)
    file.update({name: list(values) for name, values in tags.texts.items()})
    if tags.cover:
        file[PICTURE] = [base64.b64encode(_picture(*tags.cover).write()).decode("ascii")]
    file.save()


def _picture(mime: str, content: bytes) -> Any:
    from mutagen.flac import Picture

    picture: Any = Picture()
    picture.type, picture.mime, picture.data = FRONT, mime, content
    return picture
