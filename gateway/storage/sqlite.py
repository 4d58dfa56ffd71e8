"""SQLite, the default: one file, nothing to install, one process that writes at a time.

Every acknowledged transaction is on disk (WAL, synchronous=FULL): a commit that returned survives a crash,
one that did not leaves nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from gateway.errors import Fault, Issue
from gateway.storage.turns import Turn

BUSY_SECONDS = 10
"""How long a writer waits for its turn."""

OLDEST = (3, 35)
"""The first version with RETURNING; Python has the library of the system."""

CONNECTIONS = 20
"""How many connections are kept: setting one up takes longer than a transaction; requests have 16 threads."""

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


class Sqlite:
    """A SQLite file."""

    write_options: Mapping[str, Any] = {_WRITES: True}
    read_options: Mapping[str, Any] = {_WRITES: False}
    append_options: Mapping[str, Any] = write_options

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise _fault("not-supported", "ZIBPOORT_DATABASE_URL is not a SQLite file")
        self._url = url
        self._turn = Turn(BUSY_SECONDS)

    def engine(self) -> Engine:
        """Connections to the file, which is made when it is not there, for its owner's eyes only."""
        if sqlite3.sqlite_version_info < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            raise _fault("not-supported", f"SQLite {wanted} is needed, this is {sqlite3.sqlite_version}")
        file = Path(str(self._url.database))
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise _fault("no-store", f"the data folder cannot be used: {error.strerror}") from None
        # hide_parameters: an error text never holds what was to be stored
        # LIFO: of few threads each gets the connection that was used for the same last
        engine = create_engine(self._url, hide_parameters=True, pool_size=CONNECTIONS, pool_use_lifo=True)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_at_once)
        return engine

    def turn(self) -> AbstractContextManager[None]:
        """Threads take turns here rather than in SQLite, where a waiting writer sleeps and polls."""
        return self._turn.taken()

    def append_turn(self) -> AbstractContextManager[None]:
        """As any writer."""
        return self.turn()

    def lock_schema(self, connection: Connection) -> None:
        """Nothing more to do: a writing transaction has the database to itself."""


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
    writes = bool(connection.get_execution_options().get(_WRITES))
    if connection.info.get(_WRITES) is not writes:  # of the connection to the file, which is used again
        connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
        connection.info[_WRITES] = writes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _fault(code: str, text: str) -> Fault:
    return Fault(Issue("fatal", code, text, place="storage"))
