"""Liveness and readiness of a process, and the little web server that shows them beside /metrics.

The server has a thread of its own, so it answers while the event loop is blocked; that is why liveness is a statement about
progress, not about the port: see `acidwatch.streaming.watchdog`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
from prometheus_client import make_wsgi_app

from acidwatch.errors import ConfigError
from acidwatch.telemetry.metrics import DEPENDENCY_UP, PAUSED_SECONDS, RETRIES


@dataclass(slots=True)
class Health:
    """What the process knows of itself. Written by its loop, read by the web server's and the watchdog's threads.

    Attributes:
        waiting_for: What keeps it from working, by name, with a reason for people; empty = ready.
        stalled: Why it is not alive; empty while it is.
        last_away: When a dependency was last seen to be away, monotonic seconds; None = never.
    """

    service: str
    waiting_for: dict[str, str] = field(default_factory=lambda: {"start": "starting"})
    stalled: str = ""
    last_away: float | None = None

    def away(self, dependency: str, reason: str) -> None:
        """A dependency does not answer."""
        self.waiting_for[dependency] = reason
        self.last_away = time.monotonic()
        self._show(dependency, 0)

    def back(self, dependency: str) -> None:
        """A dependency answers."""
        self.waiting_for.pop(dependency, None)
        self._show(dependency, 1)

    def _show(self, dependency: str, up: int) -> None:
        DEPENDENCY_UP.labels(dependency).set(up)
        RETRIES.labels(self.service, dependency)  # at 0 from the start, so that the first one is seen as a rise
        PAUSED_SECONDS.labels(self.service, dependency)

    def waits(self, name: str, reason: str) -> None:
        """Something other than a dependency keeps the process from working, such as partitions not yet assigned."""
        self.waiting_for[name] = reason

    def goes_on(self, name: str) -> None:
        """It no longer does."""
        self.waiting_for.pop(name, None)

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Whether it works, and what it waits for."""
        waiting = dict(self.waiting_for)
        return not waiting, {"service": self.service, "ready": not waiting, "waiting_for": waiting}

    def liveness(self) -> tuple[bool, dict[str, Any]]:
        """Whether it makes progress or retries a known outage."""
        return not self.stalled, {"service": self.service, "alive": not self.stalled, "stalled": self.stalled}


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def serve(health: Health, host: str, port: int) -> int:
    """Serve /metrics, /healthz and /readyz from a thread; returns the port.

    Raises:
        ConfigError: The port is taken, or the address is not of this machine.
    """
    metrics = make_wsgi_app()

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        if path in ("/healthz", "/readyz"):
            good, body = health.liveness() if path == "/healthz" else health.readiness()
            start_response("200 OK" if good else "503 Service Unavailable", [("Content-Type", "application/json")])
            return [orjson.dumps(body)]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"/metrics, /healthz or /readyz\n"]

    try:
        server = make_server(host, port, application, _Server, _Quiet)
    except OSError as error:
        raise ConfigError(
            f"the health pages can't be served at {host}:{port} ({error.strerror}): set ACIDWATCH_HEALTH_HOST and ACIDWATCH_HEALTH_PORT"
        ) from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_port)
