"""What the ingestor and the versioner leave behind, made by hand: clean files, reference tables, ledger rows."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from hdfs import InsecureClient

from acidwatch.contract.columns import METHODS, SAMPLES, SITES, Column

ARROW = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64(), "datetime": pa.timestamp("us")}


def arrow_fields(columns: Sequence[Column]) -> list[pa.Field]:
    """The Arrow fields of contract columns, as the archive writes them."""
    return [pa.field(column.name, ARROW[column.kind]) for column in columns]


CLEAN = pa.schema(
    [
        pa.field("batch_id", pa.string()),
        pa.field("attempt", pa.int32()),
        pa.field("row", pa.int32()),
        *arrow_fields(SAMPLES),
        pa.field("flags", pa.list_(pa.string())),
    ]
)


def parquet(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> bytes:
    """Parquet bytes of rows; a column that a row lacks is null."""
    table = pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema)
    return table_bytes(table)


def table_bytes(table: pa.Table) -> bytes:
    """Parquet bytes of an Arrow table."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


@dataclass
class Given:
    """Writes files and ledger rows of one stack."""

    hdfs: InsecureClient
    connection: psycopg.Connection[Any]
    sources: dict[str, datetime] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)
    offset: int = 0
    version: int = 0
    rows: int = 0

    def reference(self, sites: bytes, methods: bytes, version: int = 1) -> None:
        """Load a reference version."""
        tables = {}
        for name, content in (("sites", sites), ("methods", methods)):
            digest = hashlib.sha256(content).hexdigest()
            path = f"reference/{digest}/{name}.parquet"
            self.hdfs.write(path, content, overwrite=True)
            tables[name] = {"path": path, "rows": 0, "bytes": len(content), "sha256": digest}
        pointer = {"version": version, "created_at": "2026-01-01T00:00:00Z", "author": "test", **tables, "workbooks": []}
        self.hdfs.write(f"reference/{version:06d}.json", json.dumps(pointer).encode(), overwrite=True)

    def source(self, source_id: str, first_sent_at: datetime) -> None:
        """A source, and when its sending first began."""
        self.connection.execute(
            "INSERT INTO ledger.sources (source_id, name, first_sent_at) VALUES (%s, %s, %s)",
            [source_id, source_id + ".xlsx", first_sent_at],
        )

    def file(self, path: str, content: bytes) -> int:
        """A clean file, on HDFS and in the ledger."""
        self.hdfs.write(path, content, overwrite=True)
        digest = hashlib.sha256(content).hexdigest()
        query = "INSERT INTO ledger.files (path, zone, bytes, sha256) VALUES (%s, 'clean', %s, %s) RETURNING file_id"
        row = self.connection.execute(query, [path, len(content), digest]).fetchone()
        self.files[path] = row[0] if row else 0
        return self.files[path]

    def member(self, batch_id: str, path: str, source_id: str, batch_index: int, rows: int, attempt: int = 1) -> int:
        """An accepted batch in a file, as a new version.

        Returns:
            The version.
        """
        now, execute = datetime(2026, 1, 1, tzinfo=UTC), self.connection.execute
        self.offset, self.version, self.rows = self.offset + 1, self.version + 1, self.rows + rows
        execute(
            "INSERT INTO ledger.batches (batch_id, source_id, batch_index, subject) VALUES (%s, %s, %s, 'Sheet 1!A2:AD101')",
            [batch_id, source_id, batch_index],
        )
        execute(
            'INSERT INTO ledger.attempts (batch_id, attempt, verdict, rows, hard, soft, findings, topic, partition, "offset",'
            " timestamp_ms, value_sha256, value_bytes, contract_version, reference_version, service_version, judged_at, version)"
            " VALUES (%s, %s, 'accepted', %s, 0, 0, '[]', 't', 0, %s, 0, '', 1, '1', 1, '1', %s, %s)",
            [batch_id, attempt, rows, self.offset, now, self.version],
        )
        execute(
            "INSERT INTO ledger.file_batches (batch_id, attempt, file_id, zone) VALUES (%s, %s, %s, 'clean')",
            [batch_id, attempt, self.files[path]],
        )
        execute(
            "INSERT INTO ledger.versions (version, kind, author, message, batch_id, attempt, batch_rows, batch_bytes, rows, bytes)"
            " VALUES (%s, 'append', 'test', '', %s, %s, %s, 1, %s, 1)",
            [self.version, batch_id, attempt, rows, self.rows],
        )
        execute(
            "INSERT INTO ledger.memberships (batch_id, attempt, from_version) VALUES (%s, %s, %s)",
            [batch_id, attempt, self.version],
        )
        execute("UPDATE ledger.datasets SET newest_version = %s, rows = %s", [self.version, self.rows])
        return self.version


SITES_SCHEMA = pa.schema(arrow_fields(SITES))
METHODS_SCHEMA = pa.schema(arrow_fields(METHODS))
