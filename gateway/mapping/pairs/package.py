"""The pairs that the StructureDefinitions of a FHIR package (R4, XML) state.

`ElementDefinition.mapping` names the zib concept that stands at an element: its `map` is the concept id
(`NL-CM:12.4.2`), its `comment` the name.  Slices are told by what the package fixes in them: the URL of an
extension, the pattern or fixed value of an element, the type of a choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from gateway.codecs import xml
from gateway.errors import ContentError, Issue, SyntaxFault
from gateway.mapping.pairs.steps import Marks, Step, Steps, below_coding

FHIR = "{http://hl7.org/fhir}"
_CONCEPT = re.compile(r"NL-CM:\d+(?:\.\d+)+")
_FIXED = re.compile(r"(?:fixed|pattern)[A-Z]\w*")


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair: an element of a profile, and the zib concept that stands there."""

    profile: str
    """The id of the StructureDefinition, such as `zib-BloodPressure`"""
    url: str
    element: str
    """The id of the element, such as `Observation.component:SystolicBP.value[x]`"""
    steps: Steps
    concept: str
    comment: str

    @property
    def implicit(self) -> bool:
        """True when the element, says the package, only follows from a concept that stands elsewhere."""
        return "(implicit" in self.comment

    @property
    def key(self) -> tuple[str, str, str]:
        """What names a pair: profile, element, concept."""
        return self.profile, self.element, self.concept


@dataclass(frozen=True, slots=True)
class Package:
    """What a package states: its pairs, and of each profile (URL) the one that it is made from."""

    pairs: tuple[Pair, ...]
    bases: dict[str, str]

    def lineage(self, url: str) -> Iterator[str]:
        """A profile and those that it is made from."""
        while url:
            yield url
            url = self.bases.get(url, "")


def read_package(folder: Path) -> Package:
    """Every StructureDefinition in a folder and below.

    Raises `ContentError` when there is none that states a pair or one is made from itself, `SyntaxFault`
    when a file is not XML.
    """
    structures: dict[str, _Structure] = {}
    for file in sorted(folder.rglob("*.xml")):
        root = _parsed(file)
        if root.tag == FHIR + "StructureDefinition":
            found = _Structure(root, structures)
            structures[found.url] = found
    bases = {url: structure.base for url, structure in structures.items()}
    for url in bases:
        _check_ends(url, bases)
    pairs = tuple(pair for structure in structures.values() for pair in structure.pairs())
    if not pairs:
        text = f"no StructureDefinition (XML) in '{folder}' states a zib concept"
        raise ContentError(Issue("error", "not-found", text))
    return Package(pairs, bases)


def _check_ends(url: str, bases: dict[str, str]) -> None:
    """Following what a profile is made from must come to an end."""
    seen = {url}
    while url := bases.get(url, ""):
        if url in seen:
            raise ContentError(Issue("error", "structure", f"the profile {url} is made from itself"))
        seen.add(url)


def _parsed(file: Path) -> etree._Element:
    try:
        return xml.parse(file.read_bytes())
    except SyntaxFault as error:
        raise SyntaxFault(*(replace(issue, place=file.name) for issue in error.issues)) from None


class _Structure:
    """One StructureDefinition, among `others` by their URL."""

    def __init__(self, root: etree._Element, others: dict[str, _Structure]) -> None:
        self.id, self.url, self.base = (_value(root, name) for name in ("id", "url", "baseDefinition"))
        self.type, self.others = _value(root, "type"), others
        differential = root.iterfind(f"{FHIR}differential/{FHIR}element")
        self.elements = {element.get("id", ""): element for element in differential}

    def pairs(self) -> Iterator[Pair]:
        """The pairs of all elements, in order."""
        for name, element in self.elements.items():
            for mapping in element.iterfind(FHIR + "mapping"):
                concept = _CONCEPT.match(_value(mapping, "map"))
                if concept:
                    comment = _value(mapping, "comment")
                    yield Pair(self.id, self.url, name, self._steps(name), concept[0], comment)

    def _steps(self, element: str) -> Steps:
        names = element.split(".")
        return tuple(self._step(".".join(names[: i + 1])) for i in range(1, len(names)))

    def _step(self, element: str) -> Step:
        name, _, sliced = element.rpartition(".")[2].partition(":")
        if name in ("extension", "modifierExtension"):
            return Step(name, url=self.url_of(element))
        if name.endswith("[x]"):
            return Step(name, variant=sliced or self._variant(element, name))
        return Step(name, marks=self._marks(element) if sliced else frozenset())

    def url_of(self, element: str) -> str:
        """The URL of an extension, of which the slice may be that of a profile of the element around it.

        Inside an extension it is fixed, or the name of the slice.
        """
        above, _, name = element.rpartition(".")
        for each, path in ((element, "type/profile"), (f"{element}.url", "fixedUri")):
            if found := self._stated(each, path):
                return found
        if "extension" in above or above == "Extension":
            return name.partition(":")[2]
        around = self.others.get(self._stated(above, "type/profile"))
        if around is not None:
            return around.url_of(f"{around.type}.{name}")
        base = self.others.get(self.base)
        return base.url_of(element) if base is not None else ""

    def _stated(self, element: str, path: str) -> str:
        """What is said of an element; empty when nothing is."""
        return _value(self.elements[element], path) if element in self.elements else ""

    def _variant(self, element: str, name: str) -> str:
        """The one type of a choice."""
        stated = self.elements.get(element)
        codes = (
            [_value(each, "code") for each in stated.iterfind(FHIR + "type")] if stated is not None else []
        )
        return name[:-3] + codes[0][0].upper() + codes[0][1:] if len(codes) == 1 else ""

    def _marks(self, element: str) -> Marks:
        """What the elements of a slice are fixed to."""
        found: set[tuple[tuple[str, ...], str]] = set()
        for name, stated in self.elements.items():
            if name == element or name.startswith(element + "."):
                inside = name[len(element) + 1 :]
                path = tuple(step.partition(":")[0] for step in inside.split(".")) if inside else ()
                found.update((below_coding(path + more), value) for more, value in _fixed(stated))
        return frozenset(found)


def _fixed(element: etree._Element) -> Iterator[tuple[tuple[str, ...], str]]:
    """The fixed or pattern values of an element: of a coded one its codes."""
    for child in element.iterchildren(etree.Element):
        if _FIXED.fullmatch(etree.QName(child).localname):
            if "value" in child.attrib:
                yield (), child.get("value", "")
            for leaf in child.iterdescendants(etree.Element):
                yield from _fixed_leaf(leaf, child)


def _fixed_leaf(leaf: etree._Element, top: etree._Element) -> Iterator[tuple[tuple[str, ...], str]]:
    name = etree.QName(leaf).localname
    coded = any(kind in etree.QName(top).localname for kind in ("Coding", "CodeableConcept"))
    if coded and name == "code":
        yield (), leaf.get("value", "")
    elif not coded and len(leaf) == 0 and leaf.getparent() is top:
        yield (name,), leaf.get("value", "")


def _value(element: etree._Element, path: str) -> str:
    """The `value` of the first element at a path of FHIR names with slashes; empty when there is none."""
    found = element.find("/".join(FHIR + name for name in path.split("/")))
    return found.get("value", "") if found is not None else ""
