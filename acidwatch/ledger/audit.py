"""The journal: who did what, when and why. Written in the transaction of what was done, and copied to HDFS afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from acidwatch.ledger.connection import Connection

Entry = dict[str, Any]
"""`audit_id, at, author, action, message, details, version`."""


def note(
    connection: Connection, author: str, action: str, message: str, details: dict[str, Any], version: int | None = None
) -> int:
    """Write an entry; returns its number.

    Args:
        action: `quarantine`, `restore`, `tag`, `untag`, `plan`, `park`, ...: the command that did it.
        details: All that is needed to do it again without this database; see `acidwatch.proof.rebuild`.
        version: The version that it made.
    """
    row = connection.execute(
        "INSERT INTO ledger.audit (author, action, message, details, version) VALUES (%s, %s, %s, %s::jsonb, %s) RETURNING audit_id",
        (author, action, message, orjson.dumps(details).decode(), version),
    ).fetchone()
    return int(row["audit_id"]) if row else 0


def unjournaled(connection: Connection) -> list[Entry]:
    """Entries that are not in the journal on HDFS yet, oldest first."""
    return connection.execute(
        "SELECT audit_id, at, author, action, message, details, version FROM ledger.audit WHERE journaled_at IS NULL ORDER BY audit_id"
    ).fetchall()


def mark_journaled(connection: Connection, audit_ids: Sequence[int]) -> None:
    """They are there now."""
    connection.execute("UPDATE ledger.audit SET journaled_at = now() WHERE audit_id = ANY(%s)", (list(audit_ids),))


def known_entries(connection: Connection) -> set[int]:
    """Numbers of all entries."""
    return {row["audit_id"] for row in connection.execute("SELECT audit_id FROM ledger.audit")}


def put_back(connection: Connection, entry: Entry, version: int | None) -> None:
    """Write an entry of the journal on HDFS under its old number and time, with the version that it made this time."""
    details = (
        entry["details"]
        if entry["version"] in {None, version}
        else {**entry["details"], "was_version": entry["version"]}
    )
    connection.execute(
        "INSERT INTO ledger.audit (audit_id, at, author, action, message, details, version, journaled_at)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s::jsonb, %s, now())",
        (
            entry["audit_id"], entry["at"], entry["author"], entry["action"], entry["message"], orjson.dumps(details).decode(), version,
        ),
    )  # fmt: skip
