"""The record of a person: what holds now, and any version of a resource.

Of two versions of one thing the newest holds: by order of receipt, not by the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, Select, select

from gateway.blocks import Block, load
from gateway.storage.database import Transaction
from gateway.storage.documents import record_key
from gateway.storage.persons import find
from gateway.storage.tables import documents, persons, versions
from gateway.storage.versions import (
    BLOCKS,
    ONE_PER_PERSON,
    Content,
    ResourceName,
    open_version,
    resource_identity,
)

APART = "Binary"
"""The type of resource that is never searched, and can be large: found by its name alone."""

BlockName = tuple[str, str]
"""Document id and key of a block: unique in a record."""

_Thing = tuple[str, str]
"""What a block is a version of, by its identity and whose: nobody replaces what another sender delivered."""


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block, which version of it this is, and the document that it came in."""

    document: str
    received: str
    sender: str
    block: Block
    version: int = 1


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A FHIR resource as it was received: `content` is its JSON, empty when this version deletes it.

    `received` is its last update; `document` and `sender` say where it came from.
    """

    name: ResourceName
    version: int
    document: str
    received: str
    sender: str
    content: bytes

    @property
    def deleted(self) -> bool:
        """True when this version is a deletion."""
        return not self.content


@dataclass(frozen=True, slots=True)
class Record:
    """The blocks and resources of a person that hold now, in the order of receipt.

    `current` leads from the name of every block ever received to the one that holds now, so that a reference
    to a block that was replaced still finds it.  `revision` grows with every write of this person.
    """

    blocks: tuple[StoredBlock, ...]
    current: Mapping[BlockName, BlockName]
    resources: tuple[StoredResource, ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Located:
    """Where a resource is, without its content; `person` is a pseudonym."""

    person: str
    sender: str
    document: str
    version: int
    received: str
    deleted: bool


def record_of(transaction: Transaction, person: str, sender: str = "") -> Record:
    """The record of a person (a pseudonym); with `sender` only what that organisation delivered.

    Without what is `APART`.  Empty for an unknown person.  Raises `Fault` when anything that it reads was
    altered.
    """
    found = find(transaction.connection, person)
    if found is None:
        return Record((), {})
    query = _rows().where(versions.c.person == found.id, versions.c.type != APART)
    query = query.order_by(documents.c.sequence, versions.c.position)
    if sender:
        query = query.where(documents.c.sender == sender)
    key = record_key(transaction, person)
    names: dict[BlockName, _Thing] = {}
    current: dict[_Thing, BlockName] = {}
    blocks: dict[_Thing, StoredBlock] = {}
    resources: dict[str, RowMapping] = {}
    for row in transaction.connection.execute(query).mappings():
        identity = row["identity"]
        if row["form"] != BLOCKS:
            resources.pop(identity, None)  # so that the newest stands at the end
            resources[identity] = row
            continue
        content = open_version(row, key)
        name = row["document"], content.name
        thing = identity, "" if row["type"] in ONE_PER_PERSON else row["sender"]
        names[name], current[thing] = thing, name
        blocks.pop(thing, None)
        blocks[thing] = StoredBlock(
            row["document"], row["received"], row["sender"], load(content.data), row["version"]
        )
    return Record(
        tuple(blocks.values()),
        {name: current[thing] for name, thing in names.items()},
        tuple(_resource(row, open_version(row, key)) for row in resources.values() if not row["deleted"]),
        found.revision,
    )


def locate(transaction: Transaction, name: ResourceName) -> Located | None:
    """Where the newest version of a resource is, a deletion too; None when there never was one.

    It is somebody's: who may know of it is for the caller to decide, by `person` and `sender`.
    """
    row = _find(transaction, name)
    if row is None:
        return None
    return Located(
        person=row["pseudonym"],
        sender=row["sender"],
        document=row["document"],
        version=row["version"],
        received=row["received"],
        deleted=row["deleted"],
    )


def version_of(
    transaction: Transaction, name: ResourceName, version: int | None = None
) -> StoredResource | None:
    """A version of a resource, None for the newest; None when there is no such version.

    Raises `Fault` when it was altered.  Who may see it is for the caller to decide, by `locate`.
    """
    row = _find(transaction, name, version)
    return (
        None if row is None else _resource(row, open_version(row, record_key(transaction, row["pseudonym"])))
    )


def versions_of(
    transaction: Transaction, name: ResourceName, most: int, below: int = 0
) -> list[StoredResource]:
    """The newest versions of a resource, deletions too, newest first; with `below` only older than that one.

    Raises `Fault` when one was altered.  Who may see them is for the caller to decide, by `locate`.
    """
    query = _rows().where(versions.c.identity == resource_identity(transaction, name))
    if below:
        query = query.where(versions.c.version < below)
    query = query.order_by(versions.c.version.desc()).limit(most)
    rows = transaction.connection.execute(query).mappings().all()
    key = record_key(transaction, rows[0]["pseudonym"]) if rows else None
    return [_resource(row, open_version(row, key)) for row in rows if key is not None]


def _rows() -> Select[Any]:
    return (
        select(versions, documents.c.received, documents.c.sender, persons.c.pseudonym)
        .join(documents, documents.c.id == versions.c.document)
        .join(persons, persons.c.id == versions.c.person)
    )


def _find(transaction: Transaction, name: ResourceName, version: int | None = None) -> RowMapping | None:
    query = _rows().where(versions.c.identity == resource_identity(transaction, name))
    if version is not None:
        query = query.where(versions.c.version == version)
    newest = query.order_by(versions.c.version.desc()).limit(1)
    return transaction.connection.execute(newest).mappings().one_or_none()


def _resource(row: RowMapping, content: Content) -> StoredResource:
    return StoredResource(
        name=ResourceName(row["form"], row["type"], content.name),
        version=row["version"],
        document=row["document"],
        received=row["received"],
        sender=row["sender"],
        content=content.data,
    )
