"""Reading ahead stops at so many bytes, too."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import faust
from mode.utils.queues import FlowControlEvent

from acidwatch.streaming.buffer import BoundedApp, BoundedQueue


def event(size: int) -> Any:
    return SimpleNamespace(message=SimpleNamespace(value=b"x" * size if size else None, key=None, headers=[]))


def queue(most_bytes: int, records: int = 100) -> BoundedQueue:
    flow = FlowControlEvent(initially_suspended=False)
    return BoundedQueue(records, flow_control=flow, clear_on_resume=True, most_bytes=most_bytes)


def test_it_is_full_at_so_many_bytes_or_records_and_takes_any_record_before() -> None:
    async def scenario() -> None:
        by_bytes, by_records = queue(10), queue(10, records=2)
        for size in (0, 9):
            by_bytes.force_put_nowait(event(size))
            by_records.force_put_nowait(event(0))
        assert not by_bytes.full() and by_records.full()
        by_bytes.force_put_nowait(event(1000))
        assert by_bytes.full()

    asyncio.run(scenario())


def test_whoever_puts_a_record_waits_until_enough_was_taken_out() -> None:
    async def scenario() -> None:
        held = queue(10)
        for size in (6, 6):
            await held.put(event(size))
        waiting = asyncio.create_task(held.put(event(1)))
        await asyncio.sleep(0)
        assert not waiting.done()
        await held.get()
        await waiting
        assert held.qsize() == 2 and not held.full()

    asyncio.run(scenario())


def test_partitions_that_are_taken_away_leave_nothing_that_counts() -> None:
    async def scenario() -> None:
        held = queue(10)
        await held.put(event(20))
        held.clear()
        assert not held.full()
        await held.put(event(3))
        assert (await held.get()).message.value == b"xxx"

    asyncio.run(scenario())


def test_every_stream_of_the_app_has_such_a_queue() -> None:
    async def scenario() -> None:
        app = BoundedApp("bounded", broker="kafka://127.0.0.1:1", store="memory://", autodiscover=False)
        app.most_bytes = 7
        topic: faust.TopicT[Any] = app.topic("t", value_type=bytes)
        for held in (topic.queue, app.stream(topic).outbox):
            assert isinstance(held, BoundedQueue)
            held.force_put_nowait(event(7))
            assert held.full()

    asyncio.run(scenario())
