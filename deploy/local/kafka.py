"""A single Kafka broker in KRaft mode."""

from __future__ import annotations

import asyncio
import threading
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.client import AIOKafkaClient  # type: ignore[import-untyped,unused-ignore]

from deploy.local.jars import java_command
from deploy.local.layout import Layout, write_atomically
from deploy.local.ports import Ports, is_free
from deploy.local.server import Server, make_once

HEAP_MIB = 512
MAX_RECORD_BYTES = 9 * 1024**2 + 64 * 1024  # a dead letter: the largest batch, 1 MiB of headers, the framing

LOG4J = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
logger.state.name = state.change.logger
logger.state.level = warn
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
"""


class Kafka(Server):
    """Broker and controller in one process."""

    name = "kafka"
    format_options: tuple[str, ...] = ()

    def __init__(self, layout: Layout, ports: Ports, abort: threading.Event, *, java: str, jars: Path) -> None:
        self._controller_port = ports.get(f"{self.name}-controller")
        self._java, self._jars = java, jars
        self._properties = layout.conf / self.name / "server.properties"
        super().__init__(layout, ports.get(self.name), abort)

    def prepare(self) -> None:
        """Write server.properties and format the log folder once."""
        self._properties.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._properties.with_name("log4j2.properties"), LOG4J)
        write_atomically(self._properties, self._configuration())
        make_once(self.layout.data / self.name, self._format)

    def command(self) -> list[str]:
        """The broker."""
        return self._run("kafka.Kafka", str(self._properties), heap_mib=HEAP_MIB)

    def probe(self) -> bool:
        """Whether the broker answers a metadata request and counts itself in."""
        # Without a listener aiokafka would log an error for every try.
        if is_free(self.port):
            return False
        # A thread of its own, because the caller may be inside an event loop.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _counts_itself_in(self.port)).result()

    def _format(self, content: Path) -> None:
        arguments = ["format", "--config", str(self._properties), *self._members(), *self.format_options]
        self.run_once("format", self._run("kafka.tools.StorageTool", *arguments, heap_mib=128))

    def _members(self) -> list[str]:
        """Of which cluster this is, and who decides in it."""
        return ["--standalone", "--cluster-id", new_id()]

    def _run(self, main_class: str, *arguments: str, heap_mib: int) -> list[str]:
        # Kafka's last words come from a shutdown hook, at which time log4j's own hook would have closed the log.
        log4j = [
            "-Dlog4j.shutdownHookEnabled=false",
            f"-Dlog4j2.configurationFile={self._properties.with_name('log4j2.properties')}",
        ]
        jvm = java_command(self._java, heap_mib, self.layout.tmp, f"{self._jars}/kafka/*")
        return [*jvm, *log4j, main_class, *arguments]

    def _configuration(self) -> str:
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": self.layout.data / self.name / "content",
            "auto.create.topics.enable": "false",
            "message.max.bytes": MAX_RECORD_BYTES,
            "replica.fetch.max.bytes": MAX_RECORD_BYTES,
            # One node: every internal topic has one replica, and few partitions so that the first group is quick.
            "default.replication.factor": 1,
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "offsets.retention.minutes": 30 * 24 * 60,  # as long as outcomes are kept
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            # A broker that was killed can register again only when its old session is over: 9 s by default.
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 1000,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "log.cleaner.dedupe.buffer.size": 16 * 1024**2,
        }
        return "".join(f"{key}={value}\n" for key, value in settings.items())


def new_id() -> str:
    """An id of a cluster or of a folder of logs, as Kafka wants it."""
    made = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # Kafka's own commands would read an id that begins with a hyphen as an option.
    return "A" + made[1:]


async def _counts_itself_in(port: int) -> bool:
    client = AIOKafkaClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=2000)
    try:
        async with asyncio.timeout(3):
            await client.bootstrap()
            return any(broker.port == port for broker in client.cluster.brokers())
    finally:
        await client.close()
