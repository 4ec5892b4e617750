"""Alembic's entry: runs the migrations on the connection that `worker.ledger.migrate` hands over."""

from __future__ import annotations

from alembic import context

from worker.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
