"""The tables.  Portable SQL: times are text (`exchangelog.stamp`), so that hashes and order do not depend
on a driver.

What stands in the clear: pseudonyms, names of organisations, formats, types, version numbers, times.
Everything else of a person, ids of resources included, is in a `sealed` column, bound to the clear columns
of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Facts about the database itself: a proof that the pseudonym key is the one it was made with.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# `revision` is the number of documents received about the person: it grows with every write.
persons = Table(
    "persons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
    Column("revision", BigInteger, nullable=False),
)

# One key per holder and scope: (pseudonym, record), (pseudonym, log 2026), (log zibpoort, log 2026).
# A destroyed key leaves its row, without the key.
data_keys = Table(
    "data_keys",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("kek", Text, nullable=False),
    Column("wrapped", LargeBinary),
)

# Everything received is a document, a single resource as well; `sequence` is the person's revision with it.
# `fingerprint` finds one that is delivered again; NULL where a repetition is meant.
documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, ForeignKey("persons.id"), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("fingerprint", Text),
    Column("sender", Text, nullable=False),
    Column("received", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("person", "sequence"),
    UniqueConstraint("fingerprint"),
)

# One row per version of a block or resource.  `identity` says which rows are versions of one thing; the
# newest version holds, unless it is a deletion.
versions = Table(
    "versions",
    metadata,
    Column("document", Text, ForeignKey("documents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("person", Text, ForeignKey("persons.id"), nullable=False),
    Column("form", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("deleted", Boolean(create_constraint=True, name="deleted"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("identity", "version"),
    Index("ix_versions_person", "person"),
)

log_heads = Table(
    "log_heads",
    metadata,
    Column("shard", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("shard", Text, ForeignKey("log_heads.shard"), primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("exchange", Text, nullable=False),
    Column("time", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("activity", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("exchange", "kind"),
    Index("ix_log_entries_person", "shard", "person", "position"),
    Index("ix_log_entries_time", "shard", "time"),
)


_INSERTS: Mapping[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def insert_missing(connection: Connection, table: Table, **values: Any) -> None:
    """Insert a row, unless one with its key is there or is being inserted by another transaction.

    Waits for that other one to end.
    """
    connection.execute(_missing(connection.dialect.name, table), values)


@cache
def _missing(dialect: str, table: Table) -> Any:
    return _INSERTS[dialect](table).on_conflict_do_nothing()
