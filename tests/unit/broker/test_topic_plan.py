"""What topics are made with."""

from __future__ import annotations

import asyncio

import pytest

from acidwatch.broker import topics as module
from acidwatch.broker.topics import TopicPlan, plan
from acidwatch.errors import DependencyAwayError, RefusedError
from acidwatch.settings import KafkaSettings


@pytest.mark.parametrize(("replicas", "least"), [(1, None), (2, None), (3, "2"), (5, "2")])
def test_what_is_confirmed_is_on_two_disks_wherever_one_of_them_may_be_lost(replicas: int, least: str | None) -> None:
    topics = plan(KafkaSettings(kafka_bootstrap="127.0.0.1:9", topic_replication=replicas))
    assert len(topics) == 4
    assert {topic.config.get("min.insync.replicas") for topic in topics} == {least}


def test_topics_that_were_made_are_waited_for_until_the_broker_tells_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KafkaSettings(kafka_bootstrap="127.0.0.1:1", kafka_timeout_seconds=5)
    asked: list[str] = []

    async def create(_: KafkaSettings) -> tuple[list[TopicPlan], None]:
        return plan(settings)[:2], None

    async def require(_: KafkaSettings, topic: str) -> None:
        asked.append(topic)
        if len(asked) < 3:
            raise DependencyAwayError("Kafka", "127.0.0.1:1", f"topic {topic} does not exist")

    monkeypatch.setattr(module, "_create_missing", create)
    monkeypatch.setattr(module, "require_topic", require)
    made = asyncio.run(module.create_topics(settings))
    assert made == [settings.topic_batches, settings.topic_outcomes]
    assert asked == [made[0], made[0], made[0], made[1]]


def test_a_right_that_is_missing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KafkaSettings(kafka_bootstrap="127.0.0.1:1", kafka_timeout_seconds=5)
    asked: list[str] = []

    async def create(_: KafkaSettings) -> tuple[list[TopicPlan], None]:
        return plan(settings)[:2], None

    async def refuse(_: KafkaSettings, topic: str) -> None:
        asked.append(topic)
        raise RefusedError("Kafka", "127.0.0.1:1", f"Describe on topic {topic}", "grant it")

    monkeypatch.setattr(module, "_create_missing", create)
    monkeypatch.setattr(module, "require_topic", refuse)
    with pytest.raises(RefusedError):
        asyncio.run(module.create_topics(settings))
    assert asked == [settings.topic_batches]
