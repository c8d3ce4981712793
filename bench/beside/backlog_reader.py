"""What the loops beside the ingestor share: where to read, where to write, and how much."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from hdfs import InsecureClient
from pydantic import Field

from acidwatch.broker.connection import client_options
from acidwatch.settings import HdfsSettings, KafkaSettings


class LoopSettings(KafkaSettings, HdfsSettings):
    """Of a loop that reads the topic of batches."""

    bench_batches: int = Field(gt=0, description="records to read before it ends")
    bench_group: str = Field(description="consumer group")


@asynccontextmanager
async def consumer_of(settings: LoopSettings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer from the beginning of the topic, which commits when it is told."""
    consumer = AIOKafkaConsumer(
        settings.topic_batches,
        **client_options(settings),
        group_id=settings.bench_group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


def hdfs_of(settings: LoopSettings) -> InsecureClient:
    """A client of HDFS below the folder of this run."""
    return InsecureClient(settings.hdfs_url, user=settings.hdfs_user, root=settings.hdfs_root)
