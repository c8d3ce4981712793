"""The Parquet files of a group of batches: raw records, clean rows, findings; each footer carries the manifest of its batches."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from acidwatch.archive.parquet import read_parquet
from acidwatch.contract.batch import Origin
from acidwatch.contract.outcome import Finding, Outcome

MANIFEST_KEY = b"acidwatch.manifest"

RAW_SCHEMA = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())])), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in Finding.__dataclass_fields__),
    ]
)


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record as it was consumed, byte for byte, and the id and attempt under which it was judged."""

    origin: Origin
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    batch_id: str
    attempt: int


def manifest(outcomes: Iterable[Outcome], files: dict[str, str], *, with_findings: bool) -> bytes:
    """The manifest of a file: the outcome of each of its batches, and the paths of the group's files by zone."""
    left_out = {"files"}  # their checksums are not known before they are written
    if not with_findings:
        left_out.add("findings")
    names = [name for name in Outcome.__dataclass_fields__ if name not in left_out]
    entries = [{name: getattr(outcome, name) for name in names} for outcome in outcomes]
    return orjson.dumps({"format": 1, "files": files, "outcomes": entries})


def raw_file(records: Sequence[RawRecord], footer: bytes) -> bytes:
    """The raw file of a group."""
    columns: dict[str, Any] = {
        "topic": [record.origin.topic for record in records],
        "partition": [record.origin.partition for record in records],
        "offset": [record.origin.offset for record in records],
        "timestamp_ms": [record.origin.timestamp_ms for record in records],
        "key": [record.key for record in records],
        "value": [record.value for record in records],
        "headers": _headers([record.headers for record in records]),
        "batch_id": [record.batch_id for record in records],
        "attempt": [record.attempt for record in records],
    }
    return with_manifest(pa.Table.from_pydict(columns, schema=RAW_SCHEMA), footer)


def _headers(of_records: Sequence[Sequence[tuple[str, bytes | None]]]) -> pa.Array:
    """The headers of each record, without an object for each: a stranger may send millions."""
    offsets = list(itertools.accumulate(map(len, of_records), initial=0))
    kind = RAW_SCHEMA.field("headers").type
    names = pa.array((name for headers in of_records for name, _ in headers), pa.string(), size=offsets[-1])
    values = pa.array((value for headers in of_records for _, value in headers), pa.binary(), size=offsets[-1])
    pairs = pa.StructArray.from_arrays([names, values], fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs, type=kind)


def clean_file(rows: pa.Table, footer: bytes) -> bytes:
    """The clean file of a group: the typed rows of its accepted batches, contract.judge.CLEAN_SCHEMA."""
    return with_manifest(rows, footer)


def quarantine_file(rejected: Iterable[tuple[str, int, Sequence[Finding]]], footer: bytes) -> bytes:
    """The quarantine file of a group: one row a finding of each rejected (batch id, attempt, findings)."""
    rows = [
        {"batch_id": batch_id, "attempt": attempt, **asdict(finding)}
        for batch_id, attempt, findings in rejected
        for finding in findings
    ]
    return with_manifest(pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA), footer)


def with_manifest(table: pa.Table, footer: bytes, *, level: int = 1, row_group_rows: int | None = None) -> bytes:
    """A Parquet file with a manifest in its footer.

    Args:
        level: Of zstd.
        row_group_rows: Most rows of a row group; None leaves it to Arrow.
    """
    sink = pa.BufferOutputStream()  # a Python file would take Python's lock for each page
    with pq.ParquetWriter(sink, table.schema, compression="zstd", compression_level=level) as writer:
        writer.write_table(table, row_group_size=row_group_rows)
        # Not in the schema's metadata: Arrow writes those twice, the second time in Base64.
        writer.add_key_value_metadata({MANIFEST_KEY: footer})
    written: bytes = sink.getvalue().to_pybytes()
    return written


def read_manifest(data: bytes) -> dict[str, Any]:
    """The manifest of a group's file."""
    found: dict[str, Any] = orjson.loads(_footer(data)[MANIFEST_KEY])
    return found


def read_outcomes(data: bytes) -> list[dict[str, Any]]:
    """The entries of a file's manifest, none for a file that was not written by an ingestor."""
    found: list[dict[str, Any]] = orjson.loads(_footer(data).get(MANIFEST_KEY, b"{}")).get("outcomes", [])
    return found


def _footer(data: bytes) -> dict[bytes, bytes]:
    return pq.read_metadata(io.BytesIO(data)).metadata or {}


def read_raw(data: bytes) -> list[RawRecord]:
    """The records of a raw file."""
    return [
        RawRecord(
            Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"]),
            row["key"],
            row["value"],
            tuple((header["name"], header["value"]) for header in row["headers"]),
            row["batch_id"],
            row["attempt"],
        )
        for row in read_parquet(data).to_pylist()
    ]


def count_rows(data: bytes) -> dict[tuple[str, int], int]:
    """How many rows a clean file holds of each (batch id, attempt)."""
    table = read_parquet(data, columns=["batch_id", "attempt"])
    counted = table.group_by(["batch_id", "attempt"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    return {(row["batch_id"], row["attempt"]): row["count_all"] for row in counted}


def read_findings(data: bytes) -> list[tuple[str, int, Finding]]:
    """The findings of a quarantine file, with batch id and attempt; a column of another version of acidwatch is empty or left out."""
    found = []
    for row in read_parquet(data).to_pylist():
        fields: dict[str, Any] = {name: row.get(name) or "" for name in Finding.__dataclass_fields__}
        found.append((row["batch_id"], row["attempt"], Finding(**fields)))
    return found
