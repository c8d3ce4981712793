"""The ingestor on a backlog, beside what people would use instead, on the same records, the same Kafka and the same HDFS.

Rows a second are counted from the first committed offset to the last, for each of them: without the start of the process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.archive.reference import publish_reference
from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.settings import HdfsSettings, KafkaSettings, load
from bench.backlog import reference, send_backlog
from bench.figure import Figure
from bench.progress import Point, follow, peak_mib, steady_rows_per_second
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import PROJECT, Deployment

_ROWS = "rows/s"


def ingest(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it; the runs of all of them take turns.

    Returns:
        `ingest.rows_per_second`, `ingest.times_spark_streaming`, `ingest.share_of_library_floor` (per cent), `ingest.times_row_by_row`,
        `ingest.peak_mib`, and the rows a second of what it is compared with.
    """
    deployment = Deployment(stack, "bench_ingest", folder)
    try:
        return _measure(deployment, size)
    finally:
        deployment.stop_all()


def _measure(deployment: Deployment, size: Size) -> list[Figure]:
    deployment.initialise()
    kafka = load(KafkaSettings, **deployment.settings())
    asyncio.run(send_backlog(kafka, size.ingest_batches))
    ours, spark, floor, naive, peaks = [], [], [], [], []
    for run in range(size.runs):
        rate, peak = _ingestor(deployment, f"run{run}", size.ingest_batches)
        ours.append(rate)
        peaks.append(peak)
        floor.append(_loop(deployment, "floor", f"floor{run}", size.ingest_batches))
        naive.append(_loop(deployment, "naive", f"naive{run}", size.naive_batches))
        spark.append(_spark(deployment, f"spark{run}", size.spark_triggers))
    return [
        Figure("ingest.rows_per_second", _ROWS, tuple(ours)),
        Figure("ingest.times_spark_streaming", "times", _ratios(ours, spark)),
        Figure("ingest.share_of_library_floor", "%", tuple(100 * ratio for ratio in _ratios(ours, floor))),
        Figure("ingest.times_row_by_row", "times", _ratios(ours, naive)),
        Figure("ingest.peak_mib", "MiB", tuple(peaks)),
        Figure("ingest.spark_streaming_rows_per_second", _ROWS, tuple(spark)),
        Figure("ingest.library_floor_rows_per_second", _ROWS, tuple(floor)),
        Figure("ingest.row_by_row_rows_per_second", _ROWS, tuple(naive)),
    ]


def _ratios(ours: list[float], theirs: list[float]) -> tuple[float, ...]:
    return tuple(mine / other for mine, other in zip(ours, theirs, strict=True))


def _ingestor(deployment: Deployment, run: str, batches: int) -> tuple[float, float]:
    """Rows a second, and the peak of its memory in MiB."""
    root = f"{deployment.env['ACIDWATCH_HDFS_ROOT']}/{run}"
    load_sites(deployment, root)
    process = deployment.start("ingestor", group_prefix=run, hdfs_root=root)
    points = _follow(deployment, f"{run}-ingestor", batches, process.popen)
    peak = peak_mib(process.popen.pid)
    if (code := process.stop(signal.SIGTERM)) != 0:
        raise RuntimeError(f"the ingestor ended with {code}:\n{process.output[-3000:]}")
    return steady_rows_per_second(points), peak


def load_sites(deployment: Deployment, root: str) -> None:
    """The sites that the backlog comes from, without the workbooks."""
    store = HdfsStore(load(HdfsSettings, **{**deployment.settings(), "hdfs_root": root}))
    programmes, sites = zip(*sorted(reference().sites), strict=True)
    table = pa.table({"PROGRAM_ID": programmes, "SITE_ID": sites})
    publish_reference(store, {"sites": table}, {"sites.xlsx": b"generated"}, "bench", datetime.now(UTC))


def _loop(deployment: Deployment, name: str, run: str, batches: int) -> float:
    """Rows a second of a loop of bench/beside."""
    with _start(deployment, name, run, bench_group=run, bench_batches=str(batches)) as process:
        return steady_rows_per_second(_follow(deployment, run, batches, process))


def _spark(deployment: Deployment, run: str, triggers: tuple[int, ...]) -> float:
    """Rows a second with the best of the values of maxOffsetsPerTrigger."""
    with _start(deployment, "spark", run, bench_triggers=",".join(map(str, triggers))) as process:
        output, _ = process.communicate(timeout=3600)
    if process.returncode:
        log = (deployment.folder / f"{run}.log").read_text(errors="replace")
        raise RuntimeError(f"Spark ended with {process.returncode}:\n{log[-3000:]}")
    queries: dict[int, list[Point]] = {most: [Point(0.0, 0)] for most in triggers}
    for entry in map(json.loads, output.splitlines()):
        if not entry["warm_up"]:
            queries[entry["trigger"]].append(Point(entry["seconds"], entry["rows"]))
    return max(map(steady_rows_per_second, queries.values()))


def _start(deployment: Deployment, name: str, run: str, **settings: str) -> subprocess.Popen[bytes]:
    extra = {f"ACIDWATCH_{key.upper()}": value for key, value in settings.items()}
    root = f"{deployment.env['ACIDWATCH_HDFS_ROOT']}/{run}"
    log = (deployment.folder / f"{run}.log").open("wb")
    return subprocess.Popen(
        [sys.executable, "-m", f"bench.beside.{name}"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env, **extra, "ACIDWATCH_HDFS_ROOT": root},
        cwd=deployment.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
    )


def _follow(deployment: Deployment, group: str, batches: int, process: subprocess.Popen[bytes]) -> list[Point]:
    kafka = load(KafkaSettings, **deployment.settings())
    return asyncio.run(follow(kafka, group, kafka.topic_batches, batches, BATCH_ROWS, lambda: not process.poll()))
