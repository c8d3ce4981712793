"""What the ledger says that can be checked: the files it names and what they hold; that its versions and counts add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acidwatch.contract.batch import Origin
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import DATASET
from acidwatch.ledger.state import Key, origin_key, recorded_origins


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file of raw/, or one in which the ledger has batches, that gc has not condemned.

    What compaction emptied, or only duplicates name, may be gone: a backup from before gc does not know of it.
    """

    path: str
    zone: str
    bytes: int
    sha256: str


def named_files(connection: Connection, version: int | None = None) -> list[NamedFile]:
    """Every file, or only those that hold the members of a version."""
    rows = connection.execute(
        "SELECT path, zone, bytes, sha256 FROM ledger.files f WHERE condemned_at IS NULL"
        " AND (zone = 'raw' OR EXISTS (SELECT FROM ledger.file_batches fb WHERE fb.file_id = f.file_id))"
        " AND (%(v)s::bigint IS NULL OR path IN (SELECT path FROM ledger.members(%(v)s))) ORDER BY path",
        {"v": version},
    )
    return [NamedFile(**row) for row in rows]


def named_of(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Which of these files the ledger names."""
    rows = connection.execute("SELECT path FROM ledger.files WHERE path = ANY(%s)", (list(paths),))
    return {row["path"] for row in rows}


def unrecorded(connection: Connection, origins: Sequence[Origin]) -> set[Origin]:
    """Of which of these records no outcome is recorded."""
    known = recorded_origins(connection, [origin_key(origin) for origin in origins])
    return {origin for origin in origins if origin_key(origin) not in known}


def rows_by_file(connection: Connection, version: int | None = None) -> dict[str, dict[Key, int]]:
    """How many rows each clean file must hold of each accepted attempt, or of each member of a version."""
    rows = connection.execute(
        "SELECT f.path, fb.batch_id, fb.attempt, a.rows FROM ledger.file_batches fb JOIN ledger.files f USING (file_id)"
        " JOIN ledger.attempts a USING (batch_id, attempt) WHERE fb.zone = 'clean' AND (%(v)s::bigint IS NULL OR EXISTS"
        " (SELECT FROM ledger.memberships m WHERE m.batch_id = fb.batch_id AND m.attempt = fb.attempt"
        " AND m.from_version <= %(v)s AND (m.to_version IS NULL OR m.to_version > %(v)s)))",
        {"v": version},
    )
    found: dict[str, dict[Key, int]] = {}
    for row in rows:
        found.setdefault(row["path"], {})[row["batch_id"], row["attempt"]] = row["rows"]
    return found


def records_by_file(connection: Connection) -> dict[str, dict[Origin, str | None]]:
    """Which records each raw file must hold, with the SHA-256 of the value where an attempt was recorded from it."""
    rows = connection.execute(
        'SELECT f.path, d.topic, d.partition, d."offset", d.timestamp_ms, a.value_sha256 FROM ledger.deliveries d'
        " JOIN ledger.files f ON f.file_id = d.raw_file_id"
        ' LEFT JOIN ledger.attempts a USING (topic, partition, "offset", timestamp_ms)'
    )
    found: dict[str, dict[Origin, str | None]] = {}
    for row in rows:
        origin = Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"])
        found.setdefault(row["path"], {})[origin] = row["value_sha256"]
    return found


def members_without_file(connection: Connection) -> list[Key]:
    """Attempts that ever were members and for which no clean file is named, or only one that gc has condemned."""
    rows = connection.execute(
        "SELECT DISTINCT m.batch_id, m.attempt FROM ledger.memberships m"
        " LEFT JOIN ledger.file_batches fb ON fb.batch_id = m.batch_id AND fb.attempt = m.attempt AND fb.zone = 'clean'"
        " LEFT JOIN ledger.files f USING (file_id) WHERE f.file_id IS NULL OR f.condemned_at IS NOT NULL ORDER BY 1, 2"
    )
    return [(row["batch_id"], row["attempt"]) for row in rows]


def versions_that_do_not_add_up(connection: Connection) -> list[dict[str, Any]]:
    """Versions whose number, rows or bytes are not what the ones before and the members say: all in one pass.

    Returns:
        `version, due (its number without gap), rows, bytes, member_rows, member_bytes`.
    """
    return connection.execute(
        "WITH held AS (SELECT m.from_version, m.to_version, a.rows, a.value_bytes AS bytes FROM ledger.memberships m"
        "  JOIN ledger.attempts a USING (batch_id, attempt)),"
        " changes AS (SELECT from_version AS version, rows, bytes FROM held"
        "  UNION ALL SELECT to_version, -rows, -bytes FROM held WHERE to_version IS NOT NULL),"
        " sums AS (SELECT version, sum(rows) AS rows, sum(bytes) AS bytes FROM changes GROUP BY version),"
        " running AS (SELECT v.version, row_number() OVER w AS due, v.rows, v.bytes,"
        "  (sum(coalesce(s.rows, 0)) OVER w)::bigint AS member_rows, (sum(coalesce(s.bytes, 0)) OVER w)::bigint AS member_bytes"
        "  FROM ledger.versions v LEFT JOIN sums s USING (version) WINDOW w AS (ORDER BY v.version))"
        " SELECT * FROM running WHERE version <> due OR rows <> member_rows OR bytes <> member_bytes ORDER BY version"
    ).fetchall()


def counts(connection: Connection) -> tuple[dict[str, int], dict[str, int]]:
    """The dataset's row as it stands, and as it must be by the tables that it counts."""
    names = ("newest_version", "rows", "bytes", "accepted", "rejected", "duplicates")
    stands = connection.execute(
        f"SELECT {', '.join(names)} FROM ledger.datasets WHERE dataset = %s",  # noqa: S608
        (DATASET,),
    ).fetchone()
    due = connection.execute(
        "SELECT (SELECT coalesce(max(version), 0) FROM ledger.versions) AS newest_version, m.rows, m.bytes, b.accepted, b.rejected,"
        " (SELECT count(*) FROM ledger.deliveries WHERE kind = 'duplicate') AS duplicates"
        " FROM (SELECT coalesce(sum(a.rows), 0)::bigint AS rows, coalesce(sum(a.value_bytes), 0)::bigint AS bytes FROM ledger.memberships"
        " JOIN ledger.attempts a USING (batch_id, attempt) WHERE to_version IS NULL) m,"
        " (SELECT count(accepted_attempt) AS accepted, count(*) - count(accepted_attempt) AS rejected FROM ledger.batches) b"
    ).fetchone()
    return {name: int((stands or {})[name]) for name in names}, {name: int((due or {})[name]) for name in names}


def journaled(connection: Connection) -> list[int]:
    """Numbers of the entries that were copied to journal/ on HDFS."""
    rows = connection.execute("SELECT audit_id FROM ledger.audit WHERE journaled_at IS NOT NULL ORDER BY audit_id")
    return [row["audit_id"] for row in rows]


def is_needed(connection: Connection, run_id: int) -> bool:
    """Whether what a Spark run left on HDFS is of a run that is published, or that one takes sites from."""
    row = connection.execute(
        "SELECT 1 FROM metrics.runs WHERE run_id = %(run)s UNION ALL SELECT 1 FROM metrics.site_rows WHERE computed_by = %(run)s LIMIT 1",
        {"run": run_id},
    ).fetchone()
    return row is not None
