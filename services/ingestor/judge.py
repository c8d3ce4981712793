"""Step 2 of a group commit: give every record its identity, judge the group, and say what became of each record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

import pyarrow as pa

from acidwatch import __version__
from acidwatch.archive.groupfile import RawRecord
from acidwatch.contract.batch import Origin, id_from_origin, value_digest
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.headers import BatchHeaders, read_headers, source_of
from acidwatch.contract.judge import CLEAN_SCHEMA, Judgement, Submission, judge
from acidwatch.contract.outcome import MOST_FINDINGS, Finding, Outcome, conflict
from acidwatch.contract.reference import Reference


@dataclass(frozen=True, slots=True)
class Received:
    """A record as it was consumed."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged group; `raw`, `outcomes` and `findings` are in the order of the records.

    Attributes:
        raw: What goes to raw/, under the id and attempt it was judged as.
        outcomes: What became of each record, still without its files.
        findings: All findings of each record; an outcome holds at most 50.
        clean: The rows of the accepted batches, each batch once.
        repeats: Positions of records that say the same batch and attempt as an earlier one of this group, byte for byte.
    """

    raw: list[RawRecord]
    outcomes: list[Outcome]
    findings: list[list[Finding]]
    clean: pa.Table
    repeats: frozenset[int]


@dataclass(slots=True)
class _Entry:
    """One record of a group.

    Attributes:
        identity: Id and attempt under which it is judged.
        judgement: Nothing is found in it until it is judged.
        repeats: An earlier record that says the same batch and attempt, byte for byte.
    """

    record: Received
    header: BatchHeaders
    digest: str
    identity: tuple[str, int]
    judgement: Judgement = field(default_factory=Judgement)
    repeats: _Entry | None = None


def judge_group(records: Sequence[Received], reference: Reference, judged_at: datetime) -> Judged:
    """Judge a group of records. Never raises for what is in them."""
    entries = _identify(records)
    chosen = [entry for entry in entries if entry.repeats is None and not entry.judgement.hard]
    submissions = [
        Submission(*entry.identity, entry.header, entry.record.value, entry.record.origin.timestamp_ms)
        for entry in chosen
    ]
    group = judge(submissions, reference)
    for entry, judgement in zip(chosen, group.judgements, strict=True):
        entry.judgement = judgement
    for entry in entries:
        if entry.repeats is not None:
            entry.judgement = entry.repeats.judgement
    return Judged(
        raw=[_raw(entry.record, *entry.identity) for entry in entries],
        outcomes=[_outcome(entry, reference, judged_at) for entry in entries],
        findings=[entry.judgement.findings for entry in entries],
        clean=group.clean.cast(CLEAN_SCHEMA),
        repeats=frozenset(position for position, entry in enumerate(entries) if entry.repeats is not None),
    )


def _identify(records: Sequence[Received]) -> list[_Entry]:
    """Which batch and attempt each record is; one that claims those of other bytes has that finding, and an id of its own."""
    entries: list[_Entry] = []
    first: dict[tuple[str, int], _Entry] = {}
    for record in records:
        header, digest = read_headers(record.headers), value_digest(record.value)
        identity = (header.batch_id, header.attempt) if header.batch_id else _own_identity(record, digest)
        entry = _Entry(record, header, digest, identity)
        earlier = first.get(entry.identity)
        if earlier is not None and earlier.digest == digest:
            entry.repeats = earlier
        else:
            if earlier is not None:
                entry.judgement.add(conflict(*entry.identity, header.sheet))
                entry.identity = _own_identity(record, digest)
            first[entry.identity] = entry
        entries.append(entry)
    return entries


def _own_identity(record: Received, digest: str) -> tuple[str, int]:
    return id_from_origin(record.origin, digest), 1


def _raw(record: Received, batch_id: str, attempt: int) -> RawRecord:
    return RawRecord(record.origin, record.key, record.value, record.headers, batch_id, attempt)


def _outcome(entry: _Entry, reference: Reference, judged_at: datetime) -> Outcome:
    record, header, judgement = entry.record, entry.header, entry.judgement
    batch_id, attempt = entry.identity
    source_id, source = source_of(header, record.origin.topic)
    return Outcome(
        batch_id=batch_id,
        attempt=attempt,
        verdict=judgement.verdict,
        origin=record.origin,
        source_id=source_id,
        source=source,
        source_time=_iso_time(header.source_time) or _time_of(record.origin),
        batch_index=header.index if header.index is not None else min(record.origin.offset, 2**31 - 1),
        batch_count=header.count,
        subject=header.subject or "",
        rows=judgement.rows,
        hard=judgement.hard,
        soft=judgement.soft,
        findings=tuple(judgement.findings[:MOST_FINDINGS]),
        value_sha256=entry.digest,
        value_bytes=len(record.value or b""),
        contract_version=CONTRACT_VERSION,
        reference_version=reference.version,
        service_version=__version__,
        judged_at=judged_at.isoformat(),
        replaces=header.replaces or "",
        sites=judgement.sites if judgement.verdict == "rejected" else (),
    )


_LAST_MS = 253_402_300_799_000  # year 9999; a producer may stamp its records with anything


def _time_of(origin: Origin) -> str:
    """The record's own time, in ISO 8601 UTC: when the sending of its source began, where the producer does not say it readably."""
    return datetime.fromtimestamp(min(max(origin.timestamp_ms, 0), _LAST_MS) / 1000, UTC).isoformat()


@lru_cache(maxsize=1024)  # all records of a source say the same
def _iso_time(text: str | None) -> str:
    """A time in ISO 8601 UTC; empty when it can't be read."""
    try:
        time = datetime.fromisoformat(text or "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""
