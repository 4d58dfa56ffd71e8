"""The table of elements of a FHIR version, as `gateway.codecs.fhir.elements` reads it.

One JSON file a version, one type a line: its base, and its own elements in the order of the standard.
An element is a line of text, `name min..max type`, as the tables of the specification have it:

    "Observation.component": {"base": "BackboneElement", "elements": ["code 1..1 CodeableConcept",
        "value[x] 0..1 Quantity|string", "referenceRange 0..* Observation.referenceRange"]}

A child with children of its own has its path as type; so has a child whose content is defined elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ABSTRACT_RESOURCES = frozenset({"Resource", "DomainResource"})


@dataclass(frozen=True, slots=True)
class Row:
    """One element: `name` ends in `[x]` when it is a choice, `maximum` is `1` or `*`."""

    name: str
    minimum: int
    maximum: str
    types: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.minimum}..{self.maximum} {'|'.join(self.types)}"


@dataclass(frozen=True, slots=True)
class TypeTable:
    """A resource, datatype or backbone element: the type that it extends, and the elements that it adds."""

    base: str
    rows: Sequence[Row] = field(default_factory=tuple)


def write_tables(
    target: Path,
    *,
    fhir: str,
    source: str,
    licence: str,
    primitives: Sequence[str],
    resources: Sequence[str],
    types: Mapping[str, TypeTable],
) -> None:
    """Write the file, sorted by name, so that the same source gives the same bytes."""
    check_references(types)
    head = {
        "fhir": fhir,
        "source": source,
        "licence": licence,
        "primitives": sorted(primitives),
        "resources": sorted(set(resources) - ABSTRACT_RESOURCES),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    lines.append('"types": {')
    tables = [
        f"{json.dumps(name)}: {json.dumps({'base': table.base, 'elements': list(map(str, table.rows))})}"
        for name, table in sorted(types.items())
    ]
    target.write_text("{\n" + "\n".join(lines) + "\n" + ",\n".join(tables) + "\n}\n}\n", encoding="utf-8")


def check_references(types: Mapping[str, TypeTable]) -> None:
    """Raise ValueError when a base or the type of an element has no table of its own."""
    named = {table.base for table in types.values() if table.base}
    named |= {code for table in types.values() for row in table.rows for code in row.types}
    if missing := sorted(named - types.keys()):
        raise ValueError(f"no table for {', '.join(missing)}")
