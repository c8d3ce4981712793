"""What became of records of the topic of batches: the ledger is asked by their origin, so that nothing has to be judged twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from acidwatch.contract.batch import Origin
from acidwatch.ledger.connection import Connection


@dataclass(frozen=True, slots=True)
class Batch:
    """An accepted attempt of a batch that counts: its first delivery.

    Attributes:
        subject: Sheet and cell range, from which the rows have their numbers.
        recorded: Order in which attempts were recorded.
        path: Its clean file, below the root of the archive.
        since: The version in which it became a member; 0 where that was not asked for.
    """

    batch_id: str
    attempt: int
    rows: int
    value_bytes: int
    recorded: int
    subject: str
    origin: Origin
    path: str
    source_id: str
    source_sent_at: datetime
    batch_index: int
    since: int = 0


_BATCH = (
    'SELECT d.batch_id, d.attempt, a.rows, a.value_bytes, a.recorded, b.subject, d.topic, d.partition, d."offset", d.timestamp_ms,'
    " f.path, s.source_id, s.first_sent_at AS source_sent_at, b.batch_index, {since} AS since"
    " FROM ledger.deliveries d JOIN ledger.attempts a USING (batch_id, attempt) JOIN ledger.batches b USING (batch_id)"
    " JOIN ledger.sources s USING (source_id)"
    " JOIN ledger.file_batches fb ON fb.batch_id = d.batch_id AND fb.attempt = d.attempt AND fb.zone = 'clean'"
    " JOIN ledger.files f USING (file_id) {join}"
    " WHERE d.kind = 'first' AND a.verdict = 'accepted'"
    " AND NOT EXISTS (SELECT FROM metrics.live_batch l WHERE l.batch_id = d.batch_id AND l.attempt = d.attempt)"
)
_DELIVERED = (
    'SELECT w.topic, w.partition, w."offset", w.timestamp_ms'
    " FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[], %(times)s::bigint[])"
    ' AS w(topic, partition, "offset", timestamp_ms) JOIN ledger.deliveries d'
    # Records of a batch that was left packed are all recorded with the time of its newest one.
    ' ON (d.topic, d.partition, d."offset") = (w.topic, w.partition, w."offset") AND d.timestamp_ms >= w.timestamp_ms'
)
_ASKED = (
    '(d.topic, d.partition, d."offset", d.timestamp_ms) IN'
    " (SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(offsets)s::bigint[], %(times)s::bigint[]))"
)


def verdicts(connection: Connection, origins: Collection[Origin]) -> tuple[set[Origin], list[Batch]]:
    """Which of these records are decided, and the batches among them that are still to be taken in, in the order of recording.

    A record that is rejected, a duplicate, or sent again from elsewhere is decided and counts for nothing.
    """
    values = {
        "topics": [origin.topic for origin in origins],
        "partitions": [origin.partition for origin in origins],
        "offsets": [origin.offset for origin in origins],
        "times": [origin.timestamp_ms for origin in origins],
    }
    rows = connection.execute(_DELIVERED, values)
    decided = {Origin(**row) for row in rows}
    if not decided:
        return decided, []
    found = connection.execute(f"{_BATCH.format(since=0, join='')} AND {_ASKED} ORDER BY a.recorded", values)
    return decided, [_batch(row) for row in found]


def untaken(connection: Connection, version: int) -> list[Batch]:
    """Members of the newest version that came after an earlier one and were not taken in yet, in the order of recording."""
    member = (
        "JOIN ledger.memberships m ON m.batch_id = d.batch_id AND m.attempt = d.attempt"
        " AND m.to_version IS NULL AND m.from_version > %(version)s"
    )
    query = f"{_BATCH.format(since='m.from_version', join=member)} ORDER BY a.recorded"
    rows = connection.execute(query, {"version": version})
    return [_batch(row) for row in rows]


def _batch(row: dict[str, object]) -> Batch:
    origin = Origin(**{name: row.pop(name) for name in ("topic", "partition", "offset", "timestamp_ms")})  # type: ignore[arg-type]
    return Batch(origin=origin, **row)  # type: ignore[arg-type]
