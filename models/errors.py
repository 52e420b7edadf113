"""Errors in one line."""


def first_line(error: BaseException) -> str:
    """An exception in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def one_line(error: BaseException) -> str:
    """An error's text with its line breaks folded; its type's name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__
