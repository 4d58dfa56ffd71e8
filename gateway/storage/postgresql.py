"""PostgreSQL, for more than one process or machine.

Writers run side by side.  They meet where order matters, at a row that the first of them locks: that of
the person whose record is written, and the head of the log.  Each sees what was committed before it got
the lock (READ COMMITTED); a reader sees one moment (REPEATABLE READ) and cannot write.  An entry of the log
that stands alone takes two statements, each a transaction of its own: the head is read, and grows only when
it is still the same.  To begin, to lock and to commit would each be a way to the server and back.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DisconnectionError

from gateway.errors import Fault, Issue
from gateway.storage.turns import Turn

DRIVER = "postgresql+psycopg"
BUSY_SECONDS = 10
"""How long a connection, a free one from the pool, or a lock is waited for."""

CONNECTIONS = 20
"""Most connections of one process; requests are handled in 16 threads."""

SESSION = (
    ("lock_timeout", f"{BUSY_SECONDS}s"),
    ("client_encoding", "UTF8"),
    ("timezone", "UTC"),
)
DURABLE = ("on", "remote_apply")
"""Values of `synchronous_commit` with which a commit that returned survives a crash."""

_SCHEMA_LOCK = 0x7A6962706F6F7274  # "zibpoort" in ASCII: any number that others do not use


class Postgresql:
    """A database of a PostgreSQL server."""

    write_options: Mapping[str, Any] = {"isolation_level": "READ COMMITTED", "postgresql_readonly": False}
    read_options: Mapping[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    append_options: Mapping[str, Any] = {"isolation_level": "AUTOCOMMIT"}

    def __init__(self, url: URL) -> None:
        self._url = url.set(drivername=DRIVER)
        self._append = Turn(BUSY_SECONDS)

    def engine(self) -> Engine:
        """A pool of connections to the server."""
        # hide_parameters: an error text never holds what was to be stored
        engine = create_engine(
            self._url,
            hide_parameters=True,
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=BUSY_SECONDS,
            connect_args={
                "connect_timeout": BUSY_SECONDS,
                "application_name": "zibpoort",
                "options": " ".join(f"-c {name}={value}" for name, value in SESSION),
            },
        )
        event.listen(engine, "connect", _check_durable)
        event.listen(engine, "checkout", _check_open)
        return engine

    def turn(self) -> AbstractContextManager[None]:
        """No turns: writers wait for each other's rows."""
        return nullcontext()

    def append_turn(self) -> AbstractContextManager[None]:
        """One thread of this process at a time: two of them would only come between each other."""
        return self._append.taken()

    def lock_schema(self, connection: Connection) -> None:
        """Let other processes that start now wait until this transaction ends."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK})


def _check_durable(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('synchronous_commit'), current_setting('fsync')")
        commit, fsync = cursor.fetchone()
    connection.rollback()
    if commit not in DURABLE or fsync != "on":
        text = "PostgreSQL must run with synchronous_commit and fsync on"
        raise Fault(Issue("fatal", "no-store", text, place="storage"))


def _check_open(connection: Any, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that its server closed: one that was restarted costs no request.

    Nothing is asked, since that would cost every transaction a round trip: an idle connection on which
    something arrived has been closed, or is about to be.
    """
    if connection.closed:
        raise DisconnectionError
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError
