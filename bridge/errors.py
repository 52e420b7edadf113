"""Errors as users read them."""

from pathlib import Path

from restem.models.errors import one_line


def describe_error(error: Exception, mix: Path | None = None) -> str:
    """One line; errors that are no bad input say where they happened and how to learn more."""
    text = one_line(error)
    if isinstance(error, ValueError | OSError):
        return text
    place = f"{mix}: " if mix else ""
    if type(error).__name__ == "OutOfMemoryError":
        return f"{place}the GPU's memory is full; ask for fewer --stems or --device cpu"
    kind = type(error).__name__
    described = kind if text == kind else f"{kind}: {text}"
    return f"{place}{described} (--debug shows where)"
