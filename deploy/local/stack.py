"""The stack itself: every server, in the right order, owned by the process that made this object."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from deploy.local.errors import AbortedError, StackBusyError
from deploy.local.hdfs import DataNode, NameNode, make_hdfs
from deploy.local.hold import release_all
from deploy.local.jars import fetch, find_java
from deploy.local.kafka import Kafka
from deploy.local.layout import JARS, Layout, read_json, write_atomically
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres
from deploy.local.process import kill_noted
from deploy.local.prometheus import Prometheus, find_prometheus
from deploy.local.restart import Restarter
from deploy.local.server import Server
from deploy.local.services import Service, run_one_shots

log = logging.getLogger("deploy.local")


class Stack:
    """Kafka, HDFS and PostgreSQL under one folder; a context manager that starts and stops them.

    While it is up, tests may `stop`, `start`, `kill`, `freeze` and `thaw` each of `kafka`, `namenode`, `datanode`
    and `postgres`; every server keeps its ports and its data.

    Args:
        root: Holds data, logs, configuration and state; made when missing.
        one_shots: Python arguments of commands to run once the servers are ready.
        services: Name -> Python arguments of processes to keep running after that.
        monitoring: Run a Prometheus that scrapes the services.
    """

    kafka: Kafka
    namenode: NameNode
    datanode: DataNode
    postgres: Postgres
    hdfs_rpc: str

    def __init__(
        self,
        root: Path,
        *,
        one_shots: Sequence[Sequence[str]] = (),
        services: Mapping[str, Sequence[str]] | None = None,
        monitoring: bool = False,
    ) -> None:
        self.layout = Layout(root)
        self.servers: list[Server] = []
        self.services: list[Service] = []
        self._one_shots = one_shots
        self._declared = dict(services or {})
        self._monitoring = monitoring
        self._abort = threading.Event()
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kafka_bootstrap(self) -> str:
        """host:port of the broker."""
        return self.kafka.address

    @property
    def hdfs_url(self) -> str:
        """The WebHDFS address, http://host:port."""
        return f"http://{self.namenode.address}"

    @property
    def database_url(self) -> str:
        """postgresql://user:password@host:port/database."""
        return self.postgres.database_url

    def env(self) -> dict[str, str]:
        """The settings that clients of this stack need, as environment variables."""
        servers = {
            "ACIDWATCH_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "ACIDWATCH_HDFS_URL": self.hdfs_url,
            "ACIDWATCH_HDFS_RPC": self.hdfs_rpc,
            "ACIDWATCH_DATABASE_URL": self.database_url,
            "ACIDWATCH_SPARK_JARS": str(JARS / "spark"),
        }
        return servers | {f"ACIDWATCH_{s.name.upper()}_HEALTH": s.health_url for s in self.services}

    def start(self) -> None:
        """Start everything and wait until it serves.

        Raises:
            PrerequisiteError: Java, Maven or the PostgreSQL wheel is missing.
            StackBusyError: The root is in use.
            ServerFailedError: Something did not start; nothing is left running.
        """
        java, jars = find_java(), fetch()
        self.layout.make()
        self._lock = take_lock(self.layout)
        try:
            for name in kill_noted(self.layout.run):
                log.warning("killed %s, left over from a supervisor that is gone", name)
            release_all(self.layout)
            self.write_state("starting")
            self._build(java, jars)
            self._together(_start_timed, self.servers)
            self.namenode.make_home()
            self.postgres.make_database()
            run_one_shots(self.layout, self._one_shots, self.env(), self._abort)
            self._together(_start_timed, self.services)
            lines = [f"{name}={value}\n" for name, value in self.env().items()]
            write_atomically(self.layout.env_file, "".join(lines), mode=0o600)
            self.write_state("ready")
        except BaseException as error:
            self.stop(failure=error)
            raise

    def abort(self) -> None:
        """Make a start that is under way give up; safe in a signal handler."""
        self._abort.set()

    def stop(self, failure: BaseException | None = None) -> None:
        """Stop the services, then the servers; the data stays."""
        if self._lock is None:
            return
        try:
            for group in (self.services, self.servers):
                if group:
                    with ThreadPoolExecutor(len(group)) as threads:
                        list(threads.map(lambda server: server.stop(), group))
            if failure is None:
                self.write_state("down")
            else:
                self.write_state("failed", error=str(failure) or type(failure).__name__)
        finally:
            os.close(self._lock)
            self._lock = None

    def restarter(self) -> Restarter:
        """What brings back each server and service that ends by itself."""
        return Restarter([*self.servers, *self.services])

    def write_state(self, state: str, **more: Any) -> None:
        """Tell other processes how far this supervisor is."""
        me = psutil.Process()
        servers: list[Server] = [*self.servers, *self.services]
        known = {
            "state": state,
            "pid": me.pid,
            "create_time": me.create_time(),
            "services": bool(self._declared),
            "servers": {server.name: server.address for server in servers},
            **more,
        }
        write_atomically(state_file(self.layout), json.dumps(known, indent=1) + "\n")

    def _build(self, java: str, jars: Path) -> None:
        ports = Ports(self.layout.root / "ports.json")
        self.kafka = Kafka(self.layout, ports, self._abort, java=java, jars=jars)
        self.namenode, self.datanode, self.hdfs_rpc = make_hdfs(self.layout, ports, self._abort, java=java, jars=jars)
        self.postgres = Postgres(self.layout, ports, self._abort)
        self.servers = [self.namenode, self.datanode, self.kafka, self.postgres]
        for name, arguments in self._declared.items():
            port, env = ports.get(name), self.env()
            service = Service(self.layout, port, self._abort, name=name, arguments=arguments, env=env)
            self.services.append(service)
        if self._monitoring:
            targets = {service.name: service.address for service in self.services}
            port, binary = ports.get(Prometheus.name), find_prometheus()
            self.servers.append(Prometheus(self.layout, port, self._abort, binary=binary, targets=targets))

    def _together(self, do: Callable[[Server], None], servers: Sequence[Server]) -> None:
        if not servers:
            return
        with ThreadPoolExecutor(len(servers)) as threads:
            jobs = [threads.submit(do, server) for server in servers]
            try:
                wait(jobs, return_when=FIRST_EXCEPTION)
            finally:
                if not all(job.done() and job.exception() is None for job in jobs):
                    self._abort.set()  # the others need not be waited for
        errors = [error for job in jobs if (error := job.exception()) is not None]
        # The cause, not those that were given up because of it.
        for error in sorted(errors, key=lambda error: isinstance(error, AbortedError)):
            raise error


def _start_timed(server: Server) -> None:
    began = time.monotonic()
    server.start()
    log.info("%s is ready at %s after %.1f s", server.name, server.address, time.monotonic() - began)


def state_file(layout: Layout) -> Path:
    """Where the supervisor says how far it is."""
    return layout.root / "supervisor.json"


def read_state(layout: Layout) -> dict[str, Any]:
    """What the last supervisor of this root said; empty when there was none."""
    return read_json(state_file(layout))


def take_lock(layout: Layout) -> int:
    """Own this root until the descriptor is closed or the process ends, however it ends.

    Raises:
        StackBusyError: Another process owns it.
    """
    lock = os.open(layout.run / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise StackBusyError(layout.root) from None
    return lock
