"""How far a process is with a backlog, seen from outside: the offsets that it has committed, and the memory that it has taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from acidwatch.broker.connection import client_options
from acidwatch.broker.topics import NO_COORDINATOR_YET
from acidwatch.settings import KafkaSettings

_LOOK_SECONDS = 0.05
_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Point:
    """At this time (monotonic seconds) so many rows were done."""

    seconds: float
    rows: int


def steady_rows_per_second(points: Sequence[Point]) -> float:
    """Rows a second from the first rows done to the last, without the start of the process; with it where all were done at once."""
    first, last = points[1 if len(points) > 2 else 0], points[-1]
    return (last.rows - first.rows) / (last.seconds - first.seconds)


async def follow(
    settings: KafkaSettings,
    group: str,
    topic: str,
    batches: int,
    batch_rows: int,
    alive: Callable[[], bool],
    done: int = 0,
) -> list[Point]:
    """Now, and a point whenever more are committed, until so many records of the topic are.

    Args:
        settings: Of Kafka.
        group: Consumer group.
        topic: What it reads.
        batches: Records of the topic after which it is done.
        batch_rows: Rows in each.
        alive: Whether the process has not failed.
        done: Records that were committed before.

    Raises:
        RuntimeError: The process ended before, or an hour was not enough.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    points = [Point(time.monotonic(), done * batch_rows)]
    end = time.monotonic() + _LONGEST_SECONDS
    try:
        while points[-1].rows < batches * batch_rows:
            if time.monotonic() > end or not alive():
                raise RuntimeError(f"{group} has ended, or takes too long: {points[-1:]}")
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                offsets = await admin.list_consumer_group_offsets(group)
            except NO_COORDINATOR_YET:
                continue  # the broker makes its topic for offsets when the first group comes
            rows = sum(max(found.offset, 0) for place, found in offsets.items() if place.topic == topic) * batch_rows
            if rows > points[-1].rows:
                points.append(Point(time.monotonic(), rows))
    finally:
        await admin.close()
    return points


def peak_mib(pid: int) -> float:
    """The most memory that a running process has had, MiB (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {pid} has ended, or is no process of Linux")
