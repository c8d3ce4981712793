"""What a broker says of a topic while it is only just coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from types import SimpleNamespace
from typing import Any

import pytest

from acidwatch.broker import topics
from acidwatch.broker.topics import end_offsets
from acidwatch.errors import DependencyAwayError, RefusedError
from acidwatch.settings import KafkaSettings


class _Client:
    """Tells of a topic only after it has failed so often, as aiokafka's does while brokers know of no broker."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.known: dict[str, set[int]] = {}
        self.cluster = SimpleNamespace(unauthorized_topics={"closed"})

    def set_topics(self, names: tuple[str, ...]) -> None:
        self.names = names

    async def force_metadata_update(self) -> bool:
        self.failures -= 1
        if self.failures >= 0:
            return False
        self.known = {name: {0, 1} for name in self.names if name == "there"}
        return True


class _Consumer:
    def __init__(self, client: _Client) -> None:
        self._client = client

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return self._client.known.get(topic)

    async def beginning_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(partitions, 7)


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Any:
    def asked(failures: int, topic: str, seconds: float = 10.0) -> Awaitable[dict[int, int]]:
        monkeypatch.setattr(topics, "AIOKafkaConsumer", lambda **_: _Consumer(_Client(failures)))
        settings = KafkaSettings(kafka_bootstrap="127.0.0.1:9", kafka_timeout_seconds=seconds)
        return end_offsets(settings, topic)

    return asked


def test_a_broker_that_knows_of_no_broker_yet_is_asked_again_and_not_taken_for_one_without_the_topic(ask: Any) -> None:
    assert asyncio.run(ask(2, "there")) == {0: 7, 1: 7}


def test_a_topic_that_is_not_there_is_not_taken_for_an_empty_one(ask: Any) -> None:
    with pytest.raises(DependencyAwayError, match="topic elsewhere does not exist"):
        asyncio.run(ask(0, "elsewhere"))


def test_a_topic_that_may_not_be_looked_at_is_refused_and_not_taken_for_a_missing_one(ask: Any) -> None:
    with pytest.raises(
        RefusedError, match=r"Describe on topic closed; grant it to the user .* in Kafka's ACLs"
    ) as caught:
        asyncio.run(ask(0, "closed"))
    assert caught.value.exit_code == 2


def test_a_broker_that_never_tells_of_topics_is_away(ask: Any) -> None:
    with pytest.raises(DependencyAwayError):
        asyncio.run(ask(10**6, "there", seconds=1))
