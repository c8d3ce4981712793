"""What a run of the job publishes, read again and again: one run for all tests here."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyarrow import dataset

from acidwatch.trends.series import DEFAULT_PERIOD, Period
from jobs.spark.metrics import MetricsJob
from jobs.spark.periods import regions_over, trends_over
from jobs.spark.publish import Run
from jobs.spark.quality_results import class_changes, rules_counted
from jobs.spark.results import rows_of
from tests.integration.spark.two_files import load_two_files, sites_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def run(given_once: Any, job: MetricsJob) -> Run:
    """The run of the newest version of the two files."""
    load_two_files(given_once)
    run, new = job.run()
    assert new
    return run


def test_a_twin_batch_is_left_out_and_a_later_source_supersedes(given_once: Any, job: MetricsJob, run: Run) -> None:
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
    assert "_SUCCESS" in given_once.hdfs.list(run.enriched_path)


def test_a_site_with_one_year_has_its_annual_values_and_the_reason_why_there_is_no_trend(
    job: MetricsJob, run: Run
) -> None:
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
    given_once: Any, job: MetricsJob, run: Run, tmp_path: Path
) -> None:
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
    assert_enriched(given_once, run, tmp_path)


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


def test_a_run_of_a_chosen_version_does_not_show_in_olap(given_once: Any, job: MetricsJob, run: Run) -> None:
    chosen, new = job.run(version=1)
    assert new and not chosen.as_of_newest
    assert sites_of(job, 1)["SO4"] == (3, 3.0)
    shown = given_once.connection.execute("SELECT run_id, dataset_version FROM olap.run").fetchall()
    assert shown == [(run.run_id, 2)]
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
        found = given_once.connection.execute(f"SELECT DISTINCT run_id, dataset_version FROM olap.{view}").fetchall()
        assert found == [(run.run_id, 2)]
