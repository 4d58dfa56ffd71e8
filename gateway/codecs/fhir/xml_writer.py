"""The tree of FHIR JSON to FHIR XML, as text, elements in the order of the standard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Final, NoReturn

from gateway.codecs.fhir.elements import Tree, no_such_resource
from gateway.codecs.fhir.shapes import (
    BOOLEAN,
    COMPLEX,
    DECIMAL,
    FHIR,
    INTEGER,
    RESOURCE,
    TEXT,
    Shape,
    Shapes,
    Slot,
)
from gateway.codecs.narrative import read_narrative
from gateway.codecs.numbers import format_decimal
from gateway.errors import ContentError, Issue

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>'
# What XML 1.0 §2.2 does not allow at all, and what an attribute must not hold as it is.  The second is
# ASCII only, which a regular expression finds many times faster.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SPECIAL = re.compile('[\x00-\x1f&<>"]')
ESCAPES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}
)
EXPECTED: Final = {TEXT: "a string", BOOLEAN: "true or false", INTEGER: "an integer", DECIMAL: "a number"}


class _MisfitError(Exception):
    """What this version of FHIR, or XML, cannot hold; `place` is the path to it."""

    def __init__(self, text: str, place: str = "") -> None:
        super().__init__(text)
        self.place = place

    def under(self, step: str) -> None:
        """Put a step, a name or `[index]`, before the path."""
        joint = "." if self.place and not self.place.startswith("[") else ""
        self.place = step + joint + self.place


def write_document(tree: Tree, known: Shapes) -> bytes:
    """The document of a resource.  Raises ContentError with the path to what does not fit."""
    writer = _Writer(known)
    try:
        writer.resource(tree, f' xmlns="{FHIR}"')
    except _MisfitError as misfit:
        misfit.under(str(tree.get("resourceType")) if known.resource_of(tree) else "resourceType")
        raise ContentError(Issue("error", "structure", str(misfit), place=misfit.place)) from None
    return (DECLARATION + "".join(writer.parts)).encode("utf-8")


class _Writer:
    """One tree on its way to text."""

    def __init__(self, known: Shapes) -> None:
        self.known = known
        self.parts: list[str] = []

    def resource(self, node: Any, attributes: str = "") -> None:
        """A resource, as an element of its own name."""
        shape = self.known.resource_of(node)
        if shape is None:
            name = node.get("resourceType") if isinstance(node, dict) else ""
            raise _MisfitError(no_such_resource(str(name), self.known.types.version))
        self.parts.append(f"<{shape.type}{attributes}>")
        self.children(node, shape)
        self.parts.append(f"</{shape.type}>")

    def children(self, node: Tree, shape: Shape) -> None:
        """Every member of an object that is an element in XML."""
        rank, by_name = shape.rank, shape.by_name
        try:
            names = sorted(node, key=rank.__getitem__)
        except KeyError:
            self.refuse_unknown(node, shape)
        name = ""
        try:
            for name in names:
                if rank[name] >= 0:
                    self.member(node, name, by_name[name])
        except _MisfitError as misfit:
            misfit.under(name)
            raise

    def member(self, node: Tree, name: str, slot: Slot) -> None:
        """The elements of one member; `x` and `_x` together, when the first of them comes by."""
        _, many, kind, _, beside = slot
        if kind <= DECIMAL:
            if not many and beside not in node:
                self.primitive(node[name], None, slot)
            elif name != beside or slot.name not in node:
                self.primitives(node.get(slot.name), node.get(beside), slot)
        elif not many:
            self.element(node[name], slot)
        elif isinstance(node[name], list):
            self.in_turn(self.element, [(value, slot) for value in node[name]])
        else:
            raise _MisfitError("an array is expected")

    def primitives(self, values: Any, besides: Any, slot: Slot) -> None:
        """The elements of `x` and `_x`, which are paired when they are arrays."""
        if not slot.many:
            self.primitive(values, besides, slot)
            return
        if not isinstance(values, list | None) or not isinstance(besides, list | None):
            raise _MisfitError("an array is expected")
        pairs = zip_longest(values or [], besides or [])
        self.in_turn(self.primitive, [(value, beside, slot) for value, beside in pairs])

    def in_turn(self, write: Callable[..., None], items: Sequence[tuple[Any, ...]]) -> None:
        """Write the items of an array, and put the position of one that does not fit in its path."""
        done = 0
        try:
            for item in items:
                write(*item)
                done += 1
        except _MisfitError as misfit:
            misfit.under(f"[{done}]")
            raise

    def element(self, value: Any, slot: Slot) -> None:
        """One element that is no primitive."""
        name, _, kind, shape, _ = slot
        if kind == COMPLEX:
            self.complex(value, name, shape)
        elif kind == RESOURCE:
            self.parts.append(f"<{name}>")
            self.resource(value)
            self.parts.append(f"</{name}>")
        else:
            self.parts.append(self.narrative(value))

    def complex(self, node: Any, name: str, shape: Shape, attributes: str = "") -> None:
        """An element with children, and with what XML writes as attributes."""
        if not isinstance(node, dict) or not node:
            raise _MisfitError("an object with members is expected")
        for attribute in shape.attributes:
            if attribute in node:
                attributes += f' {attribute}="{self.text(node[attribute], TEXT)}"'
        self.parts.append(f"<{name}{attributes}>")
        self.children(node, shape)
        self.parts.append(f"</{name}>")

    def primitive(self, value: Any, beside: Any, slot: Slot) -> None:
        """One primitive, with its id and extensions."""
        if beside is None:
            self.parts.append(f'<{slot.name} value="{self.text(value, slot.kind)}"/>')
        else:
            attribute = "" if value is None else f' value="{self.text(value, slot.kind)}"'
            self.complex(beside, slot.name, slot.shape, attribute)

    def text(self, value: Any, kind: int) -> str:
        """A value of the type of its element, as it stands between quotes."""
        if kind == TEXT and isinstance(value, str):
            return value if value.isascii() and not SPECIAL.search(value) else escape(value)
        if kind == BOOLEAN and isinstance(value, bool):
            return "true" if value else "false"
        if kind in (INTEGER, DECIMAL) and type(value) is int:
            return str(value)
        if kind == DECIMAL and isinstance(value, Decimal) and value.is_finite():
            return format_decimal(value)
        raise _MisfitError(f"{EXPECTED[kind]} is expected")

    def narrative(self, value: Any) -> str:
        """The div of a narrative, which stands in the document as it is."""
        if not isinstance(value, str):
            raise _MisfitError("a string is expected")
        try:
            return read_narrative(value)
        except ValueError as error:
            raise _MisfitError(str(error)) from None

    def refuse_unknown(self, node: Tree, shape: Shape) -> NoReturn:
        """Raise for the first member that the type does not have; named when FHIR has the name elsewhere."""
        release = self.known.types.release
        name = next(name for name in node if name not in shape.rank)
        if name.removeprefix("_") in self.known.types.names:
            raise _MisfitError(f"{name} is not an element of FHIR {release} here")
        raise _MisfitError(f"a member that FHIR {release} does not have")


def escape(text: str) -> str:
    """The text for between double quotes.

    Line ends and tabs become references, since a parser makes spaces of them (XML 1.0 §3.3.3).
    """
    if FORBIDDEN.search(text):
        raise _MisfitError("a character that XML does not allow")
    return text.translate(ESCAPES)
