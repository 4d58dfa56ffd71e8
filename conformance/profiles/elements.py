"""What a profile says of its elements, as a tree; a profile says it on top of the one it derives from.

Source: ElementDefinition and §5.1 Profiling, of FHIR R4 (https://hl7.org/fhir/R4/elementdefinition.html) and
STU3 (https://hl7.org/fhir/STU3/elementdefinition.html), where each target has a type of its own, a binding
refers to its value set, and one type of a choice may stand under its own name.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from gateway.codecs.fhir.elements import Element, FhirTypes

FHIR = "{http://hl7.org/fhir}"


@dataclass(slots=True)
class Kind:
    """One type that an element may have: profiles of the type, and profiles of what it refers to."""

    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(slots=True)
class Node:
    """An element, or a slice of one.  None or empty: this profile does not say."""

    min: int | None = None
    max: str | None = None
    kinds: dict[str, Kind] = field(default_factory=dict)
    fixed: Any = None
    pattern: Any = None
    required: str = ""
    """The value set that the codes must come from."""
    discriminators: tuple[tuple[str, str], ...] = ()
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    def at(self, identifier: str, types: FhirTypes) -> Node:
        """The element with that id (`Observation.component:systolic.value[x]`), made when it is new."""
        kind, *segments = identifier.split(".")
        node = self
        for segment in segments:
            name, _, part = segment.partition(":")
            element = types.child(kind, name) or types.child(kind, part)
            if element is not None and element.choice:
                node, kind = node._variant(element, name, part), element.type
                continue
            node = node.children.setdefault(name, Node())
            kind = element.type if element is not None else ""
            if part:
                node = node.slices.setdefault(part, Node())
        return node

    def _variant(self, element: Element, name: str, part: str) -> Node:
        """One type of a choice, which is a slice by that type."""
        choice = self.children.setdefault(f"{element.choice}[x]", Node())
        choice.discriminators = choice.discriminators or (("type", "$this"),)
        return choice.slices.setdefault(part or name, Node(kinds={element.type: Kind()}))


def derived(base: Node | None, differential: etree._Element, types: FhirTypes) -> Node:
    """The tree of a profile: that of its base, changed by its differential."""
    root = deepcopy(base) if base else Node()
    for element in differential.iterfind(f"{FHIR}element"):
        _apply(root.at(element.get("id", ""), types), element)
    return root


def _apply(node: Node, element: etree._Element) -> None:
    for child in _children(element):
        name = _name(child)
        if name == "min":
            node.min = int(child.get("value", "0"))
        elif name == "max":
            node.max = child.get("value")
        elif name == "binding":
            node.required = _required(child)
        elif name == "slicing":
            node.discriminators = tuple(_discriminators(child))
        elif name.startswith("fixed"):
            node.fixed = content(child)
        elif name.startswith("pattern"):
            node.pattern = content(child)
    if kinds := _kinds(element):
        node.kinds = kinds


def _kinds(element: etree._Element) -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for each in element.iterfind(f"{FHIR}type"):
        known = found.get(value(each, "code"), Kind())
        found[value(each, "code")] = Kind(
            (*known.profiles, *_values(each, "profile")), (*known.targets, *_values(each, "targetProfile"))
        )
    return found


def _required(binding: etree._Element) -> str:
    named = [value(binding, "valueSet"), value(binding, "valueSetUri")]
    named += [value(each, "reference") for each in binding.iterfind(f"{FHIR}valueSetReference")]
    url = next(filter(None, named), "").partition("|")[0]
    return url if value(binding, "strength") == "required" else ""


def _discriminators(slicing: etree._Element) -> Iterator[tuple[str, str]]:
    for each in slicing.iterfind(f"{FHIR}discriminator"):
        yield value(each, "type"), value(each, "path")


def content(element: etree._Element) -> Any:
    """A value in XML as text, or as an object of lists."""
    found: dict[str, list[Any]] = {}
    for child in _children(element):
        found.setdefault(_name(child), []).append(content(child))
    return found or element.get("value")


def value(element: etree._Element, name: str) -> str:
    """The value of a child; empty when there is none."""
    return next(_values(element, name), "")


def _values(element: etree._Element, name: str) -> Iterator[str]:
    for child in element.iterfind(FHIR + name):
        yield child.get("value", "")


def _children(element: etree._Element) -> Iterator[etree._Element]:
    yield from element.iterchildren(tag=etree.Element)


def _name(element: etree._Element) -> str:
    return str(element.tag).removeprefix(FHIR)
