"""Compacted files of clean/: the rows of many files in one, sorted, with all that was said of their batches in its footer."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from acidwatch.archive.groupfile import read_outcomes, with_manifest
from acidwatch.archive.parquet import read_parquet
from acidwatch.archive.picked import rows_of
from acidwatch.archive.sealed import DamagedFileError

ORDER = ("PROGRAM_ID", "SITE_ID", "DATE_SMP", "batch_id", "attempt", "row")
"""By programme, site and date; then by what is unique, so that the same rows always come in the same order."""

ROW_GROUP_ROWS = 10_000
"""So that several tasks can share a file, and a reader of some sites can pass over the rest by the statistics in the footer."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one file gives to a compacted one.

    Attributes:
        rows: Those of the batches that the ledger names in it, with the columns as they are there.
        outcomes: What its manifest says of these batches.
    """

    path: str
    rows: pa.Table
    outcomes: list[dict[str, Any]]


def read_part(path: str, data: bytes, sha256: str, named: Mapping[tuple[str, int], int]) -> Part:
    """Take the named batches out of a file.

    Args:
        path: For messages.
        data: The whole file.
        sha256: What the ledger says of it.
        named: How many rows it must hold of each (batch id, attempt); what else is in it, such as a crash may leave, is dropped.

    Raises:
        DamagedFileError: It is not as it was written, or holds another number of rows of a batch.
    """
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedFileError(path, "its SHA-256 is not the one in the ledger")
    try:
        rows = read_parquet(data)
        kept, _, counts = rows_of(rows, list(named))
        outcomes = read_outcomes(data)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise DamagedFileError(path, f"it can't be read: {error}"[:300]) from error
    for (key, due), count in zip(named.items(), counts, strict=True):
        if count != due:
            raise DamagedFileError(path, f"it holds {count} rows of batch {key[0]} attempt {key[1]}, not {due}")
    about = [outcome for outcome in outcomes if (outcome["batch_id"], outcome["attempt"]) in named]
    return Part(path, rows.take(kept).replace_schema_metadata(None), about)


def compacted_file(parts: Sequence[Part], path: str) -> bytes:
    """The file of parts with the same schema, which is its own too: the rows in ORDER, the manifests' entries together.

    Args:
        path: Where it will lie.
    """
    rows = pa.concat_tables([part.rows for part in parts]).combine_chunks()
    rows = rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in ORDER]))
    footer = {
        "format": 1,
        "files": {"clean": path},
        "outcomes": [outcome for part in parts for outcome in part.outcomes],
    }
    return with_manifest(rows, orjson.dumps(footer), level=3, row_group_rows=ROW_GROUP_ROWS)
