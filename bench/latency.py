"""From sent to visible: how long a batch takes from its sending until a version of the dataset shows it, at several rates."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psycopg

from acidwatch.broker.send import ConfirmedSender
from acidwatch.settings import KafkaSettings, load
from bench.backlog import records
from bench.figure import Figure
from bench.ingest import load_sites
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import Deployment

_LOOK_SECONDS = 0.01
_LONGEST_SECONDS = 120.0


def latency(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it.

    Returns:
        `latency.p50_seconds.N`, `.p99_seconds.N` and `.max_seconds.N` at N batches a second.
    """
    deployment = Deployment(stack, "bench_latency", folder)
    try:
        deployment.initialise()
        load_sites(deployment, deployment.env["ACIDWATCH_HDFS_ROOT"])
        for service in ("ingestor", "versioner"):
            deployment.start(service).wait_ready()
        figures = []
        for rate in size.latency_rates:
            runs = [asyncio.run(_run(deployment, rate, size.latency_seconds)) for _ in range(size.runs)]
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
                values = tuple(taken[min(int(share * len(taken)), len(taken) - 1)] for taken in runs)
                figures.append(Figure(f"latency.{name}_seconds.{rate}", "s", values))
        return figures
    finally:
        deployment.stop_all()


async def _run(deployment: Deployment, rate: int, seconds: float) -> list[float]:
    """Send so many batches a second, and wait until all are visible; how long each took, sorted."""
    kafka = load(KafkaSettings, **deployment.settings())
    sender = ConfirmedSender(kafka)
    before = await asyncio.to_thread(_newest, deployment)
    count = max(int(rate * seconds), 1)
    sent: dict[str, float] = {}
    confirming: list[asyncio.Task[object]] = []
    visible = asyncio.create_task(asyncio.to_thread(_when_visible, deployment, before, count))
    began = time.monotonic()
    batches = list(records(kafka.topic_batches, before + count))[before:]  # none of an earlier run
    for number, record in enumerate(batches):
        await asyncio.sleep(max(began + number / rate - time.monotonic(), 0.0))
        sent[(record.key or b"").decode()] = time.monotonic()
        confirming.append(asyncio.create_task(sender.send([record])))
    await asyncio.gather(*confirming)
    seen = await visible
    await sender.close()
    return sorted(seen[batch] - at for batch, at in sent.items())


def _newest(deployment: Deployment) -> int:
    ((version,),) = deployment.query("SELECT newest_version FROM ledger.datasets")
    return int(version)


def _when_visible(deployment: Deployment, before: int, count: int) -> dict[str, float]:
    """When a reader first saw each of the next versions, by their batches, monotonic seconds.

    Raises:
        RuntimeError: They did not come.
    """
    seen: dict[int, float] = {}
    end = time.monotonic() + _LONGEST_SECONDS
    with psycopg.connect(deployment.database_url, autocommit=True) as connection:
        while len(seen) < count:
            ((newest,),) = connection.execute("SELECT newest_version FROM ledger.datasets").fetchall()
            now = time.monotonic()
            for version in range(before + len(seen) + 1, newest + 1):
                seen[version] = now
            if now > end:
                raise RuntimeError(f"only {len(seen)} of {count} batches became visible")
            time.sleep(_LOOK_SECONDS)
        rows = connection.execute("SELECT version, batch_id FROM ledger.versions WHERE version > %s", (before,))
        return {batch_id: seen[version] for version, batch_id in rows.fetchall()}
