"""The members of a version, as (file, batch, attempt): what every reader of the dataset takes, never a directory listing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from acidwatch.ledger.connection import Connection


@dataclass(frozen=True, slots=True)
class Member:
    """One batch of a version.

    Attributes:
        path: Its clean file, below the root; the file may hold other batches, and this batch under other attempts.
        source_sent_at: When the sending of its source first began: among rows that say the same sample the later one wins.
        rows: Rows of the batch.
        bytes, sha256: Of the file.
    """

    path: str
    batch_id: str
    attempt: int
    source_sent_at: datetime
    source_id: str
    batch_index: int
    rows: int
    bytes: int
    sha256: str


def members(connection: Connection, version: int) -> list[Member]:
    """The members of a version, by file, batch and attempt."""
    rows = connection.execute(
        "SELECT path, batch_id, attempt, source_first_sent_at AS source_sent_at, source_id, batch_index, rows, bytes, sha256"
        " FROM ledger.members(%s) ORDER BY path, batch_id, attempt",
        (version,),
    )
    return [Member(**row) for row in rows]
