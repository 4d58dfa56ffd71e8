"""Whether a value agrees with what a profile fixes."""

from __future__ import annotations

from typing import Any


def listed(value: Any) -> list[Any]:
    """A value as a list of values."""
    return value if isinstance(value, list) else [] if value is None else [value]


def agrees(pattern: Any, value: Any) -> bool:
    """True when a value holds all that a pattern holds; a value in a list of the pattern may stand anywhere.

    The pattern is as `elements.content` gives it, the value as in FHIR JSON.
    """
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            any(agrees(each, other) for other in listed(value.get(name)))
            for name, wanted in pattern.items()
            for each in wanted
        )
    return bool(pattern == _text(value))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def codings(value: Any) -> list[tuple[str, str]]:
    """(system, code) of a code, a Coding, a CodeableConcept or a Quantity."""
    if not isinstance(value, dict):
        return [("", str(value))]
    inside = value.get("coding", [value])
    return [(each.get("system", ""), each["code"]) for each in inside if "code" in each]
