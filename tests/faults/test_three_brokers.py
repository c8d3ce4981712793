"""docs/kafka.md followed on three real brokers: any one of them may go in mid-send and in mid-read, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka.client import AIOKafkaClient

from acidwatch.broker.scan import range_of, scan
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.settings import KafkaSettings
from acidwatch.workbook.generate import Generated
from deploy.local.jars import fetch, find_java
from tests.faults.conftest import check_exactly_once
from tests.support.brokers import NUMBERS, PAGE, ThreeBrokers, make_kafka_tools
from tests.support.deployment import LONG, Deployment, Process, until
from tests.support.runbook import following

pytestmark = pytest.mark.slow

TOPIC = "water-quality"
SMALL = {"group_records": "4", "group_seconds": "0.05", "retry_most_seconds": "2"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeBrokers]:
    """Its three brokers have the settings of the page."""
    with ThreeBrokers(tmp_path_factory.mktemp("three")) as running:
        yield running


@pytest.fixture(scope="module")
def kafka_tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kafka's own commands are on the PATH."""
    folder = make_kafka_tools(tmp_path_factory.mktemp("tools") / "bin", find_java(), fetch())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield


@pytest.fixture(scope="module")
def deployment(
    stack: ThreeBrokers, kafka_tools: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """With the names of topics and groups that the page has, and the topics made by its commands."""
    made = Deployment(stack, "three_brokers", tmp_path_factory.mktemp("three_brokers"))
    made.name = "acidwatch"
    for name in ("TOPIC_BATCHES", "TOPIC_OUTCOMES", "TOPIC_LETTERS", "TOPIC_ALERTS", "GROUP_PREFIX"):
        del made.env[f"ACIDWATCH_{name}"]
    made.cli("ledger", "migrate")
    with following(made, "Three brokers", PAGE) as section:
        said = section.follow(BROKERS=stack.kafka_bootstrap)
    assert said.count("ReplicationFactor: 3") == 4
    yield made
    made.stop_all()


def in_sync(stack: ThreeBrokers) -> dict[tuple[str, int], set[int]]:
    """The ports of the brokers that have all of each partition of ours, as the first living broker sees it."""

    async def ask() -> dict[tuple[str, int], set[int]]:
        client = AIOKafkaClient(bootstrap_servers=stack.kafka_bootstrap)
        try:
            await client.bootstrap()
            metadata = await client.fetch_all_metadata()
            return {
                (topic, partition): set(state.isr)
                for topic, partitions in metadata._partitions.items()
                for partition, state in partitions.items()
                if topic.startswith(TOPIC)
            }
        finally:
            await client.close()

    return asyncio.run(ask())


def all_in_sync(stack: ThreeBrokers) -> bool:
    found = in_sync(stack)
    return bool(found) and all(replicas == set(NUMBERS) for replicas in found.values())


@pytest.fixture(autouse=True)
def every_replica_is_in_sync(stack: ThreeBrokers, deployment: Deployment, servers_back: None) -> Iterator[None]:
    """One broker after the other: the next test may take away any of them."""
    yield
    for broker in stack.brokers:
        broker.start()
    until(lambda: all_in_sync(stack), "every replica to be in sync again")


def start_both(deployment: Deployment) -> tuple[Process, Process]:
    both = deployment.start("ingestor", **SMALL), deployment.start("versioner", **SMALL)
    for process in both:
        process.wait_ready()
    return both


@contextmanager
def sending(deployment: Deployment, workbook: Path, interval: str) -> Iterator[subprocess.Popen[str]]:
    """`acidwatch send` as a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "acidwatch.cli", "send", workbook, "--batch-size", "10", "--interval", interval],
        env={**os.environ, **deployment.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_producer_and_consumers_run_against_them_as_the_page_says(stack: ThreeBrokers, deployment: Deployment) -> None:
    made = deployment.generate(1000, seed=61)
    with following(deployment, "Producer and consumers against them", PAGE) as section:
        deployment.start("ingestor")
        deployment.start("versioner")
        said = section.follow(
            BROKERS=stack.kafka_bootstrap, SITES=str(made.sites), METHODS=str(made.methods), SAMPLES=str(made.samples)
        )
    assert said.count("acidwatch-ingestor") >= 3, "a line for each partition"
    assert "10 of 10 batches" in said


@pytest.mark.parametrize("number", NUMBERS)
def test_one_broker_killed_in_mid_send_loses_nothing_and_stops_nobody(
    stack: ThreeBrokers, deployment: Deployment, workbooks: Callable[[int], Generated], number: int
) -> None:
    """Among the three are the leader of the controllers, the coordinators of both groups, and the leader of each partition."""
    made = workbooks(40 + number)
    ingestor, versioner = start_both(deployment)
    with sending(deployment, made.samples, "300ms") as process:
        until(lambda: any(e["event"] == "group recorded" for e in versioner.events), "a group to be recorded")
        stack.brokers[number - 1].kill()
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 0, said
    check_exactly_once(deployment, made)
    assert [ingestor.popen.poll(), versioner.popen.poll()] == [None, None], "they went on by themselves"
    assert ingestor.stop() == 0
    assert versioner.stop() == 0


def test_what_was_confirmed_is_on_the_topic_once_whichever_broker_is_killed(
    stack: ThreeBrokers, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = KafkaSettings(kafka_bootstrap=stack.kafka_bootstrap)
    topic = f"{TOPIC}.alerts"
    confirmed: list[bytes] = []
    longest: list[float] = []

    async def send_all() -> None:
        sender = ConfirmedSender(settings)
        number = 0
        for broker in stack.brokers:
            killed_at = number + 50
            longest.append(0.0)
            while number < killed_at + 200:
                key = b"%d" % number
                began = time.monotonic()
                asking = asyncio.create_task(sender.send([Record(topic, key, key, ())]))
                if number == killed_at:
                    await asyncio.to_thread(broker.kill)
                await asking
                longest[-1] = max(longest[-1], time.monotonic() - began)
                confirmed.append(key)
                number += 1
            await asyncio.to_thread(broker.start)
            await asyncio.to_thread(until, lambda: all_in_sync(stack), "every replica to be in sync again")
        await sender.close()

    async def read_all() -> list[bytes]:
        held = await range_of(settings, topic)
        return [record.key async for record in scan(settings, topic, held)]

    asyncio.run(send_all())
    found = asyncio.run(read_all())
    assert sorted(found) == sorted(confirmed), "each once: none lost, and none repeated"
    with following(deployment, "When brokers go", PAGE) as section:
        said = section.follow(BROKERS=stack.kafka_bootstrap)
    assert "Topic:" not in said
    with capsys.disabled():
        print(f" [longest confirmation while a broker died: {', '.join(f'{s:.1f} s' for s in longest)}]", end="")


def test_the_largest_dead_letter_gets_to_all_three_with_the_limits_of_the_brokers_as_they_are(
    stack: ThreeBrokers, deployment: Deployment
) -> None:
    async def send() -> None:
        sender = ConfirmedSender(KafkaSettings(kafka_bootstrap=stack.kafka_bootstrap))
        await sender.send([Record(f"{TOPIC}.dlq", b"key", b"x" * (8 * 1024**2 + 900_000), ())])
        await sender.close()

    asyncio.run(send())
    until(lambda: all_in_sync(stack), "every replica to be in sync")


def test_with_two_of_three_away_nothing_is_confirmed_and_nothing_is_lost(
    stack: ThreeBrokers, deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(44)
    ingestor, versioner = start_both(deployment)
    with sending(deployment, made.samples, "300ms") as process:
        until(lambda: any(e["event"] == "group recorded" for e in versioner.events), "a group to be recorded")
        for broker in stack.brokers[:2]:
            broker.kill()
        _, said = process.communicate(timeout=LONG)
    assert process.returncode == 3, said
    assert "batches were confirmed; go on with" in said
    # Whether they say that they are not ready depends on whether they had a group in hand: one broker answers still.
    assert [process.get("/healthz")[0] for process in (ingestor, versioner)] == [200, 200]
    for broker in stack.brokers[:2]:
        broker.start()
    deployment.send(made.samples, "--batch-size", "10")
    check_exactly_once(deployment, made)
    assert [ingestor.popen.poll(), versioner.popen.poll()] == [None, None], "they went on by themselves"


def test_more_partitions_are_taken_up_by_ingestors_that_run(
    stack: ThreeBrokers, deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(45)
    ingestor, _ = start_both(deployment)
    second = deployment.start("ingestor", **SMALL)
    second.wait_ready()
    with following(deployment, "Partitions", PAGE) as section:
        section.follow(BROKERS=stack.kafka_bootstrap)
    until(lambda: _assigned(ingestor) + _assigned(second) == 6, "the new partitions to be shared out")
    deployment.send(made.samples, "--batch-size", "10")
    check_exactly_once(deployment, made)


def _assigned(process: Process) -> int:
    name = f'acidwatch_assigned_partitions{{topic="{TOPIC}"}}'
    lines = process.get("/metrics")[1].splitlines()
    return next((int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(name)), 0)
