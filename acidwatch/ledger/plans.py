"""Attempts after the first: numbered in the ledger before they are sent, with the SHA-256 of what will be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.audit import Entry, note
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.state import Key

Kind = Literal["replay", "resubmit", "reprocess"]
"""replay: a dead letter's record again, as it was or edited; resubmit: a corrected workbook of it; reprocess: an accepted batch again."""


def plan_attempts(
    connection: Connection,
    batches: Sequence[tuple[str, str]],
    kind: Kind,
    author: str,
    message: str,
    *,
    headers: Mapping[str, str] | None = None,
    what: Mapping[str, Any] | None = None,
) -> list[int]:
    """Number the next attempt of each batch, and note that its letter, if it has one, is replayed; see `taken_again`.

    Args:
        batches: Batch id and SHA-256 (hexadecimal) of the value that will be sent.
        headers: Batch id to what is said for the headers that will be sent; the same for the same.
        what: What was done to the records, for the journal.

    Returns:
        The attempt of each batch.

    Raises:
        UnusableInputError: A batch is not in the ledger.
    """
    dataset = lock_dataset(connection)
    ids = [batch_id for batch_id, _ in batches]
    said = headers or {}
    known = {
        row["batch_id"]: row
        for row in connection.execute(
            "SELECT b.batch_id, greatest((SELECT max(attempt) FROM ledger.attempts a WHERE a.batch_id = b.batch_id),"
            " (SELECT max(attempt) FROM ledger.planned_attempts p WHERE p.batch_id = b.batch_id)) AS newest"
            " FROM ledger.batches b WHERE b.batch_id = ANY(%s)",
            (ids,),
        )
    }
    unsent = taken_again(connection, batches, kind, said)
    planned: list[int] = []
    for batch_id, sha256 in batches:
        row = known.get(batch_id)
        if row is None:
            raise UnusableInputError(f"no batch {batch_id}; see: acidwatch batches list")
        if batch_id in unsent:
            planned.append(unsent[batch_id])
            continue
        row["newest"] = (row["newest"] or 1) + 1
        planned.append(row["newest"])
        connection.execute(
            "INSERT INTO ledger.planned_attempts (batch_id, attempt, kind, value_sha256, planned_version, author, message)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (batch_id, row["newest"], kind, sha256, dataset.version, author, message),
        )
    connection.execute(
        "UPDATE ledger.dead_letters SET state = 'replayed', changed_at = now()"
        " WHERE batch_id = ANY(%s) AND state IN ('published', 'parked')",
        (ids,),
    )
    details = {
        "kind": kind,
        "planned_version": dataset.version,
        "attempts": [
            {"batch_id": batch_id, "attempt": attempt, "value_sha256": sha256, "headers": said.get(batch_id, "")}
            for (batch_id, sha256), attempt in zip(batches, planned, strict=True)
        ],
        **(what or {}),
    }
    note(connection, author, kind, message, details)
    return planned


def taken_again(
    connection: Connection, batches: Sequence[tuple[str, str]], kind: Kind, headers: Mapping[str, str]
) -> dict[str, int]:
    """Batch id to the attempt that was numbered for the same value and headers, and never confirmed as sent.

    Whoever numbered it crashed, and it may be on the topic already. Not so when a person took the batch out since, or another workbook came
    to stand in place of its own: an attempt numbered before that never becomes a member.
    """
    rows = connection.execute(
        "SELECT p.batch_id, p.attempt, p.value_sha256 FROM ledger.planned_attempts p JOIN ledger.batches b USING (batch_id)"
        " LEFT JOIN ledger.attempts a USING (batch_id, attempt)"
        " WHERE p.batch_id = ANY(%s) AND p.kind = %s AND p.sent_at IS NULL AND a.attempt IS NULL"
        " AND p.planned_version >= greatest(coalesce(b.taken_out, 0), coalesce((SELECT max(from_version) FROM ledger.replacements r"
        " WHERE r.source_id = b.source_id AND r.to_version IS NULL), 0)) ORDER BY p.attempt",
        ([batch_id for batch_id, _ in batches], kind),
    ).fetchall()
    wanted = set(batches)
    unsent = {(row["batch_id"], row["attempt"]) for row in rows if (row["batch_id"], row["value_sha256"]) in wanted}
    if not unsent:
        return {}
    # What was said for the headers is in the journal only: it is asked for after a crash, and seldom else.
    said = connection.execute(
        "SELECT n->>'batch_id' AS batch_id, (n->>'attempt')::int AS attempt, n->>'headers' AS headers FROM ledger.audit"
        " CROSS JOIN LATERAL jsonb_array_elements(details->'attempts') AS n WHERE action = %s AND n->>'batch_id' = ANY(%s) ORDER BY 2",
        (kind, [batch_id for batch_id, _ in unsent]),
    )
    return {
        row["batch_id"]: row["attempt"]
        for row in said
        if (row["batch_id"], row["attempt"]) in unsent and row["headers"] == headers.get(row["batch_id"], "")
    }


def mark_sent(connection: Connection, attempts: Sequence[Key]) -> None:
    """The broker confirmed these attempts."""
    connection.execute(
        "UPDATE ledger.planned_attempts p SET sent_at = now() FROM unnest(%s::text[], %s::int[]) AS r(batch_id, attempt)"
        " WHERE p.batch_id = r.batch_id AND p.attempt = r.attempt",
        ([batch_id for batch_id, _ in attempts], [attempt for _, attempt in attempts]),
    )


def put_back(connection: Connection, entry: Entry) -> list[str]:
    """Number again, in another history, the attempts that an entry of the journal tells of, as of its newest version now.

    Returns:
        Batches that are not in the ledger.
    """
    dataset = lock_dataset(connection)
    attempts = entry["details"]["attempts"]
    ids = [attempt["batch_id"] for attempt in attempts]
    rows = connection.execute("SELECT batch_id FROM ledger.batches WHERE batch_id = ANY(%s)", (ids,))
    known = {row["batch_id"] for row in rows}
    for attempt in attempts:
        if attempt["batch_id"] in known:
            connection.execute(
                "INSERT INTO ledger.planned_attempts (batch_id, attempt, kind, value_sha256, planned_version, planned_at, author, message)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    attempt["batch_id"], attempt["attempt"], entry["action"], attempt["value_sha256"], dataset.version, entry["at"],
                    entry["author"], entry["message"],
                ),
            )  # fmt: skip
    connection.execute(
        "UPDATE ledger.dead_letters SET state = 'replayed', changed_at = now() WHERE batch_id = ANY(%s) AND state <> 'resolved'",
        (ids,),
    )
    return sorted(set(ids) - known)
