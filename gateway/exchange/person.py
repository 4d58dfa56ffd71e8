"""Whose record a document is: exactly one person, by BSN.

    1. every Patient (or Client) in it has one BSN, that passes the eleven test
    2. a subject that is not in the document has a BSN too
    3. all of these are the same BSN, however each is written

A document that mixes two persons is refused whole, and so is one of which a part may be somebody else's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gateway.blocks import Block, Identifier, Ref
from gateway.errors import ContentError, Issue
from gateway.mapping import Read
from gateway.storage import normalise_bsn

BSN = "2.16.840.1.113883.2.4.6.3"
"""The BSN as an identifier system (OID), as blocks have it."""

BSN_SYSTEMS = ("NamingSystem/bsn", BSN)
"""How the system of a BSN shows in a text, such as a conditional reference."""

NUMBERS = {"Patient": ("PatientIdentificationNumber", "NL-CM:0.1.7"), "Client": ("Bsn", "WMO.Client.Bsn")}
"""Block type of a person: its concept for the BSN, and what the standard calls that."""

SUBJECT = ("Subject", "NL-CM:0.0.11")
ONE_PERSON = "a document is about one person"
ELEVEN_TEST = "eleven test of the BSN (Logisch Ontwerp BSN)"


class Named(NamedTuple):
    """A concept of a block that says whose the block is.  `at` is the number of its value in the reading."""

    block: Block
    concept: str
    id: str
    at: int = -1


Faulty = Callable[[Named, str, str, str], None]
"""Notes an issue: where, code, text, rule."""


def whose(read: Read) -> str:
    """The BSN, nine digits, of the person whom all blocks are about.

    Raises `ContentError` with one issue per place; no issue repeats a number.
    """
    issues: list[Issue] = []

    def fault(named: Named, code: str, text: str, rule: str = ONE_PERSON) -> None:
        leaf = read.place(named.at)
        place = leaf.place if leaf else f"{named.block.type}.{named.concept}"
        line = leaf.line if leaf else named.block.line
        issues.append(Issue("error", code, text, place=place, concept=named.id, rule=rule, line=line))

    found = [(named, _normalised(named, number, fault)) for named, number in _numbers(read.blocks, fault)]
    if len({bsn for _, bsn in found if bsn}) > 1:
        for named, _ in found:
            fault(named, "invalid", "the document is about more than one person", ONE_PERSON)
    if not found and not issues:
        text = "the document does not say whom it is about"
        issues.append(Issue("error", "required", text, "Patient", NUMBERS["Patient"][1], ONE_PERSON))
    if issues:
        raise ContentError(*issues)
    return found[0][1]


def _numbers(blocks: list[Block], fault: Faulty) -> Iterator[tuple[Named, str]]:
    keys = {block.key for block in blocks}
    for block in blocks:
        if block.type in NUMBERS:
            yield from _own_numbers(block, fault)
            continue
        subject = block.values.get(SUBJECT[0])
        if not isinstance(subject, Ref) or subject.key in keys:
            continue
        named = Named(block, *SUBJECT, subject.at)
        if subject.identifier is not None and subject.identifier.system == BSN:
            yield named, subject.identifier.value
        else:
            fault(named, "not-found", "the subject is not in the document and has no BSN", ONE_PERSON)


def _own_numbers(block: Block, fault: Faulty) -> Iterator[tuple[Named, str]]:
    concept, concept_id = NUMBERS[block.type]
    value = block.values.get(concept)
    numbers = [
        each
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, Identifier) and each.system == BSN
    ]
    if not numbers:
        fault(Named(block, concept, concept_id), "required", "the BSN is missing", ONE_PERSON)
    for each in numbers:
        yield Named(block, concept, concept_id, each.at), each.value


def _normalised(named: Named, number: str, fault: Faulty) -> str:
    """Nine digits; "" and an issue for what is no BSN."""
    try:
        return normalise_bsn(number)
    except ContentError as error:
        fault(named, "value", error.issues[0].text, ELEVEN_TEST)
        return ""
