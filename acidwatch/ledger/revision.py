"""At which revision a database is, and whether this acidwatch knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from acidwatch.errors import UnusableInputError

MIGRATIONS = Path(__file__).parent / "migrations"


def revision_of(connection: psycopg.Connection[Any]) -> str | None:
    """The migration that the database is at; None = it was never migrated."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        if cursor.execute("SELECT to_regclass('alembic_version')").fetchone() is None:
            return None
        found: str | None = cursor.execute("SELECT version_num FROM alembic_version").fetchone()
        return found


def require_known(connection: psycopg.Connection[Any]) -> None:
    """Leave a database alone that a newer acidwatch migrated: its results may mean something else than this one would write.

    Raises:
        UnusableInputError: It is at a revision that is not known here.
    """
    revision = revision_of(connection)
    if revision is not None and revision not in {script.stem for script in (MIGRATIONS / "versions").glob("*.py")}:
        info = connection.info
        raise unknown(f"{info.host}:{info.port}/{info.dbname}", revision)


def unknown(address: str, revision: object) -> UnusableInputError:
    """What to say of it."""
    return UnusableInputError(
        f"the database {address} is at revision {revision}, which this acidwatch does not know: a newer one migrated it. "
        "Nothing was changed; use that one, or another database"
    )
