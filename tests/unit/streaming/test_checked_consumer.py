"""Records that are read again must be the same records, whether their offsets were committed or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace

import pytest
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
    made._timestamps, made._due, made._committed_before, made._read_here = {}, {}, {}, set()
    return made


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

    class Thread:
        async def commit(self, offsets: Mapping[TP, int]) -> bool:
            if lost_meanwhile:
                assignment.discard(taken)
            return True

    reader._thread = Thread()  # type: ignore[assignment]  # all that is asked of it
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
