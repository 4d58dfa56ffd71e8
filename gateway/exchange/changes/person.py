"""Whose record a change is of: exactly one person, and what of that record it refers to.

    1. a Patient in it has a BSN that passes the eleven test
    2. a reference to a Patient leads to one in it, or to one that this sender delivered before
    3. a reference by BSN is to that person; what is updated or deleted stays with its person
    4. all of these are the same person; what names nobody goes with the others, and never alone

What another organisation delivered is as little there as what nobody did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.errors import ContentError, InputError, Issue, NotFound
from gateway.exchange.binaries import BINARY, WITHOUT, context_of
from gateway.exchange.changes.asked import Asked, Interaction
from gateway.exchange.changes.conditions import (
    Condition,
    conditional,
    identifiers,
    is_bsn_system,
    parse_condition,
)
from gateway.exchange.changes.references import Names, on_gateway, references
from gateway.exchange.person import ELEVEN_TEST, NUMBERS, ONE_PERSON, SUBJECT
from gateway.storage import FhirForm, Located, ResourceName, Transaction, locate, version_of

Tree = dict[str, Any]
Pseudonym = Callable[[str], str]
"""The person of a BSN.  Raises `ContentError` for what is none."""

FORMS: dict[Version, FhirForm] = {"r4": "fhir-r4", "stu3": "fhir-stu3"}
NOBODY = "this is about nobody that is known: it comes in a Bundle with the Patient, or refers to one"
WHOSE = (
    "whose record it is must be said: patient=Patient/id; a Patient is named by its id, or by BSN in a Bundle"
)
NOT_THERE = "refers to a resource that is neither in the Bundle nor delivered before"


@dataclass(frozen=True, slots=True)
class Own:
    """What one sender delivered, as far as it is asked for."""

    transaction: Transaction
    sender: str
    version: Version

    def locate(self, name: ResourceName) -> Located | None:
        """Where a resource of this sender is, one that was deleted too."""
        found = locate(self.transaction, name)
        return found if found is not None and found.sender == self.sender else None

    def tree(self, name: ResourceName) -> Tree | None:
        """A resource of this sender that holds."""
        found = version_of(self.transaction, name)
        if found is None or found.sender != self.sender or found.deleted:
            return None
        return fhir_json.decode(found.content, self.version)


@dataclass(slots=True)
class Surroundings:
    """`person` is a pseudonym, "" when `issues` say why; `beside` are resources that are referred to."""

    person: str = ""
    beside: list[Tree] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def check(self, others: Sequence[Issue]) -> None:
        """Raises `ContentError` with every error, those among `others` as well."""
        places = {issue.place for issue in self.issues}
        issues = self.issues + [
            each for each in others if each.severity in ("error", "fatal") and each.place not in places
        ]
        if issues:
            raise ContentError(*issues)


def surroundings(asked: Asked, own: Own, base: str, pseudonym: Pseudonym) -> Surroundings:
    """Whose record is changed, and what of it is referred to.

    Raises `NotFound` for a deletion of what is not there, and `Conflict` when another version holds than was
    expected and nothing says whose it is.
    """
    return _Search(asked, own, base, pseudonym).run()


class _Search:
    def __init__(self, asked: Asked, own: Own, base: str, pseudonym: Pseudonym) -> None:
        self._asked, self._own, self._base, self._pseudonym = asked, own, base, pseudonym
        self._form = FORMS[asked.version]
        self._names = Names(asked.interactions)
        self._named: list[tuple[str, str]] = []
        """Place and person (a pseudonym)."""
        self._wanted: dict[ResourceName, str] = {}
        """What is referred to, and whose it is."""
        self._found = Surroundings()

    def run(self) -> Surroundings:
        for one in self._asked.interactions:
            self._held(one)
            if one.condition is not None:
                self._condition(one.condition, one.condition_place)
            if one.resource is not None:
                self._patient(one.resource, one.place)
                if one.type == BINARY:
                    self._binary(one, context_of(one.resource))
                for place, reference in references(one.resource, one.place):
                    self._reference(one, place, reference)
        persons = {person for _, person in self._named}
        if len(persons) > 1:
            for place, _ in self._named:
                self._fault("invalid", "what is delivered together is about more than one person", place)
        elif not persons and not self._found.issues:
            one = self._asked.interactions[0]
            found = one.resource is None and one.condition is not None
            self._fault("required", WHOSE if found else NOBODY, one.condition_place if found else one.place)
        if self._found.issues:
            self._stale()
        elif persons:
            self._found.person = person = persons.pop()
            trees = (self._own.tree(name) for name, whose in self._wanted.items() if whose == person)
            self._found.beside = [tree for tree in trees if tree is not None]
        return self._found

    def _held(self, one: Interaction) -> None:
        """What is updated or deleted is of the person that it was of."""
        if one.method not in ("PUT", "DELETE") or not one.id:
            return
        there = self._own.locate(ResourceName(self._form, one.type, one.id))
        if there is not None:
            self._named.append((one.place, there.person))
        elif one.method == "DELETE":
            raise NotFound(Issue("error", "not-found", "there is no such resource", place=one.place))

    def _patient(self, resource: Tree, place: str) -> None:
        """A Patient says who it is, one that is contained as well."""
        if resource["resourceType"] == "Patient":
            found = [
                (f"{place}.identifier[{number}].value", value)
                for number, each in enumerate(resource.get("identifier", ()))
                for system, value in identifiers(each)
                if is_bsn_system(system)
            ]
            if not found:
                self._fault("required", "the BSN is missing", place, NUMBERS["Patient"][1])
            for where, number_ in found:
                self._number(number_, where)
        for number, inner in enumerate(resource.get("contained", ())):
            self._patient(inner, f"{place}.contained[{number}]")

    def _binary(self, one: Interaction, context: str) -> None:
        """A Binary is of the person of what it hangs on, which may come with it; a Patient says so itself."""
        place = f"{one.place}.securityContext"
        target, name = self._names.find(context, one), on_gateway(context, self._form, self._base)
        if (target is not None and target.type != BINARY) or context.startswith("Patient?"):
            return
        if target is not None or name is None or name.type == BINARY:
            self._fault("required", WITHOUT, place)
        elif name.type != "Patient":
            self._person(self._own.locate(name), f"{place}.reference")

    def _reference(self, one: Interaction, place: str, reference: Tree) -> None:
        for system, value in identifiers(reference.get("identifier")):
            if is_bsn_system(system):
                self._number(value, f"{place}.identifier.value")
        literal = reference.get("reference", "")
        if not isinstance(literal, str) or literal[:1] in ("", "#") or self._names.find(literal, one):
            return
        name = on_gateway(literal, self._form, self._base)
        if kind := conditional(literal):
            self._conditional(kind, literal, f"{place}.reference")
        elif name is not None:
            there = self._own.locate(name)
            if there is not None and not there.deleted and name.type != BINARY:
                self._wanted[name] = there.person
            if name.type == "Patient":
                self._person(there, f"{place}.reference")
        elif literal.startswith("urn:") or "/Patient/" in literal:
            self._fault("not-found", NOT_THERE, f"{place}.reference")

    def _conditional(self, kind: str, literal: str, place: str) -> None:
        """A reference by what a resource is known by: `Patient?identifier=…`."""
        try:
            condition = parse_condition(kind, literal, place)
        except InputError as error:
            self._found.issues += error.issues
            return
        if condition is not None:
            self._condition(condition, place)

    def _condition(self, condition: Condition, place: str) -> None:
        """A condition may say whose record it is about."""
        if condition.bsn:
            self._number(condition.bsn, place)
        for patient in sorted(condition.patients):
            self._person(self._own.locate(ResourceName(self._form, "Patient", patient)), place)

    def _person(self, there: Located | None, place: str) -> None:
        if there is None or there.deleted:
            self._fault("not-found", NOT_THERE, place)
        else:
            self._named.append((place, there.person))

    def _number(self, bsn: str, place: str) -> None:
        try:
            self._named.append((place, self._pseudonym(bsn)))
        except ContentError as error:
            self._fault("value", error.issues[0].text, place, NUMBERS["Patient"][1], ELEVEN_TEST)

    def _fault(
        self, code: str, text: str, place: str, concept: str = SUBJECT[1], rule: str = ONE_PERSON
    ) -> None:
        self._found.issues.append(Issue("error", code, text, place, concept, rule))

    def _stale(self) -> None:
        """Raises `Conflict` when another version holds than was expected: that goes before all else."""
        for one in self._asked.interactions:
            if one.expected is not None and one.id:
                there = self._own.locate(ResourceName(self._form, one.type, one.id))
                one.expected.check(there.version if there and not there.deleted else 0, one.place)
