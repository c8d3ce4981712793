"""Ingestors of several contract versions at once: Spark reads the clean files of all of them as one table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from acidwatch.contract.remarks import REMARKS
from acidwatch.settings import HdfsSettings, PostgresSettings
from jobs.spark.hdfs import spark_root
from jobs.spark.metrics import MetricsJob
from jobs.spark.results import rows_of
from jobs.spark.sources import Member, member_rows
from tests.integration.spark.two_files import load_reference, row, sites_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

OLDER, NEWER = "clean/2026-01-01/older.parquet", "clean/2026-01-02/newer.parquet"


def load_two_versions(given: Any) -> None:
    """A file of a contract that had no DOC_MG_L yet, and one of a contract with a column more, elsewhere among the others."""
    load_reference(given)
    old = pa.Table.from_pylist([row("old-0", n, SO4_UEQ_L=float(n)) for n in (2, 3)], given.clean_schema)
    new = pa.Table.from_pylist([row("new-0", n, SO4_UEQ_L=float(n), DOC_MG_L=2.5) for n in (4, 5)], given.clean_schema)
    said = [{"column": "CL_UEQ_L", "qualifier": "<", "limit": 0.5, "text": "<0.5", "comment": "see page 3"}]
    more = new.add_column(3, "MERCURY_NG_L", pa.array([1.0, 2.0])).append_column(
        "remarks", pa.array([[], said], REMARKS)
    )
    given.source("one", datetime(2026, 1, 1, tzinfo=UTC))
    given.file(OLDER, given.table_bytes(old.drop_columns(["DOC_MG_L"])))
    given.file(NEWER, given.table_bytes(more))
    given.member("old-0", OLDER, "one", 0, 2)
    given.member("new-0", NEWER, "one", 1, 2)


def test_a_column_that_an_older_file_lacks_is_null_and_one_more_of_a_newer_file_is_left_out(
    given: Any, servers: tuple[HdfsSettings, PostgresSettings], spark: SparkSession
) -> None:
    load_two_versions(given)
    members = [Member(OLDER, "old-0", 1, 0, "one", 0, 2), Member(NEWER, "new-0", 1, 0, "one", 1, 2)]
    rows = member_rows(spark, spark_root(servers[0]), members)
    assert "MERCURY_NG_L" not in rows.columns
    found = rows.select("batch_id", "row", "SO4_UEQ_L", "DOC_MG_L").orderBy("row").collect()
    assert [tuple(line) for line in found] == [
        ("old-0", 2, 2.0, None), ("old-0", 3, 3.0, None), ("new-0", 4, 4.0, 2.5), ("new-0", 5, 5.0, 2.5),
    ]  # fmt: skip


def test_remarks_stand_beside_the_values_of_a_newer_file_and_an_older_one_has_none(
    given: Any, servers: tuple[HdfsSettings, PostgresSettings], spark: SparkSession
) -> None:
    load_two_versions(given)
    members = [Member(OLDER, "old-0", 1, 0, "one", 0, 2), Member(NEWER, "new-0", 1, 0, "one", 1, 2)]
    rows = member_rows(spark, spark_root(servers[0]), members).orderBy("row").collect()
    assert [row.remarks for row in rows[:3]] == [None, None, []]
    (remark,) = rows[3].remarks
    assert (remark.column, remark.qualifier, remark.limit, remark.text, remark.comment) == (
        "CL_UEQ_L",
        "<",
        0.5,
        "<0.5",
        "see page 3",
    )
    assert rows[3].CL_UEQ_L is None


def test_the_job_counts_each_measurement_that_is_there_and_a_censored_cell_as_nothing_else(
    given: Any, job: MetricsJob
) -> None:
    load_two_versions(given)
    run, _ = job.run()
    assert (run.rows, run.measurements) == (4, 6)
    assert sites_of(job) == {"SO4": (4, 3.5), "DOC": (2, 2.5)}
    chloride = {"parameter": "CL"}
    with job.connect() as connection:
        tables = {name: rows_of(connection, run, name, chloride) for name in ("completeness", "annual", "trend")}
        shown = connection.execute("SELECT censored FROM olap.run").fetchall()
        read = [row["n"] for row in rows_of(connection, run, "method", chloride)]
    assert (run.censored, shown, read) == (1, [(1,)], [])
    (cell,), (year,), (trend, _, _) = tables.values()
    names = ("samples", "n", "censored", "missing", "not_evaluated", "tests_defined")
    assert [cell[name] for name in names] == [4, 0, 1, 3, 1, 0]
    assert (year["n"], year["censored"], year["mean"], year["median"], set(year["months"])) == (
        0,
        1,
        None,
        None,
        {None},
    )
    assert (trend["reason"], trend["n_censored"], trend["n"]) == ("too few values", 1, 0)
