"""The metrics job on the real dataset's size and on multiples of it: how long it takes, and the memory of its processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from acidwatch.settings import KafkaSettings, load
from bench.backlog import DISTINCT_ROWS, SEED, send_backlog
from bench.figure import Figure
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import PROJECT, Deployment

_LOOK_SECONDS = 0.1


def job(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it.

    Returns:
        `job.seconds.Nx` of the whole command, and `job.peak_mib.Nx` of Python and JVM together, at N times so many rows.
    """
    figures = []
    for times in size.job_times:
        deployment = Deployment(stack, f"bench_job_{times}", folder)
        try:
            _ingest(deployment, times * size.job_batches)
            runs = [_run(deployment) for _ in range(size.runs)]
        finally:
            deployment.stop_all()
        seconds, peaks = zip(*runs, strict=True)
        figures += [Figure(f"job.seconds.{times}x", "s", seconds), Figure(f"job.peak_mib.{times}x", "MiB", peaks)]
    return figures


def _ingest(deployment: Deployment, batches: int) -> None:
    """Make a dataset of so many batches of different samples, through the whole pipeline."""
    deployment.initialise()
    deployment.load_reference(deployment.generate(DISTINCT_ROWS, SEED))
    asyncio.run(send_backlog(load(KafkaSettings, **deployment.settings()), batches, batches * 100))
    for service in ("ingestor", "versioner"):
        deployment.start(service)
    waited = deployment.run("wait", "--timeout", "60m", seconds=3700)
    if waited.returncode:
        raise RuntimeError(f"not all batches were recorded: {waited.stderr[-2000:]}")
    deployment.stop_all()


def _run(deployment: Deployment) -> tuple[float, float]:
    """Seconds, and the peak of the memory of all processes together, MiB.

    Raises:
        RuntimeError: The job failed.
    """
    began, peak = time.monotonic(), 0.0
    log = deployment.folder / "job.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "acidwatch.cli", "job", "metrics", "--force"],
            env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env},
            cwd=deployment.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None:
            peak = max(peak, _memory_mib(process.pid))
            time.sleep(_LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"the job ended with {process.returncode}:\n{log.read_text(errors='replace')[-3000:]}")
    return time.monotonic() - began, peak


def _memory_mib(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / 1024**2
    except psutil.NoSuchProcess:  # it, or one of its children, has just ended
        return 0.0
