"""Trees of FHIR made from the element tables: valid in structure, meaningless in content."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from gateway.codecs.fhir.elements import Element, Tree, Version, types

# Every character that both XML and FHIR allow in a string.
TEXTS = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\t\n\r"
    ),
    min_size=1,
    max_size=12,
)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).map(
    lambda d: int(d) if is_plain_integer(d) else d
)
DIV = '<div xmlns="http://www.w3.org/1999/xhtml"><p id="a">één &amp; <b>twee</b><br/></p></div>'


def is_plain_integer(value: Decimal) -> bool:
    """Written without point and exponent, so that JSON has an integer."""
    return str(value).lstrip("-").isdigit()


def value_of(code: str) -> st.SearchStrategy[Any]:
    """Values of a primitive type."""
    if code == "boolean":
        return st.booleans()
    if code in ("integer", "positiveInt", "unsignedInt"):
        return st.integers(-(2**31), 2**31 - 1)
    return DECIMALS if code == "decimal" else TEXTS


class Trees:
    """Draws trees of one version."""

    def __init__(self, version: Version, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.types = types(version)
        self.draw = draw

    def resource(self, name: str, room: int) -> Tree:
        """A resource with some of its elements, nested at most `room` deep."""
        return {"resourceType": name} | self.members(name, room)

    def members(self, name: str, room: int) -> Tree:
        """Some of the elements of a type."""
        fitting = [e for e in self.types.children(name) if room or self.types.is_primitive(e.type)]
        chosen = self.draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=4, unique=True))
        node: Tree = {}
        for element in chosen:
            node |= self.member(name, element, room)
        return node

    def member(self, owner: str, element: Element, room: int) -> Tree:
        """One element, and for a primitive now and then its `_x`."""
        name = element.name
        is_attribute = name == "url" if owner == "Extension" else False
        is_attribute |= name == "id" and not self.types.is_resource(owner)
        if element.type == "xhtml":
            return {name: DIV}
        if not self.types.is_primitive(element.type):
            make = self.resource if element.type == "Resource" else self.members
            type_name = "Basic" if element.type == "Resource" else element.type
            made = [
                make(type_name, room - 1) for _ in range(self.draw(st.integers(1, 2)) if element.many else 1)
            ]
            return {name: made if element.many else made[0]}
        if is_attribute or not room or not self.draw(st.booleans()):
            value = self.draw(value_of(element.type))
            return {name: [value] if element.many else value}
        return self.extended(element)

    def extended(self, element: Element) -> Tree:
        """A primitive with an id beside it, or instead of it; in an array padded with null."""
        beside = {"id": self.draw(TEXTS)}
        value = self.draw(st.none() | value_of(element.type))
        if not element.many:
            return {"_" + element.name: beside} | ({element.name: value} if value is not None else {})
        plain = self.draw(value_of(element.type))
        return {element.name: [value, plain], "_" + element.name: [beside, None]}
