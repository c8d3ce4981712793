"""The reader of groups: what makes a group full, when it is acknowledged, and what ends the process."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from acidwatch.errors import (
    DependencyAwayError,
    HeldError,
    OffsetGapError,
    OutcomeUnknownError,
    PermanentError,
    RetryableError,
)
from acidwatch.streaming.group import EXIT_AWAY, EXIT_GAP, EXIT_HELD, EXIT_UNEXPECTED, GroupReader
from acidwatch.telemetry.health import Health
from tests.unit.streaming.conftest import Diary, Exited, FakeApp, FakeStream, stream_settings


def run(
    app: FakeApp, diary: Diary, stream: FakeStream, *, commit: Any = None, until: int | None = None,
    health: Health | None = None, **changes: Any,
) -> GroupReader:  # fmt: skip
    """Run a reader over a stream that ends, or until so many records are acknowledged, or until it ends the process."""

    async def keep(group: list[Any]) -> None:
        diary.commit_entry(group)

    reader = GroupReader(app, commit or keep, stream_settings(**changes), health or Health("test"))

    async def scenario() -> None:
        task = asyncio.ensure_future(reader.run(stream))
        while until is not None and len(diary.acknowledged) < until and not task.done():
            await asyncio.sleep(0)
        if until is not None:
            task.cancel()
        await asyncio.wait({task}, timeout=30)
        error = None if task.cancelled() else task.exception()
        assert error is None

    asyncio.run(scenario())
    return reader


def test_a_group_holds_at_most_so_many_records_and_the_end_of_the_stream_flushes_the_rest(
    app: FakeApp, diary: Diary
) -> None:
    run(app, diary, FakeStream(diary.event(offset) for offset in range(7)), group_records=3)
    assert diary.groups == [[0, 1, 2], [3, 4, 5], [6]]
    assert diary.acknowledged == list(range(7))


def test_a_group_is_full_when_its_values_reach_so_many_bytes(app: FakeApp, diary: Diary) -> None:
    sizes = [600, 424, 2000, None, 1]
    events = [diary.event(offset, None if size is None else b"x" * size) for offset, size in enumerate(sizes)]
    run(app, diary, FakeStream(events), group_bytes=1024)
    assert diary.groups == [[0, 1], [2], [3, 4]]


def test_a_record_waits_only_so_long_for_its_group_to_fill(app: FakeApp, diary: Diary) -> None:
    run(app, diary, FakeStream([diary.event(0), diary.event(1)], stays_open=True), until=2, group_seconds=0.01)
    assert diary.groups == [[0, 1]]


def test_a_stop_or_rebalance_flushes_the_group_at_hand_long_before_its_time(app: FakeApp, diary: Diary) -> None:
    def stops() -> None:
        app.active = False

    run(
        app,
        diary,
        FakeStream([diary.event(0), diary.event(1)], stays_open=True, after=stops),
        until=2,
        group_seconds=60.0,
    )
    assert diary.groups == [[0, 1]]


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 3000), max_size=12), st.integers(1, 5))
def test_however_groups_are_cut_every_record_is_committed_once_and_acknowledged_in_order(
    sizes: list[int], most: int
) -> None:
    app, diary = FakeApp(), Diary()
    events = [diary.event(offset, b"x" * size) for offset, size in enumerate(sizes)]
    run(app, diary, FakeStream(events), group_records=most, group_bytes=2048)
    assert [offset for group in diary.groups for offset in group] == diary.acknowledged == list(range(len(sizes)))
    assert all(len(group) <= most for group in diary.groups)


def test_a_group_is_acknowledged_in_order_and_only_after_its_commit(app: FakeApp, diary: Diary) -> None:
    run(app, diary, FakeStream(diary.event(offset) for offset in range(4)), group_records=2)
    acks = [("ack", 0, offset) for offset in range(4)]
    assert diary.entries == [("commit", [0, 1]), *acks[:2], ("commit", [2, 3]), *acks[2:]]


@pytest.mark.parametrize(
    "error",
    [
        DependencyAwayError("HDFS", "http://nowhere", "no answer"),
        OutcomeUnknownError("unknown"),
        RetryableError("later"),
    ],
)
def test_an_outage_is_waited_out_in_place_with_the_same_group(
    app: FakeApp, diary: Diary, error: RetryableError
) -> None:
    tried: list[Any] = []
    health = Health("test", {})
    seen: list[bool] = []

    async def fails_twice(group: list[Any]) -> None:
        tried.append(group)
        assert diary.acknowledged == []
        if len(tried) < 3:
            raise error
        seen.append(health.readiness()[0])
        diary.commit_entry(group)

    run(app, diary, FakeStream([diary.event(0), diary.event(1)]), commit=fails_twice, health=health)
    assert len(tried) == 3
    assert all(group is tried[0] for group in tried), "the very same list, so that a commit can know it again"
    assert seen == [False], "not ready while the outage lasts"
    assert (diary.groups, diary.acknowledged) == ([[0, 1]], [0, 1])


def test_an_error_that_names_no_dependency_does_not_keep_the_service_unready_for_ever(
    app: FakeApp, diary: Diary
) -> None:
    health, tried = Health("test", {}), []

    async def fails_once(group: list[Any]) -> None:
        tried.append(group)
        if len(tried) == 1:
            raise OutcomeUnknownError("the connection broke")

    run(app, diary, FakeStream([diary.event(0)]), commit=fails_once, health=health)
    assert health.readiness()[0]


def test_a_dependency_that_answers_others_while_the_group_still_fails_makes_nothing_ready(
    app: FakeApp, diary: Diary
) -> None:
    health, seen = Health("test", {}), []

    async def fails_once(group: list[Any]) -> None:
        health.back("HDFS")  # as the look for a new reference version says when HDFS can be listed but not written
        seen.append(health.readiness()[0])
        if len(seen) == 1:
            raise DependencyAwayError("HDFS", "nowhere", "no space")

    run(app, diary, FakeStream([diary.event(0)]), commit=fails_once, health=health)
    assert seen == [True, False]
    assert health.readiness()[0]


def test_the_watchdog_sees_reading_retrying_and_acknowledging(app: FakeApp, diary: Diary) -> None:
    states: list[tuple[bool, bool]] = []
    readers: list[GroupReader] = []

    async def fails_once(group: list[Any]) -> None:
        progress = readers[0].progress
        states.append((progress.oldest_read is not None, progress.retrying is not None))
        if len(states) == 1:
            raise DependencyAwayError("HDFS", "nowhere", "no answer")

    async def scenario() -> None:
        readers.append(GroupReader(app, fails_once, stream_settings(), Health("test")))
        await readers[0].run(FakeStream([diary.event(0)]))

    asyncio.run(scenario())
    assert states == [(True, False), (True, True)]
    assert (readers[0].progress.oldest_read, readers[0].progress.retrying) == (None, None)


def test_told_to_stop_during_an_outage_it_leaves_without_acknowledging(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    async def away(group: list[Any]) -> None:
        app.should_stop = True
        raise DependencyAwayError("HDFS", "nowhere", "no answer")

    run(app, diary, FakeStream([diary.event(0)]), commit=away)
    assert (exits, diary.acknowledged) == ([EXIT_AWAY], [])


def test_a_group_that_is_held_back_waits_with_its_reason_and_no_dependency_is_said_to_be_away(
    app: FakeApp, diary: Diary
) -> None:
    health, seen = Health("test", {}), []

    async def held_once(group: list[Any]) -> None:
        seen.append(dict(health.waiting_for))
        if len(seen) == 1:
            raise HeldError("flood guard", "too many are rejected")
        diary.commit_entry(group)

    run(app, diary, FakeStream([diary.event(0)]), commit=held_once, health=health)
    assert seen == [{}, {"flood guard": "too many are rejected"}]
    assert diary.acknowledged == [0]
    waited = {"service": health.service, "dependency": "flood guard"}
    assert (REGISTRY.get_sample_value("acidwatch_paused_seconds_total", waited) or 0) > 0


def test_told_to_stop_while_held_back_it_leaves_as_asked_without_acknowledging(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    async def held(group: list[Any]) -> None:
        app.should_stop = True
        raise HeldError("flood guard", "too many are rejected")

    run(app, diary, FakeStream([diary.event(0)]), commit=held)
    assert (exits, diary.acknowledged) == ([EXIT_HELD], [])


@pytest.mark.parametrize("error", [PermanentError("refused"), ValueError("a bug"), KeyError("x")])
def test_an_unexpected_error_ends_the_process_and_acknowledges_nothing(
    app: FakeApp, diary: Diary, exits: list[int], error: Exception
) -> None:
    async def fails(group: list[Any]) -> None:
        raise error

    run(app, diary, FakeStream([diary.event(0)]), commit=fails)
    assert (exits, diary.acknowledged) == ([EXIT_UNEXPECTED], [])


def test_a_cancelled_reader_passes_the_cancellation_on(app: FakeApp, diary: Diary, exits: list[int]) -> None:
    async def scenario() -> None:
        reader = GroupReader(app, lambda group: asyncio.sleep(0), stream_settings(), Health("test"))
        task = asyncio.ensure_future(reader.run(FakeStream([], stays_open=True)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert not isinstance(caught.value, Exited)

    asyncio.run(scenario())
    assert exits == []


@pytest.mark.parametrize("jump", [5, 1])
def test_a_hole_finishes_what_came_before_it_and_then_ends_the_process(
    app: FakeApp, diary: Diary, exits: list[int], jump: int
) -> None:
    events = [diary.event(offset) for offset in (0, 1, 2, jump, jump + 1)]
    run(app, diary, FakeStream(events), group_records=100)
    assert (diary.groups, diary.acknowledged, exits) == ([[0, 1, 2]], [0, 1, 2], [EXIT_GAP])
    assert app.consumer.commits == 1, "what was acknowledged is committed before"


def test_a_hole_leaves_the_group_unacknowledged_when_its_commit_fails(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    async def fails(group: list[Any]) -> None:
        raise ValueError("a bug")

    run(app, diary, FakeStream([diary.event(0), diary.event(5)]), commit=fails)
    assert (exits, diary.acknowledged) == ([EXIT_UNEXPECTED], [])


def test_the_first_record_of_a_partition_may_have_any_offset_and_partitions_are_told_apart(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    events = [diary.event(100), diary.event(7, partition=1), diary.event(101), diary.event(8, partition=1)]
    run(app, diary, FakeStream(events))
    assert (exits, diary.acknowledged) == ([], [100, 7, 101, 8])


def test_after_a_rebalance_a_partition_begins_again_where_it_was_committed(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    events = [diary.event(4), diary.event(5), diary.event(4, generation=2), diary.event(5, generation=2)]
    run(app, diary, FakeStream(events))
    assert (exits, diary.acknowledged) == ([], [4, 5, 4, 5])


def test_a_gap_that_the_consumer_saw_stops_before_the_first_record_after_it(
    app: FakeApp, diary: Diary, exits: list[int]
) -> None:
    gap = OffsetGapError("t", 0, expected=2, found=9)

    async def keep(group: list[Any]) -> None:
        diary.commit_entry(group)

    async def scenario() -> None:
        reader = GroupReader(app, keep, stream_settings(), Health("test"))
        reader.stop_at(gap)
        with pytest.raises(Exited):
            await reader.run(FakeStream([diary.event(1), diary.event(9)], stays_open=True))

    asyncio.run(scenario())
    assert (diary.acknowledged, exits) == ([1], [EXIT_GAP])


def test_a_gap_says_where_it_is_and_how_to_go_on() -> None:
    error = OffsetGapError("water-quality", 2, 17, 30)
    assert (error.topic, error.partition, error.expected, error.found) == ("water-quality", 2, 17, 30)
    assert "expected 17, found 30" in str(error)
    assert "ACIDWATCH_ACCEPT_GAP=water-quality/2@30" in str(error)
