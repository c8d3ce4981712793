"""A whole control plane, started and stopped."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.server import Server
from deploy.testcluster.client import Client
from deploy.testcluster.control_plane import ApiServer, Controller, Etcd, prerequisites


class Cluster:
    """A context manager: a cluster without nodes below one folder, on free loopback ports.

    Its controllers make pods, and no pod ever runs.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.layout.make()
        self.client = Client(self.layout)
        self.abort = threading.Event()
        ports = Ports(self.layout.root / "ports.json")
        programs = prerequisites()
        etcd = Etcd(self.layout, ports, self.abort)
        api = ApiServer(self.layout, ports, self.abort, programs=programs, etcd=etcd)
        self.servers: list[Server] = [etcd, api]
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.servers.append(Controller(name, self.layout, ports, self.abort, program=programs[name], api=api))

    def __enter__(self) -> Cluster:
        """Start the servers one after the other."""
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop them."""
        self.stop()

    def stop(self) -> None:
        """Stop the servers, the last one first."""
        for server in reversed(self.servers):
            server.stop()
