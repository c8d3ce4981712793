"""An answer without partitions is "nothing was committed" only if it says no error: as a client of aiokafka asks, without a broker."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import GroupLoadInProgressError, NotCoordinatorForGroupError
from aiokafka.protocol.commit import OffsetFetchResponse_v3

from acidwatch.broker import groupoffsets
from acidwatch.broker.groupoffsets import see_errors_of_groups

TP = TopicPartition("water-quality", 0)
LOADING, MOVED = GroupLoadInProgressError.errno, NotCoordinatorForGroupError.errno
GOOD = OffsetFetchResponse_v3(0, [(TP.topic, [(TP.partition, 5120, "", 0)])], 0)
NOTHING = OffsetFetchResponse_v3(0, [(TP.topic, [(TP.partition, -1, "", 0)])], 0)


def refused(code: int) -> OffsetFetchResponse_v3:
    return OffsetFetchResponse_v3(0, [], code)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the broker answers, one after the other."""
    left: list[Any] = []

    async def send(*_: Any, **__: Any) -> Any:
        return left.pop(0)

    monkeypatch.setattr(AIOKafkaClient, "send", AIOKafkaClient.send)  # put back afterwards
    monkeypatch.setattr(groupoffsets, "_send", send)
    see_errors_of_groups()
    return left


def coordinator(found: list[int]) -> GroupCoordinator:
    made: Any = object.__new__(GroupCoordinator)
    made._client, made.group_id, made.coordinator_id, made._retry_backoff_ms = object.__new__(AIOKafkaClient), "g", 1, 1
    made.coordinator_dead = lambda: found.append(1)

    async def known() -> None:
        pass

    made.ensure_coordinator_known = known
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("code", [LOADING, MOVED, 15])
def test_a_coordinator_that_moves_or_loads_is_asked_again_and_looked_for(answers: list[Any], code: int) -> None:
    looked_for: list[int] = []
    answers += [refused(code), refused(code), GOOD]
    found = asyncio.run(coordinator(looked_for).fetch_committed_offsets([TP]))
    assert {tp: one.offset for tp, one in found.items()} == {TP: 5120}
    assert (answers, len(looked_for)) == ([], 2)


def test_where_nothing_was_committed_nothing_is_found(answers: list[Any]) -> None:
    answers.append(NOTHING)
    assert asyncio.run(coordinator([]).fetch_committed_offsets([TP])) == {}


def test_an_administrator_is_told_too(answers: list[Any]) -> None:
    admin: Any = object.__new__(AIOKafkaAdminClient)
    admin._client = object.__new__(AIOKafkaClient)
    admin._client.cluster = SimpleNamespace()
    answers.append(refused(LOADING))
    with pytest.raises(GroupLoadInProgressError):
        asyncio.run(admin.list_consumer_group_offsets("g", group_coordinator_id=1))
