"""iStandaarden XML (iWmo 3.2): bytes to a tree like that of FHIR JSON, and back.

The tree is dict, list, str and int; `resourceType` is the root element, whose namespace tells which message
it is.  Nothing is dropped in silence: an element out of its place, a value out of its form and text between
elements are issues, each with its path and line, up to `MOST_ISSUES` of them.  Values keep the spelling that
they have; white space around a date, a time or a number is no part of it (XML Schema, whiteSpace).

OP192 of the standard asks for UTF-8 without a byte order mark and CR/LF at line ends.  The first two are
asked of a document that is read, all three hold for one that is written.
"""

from __future__ import annotations

import datetime
import re
from typing import Any, Final

from lxml import etree

from gateway.codecs import xml
from gateway.codecs.charset import UTF8_BOM, UTF16_BOMS, declared_charset
from gateway.codecs.fhir.elements import Tree
from gateway.codecs.limits import DEFAULT, Limits
from gateway.codecs.message_types import ROOT, Message, Simple, Slot, describe, message
from gateway.errors import ContentError, Issue, SyntaxFault

MOST_ISSUES: Final = 20
MOST_DIGITS: Final = 18  # more are not made a number: that takes quadratic time
DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?")
SCHEMA_INSTANCE: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
ALL_TEXT = etree.XPath("string()", smart_strings=False)


class _TooManyError(Exception):
    """Enough issues to tell."""


def decode(data: bytes, name: str, limits: Limits = DEFAULT) -> Tree:
    """The tree of a message (`wmo301`).  Raises SyntaxFault with the issues found, each with its line."""
    _check_charset(data)
    root = xml.parse(data, limits)
    found = message(name)
    space, _, tag = str(root.tag).rpartition("}")
    if space != "{" + found.namespace or tag != ROOT:
        text = f"this is not a {found.title}"
        if space != "{" + found.namespace:
            text += f" but {describe(space.removeprefix('{'))}"
        raise SyntaxFault(Issue("fatal", "not-supported", text, line=root.sourceline or 0))
    return _Reader(found).read(root)


def encode(tree: Tree, name: str) -> bytes:
    """The document of a tree: elements in the order of the message, indented, CR/LF, UTF-8 without a mark.

    Raises ContentError for what the message does not have, lacks or has in another form, with the path to it.
    """
    found = message(name)
    root = _Writer(found).write(tree)
    etree.indent(root, "\t")
    body = etree.tostring(root, encoding="unicode").replace("\n", "\r\n")
    return f'<?xml version="1.0" encoding="UTF-8"?>\r\n{body}\r\n'.encode()


def _check_charset(data: bytes) -> None:
    """Raise SyntaxFault for a byte order mark, and for another character set than UTF-8 (OP192)."""
    if data.startswith(UTF8_BOM) or data[:2] in UTF16_BOMS:
        text = "a message has no byte order mark"
    elif declared_charset(data) not in ("", "UTF-8"):
        text = "a message is in UTF-8; the XML declaration says otherwise"
    else:
        return
    raise SyntaxFault(Issue("fatal", "not-supported", text, rule="OP192", line=1))


class _Checking:
    """Collects issues about one message."""

    def __init__(self, known: Message) -> None:
        self.known, self.groups = known, known.types.groups
        self.issues: list[Issue] = []

    def refuse(self, place: str, text: str, code: str = "structure", line: int = 0, kind: str = "") -> None:
        """Note an issue, of a value with the name of its type; stop when there are many."""
        rule = f"{kind} of {self.known.edition}" if kind else ""
        self.issues.append(Issue("error", code, text, place=place, rule=rule, line=line))
        if len(self.issues) >= MOST_ISSUES:
            raise _TooManyError

    def check_value(self, text: str, simple: Simple, place: str, line: int = 0) -> Any:
        """The value that a text stands for; None, and an issue, when it has not the form of its type."""
        if simple.kind not in ("string", "code"):
            text = text.strip(" \t\r\n")
        code, fault = fault_of(text, simple)
        if fault:
            self.refuse(place, fault, code, line, simple.name)
            return None
        return int(text) if simple.kind == "integer" else text


def fault_of(text: str, simple: Simple) -> tuple[str, str]:
    """What is wrong with a value: a FHIR issue type and words that do not quote it; empty for nothing."""
    if not text.strip():
        return "required", "it is empty"
    if simple.length and len(text) > simple.length:
        return "too-long", f"it is longer than {simple.length} characters"
    if simple.fixed and text.lstrip("0") != simple.fixed:
        return "value", f"it is not {simple.fixed}, as in every message of this kind"
    if simple.codes and text not in simple.codes:
        return "code-invalid", "the code list of this element has no such code"
    if simple.pattern and not simple.pattern.fullmatch(text):
        return "value", "it has not the form of its type"
    if simple.kind == "integer" and not (text.isascii() and text.isdecimal()):
        return "value", "it is not a whole number"
    if simple.most and (len(text) > MOST_DIGITS or int(text) > simple.most):
        return "value", f"it is larger than {simple.most}"
    if simple.kind in ("date", "time") and not is_moment(text, simple.kind):
        return "value", f"it is not a {simple.kind} without a time zone"
    return "", ""


def is_moment(text: str, kind: str) -> bool:
    """True for a date (2026-01-31) or a time (23:59:59) that exists, without a time zone (RS032, RS034)."""
    try:
        if kind == "date":
            return bool(DATE.fullmatch(text) and datetime.date.fromisoformat(text))
        return bool(TIME.fullmatch(text) and datetime.time.fromisoformat(text[:8]) is not None)
    except ValueError:
        return False


class _Reader(_Checking):
    """One document on its way to a tree."""

    def read(self, root: etree._Element) -> Tree:
        """The tree of the root element."""
        tree: Tree = {}
        try:
            if any(not str(each).startswith(SCHEMA_INSTANCE) for each in root.attrib):
                self.refuse(ROOT, "a message has no attributes", line=root.sourceline or 0)
            tree = self.group(root, ROOT, ROOT)
        except _TooManyError:
            self.issues.append(Issue("error", "structure", "more issues were not listed"))
        if self.issues:
            raise SyntaxFault(*self.issues)
        return {"resourceType": ROOT, **tree}

    def group(self, element: etree._Element, group: str, place: str) -> Tree:
        """The object of an element with children: each in its place, each as often as it may be."""
        slots = self.groups[group]
        node: Tree = {}
        at = 0
        self.check_text(element, place)
        for number, child in enumerate(element, 1):
            rank = next((i for i, slot in enumerate(slots) if slot.tag == child.tag), -1)
            if rank < 0:
                self.refuse_unknown(child, slots, place, number)
                continue
            if rank < at:
                here, text = f"{place}.{slots[rank].name}", "it does not stand in the order of the message"
                self.refuse(here, text, line=child.sourceline or 0)
            at = max(at, rank)
            self.member(child, slots[rank], node, place)
        for slot in slots:
            if slot.required and slot.name not in node:
                self.refuse(f"{place}.{slot.name}", "it is missing", "required", element.sourceline or 0)
        return node

    def member(self, element: etree._Element, slot: Slot, node: Tree, place: str) -> None:
        """Read one element into the object around it."""
        here, line = f"{place}.{slot.name}", element.sourceline or 0
        if slot.many:
            here += f"[{len(node.get(slot.name, ()))}]"
        if element.attrib:
            self.refuse(here, "it has an attribute", line=line)
        value: Any = None
        if slot.simple is None:
            value = self.group(element, slot.group, here)
        elif len(element):
            self.refuse(here, "it holds elements, and should hold a value", line=line)
        else:
            value = self.check_value(element.text or "", slot.simple, here, line)
        if slot.many:
            node.setdefault(slot.name, []).append(value)
        elif slot.name in node:
            self.refuse(here, "it occurs more than once", line=line)
        else:
            node[slot.name] = value

    def check_text(self, element: etree._Element, place: str) -> None:
        """A group holds elements, and no text between them."""
        if any((text or "").strip() for text in (element.text, *(child.tail for child in element))):
            self.refuse(place, "text between elements", line=element.sourceline or 0)

    def refuse_unknown(
        self, element: etree._Element, slots: tuple[Slot, ...], place: str, number: int
    ) -> None:
        """An element that has no place here; named only when the message has such a name."""
        space, _, name = str(element.tag).removeprefix("{").rpartition("}")
        line = element.sourceline or 0
        slot = next((each for each in slots if each.name == name), None)
        if slot is not None:
            owner = "basisschema" if slot.tag.startswith("{" + self.known.basis) else "message"
            self.refuse(f"{place}.{name}", f"it does not stand in the namespace of the {owner}", line=line)
        elif name in self.known.types.names() and space in (self.known.namespace, self.known.basis):
            self.refuse(place, f"{name} is not an element of this group (child {number})", line=line)
        else:
            text = f"an element that {self.known.title} does not have (child {number})"
            self.refuse(place, text, line=line)


class _Writer(_Checking):
    """One tree on its way to a document."""

    def write(self, tree: Tree) -> etree._Element:
        """The root element."""
        spaces = {self.known.name: self.known.namespace, self.known.standard: self.known.basis}
        root = etree.Element(f"{{{self.known.namespace}}}{ROOT}", nsmap=spaces)
        content = {name: value for name, value in tree.items() if name not in ("resourceType", "id")}
        try:
            self.group(content, ROOT, root, ROOT)
        except _TooManyError:
            self.issues.append(Issue("error", "structure", "more issues were not listed"))
        if self.issues:
            raise ContentError(*self.issues)
        return root

    def group(self, node: Tree, group: str, element: etree._Element, place: str) -> None:
        """The children of an element, in the order of the message."""
        slots = self.groups[group]
        for name in sorted(node.keys() - {slot.name for slot in slots}):
            self.refuse(f"{place}.{name}", f"{self.known.title} has no such element here")
        for slot in slots:
            value = node.get(slot.name)
            values = value if isinstance(value, list) else [] if value is None else [value]
            if slot.required and not values:
                self.refuse(f"{place}.{slot.name}", "it is missing", "required")
            if not slot.many and len(values) > 1:
                self.refuse(f"{place}.{slot.name}", "it occurs more than once")
            for i, each in enumerate(values):
                here = f"{place}.{slot.name}[{i}]" if slot.many else f"{place}.{slot.name}"
                self.member(each, slot, etree.SubElement(element, slot.tag), here)

    def member(self, value: Any, slot: Slot, element: etree._Element, place: str) -> None:
        """The content of one element."""
        if slot.simple is None and isinstance(value, dict):
            self.group(value, slot.group, element, place)
        elif slot.simple is None or not isinstance(value, str | int):
            self.refuse(place, "a group where a value stands, or the other way round")
        elif self.check_value(str(value), slot.simple, place) is not None:
            try:
                element.text = str(value)
            except ValueError:
                self.refuse(place, "it holds a character that XML does not allow", "value")
