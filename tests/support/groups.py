"""Tell Kafka at once that a killed process has left its consumer group; by itself it waits for the session timeout, 10 s."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, for_code
from aiokafka.protocol.group import LeaveGroupRequest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed


def expire_members(bootstrap: str, group: str) -> int:
    """Take every member out of a group, as the coordinator does when a session times out; returns how many there were.

    Only for a group without living members: those would have to join again.
    """
    return asyncio.run(_expire(bootstrap, group))


async def _expire(bootstrap: str, group: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        coordinator = await _coordinator(admin, group)
        (description,) = await admin.describe_consumer_groups([group], coordinator)
        ((_, _, _, _, _, members, *_),) = description.groups
        for member, *_ in members:
            answer = await admin._send_request(LeaveGroupRequest(group, member), coordinator)
            if answer.error_code:
                raise for_code(answer.error_code)(f"{member} was not taken out of {group}")
        return len(members)
    finally:
        await admin.close()


@retry(
    retry=retry_if_exception_type(GroupCoordinatorNotAvailableError),
    stop=stop_after_delay(60),
    wait=wait_fixed(0.2),
    reraise=True,
)
async def _coordinator(admin: AIOKafkaAdminClient, group: str) -> int:
    """Which broker it is; one that has just started is none for the first moments."""
    return int(await admin.find_coordinator(group))


def skip_records(bootstrap: str, group: str, topic: str) -> None:
    """Acknowledge all that is on a topic of three partitions in the name of a group that has no members now."""

    async def skip() -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(3)]
            consumer.assign(partitions)
            await consumer.commit(await consumer.end_offsets(partitions))
        finally:
            await consumer.stop()

    asyncio.run(skip())
