"""The dead-letter topic removed under a running versioner: it waits, acknowledges nothing, and goes on when the topic is there again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.stack import Stack
from tests.support.deployment import Deployment, until


@pytest.fixture
def fresh(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A deployment whose topics this test may break."""
    made = Deployment(stack, "letters_topic", tmp_path_factory.mktemp("letters_topic"))
    made.initialise()
    yield made
    made.stop_all()


async def remove_letters(deployment: Deployment) -> None:
    """Remove the dead-letter topic, and wait until the broker says that it is gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
    await admin.start()
    try:
        topic = deployment.env["ACIDWATCH_TOPIC_LETTERS"]
        await admin.delete_topics([topic])
        async with asyncio.timeout(60):
            while topic in await admin.list_topics():
                await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def letters(deployment: Deployment) -> list[str]:
    """Batch ids of the letters on the topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"], auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(deployment.env["ACIDWATCH_TOPIC_LETTERS"], number) for number in range(3)]
        consumer.assign(partitions)
        left = sum((await consumer.end_offsets(partitions)).values())
        found: list[str] = []
        while len(found) < left:
            for batch in (await consumer.getmany(timeout_ms=1000)).values():
                found += [dict(letter.headers)["dlq-batch-id"].decode() for letter in batch]
        return found
    finally:
        await consumer.stop()


@pytest.mark.slow
def test_the_dead_letter_topic_away_pauses_the_versioner_and_loses_no_letter(fresh: Deployment) -> None:
    first = fresh.generate(300, seed=71, broken=("range@1",))
    second = fresh.generate(300, seed=72, broken=("range@0", "old-date@2"))
    fresh.load_reference(first)
    ingestor = fresh.start("ingestor")
    versioner = fresh.start("versioner", retry_most_seconds="1", kafka_timeout_seconds="3", stall_seconds="10")
    fresh.send_and_wait(first.samples)  # a letter was published: the producer knows the topic that goes away
    assert fresh.json("status")["dead_letters"]["published"] == 1

    asyncio.run(remove_letters(fresh))
    fresh.load_reference(second)
    fresh.send(second.samples)
    until(
        lambda: [e for e in versioner.events if e["event"] == "paused: a dependency is away" and e["attempt"] >= 4],
        "the versioner to pause, longer than its stall limit",
    )
    assert versioner.get("/readyz")[0] == 503
    assert "dlq does not exist; make it with: acidwatch topics create" in versioner.get("/readyz")[1]
    assert versioner.get("/healthz")[0] == 200
    status = fresh.json("status")
    assert status["dead_letters"]["pending"] >= 1, "recorded, and known not to be published"
    assert status["lag"]["versioner"] >= 1, "not acknowledged"

    fresh.cli("topics", "create")
    fresh.cli("wait", "--source", str(second.samples), "--timeout", "90s")
    until(lambda: fresh.json("status")["lag"]["versioner"] == 0, "everything to be acknowledged")
    expected = fresh.query(
        "SELECT batch_id FROM ledger.batches b JOIN ledger.sources s USING (source_id) JOIN ledger.attempts a USING (batch_id)"
        " WHERE a.verdict = 'rejected' AND s.first_sent_at = (SELECT max(first_sent_at) FROM ledger.sources)"
    )
    assert len(expected) == 2
    assert set(asyncio.run(letters(fresh))) == {batch_id for (batch_id,) in expected}
    assert fresh.json("status")["dead_letters"] == {
        "pending": 0, "published": 3, "replayed": 0, "parked": 0, "resolved": 0,
    }  # fmt: skip
    assert versioner.popen.poll() is None, "it went on by itself"
    assert (versioner.stop(), ingestor.stop()) == (0, 0)
