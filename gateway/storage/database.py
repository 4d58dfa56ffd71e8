"""An open database and its transactions.

Every acknowledged transaction is on disk: a commit that returned survives a crash, one that did not leaves
nothing.  `sqlite` and `postgresql` say how each of them is held to that, and how writers take turns.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Fault, Issue
from gateway.exchangelog import Entry, ExchangeLog, Frontier, Opening, OutcomeEntry, Row
from gateway.exchangelog.entry import canonical
from gateway.observing import SILENT, Observer
from gateway.storage.entries import LogRows
from gateway.storage.keys import NO_KEYS, KeyEncryption, LogKeys, Vault
from gateway.storage.persons import pseudonym

ATTEMPTS = 3
"""How often an entry is offered to the log without holding it."""


class Backend(Protocol):
    """A kind of database.  The options are those of a connection for one transaction."""

    write_options: Mapping[str, Any]
    read_options: Mapping[str, Any]
    append_options: Mapping[str, Any]
    """For an entry of the log that stands alone."""

    def engine(self) -> Engine:
        """Connections whose commits are durable.  Raises `Fault` when they cannot be."""

    def turn(self) -> AbstractContextManager[None]:
        """What a writer holds from before its transaction until after it."""

    def append_turn(self) -> AbstractContextManager[None]:
        """What a thread holds that appends such an entry."""

    def lock_schema(self, connection: Connection) -> None:
        """Let other processes that open the database wait until this transaction ends."""


class Begun(NamedTuple):
    """What is known of an exchange by what was recorded of it: its rows, and the keys that sealed them.

    No longer than the exchange lasts: a key that is destroyed is to be gone.  `revision` is that of the
    record of its person when the last entry was recorded: equal as long as nothing of it changed.
    """

    rows: tuple[Row, ...] = ()
    log_keys: LogKeys = NO_KEYS
    revision: int = 0


NOTHING: Final = Begun()


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
        self._tree, self._alone = Frontier(), False
        """The tree as this process left it last, and whether nobody else had written before that."""

    def pseudonym(self, bsn: str) -> str:
        """The person of a BSN, however written: 64 hex digits.  Raises `ContentError` when it is no BSN."""
        return pseudonym(bsn, self._pseudonym_key)

    @contextmanager
    def write(self, log_keys: LogKeys = NO_KEYS) -> Iterator[Transaction]:
        """A transaction that is durable when the block ends, and leaves nothing when it raises.

        `log_keys` are those of an earlier transaction of this exchange (`Vault`).  Raises `Fault` when the
        database fails.  After a failing commit it may be there or not: nothing may leave.
        """
        with (
            self.backend.turn(),
            self._observer.timed("transaction", "write"),
            transaction(self.engine, self.backend.write_options) as connection,
        ):
            yield self._transaction(connection, log_keys, locks=True)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees one moment of the database.  Raises `Fault` when the database fails."""
        with (
            self._observer.timed("transaction", "read"),
            transaction(self.engine, self.backend.read_options) as connection,
        ):
            yield self._transaction(connection, NO_KEYS, locks=False)

    def record(self, *entries: Entry, begun: Begun = NOTHING) -> Begun:
        """Append entries of one exchange to the log, durably, all or none.

        `begun` is what recording its entries before gave.  Raises `Fault` as `ExchangeLog.record` and `write`
        do.
        """
        if len(entries) == 1 and (kept := self._append(entries[0], begun)):
            return kept
        receipt = None
        with self.write(begun.log_keys) as transaction:
            for entry in entries:
                receipt = transaction.log.record(entry)
        return Begun((), transaction.vault.log_keys, receipt.revision if receipt else 0)

    def _append(self, entry: Entry, begun: Begun) -> Begun | None:
        """Append without holding the tree; None when writers of other processes came between, every time.

        A process that is the only one that writes knows the tree, and need not look at it first.
        """
        with self.backend.append_turn():
            before, added = self._tree, None
            known = Opening(before, begun.rows) if self._alone and _is_next(entry, begun) else None
            with (
                self._observer.timed("transaction", "write"),
                transaction(self.engine, self.backend.append_options) as connection,
            ):
                tried = self._transaction(connection, begun.log_keys, locks=False)
                for _ in range(ATTEMPTS):
                    added = tried.log.attempt(entry, known)
                    if added is not None:
                        break
                    known = None
            if added is None:
                return None
            self._tree, self._alone = added.tree, added.tree.size == before.size + 1
        return Begun(added.rows, tried.vault.log_keys, added.revision)

    @property
    def key_proof(self) -> str:
        """What the database holds as a proof that it was made with this pseudonym key."""
        return hmac.digest(self._pseudonym_key, b"zibpoort pseudonym key", "sha256").hex()

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _transaction(self, connection: Connection, log_keys: LogKeys, *, locks: bool) -> Transaction:
        vault = Vault(connection, self.kek, log_keys)
        log = ExchangeLog(LogRows(connection, self.shard, locks=locks), vault)
        return Transaction(connection, vault, log, self._name_key)


def _is_next(entry: Entry, begun: Begun) -> bool:
    """True when the rows of an exchange are known: before its decision none, before its outcome one."""
    return len(begun.rows) == (1 if isinstance(entry, OutcomeEntry) else 0)


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
