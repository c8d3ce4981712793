"""A version's samples as files for other programs: Parquet or CSV, and a manifest. The same version gives the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acidwatch.archive.store import Store
from acidwatch.contract.columns import CONTRACT_VERSION, NATURAL_KEY, SAMPLE_NAMES
from acidwatch.contract.formula import no_formula
from acidwatch.errors import UnusableInputError
from acidwatch.history.resolve import ORDER, superseded
from acidwatch.history.rows import read_rows
from acidwatch.ledger import queries
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.members import judged_with, members

Format = Literal["parquet", "csv"]

MANIFEST = "manifest.json"

_COLUMNS = (*SAMPLE_NAMES, "flags", "remarks", "source_id", "batch_id", "attempt", "row")


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written.

    Attributes:
        format: `parquet` or `csv`.
        all_rows: Superseded rows too, with a column that says so.
        force: Replace what an earlier export left in the folder.
    """

    version: int
    folder: Path
    format: Format
    all_rows: bool = False
    force: bool = False


def export(ledger: Ledger, store: Store, wanted: Export) -> dict[str, Any]:
    """Write `samples.parquet` or `samples.csv`, then `manifest.json`, which names it with its SHA-256.

    Returns:
        The manifest.

    Raises:
        UnusableInputError: There is no such version, the folder holds an export already, or can't be written.
        PermanentError: A file does not hold what the ledger says.
        DependencyAwayError: PostgreSQL or HDFS does not answer.
    """
    name = f"samples.{wanted.format}"
    names = (MANIFEST, "samples.parquet", "samples.csv")
    try:
        there = [str(wanted.folder / file) for file in names if (wanted.folder / file).exists()]
    except OSError as error:
        raise UnusableInputError(f"{wanted.folder}: can't write there ({error.strerror or error})") from error
    if there and not wanted.force:
        raise UnusableInputError(f"{there[0]} is there already; export to another folder, or replace it with --force")
    with ledger.transaction() as connection:
        version = queries.version(connection, wanted.version)
        judged = judged_with(connection, wanted.version)
        found = members(connection, wanted.version)
    table = _table(read_rows(store, found), wanted.all_rows)
    data = _WRITERS[wanted.format](table)
    manifest = {
        "version": version["version"],
        "kind": version["kind"],
        "created_at": version["created_at"],
        "author": version["author"],
        "message": version["message"],
        "batches": version["batches"],
        "rows": version["rows"],
        "exported_rows": len(table),
        "superseded": "included" if wanted.all_rows else "left out",
        **judged,
        "export_contract_version": CONTRACT_VERSION,
        "files": [{"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
    }
    try:
        wanted.folder.mkdir(parents=True, exist_ok=True)
        for file in there:
            if file != str(wanted.folder / name):
                Path(file).unlink()
        _write(wanted.folder / name, data)
        # Last: where there is a manifest, what it names is whole.
        _write(wanted.folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise UnusableInputError(f"{wanted.folder}: can't write there ({error.strerror or error})") from error
    return manifest


def _table(rows: pa.Table, all_rows: bool) -> pa.Table:
    """The rows to be written, in an order that does not depend on files: by natural key, the one that counts first."""
    gone = superseded(rows)
    table = rows.append_column("superseded", pa.array(gone))
    if not all_rows:
        table = table.filter(pa.array(~gone))
    keys = [(name, "ascending") for name in NATURAL_KEY] + [(name, "descending") for name in ORDER]
    table = table.take(pc.sort_indices(table, sort_keys=keys))
    return table.select([*_COLUMNS, "superseded"] if all_rows else _COLUMNS)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table.combine_chunks(), sink, compression="zstd")
    return sink.getvalue()


def _csv(table: pa.Table) -> bytes:
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(table.column_names)
    columns = [[_csv_cell(value) for value in column.to_pylist()] for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return sink.getvalue().encode()


def _csv_cell(value: Any) -> str:
    """A cell as text. Text that a spreadsheet would take for a formula gets a ' in front; numbers stay what they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list):
        structured = value and isinstance(value[0], dict)
        value = orjson.dumps(value).decode() if structured else " ".join(value)
    text = str(value)
    return no_formula(text) if isinstance(value, str) else text


_WRITERS: dict[Format, Callable[[pa.Table], bytes]] = {"parquet": _parquet, "csv": _csv}


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
