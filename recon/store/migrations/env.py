"""Alembic's environment: the connection is handed in by recon.store.state.migrate."""

from alembic import context

from recon.store.state import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table="recon_schema")
with context.begin_transaction():
    context.run_migrations()
