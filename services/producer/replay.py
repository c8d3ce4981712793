"""Replay a workbook onto the topic, batch by batch, as an instrument would have sent it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import UnusableInputError
from acidwatch.telemetry.metrics import BATCHES_SENT
from services.producer.plan import Plan

AT_ONCE = 50
"""Batches sent before their confirmations are waited for, when there is no interval."""


async def replay(
    plan: Plan,
    sender: ConfirmedSender,
    topic: str,
    *,
    interval_seconds: float,
    from_batch: int,
    source_time: datetime,
    now: Callable[[], datetime],
    stop: asyncio.Event,
    confirmed: Callable[[int], None],
    most_bytes: int,
) -> int:
    """Send the batches from `from_batch` on, until the last one or until `stop` is set; returns the index of the next one.

    `confirmed` is called with that index whenever the broker has confirmed what was sent.

    Raises:
        UnusableInputError: A batch is larger than the topic takes (`most_bytes`); nothing was sent.
        DependencyAwayError: The broker did not confirm; batches from the last `confirmed` on may be sent again.
    """
    for number, record in enumerate(
        plan.records(topic, source_time, now(), from_batch, plan.batches), start=from_batch
    ):
        if why_not := record.why_not(most_bytes):
            raise UnusableInputError(
                f"{plan.table.path}: batch {number} can't be sent, {why_not}; are whole files pasted into cells? else send it with a "
                "smaller --batch-size"
            )
    index = from_batch
    step = AT_ONCE if interval_seconds <= 0 else 1
    while index < plan.batches and not stop.is_set():
        last = min(index + step, plan.batches)
        await sender.send(list(plan.records(topic, source_time, now(), index, last)))
        BATCHES_SENT.inc(last - index)
        index = last
        confirmed(index)
        if interval_seconds > 0 and index < plan.batches:
            try:
                await asyncio.wait_for(stop.wait(), timeout=interval_seconds)
            except TimeoutError:
                pass
    return index
