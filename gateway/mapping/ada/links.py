"""What of an ADA document can be settled only when all its blocks are there: references, subjects, births."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from msgspec import structs

from gateway.blocks.values import Absent, Block, Identifier, Moment, Ref
from gateway.errors import Issue
from gateway.mapping.ada import tdates

Element = etree._Element

BSN = "2.16.840.1.113883.2.4.6.3"
PERSON = "patient-id"
"""The element of zib 2020 forms that names the subject by BSN."""
ITSELF = frozenset(("auteur_is_patient", "author_is_patient"))
"""Elements that say that the subject is meant."""


@dataclass(slots=True)
class Waiting:
    """A reference to what may come later: an id, a BSN (`PERSON`), or the subject (`ITSELF`)."""

    holder: Any
    """The group, or the list in it, that holds the reference."""
    place: Any
    """Its name or index there."""
    kind: str
    id: str
    element: Element
    block: Block


@dataclass(slots=True)
class Links:
    """What waits in one document, and which block stands inside which."""

    waiting: list[Waiting] = field(default_factory=list)
    around: list[tuple[Block, Block | None]] = field(default_factory=list)

    def settle(
        self, blocks: list[Block], called: Callable[[str, str], Block | None], *, one_person: bool
    ) -> list[tuple[Element, int]]:
        """Give every reference the key of its block.

        The result is the elements that refer to nothing, each with the number of its reading.

        A block without a subject gets that of the block around it, and in a document about one person
        that person.  A reference to nothing stays as it was sent.
        """
        patients = [block for block in blocks if block.type == "Patient"]
        persons = {number.value: block.key for block in patients for number in numbers_of(block)}
        nowhere: list[tuple[Element, int]] = []
        for each in self.waiting:
            if each.id == PERSON:
                _name_person(each, persons)
            elif each.id not in ITSELF:
                block = called(each.kind, each.id)
                if block is None:
                    nowhere.append((each.element, each.holder[each.place].at))
                else:
                    each.holder[each.place] = structs.replace(
                        each.holder[each.place], key=block.key, literal=""
                    )
        only = patients[0] if len(patients) == 1 and one_person else None
        for block, above in self.around:
            if block.type != "Patient" and "Subject" not in block.values:
                _inherit(block, above or only)
        for each in self.waiting:
            subject = each.block.values.get("Subject")
            if each.id in ITSELF and type(subject) is Ref:
                at = each.holder[each.place].at
                each.holder[each.place] = Ref(subject.key, identifier=subject.identifier, at=at)
        return nowhere


def _name_person(waiting: Waiting, persons: dict[str, str]) -> None:
    """Point at the patient with this BSN; the BSN stays where the document has no such patient."""
    ref: Ref = waiting.holder[waiting.place]
    number = ref.identifier
    key = persons.get(number.value, "") if number is not None and number.system == BSN else ""
    if key:
        waiting.holder[waiting.place] = structs.replace(ref, key=key, identifier=None)


def _inherit(block: Block, above: Block | None) -> None:
    """Give a block the subject of the block around it, or the patient that this is."""
    if above is None or above is block:
        return
    if above.type == "Patient":
        block.values["Subject"] = Ref(above.key)
        return
    subject = above.values.get("Subject")
    if type(subject) is Ref and (not subject.key or subject.key != block.key):
        block.values["Subject"] = Ref(subject.key, identifier=subject.identifier)


def numbers_of(block: Block) -> Iterator[Identifier]:
    """The BSNs of a Patient."""
    for name in ("PatientIdentificationNumber", "IdentificationNumber"):
        found = block.values.get(name)
        for each in found if isinstance(found, list) else [found]:
            if type(each) is Identifier and each.system == BSN:
                yield each


def date_from_births(blocks: list[Block]) -> list[Issue]:
    """Work out the dates that count from the birth of a subject; the issues where that is not known."""
    births = {block.key: block.values.get("DateOfBirth") for block in blocks if block.type == "Patient"}
    issues: list[Issue] = []
    for block in blocks:
        subject = block.values.get("Subject")
        birth = births.get(subject.key if type(subject) is Ref else block.key)
        block.values = _dated(block.values, block, _day(birth), issues)
    return issues


def _day(birth: Any) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(birth.value) if type(birth) is Moment else None
    except ValueError:
        return None


def _dated(value: Any, block: Block, birth: datetime.date | None, issues: list[Issue]) -> Any:
    if isinstance(value, dict):
        return {name: _dated(inside, block, birth, issues) for name, inside in value.items()}
    if isinstance(value, list):
        return [_dated(inside, block, birth, issues) for inside in value]
    if type(value) is not Moment or not tdates.needs_birth(value.value):
        return value
    try:
        if birth is not None:
            return Moment(tdates.resolve(value.value, birth), value.at)
        text = "this date counts from a date of birth that the document does not give"
    except ValueError:
        text = "this date lies beyond the calendar"
    issues.append(Issue("error", "value", text, place=block.key, line=block.line))
    return Absent("UNK", "", value.at)
