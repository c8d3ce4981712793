"""The live job killed at each step of a trigger, and servers taken from under it: started again it shows what pandas says."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import psycopg
import pytest

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.broker.send import Record
from acidwatch.settings import HdfsSettings
from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from jobs.spark.live.job import CHECKPOINT
from tests.e2e.test_live import BUSY, accepted_rows, check_figures, send
from tests.support.deployment import Deployment, Process, until
from tests.support.live_with_kills import LIVE_KILL_POINTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

BATCHES = 40
TRUNCATE = "TRUNCATE metrics.live_state, metrics.live_batch, metrics.live_sample, metrics.live_site, metrics.alerts"


@pytest.fixture(scope="module")
def made(deployment: Deployment) -> Iterator[Generated]:
    """A workbook with a broken batch, sent twice and recorded."""
    services = [deployment.start("ingestor", group_records="10"), deployment.start("versioner")]  # several files
    made = deployment.generate(BATCHES * 100, seed=3, broken=("range@2",))
    deployment.load_reference(made)
    for _ in range(2):
        deployment.send(made.samples)
    deployment.cli("wait", "--timeout", "240s")
    for service in services:
        service.stop()
    yield made
    deployment.stop_all()


@pytest.fixture(autouse=True)
def from_the_beginning(deployment: Deployment, made: Generated) -> Iterator[None]:
    """No live tables and no checkpoint."""
    forget(deployment)
    yield
    deployment.stop_all()


def forget(deployment: Deployment) -> None:
    """All that the live job knows."""
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(TRUNCATE)
    archive(deployment).delete(CHECKPOINT)


def archive(deployment: Deployment) -> HdfsStore:
    """What is on HDFS."""
    root = deployment.env["ACIDWATCH_HDFS_ROOT"]
    return HdfsStore(HdfsSettings(hdfs_url=deployment.env["ACIDWATCH_HDFS_URL"], hdfs_root=root))


def alerts(deployment: Deployment) -> set[str]:
    """Ids of those that were raised."""
    return {alert for (alert,) in deployment.query("SELECT alert_id FROM metrics.alerts")}


def check(deployment: Deployment, made: Generated) -> None:
    """The live values are those of the accepted rows, and every alert is on the topic."""
    check_figures(deployment, accepted_rows(made, made.samples))
    assert deployment.query("SELECT count(*) FROM metrics.alerts WHERE published_at IS NULL") == [(0,)]
    sent = {dict(record.headers)["ce_id"].decode() for record in deployment.records("ACIDWATCH_TOPIC_ALERTS")}
    assert alerts(deployment)
    assert alerts(deployment) <= sent


def test_the_live_job_killed_at_each_step_of_a_trigger_and_started_again_counts_each_batch_once(
    deployment: Deployment, made: Generated
) -> None:
    """Each goes on where the one before it was killed, and the alerts are those of a job that nobody killed."""
    slowly = {"ACIDWATCH_LIVE_RECORDS": "2"}
    undisturbed = deployment.run("job", "live", "--once", env=slowly, seconds=BUSY)
    assert undisturbed.returncode == 0, undisturbed.stderr[-3000:]
    due = alerts(deployment)
    forget(deployment)
    for point in LIVE_KILL_POINTS:
        victim = deployment.start("live", kill_at=point, live_records="2")
        assert victim.popen.wait(BUSY) == -signal.SIGKILL, f"{point}: {victim.output[-3000:]}"
    ((taken,),) = deployment.query("SELECT count(*) FROM metrics.live_batch")
    assert 0 < taken < BATCHES - 1, "the last one was killed in mid-run"
    done = deployment.run("job", "live", "--once", env=slowly, seconds=BUSY)
    assert done.returncode == 0, done.stderr[-3000:]
    check(deployment, made)
    assert alerts(deployment) == due


def test_lost_and_damaged_files_of_the_archive_keep_out_their_own_batches_until_they_are_back(
    deployment: Deployment, made: Generated
) -> None:
    """The topic has nothing new for the job's checkpoint, so all comes from the archive."""
    assert deployment.run("job", "live", "--once", seconds=BUSY).returncode == 0
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(TRUNCATE)
    files = deployment.query(
        "SELECT path, count(*) FROM ledger.files JOIN ledger.file_batches f USING (file_id) WHERE f.zone = 'clean' GROUP BY path"
        " ORDER BY path"
    )
    (lost, _), (damaged, _), *_ = files
    store = archive(deployment)
    kept = {path: store.read(path) for path in (lost, damaged)}
    for path in kept:
        store.delete(path)
    store.publish(damaged, b"PAR1 no more")
    done = deployment.run("job", "live", "--once", seconds=BUSY)
    assert done.returncode == 1, done.stderr[-3000:]
    assert "batches were left out" in done.stderr
    assert lost in done.stderr
    assert damaged in done.stderr
    ((taken,),) = deployment.query("SELECT count(*) FROM metrics.live_batch")
    assert taken == sum(count for path, count in files if path not in kept)
    store.delete(damaged)
    for path, content in kept.items():
        store.publish(path, content)
    assert deployment.run("job", "live", "--once", seconds=BUSY).returncode == 0
    check(deployment, made)


def said(job: Process) -> str:
    """For what the job said last that it waits."""
    assert job.popen.poll() is None, job.output[-3000:]
    reasons = [event["reason"] for event in job.events if event["event"] == "waiting"]
    return reasons[-1] if reasons else ""


def test_servers_that_go_away_one_after_the_other_are_waited_for_by_the_live_job(
    deployment: Deployment, stack: Stack, made: Generated
) -> None:
    job = deployment.start("live", live_records="3", live_verdict_seconds="0")
    job.wait_ready(BUSY)
    for name, server in (("PostgreSQL", stack.postgres), ("Kafka", stack.kafka), ("HDFS", stack.namenode)):
        server.stop()
        if server is stack.namenode:
            send(deployment, Record("", None, b"something new, or there is nothing to note on HDFS", []))
        until(lambda name=name: said(job).startswith(name), f"the job to say that it waits for {name}", BUSY)
        server.start()
        job.wait_ready(BUSY)
    until(lambda: deployment.query("SELECT count(*) FROM metrics.live_batch") == [(BATCHES - 1,)], "all batches", BUSY)
    assert job.stop() == 0
    check(deployment, made)
