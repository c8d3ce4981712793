"""Reading a workbook of samples, beside pandas with openpyxl; and how soon its first batch is on the topic."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from aiokafka import AIOKafkaConsumer, TopicPartition

from acidwatch.broker.connection import client_options
from acidwatch.broker.topics import end_offsets
from acidwatch.contract.columns import SAMPLES
from acidwatch.settings import KafkaSettings, load
from acidwatch.workbook.generate import generate
from acidwatch.workbook.reader import read_table
from bench.figure import Figure
from bench.size import Size
from deploy.local.stack import Stack
from tests.support.deployment import PROJECT, Deployment

_LONGEST_SECONDS = 120.0


def workbooks(stack: Stack, size: Size, folder: Path) -> list[Figure]:
    """Measure it on a generated workbook.

    Returns:
        `workbook.rows_per_second`, `workbook.times_pandas_openpyxl`, and `send.first_batch_seconds` from the start of the command.
    """
    made = generate(size.workbook_rows, 7, folder / "workbook")
    ours, theirs = [], []
    for _ in range(size.runs):
        ours.append(size.workbook_rows / _seconds(lambda: read_table(made.samples, SAMPLES)))
        theirs.append(size.workbook_rows / _seconds(lambda: pd.read_excel(made.samples, dtype={"SITE_ID": str})))
    deployment = Deployment(stack, "bench_send", folder)
    deployment.initialise()
    deployment.load_reference(made)
    first = [_first_batch(deployment, made.samples) for _ in range(size.runs)]
    return [
        Figure("workbook.rows_per_second", "rows/s", tuple(ours)),
        Figure("workbook.times_pandas_openpyxl", "times", tuple(a / b for a, b in zip(ours, theirs, strict=True))),
        Figure("send.first_batch_seconds", "s", tuple(first)),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _first_batch(deployment: Deployment, workbook: Path) -> float:
    """Seconds from the start of `acidwatch send` until a record is on the topic.

    Raises:
        RuntimeError: It sent nothing.
    """
    return asyncio.run(_until_the_first_record(load(KafkaSettings, **deployment.settings()), deployment, workbook))


async def _until_the_first_record(kafka: KafkaSettings, deployment: Deployment, workbook: Path) -> float:
    last = await end_offsets(kafka, kafka.topic_batches)
    # A reader that is there before: one that asks again and again would take the processor from what is measured.
    consumer = AIOKafkaConsumer(**client_options(kafka))
    await consumer.start()
    consumer.assign([TopicPartition(kafka.topic_batches, partition) for partition in last])
    for partition, offset in last.items():
        consumer.seek(TopicPartition(kafka.topic_batches, partition), offset)
    began = time.monotonic()
    sending = subprocess.Popen(
        [sys.executable, "-m", "acidwatch.cli", "send", str(workbook), "--interval", "60s"],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **deployment.env},
        cwd=deployment.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await asyncio.wait_for(consumer.getone(), _LONGEST_SECONDS)
        return time.monotonic() - began
    except TimeoutError:
        raise RuntimeError(f"acidwatch send {workbook} has sent nothing; it ended with {sending.poll()}") from None
    finally:
        sending.kill()
        sending.wait()
        await consumer.stop()
