"""Is the log what it was?  Recomputes everything that needs no key from what is stored.

This finds every alteration of a stored entry, and removal or reordering of entries, as long as one tree
head from before is known: whoever can rewrite all of the database can also rewrite the head in it.  Such
a head comes from a receipt or a checkpoint kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import Fault, Issue
from gateway.exchangelog.entry import canonical, fields
from gateway.exchangelog.log import LogStore, Receipt, Row, commitment, copied
from gateway.exchangelog.merkle import Frontier, leaf_hash
from gateway.policy import Effect


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.  `gaps` are permits without an outcome: not tampering, but to be explained."""

    size: int
    root: bytes
    gaps: int
    problems: tuple[Issue, ...]

    @property
    def intact(self) -> bool:
        """True when there are no problems."""
        return not self.problems


def verify(store: LogStore, known: Receipt | None = None) -> Report:
    """Check every row, the order, the pairs and the tree; `known` is a tree head from before, kept elsewhere.

    Never raises for what is stored: every fault is a problem of the report, with its position.
    """
    problems: list[Issue] = []
    tree, pairs = Frontier(), dict[str, list[Row]]()
    for position, row in enumerate(store.rows()):
        problems += (_issue(text, row) for text in _row_faults(row, position, store.shard))
        problems += _pair_faults(row, pairs.setdefault(row.exchange, []))
        tree = tree.add(leaf_hash(row.leaf))
        if known and tree.size == known.size and tree.root() != known.root:
            problems.append(_issue("the tree up to here is not the one that was known", row))
    problems += _head_faults(store, tree, known)
    gaps = sum(len(rows) == 1 and rows[0].effect != Effect.DENY for rows in pairs.values())
    return Report(tree.size, tree.root(), gaps, tuple(problems))


def _row_faults(row: Row, position: int, shard: str) -> Iterator[str]:
    if row.position != position:
        yield f"an entry is missing: number {position} is not there"
    if leaf_hash(row.leaf) != row.leaf_hash:
        yield "the leaf is not what was hashed"
    leaf = _leaf(row)
    if leaf is None:
        yield "the leaf is not a log entry"
        return
    if leaf["log"] != shard:
        yield "the leaf belongs to another log"
    for name, value in copied(leaf).items():
        if getattr(row, name) != value:
            yield f"'{name}' is not what the leaf says"
    if commitment(row.person, row.salt) != leaf["person"] or bool(row.salt) != bool(row.person):
        yield "the person is not the one that the leaf commits to"
    if hashlib.sha256(row.sealed).hexdigest() != leaf["sealed"]:
        yield "the sealed part is not the one that the leaf commits to"


def _leaf(row: Row) -> Mapping[str, Any] | None:
    """The leaf, when it is canonical JSON with exactly the fields of its kind."""
    try:
        leaf = json.loads(row.leaf)
        if leaf["kind"] not in ("decision", "outcome"):
            return None
        names = {*fields(leaf["kind"], "leaf"), "v", "log", "kind", "person", "sealed"}
        return leaf if leaf.keys() == names and canonical(leaf) == row.leaf else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _pair_faults(row: Row, pair: list[Row]) -> Iterator[Issue]:
    pair.append(row)
    if [each.kind for each in pair] not in (["decision"], ["decision", "outcome"]):
        yield _issue("an exchange has one decision, then at most one outcome", row)


def _head_faults(store: LogStore, tree: Frontier, known: Receipt | None) -> Iterator[Issue]:
    try:
        head = store.head()
    except Fault as fault:
        yield from fault.issues
        return
    if head != tree:
        text = (
            f"the stored tree head is of {head.size} entries and does not fit the {tree.size} that are there"
        )
        yield Issue("error", "security", text, place=f"log {store.shard}")
    if known and known.size > tree.size:
        text = f"{known.size - tree.size} entries that were known are gone"
        yield Issue("error", "security", text, place=f"log {store.shard}")


def _issue(text: str, row: Row) -> Issue:
    return Issue("error", "security", text, place=f"log entry {row.position}")
