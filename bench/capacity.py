"""What a batch costs in each server, and how much a process does a second: the figures of docs/scaling.md."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import requests

from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.settings import KafkaSettings, load
from acidwatch.workbook.generate import Generated, generate
from bench.figure import Figure, Measured, figures
from bench.progress import follow, peak_mib, steady_rows_per_second
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import Deployment, Process, until

MOST_BATCHES = 2000
SLOW_BATCHES = 20
LONG = 1800.0


def capacity(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it, each run with topics, folder and database of its own. The metrics job is measured in bench/job.py.

    Raises:
        RuntimeError: Rows were lost: the figures would be worthless.
    """
    batches = min(size.ingest_batches, MOST_BATCHES)
    made = generate(batches * BATCH_ROWS, 1, folder / "backlog")
    slow = generate(SLOW_BATCHES * BATCH_ROWS, 2, folder / "slow")
    runs: list[Measured] = []
    for number in range(size.runs):
        own = folder / f"run-{number}"
        own.mkdir()
        deployment = Deployment(stack, f"capacity_{number}", own)
        try:
            deployment.initialise()
            deployment.load_reference(made)
            found = _backlog(deployment, made, batches) | _versions(deployment, batches)
            found |= _traffic_that_is_slow(deployment, slow)
        finally:
            deployment.stop_all()
        runs.append(found)
    return figures(runs)


def _backlog(deployment: Deployment, made: Generated, batches: int) -> Measured:
    """One ingestor on a topic that is full before it starts: full groups."""
    before = _namenode_objects(deployment.stack)
    deployment.send(made.samples)
    topic = deployment.env["ACIDWATCH_TOPIC_BATCHES"]
    kafka = load(KafkaSettings, kafka_bootstrap=deployment.stack.kafka_bootstrap)
    ingestor = deployment.start("ingestor")
    alive = follow(
        kafka, f"{deployment.name}-ingestor", topic, batches, BATCH_ROWS, lambda: ingestor.popen.poll() is None
    )
    rate, memory = steady_rows_per_second(asyncio.run(alive)), peak_mib(ingestor.popen.pid)
    ingestor.stop()
    objects = _namenode_objects(deployment.stack) - before
    return {
        ("capacity.ingestor.rows_per_second", "rows/s"): rate,
        ("capacity.ingestor.peak_mib", "MiB"): memory,
        ("capacity.kafka.batches", "B/batch"): _log_bytes(deployment.stack, topic) / batches,
        ("capacity.kafka.outcomes", "B/batch"): _log_bytes(deployment.stack, f"{topic}.outcomes") / batches,
        ("capacity.namenode.objects.backlog", "/1000 batches"): objects / (batches / 1000),
    }


def _versions(deployment: Deployment, batches: int) -> Measured:
    """One versioner on the outcomes of that backlog, and what these versions take in PostgreSQL and on HDFS."""
    empty = dict(_table_bytes(deployment))
    versioner = deployment.start("versioner")
    until(lambda: deployment.query("SELECT newest_version FROM ledger.datasets") == [(batches,)], "versions", LONG)
    memory = peak_mib(versioner.popen.pid)
    versioner.stop()
    ((rows,),) = deployment.query("SELECT rows FROM ledger.datasets")
    if rows != batches * BATCH_ROWS:
        raise RuntimeError(f"{batches} batches made {rows} rows")
    groups = _events(versioner, "group recorded")
    busy = sum(float(group["seconds"]) for group in groups)
    found = {
        ("capacity.versioner.versions_per_second", "versions/s"): batches / busy,
        ("capacity.versioner.peak_mib", "MiB"): memory,
    }
    for zone, size in deployment.query("SELECT zone, sum(bytes)::float8 FROM ledger.files GROUP BY zone ORDER BY zone"):
        found[f"capacity.hdfs.{zone}", "B/batch"] = size / batches
    grown = {name: size - empty[name] for name, size in _table_bytes(deployment)}
    for name, size in sorted(grown.items(), key=lambda pair: -pair[1]):
        if size > 0:
            found[f"capacity.postgres.{name}", "B/batch"] = size / batches
    found["capacity.postgres.ledger", "B/batch"] = sum(grown.values()) / batches
    return found


def _traffic_that_is_slow(deployment: Deployment, slow: Generated) -> Measured:
    """What comes so slowly that each batch is a group of its own."""
    before = _namenode_objects(deployment.stack)
    deployment.send(slow.samples)
    ingestor = deployment.start("ingestor", group_records="1")
    until(lambda: len(_events(ingestor, "group committed")) == SLOW_BATCHES, "the slow batches to be read", LONG)
    page = ingestor.get("/metrics")[1]
    ingestor.stop()
    found = {
        ("capacity.namenode.objects.slow", "/1000 batches"): (_namenode_objects(deployment.stack) - before)
        / (SLOW_BATCHES / 1000)
    }
    for zone in ("raw", "clean"):
        name = f'acidwatch_hdfs_written_bytes_total{{zone="{zone}"}}'
        (written,) = [float(line.split()[-1]) for line in page.splitlines() if line.startswith(name)]
        found[f"capacity.hdfs.{zone}.slow", "B/batch"] = written / SLOW_BATCHES
    return found


def _events(process: Process, name: str) -> list[dict[str, str]]:
    if process.popen.poll() not in (None, 0):
        raise RuntimeError(f"{process.name} ended: {process.output[-2000:]}")
    return [event for event in process.events if event["event"] == name]


def _namenode_objects(stack: Stack) -> int:
    """Files, folders and blocks: what the NameNode keeps in memory, each about 150 bytes."""
    # Not the bean FSNamesystem, whose numbers are up to ten seconds old.
    bean = requests.get(
        f"{stack.hdfs_url}/jmx", params={"qry": "Hadoop:service=NameNode,name=FSNamesystemState"}, timeout=20
    ).json()["beans"][0]
    return int(bean["FilesTotal"]) + int(bean["BlocksTotal"])


def _log_bytes(stack: Stack, topic: str) -> int:
    """Of a topic's segments on the broker's disk."""
    folders = (stack.layout.data / "kafka" / "content").glob(f"{topic}-[0-9]")
    return sum(log.stat().st_size for folder in folders for log in folder.glob("*.log"))


def _table_bytes(deployment: Deployment) -> Iterator[tuple[str, int]]:
    """Each table with its indexes."""
    query = "SELECT tablename, pg_total_relation_size(format('%I.%I', schemaname, tablename)) FROM pg_tables WHERE schemaname = 'ledger'"
    with psycopg.connect(deployment.database_url) as connection:
        yield from connection.execute(query).fetchall()
