"""Prometheus of Debian's package, scraping the services of the stack. Optional: up --monitoring."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from deploy.local.errors import PrerequisiteError
from deploy.local.layout import DEFAULT_ROOT, Layout
from deploy.local.server import Server
from deploy.monitoring.config import write_config

UNPACKED = DEFAULT_ROOT / "debian"  # shared by every root, as the jars are
KEPT = "15d"


class Prometheus(Server):
    """One Prometheus with the rules of deploy/monitoring.

    Args:
        binary: What to run, see `find_prometheus`.
        targets: Process -> host:port of its /metrics.
        rewrite: See `write_config`.
    """

    name = "prometheus"

    def __init__(
        self,
        layout: Layout,
        port: int,
        abort: threading.Event,
        *,
        binary: Path,
        targets: Mapping[str, str],
        rewrite: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._binary, self._targets, self._rewrite = binary, targets, rewrite
        super().__init__(layout, port, abort)

    @property
    def url(self) -> str:
        """Of its page and its API."""
        return f"http://{self.address}"

    def prepare(self) -> None:
        """Write configuration and rules."""
        write_config(self.layout.conf / "prometheus", self._targets, self._rewrite)

    def command(self) -> list[str]:
        """Its data under the root, on loopback only."""
        return [
            str(self._binary),
            f"--config.file={self.layout.conf / 'prometheus' / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.layout.data / 'prometheus'}",
            f"--storage.tsdb.retention.time={KEPT}",
            f"--web.listen-address={self.address}",
        ]

    def probe(self) -> bool:
        """Whether it answers queries."""
        return requests.get(f"{self.url}/-/ready", timeout=2).status_code == 200


def find_prometheus() -> Path:
    """The `prometheus` on the PATH, with `promtool` beside it; else that of Debian's package.

    Raises:
        PrerequisiteError: Neither is to be had.
    """
    if (found := shutil.which("prometheus")) and (Path(found).parent / "promtool").exists():
        return Path(found)
    return unpacked("prometheus") / "usr" / "bin" / "prometheus"


def unpacked(package: str) -> Path:
    """A folder with Debian's package, fetched once and unpacked, not installed: no service is started, `make clean` removes it.

    Raises:
        PrerequisiteError: It is not to be had.
    """
    missing = f"{package.capitalize()} was not found; on Debian: apt-get install {package}"
    folder = UNPACKED / package
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (UNPACKED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
                raise PrerequisiteError(missing)
            part = UNPACKED / f"{package}.part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            try:
                if reason := _unpack(package, part):
                    raise PrerequisiteError(f"{missing} (Debian's package could not be had: {reason})")
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
    return folder


def _unpack(package: str, folder: Path) -> str:
    """Fetch and unpack; why it failed, if it did."""
    download = ["apt-get", "-q", "download", package]
    reason = _failure(download, folder)
    if reason and os.geteuid() == 0:  # a new machine has no list of packages yet
        reason = _failure(["apt-get", "-q", "update"], folder) or _failure(download, folder)
    if reason:
        return reason
    archive = next(folder.glob("*.deb"))
    reason = _failure(["dpkg-deb", "-x", archive.name, "."], folder)
    archive.unlink()
    return reason


def _failure(command: Sequence[str], folder: Path) -> str:
    """Run a command; the last thing it said if it failed, otherwise nothing."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return "no answer within 5 minutes"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
