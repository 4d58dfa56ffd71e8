"""What becomes of each interaction: the id of its resource, the version that must hold, and its content.

Made while nobody else writes the person's record.  The gateway makes up the ids that it assigns; those of a
document follow from what its sender calls a resource, under the key of the record, so that the next document
about the same thing is its next version.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gateway.codecs.fhir import fhir_json
from gateway.codecs.fhir.elements import Version
from gateway.errors import Conflict, InputError, Issue
from gateway.exchange.changes.asked import Asked, Interaction
from gateway.exchange.changes.conditions import ByIdentifier, Condition, conditional, parse_condition
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changes.references import Names, redirected, references
from gateway.exchange.changes.single import is_bsn_like
from gateway.storage import (
    Change,
    NewDocument,
    ResourceName,
    Stored,
    StoredResource,
    Transaction,
    locate,
    record_of,
)
from gateway.storage.documents import record_key

Tree = dict[str, Any]

OF_THE_SERVER = ("versionId", "lastUpdated")
"""In `meta`: what the store gives, and not the sender."""


@dataclass(frozen=True, slots=True)
class Step:
    """An interaction with the name of its resource, without an id when there is nothing to delete.

    `there` meets the condition of a create already.  `expected` is the version that must hold.
    """

    one: Interaction
    name: ResourceName
    there: StoredResource | None = None
    expected: int | None = None

    @property
    def changes(self) -> bool:
        """True when the store has something to do."""
        return self.there is None and bool(self.name.id)


class Plan:
    """A delivery of one person, that was answered `before` or not; raises as `keep` does."""

    def __init__(
        self, transaction: Transaction, asked: Asked, document: NewDocument, base: str, before: Stored | None
    ) -> None:
        self._transaction, self._document, self._base = transaction, document, base
        self._version: Version = asked.version
        self._form = FORMS[asked.version]
        self._names = Names(asked.interactions)
        self._again = before is not None
        self._saved = {each.name: each for each in before.saved} if before else {}
        self._gone = frozenset[ResourceName]()
        self.steps = self._steps(asked.interactions)
        self._by_entry = {id(step.one): step.name for step in self.steps}
        self._check_overlap()

    @cached_property
    def changes(self) -> list[Change]:
        """What the store is to do: nothing for what is there already."""
        return [Change(step.name, self._content(step), step.expected) for step in self.steps if step.changes]

    def place_of_id(self, name: str) -> str:
        """Where the id of a resource (`Type/id`) stands in what was received."""
        found = (step.one for step in self.steps if f"{step.name.type}/{step.name.id}" == name)
        one = next(found, None)
        return one.id_place if one else "id"

    def _steps(self, interactions: Sequence[Interaction]) -> list[Step]:
        """Deletions come first (http.html#trules): what goes meets no condition of what is created."""
        deletions = {id(one): self._step(one) for one in interactions if one.method == "DELETE"}
        self._gone = frozenset(step.name for step in deletions.values())
        return [deletions.get(id(one)) or self._step(one) for one in interactions]

    def _step(self, one: Interaction) -> Step:
        met = self._met(one)
        if one.method in ("POST", "KEEP"):
            name = met.name if met else self._name(self._new_id(one), one)
            return Step(one, name, met, expected=0 if one.method == "POST" else None)
        if one.condition is None:
            return self._expecting(one, self._name(one.id, one))
        if met is not None:
            self._check_chosen(one, met.name.id)
            return self._expecting(one, met.name)
        if one.method == "DELETE":
            return self._expecting(one, self._name("", one))
        self._check_chosen(one, "")
        return self._expecting(one, self._name(one.chosen or self._new_id(one), one))

    def _name(self, id_: str, one: Interaction) -> ResourceName:
        return ResourceName(self._form, one.type, id_)

    def _met(self, one: Interaction) -> StoredResource | None:
        """What meets the condition of an interaction.  Raises `Conflict` when that is not one."""
        found = self._held.meeting(one.condition) if one.condition else []
        if one.method == "POST":
            found = [each for each in found if each.name not in self._gone]
        then = [each for each in found if self._was_done(each.name, one)]
        found = then if self._again and one.method == "DELETE" else then or found
        if len(found) > 1:
            text = "more than one resource meets the condition"
            raise Conflict(Issue("error", "duplicate", text, place=one.condition_place))
        return found[0] if found else None

    def _was_done(self, name: ResourceName, one: Interaction) -> bool:
        """True when this delivery did to a resource, before, what an interaction asks."""
        saved = self._saved.get(name)
        return saved is not None and saved.deleted == (one.method == "DELETE")

    def _expecting(self, one: Interaction, name: ResourceName) -> Step:
        """Raises `Conflict` when another version holds than is expected, unless this was answered before."""
        if one.expected is None or self._again:
            return Step(one, name)
        held = self._holding(name)
        one.expected.check(held, one.place)
        return Step(one, name, expected=held)

    def _holding(self, name: ResourceName) -> int:
        """The version that holds of a resource of this sender and person, 0 for none."""
        found = locate(self._transaction, name) if name.id else None
        if found is None or (found.person, found.sender) != (self._document.person, self._document.sender):
            return 0
        return 0 if found.deleted else found.version

    def _check_chosen(self, one: Interaction, met: str) -> None:
        """The resource of a conditional update may say which id it has (http.html#cond-update)."""
        if self._again or one.chosen in ("", met):
            return
        if met:
            text = "the id in the resource is not that of what meets the condition"
            raise InputError(Issue("error", "invalid", text, place=one.id_place))
        if self._holding(self._name(one.chosen, one)):
            text = "the id in the resource is that of another one, which does not meet the condition"
            raise Conflict(Issue("error", "conflict", text, place=one.id_place))

    def _check_overlap(self) -> None:
        """No two entries may change one resource, as a condition could make them (http.html#trules)."""
        seen: set[ResourceName] = set()
        for step in self.steps:
            if step.one.method in ("PUT", "DELETE") and step.changes and step.name in seen:
                text = "an entry before changes the same resource"
                raise InputError(Issue("error", "duplicate", text, place=step.one.condition_place))
            seen.add(step.name)

    def _new_id(self, one: Interaction) -> str:
        own = one.full_url or (one.resource or {}).get("id", "")
        if one.method != "KEEP" or not own or is_bsn_like(own.rpartition("/")[2]):
            return str(uuid.uuid4())
        key = record_key(self._transaction, self._document.person)
        return key.fingerprint("kept", self._document.sender, self._form, one.type, own)[:32]

    @cached_property
    def _held(self) -> ByIdentifier[StoredResource]:
        """What this sender delivered of this person, in this FHIR version."""
        record = record_of(self._transaction, self._document.person, self._document.sender)
        return ByIdentifier(
            (each, fhir_json.decode(each.content, self._version))
            for each in record.resources
            if each.name.form == self._form
        )

    @cached_property
    def _come(self) -> ByIdentifier[ResourceName]:
        """What comes with this delivery."""
        return ByIdentifier((step.name, step.one.resource) for step in self.steps if step.one.resource)

    def _content(self, step: Step) -> bytes:
        """The resource as it is kept: as received, with its id, and references that lead somewhere."""
        resource = step.one.resource
        if resource is None:
            return b""
        conditional = dict(self._conditional(step.one, resource))

        def lead(literal: str) -> str:
            target = self._names.find(literal, step.one)
            if target is not None:
                name = self._by_entry[id(target)]
                return f"{name.type}/{name.id}"
            return conditional.get(literal, literal.removeprefix(f"{self._base}/"))

        tree = {"resourceType": step.name.type, "id": step.name.id, **redirected(resource, lead)}
        tree["id"] = step.name.id
        if "meta" in tree:
            tree["meta"] = {name: each for name, each in tree["meta"].items() if name not in OF_THE_SERVER}
            if not tree["meta"]:
                del tree["meta"]
        return fhir_json.encode(tree, self._version)

    def _conditional(self, one: Interaction, resource: Tree) -> Iterator[tuple[str, str]]:
        """Each conditional reference of a resource with what it leads to."""
        for place, reference in references(resource, one.place):
            literal = reference.get("reference", "")
            kind = conditional(literal)
            condition = parse_condition(kind, literal, f"{place}.reference") if kind else None
            if condition is not None:
                yield literal, self._one(condition, f"{place}.reference")

    def _one(self, condition: Condition, place: str) -> str:
        """The one resource that meets a condition: of those that hold, and of those that come with it."""
        held = {each.name for each in self._held.meeting(condition)} - self._gone
        come = set(self._come.meeting(condition))
        if len(held | come) != 1:
            text = "a conditional reference leads to exactly one resource that was delivered"
            raise InputError(Issue("error", "not-found", text, place=place))
        (name,) = held | come
        return f"{name.type}/{name.id}"
