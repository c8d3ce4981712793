"""A small history made by hand: workbooks of rows, recorded in a real ledger, their clean files in any store."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from acidwatch.archive.groupfile import clean_file
from acidwatch.archive.store import Store
from acidwatch.contract.batch import Origin, batch_id
from acidwatch.contract.judge import CLEAN_SCHEMA
from acidwatch.contract.outcome import FileRef, Outcome
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.record import record

Row = Mapping[str, Any]
BEGAN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class History:
    """Records batches as the ingestor and the versioner would."""

    ledger: Ledger
    store: Store
    offsets: Any = field(default_factory=itertools.count)

    def send(
        self,
        name: str,
        batches: Sequence[Sequence[Row]],
        *,
        replaces: str = "",
        day: int | None = None,
        schema: pa.Schema = CLEAN_SCHEMA,
        attempt: int = 1,
        only: Sequence[int] | None = None,
        strangers: Sequence[tuple[str, int, Row]] = (),
    ) -> list[str]:
        """Record a workbook's batches, all accepted, their rows in one file; the ids of the batches.

        Args:
            day: When its sending began; later with each call, when not given.
            only: Record only the batches with these indexes, from 0.
            strangers: More (batch id, attempt, row) in the file, which no ledger names there.
        """
        first = next(self.offsets)
        source_id = self.source_id(name)
        ids = [batch_id(source_id, "Sheet 1", 2 + 100 * index, len(rows)) for index, rows in enumerate(batches)]
        lines = [
            {"batch_id": one, "attempt": attempt, "row": row, "flags": [], **cells}
            for index, (one, rows) in enumerate(zip(ids, batches, strict=True))
            for row, cells in enumerate(rows, 2 + 100 * index)
        ]
        lines += [{"batch_id": one, "attempt": number, "row": 99, "flags": [], **row} for one, number, row in strangers]
        whole = [{column: line.get(column) for column in schema.names} for line in lines]
        data = clean_file(pa.Table.from_pylist(whole, schema=schema), b"{}")
        path = f"clean/{first}.parquet"
        self.store.publish(path, data)
        sent = BEGAN + timedelta(days=first if day is None else day)
        outcomes = [
            Outcome(
                batch_id=one,
                attempt=attempt,
                verdict="accepted",
                origin=Origin("water-quality", 0, next(self.offsets), 1_700_000_000_000),
                source_id=source_id,
                source=name,
                source_time=sent.isoformat(),
                batch_index=index,
                batch_count=len(batches),
                subject=f"Sheet 1!A{2 + 100 * index}:AD{1 + 100 * index + len(rows)}",
                rows=len(rows),
                hard=0,
                soft=0,
                findings=(),
                value_sha256=hashlib.sha256(repr((one, rows)).encode()).hexdigest(),
                value_bytes=1000,
                contract_version="1.0",
                reference_version=1,
                service_version="0",
                judged_at=BEGAN.isoformat(),
                files=(
                    FileRef("raw", f"raw/{first}.parquet", 1, "00"),
                    FileRef("clean", path, len(data), hashlib.sha256(data).hexdigest()),
                ),
                replaces=replaces,
            )
            for index, (one, rows) in enumerate(zip(ids, batches, strict=True))
            if only is None or index in only
        ]
        with self.ledger.transaction() as connection:
            record(connection, outcomes)
        return ids

    @staticmethod
    def source_id(name: str) -> str:
        """SHA-256 of the workbook of that name."""
        return hashlib.sha256(name.encode()).hexdigest()
