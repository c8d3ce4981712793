"""Topics and confirmed sends on a real broker."""

from __future__ import annotations

import asyncio
import time
from functools import partialmethod

import pytest
from aiokafka import AIOKafkaProducer

from acidwatch.broker.probe import why_away
from acidwatch.broker.scan import Range, range_of, scan
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.broker.topics import committed_offsets, create_topics, end_offsets
from acidwatch.errors import DependencyAwayError, PermanentError
from acidwatch.settings import KafkaSettings
from deploy.local.stack import Stack


@pytest.fixture
def settings(stack: Stack, request: pytest.FixtureRequest) -> KafkaSettings:
    name = request.node.name[:60].replace("_", "-")
    return KafkaSettings(
        kafka_bootstrap=stack.kafka_bootstrap,
        topic_batches=name,
        topic_outcomes=f"{name}.outcomes",
        topic_letters=f"{name}.dlq",
        topic_alerts=f"{name}.alerts",
        kafka_timeout_seconds=5,
        max_record_bytes=1024**2,
    )


def test_topics_are_made_once_and_making_them_again_changes_nothing(settings: KafkaSettings) -> None:
    assert asyncio.run(create_topics(settings)) == [
        settings.topic_batches,
        settings.topic_outcomes,
        settings.topic_letters,
        settings.topic_alerts,
    ]
    assert asyncio.run(create_topics(settings)) == []
    assert asyncio.run(end_offsets(settings, settings.topic_batches)) == {0: 0, 1: 0, 2: 0}


def test_a_topic_that_does_not_exist_is_not_taken_for_an_empty_one(settings: KafkaSettings) -> None:
    with pytest.raises(
        DependencyAwayError, match="topic no-such-topic does not exist; make it with: acidwatch topics create"
    ):
        asyncio.run(end_offsets(settings, "no-such-topic"))
    assert asyncio.run(committed_offsets(settings, "no-such-group", "no-such-topic")) == {}


def send(settings: KafkaSettings, *records: Record) -> list[tuple[int, int]]:
    async def run() -> list[tuple[int, int]]:
        sender = ConfirmedSender(settings)
        try:
            return [(place.partition, place.offset) for place in await sender.send(records)]
        finally:
            await sender.close()

    return asyncio.run(run())


def test_sent_records_are_confirmed_in_order_with_their_place(settings: KafkaSettings) -> None:
    asyncio.run(create_topics(settings))
    places = send(
        settings, *(Record(settings.topic_batches, b"key", b"%d" % n, [("h", b"1"), ("n", None)]) for n in range(20))
    )
    assert len({partition for partition, _ in places}) == 1
    assert [offset for _, offset in places] == list(range(20))


def test_a_dead_letter_may_be_larger_than_the_largest_batch(settings: KafkaSettings) -> None:
    asyncio.run(create_topics(settings))
    largest = b"x" * (settings.max_record_bytes - 1000)
    send(settings, Record(settings.topic_batches, b"k", largest, []))
    headers = [("dlq-message", b"m" * 200_000)]
    assert send(settings, Record(settings.topic_letters, b"k", largest, headers))


def test_a_record_that_the_broker_refuses_is_a_permanent_error(settings: KafkaSettings) -> None:
    asyncio.run(create_topics(settings))
    with pytest.raises(PermanentError, match="MessageSizeTooLarge"):
        send(settings, Record(settings.topic_batches, b"k", b"x" * (settings.max_record_bytes + 500_000), []))


@pytest.mark.parametrize("days", [-15, 1])
def test_a_clock_that_is_wrong_by_days_gets_its_records_refused_not_removed_before_they_are_read(
    settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    asyncio.run(create_topics(settings))
    stamp = round((time.time() + days * 86_400) * 1000)
    monkeypatch.setattr(AIOKafkaProducer, "send", partialmethod(AIOKafkaProducer.send, timestamp_ms=stamp))
    with pytest.raises(DependencyAwayError, match="which clock is wrong"):
        send(settings, Record(settings.topic_batches, b"k", b"v", []))
    assert sum(asyncio.run(end_offsets(settings, settings.topic_batches)).values()) == 0


def test_a_broker_that_is_away_is_named_with_its_address() -> None:
    away = KafkaSettings(kafka_bootstrap="127.0.0.1:9", kafka_timeout_seconds=2)
    assert why_away(away)
    for call in (create_topics(away), end_offsets(away, "t")):
        with pytest.raises(DependencyAwayError, match=r"Kafka is away at 127\.0\.0\.1:9"):
            asyncio.run(call)
    with pytest.raises(DependencyAwayError, match=r"Kafka is away at 127\.0\.0\.1:9"):
        send(away, Record("t", b"", b"", []))


def test_a_frozen_broker_does_not_answer_although_it_accepts_connections(stack: Stack, settings: KafkaSettings) -> None:
    assert not why_away(settings)
    stack.kafka.freeze()
    try:
        assert why_away(settings, timeout_seconds=0.5)
    finally:
        stack.kafka.thaw()
    assert not why_away(settings)


def test_a_broker_that_hangs_in_mid_send_is_away_and_the_same_sender_goes_on_when_it_is_back(
    stack: Stack, settings: KafkaSettings
) -> None:
    asyncio.run(create_topics(settings))
    hasty = settings.model_copy(update={"kafka_timeout_seconds": 2})
    record = Record(settings.topic_batches, b"key", b"value", [])

    async def run() -> None:
        sender = ConfirmedSender(hasty)
        try:
            await sender.send([record])
            stack.kafka.freeze()
            try:
                for _ in range(2):  # with the producer that was at work, and with a new one
                    with pytest.raises(DependencyAwayError, match="Kafka is away at"):
                        await asyncio.wait_for(sender.send([record]), 60)
            finally:
                stack.kafka.thaw()
            for _ in range(30):  # as a service does: the broker may have been fenced meanwhile
                try:
                    await sender.send([record])
                    return
                except DependencyAwayError:
                    await asyncio.sleep(0.5)
            await sender.send([record])
        finally:
            await sender.close()

    asyncio.run(run())
    assert sum(asyncio.run(end_offsets(settings, settings.topic_batches)).values()) >= 2


def test_a_range_of_a_topic_is_read_once_in_order_outside_of_any_group(settings: KafkaSettings) -> None:
    async def run() -> None:
        await create_topics(settings)
        topic = settings.topic_batches
        assert [record async for record in scan(settings, topic, await range_of(settings, topic))] == []
        sender = ConfirmedSender(settings)
        first = [Record(topic, str(number).encode(), b"x" * 100_000, ()) for number in range(30)]
        places = await sender.send(first)
        held = await range_of(settings, topic)
        await sender.send([Record(topic, b"later", b"", ())])
        await sender.close()
        assert held.records == 30
        found = [(record.partition, record.offset) async for record in scan(settings, topic, held)]
        assert sorted(found) == sorted((place.partition, place.offset) for place in places)
        assert [offset for partition, offset in found if partition == 0] == list(range(held.ends[0]))
        from_one = Range(dict.fromkeys(held.begins, 1), held.ends)
        assert {record.offset async for record in scan(settings, topic, from_one)} == {o for _, o in found} - {0}
        assert await committed_offsets(settings, settings.group("ingestor"), topic) == {}

    asyncio.run(run())


def test_a_range_can_not_be_read_from_a_broker_that_is_away(settings: KafkaSettings) -> None:
    away = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:9", "kafka_timeout_seconds": 2})

    async def run() -> None:
        with pytest.raises(DependencyAwayError):
            async for _ in scan(away, "any", Range({0: 0}, {0: 1})):
                pass

    asyncio.run(run())
