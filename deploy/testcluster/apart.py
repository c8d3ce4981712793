"""A cluster with one real node, in a network, a table of processes and mounts of its own. Needs root.

Whatever it makes there (containers, a bridge, routes, mounts) ends with it; nothing of the machine is changed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from deploy.built import cache
from deploy.local.errors import ServerFailedError
from deploy.local.layout import PROJECT, Layout
from deploy.testcluster import node, pause
from deploy.testcluster.client import Client, kubeconfig
from deploy.testcluster.cluster import Cluster

READY = "ready"
UNSHARE = ("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")

# What a kubelet sets in the kernel, for the whole machine. It finds these values there already, and sets nothing.
KERNEL: Mapping[str, str] = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


class ClusterApart:
    """A context manager: the cluster below one folder.

    Args:
        root: The folder.
        archive: Images, as `docker save` writes them.
        images: Under which name pods want an image -> its name in the archive.
    """

    def __init__(self, root: Path, archive: Path, images: Mapping[str, str]) -> None:
        self._layout, self._archive, self._images = Layout(root), archive, images
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ClusterApart:
        """Start it and wait until its node is ready.

        Raises:
            PrerequisiteError: Something is not to be had.
            ServerFailedError: A server did not start; the message has the end of what it said.
        """
        node.prerequisites()
        self._layout.make()
        log = self._layout.logs / "apart.log"
        inside = [str(self._layout.root), str(self._archive), json.dumps(dict(self._images))]
        command = [*UNSHARE, sys.executable, "-m", "deploy.testcluster.apart", *inside]
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=output, stderr=output)
        while not (self._layout.run / READY).exists():
            if self._process.poll() is not None:
                self.stop()
                lines = log.read_text(errors="replace").splitlines()[-20:]
                raise ServerFailedError("the cluster", "did not start", log, lines)
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """End its first process, with which everything in there ends."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.wait()
            self._process = None
            node.remove_control_groups()

    @property
    def client(self) -> Client:
        """From outside into its network."""
        if self._process is None:
            raise RuntimeError("the cluster is not running")
        pid = self._process.pid
        first = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        return Client(self._layout, ("nsenter", f"--net=/proc/{first}/ns/net"))


def _keep_apart() -> None:
    """Hide what servers write to fixed places of the machine, and what they would set in the kernel."""
    run = cache.run
    run(["mount", "--make-rshared", "/"], PROJECT)
    for place in ("/run", "/var/lib", "/var/log"):
        run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", place], PROJECT)
    kernel = Path("/run/kernel")
    for name, value in KERNEL.items():
        file = kernel / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
        run(["mount", "--bind", str(file), f"/proc/sys/{name}"], PROJECT)


def _make_network() -> None:
    for command in (
        "link set lo up",
        f"link add {node.BRIDGE} type bridge",
        f"address add {node.GATEWAY}/{node.NETWORK.rpartition('/')[2]} dev {node.BRIDGE}",
        f"link set {node.BRIDGE} up",
    ):
        cache.run(["ip", *command.split()], PROJECT)


def main(root: Path, archive: Path, images: Mapping[str, str]) -> None:
    """Run the cluster until standard input ends, which it does with whoever started this."""
    _keep_apart()
    _make_network()
    cluster = Cluster(root)
    config, abort = kubeconfig(cluster.layout), cluster.abort
    containerd = node.Containerd(cluster.layout, abort)
    cluster.servers.append(containerd)
    cluster.servers.append(node.CoreDns(cluster.layout, abort, config))
    with cluster:
        containerd.load([pause.archive(), archive], images)
        kubelet = node.Kubelet(cluster.layout, abort, config, containerd)
        cluster.servers.append(kubelet)
        kubelet.start()
        for condition in ("create", "condition=Ready"):
            done = cluster.client.kubectl("wait", f"--for={condition}", "node/localhost", "--timeout=120s")
            if done.returncode != 0:
                raise kubelet.failed(f"has no node that is ready: {done.stderr}")
        (cluster.layout.run / READY).touch()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
