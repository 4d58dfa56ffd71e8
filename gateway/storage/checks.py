"""Is the database what this program needs?  Looks only, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, func, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from gateway.errors import Fault, Issue
from gateway.settings import Settings
from gateway.storage.database import Database
from gateway.storage.opening import MIGRATIONS
from gateway.storage.opening import check_keys as check_keys_of
from gateway.storage.tables import log_entries

Schema = Literal["absent", "behind", "current"]


def schema_of(settings: Settings) -> Schema:
    """The state of the tables: none yet, of an older program, or of this one.

    Raises `Fault` when the database cannot be reached or is of a newer program.
    """
    try:
        url = make_url(settings.database)
    except ArgumentError:
        raise _fault("invalid", "ZIBPOORT_DATABASE_URL is not a database URL") from None
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        return "absent"  # connecting would make the file
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return _schema(connection)
    except SQLAlchemyError:
        raise _fault("no-store", "the database cannot be reached") from None
    finally:
        engine.dispose()


def check_migrated(database: Database) -> None:
    """Raises `Fault` unless a writer gets its turn and the tables are those of this program."""
    with database.write() as transaction:
        if _schema(transaction.connection) != "current":
            raise _fault("no-store", "the database is not migrated")


def check_keys(database: Database) -> None:
    """Raises `Fault` when the keys are not those of this database."""
    with database.read() as transaction:
        check_keys_of(transaction.connection, database.kek, database.key_proof)


def check_log(database: Database) -> None:
    """Raises `Fault` when the head of the exchange log contradicts itself or its last entry."""
    with database.read() as transaction:
        store = transaction.log.store
        newest = select(func.max(log_entries.c.position)).where(log_entries.c.shard == store.shard)
        last = transaction.connection.execute(newest).scalar_one()
        if store.head().size != (0 if last is None else last + 1):
            raise _fault("security", "the head of the exchange log is not that of its entries")


DATABASE_CHECKS: Mapping[str, Callable[[Database], None]] = {
    "database": check_migrated,
    "keys": check_keys,
    "log": check_log,
}
"""What must hold of an open database, by component."""


def _schema(connection: Connection) -> Schema:
    heads = MigrationContext.configure(connection).get_current_heads()
    if not heads:
        return "absent"
    newest, known = _revisions()
    if not set(heads) <= known:
        raise _fault("no-store", "the database was made by a newer version of Zibpoort")
    return "current" if heads == (newest,) else "behind"


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """The revision of this program, and all up to it."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    known = frozenset(script.revision for script in scripts.walk_revisions())
    return str(scripts.get_current_head()), known


def _fault(code: str, text: str) -> Fault:
    return Fault(Issue("fatal", code, text, place="storage"))
