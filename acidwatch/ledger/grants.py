"""What the roles of services may do. Said anew at the end of every migration, so that it holds for new tables and for roles made since.

Roles belong to the whole server, and making them needs a right that the owner of one database seldom has: they are made by hand, once
(docs/operator.md, Security). Here those that are there get their rights; without any, the owner does everything.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection

ROLES = ("acidwatch_ledger", "acidwatch_metrics")
READER = "acidwatch_reader"


def grant(connection: Connection) -> None:
    """Give each role that exists exactly the rights in the file of its name, in the caller's transaction."""
    for role in ROLES:
        if _exists(connection, role):
            connection.exec_driver_sql(Path(__file__).with_name(f"{role}.sql").read_text())
    if _exists(connection, READER):
        connection.exec_driver_sql("SELECT metrics.grant_reader()")


def _exists(connection: Connection, role: str) -> bool:
    return connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).first() is not None
