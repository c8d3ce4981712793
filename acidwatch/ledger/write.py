"""The statements that write a recorded group: as few as there are tables, whatever the group's size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import orjson

from acidwatch.contract.outcome import FileRef, Finding, Outcome
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.state import BatchState, Key, origin_key


@dataclass(slots=True)
class NewVersion:
    """A version to be made.

    Attributes:
        rows, bytes: Of the whole version.
        joins: The outcome whose attempt becomes a member with it.
        out: Members that leave with it.
        details: What else it did; see ledger.versions.
    """

    version: int
    kind: str
    author: str
    message: str
    rows: int
    bytes: int
    joins: Outcome | None = None
    out: list[Key] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Writes:
    """Rows to be written for a group, in the order of the tables' references."""

    batches: dict[str, tuple[Outcome, BatchState]] = field(default_factory=dict)
    attempts: list[tuple[Outcome, int | None]] = field(default_factory=list)  # and the version it becomes
    deliveries: list[tuple[Outcome, str]] = field(default_factory=list)  # and its kind
    reruns: list[Outcome] = field(default_factory=list)
    versions: list[NewVersion] = field(default_factory=list)
    taken_out: list[tuple[str, int]] = field(default_factory=list)  # batch id, version
    letters: dict[str, Outcome] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)  # rejected attempts of each of these batches
    resolved: list[str] = field(default_factory=list)


def write(connection: Connection, writes: Writes) -> None:
    """Write a group."""
    if not writes.deliveries:
        return
    with connection.pipeline():
        _write_sources(connection, [outcome for outcome, _ in writes.batches.values()])
        _write_batches(connection, writes)
        _write_files(connection, writes)
        _write_attempts(connection, writes)
        _write_deliveries(connection, writes)
        _write_reruns(connection, writes)
        write_versions(connection, writes.versions)
        mark_taken_out(connection, writes.taken_out)
        _write_letters(connection, writes)


def insert(connection: Connection, query: str, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Run `query`, whose `{rows}` becomes an unnest of the rows' columns, with as many parameters as there are columns."""
    if rows:
        unnest = "unnest(" + ", ".join(f"%s::{kind}[]" for kind in types) + ")"
        connection.execute(query.replace("{rows}", unnest), [list(column) for column in zip(*rows, strict=True)])


def _write_sources(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    sources: dict[str, tuple[str, str, datetime, int | None]] = {}
    for o in outcomes:
        began = datetime.fromisoformat(o.source_time)
        known = sources.get(o.source_id)
        sources[o.source_id] = (o.source_id, o.source, min(began, known[2]) if known else began, o.batch_count)
    insert(
        connection,
        "INSERT INTO ledger.sources AS s (source_id, name, first_sent_at, batch_count) SELECT * FROM {rows}"
        # The time stays what it was at the first: it decides which rows speak for a sample, in versions too that were made already.
        " ON CONFLICT (source_id) DO UPDATE SET batch_count = coalesce(s.batch_count, excluded.batch_count)",
        ("text", "text", "timestamptz", "int"),
        list(sources.values()),
    )


def _write_batches(connection: Connection, writes: Writes) -> None:
    rows = [
        (batch_id, o.source_id, o.batch_index, o.subject, batch.accepted_attempt, batch.attempts)
        for batch_id, (o, batch) in writes.batches.items()
    ]
    insert(
        connection,
        "INSERT INTO ledger.batches (batch_id, source_id, batch_index, subject, accepted_attempt, attempts) SELECT * FROM {rows}"
        " ON CONFLICT (batch_id) DO UPDATE SET accepted_attempt = excluded.accepted_attempt, attempts = excluded.attempts",
        ("text", "text", "int", "text", "int", "int"),
        rows,
    )


def _write_files(connection: Connection, writes: Writes) -> None:
    files: dict[str, FileRef] = {file.path: file for outcome, _ in writes.deliveries for file in outcome.files}
    insert(
        connection,
        "INSERT INTO ledger.files (path, zone, bytes, sha256) SELECT * FROM {rows} ON CONFLICT (path) DO NOTHING",
        ("text", "text", "bigint", "text"),
        [(file.path, file.zone, file.bytes, file.sha256) for file in files.values()],
    )


def _write_attempts(connection: Connection, writes: Writes) -> None:
    rows = [
        (
            o.batch_id, o.attempt, o.verdict, o.rows, o.hard, o.soft,
            orjson.dumps([asdict(finding) for finding in o.findings]).decode(),
            *origin_key(o.origin), o.value_sha256, o.value_bytes, o.contract_version, o.reference_version,
            o.service_version, datetime.fromisoformat(o.judged_at), version,
        )
        for o, version in writes.attempts
    ]  # fmt: skip
    insert(
        connection,
        'INSERT INTO ledger.attempts (batch_id, attempt, verdict, rows, hard, soft, findings, topic, partition, "offset", timestamp_ms,'
        " value_sha256, value_bytes, contract_version, reference_version, service_version, judged_at, version) SELECT * FROM {rows}",
        ("text", "int", "text", "int", "int", "int", "jsonb", "text", "int", "bigint", "bigint", "text", "bigint", "text", "int", "text",
         "timestamptz", "bigint"),
        rows,
    )  # fmt: skip
    insert(
        connection,
        "INSERT INTO ledger.file_batches (batch_id, attempt, zone, file_id)"
        " SELECT r.batch_id, r.attempt, f.zone, f.file_id FROM {rows} AS r(batch_id, attempt, path) JOIN ledger.files f USING (path)",
        ("text", "int", "text"),
        [(o.batch_id, o.attempt, file.path) for o, _ in writes.attempts for file in o.files],
    )


def _write_deliveries(connection: Connection, writes: Writes) -> None:
    rows = [
        (*origin_key(o.origin), o.batch_id, o.attempt, kind, next(file.path for file in o.files if file.zone == "raw"))
        for o, kind in writes.deliveries
    ]
    insert(
        connection,
        'INSERT INTO ledger.deliveries (topic, partition, "offset", timestamp_ms, batch_id, attempt, kind, raw_file_id)'
        ' SELECT r.topic, r.partition, r."offset", r.timestamp_ms, r.batch_id, r.attempt, r.kind, f.file_id'
        ' FROM {rows} AS r(topic, partition, "offset", timestamp_ms, batch_id, attempt, kind, path) JOIN ledger.files f USING (path)',
        ("text", "int", "bigint", "bigint", "text", "int", "text", "text"),
        rows,
    )


def _write_reruns(connection: Connection, writes: Writes) -> None:
    insert(
        connection,
        'INSERT INTO ledger.reruns (topic, partition, "offset", timestamp_ms, batch_id, attempt) SELECT * FROM {rows}',
        ("text", "int", "bigint", "bigint", "text", "int"),
        [(*origin_key(o.origin), o.batch_id, o.attempt) for o in writes.reruns],
    )


def write_versions(connection: Connection, versions: Sequence[NewVersion]) -> None:
    """Write versions and the memberships that begin and end with them."""
    insert_versions(
        connection,
        [
            (
                v.version, v.kind, v.author, v.message, v.joins.batch_id if v.joins else None, v.joins.attempt if v.joins else None,
                v.joins.rows if v.joins else 0, v.joins.value_bytes if v.joins else 0, v.rows, v.bytes, orjson.dumps(v.details).decode(),
            )
            for v in versions
        ],
    )  # fmt: skip
    joined = {(v.joins.batch_id, v.joins.attempt): v.version for v in versions if v.joins}
    left = {key: v.version for v in versions for key in v.out}
    end_memberships(connection, [(*key, version) for key, version in left.items() if key not in joined])
    # What joins and leaves in one group has its end when it is written.
    begin_memberships(connection, [(*key, version, left.get(key)) for key, version in joined.items()])


def insert_versions(connection: Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Write the rows of versions, in the order of the columns named here."""
    insert(
        connection,
        "INSERT INTO ledger.versions (version, kind, author, message, batch_id, attempt, batch_rows, batch_bytes, rows, bytes, details)"
        " SELECT * FROM {rows}",
        ("bigint", "text", "text", "text", "text", "int", "bigint", "bigint", "bigint", "bigint", "jsonb"),
        rows,
    )


def mark_taken_out(connection: Connection, rows: Sequence[tuple[str, int]]) -> None:
    """Note the version in which a person changed a batch's membership: attempts numbered before it never become members."""
    insert(
        connection,
        "UPDATE ledger.batches b SET taken_out = r.version FROM {rows} AS r(batch_id, version) WHERE b.batch_id = r.batch_id",
        ("text", "bigint"),
        rows,
    )


def begin_memberships(connection: Connection, rows: Sequence[tuple[str, int, int, int | None]]) -> None:
    """Members (batch id, attempt) from a version on, and up to another one or with no end yet."""
    insert(
        connection,
        "INSERT INTO ledger.memberships (batch_id, attempt, from_version, to_version) SELECT * FROM {rows}",
        ("text", "int", "bigint", "bigint"),
        rows,
    )


def end_memberships(connection: Connection, rows: Sequence[tuple[str, int, int]]) -> None:
    """Members (batch id, attempt) no longer, from a version on."""
    insert(
        connection,
        "UPDATE ledger.memberships m SET to_version = r.version FROM {rows} AS r(batch_id, attempt, version)"
        " WHERE m.batch_id = r.batch_id AND m.attempt = r.attempt AND m.to_version IS NULL",
        ("text", "int", "bigint"),
        rows,
    )


# Up to contract 1.2 soft findings could take all the room of an outcome, and such a one must not stop all that come after it.
_UNKNOWN = Finding(
    "hard", "unknown", "", "", "", "", "its hard findings were not kept; judge it again: acidwatch dlq replay"
)


def _write_letters(connection: Connection, writes: Writes) -> None:
    for batch_id, o in writes.letters.items():  # an array in a row can't be unnested; rejected batches are few
        first = next((finding for finding in o.findings if finding.severity == "hard"), _UNKNOWN)
        place = f"{first.sheet}!{first.cell}: " if first.cell else ""
        rules = list(dict.fromkeys(finding.rule for finding in o.findings if finding.severity == "hard"))
        connection.execute(
            'INSERT INTO ledger.dead_letters AS d (batch_id, state, attempt, failures, reason, message, rules, "column", sites,'
            " first_failed_at, last_failed_at) VALUES (%s, 'pending', %s, %s, %s, %s, %s, %s, %s, now(), now())"
            # What a person set aside stays so; it is not on the topic yet for all that.
            " ON CONFLICT (batch_id) DO UPDATE SET state = CASE d.state WHEN 'parked' THEN 'parked' ELSE 'pending' END,"
            " letter_topic = NULL, letter_partition = NULL, letter_offset = NULL, attempt = excluded.attempt,"
            " failures = d.failures + excluded.failures, reason = excluded.reason, message = excluded.message,"
            ' rules = excluded.rules, "column" = excluded."column",'
            " sites = excluded.sites, last_failed_at = greatest(d.last_failed_at, now()), changed_at = now()",
            (
                batch_id,
                o.attempt,
                writes.failures[batch_id],
                first.rule,
                place + first.message,
                rules,
                first.column,
                list(o.sites),
            ),
        )
    connection.execute(
        "UPDATE ledger.dead_letters SET state = 'resolved', changed_at = now() WHERE batch_id = ANY(%s)",
        (writes.resolved,),
    )
