"""The members of a version, as (file, batch, attempt): what every reader of the dataset takes, never a directory listing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Description:
    """What a batch is called.

    Attributes:
        source: Name of its workbook.
        subject: Its sheet and cell range.
    """

    source: str
    source_id: str
    batch_index: int
    subject: str


def describe(connection: Connection, batch_ids: Collection[str]) -> dict[str, Description]:
    """What batches are called."""
    rows = connection.execute(
        "SELECT b.batch_id, s.name AS source, b.source_id, b.batch_index, b.subject FROM ledger.batches b"
        " JOIN ledger.sources s USING (source_id) WHERE b.batch_id = ANY(%s)",
        (list(batch_ids),),
    )
    return {row.pop("batch_id"): Description(**row) for row in rows}


def judged_with(connection: Connection, version: int) -> dict[str, list[Any]]:
    """By which `contract_versions` and `reference_versions` the members of a version were judged."""
    row = connection.execute(
        "SELECT coalesce(array_agg(DISTINCT a.contract_version ORDER BY a.contract_version), '{}') AS contract_versions,"
        " coalesce(array_agg(DISTINCT a.reference_version ORDER BY a.reference_version), '{}') AS reference_versions"
        " FROM ledger.members(%s) JOIN ledger.attempts a USING (batch_id, attempt)",
        (version,),
    ).fetchone()
    return row or {}
