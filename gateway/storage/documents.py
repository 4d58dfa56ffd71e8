"""What was received about one person: a document, or what one interaction changes.

It is stored whole or not at all, in the caller's transaction.  Its content is kept as rows of `versions`;
of the bytes themselves only the hash stays.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import RowMapping, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.blocks import Block
from gateway.errors import Fault, Issue, NotFound, Taken
from gateway.exchangelog import stamp
from gateway.storage import persons as people
from gateway.storage.database import Transaction
from gateway.storage.keys import RECORD, DataKey
from gateway.storage.persons import Person
from gateway.storage.tables import documents, persons, versions
from gateway.storage.versions import (
    BLOCKS,
    Change,
    Columns,
    ResourceName,
    Saved,
    block_drafts,
    change_drafts,
    open_version,
)


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What a sender delivered about one person (a pseudonym), as blocks, as FHIR resources, or both.

    `identifier` is the sender's own for the document, "" when it has none.  `content` are the bytes
    received: only their hash is kept.  `account` is the account of the translation, kept for the sender.
    """

    person: str
    sender: str
    identifier: str
    content: bytes
    received: datetime
    format: str
    release: str
    account: bytes
    blocks: Sequence[Block] = ()
    changes: Sequence[Change] = ()


class Stored(NamedTuple):
    """Where a document is, and what became of its changes, in their order.

    `new` is False when the same one was received before; then the rest is of that time, and `saved` has only
    the changes that made a version.
    """

    id: str
    received: str
    new: bool
    saved: tuple[Saved, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document as it was received; `person` is a pseudonym, `content_hash` SHA-256 in hex."""

    id: str
    person: str
    sender: str
    identifier: str
    content_hash: str
    received: str
    format: str
    release: str
    account: bytes
    row_count: int


class _Contents(NamedTuple):
    """What the sealed part of a document holds."""

    identifier: str
    content_hash: str
    account: bytes


class _Locked(NamedTuple):
    """A person whose record this transaction may write, and its key."""

    person: Person
    key: DataKey


def lock_person(transaction: Transaction, person: str) -> int:
    """The revision of a person's record (a pseudonym), which nobody else changes until the transaction ends.

    What is read after this still holds when it is written: a condition of a create belongs in between.
    """
    return _lock(transaction, person).person.revision


def store_document(transaction: Transaction, document: NewDocument) -> Stored:
    """Store a document, or answer where it is when this sender delivered the same one before.

    The same is: sender, identifier and content.  Durable once the caller has committed.  Raises `Conflict` as
    `save` does.
    """
    locked = _lock(transaction, document.person)
    content_hash = _hash(document)
    fingerprint = _fingerprint(locked.key, document, content_hash)
    known = _known(transaction, locked.key, fingerprint)
    return known or _store(transaction, locked, document, content_hash, fingerprint)


def delivered_before(transaction: Transaction, document: NewDocument) -> Stored | None:
    """What `store_document` answers when this sender delivered the same one before; None when it is new.

    It stays new until the transaction ends.
    """
    locked = _lock(transaction, document.person)
    return _known(transaction, locked.key, _fingerprint(locked.key, document, _hash(document)))


def save(transaction: Transaction, document: NewDocument) -> Stored:
    """Store what an interaction changes; the same one once more is another change.

    Durable once the caller has committed.  Raises `Conflict` when another version holds than a change
    expects, or when its id is that of another person's or sender's resource: then the transaction must end.
    """
    return _store(transaction, _lock(transaction, document.person), document, _hash(document))


def document(transaction: Transaction, document_id: str) -> StoredDocument:
    """A document with its account.  Raises `NotFound`, and `Fault` when it was altered.

    Who may see it is for the caller to decide: by `person` and `sender`.
    """
    query = (
        select(documents, persons.c.pseudonym)
        .join(persons, persons.c.id == documents.c.person)
        .where(documents.c.id == document_id)
    )
    known = "\0" not in document_id  # PostgreSQL takes no text with it
    row = transaction.connection.execute(query).mappings().one_or_none() if known else None
    if row is None:
        raise NotFound(Issue("error", "not-found", "there is no such document"))
    return _opened(row, record_key(transaction, row["pseudonym"]))


def documents_of(transaction: Transaction, person: str) -> list[StoredDocument]:
    """All that was received of a person (a pseudonym), in the order of receipt.  Raises `Fault`."""
    query = (
        select(documents, persons.c.pseudonym)
        .join(persons, persons.c.id == documents.c.person)
        .where(persons.c.pseudonym == person)
        .order_by(documents.c.sequence)
    )
    rows = transaction.connection.execute(query).mappings().all()
    key = record_key(transaction, person) if rows else None
    return [_opened(row, key) for row in rows if key is not None]


def has_delivered(transaction: Transaction, person: str, sender: str) -> bool:
    """True when anything that was received of a person (a pseudonym) is of this organisation."""
    query = (
        select(documents.c.id)
        .join(persons, persons.c.id == documents.c.person)
        .where(persons.c.pseudonym == person, documents.c.sender == sender)
        .limit(1)
    )
    return transaction.connection.execute(query).first() is not None


def _opened(row: RowMapping, key: DataKey) -> StoredDocument:
    contents = open_document(row, key)
    return StoredDocument(
        id=row["id"],
        person=row["pseudonym"],
        sender=row["sender"],
        identifier=contents.identifier,
        content_hash=contents.content_hash,
        received=row["received"],
        format=row["format"],
        release=row["release"],
        account=contents.account,
        row_count=row["row_count"],
    )


def document_row(row: Columns) -> tuple[str | int | None, ...]:
    """What the sealed part of a document is bound to: all else in its row."""
    return tuple(row[column.name] for column in documents.c if column.name != "sealed")


def open_document(row: Columns, key: DataKey) -> _Contents:
    """The sealed part of a document.  Raises `Fault`."""
    return msgspec.msgpack.decode(key.open(row["sealed"], *document_row(row)), type=_Contents)


def record_key(transaction: Transaction, person: str) -> DataKey:
    """The key of the record of a person of whom something is stored.  Raises `Fault` when it is gone."""
    key = transaction.vault.key(person, RECORD)
    if key is None:
        raise Fault(Issue("fatal", "security", "the key of this record is gone", place="storage"))
    return key


def _lock(transaction: Transaction, person: str) -> _Locked:
    found = people.lock(transaction.connection, person)
    return _Locked(found, transaction.vault.make(person, RECORD))


def _hash(document: NewDocument) -> str:
    return hashlib.sha256(document.content).hexdigest()


def _fingerprint(key: DataKey, document: NewDocument, content_hash: str) -> str:
    return key.fingerprint("document", document.sender, document.identifier, content_hash)


def _known(transaction: Transaction, key: DataKey, fingerprint: str) -> Stored | None:
    known = select(documents.c.id, documents.c.received).where(documents.c.fingerprint == fingerprint)
    found = transaction.connection.execute(known).one_or_none()
    if found is None:
        return None
    return Stored(found.id, found.received, new=False, saved=_saved_before(transaction, found.id, key))


def _store(
    transaction: Transaction,
    locked: _Locked,
    document: NewDocument,
    content_hash: str,
    fingerprint: str | None = None,
) -> Stored:
    (person, revision), key = locked
    sender = document.sender
    name = document.identifier or content_hash
    drafts = block_drafts(transaction, key, document.blocks, sender, name)
    changed, saved = change_drafts(transaction, person, sender, document.changes)
    drafts += changed
    row: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "person": person,
        "sequence": revision + 1,
        "fingerprint": fingerprint,
        "sender": sender,
        "received": stamp(document.received),
        "format": document.format,
        "release": document.release,
        "row_count": len(drafts),
    }
    contents = _Contents(document.identifier, content_hash, document.account)
    row["sealed"] = key.seal(msgspec.msgpack.encode(contents), *document_row(row))
    rows = [draft.row(row["id"], position, person, key) for position, draft in enumerate(drafts)]
    _insert(transaction, row, rows)
    return Stored(row["id"], row["received"], new=True, saved=tuple(saved))


def _insert(transaction: Transaction, document: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    connection = transaction.connection
    grown = update(persons).where(persons.c.id == document["person"])
    connection.execute(grown.values(revision=document["sequence"]))
    connection.execute(insert(documents).values(document))
    try:
        if rows:
            connection.execute(insert(versions), rows)
    except IntegrityError:  # another person got the same id at the same moment
        raise Taken(Issue("error", "conflict", "this id is not free")) from None


def _saved_before(transaction: Transaction, document_id: str, key: DataKey) -> tuple[Saved, ...]:
    before = versions.alias("before")
    query = (
        select(versions, before.c.deleted.label("deleted_before"))
        .outerjoin(
            before,
            and_(
                before.c.identity == versions.c.identity,
                before.c.version == versions.c.version - 1,
            ),
        )
        .where(versions.c.document == document_id, versions.c.form != BLOCKS)
        .order_by(versions.c.position)
    )
    return tuple(
        Saved(
            ResourceName(row["form"], row["type"], open_version(row, key).name),
            row["version"],
            row["deleted"],
            row["deleted_before"] is not False and not row["deleted"],
        )
        for row in transaction.connection.execute(query).mappings()
    )
