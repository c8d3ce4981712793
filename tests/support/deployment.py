"""acidwatch deployed on a stack for one test module: topics, folder, database and consumer groups of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from psycopg import sql

from acidwatch.workbook.generate import Generated, generate
from deploy.local.stack import Stack
from tests.support.groups import expire_members, skip_records

PROJECT = Path(__file__).resolve().parents[2]
REAL_DATA = PROJECT.parent / "shared" / "data" / "ltm"
LONG = 180.0  # a machine may be busy with other things; nothing waits so long for what happens


def until(condition: Callable[[], Any], what: str, seconds: float = LONG) -> Any:
    """Wait for a condition; its value. Fails with what was waited for."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.1)


@dataclass
class Process:
    """One of acidwatch's services, run as a process of its own."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def output(self) -> str:
        """What it logged so far."""
        return self.log.read_text(errors="replace")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its structured log lines; the last one may be half written yet."""
        whole = self.output.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def health_url(self) -> str:
        """Where it serves /metrics, /healthz and /readyz, as its first log line says."""
        found: str = until(
            lambda: next((event["health"] for event in self.events if "health" in event), None), f"{self.name} to start"
        )
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages."""
        try:
            with urllib.request.urlopen(self.health_url() + path, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def wait_ready(self, seconds: float = LONG) -> None:
        """Wait until /readyz says 200."""

        def ready() -> bool:
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.output[-3000:]}")
            return self.get("/readyz")[0] == 200

        until(ready, f"{self.name} to be ready", seconds)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 90.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(seconds)


@dataclass
class Deployment:
    """Settings of a deployment, and its processes."""

    stack: Stack
    name: str
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make its database; its topics and folder are made by the commands that users run."""
        parts = urlsplit(self.stack.database_url)
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
        topic = self.name.replace("_", "-")
        self.env = {
            **self.stack.env(),
            "ACIDWATCH_DATABASE_URL": urlunsplit(parts._replace(path=f"/{self.name}")),
            "ACIDWATCH_HDFS_ROOT": f"/acidwatch/{self.name}",
            "ACIDWATCH_TOPIC_BATCHES": topic,
            "ACIDWATCH_TOPIC_OUTCOMES": f"{topic}.outcomes",
            "ACIDWATCH_TOPIC_LETTERS": f"{topic}.dlq",
            "ACIDWATCH_TOPIC_ALERTS": f"{topic}.alerts",
            "ACIDWATCH_GROUP_PREFIX": self.name,
        }

    @property
    def database_url(self) -> str:
        """Of its own database."""
        return self.env["ACIDWATCH_DATABASE_URL"]

    def settings(self) -> dict[str, str]:
        """Its settings by their names, as `acidwatch.settings.load` takes them."""
        return {name.removeprefix("ACIDWATCH_").lower(): value for name, value in self.env.items()}

    def initialise(self) -> None:
        """Make tables and topics."""
        self.cli("ledger", "migrate")
        self.cli("topics", "create")

    def run(
        self, *arguments: str, env: dict[str, str] | None = None, seconds: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it; from a folder without settings files."""
        return subprocess.run(
            [sys.executable, "-m", "acidwatch.cli", *arguments],
            env={**os.environ, "PYTHONPATH": str(PROJECT), **self.env, **(env or {})},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,  # nobody is there to answer
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def cli(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """Run a command that must succeed; its stdout."""
        done = self.run(*arguments, env=env)
        assert done.returncode == 0, f"acidwatch {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that must succeed with --output json; what it says."""
        return json.loads(self.cli(*arguments, "--output", "json"))

    def start(self, service: str, kill_at: str = "", starter: str = "", **settings: str) -> Process:
        """Start a service, or the live job, as a process of its own, with more settings as keyword arguments.

        It may be made to kill itself, or be started by another module of tests/support.
        """
        module = [f"tests.support.{starter}", service] if starter else [f"services.{service}"]
        if service == "live":
            module = ["jobs.spark", "live", "--trigger", "0.5"]
        if kill_at:
            module = ["tests.support.service_with_kills", service, kill_at]
        if kill_at and service == "live":
            module = ["tests.support.live_with_kills", kill_at]
        log = self.folder / f"{service}-{len(self.processes)}.log"
        extra = {f"ACIDWATCH_{name.upper()}": value for name, value in settings.items()}
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", *module],
                env={**os.environ, "PYTHONPATH": str(PROJECT), **self.env, **extra},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = Process(service, popen, log)
        self.processes.append(process)
        return process

    def kill(self, process: Process) -> None:
        """End the only process of its service as a power cut would; its successor needs not wait for the session timeout."""
        assert process.stop(signal.SIGKILL) == -signal.SIGKILL
        self.expire(process.name)

    def expire(self, *services: str) -> None:
        """Take the members of services whose processes have all ended out of their consumer groups."""
        assert all(process.popen.poll() is not None for process in self.processes if process.name in services)
        for service in services:
            expire_members(self.env["ACIDWATCH_KAFKA_BOOTSTRAP"], f"{self.name}-{service}")

    def stop_all(self) -> None:
        """End whatever still runs."""
        running = [process for process in self.processes if process.popen.poll() is None]
        for process in running:
            process.popen.kill()
        for process in running:
            process.popen.wait(10)

    def generate(self, rows: int, seed: int = 1, broken: tuple[str, ...] = ()) -> Generated:
        """Make workbooks in a folder of their own."""
        return generate(rows, seed, self.folder / f"generated-{rows}-{seed}-{'-'.join(broken)}", broken)

    def load_reference(self, made: Generated) -> None:
        """Load its sites and methods."""
        self.cli("reference", "load", "--sites", str(made.sites), "--methods", str(made.methods))

    def send(self, workbook: Path, *more: str) -> dict[str, Any]:
        """Send a workbook as fast as it goes, also one that is broken on purpose; what `send` says."""
        found: dict[str, Any] = self.json("send", str(workbook), "--interval", "0", "--force", *more)
        return found

    def send_and_wait(self, workbook: Path) -> None:
        """Send a workbook and wait until it is accounted for."""
        self.send(workbook)
        self.cli("wait", "--source", str(workbook), "--timeout", "240s")

    def skip_outcomes(self) -> None:
        """Acknowledge every outcome in the stopped versioner's name, as if retention had removed them and a person accepted the gap."""
        bootstrap, topic = self.env["ACIDWATCH_KAFKA_BOOTSTRAP"], self.env["ACIDWATCH_TOPIC_OUTCOMES"]
        skip_records(bootstrap, f"{self.name}-versioner", topic)

    def records(self, variable: str) -> list[Any]:
        """Every record on the topic that a setting such as ACIDWATCH_TOPIC_LETTERS names."""
        return asyncio.run(self._records(self.env[variable]))

    async def _records(self, topic: str) -> list[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.env["ACIDWATCH_KAFKA_BOOTSTRAP"], auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(topic, number) for number in range(3)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: list[Any] = []
            while len(records) < sum(ends.values()):
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    records.extend(batch)
            return records
        finally:
            await consumer.stop()

    def query(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()
