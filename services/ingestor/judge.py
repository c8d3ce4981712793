"""Step 2 of a group commit: give every record its identity, judge the group, and say what became of each record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from acidwatch import __version__
from acidwatch.archive.groupfile import RawRecord
from acidwatch.contract.batch import Origin, id_from_origin, value_digest
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.headers import BatchHeaders, read_headers, source_of
from acidwatch.contract.judge import CLEAN_SCHEMA, Judgement, Submission, judge
from acidwatch.contract.outcome import MOST_FINDINGS, Finding, Outcome
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


def judge_group(records: Sequence[Received], reference: Reference, judged_at: datetime) -> Judged:
    """Judge a group of records. Never raises for what is in them."""
    headers = [read_headers(record.headers) for record in records]
    digests = [value_digest(record.value) for record in records]
    identities: list[tuple[str, int]] = []
    first_of: dict[tuple[str, int], int] = {}
    repeats: dict[int, int] = {}
    conflicts: dict[int, Judgement] = {}
    for position, (record, header) in enumerate(zip(records, headers, strict=True)):
        origin_id = id_from_origin(record.origin, digests[position])
        identity = (header.batch_id, header.attempt) if header.batch_id else (origin_id, 1)
        earlier = first_of.get(identity)
        if earlier is not None and digests[earlier] != digests[position]:
            conflicts[position] = _conflict(identity, header)
            identity = (origin_id, 1)
            earlier = None
        if earlier is None:
            first_of[identity] = position
        else:
            repeats[position] = earlier
        identities.append(identity)
    chosen = [position for position in range(len(records)) if position not in repeats and position not in conflicts]
    submissions = [
        Submission(
            *identities[position], headers[position], records[position].value, records[position].origin.timestamp_ms
        )
        for position in chosen
    ]
    group = judge(submissions, reference)
    judgements: dict[int, Judgement] = {**conflicts, **dict(zip(chosen, group.judgements, strict=True))}
    for position, earlier in repeats.items():
        judgements[position] = judgements[earlier]
    outcomes = [
        _outcome(
            records[position],
            headers[position],
            digests[position],
            identities[position],
            judgements[position],
            reference,
            judged_at,
        )
        for position in range(len(records))
    ]
    raw = [
        RawRecord(record.origin, record.key, record.value, record.headers, *identity)
        for record, identity in zip(records, identities, strict=True)
    ]
    findings = [judgements[position].findings for position in range(len(records))]
    return Judged(raw, outcomes, findings, group.clean.cast(CLEAN_SCHEMA), frozenset(repeats))


def _conflict(identity: tuple[str, int], header: BatchHeaders) -> Judgement:
    judgement = Judgement()
    batch_id, attempt = identity
    message = f"batch {batch_id} attempt {attempt} came before with other bytes; give changed data a new id or attempt"
    judgement.add(Finding("hard", "id.conflict", header.sheet, "", "", batch_id, message))
    return judgement


def _outcome(
    record: Received,
    header: BatchHeaders,
    digest: str,
    identity: tuple[str, int],
    judgement: Judgement,
    reference: Reference,
    judged_at: datetime,
) -> Outcome:
    batch_id, attempt = identity
    source_id, source = source_of(header, record.origin.topic)
    return Outcome(
        batch_id=batch_id,
        attempt=attempt,
        verdict=judgement.verdict,
        origin=record.origin,
        source_id=source_id,
        source=source,
        source_time=_source_time(header.source_time, record.origin).isoformat(),
        batch_index=header.index if header.index is not None else min(record.origin.offset, 2**31 - 1),
        batch_count=header.count,
        subject=header.subject or "",
        rows=judgement.rows,
        hard=judgement.hard,
        soft=judgement.soft,
        findings=tuple(judgement.findings[:MOST_FINDINGS]),
        value_sha256=digest,
        value_bytes=len(record.value or b""),
        contract_version=CONTRACT_VERSION,
        reference_version=reference.version,
        service_version=__version__,
        judged_at=judged_at.isoformat(),
        replaces=header.replaces or "",
        sites=judgement.sites if judgement.verdict == "rejected" else (),
    )


_LAST_MS = 253_402_300_799_000  # year 9999; a producer may stamp its records with anything


def _source_time(text: str | None, origin: Origin) -> datetime:
    """When the sending of the source began; the record's own time where a producer does not say it, or not readably."""
    fallback = datetime.fromtimestamp(min(max(origin.timestamp_ms, 0), _LAST_MS) / 1000, UTC)
    try:
        time = datetime.fromisoformat(text or "")
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return fallback
