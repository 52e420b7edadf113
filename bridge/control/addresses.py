"""Addresses and values of the control tree: their types, patterns, how a parameter is addressed."""

import re
from collections.abc import Callable
from functools import lru_cache

Arg = int | float | str | bytes | bool | None
Args = tuple[Arg, ...]
LONGEST_ADDRESS = 1000  # bytes
MOST_CHOICES = 3  # of * and { in one part of a pattern; each makes it slower to match
SPECIAL = re.compile(r"[*?\[\]{}]")


@lru_cache(maxsize=256)
def pattern(address: str) -> Callable[[str], bool]:
    """Compile an OSC address pattern: ? and * within a part, [a-c], [!abc], {a,b}.

    Raises:
        ValueError: brackets or braces do not match, or it is so long that matching would take long.
    """
    if len(address) > LONGEST_ADDRESS:
        raise ValueError(f"a pattern of more than {LONGEST_ADDRESS} letters")
    parts = [_part(address, re.sub(r"\*+", "*", part)) for part in address.split("/")]

    def matches(name: str) -> bool:
        names = name.split("/")
        return len(names) == len(parts) and all(
            part.fullmatch(name) for part, name in zip(parts, names, strict=True)
        )

    return matches


def _part(address: str, part: str) -> re.Pattern[str]:
    """Compile one part of a pattern."""
    if part.count("*") + part.count("{") > MOST_CHOICES:
        raise ValueError(f"{address}: more than {MOST_CHOICES} of * and {{ between two /")
    out, at = [], 0
    while at < len(part):
        letter = part[at]
        at += 1
        if letter in "*?":
            out.append(".*" if letter == "*" else ".")
        elif letter in "[{":
            end = part.find("]" if letter == "[" else "}", at)
            inside = part[at:end]
            if end < 0 or not inside.strip("!"):
                raise ValueError(f"{address}: a {letter} without its end")
            at = end + 1
            if letter == "{":
                choices = dict.fromkeys(map(re.escape, inside.split(",")))
                out.append(f"(?:{'|'.join(choices)})")
            else:
                negated = "^" if inside.startswith("!") else ""
                chosen = re.escape(inside.removeprefix("!"))
                chosen = re.sub(r"(?<=\w)\\-(?=\w)", "-", chosen)  # a range
                out.append(f"[{negated}{chosen}]")
        elif letter in "]}":
            raise ValueError(f"{address}: a {letter} without its beginning")
        else:
            out.append(re.escape(letter))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error as error:
        raise ValueError(f"{address}: {error}") from error


ROOT = "/restem"
FURTHER = re.compile(rf"{ROOT}/\d+(?=/)")  # root of a further session, beside the first


def parameter_address(name: str, strip: str | None) -> str:
    """Address of a parameter.

    >>> parameter_address("gain_db", "vocals"), parameter_address("bypass", None)
    ('/restem/stem/vocals/gain_db', '/restem/bypass')
    """
    return f"{ROOT}/{name}" if strip is None else f"{ROOT}/stem/{strip}/{name}"
