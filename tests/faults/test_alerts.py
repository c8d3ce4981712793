"""Alerts on a real Prometheus that scrapes real processes: what they are about happens, they fire; it is put right, they end.

The rules are those of deploy/monitoring with their times divided by 30; by 6 where they are about processes that start again and
again, because a start takes here as long as anywhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from acidwatch.streaming.group import EXIT_UNEXPECTED
from acidwatch.workbook.generate import Generated
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.support.deployment import PROJECT, Deployment, Process, until
from tests.support.prometheus import Asked, prometheus_or_skip, running, shortened
from tests.support.runbook import following

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PROCESSES = ("ingestor", "versioner", "producer", "backup")
FACTOR = 30
FACTOR_OF_STARTS = 6
ABOUT_STARTS = ("AcidwatchConsumerStuck", "AcidwatchRestarts")
QUICK = {"group_seconds": "0.05", "retry_most_seconds": "1"}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where each process serves its metrics, the same for each of its lives."""
    free = Ports(tmp_path_factory.mktemp("ports") / "ports.json")
    return {process: str(free.get(process)) for process in PROCESSES}


@pytest.fixture(scope="module")
def prometheus(ports: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Scrapes and evaluates every two seconds; late is later than 5 s."""

    def rewrite(text: str) -> str:
        text = re.sub(r"(scrape_interval|scrape_timeout|evaluation_interval): \d+s", rf"\1: {FACTOR * 2}s", text)
        text = "".join(shortened(part, factor(part)) for part in re.split(r"(?m)^(?= *- alert: )", text))
        return (
            text.replace('le="60.0"', 'le="5.0"')
            .replace("> 1800", f"> {1800 // FACTOR}")
            .replace("> 10800", "> 10")
            .replace("> 93600", "> 10")
        )

    def factor(part: str) -> int:
        if any(f"alert: {name}\n" in part for name in ABOUT_STARTS):
            return FACTOR_OF_STARTS
        # What was late shows for as long as the short window only: leave time to see it.
        return FACTOR // 3 if "visible_late" in part else FACTOR

    targets = {process: f"127.0.0.1:{port}" for process, port in ports.items()}
    binary = prometheus_or_skip()
    with running(tmp_path_factory.mktemp("prometheus"), binary, targets, rewrite) as asked:
        yield asked


@pytest.fixture
def started(deployment: Deployment, ports: dict[str, str]) -> Callable[..., Process]:
    """Starts a service on its port, and waits until it is ready."""

    def start(name: str, **settings: str) -> Process:
        process = deployment.start(name, health_port=ports[name], **{**QUICK, **settings})
        process.wait_ready()
        return process

    return start


def fires(prometheus: Asked, alert: str, process: str | None = None) -> None:
    until(lambda: alert in prometheus.firing(process), f"{alert} to fire", 240)


def ends(prometheus: Asked, alert: str, process: str | None = None) -> None:
    until(lambda: alert not in prometheus.firing(process), f"{alert} to end", 240)


def test_a_process_that_was_killed_is_told_until_it_is_started_again(
    deployment: Deployment, prometheus: Asked, started: Callable[..., Process]
) -> None:
    folders = {name: str(deployment.folder / name) for name in ("drop_folder", "state_folder")}
    producer = started("producer", **folders)
    until(lambda: prometheus.targets().get("producer") == "up", "the first scrape")
    producer.popen.kill()
    producer.popen.wait()
    fires(prometheus, "AcidwatchProcessDown", "producer")
    started("producer", **folders)
    ends(prometheus, "AcidwatchProcessDown", "producer")


def test_dead_letters_that_arrive_and_those_that_are_parked_are_told(
    deployment: Deployment,
    broken_workbooks: Callable[[int], Generated],
    prometheus: Asked,
    started: Callable[..., Process],
) -> None:
    services = [started(name) for name in ("ingestor", "versioner")]
    until(lambda: prometheus.query("acidwatch_dead_letters_published_total == 0"), "the first scrape")
    deployment.send(broken_workbooks(1).samples, "--batch-size", "10")
    fires(prometheus, "AcidwatchDeadLettersArriving")
    ends(prometheus, "AcidwatchDeadLettersArriving")
    deployment.cli("dlq", "park", "--rule", "range.SO4_UEQ_L", "-m", "asked the laboratory", "--yes")
    fires(prometheus, "AcidwatchLettersParked")
    deployment.cli("dlq", "unpark", "--rule", "range.SO4_UEQ_L", "-m", "they answered", "--yes")
    ends(prometheus, "AcidwatchLettersParked")
    assert all(service.stop() == 0 for service in services)


def test_ingestors_that_a_person_has_paused_are_told(
    deployment: Deployment, prometheus: Asked, started: Callable[..., Process]
) -> None:
    started("ingestor")
    deployment.cli("ingest", "pause", "-m", "maintenance of HDFS", "--yes")
    fires(prometheus, "AcidwatchFloodGuard")
    deployment.cli("ingest", "resume", "-m", "it is over", "--yes")
    ends(prometheus, "AcidwatchFloodGuard")


def test_a_dependency_that_is_away_is_told_and_so_is_the_job_that_fails_without_it(
    stack: Stack,
    deployment: Deployment,
    workbooks: Callable[[int], Generated],
    prometheus: Asked,
    ports: dict[str, str],
    started: Callable[..., Process],
) -> None:
    started("versioner")
    started("ingestor")
    stack.namenode.kill()
    with backups(deployment, ports["backup"]):
        deployment.send(workbooks(2).samples, "--batch-size", "10")
        fires(prometheus, "AcidwatchDependencyAway")
        fires(prometheus, "AcidwatchJobLate")
        stack.namenode.start()
        ends(prometheus, "AcidwatchDependencyAway")
        ends(prometheus, "AcidwatchJobLate")
    deployment.cli("wait", "--timeout", "240s")


class backups:
    """`ledger backup` every five seconds."""

    def __init__(self, deployment: Deployment, port: str) -> None:
        self.log = deployment.folder / "backup.log"
        self.env = {**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env, "ACIDWATCH_HEALTH_PORT": port}
        self.folder = deployment.folder

    def __enter__(self) -> None:
        command = [sys.executable, "-m", "acidwatch.cli", "ledger", "backup", "--schedule", "*/5 * * * * *"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=self.env, cwd=self.folder, stdout=log, stderr=log)

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        assert self.process.wait(60) == 0, Path(self.log).read_text()


class kept_running:
    """A service that is started again each time it ends, as a supervisor does.

    Kafka notices after 10 s that the one before is gone; until then the new one has no partitions.
    """

    def __init__(self, deployment: Deployment, name: str, **settings: str) -> None:
        self.deployment, self.name, self.settings = deployment, name, settings
        self.codes: list[int] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._keep)

    def __enter__(self) -> kept_running:
        self.process = self.deployment.start(self.name, **self.settings)
        self.process.wait_ready()
        self.thread.start()
        return self

    def _keep(self) -> None:
        while not self.over.wait(0.1):
            if (code := self.process.popen.poll()) is not None:
                self.codes.append(code)
                self.process = self.deployment.start(self.name, **self.settings)

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def test_a_versioner_that_hangs_is_told_although_its_watchdog_ends_it_and_that_its_batches_were_late(
    deployment: Deployment,
    workbooks: Callable[[int], Generated],
    prometheus: Asked,
    ports: dict[str, str],
    started: Callable[..., Process],
) -> None:
    """It hangs because somebody holds the row that every writer locks: the database answers, and nothing goes on."""
    started("ingestor")
    hasty = {**QUICK, "health_port": ports["versioner"], "stall_seconds": str(120 // FACTOR_OF_STARTS)}
    with kept_running(deployment, "versioner", **hasty) as versioner:
        with psycopg.connect(deployment.database_url) as holder:
            holder.execute("SELECT 1 FROM ledger.datasets FOR UPDATE")
            deployment.send(workbooks(3).samples, "--batch-size", "10")
            fires(prometheus, "AcidwatchConsumerStuck", "versioner")
            fires(prometheus, "AcidwatchRestarts", "versioner")
            assert set(versioner.codes) == {EXIT_UNEXPECTED}
            # The producer isn't there, but it is a target; no server is away.
            assert prometheus.firing().isdisjoint({"AcidwatchProcessMissing", "AcidwatchDependencyAway"})
            age = 'max_over_time(acidwatch_oldest_unacknowledged_seconds{service="versioner"}[1m])'
            ((oldest),) = prometheus.query(f"max({age})")
            assert float(oldest["value"][1]) > 5
        fires(prometheus, "AcidwatchSlowFast")
        ends(prometheus, "AcidwatchConsumerStuck")
        ends(prometheus, "AcidwatchSlowFast")
        deployment.cli("wait", "--timeout", "240s")


def test_results_that_fall_behind_what_was_accepted_are_told_until_a_run_has_read_it(
    deployment: Deployment,
    workbooks: Callable[[int], Generated],
    prometheus: Asked,
    started: Callable[..., Process],
) -> None:
    started("versioner")
    started("ingestor")
    deployment.send(workbooks(3).samples, "--batch-size", "10")
    deployment.cli("wait", "--timeout", "240s")
    fires(prometheus, "AcidwatchResultsOld")
    deployment.cli("job", "metrics")
    ends(prometheus, "AcidwatchResultsOld")


def test_versions_that_are_in_no_backup_are_told_until_one_is_made(
    deployment: Deployment,
    workbooks: Callable[[int], Generated],
    prometheus: Asked,
    started: Callable[..., Process],
) -> None:
    started("versioner")
    started("ingestor")
    deployment.send(workbooks(4).samples, "--batch-size", "10")
    deployment.cli("wait", "--timeout", "240s")
    fires(prometheus, "AcidwatchBackupOld")
    with following(deployment, "No backup is made") as section:
        section.follow()
    ends(prometheus, "AcidwatchBackupOld")
