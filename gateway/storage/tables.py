"""The tables.  Portable SQL: times are text (`exchangelog.stamp`), so that hashes and order do not depend
on a driver.

What stands in the clear: pseudonyms, names of organisations, formats, block types, times.  Everything
else of a person is in a `sealed` column, bound to the clear columns of its row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

# Facts about the database itself: a proof that the pseudonym key is the one it was made with.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

persons = Table(
    "persons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("pseudonym", Text, nullable=False, unique=True),
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

documents = Table(
    "documents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("person", Text, ForeignKey("persons.id"), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("received", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("block_count", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    UniqueConstraint("person", "sequence"),
    UniqueConstraint("fingerprint"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("document", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("person", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("identity", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    ForeignKeyConstraint(["document"], ["documents.id"]),
    ForeignKeyConstraint(["person"], ["persons.id"]),
    Index("ix_blocks_person", "person", "type"),
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
