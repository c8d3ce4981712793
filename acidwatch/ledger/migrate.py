"""Bring the database to the newest schema, with alembic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from acidwatch.errors import DependencyAwayError, UnusableInputError
from acidwatch.ledger.grants import grant
from acidwatch.ledger.login import address_of, conninfo, refusal
from acidwatch.ledger.revision import MIGRATIONS, unknown
from acidwatch.settings import PostgresSettings

_LOCK = 7_262_001  # two migrations at once: the second waits for the first


def migrate(
    settings: PostgresSettings,
    *,
    dry_run: bool = False,
    target: str | None = None,
    warn: Callable[[str], None] | None = None,
) -> tuple[str | None, str | None]:
    """Apply what is missing, and give the roles that are there their rights, all in one transaction.

    Returns the revision before and after (None = nothing there).

    Args:
        target: Revision to go up to; without it the newest one.
        warn: Is told what the database warns of, such as a role that may not be made.

    Raises:
        RefusedError: PostgreSQL does not let us in, or may not do this for us.
        DependencyAwayError: PostgreSQL does not answer.
        UnusableInputError: There is no such revision, or the database is at a later one, or at one that is not known here.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    newest = target or scripts.get_current_head()
    revisions = [script.revision for script in scripts.walk_revisions()]  # the newest first
    if newest not in revisions:
        raise UnusableInputError(f"no revision {newest}; there are {', '.join(sorted(revisions))}")
    address, seconds = conninfo(settings), max(int(settings.database_timeout_seconds), 2)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(address, connect_timeout=seconds),
        poolclass=sqlalchemy.pool.NullPool,
    )
    if warn is not None:
        sqlalchemy.event.listen(engine, "connect", lambda connection, _: _listen(connection, warn))
    try:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            before = MigrationContext.configure(connection).get_current_revision()
            if before is not None and before not in revisions:
                raise unknown(address_of(address), before)
            if before is not None and revisions.index(before) < revisions.index(newest):
                raise UnusableInputError(
                    f"the database {address_of(address)} is at revision {before} already, and there is no way back to {newest}; "
                    "use an empty one"
                )
            if not dry_run:
                config.attributes["connection"] = connection
                command.upgrade(config, newest)
                if newest == scripts.get_current_head():
                    grant(connection)
    except sqlalchemy.exc.DBAPIError as error:
        if why := refusal(error.orig, address_of(address)):
            raise why from error
        if isinstance(error, sqlalchemy.exc.OperationalError):
            raise DependencyAwayError("PostgreSQL", address_of(address), error.orig or error) from error
        raise
    finally:
        engine.dispose()
    return before, newest


def _listen(connection: Any, warn: Callable[[str], None]) -> None:
    def tell(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            warn("; ".join(filter(None, (notice.message_primary, notice.message_hint))))

    connection.add_notice_handler(tell)
