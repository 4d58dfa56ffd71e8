"""What FHIR R4 (4.0.1) and STU3 (3.0.2) say of every type: its elements, in order, with type and cardinality.

The tables in `data/` hold facts of the published definitions; their heads name source and licence, and the
tools that write them stand in `conformance/tools/`.

    >>> types("r4").child("Observation.component", "valueQuantity")
    Element(name='valueQuantity', type='Quantity', many=False, min=0, choice='value')
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal

import orjson

Version = Literal["r4", "stu3"]
# A FHIR document: objects, arrays, strings, booleans, integers and Decimals, as in FHIR JSON.
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """A child as FHIR JSON names it: one variant (`valueQuantity`) of a choice (`value[x]`).

    `type` is a FHIR type (`dateTime`, `Reference`), `Resource` for a contained or entered resource, or a
    path (`Observation.component`) for an element with children of its own; that path is also the type of an
    element whose content is defined there.  `min` of a variant is that of its choice.
    """

    name: str
    type: str
    many: bool
    min: int
    choice: str = ""


class FhirTypes:
    """The types of one FHIR version.  A type is read from its table when it is first asked for."""

    def __init__(self, version: Version, table: dict[str, Any]) -> None:
        self.version: Version = version
        self.release: str = table["fhir"]  # 4.0.1
        self.resources: frozenset[str] = frozenset(table["resources"])
        self.primitives: frozenset[str] = frozenset(table["primitives"])
        self._tables: dict[str, dict[str, Any]] = table["types"]
        self._children: dict[str, dict[str, Element]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tables

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def is_resource(self, name: str) -> bool:
        """True for a resource that can occur, so not for the abstract Resource and DomainResource."""
        return name in self.resources

    def is_primitive(self, name: str) -> bool:
        """True for a type that is a value: a string, number or boolean in JSON, `value="…"` in XML."""
        return name in self.primitives

    def children(self, name: str) -> tuple[Element, ...]:
        """The elements of a type in the order of the standard, those of its base first.

        Raises KeyError when this version has no such type.
        """
        return tuple(self._members(name).values())

    def child(self, path: str, name: str) -> Element | None:
        """The child `name` of a type, or of an element by its path (`Observation.code.coding`)."""
        found = self.type_at(path)
        return self._members(found).get(name) if found else None

    def choices(self, path: str, base: str) -> tuple[Element, ...]:
        """The variants of a choice (`value`: valueQuantity, valueString, …), in order; () if it is none."""
        found = self.type_at(path)
        return tuple(e for e in self._members(found).values() if e.choice == base) if found else ()

    def type_at(self, path: str) -> str | None:
        """The type of what stands at a path from a type: `Observation.code.coding` is a Coding."""
        if path in self._tables:
            return path
        parent, _, name = path.rpartition(".")
        element = self.child(parent, name) if parent else None
        return element.type if element else None

    def lineage(self, name: str) -> tuple[str, ...]:
        """A type and all that it extends: Age, Quantity, Element."""
        base = self._tables[name]["base"]
        return (name, *self.lineage(base)) if base else (name,)

    def own(self, name: str) -> tuple[Element, ...]:
        """The elements that a type adds to its base, in order."""
        return tuple(e for row in self._tables[name]["elements"] for e in read_row(row))

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that an element of this version has."""
        return frozenset(name for table in self._tables for name in self._members(table))

    def _members(self, name: str) -> dict[str, Element]:
        members = self._children.get(name)
        if members is None:
            table = self._tables[name]
            members = dict(self._members(table["base"])) if table["base"] else {}
            members |= {e.name: e for row in table["elements"] for e in read_row(row)}
            self._children[name] = members
        return members


def read_row(row: str) -> list[Element]:
    """The elements of one row: `value[x] 0..1 Quantity|string` gives valueQuantity and valueString."""
    name, cardinality, codes = row.split(" ")
    least, _, most = cardinality.partition("..")
    many, minimum = most != "1", int(least)
    if not name.endswith("[x]"):
        return [Element(name, codes, many, minimum)]
    base = name.removesuffix("[x]")
    return [
        Element(base + code[0].upper() + code[1:], code, many, minimum, base) for code in codes.split("|")
    ]


@cache
def types(version: Version) -> FhirTypes:
    """The types of a version; read once."""
    data = files("gateway.codecs.fhir").joinpath("data", f"{version}.json").read_bytes()
    return FhirTypes(version, orjson.loads(data))


def no_such_resource(name: str, version: Version) -> str:
    """The words for a resource that a version does not have; named only when the other version has it."""
    other = types("stu3" if version == "r4" else "r4")
    text = f"not a resource of FHIR {types(version).release}"
    return f"{text}; {name} is one of FHIR {other.release}" if other.is_resource(name) else text
