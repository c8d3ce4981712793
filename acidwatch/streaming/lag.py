"""How many records of each assigned partition are not committed yet, asked of the broker so that it grows while nothing is read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from acidwatch.telemetry.metrics import LAG_RECORDS

_LOOK_SECONDS = 5.0


async def keep_measuring(app: Any) -> None:
    """Measure until cancelled. A look that fails is repeated: whether Kafka is away others say."""
    log = structlog.get_logger(__name__)
    shown: set[Any] = set()
    while True:
        try:
            shown = show(await measure(app.consumer), shown)
        except Exception:
            log.debug("the lag could not be measured", exc_info=True)
        await asyncio.sleep(_LOOK_SECONDS)


async def measure(consumer: Any) -> dict[Any, int]:
    """Records by topic-partition that lie behind what is committed; where nothing was committed, all that there are."""
    assigned = tuple(consumer.assignment())
    if not assigned:
        return {}
    ends = await consumer.highwaters(*assigned)
    committed = {tp: consumer._committed_offset[tp] for tp in assigned}
    never = [tp for tp, offset in committed.items() if offset is None]
    begins = await consumer.earliest_offsets(*never) if never else {}
    return {tp: max(end - (begins[tp] if committed[tp] is None else committed[tp]), 0) for tp, end in ends.items()}


def show(lag: Mapping[Any, int], shown: Iterable[Any]) -> set[Any]:
    """Set the gauges; a partition that another process has by now is no longer shown here. Returns those that are."""
    for tp in set(shown) - set(lag):
        LAG_RECORDS.remove(tp.topic, tp.partition)
    for tp, records in lag.items():
        LAG_RECORDS.labels(tp.topic, tp.partition).set(records)
    return set(lag)
