"""An exchange log in memory: the same interfaces as the real store and keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.errors import Fault, Issue
from gateway.exchangelog import (
    DecisionEntry,
    ExchangeLog,
    Frontier,
    Opening,
    OutcomeEntry,
    Row,
    Search,
    stamp,
)

NOW = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
ANNA = "a" * 64
BERT = "b" * 64


class MemoryRows:
    """Rows in a list."""

    def __init__(self, shard: str = "test") -> None:
        self.kept: list[Row] = []
        self.tree = Frontier()
        self._shard = shard

    @property
    def shard(self) -> str:
        return self._shard

    def head(self) -> Frontier:
        return self.tree

    def opening(self, exchange: str) -> Opening:
        return Opening(self.head(), tuple(self.exchange(exchange)))

    def append(self, row: Row, before: Frontier, tree: Frontier) -> int | None:
        if before != self.tree:
            return None
        self.kept.append(row)
        self.tree = tree
        return 0

    def exchange(self, exchange: str) -> list[Row]:
        return [row for row in self.kept if row.exchange == exchange]

    def decisions(self, search: Search) -> list[Row]:
        wanted = {
            name: getattr(search, name) for name in ("exchange", "person", "caller", "activity", "effect")
        }
        found = [
            row
            for row in reversed(self.kept)
            if row.kind == "decision"
            and all(not value or getattr(row, name) == value for name, value in wanted.items())
            and (search.since is None or row.time >= stamp(search.since))
            and (search.until is None or row.time < stamp(search.until))
            and (search.before is None or row.position < search.before)
        ]
        return found[: search.limit]

    def outcomes(self, exchanges: Iterable[str]) -> list[Row]:
        wanted = set(exchanges)
        return [row for row in self.kept if row.kind == "outcome" and row.exchange in wanted]

    def rows(self) -> Iterator[Row]:
        yield from self.kept


class MemoryKeys:
    """Sealing that hides nothing but notices everything: a tag over holder, year, context and text."""

    def __init__(self) -> None:
        self.destroyed: set[tuple[str, int]] = set()

    def seal(self, holder: str, year: int, plain: bytes, context: str) -> bytes:
        return self._tag(holder, year, plain, context) + plain

    def open(self, holder: str, year: int, sealed: bytes, context: str) -> bytes | None:
        if (holder, year) in self.destroyed:
            return None
        if self._tag(holder, year, sealed[32:], context) != sealed[:32]:
            raise Fault(Issue("fatal", "security", "altered"))
        return sealed[32:]

    def _tag(self, holder: str, year: int, plain: bytes, context: str) -> bytes:
        return hashlib.sha256(f"{holder}|{year}|{context}|".encode() + plain).digest()


def log() -> tuple[ExchangeLog, MemoryRows, MemoryKeys]:
    """An empty log, and what it writes to."""
    rows, keys = MemoryRows(), MemoryKeys()
    return ExchangeLog(rows, keys), rows, keys


def decided(exchange: str, **changes: Any) -> DecisionEntry:
    """A permitted reading by a PGO."""
    given: dict[str, Any] = {
        "exchange": exchange,
        "time": NOW,
        "event": "transfer-to-other-system",
        "action": "R",
        "caller": "pgo-1",
        "role": "pgo",
        "organisation": "PGO",
        "purpose": "PATRQT",
        "activity": "person-reads-own-record",
        "effect": "permit",
        "reasons": ("permitted",),
        "policy": "0" * 64,
        "source": "zibpoort",
        "articles": ("AVG art. 15",),
        "person": ANNA,
        "query": "Observation?code=85354-9",
        "blocks": ("BloodPressure",),
    }
    return DecisionEntry(**given | changes)


def reading(exchange: str = "reader", **changes: Any) -> DecisionEntry:
    """A permitted reading of the log."""
    given: dict[str, Any] = {
        "event": "read-log",
        "caller": "auditor-1",
        "role": "auditor",
        "activity": "auditor-reads-log",
        "person": "",
        "blocks": (),
    }
    return decided(exchange, **given | changes)


def done(exchange: str, **changes: Any) -> OutcomeEntry:
    """A completed exchange."""
    given: dict[str, Any] = {
        "exchange": exchange,
        "time": NOW,
        "status": "completed",
        "code": "200",
        "counts": {"Observation": 3},
        "content_hash": "1" * 64,
        "size": 4096,
    }
    return OutcomeEntry(**given | changes)
