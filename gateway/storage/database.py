"""Open the database: keys, connection, migrations, and transactions.

Every acknowledged transaction is on disk: a commit that returned survives a crash, one that did not leaves
nothing.  `sqlite` and `postgresql` say how each of them is held to that, and how writers take turns.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.errors import Fault, Issue
from gateway.exchangelog import ExchangeLog
from gateway.exchangelog.entry import canonical
from gateway.observing import SILENT, Observer
from gateway.settings import Settings, new_key_file
from gateway.storage.entries import LogRows
from gateway.storage.keys import KeyEncryption, KeyFile, Vault
from gateway.storage.persons import pseudonym
from gateway.storage.postgresql import Postgresql
from gateway.storage.sqlite import Sqlite
from gateway.storage.tables import data_keys, facts, log_heads

MIGRATIONS = Path(__file__).with_name("migrations")


class Backend(Protocol):
    """A kind of database.  The options are those of a connection for one transaction."""

    write_options: Mapping[str, Any]
    read_options: Mapping[str, Any]

    def engine(self) -> Engine:
        """Connections whose commits are durable.  Raises `Fault` when they cannot be."""

    def turn(self) -> AbstractContextManager[None]:
        """What a writer holds from before its transaction until after it."""

    def lock_schema(self, connection: Connection) -> None:
        """Let other processes that open the database wait until this transaction ends."""


BACKENDS: Mapping[str, Callable[[URL], Backend]] = {"sqlite": Sqlite, "postgresql": Postgresql}


@dataclass(frozen=True, slots=True)
class Transaction:
    """A database transaction with what works inside it."""

    connection: Connection
    vault: Vault
    log: ExchangeLog
    name_key: bytes = field(repr=False)

    def fingerprint(self, *parts: str) -> str:
        """HMAC-SHA256 in hex: by this the store finds what has no person to ask under, such as an id."""
        return hmac.digest(self.name_key, canonical(parts), "sha256").hex()


class Database:
    """An open database; safe to share between threads.  Made by `open_database`."""

    def __init__(
        self,
        engine: Engine,
        backend: Backend,
        kek: KeyEncryption,
        pseudonym_key: bytes,
        shard: str,
        observer: Observer = SILENT,
    ) -> None:
        self.engine, self.kek = engine, kek
        self._backend, self._observer = backend, observer
        self._pseudonym_key = pseudonym_key
        self._name_key = hmac.digest(pseudonym_key, b"zibpoort names of resources", "sha256")
        self._shard = shard

    def pseudonym(self, bsn: str) -> str:
        """The person of a BSN, however written: 64 hex digits.  Raises `ContentError` when it is no BSN."""
        return pseudonym(bsn, self._pseudonym_key)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that is durable when the block ends, and leaves nothing when it raises.

        Raises `Fault` when the database fails.  After a failing commit it may be there or not: nothing
        may leave.
        """
        with (
            self._backend.turn(),
            self._observer.timed("transaction", "write"),
            transaction(self.engine, self._backend.write_options) as connection,
        ):
            yield self._transaction(connection, writes=True)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database.  Raises `Fault` when the database fails."""
        with (
            self._observer.timed("transaction", "read"),
            transaction(self.engine, self._backend.read_options) as connection,
        ):
            yield self._transaction(connection, writes=False)

    def check_keys(self, transaction: Transaction) -> None:
        """Raises `Fault` when the keys are not those of this database."""
        _check_keys(transaction.connection, self.kek, self._pseudonym_key)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def prepare(self) -> None:
        """Make or migrate the tables, and check that the database belongs to these keys.

        Processes that start together do so one after another.  Raises `Fault`.
        """
        with self.write() as transaction:
            connection = transaction.connection
            self._backend.lock_schema(connection)
            _migrate(connection)
            _check_keys(connection, self.kek, self._pseudonym_key)
            LogRows(connection, self._shard, locks=True).create()

    def _transaction(self, connection: Connection, *, writes: bool) -> Transaction:
        vault = Vault(connection, self.kek)
        log = ExchangeLog(LogRows(connection, self._shard, locks=writes), vault)
        return Transaction(connection, vault, log, self._name_key)


def open_database(settings: Settings, observer: Observer = SILENT) -> Database:
    """Open the database of the settings: made and migrated when needed, checked against its keys.

    Raises `Fault` when it cannot be opened, is newer than this program, or belongs to other keys.
    """
    backend = backend_of(settings)
    engine = backend.engine()
    try:
        _make_missing_keys(settings, engine, backend)
        kek = KeyFile(settings.key_encryption_keys())
        database = Database(engine, backend, kek, settings.pseudonym_key(), settings.log_shard, observer)
        database.prepare()
    except BaseException:
        engine.dispose()
        raise
    return database


def backend_of(settings: Settings) -> Backend:
    """The kind of database that the settings name.  Raises `Fault`."""
    try:
        url = make_url(settings.database)
    except ArgumentError:
        raise _fault("invalid", "ZIBPOORT_DATABASE_URL is not a database URL") from None
    backend = BACKENDS.get(url.get_backend_name())
    if backend is None:
        raise _fault("not-supported", "ZIBPOORT_DATABASE_URL is neither SQLite nor PostgreSQL")
    return backend(url)


@contextmanager
def transaction(engine: Engine, options: Mapping[str, Any]) -> Iterator[Connection]:
    """A connection within a transaction.

    Raises `Fault` when the database fails: of what kind, but not in its words, which may repeat a row.
    """
    try:
        with engine.connect() as connection:
            connection.execution_options(**options)
            with connection.begin():
                yield connection
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise _fault("no-store", f"the database failed: {kind}") from None


def _make_missing_keys(settings: Settings, engine: Engine, backend: Backend) -> None:
    """Keys are made only together with a new database: for one that exists they would be the wrong ones."""
    with backend.turn(), transaction(engine, backend.write_options) as connection:
        backend.lock_schema(connection)
        if inspect(connection).has_table(facts.name):
            return
        for value, given, default in (
            (settings.kek, settings.kek_file, settings.default_kek_file),
            (settings.hmac_key, settings.hmac_key_file, settings.default_hmac_key_file),
        ):
            if value is None and given is None:
                _make_key(default)


def _make_key(file: Path) -> None:
    try:
        with suppress(FileExistsError):
            new_key_file(file)
    except OSError as error:
        raise _fault("no-store", f"the data folder cannot be used: {error.strerror}") from None


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
