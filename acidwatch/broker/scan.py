"""Reading a topic from its beginning to its end, outside of any consumer group: nothing is committed, nobody is disturbed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from acidwatch.broker.anyrecord import read_any_record
from acidwatch.broker.connection import asking_kafka, client_options
from acidwatch.broker.topics import beginning_offsets, end_offsets
from acidwatch.errors import DependencyAwayError
from acidwatch.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class Range:
    """What a topic holds: the first offset that is still there, and the one after the last, of each partition."""

    begins: dict[int, int]
    ends: dict[int, int]

    @property
    def records(self) -> int:
        """How many that are."""
        return sum(end - self.begins[partition] for partition, end in self.ends.items())


async def range_of(settings: KafkaSettings, topic: str) -> Range:
    """What the topic holds now.

    Raises:
        DependencyAwayError: There is no such topic, or no broker answers.
    """
    return Range(await beginning_offsets(settings, topic), await end_offsets(settings, topic))


async def scan(settings: KafkaSettings, topic: str, held: Range) -> AsyncIterator[ConsumerRecord]:
    """The records of a range, each partition in order. What retention removes meanwhile is left out.

    Raises:
        DependencyAwayError: The broker does not answer, or stops sending.
    """
    read_any_record(settings.max_record_bytes)
    left = {TopicPartition(topic, p): end for p, end in held.ends.items() if end > held.begins[p]}
    if not left:
        return
    async with asking_kafka(settings):
        consumer = AIOKafkaConsumer(
            **client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest", check_crcs=True,
            max_partition_fetch_bytes=settings.max_record_bytes,
        )  # fmt: skip
        try:
            await consumer.start()
            consumer.assign(list(left))
            for partition in left:
                consumer.seek(partition, held.begins[partition.partition])
            while left:
                batches = await consumer.getmany(*left, timeout_ms=int(settings.kafka_timeout_seconds * 1000))
                for partition, records in batches.items():
                    for record in records:
                        if record.offset < left[partition]:
                            yield record
                # By position, not by the last record: the end of a range may have been removed, or be no record at all.
                done = [p for p, end in left.items() if await consumer.position(p) >= end]
                if not batches and not done:
                    raise DependencyAwayError("Kafka", settings.kafka_bootstrap, f"it sends nothing more of {topic}")
                for partition in done:
                    del left[partition]
        finally:
            await consumer.stop()
