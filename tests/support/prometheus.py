"""A real Prometheus for a test: Debian's, started with the rules of deploy/monitoring, and asked over its API."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.local.errors import PrerequisiteError
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.prometheus import Prometheus, find_prometheus

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def prometheus_or_skip() -> Path:
    """The program; a test that needs it is skipped where it is not to be had, and that is the only reason."""
    try:
        return find_prometheus()
    except PrerequisiteError as error:
        pytest.skip(str(error))


def shortened(text: str, factor: int) -> str:
    """Configuration or rules whose times are divided, so that a test needs not wait as long as a person would."""

    def divided(match: re.Match[str]) -> str:
        return f"{match[1]}{max(int(match[2]) * _UNITS[match[3]] // factor, 1)}s{match[4]}"

    text = re.sub(
        r"(?m)^( *(?:for|scrape_interval|scrape_timeout|evaluation_interval): )(\d+)([smhd])($)", divided, text
    )
    return re.sub(r"(\[)(\d+)([smhd])(\])", divided, text)


@dataclass(frozen=True)
class Asked:
    """The API of a Prometheus."""

    url: str

    def api(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20).json()
        assert answer["status"] == "success", f"{path} {parameters}: {answer.get('error')}"
        return answer["data"]

    def query(self, text: str) -> list[dict[str, Any]]:
        """The series of an instant query, now."""
        result: list[dict[str, Any]] = self.api("query", query=text)["result"]
        return result

    def firing(self, process: str | None = None) -> set[str]:
        """Names of the alerts that fire now, about one process where it is given."""
        alerts = [alert["labels"] for alert in self.api("alerts")["alerts"] if alert["state"] == "firing"]
        return {labels["alertname"] for labels in alerts if process in (None, labels.get("process"))}

    def targets(self) -> dict[str, str]:
        """Health of each target, by process."""
        return {one["labels"]["process"]: one["health"] for one in self.api("targets")["activeTargets"]}


@contextmanager
def running(
    root: Path, binary: Path, targets: Mapping[str, str], rewrite: Callable[[str], str] = lambda text: text
) -> Iterator[Asked]:
    """A Prometheus of a test's own, below `root`."""
    layout = Layout(root)
    layout.make()
    port = Ports(root / "ports.json").get("prometheus")
    abort = threading.Event()
    server = Prometheus(layout, port, abort, binary=binary, targets=targets, rewrite=rewrite)
    server.start()
    try:
        yield Asked(server.url)
    finally:
        server.stop()
