"""What a file must hold: its length and checksum, the rows of its batches, the records of its deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from acidwatch.archive.groupfile import count_rows, read_raw
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.contract.batch import Origin, value_digest
from acidwatch.ledger.state import Key
from acidwatch.proof.faults import Fault


@dataclass(frozen=True, slots=True)
class Expected:
    """A file, and what must be in it.

    Attributes:
        what: Kind of file, for the count of what was checked: `raw`, `clean`, `reference`, ...
        rows: Of a clean file: rows of each (batch id, attempt).
        records: Of a raw file: origins, with the value's SHA-256 where it is known.
    """

    path: str
    what: str
    bytes: int
    sha256: str
    rows: Mapping[Key, int] | None = None
    records: Mapping[Origin, str | None] | None = None


def check(store: Store, expected: Expected) -> list[Fault]:
    """Read a file and compare."""
    path = expected.path
    try:
        data = store.read(path)
    except MissingFileError:
        return [Fault(path, "missing", "the file is not there")]
    if len(data) != expected.bytes:
        return [Fault(path, "length", f"it has {len(data)} bytes instead of {expected.bytes}")]
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected.sha256:
        return [Fault(path, "sha256", f"its SHA-256 is {digest} instead of {expected.sha256}: its bytes were changed")]
    try:
        return [*_rows(expected, data), *_records(expected, data)]
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        return [Fault(path, "unreadable", f"it is as it was written, but can't be read: {error}"[:300])]


def _rows(expected: Expected, data: bytes) -> Iterator[Fault]:
    if not expected.rows:
        return
    held = count_rows(data)
    for (batch_id, attempt), rows in expected.rows.items():
        if (found := held.get((batch_id, attempt), 0)) != rows:
            yield Fault(
                expected.path, "rows", f"it holds {found} rows of batch {batch_id} attempt {attempt}, not {rows}"
            )


def _records(expected: Expected, data: bytes) -> Iterator[Fault]:
    if not expected.records:
        return
    held = {record.origin: record.value for record in read_raw(data)}
    for origin, sha256 in expected.records.items():
        if origin not in held:
            yield Fault(expected.path, "record", f"it does not hold the record {origin}")
        elif sha256 is not None and value_digest(held[origin]) != sha256:
            yield Fault(expected.path, "record", f"its record {origin} has other bytes than the ledger says")
