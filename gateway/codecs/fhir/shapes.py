"""The element tables, arranged for the XML codec: for each type what may stand in it, by tag and by name.

With them, reading and writing look up one dictionary an element.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from gateway.codecs.fhir.elements import Element, FhirTypes, Version, types

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"

# What an element holds; up to DECIMAL it is a `value` attribute.  Plain integers, since they are
# compared at every element: looking up the member of an enum costs as much as reading one.
TEXT: Final = 0
BOOLEAN: Final = 1
INTEGER: Final = 2
DECIMAL: Final = 3
COMPLEX: Final = 4
RESOURCE: Final = 5
DIV: Final = 6

KINDS: Final = {
    "boolean": BOOLEAN,
    "decimal": DECIMAL,
    "integer": INTEGER,
    "positiveInt": INTEGER,
    "unsignedInt": INTEGER,
    "Resource": RESOURCE,
    "xhtml": DIV,
}


class Slot(NamedTuple):
    """One element of a shape.  `shape` is that of its type, for a primitive that of Element; `beside` is
    the name of its id and extensions in JSON, `_name`.
    """

    name: str
    many: bool
    kind: int
    shape: Shape
    beside: str


class Shape:
    """The elements of one type.

    `attributes` are the elements that XML writes as attributes: `id` of everything that is no resource, and
    `Extension.url` (xml.html).  `rank` orders the names of a tree, `_x` beside `x`; what is no child is -1.
    """

    __slots__ = ("attributes", "by_name", "by_tag", "rank", "type")

    def __init__(self, name: str, *, is_resource: bool) -> None:
        self.type = name
        self.attributes: tuple[str, ...] = ("id", "url") if name == "Extension" else ("id",)
        if is_resource:
            self.attributes = ()
        self.by_tag: dict[object, Slot] = {}
        self.by_name: dict[str, Slot] = {}
        self.rank = dict.fromkeys(("resourceType",) if is_resource else self.attributes, -1)

    def add(self, rank: int, slot: Slot) -> None:
        """Make room for an element, at its place in the order of the standard."""
        namespace = XHTML if slot.kind == DIV else FHIR
        self.by_tag[f"{{{namespace}}}{slot.name}"] = slot
        for name in (slot.name, slot.beside) if slot.kind <= DECIMAL else (slot.name,):
            self.by_name[name] = slot
            self.rank[name] = rank


class Shapes:
    """The shapes of one FHIR version.  All are made at once: they refer to each other, in circles."""

    def __init__(self, known: FhirTypes) -> None:
        self.types = known
        self._shapes = {name: Shape(name, is_resource=known.is_resource(name)) for name in known}
        for name, shape in self._shapes.items():
            for rank, element in enumerate(known.children(name)):
                if element.name not in shape.attributes:
                    shape.add(rank, self._slot(element))

    def resource(self, name: str) -> Shape | None:
        """The shape of a resource; None when this version has none of that name."""
        return self._shapes[name] if self.types.is_resource(name) else None

    def resource_of(self, node: object) -> Shape | None:
        """The shape of a resource in a tree; None when it is not one of this version."""
        name = node.get("resourceType") if isinstance(node, dict) else None
        return self.resource(name) if isinstance(name, str) else None

    def _slot(self, element: Element) -> Slot:
        kind = KINDS.get(element.type)
        if kind is None:
            kind = TEXT if self.types.is_primitive(element.type) else COMPLEX
        content = element.type if kind == COMPLEX else "Element"
        return Slot(element.name, element.many, kind, self._shapes[content], "_" + element.name)


@cache
def shapes(version: Version) -> Shapes:
    """The shapes of a version; some 40 ms when first asked for."""
    return Shapes(types(version))
