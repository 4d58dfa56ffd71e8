"""Which parameters a resource type can be searched by, per FHIR version; the tables stand in `data/`.

`conformance/tools/fhir_search_parameters.py` writes them and says how a row reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from gateway.codecs.fhir.codes import bound
from gateway.codecs.fhir.elements import FhirTypes, Version, types
from gateway.exchange.search.paths import Extract, extractor, plain

TESTED_TYPES = """
    token      CodeableConcept Coding Identifier ContactPoint boolean code string uri id oid
    reference  Reference canonical uri
    date       date dateTime instant Period Timing
    string     string markdown HumanName Address
    quantity   Quantity Age Duration Count Money SimpleQuantity Distance
    number     integer decimal positiveInt unsignedInt
    uri        uri url canonical oid uuid
"""
ELEMENT_TYPES: Mapping[str, frozenset[str]] = {
    name: frozenset(kinds) for name, *kinds in map(str.split, TESTED_TYPES.strip().splitlines())
}
"""Parameter types, and the types of element that each can test (FHIR R4 search.html, §parameter types)."""

ROW = re.compile(r"(\w+)(?:([:=])(\S+))? (.*)")


class Element(NamedTuple):
    """An element that a parameter looks at: its path, its FHIR type and how to get its values."""

    path: str
    type: str
    values: Extract


@dataclass(frozen=True, slots=True)
class Definition:
    """A search parameter of one resource type.

    `targets` are the types that it refers to; with `narrow` no other reference counts.  A composite has
    `parts`, each in what its single element holds.
    """

    name: str
    type: str
    elements: tuple[Element, ...]
    targets: frozenset[str] = frozenset()
    narrow: bool = False
    parts: tuple[Definition, ...] = ()

    def values(self, node: Any) -> Iterator[tuple[str, Any]]:
        """Every value that a resource has for it, with its FHIR type."""
        for element in self.elements:
            for value in element.values(node):
                yield element.type, value


class Definitions:
    """The search parameters of one FHIR version.  A resource type is read when it is first asked for."""

    def __init__(self, version: FhirTypes, table: Mapping[str, Any]) -> None:
        self._types, self._rows, self._summaries = version, table["parameters"], table["summaries"]
        self._read: dict[str, dict[str, Definition]] = {}

    def of(self, kind: str) -> Mapping[str, Definition]:
        """The parameters of a resource type by name: its own, sorted, after those of every resource."""
        found = self._read.get(kind)
        if found is None:
            rows = self._rows["Resource"] | self._rows.get(kind, {})
            found = {name: _definition(kind, name, rows[name], self._types) for name in rows}
            self._read[kind] = found
        return found

    def summary(self, kind: str) -> frozenset[str]:
        """The elements of a summary; a choice by its base, `value` for `valueQuantity`."""
        return frozenset(self._summaries[kind].split())


@cache
def definitions(version: Version) -> Definitions:
    """The search parameters of a version; read once."""
    data = files("gateway.exchange.search").joinpath("data", f"{version}.json").read_bytes()
    return Definitions(types(version), orjson.loads(data))


def _definition(kind: str, name: str, row: str, version: FhirTypes) -> Definition:
    found = ROW.fullmatch(row)
    if found is None:
        raise ValueError(f"{kind}: the row of {name} does not read")
    type_name, mark, targets, rest = found.groups()
    paths = rest.split()
    if type_name == "composite":
        base = kind if paths[0] == "." else f"{kind}.{plain(paths[0])}"
        parts = tuple(_definition(base, name, part.replace("/", " ", 1), version) for part in paths[1:])
        return Definition(name, type_name, (_element(kind, paths[0], version),), parts=parts)
    elements = tuple(_element(kind, path, version) for path in paths)
    return Definition(name, type_name, elements, frozenset((targets or "").split(",")) - {""}, mark == "=")


def _element(kind: str, path: str, version: FhirTypes) -> Element:
    whole = kind if path == "." else f"{kind}.{plain(path)}"
    at = version.type_at(whole)
    if at is None:
        raise ValueError(f"{kind} has no element {path}")
    values = extractor(path)
    return Element(path, at, _coded(values, whole, version) if at == "code" else values)


def _coded(values: Extract, path: str, version: FhirTypes) -> Extract:
    """The codes at a path, by themselves and in the system that their binding implies (search.html#token)."""
    owner, _, name = path.rpartition(".")
    allowed = bound(version.version, f"{version.type_at(owner)}.{name}")
    systems = {code: system for system, code in allowed.codings} if allowed else {}

    def both(node: Any) -> list[Any]:
        codes = values(node)
        return [*codes, *({"system": systems[code], "code": code} for code in codes if code in systems)]

    return both
