"""A Spark session, real servers, and what the ingestor and the versioner leave behind, made by hand.

ACIDWATCH_TEST_STACK=env uses the servers that the settings name (their schemas and root are emptied) instead of starting some.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hdfs import InsecureClient
from pyspark.sql import SparkSession

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.contract.columns import METHODS, SAMPLES, SITES, Column
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from jobs.spark.hdfs import spark_root
from jobs.spark.metrics import MetricsJob
from jobs.spark.postgres import connected
from jobs.spark.reference import newest_reference
from jobs.spark.session import SparkSettings, spark_session

MIGRATIONS = Path(__file__).parents[3] / "acidwatch" / "ledger" / "migrations" / "versions"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of this folder."""
    config.addinivalue_line("markers", "spark: needs Java and a Spark session")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One local session for every test: starting one takes ten seconds."""
    with spark_session(
        SparkSettings(spark_master="local[2]", spark_shuffle_partitions=4), "acidwatch", "tests"
    ) as session:
        yield session


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HdfsSettings, PostgresSettings]]:
    """HDFS and PostgreSQL."""
    if os.environ.get("ACIDWATCH_TEST_STACK") == "env":
        yield load(HdfsSettings), load(PostgresSettings)
        return
    from deploy.local.errors import PrerequisiteError
    from deploy.local.stack import Stack

    try:
        with Stack(tmp_path_factory.mktemp("stack")) as stack:
            hdfs = HdfsSettings(hdfs_url=stack.hdfs_url, hdfs_rpc=stack.hdfs_rpc)
            yield hdfs, PostgresSettings(database_url=stack.database_url)
    except PrerequisiteError as error:
        pytest.skip(str(error))


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

    parquet = staticmethod(parquet)
    table_bytes = staticmethod(table_bytes)
    clean_schema = CLEAN
    sites_schema = pa.schema(arrow_fields(SITES))
    methods_schema = pa.schema(arrow_fields(METHODS))

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
        pointer = {
            "version": version,
            "created_at": "2026-01-01T00:00:00Z",
            "author": "test",
            **tables,
            "workbooks": [],
        }
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


@pytest.fixture(scope="session")
def job(servers: tuple[HdfsSettings, PostgresSettings], spark: SparkSession) -> MetricsJob:
    """The metrics job with the tests' own Spark session."""
    hdfs, postgres = servers
    return MetricsJob(
        root=spark_root(hdfs),
        reference=lambda: newest_reference(HdfsStore(hdfs)),
        connect=lambda: connected(postgres),
        start_spark=lambda _: nullcontext(spark),
        now=lambda: NOW,
    )


@pytest.fixture
def given(servers: tuple[HdfsSettings, PostgresSettings]) -> Iterator[Given]:
    """Empty tables and an empty root, to be filled."""
    with emptied(servers) as found:
        yield found


@pytest.fixture(scope="module")
def given_once(servers: tuple[HdfsSettings, PostgresSettings]) -> Iterator[Given]:
    """The same, for tests that look at what their module filled in once."""
    with emptied(servers) as found:
        yield found


@contextmanager
def emptied(servers: tuple[HdfsSettings, PostgresSettings]) -> Iterator[Given]:
    hdfs, postgres = servers
    client = InsecureClient(hdfs.hdfs_url, user=hdfs.hdfs_user, root=hdfs.hdfs_root, timeout=20)
    for zone in ("clean", "reference", "enriched", "samples"):
        client.delete(zone, recursive=True)
    with psycopg.connect(postgres.database_url.get_secret_value(), autocommit=True) as connection:
        for schema in ("ledger", "metrics", "olap"):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
        for migration in sorted(MIGRATIONS.glob("*.sql")):
            connection.execute(migration.read_text())
        yield Given(client, connection)


@pytest.fixture
def real_members() -> Callable[[Given, Path], pd.DataFrame]:
    """Puts the real workbooks' rows onto the servers and gives the samples as pandas reads them."""
    return load_real


def load_real(given: Given, folder: Path) -> pd.DataFrame:
    """Real samples in batches of 100, 48 batches a file; real methods and sites."""
    text = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    sites = arrow_table(pd.read_excel(folder / "Site_Information_2022_8_1.xlsx", **text), SITES)
    methods = arrow_table(pd.read_excel(folder / "Methods_2022_8_1.xlsx", **text), METHODS)
    given.reference(table_bytes(sites), table_bytes(methods))
    ids = {"dtype": {"SITE_ID": str, "TIME_SMP": str}}
    wide = pd.read_excel(folder / "LTM_Data_2022_8_1.xlsx", engine="calamine", **ids)
    table = arrow_table(wide, SAMPLES)
    size, per_file = 100, 4800
    extra = {
        "batch_id": pa.array([f"real-{i // size:04d}" for i in range(len(wide))]),
        "attempt": pa.array([1] * len(wide), pa.int32()),
        "row": pa.array(range(2, len(wide) + 2), pa.int32()),
        "flags": pa.array([[]] * len(wide), pa.list_(pa.string())),
    }
    for name, column in extra.items():
        table = table.append_column(CLEAN.field(name), column)
    table = table.select(CLEAN.names)
    given.source("real", datetime(2026, 1, 1, tzinfo=UTC))
    with given.connection.transaction():
        for start in range(0, len(wide), per_file):
            part = table.slice(start, per_file)
            path = f"clean/2026-01-01/real-{start:06d}.parquet"
            given.file(path, table_bytes(part))
            for first in range(start, start + part.num_rows, size):
                rows = min(size, len(wide) - first)
                given.member(f"real-{first // size:04d}", path, "real", first // size, rows)
    return wide


def arrow_table(frame: pd.DataFrame, columns: Sequence[Column]) -> pa.Table:
    """A workbook's frame with the contract's types."""
    arrays = []
    for column in columns:
        values, kind = frame[column.name], ARROW[column.kind]
        if column.kind == "text":
            arrays.append(pa.array([None if pd.isna(value) else str(value) for value in values], kind))
        elif column.kind == "integer":
            arrays.append(pa.array([None if pd.isna(value) else int(float(value)) for value in values], kind))
        elif column.kind == "number":
            arrays.append(pa.array(pd.to_numeric(values), kind, from_pandas=True))
        else:
            arrays.append(pa.array([None if pd.isna(v) else pd.Timestamp(v).to_pydatetime() for v in values], kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(arrow_fields(columns)))
