"""The values of a resource, as profiles name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.profiles.matching import listed
from gateway.codecs.fhir.elements import Element, FhirTypes

Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an element: its FHIR type, and the object with what stands inside (or beside) it.

    `value` is None where there are only extensions, such as a reason for absence.
    """

    value: Any
    type: str
    inside: Tree


def children(item: Item, types: FhirTypes) -> dict[str, list[Item]]:
    """What stands inside an item by the name of the element; the variants of a choice under `value[x]`."""
    found: dict[str, list[Item]] = {}
    for key, value in item.inside.items():
        element = types.child(item.type, key.removeprefix("_"))
        if element is None or (key.startswith("_") and key[1:] in item.inside):
            continue  # resourceType; extensions of a value are found with the value
        beside = listed(item.inside.get(f"_{element.name}"))
        for i, each in enumerate(listed(value)):
            extra = beside[i] if i < len(beside) else None
            inside = each if isinstance(each, dict) else extra or {}
            kind = inside["resourceType"] if element.type == "Resource" else element.type
            found.setdefault(_name(element), []).append(Item(None if key[0] == "_" else each, kind, inside))
    return found


def required(item: Item, types: FhirTypes) -> list[str]:
    """The elements that FHIR itself requires inside an item."""
    if item.type not in types or not isinstance(item.value, dict):
        return []
    return [_name(each) for each in types.children(item.type) if each.min]


def _name(element: Element) -> str:
    return f"{element.choice}[x]" if element.choice else element.name
