"""Write and read the exchange log.

An entry is written inside the caller's database transaction, by one writer, so that it is there exactly
when the rest of that transaction is.  Reading is itself an exchange: whoever lists entries has a
permitted decision to read the log on record first.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from gateway.errors import Fault, Issue
from gateway.exchangelog.entry import EVENTS, Entry, OutcomeEntry, canonical, part
from gateway.exchangelog.merkle import Frontier, leaf_hash
from gateway.policy import Effect

VERSION = 1
MAX_LEAF = 65_535
"""Longest leaf in bytes: C2SP tlog-tiles gives entries a 16-bit length."""

SALT_BYTES = 16
_COPIED = ("kind", "exchange", "time", "caller", "activity", "effect")


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as stored.

    `leaf` is what the tree proves.  The columns before it repeat what stands in the leaf, to search by;
    `person` is the pseudonym, bound to the leaf by `salt`.  `sealed` is the encrypted part, bound by its
    hash.
    """

    position: int
    kind: str
    exchange: str
    time: str
    caller: str
    activity: str
    effect: str
    person: str
    salt: bytes
    leaf: bytes
    leaf_hash: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """Which exchanges; "" and None are no limit.  `before` is a position: the next page."""

    exchange: str = ""
    person: str = ""
    caller: str = ""
    activity: str = ""
    effect: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an entry stands, and the tree just after it.  It counts once the transaction is committed.

    `revision` is that of the record of its person, at the moment at which the entry was added.
    """

    position: int
    leaf_hash: bytes
    size: int
    root: bytes
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Opening:
    """What an entry is added to: the present tree, and the rows of its exchange, in order.

    `revision` is that of the record of the person when the last of these rows was added; 0 when it is not
    known.
    """

    tree: Frontier
    rows: tuple[Row, ...] = ()
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """A decision and its outcome (None: not recorded, a gap).

    Both are the fields of `FIELDS` by name, with `person`.  Sealed fields are absent when the key of that
    person and year was destroyed.
    """

    position: int
    decision: Mapping[str, Any]
    outcome: Mapping[str, Any] | None


class LogStore(Protocol):
    """Where one log (shard) is kept, within one transaction.  `storage.entries` is the real one."""

    @property
    def shard(self) -> str:
        """Name of the log."""

    def head(self) -> Frontier:
        """The present tree.  Raises `Fault` when it is broken."""

    def opening(self, exchange: str) -> Opening:
        """The tree as `head` gives it, and the rows as `exchange` does, in one look."""

    def append(self, row: Row, before: Frontier, tree: Frontier) -> int | None:
        """Keep the row, and `tree` as the present one; neither, and None, when that is not `before`.

        Gives the revision of the record of the row's person at that moment: how often it was written, 0 for
        nobody and who is not known.
        """

    def exchange(self, exchange: str) -> list[Row]:
        """The rows of one exchange, in order."""

    def decisions(self, search: Search) -> list[Row]:
        """Decision rows that match, newest first."""

    def outcomes(self, exchanges: Iterable[str]) -> list[Row]:
        """Outcome rows of these exchanges."""

    def rows(self) -> Iterator[Row]:
        """All rows by position."""


class Sealing(Protocol):
    """Encryption under the key of a holder (a pseudonym, or the log itself) and a year."""

    def seal(self, holder: str, year: int, plain: bytes, context: str) -> bytes:
        """Encrypt; `context` must be given again to open."""

    def open(self, holder: str, year: int, sealed: bytes, context: str) -> bytes | None:
        """Decrypt; None when the key was destroyed.  Raises `Fault` when the bytes were altered."""


class ExchangeLog:
    """The log within one transaction."""

    def __init__(self, store: LogStore, sealing: Sealing) -> None:
        self.store = store
        self.sealing = sealing

    def record(self, entry: Entry) -> Receipt:
        """Append one entry to the transaction; durable once the caller has committed.

        Raises `Fault` for a second decision or outcome of one exchange, an outcome without a decision, and a
        completed outcome of a denied exchange; and when another writer comes between.
        """
        added = self.attempt(entry)
        if added is None:
            raise _fault("a second writer of the exchange log", entry.exchange)
        row, tree = added.rows[-1], added.tree
        return Receipt(row.position, row.leaf_hash, tree.size, tree.root(), added.revision)

    def attempt(self, entry: Entry, opening: Opening | None = None) -> Opening | None:
        """As `record`, for who does not hold the tree: None, and nothing done, when another writer came
        between.

        Gives what the next entry of the exchange is added to.  `opening` is such a thing, not asked for then.
        """
        opening = opening or self.store.opening(entry.exchange)
        tree = opening.tree
        if isinstance(entry, OutcomeEntry):
            entry = _follows(entry, opening.rows)
        elif opening.rows:
            raise _fault("an exchange has one decision", entry.exchange)
        row = self._row(entry, tree.size)
        grown = tree.add(row.leaf_hash)
        revision = self.store.append(row, tree, grown)
        return None if revision is None else Opening(grown, (*opening.rows, row), revision)

    def exchanges(self, search: Search, *, under: str) -> list[Exchange]:
        """The exchanges that match, newest first, with their sealed part.

        `under` is the exchange in which this reading was permitted.  Raises `Fault` when it is not on
        record, is no reading of the log, was denied, or is already finished.
        """
        self._check_reader(under)
        decisions = self.store.decisions(search)
        outcomes = {
            row.exchange: self.opened(row) for row in self.store.outcomes(row.exchange for row in decisions)
        }
        return [Exchange(row.position, self.opened(row), outcomes.get(row.exchange)) for row in decisions]

    def opened(self, row: Row) -> dict[str, Any]:
        """Leaf and sealed fields of a row by name.  Raises `Fault` when it was tampered with."""
        try:
            leaf, year = json.loads(row.leaf), int(row.time[:4])
        except ValueError:
            raise _fault("a log entry was altered", row.exchange) from None
        context = self._context(row.exchange, row.kind)
        plain = self.sealing.open(self._holder(row.person), year, row.sealed, context)
        sealed = json.loads(plain) if plain is not None else {}
        return {**leaf, **sealed, "person": row.person}

    def _row(self, entry: Entry, position: int) -> Row:
        leaf = part(entry, "leaf") | {"v": VERSION, "log": self.store.shard, "kind": entry.kind}
        salt = os.urandom(SALT_BYTES) if entry.person else b""
        plain, context = canonical(part(entry, "sealed")), self._context(entry.exchange, entry.kind)
        sealed = self.sealing.seal(self._holder(entry.person), int(leaf["time"][:4]), plain, context)
        leaf |= {"person": commitment(entry.person, salt), "sealed": hashlib.sha256(sealed).hexdigest()}
        data = canonical(leaf)
        if len(data) > MAX_LEAF:
            raise _fault(f"a log entry is at most {MAX_LEAF} bytes", entry.exchange)
        return Row(
            position=position,
            **copied(leaf),
            person=entry.person,
            salt=salt,
            leaf=data,
            leaf_hash=leaf_hash(data),
            sealed=sealed,
        )

    def _holder(self, person: str) -> str:
        return person or f"log {self.store.shard}"

    def _context(self, exchange: str, kind: str) -> str:
        return f"{self.store.shard} {exchange} {kind}"

    def _check_reader(self, under: str) -> None:
        rows = self.store.exchange(under)
        if not rows:
            raise _fault("the log is read without a decision on record", under)
        reader = rows[0]
        event = json.loads(reader.leaf).get("event")
        if event != EVENTS["audit"].event or reader.effect == Effect.DENY or len(rows) > 1:
            raise _fault("this exchange does not permit to read the log", under)


def commitment(person: str, salt: bytes) -> str:
    """What the leaf says of the person: SHA-256 over salt and pseudonym in hex; "" for nobody."""
    return hashlib.sha256(b"zibpoort log person\x00" + salt + person.encode()).hexdigest() if person else ""


def copied(leaf: Mapping[str, Any]) -> dict[str, str]:
    """The columns of a row that repeat its leaf."""
    return {name: str(leaf.get(name, "")) for name in _COPIED}


def _follows(outcome: OutcomeEntry, before: Sequence[Row]) -> OutcomeEntry:
    """The outcome, of the person of its decision."""
    if [row.kind for row in before] != ["decision"]:
        raise _fault("an outcome follows its decision, once", outcome.exchange)
    if outcome.status == "completed" and before[0].effect == Effect.DENY:
        raise _fault("a denied exchange is not completed", outcome.exchange)
    return replace(outcome, person=before[0].person)


def _fault(text: str, exchange: str) -> Fault:
    return Fault(Issue("fatal", "processing", text, place=f"exchange {exchange}"))
