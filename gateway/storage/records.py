"""The record of a person: documents received and the blocks in them, encrypted under the person's key.

A document is stored whole or not at all, in the caller's transaction.  Nothing is overwritten: of two
blocks with one identity the one of the newest document holds, the earlier one stays.

What identifies a block, in this order:
  1. its type, when a person has one of it (Patient)
  2. its type and identification number (zibroot), or the number that its own type has
  3. sender, identifier of the document, and the block's key in it: a document sent again replaces its blocks
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import RowMapping, func, insert, select

from gateway.blocks import Block, Identifier, dump, load
from gateway.errors import Fault, Issue, NotFound
from gateway.exchangelog import stamp
from gateway.storage.database import Transaction
from gateway.storage.keys import RECORD, DataKey
from gateway.storage.persons import find, find_or_add
from gateway.storage.tables import blocks, documents, persons

ONE_PER_PERSON = frozenset({"Patient", "Client"})
"""Block types of which a record has one: the subject itself."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """What a sender delivered about one person (a pseudonym), read into blocks.

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
    blocks: Sequence[Block]


class Stored(NamedTuple):
    """Where a document is: `new` is False when the same one was received before; then the rest is of that
    time.
    """

    id: str
    received: str
    new: bool


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
    block_count: int


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """A block and the document that it came in."""

    document: str
    received: str
    sender: str
    block: Block


Columns = Mapping[str, Any] | RowMapping
"""A row, by the names of its columns."""

BlockName = tuple[str, str]
"""Document id and key of a block: unique in a record."""


@dataclass(frozen=True, slots=True)
class Record:
    """The blocks of a person that hold now, in the order of receipt.

    `current` leads from the name of every block ever received to the one that holds now, so that a
    reference to a block that was replaced still finds it; it covers all types, also those that were not
    asked for.
    """

    blocks: tuple[StoredBlock, ...]
    current: Mapping[BlockName, BlockName]


class _Contents(NamedTuple):
    """What the sealed part of a document holds."""

    identifier: str
    content_hash: str
    account: bytes


def store_document(transaction: Transaction, document: NewDocument) -> Stored:
    """Store a document, or answer where it is when this sender delivered the same one before.

    The same is: sender, identifier and content.  Durable once the caller has committed.
    """
    connection = transaction.connection
    person = find_or_add(connection, document.person)
    key = transaction.vault.make(document.person, RECORD)
    content_hash = hashlib.sha256(document.content).hexdigest()
    fingerprint = key.fingerprint("document", document.sender, document.identifier, content_hash)
    known = select(documents.c.id, documents.c.received).where(documents.c.fingerprint == fingerprint)
    if found := connection.execute(known).one_or_none():
        return Stored(found.id, found.received, new=False)
    newest = select(func.max(documents.c.sequence)).where(documents.c.person == person)
    row: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "person": person,
        "sequence": (connection.execute(newest).scalar() or 0) + 1,
        "fingerprint": fingerprint,
        "sender": document.sender,
        "received": stamp(document.received),
        "format": document.format,
        "release": document.release,
        "block_count": len(document.blocks),
    }
    contents = _Contents(document.identifier, content_hash, document.account)
    row["sealed"] = key.seal(msgspec.msgpack.encode(contents), *document_row(row))
    connection.execute(insert(documents).values(row))
    if document.blocks:
        connection.execute(insert(blocks), list(_block_rows(document, row, key)))
    return Stored(row["id"], row["received"], new=True)


def blocks_of(transaction: Transaction, person: str, types: Collection[str] | None = None) -> Record:
    """The record of a person (a pseudonym): blocks of these types, None for all.  Empty for an unknown
    person.

    Raises `Fault` when anything stored of this person was altered.
    """
    connection = transaction.connection
    row_id = find(connection, person)
    if row_id is None:
        return Record((), {})
    key = _record_key(transaction, person)
    query = (
        select(blocks, documents.c.received, documents.c.sender)
        .join(documents, documents.c.id == blocks.c.document)
        .where(blocks.c.person == row_id)
        .order_by(documents.c.sequence, blocks.c.position)
    )
    names: dict[BlockName, str] = {}
    holding: dict[str, tuple[BlockName, RowMapping, bytes]] = {}
    for row in connection.execute(query).mappings():
        block_key, data = open_block(row, key)
        names[row["document"], block_key] = row["identity"]
        holding.pop(row["identity"], None)  # so that the newest stands at the end
        holding[row["identity"]] = ((row["document"], block_key), row, data)
    found = tuple(
        StoredBlock(row["document"], row["received"], row["sender"], load(data))
        for _, row, data in holding.values()
        if types is None or row["type"] in types
    )
    return Record(found, {name: holding[identity][0] for name, identity in names.items()})


def document(transaction: Transaction, document_id: str) -> StoredDocument:
    """A document with its account.  Raises `NotFound`, and `Fault` when it was altered.

    Who may see it is for the caller to decide: by `person` and `sender`.
    """
    query = (
        select(documents, persons.c.pseudonym)
        .join(persons, persons.c.id == documents.c.person)
        .where(documents.c.id == document_id)
    )
    row = transaction.connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound(Issue("error", "not-found", "there is no such document"))
    contents = open_document(row, _record_key(transaction, row["pseudonym"]))
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
        block_count=row["block_count"],
    )


def document_row(row: Columns) -> tuple[str | int, ...]:
    """What the sealed part of a document is bound to: all else in its row."""
    return tuple(row[column.name] for column in documents.c if column.name != "sealed")


def block_row(row: Columns) -> tuple[str | int, ...]:
    """What the sealed part of a block is bound to: all else in its row."""
    return tuple(row[column.name] for column in blocks.c if column.name != "sealed")


def open_document(row: Columns, key: DataKey) -> _Contents:
    """The sealed part of a document.  Raises `Fault`."""
    return msgspec.msgpack.decode(key.open(row["sealed"], *document_row(row)), type=_Contents)


def open_block(row: Columns, key: DataKey) -> tuple[str, bytes]:
    """Key and `gateway.blocks.dump` bytes of a block.  Raises `Fault`."""
    return msgspec.msgpack.decode(key.open(row["sealed"], *block_row(row)), type=tuple[str, bytes])


def _block_rows(document: NewDocument, stored: Mapping[str, Any], key: DataKey) -> Iterator[dict[str, Any]]:
    for position, block in enumerate(document.blocks):
        row: dict[str, Any] = {
            "document": stored["id"],
            "position": position,
            "person": stored["person"],
            "type": block.type,
            "release": block.release,
            "identity": key.fingerprint("block", block.type, *_identification(block, document)),
        }
        row["sealed"] = key.seal(msgspec.msgpack.encode((block.key, dump(block))), *block_row(row))
        yield row


def _identification(block: Block, document: NewDocument) -> tuple[str, ...]:
    if block.type in ONE_PER_PERSON:
        return ("one",)
    for concept in ("IdentificationNumber", f"{block.type}IdentificationNumber"):
        value = block.values.get(concept)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Identifier):
                return ("number", each.system, each.value)
    return ("key", document.sender, document.identifier or document_name(document), block.key)


def document_name(document: NewDocument) -> str:
    """What stands in for the identifier of a document that has none: its content."""
    return hashlib.sha256(document.content).hexdigest()


def _record_key(transaction: Transaction, person: str) -> DataKey:
    key = transaction.vault.key(person, RECORD)
    if key is None:
        raise Fault(Issue("fatal", "security", "the key of this record is gone", place="storage"))
    return key
