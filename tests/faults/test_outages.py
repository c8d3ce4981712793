"""Servers taken away in mid-run: the pipeline waits, says so, rejects nothing, and goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from tests.faults.conftest import check_exactly_once
from tests.support.deployment import Deployment, Process, until

SMALL = {"group_records": "4", "group_seconds": "0.05", "retry_most_seconds": "2"}


def start_both(deployment: Deployment, **settings: str) -> tuple[Process, Process]:
    both = deployment.start("ingestor", **{**SMALL, **settings}), deployment.start("versioner", **{**SMALL, **settings})
    for process in both:
        process.wait_ready()
    return both


@pytest.mark.parametrize("server", ["namenode", pytest.param("datanode", marks=pytest.mark.slow), "postgres"])
def test_a_server_that_goes_away_pauses_the_pipeline_and_loses_nothing(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated], server: str
) -> None:
    made = workbooks({"namenode": 31, "datanode": 32, "postgres": 33}[server])
    ingestor, versioner = start_both(deployment)
    waiting = versioner if server == "postgres" else ingestor
    getattr(stack, server).kill()
    deployment.send(made.samples, "--batch-size", "10")
    until(lambda: any(e["event"] == "paused: a dependency is away" for e in waiting.events), "the pause to be logged")
    status, body = waiting.get("/readyz")
    assert status == 503
    assert ("PostgreSQL" if server == "postgres" else "HDFS") in body
    assert waiting.get("/healthz")[0] == 200
    getattr(stack, server).start()
    check_exactly_once(deployment, made)
    waiting.wait_ready()
    assert ingestor.stop() == 0
    assert versioner.stop() == 0


def test_a_broker_that_goes_away_pauses_everything_and_loses_nothing(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(34)
    ingestor, versioner = start_both(deployment)
    deployment.send(made.samples, "--batch-size", "10")
    until(lambda: any(e["event"] == "group committed" for e in ingestor.events), "a group to be committed")
    stack.kafka.kill()
    until(lambda: ingestor.get("/readyz")[0] == 503, "the ingestor to say that it is not ready")
    assert ingestor.get("/healthz")[0] == 200
    stack.kafka.start()
    check_exactly_once(deployment, made)
    assert ingestor.popen.poll() is None, "it went on by itself"
    assert versioner.popen.poll() is None
    assert len(ingestor.output) < 500_000, "an outage must not fill the disk with log lines"


@pytest.mark.parametrize(
    ("server", "named"),
    [
        ("namenode", "HDFS"),
        pytest.param("datanode", "HDFS", marks=pytest.mark.slow),
        pytest.param("kafka", "Kafka", marks=pytest.mark.slow),
        ("postgres", "PostgreSQL"),
    ],
)
def test_a_server_that_hangs_instead_of_refusing_is_waited_for_too(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated], server: str, named: str
) -> None:
    made = workbooks({"namenode": 35, "datanode": 38, "kafka": 39, "postgres": 40}[server])
    hasty = {"hdfs_timeout_seconds": "2", "database_timeout_seconds": "2", "kafka_timeout_seconds": "4"}
    # A hang is noticed within two of these timeouts; the stall limit is longer than that, as it is by default.
    both = start_both(deployment, stall_seconds="15", **hasty)
    waiting = both[1] if server == "postgres" else both[0]
    deployment.send(made.samples, "--batch-size", "10", "--from-batch", "50")
    until(lambda: all(any(e["event"].startswith("group") for e in each.events) for each in both), "a group of each")
    # Before the records come, where sending does without the server: a quick service would have nothing left to do.
    if server == "kafka":
        deployment.send(made.samples, "--batch-size", "10")
    getattr(stack, server).freeze()
    if server != "kafka":
        deployment.send(made.samples, "--batch-size", "10")
    until(lambda: named in waiting.get("/readyz")[1], "it to say what it waits for")
    time.sleep(25)  # far beyond the stall limit: the outage is known, so that limit does not count
    assert waiting.popen.poll() is None
    assert waiting.get("/healthz")[0] == 200
    getattr(stack, server).thaw()
    check_exactly_once(deployment, made)
    assert [each.popen.poll() for each in both] == [None, None]


@pytest.mark.slow
def test_an_outage_longer_than_the_stall_limit_does_not_get_the_process_killed(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(36)
    ingestor, _ = start_both(deployment, stall_seconds="3")
    stack.namenode.kill()
    deployment.send(made.samples, "--batch-size", "10")
    paused = until(lambda: [e for e in ingestor.events if e["event"] == "paused: a dependency is away"], "the pause")
    until(lambda: [e for e in ingestor.events if e.get("attempt", 0) >= 8], "many attempts, far beyond three seconds")
    assert paused
    assert ingestor.popen.poll() is None
    stack.namenode.start()
    check_exactly_once(deployment, made)


@pytest.mark.slow
def test_services_wait_for_a_broker_that_is_away_at_the_start(stack: Stack, deployment: Deployment) -> None:
    stack.kafka.kill()
    ingestor = deployment.start("ingestor")
    until(lambda: any(e["event"] == "waiting" for e in ingestor.events), "it to say what it waits for")
    assert ingestor.get("/readyz")[0] == 503
    assert ingestor.get("/healthz")[0] == 200
    stack.kafka.start()
    ingestor.wait_ready()
    assert ingestor.stop() == 0


def test_no_reference_table_is_a_dependency_that_is_away_and_rejects_nothing(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bare = Deployment(stack, "faults_bare", tmp_path_factory.mktemp("bare"))
    bare.initialise()
    try:
        made = bare.generate(200, seed=37)
        ingestor, versioner = bare.start("ingestor", **SMALL), bare.start("versioner", **SMALL)
        bare.send(made.samples)
        until(
            lambda: any("reference" in e.get("reason", "") for e in ingestor.events), "it to ask for reference tables"
        )
        assert "reference tables" in ingestor.get("/readyz")[1]
        bare.load_reference(made)
        bare.cli("wait", "--source", str(made.samples), "--timeout", "240s")
        assert bare.json("status")["batches"] == {"accepted": 2, "rejected": 0, "duplicate": 0, "in_flight": 0}
        assert versioner.stop() == 0
    finally:
        bare.stop_all()
