"""Is the record store what it was?  Opens every key, document and version; the log has a verifier of its own.

Finds rows that were altered, swapped or moved, and documents or versions that are gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import select

from gateway.errors import Fault, Issue
from gateway.storage.database import Transaction
from gateway.storage.documents import open_document
from gateway.storage.keys import RECORD, DataKey
from gateway.storage.tables import data_keys, documents, persons, versions
from gateway.storage.versions import Columns, open_version

_AT_ONCE = 500
"""Rows in memory at the same time."""


@dataclass(slots=True)
class _Keys:
    """The keys of records by row id of their person; `revisions` as the persons' rows say."""

    opened: dict[str, DataKey] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    problems: list[Issue] = field(default_factory=list)


def verify_records(transaction: Transaction) -> list[Issue]:
    """Every fault found, with its place; empty when all is well.  Reads the whole store."""
    keys = _person_keys(transaction)
    return [
        *_key_faults(transaction),
        *keys.problems,
        *_document_faults(transaction, keys),
        *_version_faults(transaction, keys),
    ]


def _key_faults(transaction: Transaction) -> Iterator[Issue]:
    query = select(data_keys.c.holder, data_keys.c.scope)
    for row in transaction.connection.execute(query).all():
        try:
            transaction.vault.key(row.holder, row.scope)
        except Fault as fault:
            yield _issue(fault.issues[0].text, f"key {row.scope} of {row.holder}")


def _person_keys(transaction: Transaction) -> _Keys:
    keys = _Keys()
    query = select(persons.c.id, persons.c.pseudonym, persons.c.revision)
    for row in transaction.connection.execute(query).all():
        keys.revisions[row.id] = row.revision
        try:
            key = transaction.vault.key(row.pseudonym, RECORD)
        except Fault:
            continue  # reported with the keys
        if key is None:
            keys.problems.append(_issue("the key of the record is gone", f"person {row.id}"))
        else:
            keys.opened[row.id] = key
    return keys


def _document_faults(transaction: Transaction, keys: _Keys) -> Iterator[Issue]:
    counted = Counter(transaction.connection.execute(select(versions.c.document)).scalars())
    last: dict[str, int] = {}
    query = select(documents).order_by(documents.c.person, documents.c.sequence)
    for row in transaction.connection.execute(query).yield_per(_AT_ONCE).mappings():
        place = f"document {row['id']}"
        key = keys.opened.get(row["person"])
        if key is None:
            yield _issue("belongs to no person that can be read", place)
            continue
        try:
            open_document(row, key)
        except Fault as fault:
            yield _issue(fault.issues[0].text, place)
        if row["sequence"] != last.get(row["person"], 0) + 1:
            yield _issue("a document before this one is gone", place)
        last[row["person"]] = row["sequence"]
        if counted.pop(row["id"], 0) != row["row_count"]:
            yield _issue("versions of this document are gone or were added", place)
    for document_id in counted:
        yield _issue("has versions but is not there", f"document {document_id}")
    for person, revision in keys.revisions.items():
        if last.get(person, 0) != revision:
            yield _issue("the revision is not the number of documents", f"person {person}")


def _version_faults(transaction: Transaction, keys: _Keys) -> Iterator[Issue]:
    last: dict[str, int] = {}
    query = select(versions).order_by(versions.c.identity, versions.c.version)
    for row in transaction.connection.execute(query).yield_per(_AT_ONCE).mappings():
        yield from _row_faults(row, keys)
        if row["version"] != last.get(row["identity"], 0) + 1:
            yield _issue("a version before this one is gone", _place(row))
        last[row["identity"]] = row["version"]


def _row_faults(row: Columns, keys: _Keys) -> Iterator[Issue]:
    key = keys.opened.get(row["person"])
    if key is None:
        yield _issue("belongs to no person that can be read", _place(row))
        return
    try:
        open_version(row, key)
    except Fault as fault:
        yield _issue(fault.issues[0].text, _place(row))


def _place(row: Columns) -> str:
    return f"row {row['position']} of document {row['document']}"


def _issue(text: str, place: str) -> Issue:
    return Issue("error", "security", text, place=place)
