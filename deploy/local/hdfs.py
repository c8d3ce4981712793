"""One HDFS NameNode and one DataNode."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import requests

from deploy.local.jars import java_command
from deploy.local.layout import Layout, write_atomically
from deploy.local.ports import Ports
from deploy.local.server import Server, make_once

HEAP_MIB = 384
SUPERUSER = "hdfs"
USER = "acidwatch"
HOME = "/acidwatch"

LOG4J = """\
log4j.rootLogger=INFO,out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
log4j.logger.BlockStateChange=WARN
log4j.logger.org.apache.hadoop.hdfs.StateChange=WARN
log4j.logger.org.apache.hadoop.hdfs.server.namenode.FSNamesystem.audit=WARN
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
log4j.logger.org.apache.hadoop.metrics2=WARN
log4j.logger.datanode.webhdfs=WARN
"""


class HdfsServer(Server):
    """What NameNode and DataNode share: one configuration, one user, one way to start."""

    main_class = ""

    def __init__(
        self, layout: Layout, port: int, abort: threading.Event, *, java: str, jars: Path, settings: dict[str, Any]
    ) -> None:
        self._java, self._jars, self._settings = java, jars, settings
        self._conf = layout.conf / self.name
        super().__init__(layout, port, abort)

    def environment(self) -> dict[str, str]:
        """Without a HADOOP_HOME of the machine, and with the same superuser whoever starts the stack."""
        kept = {name: value for name, value in super().environment().items() if not name.startswith("HADOOP_")}
        return {**kept, "HADOOP_USER_NAME": SUPERUSER}

    def prepare(self) -> None:
        """Write the configuration; each server has its own copy."""
        # Hadoop refuses to start its web servers without these two folders on the class path.
        for name in ("hdfs", "datanode"):
            (self._conf / "webapps" / name).mkdir(parents=True, exist_ok=True)
        write_atomically(self._conf / "log4j.properties", LOG4J)
        write_atomically(self._conf / "core-site.xml", _xml({"fs.defaultFS": self._settings["fs.defaultFS"]}))
        write_atomically(self._conf / "hdfs-site.xml", _xml(self._settings))

    def command(self) -> list[str]:
        """The server."""
        return self._run()

    def _run(self, *arguments: str) -> list[str]:
        class_path = f"{self._conf}:{self._jars}/hadoop/*"
        return [*java_command(self._java, HEAP_MIB, self.layout.tmp, class_path), self.main_class, *arguments]


class NameNode(HdfsServer):
    """Holds the names; its HTTP port is where WebHDFS clients go."""

    name = "namenode"
    main_class = "org.apache.hadoop.hdfs.server.namenode.NameNode"
    datanode: DataNode | None = None

    def prepare(self) -> None:
        """Write the configuration and format the name folder once."""
        super().prepare()
        make_once(self.layout.data / "namenode", self._format)

    def probe(self) -> bool:
        """Whether it's active, and a DataNode that runs has joined: files can be written and read."""
        state = _attribute(self.port, "NameNode", "NameNodeStatus", "State")
        alone = self.datanode is None or not self.datanode.running
        return state == "active" and (alone or self.writable())

    def writable(self) -> bool:
        """Whether safe mode is over and a DataNode is known."""
        state = _attribute(self.port, "NameNode", "FSNamesystemState", "FSState")
        nodes = _attribute(self.port, "NameNode", "FSNamesystemState", "NumLiveDataNodes")
        return state == "Operational" and int(nodes) >= 1

    def make_home(self) -> None:
        """Give acidwatch's user a folder of its own."""
        url = f"http://{self.address}/webhdfs/v1{HOME}"
        for query in ("op=MKDIRS&permission=755", f"op=SETOWNER&owner={USER}&group={USER}"):
            requests.put(f"{url}?user.name={SUPERUSER}&{query}", timeout=20).raise_for_status()

    def _format(self, _content: Path) -> None:
        # A NameNode that was never formatted to the end has never named a block: what a DataNode holds is rubbish.
        self.run_once("format", self._run("-format", "-force", "-nonInteractive"))


class DataNode(HdfsServer):
    """Holds the blocks; WebHDFS clients are sent here by the NameNode for content."""

    name = "datanode"
    main_class = "org.apache.hadoop.hdfs.server.datanode.DataNode"

    def prepare(self) -> None:
        """Write the configuration; the folder of blocks formats itself when it first meets a NameNode."""
        super().prepare()
        make_once(self.layout.data / "datanode", lambda content: content.chmod(0o700))

    def probe(self) -> bool:
        """Whether it's registered and in touch with its NameNode."""
        # This bean appears after the first handshake; before it, asking for the actors logs a stack trace each time.
        if _attribute(self.port, "DataNode", "FSDatasetState", "NumFailedVolumes") > 0:
            return False
        actors = json.loads(_attribute(self.port, "DataNode", "DataNodeInfo", "BPServiceActorInfo"))
        return bool(actors) and all(a["ActorState"] == "RUNNING" and int(a["LastHeartbeat"]) <= 5 for a in actors)


def make_hdfs(
    layout: Layout, ports: Ports, abort: threading.Event, *, java: str, jars: Path
) -> tuple[NameNode, DataNode, str]:
    """Both servers and the address for RPC (`hdfs://...`)."""
    rpc = f"127.0.0.1:{ports.get('namenode-rpc')}"
    http, blocks = ports.get("namenode"), ports.get("datanode")
    settings = {
        "fs.defaultFS": f"hdfs://{rpc}",
        "hadoop.tmp.dir": layout.tmp / "hadoop",
        # No shell per user to ask the machine for groups it doesn't know.
        "hadoop.user.group.static.mapping.overrides": f"{SUPERUSER}=supergroup;{USER}={USER}",
        "hadoop.security.group.mapping": "org.apache.hadoop.security.NullGroupsMapping",
        "dfs.namenode.rpc-address": rpc,
        "dfs.namenode.http-address": f"127.0.0.1:{http}",
        "dfs.namenode.name.dir": (layout.data / "namenode" / "content").as_uri(),
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        # Nothing to wait for once the only DataNode has reported.
        "dfs.namenode.safemode.extension": 0,
        "dfs.datanode.address": f"127.0.0.1:{ports.get('datanode-data')}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{ports.get('datanode-ipc')}",
        "dfs.datanode.http.address": f"127.0.0.1:{blocks}",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.datanode.use.datanode.hostname": "true",
        "dfs.client.use.datanode.hostname": "true",
        "dfs.datanode.data.dir": (layout.data / "datanode" / "content").as_uri(),
        "dfs.replication": 1,
        "dfs.permissions.enabled": "true",
        # In the DataNode, WebHDFS is a client that waits for its block to be confirmed: 400 ms a file by default.
        "dfs.client.block.write.locateFollowingBlock.initial.delay.ms": 5,
        # A DataNode that starts together with its NameNode, or outlives it, finds it within a second.
        "ipc.client.connect.retry.interval": 200,
        "ipc.client.connect.max.retries": 50,
        "dfs.heartbeat.interval": 1,
    }
    namenode = NameNode(layout, http, abort, java=java, jars=jars, settings=settings)
    datanode = DataNode(layout, blocks, abort, java=java, jars=jars, settings=settings)
    namenode.datanode = datanode
    return namenode, datanode, f"hdfs://{rpc}"


def _attribute(port: int, service: str, bean: str, attribute: str) -> Any:
    # One attribute: a DataNode asked for all of them logs a stack trace for each that it doesn't know yet.
    query = {"get": f"Hadoop:service={service},name={bean}::{attribute}"}
    return requests.get(f"http://127.0.0.1:{port}/jmx", params=query, timeout=2).json()["beans"][0][attribute]


def _xml(settings: dict[str, Any]) -> str:
    lines = [
        f"  <property><name>{name}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in settings.items()
    ]
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(lines)}</configuration>\n'
