"""The rows of one exchange log (shard): the `LogStore` on a database connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, insert, select, update
from sqlalchemy import Row as SqlRow

from gateway.errors import Fault, Issue
from gateway.exchangelog import Frontier, Opening, Row, Search, stamp
from gateway.storage.tables import insert_missing, persons
from gateway.storage.tables import log_entries as entries
from gateway.storage.tables import log_heads as heads

_COLUMNS = tuple(column for column in entries.c if column.name != "shard")
_own_shard = entries.c.shard.concat("")
"""The shard, where the exchange is known: an expression, for which no index of the whole log is taken."""

# Made once: an entry is written twice for every exchange, and making a statement costs more than running it.
# Few of them: with a server each is a way to and fro.
_HEAD = select(heads.c.size, heads.c.root, heads.c.frontier).where(heads.c.shard == bindparam("shard"))
_HEAD_LOCKED = _HEAD.with_for_update()
_HEAD_WIDTH = len(_HEAD.selected_columns)
_OPENING = (
    select(*_HEAD.selected_columns, *_COLUMNS)
    .outerjoin_from(
        heads, entries, and_(_own_shard == heads.c.shard, entries.c.exchange == bindparam("exchange"))
    )
    .where(heads.c.shard == bindparam("shard"))
    .order_by(entries.c.kind)
)
_OPENING_LOCKED = _OPENING.with_for_update(of=heads)
_GROW = (
    update(heads)
    .where(
        heads.c.shard == bindparam("log"),
        heads.c.size == bindparam("position"),
        heads.c.root == bindparam("before"),
    )
    .values(size=bindparam("size"), root=bindparam("root"), frontier=bindparam("frontier"))
)
_REVISION = func.coalesce(
    select(persons.c.revision).where(persons.c.pseudonym == bindparam("about")).scalar_subquery(), 0
)
"""That of the record of the person whom an entry is about."""
_APPEND = insert(entries).returning(_REVISION)
_GROWN = _GROW.returning(heads.c.shard).cte("grown")
_GROW_AND_APPEND = (
    insert(entries)
    .from_select(
        ["shard", *(column.name for column in _COLUMNS)],
        select(_GROWN.c.shard, *(bindparam(column.name, type_=column.type) for column in _COLUMNS)),
    )
    .returning(_REVISION)
)
"""Both at once, and neither when the tree grew meanwhile.  SQLite has no such statement, and needs none."""

_EXCHANGE = (
    select(*_COLUMNS)
    .where(_own_shard == bindparam("shard"), entries.c.exchange == bindparam("exchange"))
    .order_by(entries.c.kind)  # by position SQLite would read the whole log to find the two of them
)


class LogRows:
    """The rows of the shard, within one transaction; `locks` when nobody else may write until it ends."""

    def __init__(self, connection: Connection, shard: str, *, locks: bool) -> None:
        self._connection = connection
        self._shard = shard
        self._locks = locks

    @property
    def shard(self) -> str:
        """Name of the log."""
        return self._shard

    def create(self) -> None:
        """Begin the log with an empty tree, unless it is there."""
        empty = Frontier()
        values = {"size": 0, "root": empty.root(), "frontier": empty.to_bytes()}
        insert_missing(self._connection, heads, shard=self._shard, **values)

    def head(self) -> Frontier:
        """The present tree.  Raises `Fault` when it contradicts itself."""
        query = _HEAD_LOCKED if self._locks else _HEAD
        row = self._connection.execute(query, {"shard": self._shard}).one_or_none()
        return self._tree(row)

    def opening(self, exchange: str) -> Opening:
        """What an entry of an exchange is added to: the present tree, and the rows of that exchange.

        Raises `Fault` when the tree contradicts itself.
        """
        query = _OPENING_LOCKED if self._locks else _OPENING
        found = self._connection.execute(query, {"shard": self._shard, "exchange": exchange}).all()
        rows = tuple(Row(*row[_HEAD_WIDTH:]) for row in found if row.exchange is not None)
        return Opening(self._tree(found[0] if found else None), rows)

    def append(self, row: Row, before: Frontier, tree: Frontier) -> int | None:
        """Keep the row and the tree; neither, and None, when the present tree is not `before`.

        Gives how often the record of the row's person was written.
        """
        grown = {"size": tree.size, "root": tree.root(), "frontier": tree.to_bytes()}
        head = {"log": self._shard, "position": row.position, "before": before.root()} | grown
        entry = {column.name: getattr(row, column.name) for column in _COLUMNS} | {"about": row.person}
        revision: int | None = None
        if self._connection.dialect.name == "postgresql":
            revision = self._connection.scalar(_GROW_AND_APPEND, head | entry)
        elif self._connection.execute(_GROW, head).rowcount:
            revision = self._connection.scalar(_APPEND, {"shard": self._shard} | entry)
        return revision

    def exchange(self, exchange: str) -> list[Row]:
        """The rows of one exchange: its decision, then its outcome."""
        found = self._connection.execute(_EXCHANGE, {"shard": self._shard, "exchange": exchange})
        return [Row(*row) for row in found]

    def decisions(self, search: Search) -> list[Row]:
        """Decision rows that match, newest first."""
        query = self._query().where(entries.c.kind == "decision")
        for name in ("exchange", "person", "caller", "activity", "effect"):
            if wanted := getattr(search, name):
                query = query.where(entries.c[name] == wanted)
        if search.since:
            query = query.where(entries.c.time >= stamp(search.since))
        if search.until:
            query = query.where(entries.c.time < stamp(search.until))
        if search.before is not None:
            query = query.where(entries.c.position < search.before)
        return self._select(query.order_by(entries.c.position.desc()).limit(search.limit))

    def outcomes(self, exchanges: Iterable[str]) -> list[Row]:
        """Outcome rows of these exchanges."""
        query = select(*_COLUMNS).where(entries.c.kind == "outcome", _own_shard == self._shard)
        return self._select(query.where(entries.c.exchange.in_(tuple(exchanges))))

    def rows(self) -> Iterator[Row]:
        """All rows by position."""
        for row in self._connection.execute(self._query().order_by(entries.c.position)).yield_per(1000):
            yield Row(*row)

    def _tree(self, row: SqlRow[*tuple[Any, ...]] | None) -> Frontier:
        if row is None:
            raise self._fault("the exchange log has no tree head")
        try:
            tree = Frontier.from_bytes(row.size, row.frontier)
        except ValueError as error:
            raise self._fault(str(error)) from None
        if tree.root() != row.root:
            raise self._fault("the frontier of the tree does not have the stored root")
        return tree

    def _query(self) -> Select[Any]:
        return select(*_COLUMNS).where(entries.c.shard == self._shard)

    def _select(self, query: Select[Any]) -> list[Row]:
        return [Row(*row) for row in self._connection.execute(query)]

    def _fault(self, text: str) -> Fault:
        return Fault(Issue("fatal", "security", text, place=f"log {self._shard}"))
