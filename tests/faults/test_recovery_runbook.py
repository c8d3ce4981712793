"""Those sections of docs/recovery.md that need services to be stopped, topics to be removed or servers to be away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import openpyxl
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from acidwatch.workbook.generate import Generated
from deploy.local.stack import Stack
from tests.faults.conftest import BATCHES, check_exactly_once
from tests.faults.test_full_disks import limited
from tests.support.archived import another_database
from tests.support.deployment import LONG, Deployment, until
from tests.support.runbook import following

pytestmark = pytest.mark.slow
SMALL = {"group_records": "4", "group_seconds": "0.05", "retry_most_seconds": "2"}
CONTENT = "SELECT batch_id, attempt, rows FROM ledger.members((SELECT newest_version FROM ledger.datasets)) ORDER BY 1"


def test_nearly_everything_is_rejected(deployment: Deployment, workbooks: Callable[[int], Generated]) -> None:
    made = workbooks(1)
    book = openpyxl.load_workbook(made.sites)
    sheet = book.worksheets[0]
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row, 1).value = f"X{sheet.cell(row, 1).value}"
    wrong = made.sites.with_name("wrong.xlsx")
    book.save(wrong)
    deployment.cli("reference", "load", "--sites", str(wrong), "--methods", str(made.methods))
    deployment.send(made.samples, "--batch-size", "10")
    deployment.start("versioner")
    ingestor = deployment.start("ingestor", flood_batches="20", group_records="5")
    until(lambda: "flood guard" in ingestor.get("/readyz")[1], "the guard to trip")
    with following(deployment, "Nearly everything is rejected") as section:
        assert "reference.site" in section.follow()
        assert "PAUSED" not in section.follow(SITES=str(made.sites), METHODS=str(made.methods)).splitlines()[-1]
    assert len(deployment.query(CONTENT)) == BATCHES


@pytest.mark.parametrize("what", ["datanode", "full"])
def test_a_server_is_away_or_full(
    stack: Stack, deployment: Deployment, workbooks: Callable[[int], Generated], what: str
) -> None:
    made = workbooks({"datanode": 2, "full": 3}[what])
    ingestor = deployment.start("ingestor", **SMALL)
    deployment.start("versioner", **SMALL).wait_ready()
    ingestor.wait_ready()

    def paused() -> bool:
        return "HDFS" in ingestor.get("/readyz")[1]

    with following(deployment, "A server is away, or full") as section:
        if what == "full":
            with limited(stack, deployment.env["ACIDWATCH_HDFS_ROOT"], "storagespacequota"):
                deployment.send(made.samples, "--batch-size", "10")
                until(paused, "the pause")
                section.follow()
        else:
            stack.datanode.kill()
            deployment.send(made.samples, "--batch-size", "10")
            until(paused, "the pause")
            section.follow()
            stack.datanode.start()
        section.follow()
    check_exactly_once(deployment, made)


def test_a_consumer_is_stuck(deployment: Deployment, workbooks: Callable[[int], Generated]) -> None:
    made = workbooks(4)
    deployment.start("versioner", **SMALL)
    ingestor = deployment.start("ingestor", **SMALL)
    ingestor.wait_ready()
    ingestor.popen.send_signal(signal.SIGSTOP)
    deployment.send(made.samples, "--batch-size", "10")
    with following(deployment, "A consumer is stuck") as section:
        section.follow()
        deployment.kill(ingestor)
        deployment.start("ingestor", **SMALL)
        section.follow()
    check_exactly_once(deployment, made)


def test_the_database_is_lost_and_there_is_no_backup(
    deployment: Deployment, workbooks: Callable[[int], Generated]
) -> None:
    made = workbooks(5)
    deployment.start("ingestor")
    versioner = deployment.start("versioner")
    deployment.send(made.samples, "--batch-size", "10")
    deployment.cli("wait", "--timeout", "240s")
    before = deployment.query(CONTENT)
    assert before
    assert versioner.stop() == 0
    deployment.env["ACIDWATCH_DATABASE_URL"] = another_database(deployment, migrated=False)
    with following(deployment, "The database is lost, and there is no backup") as section:
        section.follow()
        assert deployment.query(CONTENT) == before
        deployment.start("versioner")
        section.follow()


def test_an_offset_gap(deployment: Deployment, workbooks: Callable[[int], Generated]) -> None:
    made = workbooks(6)
    topic = deployment.env["ACIDWATCH_TOPIC_BATCHES"]
    deployment.start("versioner")
    ingestor = deployment.start("ingestor")
    deployment.send(made.samples)
    deployment.cli("wait", "--timeout", "240s")

    async def remove() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"])
        await admin.start()
        try:
            await admin.delete_topics([topic])
            while topic in await admin.list_topics():
                await asyncio.sleep(0.1)
        finally:
            await admin.close()

    asyncio.run(remove())
    with following(deployment, "An offset gap") as section:
        section.follow()
        lost = workbooks(7)
        deployment.send(lost.samples)
        assert ingestor.popen.wait(LONG) == 1
        deployment.expire("ingestor")
        ingestor = deployment.start("ingestor")
        section.follow(WORKBOOK=str(lost.samples))
    assert ingestor.popen.poll() is None
