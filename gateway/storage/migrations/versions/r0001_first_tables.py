"""First tables: persons and keys, documents and versions, the exchange log."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "facts",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
    _create_persons()
    _create_records()
    _create_log()


def _create_persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("pseudonym", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_persons"),
        sa.UniqueConstraint("pseudonym", name="uq_persons_pseudonym"),
    )
    op.create_table(
        "data_keys",
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("kek", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
        sa.PrimaryKeyConstraint("holder", "scope", name="pk_data_keys"),
    )


def _create_records() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("row_count", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_documents_person"),
        sa.UniqueConstraint("person", "sequence", name="uq_documents_person"),
        sa.UniqueConstraint("fingerprint", name="uq_documents_fingerprint"),
    )
    op.create_table(
        "versions",
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Boolean(create_constraint=True, name="ck_versions_deleted"), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("document", "position", name="pk_versions"),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name="fk_versions_document"),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_versions_person"),
        sa.UniqueConstraint("identity", "version", name="uq_versions_identity"),
    )
    op.create_index("ix_versions_person", "versions", ["person"])


def _create_log() -> None:
    op.create_table(
        "log_heads",
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("frontier", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("shard", name="pk_log_heads"),
    )
    op.create_table(
        "log_entries",
        sa.Column("shard", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("time", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("activity", sa.Text, nullable=False),
        sa.Column("effect", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("shard", "position", name="pk_log_entries"),
        sa.ForeignKeyConstraint(["shard"], ["log_heads.shard"], name="fk_log_entries_shard"),
        sa.UniqueConstraint("exchange", "kind", name="uq_log_entries_exchange"),
    )
    op.create_index("ix_log_entries_person", "log_entries", ["shard", "person", "position"])
    op.create_index("ix_log_entries_time", "log_entries", ["shard", "time"])
