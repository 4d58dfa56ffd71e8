"""An open database and its transactions.

Every acknowledged transaction is on disk: a commit that returned survives a crash, one that did not leaves
nothing.  `sqlite` and `postgresql` say how each of them is held to that, and how writers take turns.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Fault, Issue
from gateway.exchangelog import ExchangeLog
from gateway.exchangelog.entry import canonical
from gateway.observing import SILENT, Observer
from gateway.storage.entries import LogRows
from gateway.storage.keys import KeyEncryption, Vault
from gateway.storage.persons import pseudonym


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
        self.engine, self.backend, self.kek, self.shard = engine, backend, kek, shard
        self._observer = observer
        self._pseudonym_key = pseudonym_key
        self._name_key = hmac.digest(pseudonym_key, b"zibpoort names of resources", "sha256")

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
            self.backend.turn(),
            self._observer.timed("transaction", "write"),
            transaction(self.engine, self.backend.write_options) as connection,
        ):
            yield self._transaction(connection, writes=True)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database.  Raises `Fault` when the database fails."""
        with (
            self._observer.timed("transaction", "read"),
            transaction(self.engine, self.backend.read_options) as connection,
        ):
            yield self._transaction(connection, writes=False)

    @property
    def key_proof(self) -> str:
        """What the database holds as a proof that it was made with this pseudonym key."""
        return hmac.digest(self._pseudonym_key, b"zibpoort pseudonym key", "sha256").hex()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _transaction(self, connection: Connection, *, writes: bool) -> Transaction:
        vault = Vault(connection, self.kek)
        log = ExchangeLog(LogRows(connection, self.shard, locks=writes), vault)
        return Transaction(connection, vault, log, self._name_key)


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
        raise Fault(Issue("fatal", "no-store", f"the database failed: {kind}", place="storage")) from None
