"""Brings back what ended by itself, with a growing pause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from deploy.local.errors import ServerFailedError
from deploy.local.hold import hold_file
from deploy.local.server import Server

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0  # whatever ran this long starts with the first pause again

log = logging.getLogger("deploy.local")


class Restarter:
    """Looks at servers again and again; `look` never waits."""

    def __init__(self, servers: Sequence[Server], clock: Callable[[], float] = time.monotonic) -> None:
        self._servers = list(servers)
        self._clock = clock
        self._failures = dict.fromkeys((server.name for server in servers), 0)
        self._started = dict.fromkeys(self._failures, clock())
        self._due: dict[str, float] = {}

    def look(self) -> None:
        """Start again whatever has ended unasked, is not held, and whose pause is over."""
        for server in self._servers:
            if not server.wanted or server.child.pid is not None or hold_file(server.layout, server.name).exists():
                self._due.pop(server.name, None)
            elif server.name not in self._due:
                self._due[server.name] = self._clock() + self._pause(server)
            elif self._clock() >= self._due[server.name]:
                self._restart(server)

    def _pause(self, server: Server) -> float:
        if self._clock() - self._started[server.name] > STEADY_SECONDS:
            self._failures[server.name] = 0
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(10, self._failures[server.name]))
        self._failures[server.name] += 1
        code, lines = server.child.returncode, "\n".join(f"  | {line}" for line in server.child.last_lines(5))
        log.warning("%s ended with code %s; starting it again in %.1f s\n%s", server.name, code, pause, lines)
        return pause

    def _restart(self, server: Server) -> None:
        del self._due[server.name]
        self._started[server.name] = self._clock()
        try:
            server.prepare()
            server.spawn()
        except (OSError, ServerFailedError) as error:
            log.warning("%s could not be started: %s", server.name, error)
