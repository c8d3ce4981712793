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

UNPACKED = DEFAULT_ROOT / "prometheus"  # shared by every root, as the jars are
KEPT = "15d"
MISSING = "Prometheus was not found; on Debian: apt-get install prometheus"


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
    """The `prometheus` on the PATH, with `promtool` beside it; else Debian's package, fetched once and unpacked, not installed.

    Raises:
        PrerequisiteError: Neither is to be had.
    """
    if (found := shutil.which("prometheus")) and (Path(found).parent / "promtool").exists():
        return Path(found)
    binary = UNPACKED / "usr" / "bin" / "prometheus"
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with UNPACKED.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            _unpack()
    return binary


def _unpack() -> None:
    """Nothing of it is installed: no service of the system is started, and `make clean` removes it."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise PrerequisiteError(MISSING)
    part = UNPACKED.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    package = part / "package"
    package.mkdir(parents=True)
    try:
        download = ["apt-get", "-q", "download", "prometheus"]
        reason = _failure(download, package)
        if reason and os.geteuid() == 0:  # a new machine has no list of packages yet
            reason = _failure(["apt-get", "-q", "update"], package) or _failure(download, package)
        if reason:
            raise PrerequisiteError(f"{MISSING} (fetching Debian's package failed: {reason})")
        if reason := _failure(["dpkg-deb", "-x", str(next(package.glob("*.deb"))), str(part)], package):
            raise PrerequisiteError(f"{MISSING} (unpacking Debian's package failed: {reason})")
        shutil.rmtree(package)
        part.rename(UNPACKED)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _failure(command: Sequence[str], folder: Path) -> str:
    """Run a command; the last thing it said if it failed, otherwise nothing."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return "no answer within 5 minutes"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
