"""Several ingestors on topics of several partitions, all on this machine: what another process brings, and what stands in its way."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from pathlib import Path

from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.settings import KafkaSettings, load
from bench.backlog import send_backlog
from bench.figure import Figure, Measured, figures
from bench.ingest import load_sites
from bench.progress import follow, steady_rows_per_second
from bench.size import Size
from deploy.local.process import with_descendants
from deploy.local.stack import Stack
from tests.support.deployment import Deployment, Process, until

_SETTLE_SECONDS = 5.0

SERVERS = ("kafka", "namenode", "datanode")


def spread(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it, from the first commit to the last; all ingestors are there and hold their first groups before any may go on.

    Returns:
        For P partitions and I ingestors `spread.rows_per_second.PxI`, and the processor time that 10,000 rows take from the ingestors
        together and from each server, `spread.cpu_milliseconds.WHO.PxI`.
    """
    found = []
    for partitions in size.spread_partitions:
        deployment = Deployment(stack, f"spread_{partitions}", folder)
        deployment.env["ACIDWATCH_TOPIC_PARTITIONS"] = str(partitions)
        try:
            deployment.initialise()
            asyncio.run(send_backlog(load(KafkaSettings, **deployment.settings()), size.spread_batches))
            for ingestors in size.spread_ingestors:
                runs = [
                    _run(deployment, f"by{ingestors}run{number}", ingestors, size.spread_batches)
                    for number in range(size.runs)
                ]
                found += figures(runs, f".{partitions}x{ingestors}")
        finally:
            deployment.stop_all()
    return found


def _run(deployment: Deployment, run: str, ingestors: int, batches: int) -> Measured:
    root = f"{deployment.env['ACIDWATCH_HDFS_ROOT']}/{run}"
    load_sites(deployment, root)
    kafka = load(KafkaSettings, **deployment.settings())
    where = {"ACIDWATCH_HDFS_ROOT": root}
    deployment.cli("ingest", "pause", "-m", "until all are there", "--yes", env=where)
    processes = [deployment.start("ingestor", group_prefix=run, hdfs_root=root) for _ in range(ingestors)]
    for process in processes:
        until(partial(_waits, process), "the ingestors to be there", 300.0)
    time.sleep(_SETTLE_SECONDS)  # the group shares the partitions out once more for whoever came last
    before = {name: _cpu_seconds(_pid(deployment.stack, name)) for name in SERVERS}
    begun = sum(_cpu_seconds(process.popen.pid) for process in processes)
    deployment.cli("ingest", "resume", "-m", "all are there", "--yes", env=where)

    def alive() -> bool:
        for process in processes:
            if process.popen.poll() is not None:
                raise RuntimeError(f"an ingestor ended with {process.popen.returncode}:\n{process.output[-3000:]}")
        return True

    points = asyncio.run(follow(kafka, f"{run}-ingestor", kafka.topic_batches, batches, BATCH_ROWS, alive))
    spent = {name: _cpu_seconds(_pid(deployment.stack, name)) - seconds for name, seconds in before.items()}
    spent["ingestors"] = sum(_cpu_seconds(process.popen.pid) for process in processes) - begun
    for process in processes:
        if (code := process.stop()) != 0:
            raise RuntimeError(f"an ingestor ended with {code}:\n{process.output[-3000:]}")
    found: Measured = {("spread.rows_per_second", "rows/s"): steady_rows_per_second(points)}
    for name, seconds in spent.items():
        found[f"spread.cpu_milliseconds.{name}", "ms/10k rows"] = seconds * 1000 / (batches * BATCH_ROWS / 10_000)
    return found


def _waits(process: Process) -> bool:
    """Whether it is up: ready without a partition, or kept from going on."""
    status, text = process.get("/readyz")
    return status == 200 or "flood" in text


def _pid(stack: Stack, server: str) -> int:
    pid = next(one.child.pid for one in stack.servers if one.name == server)
    if pid is None:
        raise RuntimeError(f"{server} does not run")
    return pid


def _cpu_seconds(pid: int) -> float:
    """Processor time of a process and all below it, so far."""
    times = [process.cpu_times() for process in with_descendants(pid)]
    return sum(one.user + one.system for one in times)
