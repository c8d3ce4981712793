"""Records that were never read and are gone: the consumer stops with a clear message instead of skipping them."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from acidwatch.broker.topics import committed_offsets
from acidwatch.settings import KafkaSettings
from deploy.local.stack import Stack
from tests.support.deployment import LONG, Deployment, until


@pytest.fixture
def fresh(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """A deployment whose topics this test may break."""
    name = "gap_" + hashlib.sha256(request.node.name.encode()).hexdigest()[:8]
    made = Deployment(stack, name, tmp_path_factory.mktemp(name))
    made.initialise()
    made.load_reference(made.generate(100))
    yield made
    made.stop_all()


def produce(deployment: Deployment, count: int) -> None:
    """Records onto partition 0; what is in them does not matter here."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
        await producer.start()
        try:
            for number in range(count):
                await producer.send_and_wait(deployment.env["ACIDWATCH_TOPIC_BATCHES"], b"%d" % number, partition=0)
        finally:
            await producer.stop()

    asyncio.run(send())


def administer(deployment: Deployment, do: Any) -> None:
    """Run something with an admin client."""

    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
        await admin.start()
        try:
            await do(admin)
        finally:
            await admin.close()

    asyncio.run(run())


def judged(deployment: Deployment) -> int:
    ((count,),) = deployment.query("SELECT count(*) FROM ledger.deliveries")
    return int(count)


def committed(deployment: Deployment) -> int:
    """The ingestor's committed offset of partition 0."""
    settings = KafkaSettings(kafka_bootstrap=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
    group, topic = f"{deployment.name}-ingestor", deployment.env["ACIDWATCH_TOPIC_BATCHES"]
    return asyncio.run(committed_offsets(settings, group, topic)).get(0, 0)


def test_records_removed_before_they_were_read_stop_the_ingestor_until_a_person_accepts_the_gap(
    fresh: Deployment,
) -> None:
    topic = fresh.env["ACIDWATCH_TOPIC_BATCHES"]
    versioner, ingestor = fresh.start("versioner"), fresh.start("ingestor")
    produce(fresh, 5)
    until(lambda: judged(fresh) == 5, "the first records")
    assert ingestor.stop() == 0
    produce(fresh, 10)
    administer(fresh, lambda admin: admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=8)}))
    stopped = fresh.start("ingestor")
    assert stopped.popen.wait(LONG) == 1
    fresh.expire("ingestor")
    (line,) = [event for event in stopped.events if event["event"] == "stopped at an offset gap"]
    assert "expected 5, found 8" in line["reason"]
    accept = f"{topic}/0@8"
    assert f"ACIDWATCH_ACCEPT_GAP={accept}" in line["reason"]
    again = fresh.start("ingestor")
    assert again.popen.wait(LONG) == 1, "it must not creep past the gap by being started again"
    fresh.expire("ingestor")
    assert judged(fresh) == 5
    accepted = fresh.start("ingestor", accept_gap=accept)
    until(lambda: judged(fresh) == 12, "the records after the gap")
    assert accepted.stop() == 0
    after = fresh.start("ingestor")
    after.wait_ready()
    produce(fresh, 1)
    until(lambda: judged(fresh) == 13, "the next record, with no gap any more")
    assert after.stop() == 0
    assert versioner.stop() == 0


def test_a_topic_whose_records_have_all_expired_is_no_stall(fresh: Deployment) -> None:
    produce(fresh, 5)
    topic = fresh.env["ACIDWATCH_TOPIC_BATCHES"]
    administer(fresh, lambda admin: admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=5)}))
    ingestor = fresh.start("ingestor", stall_seconds="8")
    ingestor.wait_ready()
    with pytest.raises(subprocess.TimeoutExpired):
        ingestor.popen.wait(20)
    assert ingestor.get("/healthz")[0] == 200


def test_a_topic_made_anew_under_a_running_ingestor_stops_it(fresh: Deployment) -> None:
    topic = fresh.env["ACIDWATCH_TOPIC_BATCHES"]
    fresh.start("versioner")
    ingestor = fresh.start("ingestor")
    produce(fresh, 5)
    until(lambda: judged(fresh) == 5, "the first records")
    until(lambda: committed(fresh) == 5, "their offsets to be committed")
    administer(fresh, lambda admin: admin.delete_topics([topic]))
    until(lambda: _gone(fresh, topic), "the topic to be gone")
    fresh.cli("topics", "create")
    produce(fresh, 3)
    assert ingestor.popen.wait(LONG) == 1
    (line,) = [event for event in ingestor.events if event["event"] == "stopped at an offset gap"]
    assert "expected 5, found 0" in line["reason"]


def test_a_topic_made_anew_while_a_group_of_the_old_one_is_held_back_stops_the_ingestor(fresh: Deployment) -> None:
    """The new topic has more records than were read of the old one, so no offset tells them apart."""
    topic = fresh.env["ACIDWATCH_TOPIC_BATCHES"]
    fresh.start("versioner")
    ingestor = fresh.start("ingestor", flood_share="1")
    produce(fresh, 5)
    until(lambda: judged(fresh) == 5, "the first records")
    until(lambda: committed(fresh) == 5, "their offsets to be committed")
    fresh.cli("ingest", "pause", "-m", "to look", "--yes")
    produce(fresh, 5)
    until(lambda: "held back" in ingestor.output, "the next records to be held back")
    administer(fresh, lambda admin: admin.delete_topics([topic]))
    until(lambda: _gone(fresh, topic), "the topic to be gone")
    fresh.cli("topics", "create")
    produce(fresh, 30)
    fresh.cli("ingest", "resume", "-m", "all is well", "--yes")
    assert ingestor.popen.wait(LONG) == 1
    (line,) = [event for event in ingestor.events if event["event"] == "stopped at an offset gap"]
    assert "expected 5, found 0" in line["reason"]
    assert committed(fresh) == 0


def _gone(deployment: Deployment, topic: str) -> bool:
    found: list[bool] = []

    async def look(admin: AIOKafkaAdminClient) -> None:
        found.append(topic not in await admin.list_topics())

    administer(deployment, look)
    return found[0]
