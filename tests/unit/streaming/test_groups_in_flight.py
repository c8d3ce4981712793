"""Several groups in flight: what may overlap, what keeps its order, and what an error of one of them does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from acidwatch.errors import DependencyAwayError
from acidwatch.streaming.group import EXIT_GAP, EXIT_UNEXPECTED, GroupReader
from acidwatch.telemetry.health import Health
from tests.unit.streaming.conftest import Diary, FakeApp, FakeStream, stream_settings


class Commits:
    """A commit whose groups wait until they are let go; groups are known by their first offset."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self.begun: list[int] = []
        self.concluded: list[int] = []
        self.let_go: dict[int, asyncio.Event] = {}
        self.failing: dict[int, Exception] = {}

    async def __call__(self, events: list[Any]) -> Any:
        first = events[0].message.offset
        self.begun.append(first)
        await self.let_go.setdefault(first, asyncio.Event()).wait()
        if first in self.failing:
            raise self.failing.pop(first)
        self._diary.commit_entry(events)

        async def conclude() -> None:
            self.concluded.append(first)

        return conclude


def run(app: FakeApp, diary: Diary, scenario: Any, *, records: int, stays_open: bool = True) -> GroupReader:
    """Run a scenario beside a reader of groups of two records of which three may be in flight."""
    commits = Commits(diary)
    reader = GroupReader(app, commits, stream_settings(group_records=2), Health("test"), 3)

    async def both() -> None:
        events = [diary.event(offset) for offset in range(records)]
        task = asyncio.ensure_future(reader.run(FakeStream(events, stays_open=stays_open)))
        await asyncio.wait_for(scenario(commits), 30)
        task.cancel()
        await asyncio.wait({task}, timeout=30)

    asyncio.run(both())
    return reader


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0)


def test_no_more_groups_than_may_be_are_begun_before_the_oldest_is_acknowledged(app: FakeApp, diary: Diary) -> None:
    async def scenario(commits: Commits) -> None:
        await until(lambda: len(commits.begun) == 3)
        for _ in range(100):
            await asyncio.sleep(0)
        assert commits.begun == [0, 2, 4]
        commits.let_go[0].set()
        await until(lambda: commits.begun == [0, 2, 4, 6])
        assert diary.acknowledged == [0, 1]

    run(app, diary, scenario, records=20)


def test_a_group_that_is_ready_first_is_concluded_and_acknowledged_after_those_before_it(
    app: FakeApp, diary: Diary
) -> None:
    async def scenario(commits: Commits) -> None:
        await until(lambda: len(commits.begun) == 3)
        commits.let_go[4].set()
        commits.let_go[2].set()
        await until(lambda: len(diary.groups) == 2)
        for _ in range(100):
            await asyncio.sleep(0)
        assert (commits.concluded, diary.acknowledged) == ([], [])
        commits.let_go[0].set()
        await until(lambda: len(diary.acknowledged) == 6)
        assert commits.concluded == [0, 2, 4]
        assert diary.acknowledged == list(range(6))

    run(app, diary, scenario, records=6)


def test_an_outage_of_one_group_keeps_those_after_it_from_being_acknowledged(app: FakeApp, diary: Diary) -> None:
    async def scenario(commits: Commits) -> None:
        commits.failing[0] = DependencyAwayError("HDFS", "nowhere", "no answer")
        await until(lambda: len(commits.begun) == 2)
        for gate in commits.let_go.values():
            gate.set()
        await until(lambda: len(diary.acknowledged) == 4)
        assert diary.groups == [[2, 3], [0, 1]], "the second one was ready while the first one waited"
        assert commits.begun == [0, 2, 0]
        assert diary.acknowledged == [0, 1, 2, 3]

    run(app, diary, scenario, records=4)


def test_an_unexpected_error_of_one_group_ends_the_process_before_a_later_one_is_acknowledged(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    async def scenario(commits: Commits) -> None:
        commits.failing[2] = ValueError("a bug")
        await until(lambda: len(commits.begun) == 3)
        for gate in commits.let_go.values():
            gate.set()
        await until(lambda: exits)

    run(app, diary, scenario, records=6)
    assert exits == [EXIT_UNEXPECTED]
    assert diary.acknowledged == [0, 1]


def test_the_oldest_record_is_that_of_the_oldest_group_in_flight(app: FakeApp, diary: Diary) -> None:
    readers: list[GroupReader] = []

    async def commit(events: list[Any]) -> None:
        await gates[events[0].message.offset].wait()

    gates = {0: asyncio.Event(), 1: asyncio.Event()}

    async def scenario() -> None:
        reader = GroupReader(app, commit, stream_settings(group_records=1), Health("test"), 3)
        readers.append(reader)
        events = [diary.event(offset) for offset in range(2)]
        events[0].message.timestamp, events[1].message.timestamp = 200.0, 100.0
        task = asyncio.ensure_future(reader.run(FakeStream(events, stays_open=True)))
        await until(lambda: reader.progress.oldest_sent == 100.0)
        read_first = reader.progress.oldest_read
        gates[0].set()
        await until(lambda: diary.acknowledged == [0])
        assert read_first is not None
        assert reader.progress.oldest_read is not None
        assert reader.progress.oldest_read >= read_first
        gates[1].set()
        await until(lambda: diary.acknowledged == [0, 1])
        assert (reader.progress.oldest_read, reader.progress.oldest_sent) == (None, None)
        task.cancel()
        await asyncio.wait({task}, timeout=30)

    asyncio.run(scenario())


@pytest.mark.parametrize("stays_open", [True, False])
def test_a_gap_and_the_end_of_the_stream_wait_for_all_groups_in_flight(
    app: FakeApp, diary: Diary, exits: list[int], stays_open: bool
) -> None:
    async def slow(events: list[Any]) -> None:
        await asyncio.sleep(0)
        diary.commit_entry(events)

    async def scenario() -> None:
        reader = GroupReader(app, slow, stream_settings(group_records=1), Health("test"), 3)
        events = [diary.event(offset) for offset in (0, 1, 2)] + ([diary.event(9)] if stays_open else [])
        task = asyncio.ensure_future(reader.run(FakeStream(events, stays_open=stays_open)))
        await asyncio.wait({task}, timeout=30)

    asyncio.run(scenario())
    assert diary.acknowledged == [0, 1, 2]
    assert exits == ([EXIT_GAP] if stays_open else [])
