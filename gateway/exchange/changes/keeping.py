"""Keep what was asked, in one transaction of the store: ids, references, versions.

All of it happens while nobody else writes the person's record, so that a condition holds until it is
answered.  The gateway makes up the ids that it assigns; those of a document follow from what its sender calls
a resource, under the key of the record, so that the next document about the same thing is its next version.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from gateway.codecs import fhir_json
from gateway.codecs.fhir_types import Version
from gateway.errors import Conflict, InputError, Issue
from gateway.exchange.changes.asked import Asked, Interaction
from gateway.exchange.changes.conditions import Condition, conditional, parse_condition
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changes.references import Names, redirected, references
from gateway.exchange.changes.single import is_bsn_like
from gateway.storage import (
    Change,
    NewDocument,
    ResourceName,
    Saved,
    Stored,
    StoredResource,
    Transaction,
    delivered_before,
    lock_person,
    record_of,
    save,
    store_document,
    version_of,
)
from gateway.storage.documents import record_key

Tree = dict[str, Any]

OF_THE_SERVER = ("versionId", "lastUpdated")
"""In `meta`: what the store gives, and not the sender."""


class Done(NamedTuple):
    """What became of an interaction: its HTTP status, and the version that holds now.

    `received` is when that came in; `content` its JSON, empty for a deletion.
    """

    status: int
    name: ResourceName
    version: int
    received: str
    content: bytes


class Kept(NamedTuple):
    """What became of a delivery; `new` is False when the same one was answered before."""

    id: str
    new: bool
    done: tuple[Done, ...]


def keep(transaction: Transaction, asked: Asked, document: NewDocument, base: str) -> Kept:
    """Store what was asked, or answer as before what this sender delivered before under the same identifier.

    `document` is the delivery, still without its changes.  Raises `Conflict`, and `InputError` for a
    conditional reference that does not lead to one resource; then the transaction must end.
    """
    lock_person(transaction, document.person)
    again = asked.kind == "document" or bool(asked.identifier)
    before = delivered_before(transaction, document) if again else None
    plan = _Plan(transaction, asked, document, base, before)
    if before is not None:
        return Kept(before.id, new=False, done=tuple(plan.answered(before)))
    store = store_document if again else save
    stored = store(transaction, replace(document, changes=plan.changes))
    return Kept(stored.id, new=True, done=tuple(plan.done(stored)))


@dataclass(frozen=True, slots=True)
class _Step:
    """An interaction with the name of its resource; `there` meets its condition already."""

    one: Interaction
    name: ResourceName
    there: StoredResource | None = None


class _Plan:
    def __init__(
        self, transaction: Transaction, asked: Asked, document: NewDocument, base: str, before: Stored | None
    ) -> None:
        self._transaction, self._document, self._base = transaction, document, base
        self._version: Version = asked.version
        self._form = FORMS[asked.version]
        self._names = Names(asked.interactions)
        self._saved = {each.name: each for each in before.saved} if before else {}
        self._steps = [self._step(one) for one in asked.interactions]
        self._by_entry = {id(step.one): step.name for step in self._steps}

    @cached_property
    def changes(self) -> list[Change]:
        """What the store is to do: nothing for what is there already."""
        return [
            Change(step.name, self._content(step), 0 if step.one.method == "POST" else step.one.expected)
            for step in self._steps
            if step.there is None
        ]

    def done(self, stored: Stored) -> Iterator[Done]:
        """What became of each interaction, now."""
        saved = iter(zip(stored.saved, self.changes, strict=True))
        for step in self._steps:
            if step.there is not None:
                yield _already(step.there)
            else:
                one, change = next(saved)
                yield _done(one, stored.received, change.content)

    def answered(self, before: Stored) -> Iterator[Done]:
        """What became of each interaction, then."""
        named = {step.name for step in self._steps}
        made = iter([each for each in before.saved if each.name not in named])
        for step in self._steps:
            saved = self._saved.get(step.name)
            if saved is None and step.there is None and step.one.method in ("POST", "KEEP"):
                saved = next(made, None)
            if saved is not None:
                found = version_of(self._transaction, saved.name, saved.version)
                yield _done(saved, before.received, found.content if found else b"")
            elif (there := step.there or version_of(self._transaction, step.name)) is not None:
                yield _already(there)
            else:
                text = "this was delivered before, and what it was answered with is gone"
                raise Conflict(Issue("error", "conflict", text, place=step.one.place))

    def _step(self, one: Interaction) -> _Step:
        if one.condition is not None:
            found = self._meeting(one.condition)
            found = [each for each in found if each.name in self._saved] or found
            if len(found) > 1:
                text = "more than one resource meets the condition"
                raise Conflict(Issue("error", "duplicate", text, place=one.place))
            if found:
                return _Step(one, found[0].name, found[0])
        return _Step(one, ResourceName(self._form, one.type, one.id or self._new_id(one)))

    def _new_id(self, one: Interaction) -> str:
        own = one.full_url or (one.resource or {}).get("id", "")
        if one.method != "KEEP" or not own or is_bsn_like(own.rpartition("/")[2]):
            return str(uuid.uuid4())
        key = record_key(self._transaction, self._document.person)
        return key.fingerprint("kept", self._document.sender, self._form, one.type, own)[:32]

    @cached_property
    def _held(self) -> list[tuple[StoredResource, Tree]]:
        """What this sender delivered of this person, in this FHIR version."""
        record = record_of(self._transaction, self._document.person, self._document.sender)
        return [
            (each, fhir_json.decode(each.content, self._version))
            for each in record.resources
            if each.name.form == self._form
        ]

    def _meeting(self, condition: Condition) -> list[StoredResource]:
        return [each for each, tree in self._held if condition.met_by(tree)]

    def _content(self, step: _Step) -> bytes:
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
        held = {each.name for each in self._meeting(condition)}
        come = {
            step.name for step in self._steps if step.one.resource and condition.met_by(step.one.resource)
        }
        if len(held | come) != 1:
            text = "a conditional reference leads to exactly one resource that was delivered"
            raise InputError(Issue("error", "not-found", text, place=place))
        (name,) = held | come
        return f"{name.type}/{name.id}"


def _done(saved: Saved, received: str, content: bytes) -> Done:
    status = 204 if saved.deleted else 201 if saved.created else 200
    return Done(status, saved.name, saved.version, received, content)


def _already(there: StoredResource) -> Done:
    """What is answered for what was there, and stays as it is."""
    return Done(204 if there.deleted else 200, there.name, there.version, there.received, there.content)
