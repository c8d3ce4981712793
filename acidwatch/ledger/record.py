"""Record a group of outcomes in the ledger: one transaction, as few statements as tables, whatever the group's size.

Every writer locks the dataset's row first, and ids are given under that lock. Recording the same outcomes again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from acidwatch.contract.batch import Origin, id_from_origin
from acidwatch.contract.outcome import FileRef, Finding, Outcome
from acidwatch.ledger.connection import Connection

DATASET = "water-quality"
MOST_FAILURES = 3
"""A dead letter that failed so often is parked: only a person moves it."""

Key = tuple[str, int]  # batch id, attempt
OriginKey = tuple[str, int, int, int]


@dataclass(slots=True)
class Recorded:
    """What a group of outcomes became.

    Attributes:
        version: The newest version afterwards.
        accepted, rejected: New attempts by verdict.
        duplicates: Deliveries of an attempt already recorded, from another origin.
        redeliveries: Outcomes of an origin already recorded; they change nothing.
        conflicts: Outcomes of a recorded (batch id, attempt) with other bytes, recorded as rejected under an id of their own.
        not_members: Accepted attempts of a batch that was accepted before; recorded, but no version.
    """

    version: int = 0
    accepted: int = 0
    rejected: int = 0
    duplicates: int = 0
    redeliveries: int = 0
    conflicts: int = 0
    not_members: int = 0


@dataclass(slots=True)
class _Batch:
    accepted_attempt: int | None
    attempts: int
    is_new: bool


@dataclass(slots=True)
class _Writes:
    """Rows to be written, in the order of the tables' references."""

    attempts: list[tuple[Outcome, int | None]] = field(default_factory=list)  # and the version it becomes
    deliveries: list[tuple[Outcome, str]] = field(default_factory=list)  # and its kind
    batches: dict[str, tuple[Outcome, _Batch]] = field(default_factory=dict)
    versions: list[tuple[int, Outcome, int, int]] = field(
        default_factory=list
    )  # version, outcome, rows, bytes afterwards
    letters: dict[str, Outcome] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)


def record(connection: Connection, outcomes: Sequence[Outcome]) -> Recorded:
    """Record outcomes in their order. Call it inside a transaction; the versions it makes are seen when that commits."""
    dataset = _one(connection, "SELECT * FROM ledger.datasets WHERE dataset = %s FOR UPDATE", (DATASET,))
    state = _State(connection, outcomes)
    done, writes = Recorded(version=dataset["newest_version"]), _Writes()
    rows, size = dataset["rows"], dataset["bytes"]
    accepted_batches = rejected_batches = 0
    for event in outcomes:
        outcome = event
        origin = _origin_key(outcome.origin)
        if origin in state.origins:
            done.redeliveries += 1
            continue
        state.origins.add(origin)
        known = state.digests.get((outcome.batch_id, outcome.attempt))
        if known is not None and known != outcome.value_sha256:
            outcome = _as_conflict(outcome)
            done.conflicts += 1
            known = state.digests.get((outcome.batch_id, outcome.attempt))
        if known is not None:
            # The first recorded outcome stands, even when a second judgement differs.
            writes.deliveries.append((outcome, "duplicate"))
            done.duplicates += 1
            continue
        state.digests[outcome.batch_id, outcome.attempt] = outcome.value_sha256
        batch = state.batches.setdefault(outcome.batch_id, _Batch(None, 0, is_new=True))
        first, was_accepted = batch.attempts == 0, batch.accepted_attempt is not None
        batch.attempts += 1
        version = None
        if outcome.verdict == "accepted":
            done.accepted += 1
            if was_accepted:
                done.not_members += 1
            else:
                batch.accepted_attempt = outcome.attempt
                accepted_batches += 1
                rejected_batches -= 0 if first else 1
                done.version += 1
                rows, size = rows + outcome.rows, size + outcome.value_bytes
                version = done.version
                writes.versions.append((version, outcome, rows, size))
                writes.letters.pop(outcome.batch_id, None)
                writes.resolved.append(outcome.batch_id)
        else:
            done.rejected += 1
            if not was_accepted:
                rejected_batches += 1 if first else 0
                writes.letters[outcome.batch_id] = outcome
        writes.attempts.append((outcome, version))
        writes.deliveries.append((outcome, "first"))
        writes.batches[outcome.batch_id] = (outcome, batch)
    _write(connection, writes)
    connection.execute(
        "UPDATE ledger.datasets SET newest_version = %s, rows = %s, bytes = %s, accepted = accepted + %s, rejected = rejected + %s,"
        " duplicates = duplicates + %s WHERE dataset = %s",
        (done.version, rows, size, accepted_batches, rejected_batches, done.duplicates, DATASET),
    )
    return done


def _one(connection: Connection, query: str, values: Sequence[Any]) -> dict[str, Any]:
    row = connection.execute(query, values).fetchone()
    if row is None:
        raise LookupError(f"no row for {values}: was the ledger migrated?")
    return row


def _origin_key(origin: Origin) -> OriginKey:
    return origin.topic, origin.partition, origin.offset, origin.timestamp_ms


def _as_conflict(outcome: Outcome) -> Outcome:
    """The outcome of a record that claims an id and attempt which other bytes have: rejected, under an id of its origin."""
    message = f"batch {outcome.batch_id} attempt {outcome.attempt} came before with other bytes; give changed data a new id or attempt"
    finding = Finding("hard", "id.conflict", "", "", "", outcome.batch_id, message)
    return replace(
        outcome,
        batch_id=id_from_origin(outcome.origin, outcome.value_sha256),
        attempt=1,
        verdict="rejected",
        hard=1,
        soft=0,
        findings=(finding,),
        files=tuple(file for file in outcome.files if file.zone == "raw"),
    )


class _State:
    """What the ledger knows already of a group's batches, attempts and origins; kept up to date while the group is gone through."""

    def __init__(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        # The ids under which conflicts would be recorded are looked up too, since a conflict may be a repetition.
        ids = list(
            {outcome.batch_id for outcome in outcomes} | {id_from_origin(o.origin, o.value_sha256) for o in outcomes}
        )
        self.digests: dict[Key, str] = {
            (row["batch_id"], row["attempt"]): row["value_sha256"]
            for row in connection.execute(
                "SELECT batch_id, attempt, value_sha256 FROM ledger.attempts WHERE batch_id = ANY(%s)", (ids,)
            )
        }
        self.batches: dict[str, _Batch] = {
            row["batch_id"]: _Batch(row["accepted_attempt"], row["attempts"], is_new=False)
            for row in connection.execute(
                "SELECT batch_id, accepted_attempt, attempts FROM ledger.batches WHERE batch_id = ANY(%s)", (ids,)
            )
        }
        origins = [_origin_key(outcome.origin) for outcome in outcomes]
        columns = [list(column) for column in zip(*origins, strict=True)] if origins else [[], [], [], []]
        self.origins: set[OriginKey] = {
            (row["topic"], row["partition"], row["offset"], row["timestamp_ms"])
            for row in connection.execute(
                'SELECT topic, partition, "offset", timestamp_ms FROM ledger.deliveries'
                ' JOIN unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS o(topic, partition, "offset", timestamp_ms)'
                ' USING (topic, partition, "offset", timestamp_ms)',
                columns,
            )
        }


def _write(connection: Connection, writes: _Writes) -> None:
    if not writes.deliveries:
        return
    with connection.pipeline():
        _write_sources(connection, [outcome for outcome, _ in writes.batches.values()])
        _write_batches(connection, writes)
        _write_files(connection, writes)
        _write_attempts(connection, writes)
        _write_deliveries(connection, writes)
        _write_versions(connection, writes)
        _write_letters(connection, writes)


def _insert(connection: Connection, query: str, types: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
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
    _insert(
        connection,
        "INSERT INTO ledger.sources AS s (source_id, name, first_sent_at, batch_count) SELECT * FROM {rows}"
        " ON CONFLICT (source_id) DO UPDATE SET first_sent_at = least(s.first_sent_at, excluded.first_sent_at),"
        " batch_count = coalesce(s.batch_count, excluded.batch_count)",
        ("text", "text", "timestamptz", "int"),
        list(sources.values()),
    )


def _write_batches(connection: Connection, writes: _Writes) -> None:
    rows = [
        (batch_id, o.source_id, o.batch_index, o.subject, batch.accepted_attempt, batch.attempts)
        for batch_id, (o, batch) in writes.batches.items()
    ]
    _insert(
        connection,
        "INSERT INTO ledger.batches (batch_id, source_id, batch_index, subject, accepted_attempt, attempts) SELECT * FROM {rows}"
        " ON CONFLICT (batch_id) DO UPDATE SET accepted_attempt = excluded.accepted_attempt, attempts = excluded.attempts",
        ("text", "text", "int", "text", "int", "int"),
        rows,
    )


def _write_files(connection: Connection, writes: _Writes) -> None:
    files: dict[str, FileRef] = {file.path: file for outcome, _ in writes.deliveries for file in outcome.files}
    _insert(
        connection,
        "INSERT INTO ledger.files (path, zone, bytes, sha256) SELECT * FROM {rows} ON CONFLICT (path) DO NOTHING",
        ("text", "text", "bigint", "text"),
        [(file.path, file.zone, file.bytes, file.sha256) for file in files.values()],
    )


def _write_attempts(connection: Connection, writes: _Writes) -> None:
    rows = [
        (
            o.batch_id, o.attempt, o.verdict, o.rows, o.hard, o.soft,
            orjson.dumps([asdict(finding) for finding in o.findings]).decode(),
            *_origin_key(o.origin), o.value_sha256, o.value_bytes, o.contract_version, o.reference_version,
            o.service_version, datetime.fromisoformat(o.judged_at), version,
        )
        for o, version in writes.attempts
    ]  # fmt: skip
    _insert(
        connection,
        'INSERT INTO ledger.attempts (batch_id, attempt, verdict, rows, hard, soft, findings, topic, partition, "offset", timestamp_ms,'
        " value_sha256, value_bytes, contract_version, reference_version, service_version, judged_at, version) SELECT * FROM {rows}",
        ("text", "int", "text", "int", "int", "int", "jsonb", "text", "int", "bigint", "bigint", "text", "bigint", "text", "int", "text",
         "timestamptz", "bigint"),
        rows,
    )  # fmt: skip
    _insert(
        connection,
        "INSERT INTO ledger.file_batches (batch_id, attempt, zone, file_id)"
        " SELECT r.batch_id, r.attempt, f.zone, f.file_id FROM {rows} AS r(batch_id, attempt, path) JOIN ledger.files f USING (path)",
        ("text", "int", "text"),
        [(o.batch_id, o.attempt, file.path) for o, _ in writes.attempts for file in o.files],
    )


def _write_deliveries(connection: Connection, writes: _Writes) -> None:
    rows = [
        (*_origin_key(o.origin), o.batch_id, o.attempt, kind, next(file.path for file in o.files if file.zone == "raw"))
        for o, kind in writes.deliveries
    ]
    _insert(
        connection,
        'INSERT INTO ledger.deliveries (topic, partition, "offset", timestamp_ms, batch_id, attempt, kind, raw_file_id)'
        ' SELECT r.topic, r.partition, r."offset", r.timestamp_ms, r.batch_id, r.attempt, r.kind, f.file_id'
        ' FROM {rows} AS r(topic, partition, "offset", timestamp_ms, batch_id, attempt, kind, path) JOIN ledger.files f USING (path)',
        ("text", "int", "bigint", "bigint", "text", "int", "text", "text"),
        rows,
    )


def _write_versions(connection: Connection, writes: _Writes) -> None:
    rows = [
        (
            version,
            "append",
            o.source,
            f"{o.source} {o.subject}".strip(),
            o.batch_id,
            o.attempt,
            o.rows,
            o.value_bytes,
            rows,
            size,
        )
        for version, o, rows, size in writes.versions
    ]
    _insert(
        connection,
        "INSERT INTO ledger.versions (version, kind, author, message, batch_id, attempt, batch_rows, batch_bytes, rows, bytes)"
        " SELECT * FROM {rows}",
        ("bigint", "text", "text", "text", "text", "int", "bigint", "bigint", "bigint", "bigint"),
        rows,
    )
    _insert(
        connection,
        "INSERT INTO ledger.memberships (batch_id, attempt, from_version) SELECT * FROM {rows}",
        ("text", "int", "bigint"),
        [(o.batch_id, o.attempt, version) for version, o, _, _ in writes.versions],
    )


def _write_letters(connection: Connection, writes: _Writes) -> None:
    now = datetime.now(UTC)
    rows = [
        (batch_id, o.attempt, *_reason(o), list(dict.fromkeys(f.rule for f in o.findings if f.severity == "hard")), now)
        for batch_id, o in writes.letters.items()
    ]
    for row in rows:  # an array in a row can't be unnested; rejected batches are few
        connection.execute(
            "INSERT INTO ledger.dead_letters AS d (batch_id, state, attempt, failures, reason, message, rules, first_failed_at,"
            " last_failed_at) VALUES (%s, 'pending', %s, 1, %s, %s, %s, %s, %s)"
            " ON CONFLICT (batch_id) DO UPDATE SET state = 'pending', attempt = excluded.attempt, failures = d.failures + 1,"
            " reason = excluded.reason, message = excluded.message, rules = excluded.rules, last_failed_at = excluded.last_failed_at,"
            " changed_at = now()",
            (*row, now),
        )
    connection.execute(
        "UPDATE ledger.dead_letters SET state = 'resolved', changed_at = now() WHERE batch_id = ANY(%s)",
        (writes.resolved,),
    )


def _reason(outcome: Outcome) -> tuple[str, str]:
    """Rule and message of the first hard finding."""
    first = next(finding for finding in outcome.findings if finding.severity == "hard")
    place = f"{first.sheet}!{first.cell}: " if first.cell else ""
    return first.rule, f"{place}{first.message}"
