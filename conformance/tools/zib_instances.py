"""Facts from ADA instances: which concept stands inside which, and what its element is called.

The last numbers of a `conceptId` under 2.16.840.1.113883.2.4.3.11.60.40.1 are the NL-CM id; elements
with other ids (the frames of an application) are looked through.  Names, nesting and ids are taken,
values are only looked at for their kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from conformance.tools.zib_facts import PREFIX, Fact, prefix_of

ZIB = "2.16.840.1.113883.2.4.3.11.60.40.1."


@dataclass(frozen=True, slots=True)
class Seen:
    """One element of an instance."""

    concept: str
    parent: str
    name: str
    kind: str
    before: str


def concept_of(element: etree._Element) -> str:
    """The NL-CM id of an element, or nothing."""
    # Some published ids begin with a zero-width space.
    oid = (element.get("conceptId") or "").strip("\u200b ")
    return PREFIX + oid.removeprefix(ZIB) if oid.startswith(ZIB) else ""


def kind_of(element: etree._Element) -> str:
    """What the attributes show: code, quantity, moment, reference, identifier, boolean, group or nothing."""
    datatype = element.get("datatype", "")
    if datatype == "reference":
        return "reference"
    if element.get("code") is not None or element.get("codeSystem") is not None:
        return "code"
    if element.get("unit") is not None or datatype == "quantity":
        return "quantity"
    if datatype in {"datetime", "date", "time"}:
        return "moment"
    if element.get("root") is not None:
        return "identifier"
    if element.get("value") in {"true", "false"}:
        return "boolean"
    return "" if element.get("value") is not None else "group"


def walk(element: etree._Element, around: tuple[str, ...]) -> Iterator[Seen]:
    """Every element below, with the nearest concept of the same zib around it."""
    before = ""
    for child in element.iterchildren(tag=etree.Element):
        concept = concept_of(child)
        if concept:
            parent = next((c for c in reversed(around) if prefix_of(c) == prefix_of(concept)), "")
            name = etree.QName(child).localname.removesuffix("-start")
            yield Seen(concept, parent, name, kind_of(child), before)
            before = concept
        yield from walk(child, (*around, concept) if concept else around)


def read_instances(folders: list[Path]) -> Iterator[Seen]:
    """Every element with a zib concept id in the documents of the folders."""
    for folder in folders:
        for file in sorted(folder.rglob("*.xml")):
            yield from walk(etree.parse(file).getroot(), ())


def facts_of(seen: list[Seen]) -> Iterator[Fact]:
    """Nesting and element name as statements."""
    for one in seen:
        if one.parent and one.parent != one.concept:
            yield Fact(one.concept, parent=one.parent, aliases=(one.name,))
