"""One row per version: a block of a document, or a FHIR resource as it was received.

Nothing is overwritten.  Of all versions of one thing the newest holds, unless it is a deletion.  What is one
thing:

    a block       of one person, in this order: its type, when a person has one of it (Patient); its type and
                  identification number (zibroot), or the number that its own type has; else sender,
                  identifier of the document and the block's key in it, so that a document sent again
                  replaces its blocks.  Of each sender its own newest one holds; of what a person has
                  one of, the newest of all
    a resource    FHIR version, type and id.  It stays with the person and the sender of its first version
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import RowMapping, select

from gateway.blocks import Block, Identifier, dump
from gateway.errors import Conflict, Issue, Taken
from gateway.storage.database import Transaction
from gateway.storage.keys import DataKey
from gateway.storage.tables import documents, versions

BLOCKS = "blocks"
"""The form of a row that holds a block; its content is of `gateway.blocks.dump`."""

FhirForm = Literal["fhir-r4", "fhir-stu3"]

ONE_PER_PERSON = frozenset({"Patient", "Client"})
"""Block types of which a record has one: the subject itself."""

_SLICE = 500
"""How many identities are looked up at once."""

Columns = Mapping[str, Any] | RowMapping
"""A row, by the names of its columns."""


class ResourceName(NamedTuple):
    """What a resource is called: its FHIR version, type and id."""

    form: FhirForm
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Change:
    """A FHIR resource to create, update or delete.

    `content` is its JSON as received, with `id` in it or not; empty to delete.  `expected` is the version
    that must hold now, 0 for none, None when that does not matter.
    """

    name: ResourceName
    content: bytes = b""
    expected: int | None = None


class Saved(NamedTuple):
    """What became of a change: the version that holds now.  `created` when nothing held before."""

    name: ResourceName
    version: int
    deleted: bool
    created: bool


class Content(NamedTuple):
    """The sealed part of a row: the key of a block or the id of a resource, and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """A row to be: all but its document, position and person."""

    form: str
    type: str
    identity: str
    version: int
    content: Content
    deleted: bool = False

    def row(self, document: str, position: int, person: str, key: DataKey) -> dict[str, Any]:
        """The row, sealed."""
        row: dict[str, Any] = {
            "document": document,
            "position": position,
            "person": person,
            "form": self.form,
            "type": self.type,
            "identity": self.identity,
            "version": self.version,
            "deleted": self.deleted,
        }
        row["sealed"] = key.seal(msgspec.msgpack.encode(self.content), *version_row(row))
        return row


class Holding(NamedTuple):
    """The newest version of one thing; `person` is a row id."""

    version: int
    deleted: bool
    person: str
    sender: str


def version_row(row: Columns) -> tuple[str | int, ...]:
    """What the sealed part of a version is bound to: all else in its row."""
    return tuple(row[column.name] for column in versions.c if column.name != "sealed")


def open_version(row: Columns, key: DataKey) -> Content:
    """The sealed part of a version.  Raises `Fault`."""
    return msgspec.msgpack.decode(key.open(row["sealed"], *version_row(row)), type=Content)


def resource_identity(transaction: Transaction, name: ResourceName) -> str:
    """What the versions of a resource have in common: found without knowing whose it is, and no id itself."""
    return transaction.fingerprint("resource", *name)


def block_drafts(
    transaction: Transaction, key: DataKey, blocks: Sequence[Block], sender: str, document: str
) -> list[Draft]:
    """The rows of a document's blocks; `document` is its identifier."""
    identities = [
        key.fingerprint("block", block.type, *_identification(block, sender, document)) for block in blocks
    ]
    numbers = {identity: held.version for identity, held in holding(transaction, identities).items()}
    drafts = []
    for block, identity in zip(blocks, identities, strict=True):
        numbers[identity] = numbers.get(identity, 0) + 1
        content = Content(block.key, dump(block))
        drafts.append(Draft(BLOCKS, block.type, identity, numbers[identity], content))
    return drafts


def change_drafts(
    transaction: Transaction, person: str, sender: str, changes: Sequence[Change]
) -> tuple[list[Draft], list[Saved]]:
    """The rows of changes to a person (a row id), and what becomes of each change.

    Deleting what does not hold makes no row.  Raises `Conflict` when another version holds than was expected,
    or when the resource is of another person or sender.
    """
    identities = [resource_identity(transaction, each.name) for each in changes]
    held = holding(transaction, identities)
    drafts, saved = [], []
    for change, identity in zip(changes, identities, strict=True):
        before = held.get(identity, Holding(0, deleted=True, person=person, sender=sender))
        _check(change, before, person, sender)
        delete = not change.content
        version = before.version if delete and before.deleted else before.version + 1
        if version > before.version:
            content = Content(change.name.id, change.content)
            drafts.append(Draft(change.name.form, change.name.type, identity, version, content, delete))
        created = before.deleted and not delete
        saved.append(Saved(change.name, version, delete, created))
        held[identity] = Holding(version, delete, person, sender)
    return drafts, saved


def holding(transaction: Transaction, identities: Sequence[str]) -> dict[str, Holding]:
    """The newest version of each of these identities that has one."""
    found: dict[str, Holding] = {}
    for start in range(0, len(identities), _SLICE):
        query = (
            select(
                versions.c.identity,
                versions.c.version,
                versions.c.deleted,
                versions.c.person,
                documents.c.sender,
            )
            .join(documents, documents.c.id == versions.c.document)
            .where(versions.c.identity.in_(identities[start : start + _SLICE]))
            .order_by(versions.c.version)
        )
        for identity, *rest in transaction.connection.execute(query):
            found[identity] = Holding(*rest)
    return found


def _check(change: Change, before: Holding, person: str, sender: str) -> None:
    if (before.person, before.sender) != (person, sender):
        place = f"{change.name.type}/{change.name.id}"
        raise Taken(Issue("error", "conflict", "this id is not free", place=place))
    if change.expected is not None and change.expected != (0 if before.deleted else before.version):
        text = "another version holds now than the one that was expected"
        raise Conflict(Issue("error", "conflict", text, place=change.name.type))


def _identification(block: Block, sender: str, document: str) -> tuple[str, ...]:
    if block.type in ONE_PER_PERSON:
        return ("one",)
    for concept in ("IdentificationNumber", f"{block.type}IdentificationNumber"):
        value = block.values.get(concept)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Identifier):
                return ("number", each.system, each.value)
    return ("key", sender, document, block.key)
