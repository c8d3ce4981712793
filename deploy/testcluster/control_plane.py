"""The processes of a control plane: etcd, API server, controllers, scheduler. All on loopback, all below one folder."""

from __future__ import annotations

import json
import secrets
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import requests

from deploy.built import cache
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import Layout, write_atomically
from deploy.local.ports import Ports
from deploy.local.prometheus import unpacked
from deploy.local.server import Server
from deploy.testcluster import upstream
from deploy.testcluster.client import kubeconfig


def find_etcd() -> Path:
    """The `etcd` on the PATH, or that of Debian's package, unpacked."""
    return Path(shutil.which("etcd") or unpacked("etcd-server") / "usr" / "bin" / "etcd")


def prerequisites() -> dict[str, Path]:
    """Fetch and build all that a control plane needs; Kubernetes' programs by name.

    Raises:
        PrerequisiteError: Something is not to be had here.
    """
    find_etcd()
    if shutil.which("openssl") is None:
        raise PrerequisiteError("openssl was not found on PATH; on Debian: apt-get install openssl")
    return upstream.kubernetes(upstream.CONTROL_PLANE)


class Etcd(Server):
    """Where the API server keeps everything; it may forget when the machine crashes."""

    name = "etcd"

    def __init__(self, layout: Layout, ports: Ports, abort: threading.Event) -> None:
        self._peer = f"http://127.0.0.1:{ports.get('etcd-peer')}"
        super().__init__(layout, ports.get("etcd"), abort)

    @property
    def url(self) -> str:
        """For its client."""
        return f"http://{self.address}"

    def command(self) -> list[str]:
        """One member."""
        return [
            str(find_etcd()),
            f"--data-dir={self.layout.data / 'etcd'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={self._peer}",
            f"--initial-advertise-peer-urls={self._peer}",
            f"--initial-cluster=default={self._peer}",
            "--unsafe-no-fsync",
        ]

    def probe(self) -> bool:
        """Whether it has a leader."""
        return requests.get(f"{self.url}/health", timeout=2).status_code == 200


class ApiServer(Server):
    """What `kubectl` talks to: one administrator, known by a token; rights by roles."""

    name = "kube-apiserver"

    def __init__(
        self, layout: Layout, ports: Ports, abort: threading.Event, *, programs: Mapping[str, Path], etcd: Etcd
    ) -> None:
        self._program, self._etcd = programs[self.name], etcd
        self._certificates = layout.data / "apiserver"
        self._token = secrets.token_hex(16)
        self.kubeconfig = kubeconfig(layout)
        super().__init__(layout, ports.get(self.name), abort)

    @property
    def url(self) -> str:
        """Of its API."""
        return f"https://{self.address}"

    @property
    def keys(self) -> tuple[Path, Path]:
        """Private and public key of the tokens of ServiceAccounts."""
        return self.layout.data / "accounts.key", self.layout.data / "accounts.pub"

    def prepare(self) -> None:
        """Make the keys, the administrator's token, and the file by which clients find all that."""
        private, public = self.keys
        cache.run(["openssl", "genrsa", "-out", str(private), "2048"], self.layout.root)
        cache.run(["openssl", "rsa", "-in", str(private), "-pubout", "-out", str(public)], self.layout.root)
        write_atomically(self.layout.data / "tokens.csv", f'{self._token},admin,admin,"system:masters"\n', mode=0o600)
        write_atomically(
            self.kubeconfig,
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [
                        {
                            "name": "test",
                            "cluster": {
                                "server": self.url,
                                "certificate-authority": str(self._certificates / "apiserver.crt"),
                            },
                        }
                    ],
                    "users": [{"name": "admin", "user": {"token": self._token}}],
                    "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
                    "current-context": "test",
                }
            ),
            mode=0o600,
        )

    def command(self) -> list[str]:
        """It makes a certificate for itself."""
        private, public = self.keys
        return [
            str(self._program),
            f"--etcd-servers={self._etcd.url}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self._certificates}",
            "--service-account-issuer=https://kubernetes.test",
            f"--service-account-key-file={public}",
            f"--service-account-signing-key-file={private}",
            f"--token-auth-file={self.layout.data / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",  # nothing in the cluster asks it, and loopback is not an address for that
        ]

    def probe(self) -> bool:
        """Whether it says that it's ready."""
        answer = requests.get(
            f"{self.url}/readyz",
            headers={"Authorization": f"Bearer {self._token}"},
            verify=str(self._certificates / "apiserver.crt"),
            timeout=2,
        )
        return answer.status_code == 200


class Controller(Server):
    """kube-controller-manager or kube-scheduler: it acts on what the API server has."""

    def __init__(
        self, name: str, layout: Layout, ports: Ports, abort: threading.Event, *, program: Path, api: ApiServer
    ) -> None:
        self.name = name
        self._program, self._api = program, api
        super().__init__(layout, ports.get(name), abort)

    def command(self) -> list[str]:
        """The only one of its kind, so it needs no election."""
        more = ["--controllers=*"]
        more += [f"--service-account-private-key-file={self._api.keys[0]}"]
        return [
            str(self._program),
            f"--kubeconfig={self._api.kubeconfig}",
            f"--authentication-kubeconfig={self._api.kubeconfig}",
            f"--authorization-kubeconfig={self._api.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.layout.data / self.name}",
            "--leader-elect=false",
            *(more if self.name == "kube-controller-manager" else []),
        ]

    def probe(self) -> bool:
        """Whether it is healthy; it makes a certificate that nobody needs to check here."""
        certificate = next((self.layout.data / self.name).glob("*.crt"))
        return requests.get(f"https://{self.address}/healthz", verify=str(certificate), timeout=2).status_code == 200
