"""The codes that an element of base FHIR may have: its required bindings, R4 (4.0.1) and STU3 (3.0.2).

The tables in `data/` hold facts of the published definitions; their heads name source and licence, and
`conformance/tools/fhir_codes.py` writes them.  An element that is bound to an open set has no row.

    >>> bound("r4", "Encounter.location.status").codes
    frozenset({'planned', 'active', 'reserved', 'completed'})
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from gateway.codecs.fhir.elements import Version

MOST_TOLD: Final = 12
"""Codes of a set that a text names all of."""


@dataclass(frozen=True, slots=True)
class CodeSet:
    """A value set: its name, and its codes, as pairs with their system and by themselves."""

    name: str
    codings: frozenset[tuple[str, str]]
    codes: frozenset[str]

    @property
    def words(self) -> str:
        """What is expected, for people: the codes, or the name of a set that has many."""
        if len(self.codes) > MOST_TOLD:
            return f"a code of {self.name}"
        return f"one of {', '.join(sorted(self.codes))}"


def bound(version: Version, path: str) -> CodeSet | None:
    """The codes that an element of a type may have, by the path that defines it; None when not bound."""
    name = table(version)["bindings"].get(path)
    return code_set(version, name) if name else None


@cache
def code_set(version: Version, name: str) -> CodeSet:
    """The value set of a name.  Raises KeyError when the table has none of it."""
    systems: dict[str, list[str]] = table(version)["sets"][name]
    codings = frozenset((system, code) for system, codes in systems.items() for code in codes)
    return CodeSet(name, codings, frozenset(code for _, code in codings))


@cache
def table(version: Version) -> dict[str, Any]:
    """The table of a version; read once."""
    data = files("gateway.codecs.fhir").joinpath("data", f"{version}-codes.json").read_bytes()
    found: dict[str, Any] = orjson.loads(data)
    return found
