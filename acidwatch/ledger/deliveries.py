"""What the ledger says of each record that came: the delivery, and what became of its attempt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from acidwatch.contract.batch import Origin
from acidwatch.ledger.connection import Connection


@dataclass(frozen=True, slots=True)
class Delivery:
    """A record that was recorded.

    Attributes:
        kind: `first`, `duplicate` or `rerun`.
        verdict: Of its attempt; None for a rerun whose attempt is not recorded yet.
        value_sha256: Of its attempt.
        source_id: Of its batch; None as above.
        raw_path: The file that holds its bytes.
        done_with: Of a rerun: the versioner has sent its record again, or given that up.
    """

    batch_id: str
    attempt: int
    kind: str
    verdict: str | None
    value_sha256: str | None
    source_id: str | None
    raw_path: str
    done_with: bool = False

    @property
    def became(self) -> str:
        """`accepted`, `rejected`, `duplicate` or `rerun`."""
        return (self.verdict or "") if self.kind == "first" else self.kind


def deliveries(connection: Connection) -> dict[Origin, Delivery]:
    """Every delivery by its origin."""
    return dict(_read(connection))


def _read(connection: Connection) -> Iterator[tuple[Origin, Delivery]]:
    rows = connection.execute(
        'SELECT d.topic, d.partition, d."offset", d.timestamp_ms, d.batch_id, d.attempt, d.kind, a.verdict, a.value_sha256, b.source_id,'
        " f.path, r.sent_at IS NOT NULL AS done_with FROM ledger.deliveries d JOIN ledger.files f ON f.file_id = d.raw_file_id"
        ' LEFT JOIN ledger.reruns r USING (topic, partition, "offset", timestamp_ms)'
        " LEFT JOIN ledger.attempts a ON a.batch_id = d.batch_id AND a.attempt = d.attempt"
        " LEFT JOIN ledger.batches b ON b.batch_id = d.batch_id"
    )
    for row in rows:
        origin = Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"])
        yield origin, Delivery(
            row["batch_id"], row["attempt"], row["kind"], row["verdict"], row["value_sha256"], row["source_id"], row["path"],
            row["done_with"],
        )  # fmt: skip
