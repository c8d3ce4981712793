"""The local stack with its real servers: used, broken on purpose, killed, started again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from hdfs import InsecureClient

from deploy.local.layout import PROJECT, read_json
from deploy.local.stack import Stack

SERVICE = """
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(os.environ["ACIDWATCH_HEALTH_PORT"])), Ready).serve_forever()
"""
ONE_SHOT = """
import os, psycopg
with psycopg.connect(os.environ["ACIDWATCH_DATABASE_URL"]) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS migrated AS SELECT 1 AS one")
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("stack")
    with Stack(root, one_shots=[["-c", ONE_SHOT]], services={"ingestor": ["-c", SERVICE]}) as stack:
        yield stack
    assert processes_of(root) == []


def processes_of(root: Path) -> list[str]:
    """Whatever runs because of this root: it's in the command line or is the working folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if str(root) in " ".join(process.cmdline()) or process.cwd().startswith(str(root)):
                found.append(f"{process.pid} {process.name()}")
        except psutil.Error:
            continue
    return found


def local(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.local", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    if topic not in await admin.list_topics():
        await admin.create_topics([NewTopic(topic, 3, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=10 * 1024**2) as producer:
        await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str) -> bytes:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", max_partition_fetch_bytes=10 * 1024**2
    )
    async with asyncio.timeout(20):
        await consumer.start()
        try:
            return bytes((await consumer.getone()).value)
        finally:
            await consumer.stop()


def test_kafka_carries_the_largest_dead_letter(stack: Stack) -> None:
    value = b"x" * 9 * 1024**2
    asyncio.run(produce(stack.kafka_bootstrap, "large", value))
    assert asyncio.run(consume(stack.kafka_bootstrap, "large")) == value


def test_the_user_acidwatch_writes_and_reads_below_its_folder_and_nowhere_else(stack: Stack) -> None:
    client = InsecureClient(stack.hdfs_url, user="acidwatch", timeout=20)
    client.write("/acidwatch/raw/part", b"calcium", overwrite=True)
    with client.read("/acidwatch/raw/part") as reader:
        assert reader.read() == b"calcium"
    with pytest.raises(Exception, match="Permission denied"):
        client.write("/elsewhere", b"calcium")


def test_the_database_belongs_to_a_role_that_is_no_superuser(stack: Stack) -> None:
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute(
            "SELECT current_database(), current_user, usesuper, current_setting('fsync'), one"
            " FROM pg_user, migrated WHERE usename = current_user"
        ).fetchone()
    assert found == ("acidwatch", "acidwatch", False, "on", 1)


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    for server in stack.servers:
        assert server.child.pid is not None
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(server.child.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"}, server.name


def test_the_settings_file_is_for_its_owner_only_and_says_what_the_stack_says(stack: Stack) -> None:
    path = stack.layout.env_file
    assert path.stat().st_mode & 0o777 == 0o600
    assert dict(line.split("=", 1) for line in path.read_text().splitlines()) == stack.env()
    assert set(stack.env()) == {
        "ACIDWATCH_KAFKA_BOOTSTRAP",
        "ACIDWATCH_HDFS_URL",
        "ACIDWATCH_HDFS_RPC",
        "ACIDWATCH_DATABASE_URL",
        "ACIDWATCH_SPARK_JARS",
        "ACIDWATCH_INGESTOR_HEALTH",
    }


def test_a_service_that_dies_is_brought_back(stack: Stack) -> None:
    service, restarter = stack.services[0], stack.restarter()
    before = service.child.pid
    assert before is not None
    psutil.Process(before).kill()
    while service.child.pid in (None, before):
        restarter.look()
    service.wait_ready(10)
    with urllib.request.urlopen(stack.env()["ACIDWATCH_INGESTOR_HEALTH"] + "/readyz", timeout=5) as answer:
        assert answer.status == 200


def test_kafka_killed_and_started_again_keeps_its_address_and_its_records(stack: Stack) -> None:
    address = stack.kafka_bootstrap
    asyncio.run(produce(address, "kept", b"sulphate"))
    stack.kafka.kill()
    assert not stack.kafka.is_ready()
    stack.kafka.start()
    assert stack.kafka_bootstrap == address
    assert asyncio.run(consume(address, "kept")) == b"sulphate"


def test_hdfs_is_readable_as_soon_as_its_namenode_is_back(stack: Stack) -> None:
    client = InsecureClient(stack.hdfs_url, user="acidwatch", timeout=20)
    client.write("/acidwatch/kept", b"nitrate")
    stack.namenode.kill()
    stack.datanode.stop()
    stack.datanode.spawn()
    stack.namenode.start()
    stack.datanode.start()
    with client.read("/acidwatch/kept") as reader:
        assert reader.read() == b"nitrate"


def test_postgres_answers_nothing_while_frozen_and_goes_on_when_thawed(stack: Stack) -> None:
    stack.postgres.freeze()
    with pytest.raises(psycopg.errors.ConnectionTimeout):
        psycopg.connect(stack.database_url, connect_timeout=2)
    stack.postgres.thaw()
    with psycopg.connect(stack.database_url, connect_timeout=5) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_postgres_killed_in_the_middle_of_a_query_comes_back_with_what_was_committed(stack: Stack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE committed AS SELECT 7 AS ph")
        stack.postgres.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    stack.postgres.start()
    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("SELECT ph FROM committed").fetchone() == (7,)


def test_a_second_supervisor_on_the_same_root_is_refused(stack: Stack) -> None:
    refused = local("run", "--root", str(stack.layout.root))
    assert refused.returncode == 2
    assert "another supervisor already runs" in refused.stderr


@pytest.mark.slow
def test_data_and_addresses_survive_a_killed_supervisor_and_down_leaves_nothing_running(tmp_path: Path) -> None:
    at = ("--root", str(tmp_path))
    try:
        first = local("up", *at)
        assert first.returncode == 0, first.stderr
        env = dict(line.split("=", 1) for line in (tmp_path / "stack.env").read_text().splitlines())
        with psycopg.connect(env["ACIDWATCH_DATABASE_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        InsecureClient(env["ACIDWATCH_HDFS_URL"], user="acidwatch").write("/acidwatch/kept", b"42")
        asyncio.run(produce(env["ACIDWATCH_KAFKA_BOOTSTRAP"], "kept", b"42"))

        again = local("up", *at)
        assert (again.returncode, "was up already" in again.stdout) == (0, True)
        assert local("status", *at).returncode == 0

        psutil.Process(read_json(tmp_path / "supervisor.json")["pid"]).kill()
        assert local("status", *at).returncode == 3
        second = local("up", *at)
        assert second.returncode == 0, second.stderr
        assert (tmp_path / "stack.env").read_text() == "".join(f"{key}={value}\n" for key, value in env.items())
        with psycopg.connect(env["ACIDWATCH_DATABASE_URL"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with InsecureClient(env["ACIDWATCH_HDFS_URL"], user="acidwatch").read("/acidwatch/kept") as reader:
            assert reader.read() == b"42"
        assert asyncio.run(consume(env["ACIDWATCH_KAFKA_BOOTSTRAP"], "kept")) == b"42"
    finally:
        down = local("down", *at)
    assert (down.returncode, down.stdout) == (0, "down\n")
    assert processes_of(tmp_path) == []
    nothing = local("down", *at)
    assert (nothing.returncode, nothing.stdout) == (0, "nothing runs\n")


def test_a_server_that_cannot_start_is_named_with_its_last_lines_and_nothing_is_left_running(tmp_path: Path) -> None:
    broken = tmp_path / "data" / "kafka"
    (broken / "content").mkdir(parents=True)
    (broken / "formatted").touch()  # says it is formatted, and is not
    failed = local("up", "--root", str(tmp_path))
    assert failed.returncode == 3
    assert "kafka ended with code 1" in failed.stderr
    assert "meta.properties" in failed.stderr
    assert processes_of(tmp_path) == []
