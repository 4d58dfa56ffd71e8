"""Is the record store what it was?  Opens every key, document and block; the log has a verifier of its own.

Finds rows that were altered, swapped or moved, and documents or blocks that are gone from between others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from sqlalchemy import select

from gateway.errors import Fault, Issue
from gateway.storage.database import Transaction
from gateway.storage.keys import RECORD, DataKey
from gateway.storage.records import open_block, open_document
from gateway.storage.tables import blocks, data_keys, documents, persons


def verify_records(transaction: Transaction) -> list[Issue]:
    """Every fault found, with its place; empty when all is well.  Reads the whole store."""
    problems = list(_key_faults(transaction))
    keys = dict(_person_keys(transaction, problems))
    problems += _document_faults(transaction, keys)
    problems += _block_faults(transaction, keys)
    return problems


def _key_faults(transaction: Transaction) -> Iterator[Issue]:
    for row in transaction.connection.execute(select(data_keys.c.holder, data_keys.c.scope)):
        try:
            transaction.vault.key(row.holder, row.scope)
        except Fault as fault:
            yield _issue(fault.issues[0].text, f"key {row.scope} of {row.holder}")


def _person_keys(transaction: Transaction, problems: list[Issue]) -> Iterator[tuple[str, DataKey]]:
    for row in transaction.connection.execute(select(persons.c.id, persons.c.pseudonym)):
        try:
            key = transaction.vault.key(row.pseudonym, RECORD)
        except Fault:
            continue  # reported with the keys
        if key is None:
            problems.append(_issue("the key of the record is gone", f"person {row.id}"))
        else:
            yield row.id, key


def _document_faults(transaction: Transaction, keys: Mapping[str, DataKey]) -> Iterator[Issue]:
    counted = Counter(transaction.connection.execute(select(blocks.c.document)).scalars())
    last: dict[str, int] = {}
    query = select(documents).order_by(documents.c.person, documents.c.sequence)
    for row in transaction.connection.execute(query).mappings():
        place = f"document {row['id']}"
        key = keys.get(row["person"])
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
        if counted.pop(row["id"], 0) != row["block_count"]:
            yield _issue("blocks of this document are gone or were added", place)
    for document_id in counted:
        yield _issue("has blocks but is not there", f"document {document_id}")


def _block_faults(transaction: Transaction, keys: Mapping[str, DataKey]) -> Iterator[Issue]:
    for row in transaction.connection.execute(select(blocks)).mappings():
        place = f"block {row['position']} of document {row['document']}"
        key = keys.get(row["person"])
        if key is None:
            yield _issue("belongs to no person that can be read", place)
            continue
        try:
            open_block(row, key)
        except Fault as fault:
            yield _issue(fault.issues[0].text, place)


def _issue(text: str, place: str) -> Issue:
    return Issue("error", "security", text, place=place)
