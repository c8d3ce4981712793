"""Alembic's environment: it runs on the connection that `acidwatch.ledger.migrate` gives it, in that connection's transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
context.run_migrations()
