"""What is on the way: records that a consumer group has still to commit, and whether it has passed a certain point."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from acidwatch.broker.topics import beginning_offsets, committed_offsets, end_offsets
from acidwatch.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class InFlight:
    """Records not yet committed by the ingestor (batches) and by the versioner (outcomes)."""

    batches: int
    outcomes: int

    @property
    def total(self) -> int:
        """Both."""
        return self.batches + self.outcomes


async def remaining(settings: KafkaSettings, service: str, topic: str, ends: dict[int, int]) -> int:
    """Records before `ends` that the service's group has not committed."""
    committed = await committed_offsets(settings, settings.group(service), topic)
    missing = {partition for partition in ends if partition not in committed}
    begins = await beginning_offsets(settings, topic) if missing else {}
    return sum(max(end - committed.get(partition, begins.get(partition, 0)), 0) for partition, end in ends.items())


async def catch_up(settings: KafkaSettings, service: str, topic: str, deadline: float) -> int:
    """Wait until a service's group has committed all that is on a topic now, not what comes later.

    Args:
        deadline: Of `time.monotonic`.

    Returns:
        How many records it had not committed at the deadline.
    """
    ends = await end_offsets(settings, topic)
    while left := await remaining(settings, service, topic, ends):
        if time.monotonic() >= deadline:
            return left
        await asyncio.sleep(0.2)
    return 0


async def in_flight(settings: KafkaSettings) -> InFlight:
    """What is on the way now. Batches are counted first, so that none is overlooked between the two."""
    batches = await remaining(
        settings, "ingestor", settings.topic_batches, await end_offsets(settings, settings.topic_batches)
    )
    outcomes = await remaining(
        settings, "versioner", settings.topic_outcomes, await end_offsets(settings, settings.topic_outcomes)
    )
    return InFlight(batches, outcomes)
