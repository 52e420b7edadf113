"""Published configurations, translated into ours."""

from collections.abc import Collection, Mapping
from typing import Any


def published_options(
    section: str,
    params: Mapping[str, Any],
    names: Mapping[str, str],
    without_effect: Collection[str] = (),
    fixed: Mapping[str, Collection[Any]] | None = None,
) -> dict[str, Any]:
    """Translate a section of a published configuration into keywords of one of our dataclasses.

    Args:
        section: its name, for the error.
        params: published key to value.
        names: published key to our field.
        without_effect: keys that are accepted and dropped.
        fixed: keys that we have no field for, each with the values that we support.

    Raises:
        ValueError: a key is unknown, or the value of a fixed one is not supported.
    """
    fixed = fixed or {}
    expected = sorted({*names, *without_effect, *fixed})
    if unknown := sorted(set(params) - set(expected)):
        raise ValueError(
            f"{section}: unknown key {', '.join(map(repr, unknown))}; "
            f"expected one of {', '.join(expected)}"
        )
    for key, choices in fixed.items():
        if key in params and params[key] not in choices:
            allowed = ", ".join(map(str, choices))
            raise ValueError(f"{section}: {key} must be one of {allowed}, got {params[key]!r}")
    return {field: params[key] for key, field in names.items() if key in params}
