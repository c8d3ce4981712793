"""Free loopback ports that stay the same from one start to the next."""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path

from deploy.local.layout import read_json, write_atomically

# Below the ephemeral range of Linux: a client that keeps knocking at a stopped server's port inside that range can
# be given the very same number as its own end, connects to itself, and the server never gets its port back.
RANGE = range(18_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Ports:
    """Ports by name, remembered in a file and given again while they are free."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = {name: port for name, port in read_json(path).items() if port in RANGE}
        self._given: set[int] = set()

    def get(self, name: str) -> int:
        """The remembered port if it is still free, else a new one."""
        port = self._known.get(name)
        others = self._given | {known for other, known in self._known.items() if other != name}
        while port is None or port in self._given or not is_free(port):
            port = random.choice(RANGE)
            if port in others:
                port = None
        self._given.add(port)
        self._known[name] = port
        write_atomically(self._path, json.dumps(self._known, indent=1) + "\n")
        return port
