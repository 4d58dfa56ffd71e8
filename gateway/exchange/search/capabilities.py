"""What can be searched, for a CapabilityStatement: made from the tables that do the searching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.codecs.fhir.elements import Version
from gateway.exchange.search.definitions import Definition, Definitions, definitions

OPERATIONS = {
    "Observation": ("lastn",),
    "Patient": ("everything",),
    "Composition": ("document",),
}
"""The operations on a resource type; their definitions are those of the standard."""


def searchable(kind: str, version: Version, served: Sequence[str]) -> dict[str, Any]:
    """`searchParam`, `searchInclude` and `searchRevInclude` of a resource type, among the types served."""
    known = definitions(version)
    found: dict[str, Any] = {
        "searchParam": [
            {"name": each.name, "type": each.type, "documentation": _documentation(each)}
            for each in known.of(kind).values()
        ],
        "searchInclude": [
            f"{kind}:{each.name}" for each in known.of(kind).values() if each.type == "reference"
        ],
        "searchRevInclude": _reverse(kind, known, served),
    }
    return {name: rows for name, rows in found.items() if rows}


def operations_of(kind: str, version: Version) -> list[dict[str, Any]]:
    """The operations of a resource type, as the version writes them: a Reference in STU3."""
    base = "http://hl7.org/fhir/OperationDefinition"
    rows = [(name, f"{base}/{kind}-{name}") for name in OPERATIONS.get(kind, ())]
    rows.append(("validate", f"{base}/Resource-validate"))
    if version == "stu3":
        return [{"name": name, "definition": {"reference": url}} for name, url in rows]
    return [{"name": name, "definition": url} for name, url in rows]


def _reverse(kind: str, known: Definitions, served: Sequence[str]) -> list[str]:
    return [
        f"{other}:{each.name}"
        for other in served
        for each in known.of(other).values()
        if each.type == "reference" and (kind in each.targets or not each.targets)
    ]


def _documentation(definition: Definition) -> str:
    """The elements that it looks at, such as `effectiveDateTime, effectivePeriod`."""
    text = ", ".join(element.path for element in definition.elements)
    if definition.parts:
        inner = " and ".join(_documentation(part) for part in definition.parts)
        return inner if text == "." else f"{inner} of the same {text}"
    return text
