"""The metrics job on the real dataset's size and on multiples of it, beside DuckDB and polars: time, and memory of the processes."""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from acidwatch.contract.batch import BATCH_ROWS
from acidwatch.settings import KafkaSettings, load
from bench.backlog import DISTINCT_ROWS, SEED, send_backlog
from bench.figure import Figure
from bench.peers import TABLES
from bench.peers.dataset import fetch
from bench.size import Size
from deploy.local.stack import Stack
from jobs.spark import publish, results
from tests.support.deployment import PROJECT, Deployment

PEERS = {"duckdb": "bench.peers.duck", "polars": "bench.peers.pole"}
_LOOK_SECONDS = 0.1


def job(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it.

    Returns:
        `job.seconds.Nx` of the whole command, and `job.peak_mib.Nx` of Python and JVM together, at N times so many rows; the same of
        each peer, as `job.PEER_seconds.Nx` and `job.PEER_peak_mib.Nx`; `job.times_PEER.Nx`, how many times as fast as it the job is; and
        the job's own after one more batch, which is of one site or two, as `job.incremental_seconds.Nx` and `job.incremental_peak_mib.Nx`.
    """
    figures = []
    for times in size.job_times:
        deployment = Deployment(stack, f"bench_job_{times}", folder)
        batches = times * size.job_batches
        try:
            deployment.initialise()
            deployment.load_reference(deployment.generate(DISTINCT_ROWS, SEED))
            _ingest(deployment, batches, 0, batches)
            place = folder / f"{times}x"
            fetch(deployment, place)
            runs: dict[str, list[tuple[float, float]]] = {"": [], **{peer: [] for peer in PEERS}, "incremental": []}
            for _ in range(size.runs):
                runs[""].append(_run(deployment, "acidwatch.cli", "job", "metrics", "--force"))
                for peer, module in PEERS.items():
                    runs[peer].append(_run(deployment, module, str(place)))
                    _compare(deployment, place, peer)
            for number in range(1, size.runs + 1):
                _ingest(deployment, batches, batches + number - 1, batches + number)
                runs["incremental"].append(_run(deployment, "acidwatch.cli", "job", "metrics"))
                ((built,),) = deployment.query("SELECT based_on IS NOT NULL FROM olap.run")
                if not built:
                    raise RuntimeError("the run after one more batch computed everything")
        finally:
            deployment.stop_all()
        ours = [seconds for seconds, _ in runs[""]]
        for name, measured in runs.items():
            prefix = f"job.{name}_" if name else "job."
            seconds, peaks = zip(*measured, strict=True)
            figures += [
                Figure(f"{prefix}seconds.{times}x", "s", seconds),
                Figure(f"{prefix}peak_mib.{times}x", "MiB", peaks),
            ]
            if name in PEERS:
                ratios = tuple(theirs / own for theirs, own in zip(seconds, ours, strict=True))
                figures.append(Figure(f"job.times_{name}.{times}x", "ratio", ratios))
    return figures


def _ingest(deployment: Deployment, different: int, first: int, end: int) -> None:
    """Put these batches of a backlog, of which so many are of different samples, through the whole pipeline."""
    kafka = load(KafkaSettings, **deployment.settings())
    asyncio.run(send_backlog(kafka, end, different * BATCH_ROWS, first))
    for service in ("ingestor", "versioner"):
        deployment.start(service)
    waited = deployment.run("wait", "--timeout", "60m", seconds=3700)
    if waited.returncode:
        raise RuntimeError(f"not all batches were recorded: {waited.stderr[-2000:]}")
    deployment.stop_all()


def _run(deployment: Deployment, module: str, *arguments: str) -> tuple[float, float]:
    """Seconds of a command, and the peak of the memory of all its processes together, MiB.

    Raises:
        RuntimeError: It failed.
    """
    began, peak = time.monotonic(), 0.0
    log = deployment.folder / f"{module}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": str(PROJECT), "POLARS_MAX_THREADS": "2", **deployment.env},
            cwd=deployment.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            peak = max(peak, _memory_mib(process.pid))
            time.sleep(_LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}")
    return time.monotonic() - began, peak


def _compare(deployment: Deployment, place: Path, peer: str) -> None:
    """Hold what a peer made against what the job published: a faster engine that makes other numbers is no faster.

    Raises:
        RuntimeError: They differ.
    """
    newest = "run_id = (SELECT max(run_id) FROM metrics.runs)"
    for table in TABLES:
        columns = [name for name in publish.TABLES[table] if name not in ("samples", "ambiguous")]
        keys = results.ORDER[table]
        published = deployment.query(f"SELECT {', '.join(columns)} FROM metrics.{table} WHERE {newest}")
        ours = {_key(dict(zip(columns, row, strict=True)), keys): row for row in published}
        theirs = {
            _key(row, keys): tuple(row[name] for name in columns)
            for row in pq.read_table(place / f"{table}.parquet").to_pylist()
        }
        differing = [key for key in ours.keys() | theirs.keys() if not _equal(ours.get(key), theirs.get(key))]
        if differing:
            first = min(differing, key=str)
            raise RuntimeError(
                f"{peer}: {len(differing)} of {len(ours)} rows of {table} are not as published, such as {first}: "
                f"{theirs.get(first)}, published {ours.get(first)}"
            )


def _key(row: Mapping[str, Any], keys: Sequence[str]) -> tuple[Any, ...]:
    return tuple(row[name] for name in keys)


def _equal(ours: Sequence[Any] | None, theirs: Sequence[Any] | None) -> bool:
    """Whether two rows are equal, numbers but for the last digits, which depend on the order of a sum."""
    if ours is None or theirs is None:
        return False
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(ours, theirs, strict=True)
    )


def _memory_mib(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1024**2
    except psutil.NoSuchProcess:  # it, or one of its children, has just ended
        return 0.0
