"""What a source states about a zib concept, and how statements of several sources become one.

Nothing here knows a file format: `zib_structures`, `zib_tables` and `zib_instances` read one kind of
source each, `read_fhir_package` merges what they found and writes `zib_profiles/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

PREFIX = "NL-CM:"
PARTIALS = frozenset(
    {
        "NameInformation",
        "AddressInformation",
        "ContactInformation",
        "AnatomicalLocation",
        "TimeInterval",
        "Range",
        "InstructionsForUse",
    }
)


@dataclass(slots=True)
class Fact:
    """One source's statement about one concept; empty fields are not stated.

    `parent` is the id of the concept around it; `values` a value set (URL, or name when the source
    knows no URL); `aliases` are names from which the Dutch one is chosen, `aka` other names in use.
    """

    id: str
    name: str = ""
    nl: str = ""
    type: str = ""
    card: str = ""
    targets: tuple[str, ...] = ()
    values: str = ""
    parent: str = ""
    source: str = ""
    aliases: tuple[str, ...] = ()
    aka: tuple[str, ...] = ()


@dataclass(slots=True)
class Zib:
    """A building block and everything that is stated about its concepts."""

    prefix: str
    name: str = ""
    nl: str = ""
    version: str = ""
    facts: dict[str, Fact] = field(default_factory=dict)
    hand_written: bool = False


def prefix_of(concept: str) -> str:
    """`NL-CM:12.4` of `NL-CM:12.4.2`."""
    return concept.rpartition(".")[0]


def sort_key(concept: str) -> tuple[int, ...]:
    """Numeric order of concept ids."""
    return tuple(int(part) for part in re.findall(r"\d+", concept))


def normal(name: str) -> str:
    """A name as it is compared: letters and digits only, lower case, accents as in the ADA element."""
    plain = name.translate(str.maketrans("ëéèïöüáàâ", "eeeiouaaa"))
    return re.sub(r"[^a-z0-9]", "", plain.lower())


def merge(stated: Iterable[Fact]) -> dict[str, Fact]:
    """One fact a concept: of each field the first statement counts."""
    merged: dict[str, Fact] = {}
    for fact in stated:
        known = merged.get(fact.id)
        if known is None:
            merged[fact.id] = Fact(**{f.name: getattr(fact, f.name) for f in fields(Fact)})
            continue
        for f in fields(Fact):
            if not getattr(known, f.name):
                setattr(known, f.name, getattr(fact, f.name))
    return merged
