"""What is particular to one ADA application: `mappings/ada/<application>.yaml`.

The reading of ADA follows from the profiles of the zibs.  An overlay says only how an application is
recognised, which release and language it speaks, where its blocks stand, and where its element names
depart from the profile's.  `mappings/ada/schema.json` is the grammar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from gateway import documents
from gateway.documents import Document, Mark

CONCEPTS = "2.16.840.1.113883.2.4.3.11.60.40.1."
"""What stands before the zib concept id in a `conceptId` of ADA."""


@dataclass(frozen=True, slots=True)
class Alias:
    """An element whose name is not one of the profile's names for its concept.

    `path` leads from the scope to the concept; empty for an element that only holds others.  `block`
    names another block that the element makes, with `path` in that block.  `via` is a function of
    `values`; `leave` the reason why the element has no concept.
    """

    mark: Mark
    path: tuple[str, ...] = ()
    block: str = ""
    via: str = ""
    leave: str = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """One application.  `elements` has, per scope (`Encounter.ContactReason`), aliases by element name."""

    application: str
    release: str
    language: Literal["nl", "en"]
    apps: tuple[str, ...]
    """Values of the attribute `app` of a registration."""
    roots: tuple[str, ...]
    """Names of a registration without that attribute."""
    sections: frozenset[str]
    """Elements that only hold blocks; a name that begins with `*` stands for every name that ends so."""
    brings: frozenset[str]
    """Elements inside a block that hold the blocks that it refers to."""
    zibroot: frozenset[str]
    """Elements that hold the concepts that every block has."""
    one_person: bool
    """A block without a subject is about the only patient of the document."""
    blocks: Mapping[str, str]
    """Element name to block, where it is not the profile's name; an empty block takes a name away."""
    forms: Mapping[str, str]
    """Block to the name of its registration form, where it is not the Dutch name of the zib; for writing."""
    writes: Mapping[str, str]
    """What the registrations say that the gateway writes for this application; empty: it writes none."""
    left: Mapping[str, Alias]
    """Elements beside the blocks that hold nothing about a patient."""
    elements: Mapping[str, Mapping[str, Alias]]
    document: Document = field(repr=False, compare=False)

    def recognises(self, registration: etree._Element) -> bool:
        """True for a registration of this application."""
        app = registration.get("app")
        return app in self.apps if app is not None else registration.tag in self.roots


def load(folder: Path) -> list[Overlay]:
    """All overlays in a folder, by name.  Raises `AuthoringError` for the first that is wrong."""
    files = sorted(folder.glob("*.yaml"))
    found = [documents.load(file, f"mappings/ada/{file.name}") for file in files]
    documents.check_all(found, folder / "schema.json")
    return [parse(document) for document in found]


def parse(document: Document) -> Overlay:
    """An overlay from its document, which is as the grammar says.  Raises `AuthoringError`."""
    data = document.data
    recognise = data["recognise"]
    return Overlay(
        application=data["application"],
        release=data["release"],
        language=data["language"],
        apps=tuple(recognise.get("app", ())),
        roots=tuple(recognise.get("root", ())),
        sections=frozenset(data.get("sections", ())),
        brings=frozenset(data.get("brings", ())),
        zibroot=frozenset(data.get("zibroot", ())),
        one_person=data.get("one-person", False),
        blocks=data.get("blocks", {}),
        forms=data.get("forms", {}),
        writes=data.get("writes", {}),
        left={
            name: Alias(document.mark("leave", name), leave=reason)
            for name, reason in data.get("leave", {}).items()
        },
        elements={
            scope: {
                name: _alias(spelled, document.mark("elements", scope, name))
                for name, spelled in names.items()
            }
            for scope, names in data.get("elements", {}).items()
        },
        document=document,
    )


def _alias(spelled: Any, mark: Mark) -> Alias:
    if spelled is None:
        return Alias(mark)
    if isinstance(spelled, str):
        return Alias(mark, tuple(spelled.split(".")))
    path = tuple(spelled["concept"].split(".")) if "concept" in spelled else ()
    return Alias(mark, path, spelled.get("block", ""), spelled.get("via", ""), spelled.get("leave", ""))
