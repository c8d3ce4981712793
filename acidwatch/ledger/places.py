"""Where the record of an attempt lies: its origin, and the file in raw/ that holds its bytes. `raw/` is never garbage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.contract.batch import Origin
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.state import Key


@dataclass(frozen=True, slots=True)
class RawPlace:
    """A record in raw/.

    Attributes:
        origin: Where it was consumed; within the file it is found by that.
        path: The file, below the root.
    """

    origin: Origin
    path: str


def raw_places(connection: Connection, keys: Sequence[Key]) -> dict[Key, RawPlace]:
    """Where the records of recorded attempts (batch id, attempt) lie; attempts that are not recorded are left out."""
    rows = connection.execute(
        'SELECT a.batch_id, a.attempt, a.topic, a.partition, a."offset", a.timestamp_ms, f.path FROM ledger.attempts a'
        " JOIN unnest(%s::text[], %s::int[]) AS wanted(batch_id, attempt) USING (batch_id, attempt)"
        ' JOIN ledger.deliveries d USING (topic, partition, "offset", timestamp_ms) JOIN ledger.files f ON f.file_id = d.raw_file_id',
        ([batch_id for batch_id, _ in keys], [attempt for _, attempt in keys]),
    )
    return {
        (row["batch_id"], row["attempt"]): RawPlace(
            Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"]), row["path"]
        )
        for row in rows
    }


def pending_reruns(
    connection: Connection, limit: int, batch_ids: Sequence[str] | None = None, older_than_seconds: float = 0.0
) -> list[RawPlace]:
    """Records that are to be sent again because their outcome named a condemned file, oldest first.

    Args:
        batch_ids: Of these batches; None = of any.
        older_than_seconds: Of those that wait for so long.
    """
    rows = connection.execute(
        'SELECT r.topic, r.partition, r."offset", r.timestamp_ms, f.path FROM ledger.reruns r'
        ' JOIN ledger.deliveries d USING (topic, partition, "offset", timestamp_ms) JOIN ledger.files f ON f.file_id = d.raw_file_id'
        " WHERE r.sent_at IS NULL AND r.recorded_at <= now() - make_interval(secs => %(age)s)"
        " AND (%(ids)s::text[] IS NULL OR r.batch_id = ANY(%(ids)s)) ORDER BY r.recorded_at LIMIT %(limit)s",
        {"age": older_than_seconds, "ids": None if batch_ids is None else list(batch_ids), "limit": limit},
    )
    return [
        RawPlace(Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"]), row["path"])
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class RerunCounts:
    """Records that had to be sent again, ever, and those of them that still have to."""

    ever: int
    unsent: int


def count_reruns(connection: Connection) -> RerunCounts:
    """How many there are."""
    row = connection.execute(
        "SELECT count(*) AS ever, count(*) FILTER (WHERE sent_at IS NULL) AS unsent FROM ledger.reruns"
    ).fetchone()
    return RerunCounts(**(row or {"ever": 0, "unsent": 0}))


def mark_rerun(connection: Connection, places: Sequence[RawPlace]) -> None:
    """They are done with: the broker confirmed them, or they can't be sent."""
    for place in places:
        origin = place.origin
        connection.execute(
            'UPDATE ledger.reruns SET sent_at = now() WHERE topic = %s AND partition = %s AND "offset" = %s AND timestamp_ms = %s',
            (origin.topic, origin.partition, origin.offset, origin.timestamp_ms),
        )


def forget_reruns_that_came(connection: Connection) -> int:
    """Reruns whose attempt is recorded by now need not be sent; returns how many."""
    rows = connection.execute(
        "UPDATE ledger.reruns r SET sent_at = now() FROM ledger.attempts a"
        " WHERE r.sent_at IS NULL AND a.batch_id = r.batch_id AND a.attempt = r.attempt RETURNING r.batch_id"
    )
    return len(rows.fetchall())
