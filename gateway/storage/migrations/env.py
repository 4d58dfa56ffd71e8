"""Runs migrations inside the transaction that `open_database` began."""

from alembic import context

from gateway.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
