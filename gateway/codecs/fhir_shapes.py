"""The element tables, arranged for the XML codec: for each type what may stand in it, by tag and by name.

A shape is built once for each type and version, with the shapes of its children, so that reading and
writing look up one dictionary an element.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from gateway.codecs.fhir_types import Element, FhirTypes, Version, types

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"


# What an element holds; up to DECIMAL it is a `value` attribute.  Plain integers, since they are compared at every
# element and a comparison of enum members costs as much as reading one.
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
    """One element of a shape: `shape` is that of its type, for a primitive that of Element; `beside` is `_name`."""

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

    __slots__ = ("attributes", "by_name", "by_tag", "is_resource", "rank", "type")

    def __init__(self, name: str, *, is_resource: bool) -> None:
        self.type = name
        self.is_resource = is_resource
        self.attributes: tuple[str, ...] = ()
        self.by_tag: dict[object, Slot] = {}
        self.by_name: dict[str, Slot] = {}
        self.rank: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"Shape({self.type!r})"


class Shapes:
    """The shapes of one FHIR version: `resources` by name and by tag."""

    def __init__(self, known: FhirTypes) -> None:
        self.types = known
        self._shapes: dict[str, Shape] = {}

    def resource(self, name: str) -> Shape | None:
        """The shape of a resource; None when this version has none of that name."""
        return self.of(name) if self.types.is_resource(name) else None

    def resource_of(self, node: object) -> Shape | None:
        """The shape of a resource in a tree; None when it is not one of this version."""
        name = node.get("resourceType") if isinstance(node, dict) else None
        return self.resource(name) if isinstance(name, str) else None

    def of(self, name: str) -> Shape:
        """The shape of a type, with those of its children."""
        shape = self._shapes.get(name)
        if shape is None:
            shape = self._shapes[name] = Shape(name, is_resource=self.types.is_resource(name))
            self._fill(shape)
        return shape

    def _fill(self, shape: Shape) -> None:
        if shape.is_resource:
            shape.rank["resourceType"] = -1
        else:
            shape.attributes = ("id", "url") if shape.type == "Extension" else ("id",)
            shape.rank.update(dict.fromkeys(shape.attributes, -1))
        for rank, element in enumerate(self.types.children(shape.type)):
            if element.name not in shape.attributes:
                slot = self._slot(element)
                namespace = XHTML if slot.kind == DIV else FHIR
                shape.by_tag[f"{{{namespace}}}{element.name}"] = slot
                for name in (element.name, "_" + element.name) if slot.kind <= DECIMAL else (element.name,):
                    shape.by_name[name] = slot
                    shape.rank[name] = rank

    def _slot(self, element: Element) -> Slot:
        kind = KINDS.get(element.type)
        if kind is None:
            kind = TEXT if self.types.is_primitive(element.type) else COMPLEX
        content = element.type if kind == COMPLEX else "Element"
        return Slot(element.name, element.many, kind, self.of(content), "_" + element.name)


@cache
def shapes(version: Version) -> Shapes:
    """The shapes of a version."""
    return Shapes(types(version))
