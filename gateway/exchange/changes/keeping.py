"""Keep what was asked, in one transaction of the store, and say what became of it.

All of it happens while nobody else writes the person's record, so that a condition holds until it is
answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from gateway.errors import Conflict, InputError, Issue, Taken
from gateway.exchange.changes.asked import Asked, Interaction
from gateway.exchange.changes.person import FORMS
from gateway.exchange.changes.planning import Plan
from gateway.exchange.changes.single import unusable
from gateway.storage import (
    FhirForm,
    NewDocument,
    ResourceName,
    Saved,
    Stored,
    StoredResource,
    Transaction,
    delivered_before,
    has_delivered,
    lock_person,
    save,
    store_document,
    version_of,
)


class Done(NamedTuple):
    """What became of an interaction: its HTTP status, and the version that holds now.

    `received` is when that came in; `content` its JSON, empty for a deletion.  Version 0: there was nothing
    to delete.
    """

    status: int
    name: ResourceName
    version: int
    received: str
    content: bytes


class Kept(NamedTuple):
    """What became of a delivery.

    `new` is False when the same one was answered before; `id` is that of the document, "" when there was
    nothing to store.
    """

    id: str
    new: bool
    done: tuple[Done, ...]


def keep(transaction: Transaction, asked: Asked, document: NewDocument, base: str) -> Kept:
    """Store what was asked, or answer as before what this sender delivered before under the same identifier.

    `document` is the delivery, still without its changes.  Raises `Conflict`, and `InputError` for an id that
    its sender cannot have, or a conditional reference that does not lead to one resource; then the
    transaction must end.
    """
    deletes = all(map(_deletes, asked.interactions))
    if deletes and not has_delivered(transaction, document.person, document.sender):
        form = FORMS[asked.version]  # alike whether or not others know the person
        return Kept("", new=True, done=tuple(_nothing(one, form) for one in asked.interactions))
    lock_person(transaction, document.person)
    again = asked.kind == "document" or bool(asked.identifier)
    before = delivered_before(transaction, document) if again else None
    plan = Plan(transaction, asked, document, base, before)
    if before is not None:
        return Kept(before.id, new=False, done=tuple(_as_before(plan, transaction, before)))
    store = store_document if again else save
    try:
        stored = store(transaction, replace(document, changes=plan.changes))
    except Taken as error:
        raise InputError(unusable(plan.place_of_id(error.issues[0].place))) from None
    return Kept(stored.id, new=True, done=tuple(_as_kept(plan, stored)))


def _as_kept(plan: Plan, stored: Stored) -> Iterator[Done]:
    """What became of each interaction, now."""
    saved = iter(zip(stored.saved, plan.changes, strict=True))
    for step in plan.steps:
        if step.changes:
            one, change = next(saved)
            yield _done(one, stored.received, change.content)
        else:
            yield _already(step.there) if step.there else _nothing(step.one, step.name.form)


def _as_before(plan: Plan, transaction: Transaction, before: Stored) -> Iterator[Done]:
    """What became of each interaction, then."""
    held = {each.name: each for each in before.saved}
    named = {step.name for step in plan.steps}
    made = [each for each in before.saved if each.name not in named]
    for step in plan.steps:
        saved = held.get(step.name)
        if saved is None and step.there is None and not step.one.id:
            saved = _claimed(made, step.one)
        if saved is not None:
            found = version_of(transaction, saved.name, saved.version)
            yield _done(saved, before.received, found.content if found else b"")
        elif not step.name.id:
            yield _nothing(step.one, step.name.form)
        elif (there := step.there or version_of(transaction, step.name)) is not None:
            yield _already(there)
        else:
            text = "this was delivered before, and what it was answered with is gone"
            raise Conflict(Issue("error", "conflict", text, place=step.one.place))


def _done(saved: Saved, received: str, content: bytes) -> Done:
    status = 204 if saved.deleted else 201 if saved.created else 200
    return Done(status, saved.name, saved.version, received, content)


def _claimed(made: list[Saved], one: Interaction) -> Saved | None:
    """Of what was made under ids that are not known by now, the first that an interaction can have made."""
    for number, each in enumerate(made):
        if each.name.type == one.type and each.deleted == _deletes(one):
            return made.pop(number)
    return None


def _deletes(one: Interaction) -> bool:
    return one.method == "DELETE"


def _nothing(one: Interaction, form: FhirForm) -> Done:
    """What is answered when nothing meets the condition of a deletion (http.html#cdelete).

    Raises `Conflict` when a version was expected.
    """
    if one.expected is not None:
        one.expected.check(0, one.place)
    return Done(204, ResourceName(form, one.type, ""), 0, "", b"")


def _already(there: StoredResource) -> Done:
    """What is answered for what was there, and stays as it is."""
    return Done(204 if there.deleted else 200, there.name, there.version, there.received, there.content)
