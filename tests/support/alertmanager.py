"""A real Alertmanager for a test: Debian's, started with the example of deploy/monitoring, and told of alerts over its API."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from deploy.local.errors import PrerequisiteError
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.prometheus import unpacked
from deploy.local.server import Server
from deploy.monitoring import config

Labels = Mapping[str, str]


# Debian's looks for its templates below /usr/share only. Where it's unpacked and not installed, it gets a view of its own of what is there.
IN_PLACE = 'mount --bind "$0/usr/share" /usr/share && exec "$0/usr/bin/prometheus-alertmanager" "$@"'


def amtool_or_skip() -> Path:
    """Alertmanager's own tool, of Debian's package."""
    return Path(shutil.which("amtool") or _package() / "usr" / "bin" / "amtool")


def alertmanager_or_skip() -> list[str]:
    """The command that starts the server: the one that is installed, or that of the unpacked package."""
    found = shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    command = [found] if found else ["unshare", "--map-root-user", "--mount", "sh", "-c", IN_PLACE, str(_package())]
    tried = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode != 0:
        pytest.skip(
            f"Alertmanager does not run here; on Debian: apt-get install prometheus-alertmanager ({tried.stderr})"
        )
    return command


def _package() -> Path:
    try:
        return unpacked("prometheus-alertmanager")
    except PrerequisiteError as error:
        pytest.skip(str(error))


class _Alertmanager(Server):
    name = "alertmanager"

    def __init__(self, layout: Layout, port: int, start: Sequence[str]) -> None:
        self._start = start
        super().__init__(layout, port, threading.Event())

    def command(self) -> list[str]:
        return [
            *self._start,
            f"--config.file={config.FOLDER / 'alertmanager.yml'}",
            f"--storage.path={self.layout.data / 'alertmanager'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",  # alone
        ]

    def probe(self) -> bool:
        return requests.get(f"http://{self.address}/-/ready", timeout=2).status_code == 200


@dataclass(frozen=True)
class Told:
    """The API of an Alertmanager."""

    url: str

    def tell(self, alerts: Sequence[Labels]) -> None:
        """That these fire, as Prometheus would."""
        answer = requests.post(f"{self.url}/alerts", json=[{"labels": dict(labels)} for labels in alerts], timeout=20)
        assert answer.status_code == 200, answer.text

    def silent(self) -> list[Labels]:
        """Which of them nobody is told of, because another one says enough."""
        alerts = requests.get(f"{self.url}/alerts", timeout=20).json()
        return [alert["labels"] for alert in alerts if alert["status"]["inhibitedBy"]]


@contextmanager
def alertmanager(root: Path, start: Sequence[str]) -> Iterator[Told]:
    """An Alertmanager of a test's own, below `root`."""
    layout = Layout(root)
    layout.make()
    server = _Alertmanager(layout, Ports(root / "ports.json").get("alertmanager"), start)
    server.start()
    try:
        yield Told(f"http://{server.address}/api/v2")
    finally:
        server.stop()
