"""Open the database of the settings: keys, connection, migrations."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, insert, inspect, make_url, select
from sqlalchemy.exc import ArgumentError

from gateway.errors import Fault, Issue
from gateway.observing import SILENT, Observer
from gateway.settings import Settings, new_key_file
from gateway.storage.database import Backend, Database, transaction
from gateway.storage.entries import LogRows
from gateway.storage.keys import KeyEncryption, KeyFile
from gateway.storage.postgresql import Postgresql
from gateway.storage.sqlite import Sqlite
from gateway.storage.tables import data_keys, facts, log_heads

MIGRATIONS = Path(__file__).with_name("migrations")
BACKENDS: Mapping[str, Callable[[URL], Backend]] = {"sqlite": Sqlite, "postgresql": Postgresql}


def open_database(settings: Settings, observer: Observer = SILENT) -> Database:
    """Open the database of the settings: made and migrated when needed, checked against its keys.

    Gateways that start together do so one after another.  Raises `Fault` when it cannot be opened, is newer
    than this program, or belongs to other keys.
    """
    backend = backend_of(settings)
    engine = backend.engine()
    try:
        _make_missing_keys(settings, engine, backend)
        database = connected(settings, engine, backend, observer)
        with database.write() as transaction:
            connection = transaction.connection
            backend.lock_schema(connection)
            migrate(connection)
            check_keys(connection, database.kek, database.key_proof)
            LogRows(connection, settings.log_shard, locks=True).create()
    except BaseException:
        engine.dispose()
        raise
    return database


def connected(settings: Settings, engine: Engine, backend: Backend, observer: Observer = SILENT) -> Database:
    """The database with the keys of the settings, whatever is in it.  Raises `Fault` for a missing key."""
    kek = KeyFile(settings.key_encryption_keys())
    return Database(engine, backend, kek, settings.pseudonym_key(), settings.log_shard, observer)


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


def migrate(connection: Connection) -> None:
    """Bring the tables up to this version.  Raises `Fault` when they are of a newer one."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise _fault("no-store", "the database was made by a newer version of Zibpoort") from None


def check_keys(connection: Connection, kek: KeyEncryption, proof: str) -> None:
    """Raise `Fault` when the database belongs to other keys.  A new one belongs to these from now on.

    `proof` is that of the pseudonym key (`Database.key_proof`).
    """
    stored = select(facts.c.value).where(facts.c.name == "pseudonym-key")
    known = connection.execute(stored).scalar_one_or_none()
    if known is None:
        if connection.execute(select(log_heads.c.shard)).first():
            raise _fault("security", "the database lost the proof of its pseudonym key")
        connection.execute(insert(facts).values(name="pseudonym-key", value=proof))
    elif not hmac.compare_digest(known, proof):
        raise _fault("security", "the pseudonym key is not the one of this database: nobody would be found")
    in_use = select(data_keys.c.kek).where(data_keys.c.wrapped.is_not(None)).distinct()
    if not set(connection.execute(in_use).scalars()) <= kek.held():
        raise _fault("security", "a key-encryption key of this database is not configured")


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


def _fault(code: str, text: str) -> Fault:
    return Fault(Issue("fatal", code, text, place="storage"))
