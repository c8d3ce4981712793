"""`make up MONITORING=1` with a job beside it: a real Prometheus scrapes real processes, and every panel is asked for its data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from acidwatch.workbook.generate import generate
from deploy.local.layout import PROJECT, read_json
from deploy.local.ports import Ports
from deploy.monitoring import config, dashboards
from tests.support.deployment import until
from tests.support.prometheus import Asked

BUSY = 1500.0  # seconds; a quiet machine needs a twentieth
pytestmark = pytest.mark.timeout(2 * BUSY)

BATCHES, REJECTED = 10, 1
PROCESSES = ("producer", "ingestor", "versioner", "metrics-job")
BOARDS = [board.as_json() for board in dashboards.DASHBOARDS]
TARGETS = [
    pytest.param(board, target, id=f"{board['uid']}: {panel['title']} {target['refId']}")
    for board in BOARDS
    for panel in board["panels"]
    for target in panel["targets"]
]


@dataclass(frozen=True)
class Watched:
    """The stack after a run.

    Attributes:
        root: Of the stack.
        env: Settings for commands.
    """

    root: Path
    env: dict[str, str]
    prometheus: Asked

    def cli(self, *arguments: str) -> str:
        """Run a command that must succeed."""
        command = [sys.executable, "-m", "acidwatch.cli", *arguments]
        done = subprocess.run(
            command, env=self.env, cwd=self.root, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.env["ACIDWATCH_DATABASE_URL"]) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]


def local(*arguments: str, **more: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(PROJECT), **more}
    command = [sys.executable, "-m", "deploy.local", *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def watched(prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Workbooks through the drop folder, one batch of them broken, and a scheduled Spark job, all of it scraped."""
    root = tmp_path_factory.mktemp("watched") / "stack"
    # A second between batches, so that Prometheus sees the counters rise.
    local("up", "--root", str(root), "--services", "--monitoring", ACIDWATCH_INTERVAL_SECONDS="1")
    job: subprocess.Popen[bytes] | None = None
    try:
        lines = (root / "stack.env").read_text().splitlines()
        env = {**os.environ, "PYTHONPATH": str(PROJECT), **dict(line.split("=", 1) for line in lines)}
        stack = Watched(root, env, Asked(f"http://{read_json(root / 'supervisor.json')['servers']['prometheus']}"))
        made = generate(BATCHES * 100, seed=5, out=root / "generated", broken=("range@3",))
        stack.cli("reference", "load", "--sites", str(made.sites), "--methods", str(made.methods))
        until(lambda: stack.prometheus.query("acidwatch_group_batches_count == 0"), "the first scrape")
        shutil.copy(made.samples, root / "drop" / "samples.xlsx")
        until(
            lambda: stack.rows("SELECT newest_version FROM ledger.datasets")[0][0] == BATCHES - REJECTED, "all batches"
        )
        job = scheduled(stack)
        until(lambda: stack.prometheus.query("acidwatch_job_rows > 0"), "the job to end well", BUSY)
        yield stack
    finally:
        if job is not None:
            job.terminate()
            job.wait(60)
        local("down", "--root", str(root))


def scheduled(stack: Watched) -> subprocess.Popen[bytes]:
    """The job on a schedule, with a port for its health pages, added to those that are scraped as docs/monitoring.md says."""
    port = Ports(stack.root / "job-ports.json").get("metrics-job")
    path = stack.root / "conf" / "prometheus" / "targets.json"
    targets = json.loads(path.read_text())
    targets.append({"targets": [f"127.0.0.1:{port}"], "labels": {"process": "metrics-job"}})
    path.write_text(json.dumps(targets))
    with (stack.root / "logs" / "job.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "jobs.spark", "metrics", "--schedule", "*/30 * * * * *"],
            env={**stack.env, "ACIDWATCH_HEALTH_PORT": str(port), "ACIDWATCH_SPARK_SHUFFLE_PARTITIONS": "1"},
            cwd=stack.root,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def test_prometheus_scrapes_every_process(watched: Watched) -> None:
    assert watched.prometheus.targets() == dict.fromkeys(PROCESSES, "up")
    documented = json.loads((config.FOLDER / "targets.json").read_text())
    assert {group["labels"]["process"] for group in documented} == set(PROCESSES)


def test_the_rules_are_evaluated_without_an_error_and_only_the_rejected_batch_is_told(watched: Watched) -> None:
    rules = [rule for group in watched.prometheus.api("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    assert watched.prometheus.firing() <= {"AcidwatchDeadLettersArriving"}
    assert watched.prometheus.query('ALERTS{alertname="AcidwatchProcessMissing"}') == [], "not even pending"


def test_every_metric_that_a_rule_or_panel_names_is_served_by_a_process(watched: Watched) -> None:
    asked = json.dumps(BOARDS) + "".join(re.sub(r"#.*", "", path.read_text()) for path in config.RULES)
    named = set(re.findall(r"acidwatch_[a-z0-9_]+", asked))
    served = set(watched.prometheus.api("label/__name__/values"))
    assert named - served == set()


def test_the_numbers_are_those_of_what_was_sent(watched: Watched) -> None:
    def value(query: str) -> float:
        ((series),) = watched.prometheus.query(query)
        return float(series["value"][1])

    accepted = BATCHES - REJECTED
    assert value("sum(acidwatch_batches_sent_total)") == BATCHES
    assert value('sum(acidwatch_batches_total{verdict="rejected"})') == REJECTED
    assert value("sum(acidwatch_rows_total)") == value("max(acidwatch_job_rows)") + 100 * REJECTED == 100 * BATCHES
    assert value("sum(acidwatch_visible_seconds_count)") == value("max(acidwatch_dataset_version)") == accepted
    assert value('max(acidwatch_dead_letters{state="published"})') == 1
    assert value("sum(acidwatch:lag_records:sum)") == value("sum(acidwatch_oldest_unacknowledged_seconds)") == 0
    # The versioner asks now and then, and is then scraped: the job's own numbers are there before.
    until(lambda: value("max(acidwatch_results_behind_seconds)") == 0, "the versioner to see the job's run", 120)
    until(
        lambda: value("max(acidwatch_not_backed_up_seconds)") > 0, "the backup to be missed that nobody has made", 120
    )
    files = watched.rows("SELECT zone, count(*), sum(bytes) FROM ledger.files GROUP BY zone")
    for zone, count, size in files:
        assert value(f'acidwatch_hdfs_files_total{{zone="{zone}"}}') == count
        assert value(f'acidwatch_hdfs_written_bytes_total{{zone="{zone}"}}') == size
    with urllib.request.urlopen(f"{watched.env['ACIDWATCH_VERSIONER_HEALTH']}/metrics", timeout=20) as answer:
        assert 'acidwatch_visible_seconds_bucket{le="60.0"} ' in answer.read().decode()


@pytest.fixture(scope="module")
def chosen(watched: Watched) -> dict[str, str]:
    """What Grafana would put in for the variables when all is chosen, in their order: one may ask for those before it."""
    values: dict[str, str] = {}
    for board in BOARDS:
        for variable in board["templating"]["list"]:
            found = [row[0] for row in watched.rows(with_values(variable["query"], values))]
            assert found, variable["name"]
            values[variable["name"]] = ", ".join("'" + one.replace("'", "''") + "'" for one in found)
    return values


def with_values(query: str, values: dict[str, str]) -> str:
    """A query with the chosen values and with times that hold the whole run."""
    for name, value in values.items():
        query = query.replace(f"${{{name}:sqlstring}}", value)
    query = query.replace("$__rate_interval", "30m").replace("$__range", "30m")
    assert "$" not in query
    return query


@pytest.mark.parametrize(("board", "target"), TARGETS)
def test_what_a_panel_asks_is_answered_with_data(
    watched: Watched, chosen: dict[str, str], board: dict[str, Any], target: dict[str, Any]
) -> None:
    if target["datasource"]["uid"] == "prometheus":
        series = watched.prometheus.query(with_values(target["expr"], chosen))
        assert series
        assert any(one["value"][1] != "NaN" for one in series), target["expr"]
        return
    rows = watched.rows(with_values(target["rawSql"], chosen))
    assert rows, target["rawSql"]
    assert any(value is not None for row in rows for value in row[1:]), target["rawSql"]
