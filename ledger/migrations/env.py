"""Alembic's entry point: runs the migrations on the connection from `ledger.migrate`."""

from __future__ import annotations

from alembic import context

from ledger.base.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
