"""The rows of a version: those of its members and no others, from the files that the ledger names."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from acidwatch.archive.parquet import read_parquet
from acidwatch.archive.picked import rows_of
from acidwatch.archive.store import Store
from acidwatch.contract.judge import CLEAN_SCHEMA
from acidwatch.errors import PermanentError
from acidwatch.ledger.members import Member

THREADS = 4

_NAMED = ("batch_id", "attempt", "row")

ROWS_SCHEMA = pa.schema(
    [
        *(field.with_nullable(field.name not in _NAMED) for field in CLEAN_SCHEMA),
        pa.field("source_sent_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("batch_index", pa.int32(), nullable=False),
    ]
)
"""The columns of clean/, then when the sending of the row's source first began, that source, and the index of its batch in it."""


def read_rows(store: Store, members: Sequence[Member]) -> pa.Table:
    """Read the rows of members; each file is read once, several at a time, and what is not named is dropped at once.

    A column that an older file lacks is null; one that the contract does not know is left out.

    Returns:
        ROWS_SCHEMA, in the order of files, and of rows in them.

    Raises:
        PermanentError: A file is not there, is not the one that the ledger names, or does not hold a batch's rows.
        DependencyAwayError: HDFS does not answer.
    """
    by_path: dict[str, list[Member]] = {}
    for member in members:
        by_path.setdefault(member.path, []).append(member)
    paths = sorted(by_path)
    with ThreadPoolExecutor(THREADS) as threads:
        tables = list(threads.map(lambda path: _read_file(store, path, by_path[path]), paths))
    return pa.concat_tables([ROWS_SCHEMA.empty_table(), *tables])


def _read_file(store: Store, path: str, members: Sequence[Member]) -> pa.Table:
    data = store.read(path)
    if hashlib.sha256(data).hexdigest() != members[0].sha256:
        raise PermanentError(
            f"{path} is not the file that the ledger names: its SHA-256 differs; see: acidwatch verify"
        )
    try:
        found = read_parquet(data, _known(data))
    except pa.ArrowException as error:
        raise PermanentError(f"{path} can't be read as Parquet: {error}") from error
    kept, of_row, counts = rows_of(found, [(member.batch_id, member.attempt) for member in members])
    _check_counts(path, members, counts)
    rows = found.take(kept)
    more = {
        "source_sent_at": [member.source_sent_at for member in members],
        "source_id": [member.source_id for member in members],
        "batch_index": [member.batch_index for member in members],
    }
    columns = []
    for field in ROWS_SCHEMA:
        if field.name in more:
            columns.append(pa.array(more[field.name], field.type).take(pa.array(of_row)))
        elif field.name in rows.column_names:
            columns.append(rows[field.name].cast(field.type))
        else:
            columns.append(pa.nulls(len(rows), field.type))
    return pa.table(columns, schema=ROWS_SCHEMA)


def _known(data: bytes) -> list[str]:
    there = pq.read_schema(io.BytesIO(data)).names
    return [name for name in CLEAN_SCHEMA.names if name in there]


def _check_counts(path: str, members: Sequence[Member], counts: Sequence[int]) -> None:
    for member, count in zip(members, counts, strict=True):
        if count != member.rows:
            raise PermanentError(
                f"{path} holds {count} rows of batch {member.batch_id} attempt {member.attempt}; the ledger says {member.rows}"
            )
