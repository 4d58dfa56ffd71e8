"""Open the database: keys, connection, migrations, and transactions.

On SQLite every acknowledged transaction is on disk (WAL, synchronous=FULL): a commit that returned
survives a crash, one that did not leaves nothing.  Writers take turns.
"""

from __future__ import annotations

import hmac
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.errors import Fault, Issue
from gateway.exchangelog import ExchangeLog
from gateway.settings import Settings, new_key_file
from gateway.storage.entries import LogRows
from gateway.storage.keys import KeyEncryption, KeyFile, Vault
from gateway.storage.persons import pseudonym
from gateway.storage.tables import data_keys, facts, log_heads

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_SECONDS = 10
"""How long a writer waits for its turn."""

# SQLite's word to set, and what it must answer.
PRAGMAS = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("fullfsync", "ON", 1),  # macOS: fsync alone stays in the drive's cache
    ("foreign_keys", "ON", 1),
    ("busy_timeout", str(BUSY_SECONDS * 1000), BUSY_SECONDS * 1000),
    ("secure_delete", "ON", 1),  # a destroyed key is overwritten
    ("trusted_schema", "OFF", 0),
)

_WRITES = "zibpoort_writes"


@dataclass(frozen=True, slots=True)
class Transaction:
    """A database transaction with what works inside it."""

    connection: Connection
    vault: Vault
    log: ExchangeLog


class Database:
    """An open database; safe to share between threads.  Made by `open_database`."""

    def __init__(self, engine: Engine, kek: KeyEncryption, pseudonym_key: bytes, shard: str) -> None:
        self.engine = engine
        self._kek = kek
        self._pseudonym_key = pseudonym_key
        self._shard = shard
        self._turn = threading.Lock()

    def pseudonym(self, bsn: str) -> str:
        """The person of a BSN, however written: 64 hex digits.  Raises `ContentError` when it is no BSN."""
        return pseudonym(bsn, self._pseudonym_key)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block ends, and leaves nothing when it raises.

        Raises `Fault` when the database fails.  After a failing commit it may be there or not: nothing
        may leave.
        """
        # Threads take turns here rather than in SQLite, where a waiting writer sleeps and polls.
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise _fault("lock-error", "the database is busy")
        try:
            with self._begin(writes=True) as transaction:
                yield transaction
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database.  Raises `Fault` when the database fails."""
        with self._begin(writes=False) as transaction:
            yield transaction

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _begin(self, *, writes: bool) -> Iterator[Transaction]:
        try:
            with self.engine.connect() as connection:
                connection.execution_options(**{_WRITES: writes})
                with connection.begin():
                    vault = Vault(connection, self._kek)
                    log = ExchangeLog(LogRows(connection, self._shard), vault)
                    yield Transaction(connection, vault, log)
        except SQLAlchemyError as error:
            raise _fault("no-store", "the database failed") from error


def open_database(settings: Settings) -> Database:
    """Open the database of the settings: made and migrated when needed, checked against its keys.

    Raises `Fault` when it cannot be opened, is newer than this program, or belongs to other keys.
    """
    try:
        url = make_url(settings.database)
    except ArgumentError:
        raise _fault("invalid", "ZIBPOORT_DATABASE_URL is not a database URL") from None
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        raise _fault("not-supported", "ZIBPOORT_DATABASE_URL is not a SQLite file")
    file = Path(str(url.database))
    _make_files(settings, file)
    database = Database(
        _engine(settings),
        KeyFile(settings.key_encryption_keys()),
        settings.pseudonym_key(),
        settings.log_shard,
    )
    try:
        with database.write() as transaction:
            _migrate(transaction.connection)
            _check_keys(transaction.connection, database._kek, database._pseudonym_key)
            LogRows(transaction.connection, settings.log_shard).create()
    except BaseException:
        database.close()
        raise
    return database


def _make_files(settings: Settings, file: Path) -> None:
    """The folder, the keys and an empty database file, for their owner's eyes only.

    Keys are made only together with a new database: for one that exists they would be the wrong ones.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists():
            return
        for value, given, default in (
            (settings.kek, settings.kek_file, settings.default_kek_file),
            (settings.hmac_key, settings.hmac_key_file, settings.default_hmac_key_file),
        ):
            if value is None and given is None and not default.exists():
                new_key_file(default)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise _fault("no-store", f"the data folder cannot be used: {error.strerror}") from None


def _engine(settings: Settings) -> Engine:
    # hide_parameters: an error text never holds what was to be stored
    engine = create_engine(settings.database, hide_parameters=True)
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin_at_once)
    return engine


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: _begin_at_once does
    cursor = connection.cursor()
    for name, value, expected in PRAGMAS:
        cursor.execute(f"PRAGMA {name}={value}")
        answer = cursor.execute(f"PRAGMA {name}").fetchone()
        if answer != (expected,):
            raise _fault("no-store", f"SQLite does not do {name}={value}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    """A writer takes the lock before it reads, so that what it read still holds; a reader cannot write."""
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise _fault("no-store", "the database was made by a newer version of Zibpoort") from None


def _check_keys(connection: Connection, kek: KeyEncryption, pseudonym_key: bytes) -> None:
    proof = hmac.digest(pseudonym_key, b"zibpoort pseudonym key", "sha256").hex()
    stored = select(facts.c.value).where(facts.c.name == "pseudonym-key")
    known = connection.execute(stored).scalar_one_or_none()
    if known is None:
        if connection.execute(select(log_heads.c.shard)).first():
            raise _fault("security", "the database lost the proof of its pseudonym key")
        connection.execute(insert(facts).values(name="pseudonym-key", value=proof))
    elif not hmac.compare_digest(known, proof):
        raise _fault("security", "the pseudonym key is not the one of this database: nobody would be found")
    in_use = select(data_keys.c.kek).where(data_keys.c.wrapped.is_not(None)).distinct()
    if not all(kek.holds(name) for name in connection.execute(in_use).scalars()):
        raise _fault("security", "a key-encryption key of this database is not configured")


def _fault(code: str, text: str) -> Fault:
    return Fault(Issue("fatal", code, text, place="storage"))
