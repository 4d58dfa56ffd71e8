"""A gateway's database, SQLite or PostgreSQL, with keys of its own, and made-up documents."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, select

from conformance.postgres import Cluster
from gateway.blocks import Block, Identifier, Ref, Text
from gateway.exchangelog import verify
from gateway.settings import Settings
from gateway.storage import (
    Change,
    Database,
    FhirForm,
    NewDocument,
    ResourceName,
    Transaction,
    open_database,
    store_document,
    verify_records,
)
from gateway.storage.tables import metadata
from tests.exchangelog.fakes import decided, done

NOW = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
ANNA_BSN, BERT_BSN = "999911120", "999990019"


@dataclass(frozen=True)
class Place:
    """Where a database is: in a folder, or at the URL of a PostgreSQL server."""

    folder: Path
    url: str = ""

    @property
    def address(self) -> str:
        """The URL, also of SQLite."""
        return self.url or f"sqlite:///{self.folder / 'zibpoort.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield Place(tmp_path)
        return
    postgres: Cluster = request.getfixturevalue("postgres")
    with postgres.database() as url:
        yield Place(tmp_path, url)


def settings(place: Place, **changes: Any) -> Settings:
    """Settings with keys that differ from run to run of nothing: the same everywhere in a test."""
    given: dict[str, Any] = {
        "data_folder": place.folder,
        "database_url": place.url or None,
        "kek": base64.b64encode(b"k" * 32).decode(),
        "hmac_key": base64.b64encode(b"h" * 32).decode(),
    }
    return Settings(**given | changes)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", hear)
    yield said
    event.remove(database.engine, "before_cursor_execute", hear)


@contextmanager
def opened(place: Place, **changes: Any) -> Iterator[Database]:
    """An open database, closed at the end."""
    database = open_database(settings(place, **changes))
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


def resource(id_: str, text: str = "x", *, expected: int | None = None, form: FhirForm = "fhir-r4") -> Change:
    """A Condition to create or update."""
    content = b'{"resourceType":"Condition","note":[{"text":"%s"}]}' % text.encode()
    return Change(ResourceName(form, "Condition", id_), content, expected)


def deletion(id_: str, *, expected: int | None = None) -> Change:
    """A Condition to delete."""
    return Change(ResourceName("fhir-r4", "Condition", id_), expected=expected)


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
def behind_its_back(place: Place) -> Iterator[Connection]:
    """The database as an intruder has it: no keys, no rules of our connections, no foreign keys."""
    engine = create_engine(place.address)
    try:
        with engine.begin() as connection:
            if place.url:
                connection.exec_driver_sql("SET session_replication_role = replica")
            yield connection
    finally:
        engine.dispose()


def rows_of(place: Place) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, in an order that does not depend on the database."""
    with behind_its_back(place) as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def everything(place: Place) -> bytes:
    """All that is stored: every byte of the files, or every cell of the tables."""
    if place.url:
        cells = [cell for rows in rows_of(place).values() for row in rows for cell in row]
        return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells)
    return b"".join(file.read_bytes() for file in place.folder.iterdir() if file.is_file())
