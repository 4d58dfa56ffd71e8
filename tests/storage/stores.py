"""A gateway's database in a folder, with keys of its own, and made-up documents."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.blocks import Block, Identifier, Ref, Text
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import Database, NewDocument, Transaction, open_database, store_document, verify_records
from tests.exchangelog.fakes import decided, done

NOW = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
ANNA_BSN, BERT_BSN = "999911120", "999990019"


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings with keys that differ from run to run of nothing: the same everywhere in a test."""
    given: dict[str, Any] = {
        "data_folder": folder,
        "kek": base64.b64encode(b"k" * 32).decode(),
        "hmac_key": base64.b64encode(b"h" * 32).decode(),
    }
    return Settings(**given | changes)


@contextmanager
def opened(folder: Path, **changes: Any) -> Iterator[Database]:
    """An open database, closed at the end."""
    database = open_database(settings(folder, **changes))
    try:
        yield database
    finally:
        database.close()


def problem(number: str, comment: str = "hoofdpijn", key: str = "") -> Block:
    """A Problem with an identification."""
    values = {
        "IdentificationNumber": Identifier(number, "1.2.3"),
        "Comment": Text(comment),
        "Subject": Ref("p"),
    }
    return Block("Problem", "2020", key or f"problem-{number}", values)


def patient(name: str = "Anna") -> Block:
    """The Patient of a document."""
    return Block("Patient", "2020", "p", {"NameInformation": {"FirstNames": Text(name)}})


def document(person: str, *blocks: Block, number: int = 1, **changes: Any) -> NewDocument:
    """A document; `number` makes it another one, received later."""
    given: dict[str, Any] = {
        "person": person,
        "sender": "Ziekenhuis",
        "identifier": f"doc-{number}",
        "content": b"<adaxml>%d</adaxml>" % number,
        "received": NOW + timedelta(minutes=number),
        "format": "ada-2020",
        "release": "2020",
        "account": b'{"lines":[]}',
        "blocks": blocks,
    }
    return NewDocument(**given | changes)


def exchange(transaction: Transaction, name: str, delivered: NewDocument) -> None:
    """A whole delivery: decision, document, outcome."""
    transaction.log.record(decided(name, person=delivered.person))
    stored = store_document(transaction, delivered)
    transaction.log.record(done(name, document=stored.id, counts={"Problem": len(delivered.blocks)}))


def faults(database: Database) -> list[str]:
    """Everything that both verifiers find."""
    with database.read() as transaction:
        found = [*verify(transaction.log.store).problems, *verify_records(transaction)]
    return [issue.diagnostics() for issue in found]


@contextmanager
def behind_its_back(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database file as an intruder has it: no keys, no constraints."""
    with closing(sqlite3.connect(folder / "zibpoort.db")) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        yield connection
        connection.commit()


def rows_of(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    with behind_its_back(folder) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
