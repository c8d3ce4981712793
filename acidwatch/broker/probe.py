"""Does a broker answer? One request of the Kafka protocol over a socket of its own, so that it works while a client is stuck."""

from __future__ import annotations

import socket
import struct

from acidwatch.settings import KafkaSettings

_API_VERSIONS, _CORRELATION = 18, 7


def broker_answers(settings: KafkaSettings, timeout_seconds: float = 3.0) -> bool:
    """Whether any of the bootstrap brokers answers an ApiVersions request; a frozen broker accepts connections but does not."""
    for address in settings.kafka_bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        request = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, -1)
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout_seconds) as connection:
                connection.settimeout(timeout_seconds)
                connection.sendall(struct.pack(">i", len(request)) + request)
                if len(connection.recv(8)) > 0:
                    return True
        except (OSError, ValueError):
            continue
    return False
