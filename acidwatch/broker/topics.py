"""The topics: what they are called, how they are made, and where they end. Made by us, never by the first client that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NodeNotReadyError,
    NotCoordinatorForGroupError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_delay,
    wait_fixed,
)

from acidwatch.broker.connection import asking_kafka, client_options, missing_topic
from acidwatch.broker.groupoffsets import see_errors_of_groups
from acidwatch.contract.deadletter import BESIDE_VALUE_BYTES
from acidwatch.errors import DependencyAwayError, PermanentError, RefusedError
from acidwatch.settings import KafkaSettings

NO_COORDINATOR_YET = (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError)
_ENOUGH_TO_LOSE_ONE = 3  # of two replicas both would be needed, and the loss of one would stop everything
_DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic to be made, with its Kafka configuration."""

    name: str
    config: dict[str, str]


def plan(settings: KafkaSettings) -> list[TopicPlan]:
    """The topics. A dead letter may be 1 MiB larger than a batch, so that its added headers never make it too large."""
    size = settings.max_record_bytes
    keep = {
        "cleanup.policy": "delete",
        "message.timestamp.type": "CreateTime",
        # Retention goes by these times: what a clock far behind has stamped would be removed before it's read, so it's refused.
        "message.timestamp.before.max.ms": str(7 * _DAY_MS),
    }
    if settings.topic_replication >= _ENOUGH_TO_LOSE_ONE:
        keep["min.insync.replicas"] = "2"  # confirmed is what two disks have; Kafka's own default is one
    return [
        TopicPlan(settings.topic_batches, {**keep, "max.message.bytes": str(size), "retention.ms": str(14 * _DAY_MS)}),
        TopicPlan(settings.topic_outcomes, {**keep, "retention.ms": str(30 * _DAY_MS)}),
        TopicPlan(
            settings.topic_letters,
            {**keep, "max.message.bytes": str(size + BESIDE_VALUE_BYTES), "retention.ms": str(90 * _DAY_MS)},
        ),
        TopicPlan(settings.topic_alerts, {**keep, "retention.ms": str(90 * _DAY_MS)}),
    ]


async def create_topics(settings: KafkaSettings) -> list[str]:
    """Make the topics that are not there, and wait until the broker tells of them; returns the names of those made.

    Raises:
        RefusedError: We may not make or describe them.
        DependencyAwayError: No broker answers.
        PermanentError: The broker refuses for another reason.
    """
    async with asking_kafka(settings):
        done: tuple[list[TopicPlan], Any] = await _while(NodeNotReadyError, settings)(_create_missing, settings)
        missing, answer = done
        for name, code, *rest in answer.topic_errors if answer else []:
            error = for_code(code)
            if error is TopicAuthorizationFailedError:
                raise error(f"Create on topic {name}")
            if code and error is not TopicAlreadyExistsError:
                raise PermanentError(f"topic {name} was not made: {error.__name__} {rest[0] if rest else ''}".rstrip())
    made = [topic.name for topic in missing]
    # What the controller has made a broker may not know yet, and whoever sends next would be told that there is no such topic.
    await _while(DependencyAwayError, settings)(_see, settings, made)
    return made


async def _see(settings: KafkaSettings, topics: list[str]) -> None:
    for topic in topics:
        await require_topic(settings, topic)


async def _create_missing(settings: KafkaSettings) -> tuple[list[TopicPlan], Any]:
    """The topics that were not there, and what the broker answered when it was asked to make them; None = nothing was asked."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        there = set(await admin.list_topics())
        missing = [topic for topic in plan(settings) if topic.name not in there]
        new = [
            NewTopic(topic.name, settings.topic_partitions, settings.topic_replication, topic_configs=topic.config)
            for topic in missing
        ]
        return missing, await admin.create_topics(new) if new else None
    finally:
        await admin.close()


async def require_topic(settings: KafkaSettings, topic: str) -> None:
    """Make sure that a topic is there before something is sent to it.

    Raises:
        RefusedError: We may not know whether it is.
        DependencyAwayError: It is not, or no broker answers.
    """
    await _offsets(settings, topic)


async def end_offsets(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition.

    Raises:
        RefusedError: We may not describe the topic.
        DependencyAwayError: There is no such topic, which is never taken for an empty one, or no broker answers.
    """
    return (await _offsets(settings, topic))[1]


async def beginning_offsets(settings: KafkaSettings, topic: str) -> dict[int, int]:
    """The offset of the first record that is still there, of each partition.

    Raises:
        RefusedError, DependencyAwayError: As of `end_offsets`.
    """
    return (await _offsets(settings, topic))[0]


async def _offsets(settings: KafkaSettings, topic: str) -> tuple[dict[int, int], dict[int, int]]:
    async with asking_kafka(settings):
        consumer = AIOKafkaConsumer(**client_options(settings))
        try:
            await consumer.start()
            partitions: list[TopicPartition] = await _while(NodeNotReadyError, settings)(_partitions, consumer, topic)
            if not partitions:
                raise missing_topic(settings, topic)
            first = await consumer.beginning_offsets(partitions)
            last = await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()
    return {p.partition: o for p, o in first.items()}, {p.partition: o for p, o in last.items()}


async def _partitions(consumer: Any, topic: str) -> list[TopicPartition]:
    """The partitions of a topic; none when there is no such topic.

    Raises:
        NodeNotReadyError: The broker that was asked knows of no broker, itself included, so what it says of topics means nothing.
        TopicAuthorizationFailedError: It does not tell us whether there is one.
    """
    consumer._client.set_topics((topic,))
    if not await consumer._client.force_metadata_update():
        raise NodeNotReadyError(f"no broker told of topic {topic}")
    if topic in consumer._client.cluster.unauthorized_topics:
        raise TopicAuthorizationFailedError(f"Describe on topic {topic}")
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def _while(errors: type[Exception] | tuple[type[Exception], ...], settings: KafkaSettings) -> AsyncRetrying:
    """Tries again while a broker that has just started, or was too busy to say that it lives, answers for a moment with one of these."""
    return AsyncRetrying(
        retry=retry_if_exception_type(errors) & retry_if_not_exception_type(RefusedError),
        stop=stop_after_delay(settings.kafka_timeout_seconds),
        wait=wait_fixed(0.25),
        reraise=True,
    )


async def committed_offsets(settings: KafkaSettings, group: str, topic: str) -> dict[int, int]:
    """What a consumer group has committed of a topic; partitions without a commit are left out."""
    see_errors_of_groups()
    async with asking_kafka(settings):
        admin = AIOKafkaAdminClient(**client_options(settings))
        try:
            await admin.start()
            offsets: dict[Any, Any] = await _while(NO_COORDINATOR_YET, settings)(
                admin.list_consumer_group_offsets, group
            )
        finally:
            await admin.close()
    return {p.partition: meta.offset for p, meta in offsets.items() if p.topic == topic and meta.offset >= 0}
