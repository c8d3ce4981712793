"""A real node: containerd, kubelet and a DNS server, in namespaces of their own that end with them. Needs root.

Everything here takes for granted that `deploy.testcluster.apart` has put this process into a network, a table of processes and
mounts of its own: addresses are fixed, and nothing has to be cleaned up but what the kernel keeps for all, its control groups.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from deploy.built import cache
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import Layout
from deploy.local.prometheus import unpacked
from deploy.local.server import Server
from deploy.testcluster import upstream
from deploy.testcluster.pause import PAUSE

BRIDGE = "cni0"
GATEWAY = "172.30.0.1"  # of the pods' network, where the DNS server is too
NETWORK = "172.30.0.0/24"

# Where Debian's packages have what a node needs.
PLACES = {
    "containerd": "usr/bin/containerd",
    "runc": "usr/sbin/runc",
    "containernetworking-plugins": "usr/lib/cni",
}


def find(package: str) -> Path:
    """The program, or folder of programs, of one of Debian's packages: unpacked, not installed."""
    return unpacked(package) / PLACES[package]


class Containerd(Server):
    """It runs containers, each pod on the bridge of a small network."""

    name = "containerd"

    def __init__(self, layout: Layout, abort: threading.Event) -> None:
        self.socket = layout.run / "containerd.sock"
        super().__init__(layout, 0, abort)

    def environment(self) -> dict[str, str]:
        """It finds its own helpers and runc on the PATH."""
        env = super().environment()
        folders = [find("containerd").parent, find("runc").parent]
        return {**env, "PATH": ":".join([*(str(folder) for folder in folders), env["PATH"]])}

    def prepare(self) -> None:
        """Write its configuration, and that of the pods' network."""
        networks = self.layout.conf / "cni"
        networks.mkdir(exist_ok=True)
        bridge = {
            "type": "bridge",
            "bridge": BRIDGE,
            "isGateway": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": NETWORK}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": str(self.layout.data / "addresses"),
            },
        }
        (networks / "10-pods.conflist").write_text(
            json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]})
        )
        (self.layout.conf / "containerd.toml").write_text(
            f"""\
version = 2
root = "{self.layout.data / "containerd"}"
state = "{self.layout.run / "containerd"}"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true # machines such as CI's may not lower it, and no pod would start
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "{find("containernetworking-plugins")}"
  conf_dir = "{networks}"
"""
        )

    def command(self) -> list[str]:
        """The daemon."""
        return [str(find("containerd")), "--config", str(self.layout.conf / "containerd.toml")]

    def probe(self) -> bool:
        """Whether it answers its own client."""
        self.ctr("version")
        return True

    def load(self, archives: Sequence[Path], images: Mapping[str, str]) -> None:
        """Take images in from archives, and give them the names under which pods want them."""
        for archive in archives:
            self.ctr("images", "import", str(archive))
        for wanted, there in images.items():
            if wanted != there:
                self.ctr("images", "tag", full_name(there), full_name(wanted))

    def ctr(self, *arguments: str) -> str:
        """Run its client in the namespace that a kubelet uses."""
        program = find("containerd").with_name("ctr")
        return cache.run([str(program), "--address", str(self.socket), "--namespace", "k8s.io", *arguments], Path("/"))


def full_name(image: str) -> str:
    """Of an image that names no registry, as containerd keeps it."""
    return f"docker.io/{image if '/' in image else f'library/{image}'}"


class CoreDns(Server):
    """Names of services and pods, as the API server knows them."""

    name = "coredns"

    def __init__(self, layout: Layout, abort: threading.Event, kubeconfig: Path) -> None:
        self._kubeconfig, self._program = kubeconfig, upstream.coredns()
        super().__init__(layout, 8181, abort)

    def prepare(self) -> None:
        """Write its configuration."""
        (self.layout.conf / "Corefile").write_text(
            f"""\
.:53 {{
    bind {GATEWAY}
    errors
    ready {self.address}
    kubernetes cluster.local {{
        kubeconfig {self._kubeconfig} test
        ttl 1
    }}
}}
"""
        )

    def command(self) -> list[str]:
        """It answers on the bridge only."""
        return [str(self._program), "-conf", str(self.layout.conf / "Corefile")]

    def probe(self) -> bool:
        """Whether it has read what the API server has."""
        return requests.get(f"http://{self.address}/ready", timeout=2).status_code == 200


class Kubelet(Server):
    """The node itself. It is named localhost, because the API server asks it by its name."""

    name = "kubelet"

    def __init__(self, layout: Layout, abort: threading.Event, kubeconfig: Path, containerd: Containerd) -> None:
        self._kubeconfig, self._containerd = kubeconfig, containerd
        self._program = upstream.kubernetes(upstream.NODE)[self.name]
        super().__init__(layout, 10248, abort)

    def prepare(self) -> None:
        """Write its configuration: whoever reaches it may ask it anything, and that is only who is in this network."""
        configuration = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "containerRuntimeEndpoint": f"unix://{self._containerd.socket}",
            "clusterDNS": [GATEWAY],
            "clusterDomain": "cluster.local",
            "makeIPTablesUtilChains": False,
            "podLogsDir": str(self.layout.logs / "pods"),
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
        }
        (self.layout.conf / "kubelet.json").write_text(json.dumps(configuration))

    def command(self) -> list[str]:
        """It registers itself."""
        folder = self.layout.data / "kubelet"
        return [
            str(self._program),
            f"--config={self.layout.conf / 'kubelet.json'}",
            f"--kubeconfig={self._kubeconfig}",
            f"--root-dir={folder}",
            f"--cert-dir={folder / 'pki'}",
            "--hostname-override=localhost",
            f"--node-ip={GATEWAY}",
        ]

    def probe(self) -> bool:
        """Whether it is healthy; whether it is ready to run pods is the node's condition."""
        return requests.get(f"http://{self.address}/healthz", timeout=2).status_code == 200


def remove_control_groups() -> None:
    """Take the kubelet's groups away from under /sys/fs/cgroup, where all of its processes have ended."""
    for top in (*Path("/sys/fs/cgroup").glob("*/kubepods"), *Path("/sys/fs/cgroup").glob("kubepods")):
        for folder in sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        top.rmdir()


def prerequisites() -> None:
    """Fetch and build all that a node needs.

    Raises:
        PrerequisiteError: Something is not to be had.
    """
    for package in PLACES:
        find(package)
    upstream.kubernetes(upstream.NODE)
    upstream.coredns()
    if shutil.which("ip") is None:
        raise PrerequisiteError("ip was not found on PATH; on Debian: apt-get install iproute2")
