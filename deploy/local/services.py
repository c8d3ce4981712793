"""acidwatch's own processes, as `up --services` runs them: arguments to this Python."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

import requests

from deploy.local.layout import Layout
from deploy.local.process import Child
from deploy.local.server import Server, run_to_end

# Run in this order to their end before any service starts; each must be idempotent.
ONE_SHOTS: list[list[str]] = [
    ["-m", "acidwatch.cli", "ledger", "migrate"],
    ["-m", "acidwatch.cli", "topics", "create"],
]
SERVICES: dict[str, list[str]] = {
    "ingestor": ["-m", "services.ingestor"],
    "versioner": ["-m", "services.versioner"],
    "producer": ["-m", "services.producer"],
}


REFERENCE = "reference tables"  # as services.ingestor.reference calls it in /readyz


class Service(Server):
    """One of acidwatch's own processes; its port is that of /readyz."""

    stop_signal = signal.SIGTERM
    ready_seconds = 60.0
    grace_seconds = 30.0

    def __init__(
        self,
        layout: Layout,
        port: int,
        abort: threading.Event,
        *,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
    ) -> None:
        self.name = name
        self._arguments = list(arguments)
        self._env = {**env, "ACIDWATCH_HEALTH_PORT": str(port)}
        if name == "producer":
            self._env |= {
                "ACIDWATCH_DROP_FOLDER": str(layout.root / "drop"),
                "ACIDWATCH_STATE_FOLDER": str(layout.root / "state"),
            }
        super().__init__(layout, port, abort)

    @property
    def health_url(self) -> str:
        """Where /readyz, /healthz and /metrics are."""
        return f"http://{self.address}"

    def environment(self) -> dict[str, str]:
        """The caller's, with the addresses of this stack."""
        return {**super().environment(), **self._env}

    def prepare(self) -> None:
        """Make the folders that the producer watches."""
        for variable in ("ACIDWATCH_DROP_FOLDER", "ACIDWATCH_STATE_FOLDER"):
            if folder := self._env.get(variable):
                os.makedirs(folder, exist_ok=True)

    def command(self) -> list[str]:
        """This Python with the declared arguments."""
        return [sys.executable, *self._arguments]

    def probe(self) -> bool:
        """Whether it is ready, or waits for nothing but reference tables, which only a person can load."""
        answer = requests.get(f"{self.health_url}/readyz", timeout=2)
        return answer.status_code == 200 or set(answer.json()["waiting_for"]) == {REFERENCE}


def run_one_shots(
    layout: Layout, one_shots: Sequence[Sequence[str]], env: Mapping[str, str], abort: threading.Event
) -> None:
    """Run each to its end, in order.

    Raises:
        ServerFailedError: One of them failed.
    """
    for arguments in one_shots:
        words = arguments[1:] if arguments[0] == "-m" else arguments
        name = re.sub(r"[^\w.]+", "-", " ".join(words)).strip("-")[:60]
        child = Child(layout, name, {**os.environ, **env})
        run_to_end(child, [sys.executable, *arguments], abort, seconds=120)
