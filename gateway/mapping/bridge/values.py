"""Conversions of single values between two releases: into words, behind a label, by a concept map.

A conversion gives the value of the other release, with the number of the original, or None when there
is none.  Its docstring is what `zibpoort mapping show-code` says of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.blocks.values import (
    Absent,
    Blob,
    Boolean,
    Code,
    Identifier,
    Integer,
    Moment,
    Quantity,
    Ref,
    Text,
)
from gateway.terminology.conceptmaps import ConceptMap

Conversion = Callable[[Any], Any]
_YES_NO = {True: "ja", False: "nee"}


def in_words(value: Any) -> str:
    """What a value says to a person, in Dutch; empty for what cannot be said in a line."""
    match value:
        case Text():
            return value.value
        case Code():
            return value.text or value.display or value.code
        case Boolean():
            return _YES_NO[value.value]
        case Quantity():
            return f"{value.comparator}{value.value} {value.unit or value.code}".rstrip()
        case Moment() | Integer() | Identifier():
            return str(value.value)
        case Ref():
            return value.display
        case Absent() | Blob() | dict():
            return ""
    raise TypeError(type(value))


def to_text(value: Any) -> Any:
    """in words"""
    if type(value) in (Text, Absent):
        return value
    words = in_words(value)
    return Text(words, value.at) if words else None


def labelled(label: str, forward: bool) -> Conversion:
    """A text behind a label, or without it on the way back."""

    def add(value: Any) -> Any:
        return Text(f"{label}: {value.value}", value.at) if type(value) is Text else value

    def remove(value: Any) -> Any:
        return Text(value.value.removeprefix(f"{label}: "), value.at) if type(value) is Text else value

    made = add if forward else remove
    made.__doc__ = f"{'behind' if forward else 'without'} '{label}: '"
    return made


def recoded(found: ConceptMap, forward: bool, source: str, target: str) -> Conversion:
    """A conversion by a concept map between releases, whose targets are systems of the zibs by OID.

    A code that the map does not know goes along as it is, where a code may stand; one that it knows
    and cannot translate has no value.  What is not quite the same keeps its words as text.
    """

    def convert(value: Any) -> Any:
        if type(value) is Absent:
            return value
        coded = Code(str(value.value).lower(), "") if type(value) is Boolean else value
        if type(coded) is not Code:
            return None
        made, exact, known = _look_up(found, coded, forward)
        if made is None:
            return value if source == target == "code" and not known else None
        if target == "boolean":
            return Boolean(made.code == "true", value.at)
        words = coded.text if exact else coded.text or coded.display
        return Code(made.code, made.system, made.display, "", words, value.at)

    convert.__doc__ = f"by the concept map {found.name}"
    return convert


def _look_up(found: ConceptMap, code: Code, forward: bool) -> tuple[Code | None, bool, bool]:
    """The other code, whether it says the same, and whether the map has a row for this one."""
    if forward:  # such a map is the same for both versions of FHIR
        target = found.forward(code.code, code.system, "r4")
        known = found.knows(code.code, code.system, "r4")
        made = Code(target.code, target.system, target.display) if target else None
        return made, target is None or target.exact, known
    source = found.back(code.code, "r4", code.system)
    if source is None:
        return None, True, False
    return Code(source.code, source.system), source.equivalence in ("equal", "equivalent"), True
