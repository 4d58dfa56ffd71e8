"""An lxml tree of FHIR XML to the tree of FHIR JSON, in one pass.

Nothing is dropped in silence: an element, attribute or text that the standard does not have there is an
issue with its path and line, up to `MOST_ISSUES` of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lxml import etree

from gateway.codecs.fhir.elements import Tree, no_such_resource
from gateway.codecs.fhir.shapes import BOOLEAN, COMPLEX, DECIMAL, FHIR, INTEGER, RESOURCE, Shape, Shapes, Slot
from gateway.codecs.narrative import write_narrative
from gateway.codecs.numbers import parse_decimal, parse_integer
from gateway.errors import Issue, SyntaxFault

MOST_ISSUES: Final = 20
SCHEMA_LOCATION: Final = frozenset(
    f"{{http://www.w3.org/2001/XMLSchema-instance}}{name}"
    for name in ("schemaLocation", "noNamespaceSchemaLocation")
)
NAMES: Final = {BOOLEAN: "boolean", INTEGER: "integer", DECIMAL: "decimal"}
ALL_TEXT = etree.XPath("string()", smart_strings=False)


class _TooManyError(Exception):
    """Enough issues to tell."""


class Reader:
    """One document on its way to a tree."""

    def __init__(self, known: Shapes) -> None:
        self.known = known
        self.issues: list[Issue] = []
        # Where a primitive had an id or extension: (object, name), to be made even at the end.
        self.extended: list[tuple[Tree, str]] = []
        self.convert: dict[int, Callable[[str], Any]] = {
            BOOLEAN: {"true": True, "false": False}.__getitem__,
            INTEGER: parse_integer,
            DECIMAL: parse_decimal,
        }

    def read(self, root: etree._Element) -> Tree:
        """The tree of the root element."""
        tree: Tree = {}
        try:
            tree = self.resource(root)
            if not self.issues:
                self.check_text(root)
        except _TooManyError:
            self.issues.append(Issue("error", "structure", "more issues were not listed"))
        if self.issues:
            raise SyntaxFault(*self.issues)
        for node, name in self.extended:
            even_out(node, name)
        return tree

    def resource(self, element: etree._Element) -> Tree:
        """The object of a resource element."""
        namespace, _, name = str(element.tag).rpartition("}")
        shape = self.known.resource(name) if namespace == "{" + FHIR else None
        if shape is None:
            text = no_such_resource(name, self.known.types.version)
            self.refuse(element.getparent(), text, line=element.sourceline or 0)
            return {}
        for attribute in element.attrib:
            if attribute not in SCHEMA_LOCATION:
                self.refuse(element, "a resource has no attributes")
        tree: Tree = {"resourceType": name}
        self.children(element, shape, tree)
        return tree

    def children(self, element: etree._Element, shape: Shape, node: Tree) -> None:
        """Read every child of an element into its object."""
        by_tag = shape.by_tag
        for child in element[:]:  # faster than the iterator, which is made anew for every element
            slot = by_tag.get(child.tag)
            if slot is None:
                self.refuse_unknown(element, child)
                continue
            name, many, kind, inner, _ = slot
            value: Any
            if kind <= DECIMAL:
                attributes = child.items()
                if len(attributes) != 1 or attributes[0][0] != "value" or len(child):
                    self.extended_primitive(child, slot, node)
                    continue
                value = attributes[0][1]
                if kind:
                    value = self.typed(child, value, kind)
            elif kind == COMPLEX:
                value = self.complex(child, inner)
            else:
                value = self.container(child) if kind == RESOURCE else self.div(child)
            if not many:
                if name in node:
                    self.refuse(child, "it occurs more than once")
                node[name] = value
            elif name in node:
                node[name].append(value)
            else:
                node[name] = [value]

    def typed(self, element: etree._Element, value: str, kind: int) -> Any:
        """The boolean or number that the text stands for."""
        try:
            return self.convert[kind](value)
        except (KeyError, ValueError):
            self.refuse(element, f"not a value of type {NAMES[kind]}", "value")
            return None

    def complex(self, element: etree._Element, shape: Shape) -> Tree:
        """The object of an element with children."""
        node: Tree = {}
        for name, value in element.items():
            if name in shape.attributes:
                node[name] = value
            else:
                self.refuse(element, "an attribute that FHIR does not have here")
        self.children(element, shape, node)
        if not node and not len(element):
            self.refuse(element, "it is empty")
        return node

    def container(self, element: etree._Element) -> Tree:
        """The resource in `contained` or `resource`: one child, no attributes."""
        if len(element) != 1 or element.attrib:
            self.refuse(element, "it does not hold exactly one resource, without attributes")
            return {}
        return self.resource(element[0])

    def div(self, element: etree._Element) -> str:
        """The narrative as a string; what is left of the element is its place."""
        try:
            text = write_narrative(element)
        except ValueError as error:
            self.refuse(element, str(error))
            text = ""
        element.clear(keep_tail=True)
        return text

    def extended_primitive(self, element: etree._Element, slot: Slot, node: Tree) -> None:
        """A primitive with more or less than a value: `x`, and `_x` for its id and extensions.

        Until `even_out`, `x` is there even without a value, and `_x` of an array may be shorter than `x`.
        """
        name, many, kind, shape, beside_name = slot
        value: Any = None
        beside: Tree = {}
        for attribute, text in element.items():
            if attribute == "value":
                value = self.typed(element, text, kind) if kind else text
            elif attribute == "id":
                beside["id"] = text
            else:
                self.refuse(element, "an attribute that FHIR does not have here")
        self.children(element, shape, beside)
        if not beside and "value" not in element.attrib:
            self.refuse(element, "it has neither a value nor an extension")
        self.extended.append((node, name))
        if many:
            values = node.setdefault(name, [])
            besides = node.setdefault(beside_name, [])
            besides += [None] * (len(values) - len(besides))
            values.append(value)
            besides.append(beside or None)
        elif name in node:
            self.refuse(element, "it occurs more than once")
        else:
            node[name] = value
            node[beside_name] = beside

    def check_text(self, root: etree._Element) -> None:
        """Text outside a narrative is no part of FHIR; narratives have been emptied by now."""
        if not str(ALL_TEXT(root)).strip():
            return
        for element in root.iter():
            if (element.text or "").strip():
                self.refuse(element, "text outside an attribute")
            parent = element.getparent()
            if parent is not None and (element.tail or "").strip():
                self.refuse(parent, "text outside an attribute")

    def refuse_unknown(self, parent: etree._Element, element: etree._Element) -> None:
        """An element that the standard does not have there; named only when FHIR has the name elsewhere."""
        namespace, _, name = str(element.tag).rpartition("}")
        if namespace != "{" + FHIR:
            text = "an element that is not in the namespace of FHIR"
        elif name in self.known.types.names:
            text = f"{name} is not an element of FHIR {self.known.types.release} here"
        else:
            text = f"an element that FHIR {self.known.types.release} does not have"
        self.refuse(parent, f"{text} (child {parent.index(element) + 1})", line=element.sourceline or 0)

    def refuse(
        self, element: etree._Element | None, text: str, code: str = "structure", line: int = 0
    ) -> None:
        """Note an issue with an element that FHIR knows, or with the whole; stop when there are many."""
        if element is not None:
            line = line or element.sourceline or 0
        place = path_of(element) if element is not None else ""
        self.issues.append(Issue("error", code, text, place=place, line=line))
        if len(self.issues) >= MOST_ISSUES:
            raise _TooManyError


def even_out(node: Tree, name: str) -> None:
    """Leave out a `null` that stands for nothing, and pad `_x` of an array to the length of `x`."""
    values, beside = node.get(name), node.get("_" + name)
    if isinstance(beside, list) and isinstance(values, list):
        beside += [None] * (len(values) - len(beside))
        if all(value is None for value in values):
            del node[name]
    elif values is None:
        node.pop(name, None)


def path_of(element: etree._Element) -> str:
    """Bundle.entry[3].resource.name[0]: names and positions of an element and those above it."""
    steps: list[str] = []
    while (parent := element.getparent()) is not None:
        name = etree.QName(element).localname
        tag = str(element.tag)
        before = len(list(element.itersiblings(tag, preceding=True)))
        alone = not before and next(element.itersiblings(tag), None) is None
        # The element of a resource is the same step as what contains it.
        if not name[0].isupper():
            steps.append(name if alone else f"{name}[{before}]")
        element = parent
    return ".".join([etree.QName(element).localname, *reversed(steps)])
