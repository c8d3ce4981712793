"""At which revision a database is, and whether this acidwatch knows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from acidwatch.errors import UnusableInputError

MIGRATIONS = Path(__file__).parent / "migrations"


def require_known(connection: psycopg.Connection[Any]) -> None:
    """Leave a database alone that a newer acidwatch migrated: its results may mean something else than this one would write.

    Raises:
        UnusableInputError: It is at a revision that is not known here.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        revision = cursor.execute("SELECT version_num FROM alembic_version").fetchone()
    if revision not in {script.stem for script in (MIGRATIONS / "versions").glob("*.py")}:
        info = connection.info
        raise unknown(f"{info.host}:{info.port}/{info.dbname}", revision)


def unknown(address: str, revision: object) -> UnusableInputError:
    """What to say of it."""
    return UnusableInputError(
        f"the database {address} is at revision {revision}, which this acidwatch does not know: a newer one migrated it. "
        "Nothing was changed; use that one, or another database"
    )
