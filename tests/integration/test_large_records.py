"""Records as large as the topic takes, more than the memory holds: an ingestor reads a few ahead, not all."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from aiokafka import AIOKafkaProducer

from bench.progress import peak_mib
from tests.support.deployment import Deployment, Process, until

RECORDS = 80
VALUE = random.Random(1).randbytes(79 * 1024**2 // 10)  # which no codec makes smaller
CONTAINER_MIB = 768
"""What deploy/ gives an ingestor."""


async def send(deployment: Deployment) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"],
        compression_type="gzip",
        max_request_size=16 << 20,
    )
    await producer.start()
    try:
        for _ in range(RECORDS):
            await producer.send_and_wait(deployment.env["ACIDWATCH_TOPIC_BATCHES"], VALUE)
    finally:
        await producer.stop()


def judged(ingestor: Process) -> int:
    return sum(int(event["batches"]) for event in ingestor.events if event["event"] == "group committed")


@pytest.mark.slow
def test_a_backlog_of_large_records_takes_no_more_memory_than_a_container_has(deployment: Deployment) -> None:
    deployment.load_reference(deployment.generate(100))
    asyncio.run(send(deployment))
    deployment.cli("ingest", "pause", "-m", "until it has read ahead as far as it does", "--yes")
    ingestor = deployment.start("ingestor", flood_share="1")
    until(lambda: ingestor.get("/readyz")[0] == 503 and "paused" in ingestor.get("/readyz")[1], "it to be held back")
    time.sleep(5)  # it could read all of them now
    deployment.cli("ingest", "resume", "-m", "enough", "--yes")
    until(lambda: judged(ingestor) == RECORDS, "all of them to be judged", 240)
    assert peak_mib(ingestor.popen.pid) < CONTAINER_MIB
    assert ingestor.stop() == 0
