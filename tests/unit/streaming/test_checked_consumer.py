"""Records that are read again must be the same records, whether their offsets were committed or not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaError
from faust.types import TP

from acidwatch.errors import OffsetGapError
from acidwatch.streaming import consumer as module
from acidwatch.streaming.consumer import CheckedConsumer

PARTITION = TP("water-quality", 0)


def consumer(gaps: list[OffsetGapError]) -> CheckedConsumer:
    """One that was never connected."""
    kind = type("Consumer", (CheckedConsumer,), {"on_gap": staticmethod(gaps.append)})
    made: CheckedConsumer = object.__new__(kind)
    made.app = SimpleNamespace(consumer_generation_id=1)  # type: ignore[assignment]  # all that is asked of it
    made._thread = Thread(None)  # type: ignore[assignment]
    made._timestamps, made._due, made._committed_before, made._read_here = {}, {}, {}, set()
    return made


class Thread:
    """The thread of aiokafka's consumer, and what the broker says is committed."""

    def __init__(self, committed: Mapping[TP, int] | None) -> None:
        self.committed = committed
        self.sought: list[tuple[TP, int]] = []
        self.commits: list[Mapping[TP, int]] = []
        self._coordinator = self

    async def call_thread(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await function(*args)

    def _ensure_consumer(self) -> Thread:
        return self

    def seek(self, partition: TP, offset: int) -> None:
        self.sought.append((partition, offset))

    async def fetch_committed_offsets(self, partitions: Sequence[TP]) -> dict[TP, Any]:
        if self.committed is None:
            raise KafkaError
        return {tp: SimpleNamespace(offset=self.committed[tp]) for tp in partitions if tp in self.committed}

    async def commit(self, offsets: Mapping[TP, int]) -> bool:
        self.commits.append(offsets)
        return True


def read(reader: CheckedConsumer, offset: int, timestamp: int) -> None:
    reader._check_same(PARTITION, SimpleNamespace(offset=offset, timestamp=timestamp))


def test_a_record_read_again_with_the_same_timestamp_is_no_gap() -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    for offset in (0, 1, 2, 0, 1, 2, 3):
        read(reader, offset, 100 + offset)
    assert gaps == []


def test_another_record_at_an_offset_that_was_read_before_says_that_the_topic_was_made_anew() -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    for offset in range(5):
        read(reader, offset, 100 + offset)
    read(reader, 0, 900)
    assert [(gap.expected, gap.found) for gap in gaps] == [(5, 0)]


def test_only_the_records_read_last_are_remembered() -> None:
    reader = consumer([])
    for offset in range(module._REMEMBERED + 10):
        read(reader, offset, offset)
    assert len(reader._timestamps[PARTITION]) == module._REMEMBERED


@pytest.mark.parametrize("committed_meanwhile", [True, False])
def test_offsets_that_are_lower_than_what_was_committed_are_a_gap_unless_the_commit_came_while_they_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, committed_meanwhile: bool
) -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    reader._committed_before = {PARTITION: 0 if committed_meanwhile else 146}

    async def seek(self: CheckedConsumer) -> Mapping[TP, int | None]:
        self._committed_before[PARTITION] = 146
        return {PARTITION: None}

    monkeypatch.setattr(module.Consumer, "seek_to_committed", seek)
    asyncio.run(reader.seek_to_committed())
    assert [(gap.expected, gap.found) for gap in gaps] == ([] if committed_meanwhile else [(146, 0)])


@pytest.mark.parametrize(("lost_before", "lost_meanwhile"), [(True, False), (False, True)])
def test_what_faust_left_out_of_a_commit_because_a_rebalance_took_the_partition_is_not_taken_for_committed(
    monkeypatch: pytest.MonkeyPatch, lost_before: bool, lost_meanwhile: bool
) -> None:
    gaps: list[OffsetGapError] = []
    reader, taken = consumer(gaps), TP("water-quality", 1)
    reader._committed_before = {PARTITION: 300, taken: 410}
    assignment = {PARTITION} if lost_before else {PARTITION, taken}

    class Losing(Thread):
        async def commit(self, offsets: Mapping[TP, int]) -> bool:
            if lost_meanwhile:
                assignment.discard(taken)
            return True

    reader._thread = Losing({PARTITION: 300, taken: 410})  # type: ignore[assignment]
    monkeypatch.setattr(type(reader), "assignment", lambda self: set(assignment))

    async def seek(_: CheckedConsumer) -> Mapping[TP, int]:
        return {PARTITION: 514, taken: 410}  # what the broker has

    monkeypatch.setattr(module.Consumer, "seek_to_committed", seek)
    assert asyncio.run(reader._commit({PARTITION: 514, taken: 514}))
    assignment.add(taken)  # it comes back
    asyncio.run(reader.seek_to_committed())
    assert gaps == []
    assert reader._committed_before == {PARTITION: 514, taken: 410}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_partition_that_comes_while_offsets_of_the_others_are_asked_for_is_no_gap_and_keeps_what_its_own_seek_found(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, int]
) -> None:
    gaps: list[OffsetGapError] = []
    reader, came = consumer(gaps), TP("water-quality", 1)
    reader._committed_before = {PARTITION: 39, came: 42}
    asked: list[asyncio.Future[Mapping[TP, int]]] = []

    async def seek(_: CheckedConsumer) -> Mapping[TP, int]:
        asked.append(asyncio.get_running_loop().create_future())
        return await asked[-1]

    async def rebalance() -> None:
        as_it_begins = asyncio.create_task(reader.seek_to_committed())
        await asyncio.sleep(0)
        reader.app.consumer_generation_id = 2
        when_assigned = asyncio.create_task(reader.seek_to_committed())
        await asyncio.sleep(0)
        for number in order:
            asked[number].set_result([{PARTITION: 39}, {PARTITION: 39, came: 42}][number])
            await (as_it_begins, when_assigned)[number]

    monkeypatch.setattr(module.Consumer, "seek_to_committed", seek)
    asyncio.run(rebalance())
    assert gaps == []
    assert reader._due == {PARTITION: 39, came: 42}


@pytest.mark.parametrize(
    ("committed", "goes_on"),
    [({PARTITION: 40}, True), ({PARTITION: 41}, True), ({}, False), ({PARTITION: 7}, False), (None, True)],
)
def test_nothing_is_committed_to_a_topic_whose_commits_are_gone_because_it_was_made_anew(
    monkeypatch: pytest.MonkeyPatch, committed: Mapping[TP, int] | None, goes_on: bool
) -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    reader._committed_before = {PARTITION: 40}
    reader._thread = thread = Thread(committed)  # type: ignore[assignment]
    monkeypatch.setattr(type(reader), "assignment", lambda self: {PARTITION})
    assert asyncio.run(reader._commit({PARTITION: 60})) is goes_on
    assert thread.commits == ([{PARTITION: 60}] if goes_on else [])
    assert [(gap.expected, gap.found) for gap in gaps] == (
        [] if goes_on else [(40, (committed or {}).get(PARTITION, 0))]
    )


def test_what_others_committed_before_the_partition_came_is_held_against_the_topic_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    reader._thread = thread = Thread({})  # type: ignore[assignment]
    monkeypatch.setattr(type(reader), "assignment", lambda self: {PARTITION})

    async def seek(_: CheckedConsumer) -> Mapping[TP, int]:
        return {PARTITION: 40}

    monkeypatch.setattr(module.Consumer, "seek_to_committed", seek)
    asyncio.run(reader.seek_to_committed())
    assert not asyncio.run(reader._commit({PARTITION: 60}))
    assert [(gap.expected, gap.found) for gap in gaps] == [(40, 0)]
    assert thread.commits == []


def test_a_partition_without_a_commit_is_read_from_its_beginning_whatever_was_read_of_it_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, other = consumer([]), TP("water-quality", 1)
    reader._thread = thread = Thread({})  # type: ignore[assignment]

    async def seek(_: CheckedConsumer) -> Mapping[TP, int | None]:
        return {PARTITION: None, other: 7}

    monkeypatch.setattr(module.Consumer, "seek_to_committed", seek)
    asyncio.run(reader.seek_to_committed())
    assert thread.sought == [(PARTITION, 0)]
    assert reader._due == {PARTITION: 0, other: 7}


def test_nothing_is_read_between_an_assignment_and_its_seek_even_by_a_process_that_had_no_partitions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = consumer([])
    reader._due = {PARTITION: 5}
    flow = ["active"]
    reader.app = SimpleNamespace(flow_control=SimpleNamespace(suspend=lambda: flow.append("queue suspended")))  # type: ignore[assignment]
    monkeypatch.setattr(type(reader), "stop_flow", lambda self: flow.append("stopped"))

    async def assigned(_: CheckedConsumer, assigned: set[TP], generation_id: int) -> None:
        flow.append(f"assigned {len(assigned)} in {generation_id}")

    monkeypatch.setattr(module.Consumer, "on_partitions_assigned", assigned)
    asyncio.run(reader.on_partitions_assigned({PARTITION}, 3))
    assert flow == ["active", "stopped", "queue suspended", "assigned 1 in 3"]
    assert reader._due == {}


def test_reading_goes_on_as_soon_as_a_full_queue_has_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = consumer([])
    active: set[TP] = set()
    waited: list[float] = []
    reader.flow_active, reader._buffered_partitions, reader._active_partitions = True, {PARTITION}, active
    monkeypatch.setattr(type(reader), "should_stop", False)

    async def sleep(_: CheckedConsumer, seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            reader.on_buffer_drop(PARTITION)

    async def wait_next(_: CheckedConsumer, timeout: float) -> str:
        return f"{len(active)} partitions read after {len(waited)} looks"

    monkeypatch.setattr(type(reader), "sleep", sleep)
    monkeypatch.setattr(module.Consumer, "_wait_next_records", wait_next)
    assert asyncio.run(reader._wait_next_records(1.0)) == "1 partitions read after 3 looks"
    assert max(waited) < 0.1


@pytest.mark.parametrize("end", ["flow_active", "should_stop"])
def test_a_full_queue_is_not_waited_for_where_reading_stops(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    reader = consumer([])
    reader._buffered_partitions, reader._active_partitions = {PARTITION}, set()
    monkeypatch.setattr(type(reader), "flow_active", end != "flow_active")
    monkeypatch.setattr(type(reader), "should_stop", end == "should_stop")

    async def wait_next(_: CheckedConsumer, timeout: float) -> str:
        return "Faust decides"

    monkeypatch.setattr(module.Consumer, "_wait_next_records", wait_next)
    assert asyncio.run(reader._wait_next_records(1.0)) == "Faust decides"
