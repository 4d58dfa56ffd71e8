"""Conditions: `identifier=system|value`, of what is created, updated, deleted or referred to.

    If-None-Exist: identifier=http://epd.example/problem|17
    PUT Condition?identifier=http://epd.example/problem|17
    DELETE Condition?identifier=http://epd.example/problem|17&patient=Patient/4711
    Patient?identifier=http://fhir.nl/fhir/NamingSystem/bsn|…

Identifiers are what a sender knows a thing by; `patient` (or `subject`) says whose record it is in, where
nothing else does.  Another parameter is refused, since one that were left out would let a condition meet
more.  A BSN may stand only in a condition about a Patient, and in no address of a request.  No text of a
condition is repeated in an issue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

from gateway.errors import ContentError, InputError, Issue
from gateway.exchange.person import BSN_SYSTEMS
from gateway.exchange.search.scope import PERSON
from gateway.storage import normalise_bsn

Resource = dict[str, Any]
T = TypeVar("T")

_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?")
_PATIENT = re.compile(r"(?:Patient/)?([A-Za-z0-9.-]{1,64})")
MAX_TOKENS = 10
"""Most parameters of one condition."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Identifiers (system, value) that a resource of the type must all have; no system: of any.

    `patients` are ids of the Patient whose record is meant.
    """

    type: str
    tokens: frozenset[tuple[str, str]] = field(repr=False)
    patients: frozenset[str] = field(default=frozenset(), repr=False)

    def met_by(self, resource: Resource) -> bool:
        """True for a resource of the type with these identifiers."""
        if resource["resourceType"] != self.type:
            return False
        there = _tokens(resource)
        values = {value for _, value in there}
        return all(token in there if token[0] else token[1] in values for token in self.tokens)

    @property
    def bsn(self) -> str:
        """The BSN in it, nine digits when it is one; "" when it has none."""
        return next((value for system, value in self.tokens if is_bsn_system(system)), "")


class ByIdentifier(Generic[T]):
    """What has a resource, found by conditions on that; each is looked at only where an identifier fits."""

    def __init__(self, rows: Iterable[tuple[T, Resource]]) -> None:
        self._rows: dict[tuple[str, str, str], list[tuple[T, Resource]]] = {}
        for row in rows:
            kind, tokens = row[1]["resourceType"], _tokens(row[1])
            for system, value in tokens | {("", value) for _, value in tokens}:
                self._rows.setdefault((kind, system, value), []).append(row)

    def meeting(self, condition: Condition) -> list[T]:
        """What meets a condition, in the order in which it was given."""
        found = self._rows.get((condition.type, *max(condition.tokens)), ())
        return [each for each, resource in found if condition.met_by(resource)]


def parse_condition(kind: str, text: str, place: str) -> Condition | None:
    """The condition of a query string (`Type?` before it or not); None for "".  Raises `InputError`."""
    query = text.rpartition("?")[2]
    if not query:
        return None
    if kind == "Binary":
        raise _refused("not-supported", "a Binary has no identifier that a condition could be about", place)
    pairs = parse_qsl(query, keep_blank_values=True)
    if not pairs or len(pairs) > MAX_TOKENS:
        raise _refused("value", f"a condition has 1 to {MAX_TOKENS} parameters", place)
    tokens, patients = set(), set()
    for name, value in pairs:
        if name in PERSON and kind != "Patient":
            patients.add(_patient(value, place))
            continue
        system, _, number = value.rpartition("|")
        if name != "identifier" or not number or "," in value:
            raise _refused("not-supported", "a condition is identifier=system|value", place)
        if is_bsn_system(system) and kind != "Patient":
            raise _refused("security", "a BSN may stand only in a condition about a Patient", place)
        tokens.add(_normal(system, number))
    if not tokens:
        raise _refused("required", "a condition is identifier=system|value, and whose it is beside", place)
    return Condition(kind, frozenset(tokens), frozenset(patients))


def conditional(literal: str) -> str:
    """The type that a conditional reference is to (http.html#trules); "" for any other reference."""
    found = _CONDITIONAL.match(literal)
    return found[1] if found else ""


def is_bsn_system(system: str) -> bool:
    """True for the system of a BSN, as URI or OID."""
    return any(each in system for each in BSN_SYSTEMS)


def identifiers(element: Any) -> Iterator[tuple[str, str]]:
    """System and value of an Identifier, or of several."""
    for each in element if isinstance(element, list) else [element]:
        if isinstance(each, dict) and isinstance(each.get("value"), str):
            yield each.get("system", ""), each["value"]


def _tokens(resource: Resource) -> set[tuple[str, str]]:
    return {_normal(*each) for each in identifiers(resource.get("identifier"))}


def _patient(value: str, place: str) -> str:
    """The id of `id` or `Patient/id`."""
    found = _PATIENT.fullmatch(value)
    if found is None:
        raise _refused("value", "whose it is, is said as patient=Patient/id", place)
    return found[1]


def _normal(system: str, value: str) -> tuple[str, str]:
    """A BSN has one spelling here, whatever it came in."""
    if not is_bsn_system(system):
        return system, value
    try:
        return BSN_SYSTEMS[0], normalise_bsn(value)
    except ContentError:
        return BSN_SYSTEMS[0], value


def _refused(code: str, text: str, place: str) -> InputError:
    return InputError(Issue("error", code, text, place=place))
