"""Makes opened letters as the ingestor would have rejected them, without a server."""

from __future__ import annotations

from acidwatch.archive.groupfile import RawRecord
from acidwatch.contract.batch import Origin
from acidwatch.contract.headers import write_headers
from acidwatch.ledger.places import RawPlace
from acidwatch.recovery.letters import OpenLetter
from tests.unit.contract.makers import judge_value, make_headers

ORIGIN = Origin("water-quality", 1, 7, 1_715_988_600_000)


def open_letter(value: bytes | None, *, subject: str | None = None, **headers: str) -> OpenLetter:
    """A letter with this value, judged; without a subject the record has no headers, as a stranger's."""
    findings = judge_value(value, make_headers(subject=subject)).findings
    pairs: list[tuple[str, bytes | None]] = []
    if subject is not None:
        made = write_headers(
            batch_id="b", source="lake.xlsx", source_id="ab", source_time="2024-05-17T00:00:00+00:00",
            index=3, count=9, subject=subject, time="2024-05-17T00:00:00+00:00",
        )  # fmt: skip
        pairs = [*made]
    pairs += [(name, text.encode()) for name, text in headers.items()]
    record = RawRecord(ORIGIN, b"b", value, tuple(pairs), "b", 1)
    return OpenLetter("b", 1, RawPlace(ORIGIN, "raw/x.parquet"), record, tuple(findings))
