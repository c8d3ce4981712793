"""The local stack with three brokers, each with the settings that docs/kafka.md gives it."""

from __future__ import annotations

import re
import shlex
import threading
from collections.abc import Mapping
from pathlib import Path

from deploy.local.jars import POM, java_command
from deploy.local.kafka import Kafka, new_id
from deploy.local.layout import JARS, PROJECT, Layout
from deploy.local.ports import Ports
from deploy.local.stack import Stack
from tests.support.artefacts import fetch

PAGE = PROJECT / "docs" / "kafka.md"
NUMBERS = (1, 2, 3)

# What spares a small machine, and changes nothing that the page or a test speaks of.
SMALL = """
offsets.topic.num.partitions=4
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""


def settings_of_the_page() -> str:
    """The file that the page gives to the first of its three brokers."""
    (found,) = re.findall(r"```properties\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(found)


class Broker(Kafka):
    """One of three; broker and controller.

    Attributes:
        peers: All three of them, in order, this one too.
    """

    def __init__(
        self, number: int, cluster: str, layout: Layout, ports: Ports, abort: threading.Event, *, java: str, jars: Path
    ) -> None:
        self.name = f"kafka-{number}"
        self.number, self.folder_id = number, new_id()
        self.peers: list[Broker] = []
        self._cluster = cluster
        super().__init__(layout, ports, abort, java=java, jars=jars)

    @property
    def controller(self) -> str:
        """host:port of its half that decides."""
        return f"127.0.0.1:{self._controller_port}"

    def _members(self) -> list[str]:
        members = ",".join(f"{peer.number}@{peer.controller}:{peer.folder_id}" for peer in self.peers)
        return ["--cluster-id", self._cluster, "--initial-controllers", members]

    def _configuration(self) -> str:
        return filled_in(settings_of_the_page(), self.number, self.places()) + SMALL

    def places(self) -> dict[str, str]:
        """What the page's names are here."""
        here = {f"kafka-{peer.number}:9092": peer.address for peer in self.peers}
        here |= {f"kafka-{peer.number}:9093": peer.controller for peer in self.peers}
        return here | {"/var/lib/kafka/data": str(self.layout.data / self.name / "content")}


def filled_in(page: str, number: int, places: Mapping[str, str]) -> str:
    """The first broker's settings as those of another one, as the page says: its number in `node.id` and both lines of `listeners`."""
    lines = []
    for line in page.splitlines():
        own = line.replace("kafka-1:", f"kafka-{number}:") if "listeners=" in line else line
        own = f"node.id={number}" if line.startswith("node.id=") else own
        for name, place in places.items():
            own = own.replace(name, place)
        lines.append(own)
    return "\n".join(lines) + "\n"


class ThreeBrokers(Stack):
    """As `Stack`, with three brokers instead of one."""

    brokers: list[Broker]

    @property
    def kafka_bootstrap(self) -> str:
        """All of them."""
        return ",".join(broker.address for broker in self.brokers)

    def _build(self, java: str, jars: Path) -> None:
        ports, cluster = Ports(self.layout.root / "ports.json"), new_id()
        self.brokers = [
            Broker(number, cluster, self.layout, ports, self._abort, java=java, jars=jars) for number in NUMBERS
        ]
        for broker in self.brokers:
            broker.peers = self.brokers
        super()._build(java, jars)
        self.servers = [server for server in self.servers if server is not self.kafka] + self.brokers


def make_kafka_tools(folder: Path, java: str, jars: Path) -> Path:
    """Kafka's own commands, such as `kafka-topics.sh`, as an installation of Kafka has them in `bin`: a folder for the PATH.

    Raises:
        PrerequisiteError: They can't be had here.
    """
    folder.mkdir()
    class_path = f"{jars}/kafka/*:{_kafka_tools_jar()}"
    for name, main_class in {
        "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
        "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
        "kafka-configs.sh": "kafka.admin.ConfigCommand",
        "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        "kafka-metadata-quorum.sh": "org.apache.kafka.tools.MetadataQuorumCommand",
    }.items():
        command = java_command(java, 128, folder, class_path, main_class)
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        path.chmod(0o755)
    return folder


def _kafka_tools_jar() -> Path:
    """The only jar of them that a broker lacks; fetched once by Maven (1 MB)."""
    (version,) = re.findall(r"<kafka.version>(.*?)<", POM.read_text())
    jar = JARS / f"kafka-tools-{version}.jar"
    if not jar.exists():
        fetch(f"org.apache.kafka:kafka-tools:{version}", "the jar of Kafka's commands")
    return jar
