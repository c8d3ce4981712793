"""Outcomes as the ingestor would send them, and recording them, for tests of the ledger."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import FileRef, Finding, Outcome
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.record import Recorded, record

FINDING = Finding(
    "hard", "range.SO4_UEQ_L", "Sheet 1", "AC3", "SO4_UEQ_L", "2400", "SO4_UEQ_L is 2400, outside 0 to 2000 ueq/L"
)


def digest(value: bytes) -> str:
    """SHA-256, as the ledger has it."""
    return hashlib.sha256(value).hexdigest()


def outcome(
    batch: str, offset: int, *, attempt: int = 1, rejected: bool = False, value: bytes = b"value", **more: Any
) -> Outcome:
    """An outcome as the ingestor would send it; `offset` is that of its record, and names its files."""
    zone = "quarantine" if rejected else "clean"
    made = Outcome(
        batch_id=batch,
        attempt=attempt,
        verdict="rejected" if rejected else "accepted",
        origin=Origin("water-quality", 0, offset, 1_700_000_000_000 + offset),
        source_id="source",
        source="lake.xlsx",
        source_time="2026-11-01T00:00:00+00:00",
        batch_index=offset,
        batch_count=10,
        subject="Sheet 1!A2:AD101",
        rows=100,
        hard=int(rejected),
        soft=0,
        findings=(FINDING,) if rejected else (),
        value_sha256=digest(value),
        value_bytes=len(value),
        contract_version="1.0",
        reference_version=1,
        service_version="0",
        judged_at=datetime.now(UTC).isoformat(),
        files=tuple(FileRef(name, f"{name}/{offset}.parquet", 10, "00") for name in ("raw", zone)),
    )
    return replace(made, **more)


def put(ledger: Ledger, *outcomes: Outcome) -> Recorded:
    """Record outcomes in one transaction."""
    with ledger.transaction() as connection:
        return record(connection, outcomes)
