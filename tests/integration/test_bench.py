"""The benchmarks at a size that only proves that they run: what they print are ratios here, and a busy machine must not fail them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.__main__ import keep, run
from bench.figure import Figure
from bench.size import SIZES
from deploy.local.stack import Stack
from tests.support.deployment import PROJECT


@pytest.mark.spark
def test_the_ingestor_is_measured_beside_spark_the_floor_and_the_row_by_row_loop(stack: Stack, tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in run(["ingest"], stack, SIZES["tiny"], tmp_path)}
    # Of so few rows a ratio says how long each took to start, not more.
    assert found["ingest.times_row_by_row"] > 0
    assert found["ingest.share_of_library_floor"] > 0
    assert found["ingest.times_spark_streaming"] > 0
    assert 50 < found["ingest.peak_mib"] < 1024
    assert found["ingest.rows_per_second"] > 0


def test_the_versioner_is_measured_with_few_and_with_many_versions_and_listings_are_timed(
    stack: Stack, tmp_path: Path
) -> None:
    found = {figure.name: figure.value for figure in run(["ledger_versions"], stack, SIZES["tiny"], tmp_path)}
    few, many = found["ledger.batches_per_second.10"], found["ledger.batches_per_second.1000"]
    assert 0.01 < many / few < 100
    assert {"cli.start_milliseconds", "cli.help_milliseconds", "cli.versions_milliseconds.1000"} < found.keys()


def test_every_batch_that_is_sent_is_seen_to_become_visible(stack: Stack, tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in run(["latency"], stack, SIZES["tiny"], tmp_path)}
    assert 0 < found["latency.p50_seconds.5"] <= found["latency.p99_seconds.5"] <= found["latency.max_seconds.5"] < 60


def test_workbooks_are_read_beside_pandas_and_sent(stack: Stack, tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in run(["workbooks"], stack, SIZES["tiny"], tmp_path)}
    assert found["workbook.times_pandas_openpyxl"] > 0  # of so few rows it says how long a process takes to start
    assert 0 < found["send.first_batch_seconds"] < 60


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(1800)
def test_the_metrics_job_is_timed_beside_engines_that_make_the_same_tables(stack: Stack, tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in run(["job"], stack, SIZES["tiny"], tmp_path)}
    assert 1 < found["job.seconds.1x"] < 600
    assert 200 < found["job.peak_mib.1x"] < 8192
    assert 1 < found["job.incremental_seconds.1x"] < 600
    assert 0 < found["job.times_duckdb.1x"] < 10 and 0 < found["job.times_polars.1x"] < 10


def test_several_ingestors_share_a_backlog_and_what_each_server_spends_on_it_is_counted(
    stack: Stack, tmp_path: Path
) -> None:
    found = {figure.name: figure.value for figure in run(["spread"], stack, SIZES["tiny"], tmp_path)}
    assert found["spread.rows_per_second.3x2"] > 0
    assert found["spread.cpu_milliseconds.ingestors.3x2"] > 0
    # A server's clock has ticks of 10 ms, and may have spent none on so little.
    assert all(found[f"spread.cpu_milliseconds.{who}.3x2"] >= 0 for who in ("kafka", "namenode", "datanode"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_figure_of_the_page_on_scaling_is_measured(stack: Stack, tmp_path: Path) -> None:
    found = {figure.name: figure.value for figure in run(["capacity"], stack, SIZES["tiny"], tmp_path)}
    named = set(re.findall(r"`(capacity\.[\w.]+)`", (PROJECT / "docs" / "scaling.md").read_text()))
    assert len(named) > 10 and named - set(found) == set()
    assert 4000 <= found["capacity.namenode.objects.slow"] < 4500, (
        "two files and two blocks a batch, and new folders at midnight"
    )
    assert all(value > 0 for value in found.values())


def test_a_figure_is_written_with_median_and_spread_and_takes_the_place_of_one_of_its_name(tmp_path: Path) -> None:
    out = tmp_path / "new" / "bench.json"
    for figure in (Figure("a", "s", (9.0,)), Figure("b", "s", (1.0, 5.0, 2.0)), Figure("a", "s", (3.0,))):
        keep(figure, out)
    assert json.loads(out.read_text()) == [
        {"name": "b", "value": 2.0, "unit": "s", "low": 1.0, "high": 5.0, "runs": 3},
        {"name": "a", "value": 3.0, "unit": "s", "low": 3.0, "high": 3.0, "runs": 1},
    ]


def test_every_figure_is_measured_at_least_three_times() -> None:
    assert all(size.runs >= 3 for name, size in SIZES.items() if name != "tiny")
