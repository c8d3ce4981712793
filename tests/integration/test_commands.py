"""Commands against servers that are away or settings that are wrong: one clear line, the right exit code, never a traceback."""

from __future__ import annotations

import pytest

from deploy.local.stack import Stack
from tests.support.deployment import Deployment

AWAY = {
    "Kafka": {"ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:9", "ACIDWATCH_KAFKA_TIMEOUT_SECONDS": "2"},
    "HDFS": {"ACIDWATCH_HDFS_URL": "http://127.0.0.1:9", "ACIDWATCH_HDFS_TIMEOUT_SECONDS": "2"},
    "PostgreSQL": {
        "ACIDWATCH_DATABASE_URL": "postgresql://acidwatch:secret@127.0.0.1:9/acidwatch",
        "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": "2",
    },
}


def commands(deployment: Deployment) -> dict[str, tuple[str, list[str]]]:
    made = deployment.generate(100)
    return {
        "send": ("Kafka", ["send", str(made.samples), "--interval", "0"]),
        "topics create": ("Kafka", ["topics", "create"]),
        "wait": ("Kafka", ["wait"]),
        "reference load": ("HDFS", ["reference", "load", "--sites", str(made.sites), "--methods", str(made.methods)]),
        "status": ("PostgreSQL", ["status"]),
        "status without Kafka": ("Kafka", ["status"]),
        "ingest status": ("HDFS", ["ingest", "status"]),
        "sources list": ("PostgreSQL", ["sources", "list"]),
        "batches list": ("PostgreSQL", ["batches", "list"]),
        "versions list": ("PostgreSQL", ["versions", "list"]),
        "dlq list": ("PostgreSQL", ["dlq", "list"]),
        "dlq replay": ("PostgreSQL", ["dlq", "replay", "--all", "--yes"]),
        "reprocess": ("PostgreSQL", ["reprocess", "--last-good", "--yes"]),
        "ledger migrate": ("PostgreSQL", ["ledger", "migrate"]),
        "reconcile": ("Kafka", ["reconcile"]),
        "verify": ("PostgreSQL", ["verify"]),
        "ledger backups list": ("HDFS", ["ledger", "backups", "list"]),
        "metrics site": ("PostgreSQL", ["metrics", "site"]),
        "job metrics": ("PostgreSQL", ["job", "metrics"]),
    }


@pytest.mark.parametrize(
    "command",
    [
        "send",
        "topics create",
        "wait",
        "reference load",
        "status",
        "status without Kafka",
        "ingest status",
        "sources list",
        "batches list",
        "versions list",
        "dlq list",
        "dlq replay",
        "reprocess",
        "ledger migrate",
        "reconcile",
        "verify",
        "ledger backups list",
        "metrics site",
        "job metrics",
    ],
)
def test_a_dependency_that_is_away_is_one_line_and_exit_code_3(deployment: Deployment, command: str) -> None:
    dependency, arguments = commands(deployment)[command]
    done = deployment.run(*arguments, env=AWAY[dependency])
    lines = [line for line in done.stderr.splitlines() if line.startswith("acidwatch: ")]
    assert done.returncode == 3, done.stderr
    assert len(lines) == 1
    assert f"{dependency} is away at" in lines[0]
    assert "127.0.0.1:9" in lines[0]
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [["versions", "list"], ["status"], ["watch", "--once"], ["metrics", "site"], ["job", "metrics"]],
    ids=" ".join,
)
def test_a_database_that_was_never_migrated_is_one_line_and_exit_code_2(
    deployment: Deployment, stack: Stack, command: list[str]
) -> None:
    done = deployment.run(*command, env={"ACIDWATCH_DATABASE_URL": stack.database_url})
    lines = [line for line in done.stderr.splitlines() if line.startswith("acidwatch: ")]
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1
    assert lines[0].endswith("make them with: acidwatch ledger migrate")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("service", ["producer", "ingestor", "versioner"])
def test_a_service_with_wrong_settings_names_all_of_them_and_where_it_looked(
    deployment: Deployment, service: str
) -> None:
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", ".") + ":" + str(deployment_root()),
             "ACIDWATCH_HEALTH_PORT": "99999", "ACIDWATCH_LOG_LEVEL": "LOUD"},
        cwd=deployment.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    for name in (
        "ACIDWATCH_KAFKA_BOOTSTRAP is not set",
        "ACIDWATCH_HEALTH_PORT is wrong",
        "ACIDWATCH_LOG_LEVEL is wrong",
    ):
        (line,) = [line for line in done.stderr.splitlines() if line.startswith(name)]
        assert "looked in" in line
    assert "Traceback" not in done.stderr


def deployment_root() -> str:
    from tests.support.deployment import PROJECT

    return str(PROJECT)


def test_waiting_for_a_workbook_that_was_never_sent_says_so_with_exit_code_1(deployment: Deployment) -> None:
    made = deployment.generate(100)
    done = deployment.run("wait", "--source", str(made.samples), "--timeout", "1s")
    assert done.returncode == 1
    assert "1 of 1 batches of samples.xlsx never came" in done.stderr


def test_waiting_with_another_batch_size_than_was_sent_does_not_take_other_batches_for_these(
    deployment: Deployment,
) -> None:
    made = deployment.generate(200, seed=6)
    services = [deployment.start(name) for name in ("ingestor", "versioner")]
    deployment.load_reference(made)
    deployment.send(made.samples)
    deployment.cli("wait", "--source", str(made.samples), "--timeout", "60s")
    done = deployment.run("wait", "--source", str(made.samples), "--batch-size", "150", "--timeout", "1s")
    assert done.returncode == 1
    assert "2 of 2 batches of samples.xlsx never came" in done.stderr
    for service in services:
        assert service.stop() == 0


@pytest.mark.parametrize("command", [["wait", "--timeout", "1s"], ["status"], ["reconcile"]], ids=" ".join)
def test_a_topic_that_does_not_exist_is_not_taken_for_one_where_all_is_done(
    deployment: Deployment, command: list[str]
) -> None:
    done = deployment.run(*command, env={"ACIDWATCH_TOPIC_BATCHES": "water-qualty"})
    assert done.returncode == 3
    assert "topic water-qualty does not exist; make it with: acidwatch topics create" in done.stderr
    assert "all accounted for" not in done.stdout


@pytest.mark.parametrize("codec", ["gzip", pytest.param("lz4", marks=pytest.mark.slow)])
def test_a_producer_may_compress_with_any_codec_of_kafka(deployment: Deployment, codec: str) -> None:
    import asyncio

    from aiokafka import AIOKafkaProducer

    async def produce() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"],
            compression_type=codec,
            max_request_size=40 * 1024**2,
        )
        await producer.start()
        try:
            # Far beyond the topic's limit before compression: its dead letter can't hold it again.
            size = 20_000_000 if codec == "gzip" else 1_000
            await producer.send_and_wait(deployment.env["ACIDWATCH_TOPIC_BATCHES"], b" " * size + codec.encode())
        finally:
            await producer.stop()

    deployment.load_reference(deployment.generate(200, seed=6))
    before = deployment.json("status")["dead_letters"]["published"]
    services = [deployment.start(name) for name in ("ingestor", "versioner")]
    asyncio.run(produce())
    deployment.cli("wait", "--timeout", "60s")
    assert deployment.json("status")["dead_letters"]["published"] == before + 1
    for service in services:
        assert service.stop() == 0


def test_a_dry_run_sends_nothing(deployment: Deployment) -> None:
    made = deployment.generate(100)
    assert "would send 1 batches" in deployment.cli("send", str(made.samples), "--dry-run", "--force")
    assert deployment.json("status")["batches"]["in_flight"] == 0


def test_a_reference_workbook_with_faults_names_each_cell_and_loads_nothing(deployment: Deployment) -> None:
    import openpyxl

    made = deployment.generate(100, seed=5)
    book = openpyxl.load_workbook(made.sites)
    sheet = book.worksheets[0]
    sheet["C2"] = "north"
    sheet["A3"] = None
    broken = deployment.folder / "broken-sites.xlsx"
    book.save(broken)
    done = deployment.run("reference", "load", "--sites", str(broken), "--methods", str(made.methods))
    assert done.returncode == 2
    assert "!C2: LATDD is 'north'; it must be number" in done.stderr
    assert "!A3: SITE_ID is empty" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_says_what_it_can_when_a_server_is_away(deployment: Deployment) -> None:
    nowhere = {"ACIDWATCH_VERSIONER_HEALTH": "http://127.0.0.1:9", **AWAY["PostgreSQL"]}
    done = deployment.run("status", env=nowhere)
    assert done.returncode == 3
    assert "lag           0 ingestor, 0 versioner" in done.stdout
    assert "ingest        running" in done.stdout
    assert "versioner     NO ANSWER at http://127.0.0.1:9" in done.stdout
    assert "PostgreSQL is away" in done.stderr
    without_hdfs = deployment.run("status", env=AWAY["HDFS"])
    assert without_hdfs.returncode == 0
    assert f"ingest        unknown: HDFS is away at {AWAY['HDFS']['ACIDWATCH_HDFS_URL']}" in without_hdfs.stdout
