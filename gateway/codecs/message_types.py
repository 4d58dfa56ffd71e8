"""What an iStandaard says of its messages: the elements of each group, in order, and the form of each value.

The tables in `data/` hold facts of the published releases; their heads name the sources.  A message is asked
in the same way as FHIR (`fhir.elements`), with FHIR's names for what a value is (string, code, date, time,
integer), so that whoever works on such trees need not know which of the two it has.

    >>> message("wmo301").types.child("Client", "Geslacht")
    Element(name='Geslacht', type='code', many=False, min=1, choice='')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol

import yaml

from gateway.codecs.fhir.elements import Element

RELEASES: Final = ("iwmo-3.2",)
ROOT: Final = "Bericht"
NAMESPACE: Final = re.compile(
    r"http://www\.istandaarden\.nl/(i[a-z]{1,6})/(\d{1,2})_(\d{1,2})/([a-z]{2,4}\d{2,3})/schema(?:/\S{0,9})?"
)


class ElementTypes(Protocol):
    """What a table of elements answers, be it of FHIR or of a message."""

    def is_resource(self, name: str, /) -> bool:
        """True for a type that can be a document."""

    def is_primitive(self, name: str, /) -> bool:
        """True for a type that is a value."""

    def children(self, name: str, /) -> tuple[Element, ...]:
        """The elements of a type, in order.  Raises KeyError when there is no such type."""

    def child(self, path: str, name: str, /) -> Element | None:
        """The element `name` of a type."""


@dataclass(frozen=True, slots=True)
class Simple:
    """The form of a value.  `kind` is a FHIR primitive; 0 or nothing: no such bound.

    `fixed` is the one value that an element of this message may have.
    """

    name: str
    kind: str
    length: int = 0
    most: int = 0
    pattern: re.Pattern[str] | None = None
    codes: frozenset[str] = frozenset()
    fixed: str = ""


class Slot(NamedTuple):
    """One element of a group: `tag` as lxml names it; a value (`simple`) or a group (`group`)."""

    name: str
    tag: str
    many: bool
    required: bool
    simple: Simple | None
    group: str


@dataclass(frozen=True, slots=True)
class MessageTypes:
    """The groups of one message, to be asked like `fhir.elements.FhirTypes`."""

    groups: Mapping[str, tuple[Slot, ...]]
    _elements: dict[str, dict[str, Element]] = field(default_factory=dict)

    def is_resource(self, name: str) -> bool:
        """True for the message itself."""
        return name == ROOT

    def is_primitive(self, name: str) -> bool:
        """True for a type that is a value."""
        return name not in self.groups

    def children(self, name: str) -> tuple[Element, ...]:
        """The elements of a group, in order.  Raises KeyError when there is no such group."""
        return tuple(self._members(name).values())

    def child(self, path: str, name: str) -> Element | None:
        """The element `name` of a group."""
        return self._members(path).get(name) if path in self.groups else None

    def _members(self, name: str) -> dict[str, Element]:
        found = self._elements.get(name)
        if found is None:
            found = self._elements[name] = {
                slot.name: Element(
                    slot.name,
                    slot.simple.kind if slot.simple else slot.group,
                    slot.many,
                    int(slot.required),
                )
                for slot in self.groups[name]
            }
        return found

    def names(self) -> frozenset[str]:
        """Every name that an element of this message has."""
        return frozenset(slot.name for slots in self.groups.values() for slot in slots) | {ROOT}


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a release: `name` is wmo301, `title` is for people."""

    name: str
    standard: str
    release: str
    namespace: str
    basis: str
    types: MessageTypes

    @property
    def edition(self) -> str:
        """`iWmo 3.2`."""
        return edition(self.standard, self.release)

    @property
    def title(self) -> str:
        """`WMO301 of iWmo 3.2`."""
        return f"{self.name.upper()} of {self.edition}"


def edition(standard: str, release: str) -> str:
    """A standard and its release as people write them."""
    return f"i{standard[1:].capitalize()} {release}"


@cache
def messages() -> Mapping[str, Message]:
    """Every message that there is a table for, by its name."""
    return {found.name: found for release in RELEASES for found in _read(release)}


def message(name: str) -> Message:
    """The message of that name.  Raises KeyError."""
    return messages()[name]


def of_namespace(namespace: str) -> Message | None:
    """The message whose root element stands in that namespace; the name of the root says nothing."""
    return next((each for each in messages().values() if each.namespace == namespace), None)


def describe(namespace: str) -> str:
    """What a namespace is that no message has, as far as it can be told."""
    found = NAMESPACE.fullmatch(namespace)
    if found is None:
        return "no message of an iStandaard"
    return f"a {found[4].upper()} of {edition(found[1], f'{found[2]}.{found[3]}')}"


def _read(release: str) -> Iterator[Message]:
    data = files("gateway.codecs").joinpath("data", f"{release}.yaml").read_bytes()
    table: dict[str, Any] = yaml.load(data, Loader=yaml.CSafeLoader)
    basis, simple = table["namespace"], {name: _simple(name, row) for name, row in table["simple"].items()}
    for name, body in table["messages"].items():
        groups = {
            group: tuple(_slot(row, space, simple, body["fixed"]) for row in rows)
            for space, part in ((basis, table["groups"]), (body["namespace"], body["groups"]))
            for group, rows in part.items()
        }
        types = MessageTypes(groups)
        yield Message(name, table["standard"], table["release"], body["namespace"], basis, types)


def _simple(name: str, row: dict[str, Any]) -> Simple:
    pattern = re.compile(row["pattern"]) if "pattern" in row else None
    return Simple(
        name, row["is"], row.get("length", 0), row.get("max", 0), pattern, frozenset(row.get("codes", ()))
    )


def _slot(row: str, namespace: str, simple: dict[str, Simple], fixed: dict[str, Any]) -> Slot:
    """`Relatie 1..* Relatie`: name, cardinality, type."""
    name, cardinality, kind = row.split(" ")
    least, _, most = cardinality.partition("..")
    value = simple.get(kind)
    if value is not None and name in fixed:
        value = Simple(value.name, value.kind, value.length, value.most, fixed=str(fixed[name]))
    return Slot(name, f"{{{namespace}}}{name}", most != "1", least != "0", value, "" if value else kind)
