"""Letters that a person set aside or took up again, in another history."""

from __future__ import annotations

from acidwatch.ledger.audit import Entry
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset


def put_back(connection: Connection, entry: Entry) -> None:
    """Do again what an entry of the journal tells of: `park` or `unpark`."""
    lock_dataset(connection)
    connection.execute(
        "UPDATE ledger.dead_letters SET state = %s, changed_at = now() WHERE batch_id = ANY(%s) AND state <> 'resolved'",
        ("parked" if entry["action"] == "park" else "published", entry["details"]["batches"]),
    )
