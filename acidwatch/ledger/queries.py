"""What people ask of the ledger: sources, batches, versions, at a glance. Reading only; lists are newest first and limited."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acidwatch.errors import UnusableInputError
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import DATASET
from acidwatch.ledger.sources import OF_SOURCE, of_source

Row = dict[str, Any]

LETTER_STATES = ("pending", "published", "replayed", "parked", "resolved")

_BATCH = (
    "SELECT a.batch_id, s.name AS source, b.source_id, b.batch_index, b.subject, a.attempt, a.verdict, a.rows, a.hard, a.soft, a.version,"
    ' a.topic, a.partition, a."offset", a.findings, a.reference_version, a.contract_version, a.recorded_at'
    " FROM ledger.attempts a JOIN ledger.batches b USING (batch_id) JOIN ledger.sources s USING (source_id)"
)


def dataset(connection: Connection) -> Row:
    """The dataset's row: newest version, rows, bytes, counts of batches."""
    row = connection.execute("SELECT * FROM ledger.datasets WHERE dataset = %s", (DATASET,)).fetchone()
    if row is None:
        raise LookupError(f"dataset {DATASET} is not in the ledger")
    return row


def letter_counts(connection: Connection) -> dict[str, int]:
    """Dead letters by state, every state named."""
    rows = connection.execute("SELECT state, count(*) AS n FROM ledger.dead_letters GROUP BY state")
    counts = {row["state"]: row["n"] for row in rows}
    return {state: counts.get(state, 0) for state in LETTER_STATES}


def results_behind_seconds(connection: Connection) -> float:
    """Age of the oldest version that is newer than what the newest published run has read, 0 where there is none."""
    row = connection.execute(
        "SELECT extract(epoch FROM now() - created_at)::float8 AS age FROM ledger.versions"
        " WHERE version > coalesce((SELECT max(dataset_version) FROM metrics.runs WHERE as_of_newest), 0)"
        " ORDER BY version LIMIT 1"
    ).fetchone()
    return max(float(row["age"]), 0.0) if row else 0.0


def not_backed_up_seconds(connection: Connection, made_at: datetime | None) -> float:
    """Age of the oldest version that is newer than a backup, 0 where there is none.

    By time, not by number: `ledger rebuild` gives numbers anew.

    Args:
        made_at: When the newest backup was made; None: there is none.
    """
    row = connection.execute(
        "SELECT extract(epoch FROM now() - created_at)::float8 AS age FROM ledger.versions"
        " WHERE version > coalesce((SELECT version FROM ledger.versions WHERE created_at <= %s ORDER BY version DESC LIMIT 1), 0)"
        " ORDER BY version LIMIT 1",
        (made_at,),
    ).fetchone()
    return max(float(row["age"]), 0.0) if row else 0.0


def last_run(connection: Connection) -> Row | None:
    """The newest published run of the metrics job."""
    return connection.execute(
        "SELECT run_id, dataset_version, reference_version, finished_at FROM metrics.runs ORDER BY run_id DESC LIMIT 1"
    ).fetchone()


def sources(connection: Connection, limit: int) -> list[Row]:
    """Workbooks that came, newest first, with how many of their batches were accepted and rejected."""
    return connection.execute(
        "WITH newest AS (SELECT * FROM ledger.sources ORDER BY first_seen_at DESC, source_id LIMIT %s)"
        " SELECT s.name AS source, s.source_id, s.first_sent_at, s.batch_count, c.recorded, c.accepted, c.recorded - c.accepted AS rejected"
        " FROM newest s CROSS JOIN LATERAL (SELECT count(*) AS recorded, count(b.accepted_attempt) AS accepted"
        " FROM ledger.batches b WHERE b.source_id = s.source_id) c ORDER BY s.first_seen_at DESC, s.source_id",
        (limit,),
    ).fetchall()


def recorded(connection: Connection, batch_ids: list[str]) -> int:
    """How many of these batches are recorded."""
    row = connection.execute(
        "SELECT count(*) AS n FROM ledger.batches WHERE batch_id = ANY(%s)", (batch_ids,)
    ).fetchone()
    return int(row["n"]) if row else 0


def fates(connection: Connection, batch_ids: list[str]) -> list[Row]:
    """What became of these batches, in the workbook's order: of each the attempt that is in the dataset, else the newest one."""
    rows = connection.execute(
        _BATCH
        + " LEFT JOIN ledger.memberships m ON m.batch_id = a.batch_id AND m.attempt = a.attempt AND m.to_version IS NULL"
        " WHERE a.batch_id = ANY(%s) ORDER BY b.batch_index, a.batch_id, m.batch_id IS NOT NULL, a.attempt",
        (batch_ids,),
    )
    return list({row["batch_id"]: row for row in rows}.values())


def batches(
    connection: Connection,
    *,
    source: str | None,
    verdict: str | None,
    limit: int,
    file: str | None = None,
    members: bool = False,
) -> list[Row]:
    """Attempts of batches, newest first.

    Args:
        source: A name, or the beginning of a SHA-256.
        file: A path below the root; only those that it holds.
        members: Only those that the newest version has.
    """
    return connection.execute(
        f"{_BATCH} WHERE {OF_SOURCE}"  # noqa: S608
        " AND (%(verdict)s::text IS NULL OR a.verdict = %(verdict)s)"
        " AND (%(file)s::text IS NULL OR EXISTS (SELECT FROM ledger.file_batches h JOIN ledger.files f USING (file_id)"
        " WHERE h.batch_id = a.batch_id AND h.attempt = a.attempt AND f.path = %(file)s))"
        " AND (NOT %(members)s OR EXISTS (SELECT FROM ledger.memberships m"
        " WHERE m.batch_id = a.batch_id AND m.attempt = a.attempt AND m.to_version IS NULL))"
        " ORDER BY a.recorded DESC LIMIT %(limit)s",
        {**of_source(source), "verdict": verdict, "file": file, "members": members, "limit": limit},
    ).fetchall()


def whole_id(connection: Connection, beginning: str) -> str:
    """The id of the batch that begins so.

    Raises:
        UnusableInputError: There is no such batch, or several ids begin so.
    """
    found = connection.execute(
        "SELECT batch_id FROM ledger.batches WHERE batch_id = %(id)s OR starts_with(batch_id, %(id)s)"
        " ORDER BY batch_id = %(id)s DESC LIMIT 2",
        {"id": beginning},
    ).fetchall()
    if beginning and found and (len(found) == 1 or found[0]["batch_id"] == beginning):
        return str(found[0]["batch_id"])
    raise UnusableInputError(
        f"{'several batches begin' if found else 'no batch begins'} with {beginning!r}; see: acidwatch batches list"
    )


def batch(connection: Connection, batch_id: str) -> Row:
    """The life of a batch: its attempts with findings and files, its deliveries, its versions, its dead letter.

    Raises:
        UnusableInputError: There is no such batch, or several ids begin so.
    """
    whole = whole_id(connection, batch_id)
    attempts = connection.execute(_BATCH + " WHERE a.batch_id = %s ORDER BY a.attempt", (whole,)).fetchall()
    for attempt in attempts:
        attempt["files"] = connection.execute(
            "SELECT f.zone, f.path, f.bytes, f.sha256 FROM ledger.file_batches JOIN ledger.files f USING (file_id)"
            " WHERE batch_id = %s AND attempt = %s ORDER BY f.zone DESC",
            (whole, attempt["attempt"]),
        ).fetchall()
    return {
        "batch_id": whole,
        "source": attempts[0]["source"],
        "source_id": attempts[0]["source_id"],
        "batch_index": attempts[0]["batch_index"],
        "subject": attempts[0]["subject"],
        "attempts": attempts,
        "deliveries": connection.execute(
            'SELECT attempt, kind, topic, partition, "offset", timestamp_ms, recorded_at FROM ledger.deliveries WHERE batch_id = %s'
            ' ORDER BY recorded_at, partition, "offset"',
            (whole,),
        ).fetchall(),
        "memberships": connection.execute(
            "SELECT attempt, from_version, to_version FROM ledger.memberships WHERE batch_id = %s ORDER BY from_version",
            (whole,),
        ).fetchall(),
        "dead_letter": connection.execute("SELECT * FROM ledger.dead_letters WHERE batch_id = %s", (whole,)).fetchone(),
    }


_VERSION = (
    "SELECT v.version, v.kind, v.created_at, v.author, v.message, v.batch_id, v.attempt, v.batch_rows, v.batch_bytes, v.rows, v.bytes,"
    " v.details, ARRAY(SELECT t.tag FROM ledger.tags t WHERE t.version = v.version ORDER BY t.tag) AS tags FROM ledger.versions v"
)


def versions(connection: Connection, limit: int) -> list[Row]:
    """Versions, newest first."""
    return connection.execute(_VERSION + " ORDER BY version DESC LIMIT %s", (limit,)).fetchall()


def version(connection: Connection, number: int) -> Row:
    """One version, with the number of its member batches and files.

    Raises:
        UnusableInputError: There is no such version.
    """
    row = connection.execute(_VERSION + " WHERE version = %s", (number,)).fetchone()
    if row is None:
        newest = dataset(connection)["newest_version"]
        there = f"there are versions 1 to {newest}" if newest else "there are none yet; send a workbook first"
        raise UnusableInputError(f"no version {number}: {there}")
    counts = connection.execute(
        "SELECT count(*) AS batches, count(DISTINCT path) AS files FROM ledger.members(%s)", (number,)
    ).fetchone()
    return {**row, **(counts or {})}
