"""The metrics job on real servers: HDFS, PostgreSQL and Spark."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psycopg
import pytest
from pyarrow import dataset
from pyspark.sql import SparkSession

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.errors import DependencyAwayError, PermanentError, UnusableInputError
from acidwatch.settings import HdfsSettings, PostgresSettings
from acidwatch.trends.series import DEFAULT_PERIOD, Period
from jobs.spark import publish
from jobs.spark.hdfs import spark_root
from jobs.spark.metrics import MetricsJob
from jobs.spark.periods import regions_over, trends_over
from jobs.spark.postgres import Connection, connected
from jobs.spark.publish import TABLES, Run
from jobs.spark.quality_results import class_changes, rules_counted
from jobs.spark.reference import newest_reference
from jobs.spark.results import find_run, rows_of
from tests.integration.spark.makers import random_samples

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]

LTM = Path(__file__).parents[3].parent / "shared" / "data" / "ltm"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def job(servers: tuple[HdfsSettings, PostgresSettings], spark: SparkSession) -> MetricsJob:
    """The job with the tests' own Spark session."""
    hdfs, postgres = servers
    return MetricsJob(
        root=spark_root(hdfs),
        reference=lambda: newest_reference(HdfsStore(hdfs)),
        connect=lambda: connected(postgres),
        start_spark=lambda: nullcontext(spark),
        now=lambda: NOW,
    )


def row(batch_id: str, number: int, **values: Any) -> dict[str, Any]:
    """A clean row of Maine's lake 020058."""
    base = {
        "batch_id": batch_id,
        "attempt": 1,
        "row": number,
        "SITE_ID": "020058",
        "PROGRAM_ID": "LTM_ME",
        "DATE_SMP": datetime(2012, 5, number),
        "SAMPLE_LOCATION": "EPI",
        "SAMPLE_TYPE": "Regular",
        "WATERBODY_TYPE": "Lake",
        "flags": [],
    }
    return base | values


def load_reference(given: Any, sites: list[dict[str, Any]] | None = None) -> None:
    """One lake in two programmes; sodium has a method, and two overlap for sulphate."""
    lake = {"SITE_ID": "020058", "STATE": "Maine", "ECOREGION_III": "5.3.1"}
    both = [lake | {"PROGRAM_ID": programme} for programme in ("LTM_ME", "LTM_ALTM")]
    methods = [
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "NA", "START_YEAR": 1990, "METHOD": "AAS"},
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 2010, "END_YEAR": 2017, "METHOD": "IC long"},
        {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 2010, "END_YEAR": 2014, "METHOD": "IC short"},
    ]
    given.reference(
        given.parquet(sites if sites is not None else both, given.sites_schema),
        given.parquet(methods, given.methods_schema),
    )


def load_two_files(given: Any) -> None:
    """File b holds a twin of batch old-0, left by a crash; source `new` corrects the sample of the third of May."""
    load_reference(given)
    old = [row("old-0", n, SO4_UEQ_L=float(n), NA_UEQ_L=10.0) for n in (2, 3, 4)]
    twin = [r | {"SO4_UEQ_L": 900.0} for r in old]
    new = [row("new-0", 3, SO4_UEQ_L=30.0, NA_UEQ_L=None, DOC_MG_L=2.5, ANC_UEQ_L=-1.0)]
    given.source("old", datetime(2026, 1, 1, 8, tzinfo=UTC))
    given.source("new", datetime(2026, 1, 1, 9, tzinfo=UTC))
    given.file("clean/2026-01-01/a.parquet", given.parquet(old, given.clean_schema))
    given.file("clean/2026-01-01/b.parquet", given.parquet([*twin, *new], given.clean_schema))
    given.member("old-0", "clean/2026-01-01/a.parquet", "old", 0, 3)
    given.member("new-0", "clean/2026-01-01/b.parquet", "new", 0, 1)


def sites_of(job: MetricsJob, version: int | None = None) -> dict[str, tuple[int, float]]:
    """n and mean by parameter, as `acidwatch metrics site` reads them."""
    with job.connect() as connection:
        rows = rows_of(connection, find_run(connection, version), "site", {"site_id": "020058"})
    return {line["parameter"]: (line["n"], line["mean"]) for line in rows}


def test_a_twin_batch_is_left_out_and_a_later_source_supersedes(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    run, new = job.run()
    assert new
    assert (run.rows, run.superseded, run.samples, run.measurements) == (4, 1, 3, 7)
    assert (run.ambiguous, run.without_method, run.without_site) == (3, 2, 0)
    assert sites_of(job) == {"SO4": (3, 12.0), "NA": (2, 10.0), "DOC": (1, 2.5), "ANC": (1, -1.0)}
    with job.connect() as connection:
        methods = rows_of(connection, run, "method", {})
        classes = rows_of(connection, run, "category", {"category": "anc_class", "parameter": "so4"})
    assert {(m["parameter"], m["method"], m["ambiguous"]) for m in methods} == {
        ("NA", "AAS", 0), ("SO4", "IC short", 3), ("DOC", None, 0), ("ANC", None, 0)}  # fmt: skip
    assert {(c["value"], c["samples"], c["n"], c["mean"]) for c in classes} == {
        ("acidic (< 0)", 1, 1, 30.0), ("unknown", 2, 2, 3.0)}  # fmt: skip
    assert "_SUCCESS" in given.hdfs.list(run.enriched_path)


def test_a_run_of_a_chosen_version_does_not_show_in_olap(given: Any, job: MetricsJob) -> None:
    load_two_files(given)
    newest, _ = job.run()
    chosen, new = job.run(version=1)
    assert new and not chosen.as_of_newest
    assert sites_of(job, 1)["SO4"] == (3, 3.0)
    shown = given.connection.execute("SELECT run_id, dataset_version FROM olap.run").fetchall()
    assert shown == [(newest.run_id, 2)]
    views = (
        "site_statistics",
        "method_statistics",
        "category_distribution",
        "annual_values",
        "monthly_values",
        "trends",
        "region_trends",
        "acidity_by_year",
        "acidity_by_site",
        "acid_episodes",
        "completeness",
        "quality",
    )
    for view in views:
        found = given.connection.execute(f"SELECT DISTINCT run_id, dataset_version FROM olap.{view}").fetchall()
        assert found == [(newest.run_id, 2)]


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


def published(job: MetricsJob, run: Run) -> dict[str, list[dict[str, Any]]]:
    """Every table of a run, as it is asked for."""
    with job.connect() as connection:
        return {table: rows_of(connection, run, table, {}) for table in TABLES}


def test_a_published_run_is_not_repeated_but_forced_gives_the_same_rows_in_the_same_order_to_the_last_digit(
    given: Any, job: MetricsJob, spark: SparkSession
) -> None:
    load_many(given)
    first, _ = job.run()
    lazy = dataclasses.replace(job, start_spark=lambda: pytest.fail("Spark was started for nothing"))
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


def test_a_site_with_one_year_has_its_annual_values_and_the_reason_why_there_is_no_trend(
    given: Any, job: MetricsJob
) -> None:
    load_two_files(given)
    run, _ = job.run()
    with job.connect() as connection:
        (year,) = rows_of(connection, run, "annual", {"parameter": "SO4"})
        (trend,) = trends_over(connection, run, DEFAULT_PERIOD, "annual_mean", {"parameter": "so4"})
        (other,) = trends_over(connection, run, Period(2012, 2012), "annual_mean", {"parameter": "so4"})
        regions = regions_over(connection, run, DEFAULT_PERIOD, {"parameter": "SO4"})
        again = regions_over(connection, run, Period(1991, 2020), {"parameter": "SO4"})
    assert (year["year"], year["n"], year["mean"], year["months"][4], year["method"]) == (
        2012,
        3,
        12.0,
        12.0,
        "IC short",
    )
    assert (trend["class"], trend["reason"], trend["n_years"], trend["slope"]) == (
        "not analysed",
        "too few values",
        1,
        None,
    )
    assert list(other) == list(trend)
    assert other == trend | {"first_year": 2012, "last_year": 2012}
    assert [(r["region"], r["site_set"], r["n_sites"], r["median_slope"]) for r in regions] == [
        ("New England", "all", 0, None), ("New England", "fixed", 0, None)]  # fmt: skip
    assert {r["first_year"] for r in again} == {1991}


def test_flags_repeats_and_acidity_of_a_run_are_asked_by_rule_and_period(
    given: Any, job: MetricsJob, tmp_path: Path
) -> None:
    load_two_files(given)
    run, _ = job.run()
    with job.connect() as connection:
        rules = {
            row["rule"]: (row["severity"], row["n"], row["checked"]) for row in rules_counted(connection, run, [], {})
        }
        by_year = rules_counted(connection, run, ["year"], {"rule": "REPEAT.conflicting"})
        of_sulphate = rules_counted(connection, run, [], {"parameter": "so4"})
        (site,) = rows_of(connection, run, "acidity_site", {})
        other = class_changes(connection, run, (1990, 2000), (2012, 2012))
        (cell,) = rows_of(connection, run, "completeness", {"parameter": "NA", "year": "2012"})
    assert rules["repeat.conflicting"] == ("soft", 1, 3)
    assert rules["repeat.identical"] == ("soft", 0, 3)
    assert rules["range.SO4_UEQ_L"] == ("hard", 0, 3)
    assert by_year == [{"rule": "repeat.conflicting", "severity": "soft", "year": 2012, "n": 1, "checked": 3}]
    assert [(row["rule"], row["parameter"], row["checked"]) for row in of_sulphate] == [
        ("history.outlier", "SO4", 3), ("range.SO4_UEQ_L", "SO4", 3)]  # fmt: skip
    # Days are counted to the version's last sample, the fourth of May, not to the day of the run.
    assert (site["last_acidic_date"], site["days_since_acidic"], site["episodes"]) == (date(2012, 5, 3), 1, 1)
    assert (site["classes_moved"], other["LTM_ME", "020058"]["last_class"]) == (None, "acidic (< 0)")
    assert (cell["samples"], cell["n"], cell["missing"], cell["good"]) == (3, 2, 1, 2)
    assert_enriched(given, run, tmp_path)


def assert_enriched(given: Any, run: Run, tmp_path: Path) -> None:
    """What a run leaves on HDFS says flag, method and version of each value, to any reader of Parquet."""
    assert {name for name in given.hdfs.list(run.enriched_path) if "=" in name} == {"program_id=LTM_ME"}
    given.hdfs.download(run.enriched_path, str(tmp_path))
    folder = tmp_path / Path(run.enriched_path).name
    read = dataset.dataset(folder, partitioning="hive").to_table().to_pylist()
    assert len(read) == run.measurements
    assert {(line["program_id"], line["dataset_version"], line["in_series"]) for line in read} == {("LTM_ME", 2, True)}
    (corrected,) = [line for line in read if line["value"] == 30.0]
    assert (corrected["site_id"], corrected["parameter"], corrected["method"]) == ("020058", "SO4", "IC short")
    assert (corrected["flag"], corrected["tests_evaluated"], corrected["tests_defined"], corrected["tests_failed"]) == (
        1,
        3,
        5,
        [],
    )
    asked = duckdb.sql(
        f"SELECT program_id, parameter, count(*), max(flag) FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
        " GROUP BY ALL ORDER BY parameter"
    ).fetchall()
    assert asked == [("LTM_ME", "ANC", 1, 1), ("LTM_ME", "DOC", 1, 1), ("LTM_ME", "NA", 2, 1), ("LTM_ME", "SO4", 3, 1)]


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


@pytest.mark.slow  # tests/e2e/test_metrics.py sends the same workbook through the whole pipeline
@pytest.mark.skipif(not LTM.is_dir(), reason="the real workbooks are not here")
def test_the_real_workbook_gives_the_means_that_pandas_gives(
    given: Any, job: MetricsJob, real_members: Callable[[Any, Path], pd.DataFrame]
) -> None:
    wide = real_members(given, LTM)
    run, _ = job.run()
    assert (run.rows, run.superseded, run.measurements) == (38200, 0, 540655)
    assert (run.ambiguous, run.without_method, run.without_site) == (52678, 27593, 0)
    means = wide.groupby(["PROGRAM_ID", "SITE_ID"]).mean(numeric_only=True)
    with job.connect() as connection:
        rows = rows_of(connection, run, "site", {})
    assert len(rows) == 2689
    columns = {"SO4": "SO4_UEQ_L", "NA": "NA_UEQ_L", "ANC": "ANC_UEQ_L", "PH_LAB": "PH_LAB"}
    for line in rows:
        if line["parameter"] in columns:
            want = means.loc[(line["program_id"], line["site_id"]), columns[line["parameter"]]]
            assert line["mean"] == pytest.approx(want, rel=1e-9, abs=1e-12)
