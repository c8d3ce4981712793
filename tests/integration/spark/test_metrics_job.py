"""The metrics job on real servers: HDFS, PostgreSQL and Spark."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pyspark.sql import SparkSession

from acidwatch.errors import DependencyAwayError, PermanentError, UnusableInputError
from jobs.spark import publish
from jobs.spark.metrics import MetricsJob
from jobs.spark.postgres import Connection
from jobs.spark.publish import TABLES
from jobs.spark.results import find_run
from tests.integration.spark.answered import published
from tests.integration.spark.conftest import NOW
from tests.integration.spark.makers import random_samples
from tests.integration.spark.two_files import load_reference, load_two_files, sites_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


def load_many(given: Any) -> None:
    """Eight years of six sites in three files; the sums of silica depend on their order."""
    load_reference(given, [{"SITE_ID": "000000", "PROGRAM_ID": "LTM_ME", "STATE": "Maine"}])
    rows = random_samples(600)
    given.source("many", NOW)
    for at in range(3):
        path, batch = f"clean/2026-01-01/many-{at}.parquet", f"many-{at}"
        mine = [line | {"batch_id": batch, "SIO2_MG_L": math.sqrt(line["row"])} for line in rows[at::3]]
        given.file(path, given.parquet(mine, given.clean_schema))
        given.member(batch, path, "many", at, len(mine))


def test_a_published_run_is_not_repeated_but_forced_gives_the_same_rows_in_the_same_order_to_the_last_digit(
    given: Any, job: MetricsJob, spark: SparkSession
) -> None:
    load_many(given)
    first, _ = job.run()
    lazy = dataclasses.replace(job, start_spark=lambda _: pytest.fail("Spark was started for nothing"))
    assert lazy.run() == (first, False)
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "7")
    second, new = job.run(force=True)
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    assert new and second.run_id > first.run_id
    tables = published(job, first)
    assert published(job, second) == tables
    assert [name for name, rows in tables.items() if not rows] == ["unit_break", "method_change"]


def test_a_run_that_dies_leaves_the_last_published_one_in_place_and_visible(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    first, _ = job.run()
    before = published(job, first)
    given.connection.execute("ALTER TABLE metrics.region ADD CHECK (n_sites > 1000) NOT VALID")
    with pytest.raises(psycopg.errors.CheckViolation):
        job.run(force=True)
    connection = psycopg.connect(given.connection.info.dsn, password=given.connection.info.password, autocommit=True)
    second = dataclasses.replace(first, run_id=first.run_id + 1000)
    rows = {table: [tuple(row.values()) for row in found] for table, found in before.items()}
    with pytest.raises(psycopg.OperationalError):
        publish.publish(connection, second, rows | {"annual": dying_among(rows["annual"], connection)}, True)
    for table in ("runs", *TABLES):
        runs = given.connection.execute(f"SELECT DISTINCT run_id FROM metrics.{table}").fetchall()
        assert runs == ([(first.run_id,)] if before.get(table, True) else []), "nothing of the others is left"
    assert published(job, first) == before
    with job.connect() as connection:
        assert find_run(connection, None) == first, "it is still what is shown"


def dying_among(rows: list[tuple[Any, ...]], connection: Connection) -> Iterator[tuple[Any, ...]]:
    """Rows on their way to PostgreSQL from a process that is killed: its end of the connection is gone."""
    yield rows[0]
    connection.close()
    yield rows[0]


@pytest.mark.slow
def test_a_version_that_was_chosen_first_is_shown_once_asked_for_as_the_newest(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    job.run(version=2)
    with pytest.raises(UnusableInputError, match="acidwatch job metrics"):
        sites_of(job)
    _, new = job.run()
    assert not new
    assert sites_of(job)["SO4"] == (3, 12.0)


def test_a_doubled_key_in_the_sites_table_stops_the_run(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    load_reference(
        given, [{"SITE_ID": "020058", "PROGRAM_ID": "LTM_ME", "STATE": state} for state in ("Maine", "Vermont")]
    )
    with pytest.raises(PermanentError, match="14 measurements of 7"):
        job.run()
    assert given.connection.execute("SELECT count(*) FROM metrics.runs").fetchone() == (0,)


def test_a_file_that_lacks_rows_of_the_ledger_stops_the_run(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    given.connection.execute("UPDATE ledger.attempts SET rows = 5 WHERE batch_id = 'old-0'")
    with pytest.raises(PermanentError, match="a.parquet holds 3 of its 5 rows"):
        job.run()


def test_a_file_that_is_gone_stops_the_run(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    given.hdfs.delete("clean/2026-01-01/b.parquet")
    with pytest.raises(PermanentError, match="not on HDFS"):
        job.run()


def test_a_version_without_members_has_no_measurements(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    given.connection.execute("UPDATE ledger.memberships SET to_version = 3 WHERE false")
    given.connection.execute("DELETE FROM ledger.memberships")
    run, new = job.run()
    assert new and (run.files, run.samples, run.measurements) == (0, 0, 0)


def test_what_is_missing_is_said(given: Any, job: MetricsJob) -> None:
    with pytest.raises(UnusableInputError, match="acidwatch send"):
        job.run()
    load_two_files(given)
    with pytest.raises(UnusableInputError, match="versions 1 to 2 exist"):
        job.run(version=100)
    given.hdfs.delete("reference", recursive=True)
    with pytest.raises(UnusableInputError, match="reference load"):
        job.run()


def test_hdfs_away_for_spark_is_a_dependency_away(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    away = dataclasses.replace(job, root="hdfs://127.0.0.1:1/acidwatch")
    with pytest.raises(DependencyAwayError, match="HDFS is away at hdfs://127.0.0.1:1"):
        away.run()
    assert given.connection.execute("SELECT count(*) FROM metrics.runs").fetchone() == (0,)
