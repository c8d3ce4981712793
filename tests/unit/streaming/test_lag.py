"""Lag by partition: what is committed against what the broker has, and partitions that come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client import REGISTRY

from acidwatch.streaming import lag
from tests.unit.streaming.conftest import TopicPartition

ONE, TWO = TopicPartition("lagging", 0), TopicPartition("lagging", 1)


class Broker:
    """A consumer that asks a broker where both partitions end at 50, and began to be kept at 40."""

    def __init__(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self._committed_offset = committed

    def assignment(self) -> set[TopicPartition]:
        return set(self._committed_offset)

    async def highwaters(self, *tps: TopicPartition) -> Mapping[TopicPartition, int]:
        assert tps
        return dict.fromkeys(tps, 50)

    async def earliest_offsets(self, *tps: TopicPartition) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(tps, 40)


def shown(partition: int) -> float | None:
    labels = {"topic": "lagging", "partition": str(partition)}
    return REGISTRY.get_sample_value("acidwatch_lag_records", labels)


def measured(committed: Mapping[TopicPartition, int | None]) -> Mapping[Any, int]:
    return asyncio.run(lag.measure(Broker(committed)))


def test_the_lag_is_what_lies_behind_the_commit_and_all_there_is_where_nothing_was_committed() -> None:
    assert measured({ONE: 47, TWO: None}) == {ONE: 3, TWO: 10}
    assert measured({ONE: 50, TWO: 60}) == {ONE: 0, TWO: 0}, "a topic that was made anew has no negative lag"


def test_without_partitions_nothing_is_asked() -> None:
    assert measured({}) == {}


def test_a_partition_that_another_process_has_now_is_shown_no_more() -> None:
    known = lag.show({ONE: 3, TWO: 10}, set())
    assert (shown(0), shown(1)) == (3, 10)
    known = lag.show({TWO: 11}, known)
    assert (shown(0), shown(1)) == (None, 11)
    lag.show({}, known)
    assert (shown(0), shown(1)) == (None, None)


def test_a_look_that_fails_is_repeated_and_leaves_what_was_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([{ONE: 3}, OSError("no broker"), {ONE: 4}, asyncio.CancelledError()])
    seen = []

    async def look(_: Any) -> Any:
        seen.append(shown(0))
        found = next(looks)
        if isinstance(found, BaseException):
            raise found
        return found

    class App:
        consumer = None

    monkeypatch.setattr(lag, "measure", look)
    monkeypatch.setattr(lag, "_LOOK_SECONDS", 0.0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(lag.keep_measuring(App()))
    assert seen == [None, 3, 3, 4]
    lag.show({}, {ONE})
