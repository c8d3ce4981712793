"""Batches that no version has because every attempt was rejected, as it was known at some time."""

from __future__ import annotations

from datetime import datetime

from acidwatch.ledger.connection import Connection
from acidwatch.ledger.queries import Row


def rejected_until(connection: Connection, when: datetime) -> list[Row]:
    """Batches without an accepted attempt among those recorded until then; what is recorded later changes nothing.

    Returns:
        `batch_id, source, subject, rows, attempts`, and `reason` and `message` of the first hard finding of the latest attempt; by source
        and place in it.
    """
    return connection.execute(
        "WITH known AS (SELECT * FROM ledger.attempts WHERE recorded_at <= %s), latest AS (SELECT DISTINCT ON (batch_id) * FROM known"
        " ORDER BY batch_id, attempt DESC)"
        " SELECT l.batch_id, s.name AS source, b.subject, l.rows, count(*)::int AS attempts, coalesce(f.hard->>'rule', '') AS reason,"
        " coalesce(f.hard->>'message', '') AS message FROM latest l JOIN known k USING (batch_id)"
        " JOIN ledger.batches b USING (batch_id) JOIN ledger.sources s USING (source_id)"
        " LEFT JOIN LATERAL (SELECT one AS hard FROM jsonb_array_elements(l.findings) WITH ORDINALITY AS e (one, place)"
        " WHERE one->>'severity' = 'hard' ORDER BY place LIMIT 1) f ON true"
        " GROUP BY l.batch_id, s.source_id, s.name, b.batch_index, b.subject, l.rows, f.hard HAVING NOT bool_or(k.verdict = 'accepted')"
        " ORDER BY s.name, s.source_id, b.batch_index, l.batch_id",
        (when,),
    ).fetchall()
