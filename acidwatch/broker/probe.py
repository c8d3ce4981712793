"""Does a broker answer, and let us in? Asked on connections of its own, so that it works while a client is stuck."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct

from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError
from aiokafka.protocol.metadata import MetadataRequest

from acidwatch.broker.security import NOT_LET_IN, refused, security_options, tls
from acidwatch.errors import DependencyAwayError, RefusedError
from acidwatch.settings import KafkaSettings

_API_VERSIONS, _CORRELATION = 18, 7
_TLS_ALERT = b"\x15\x03"  # RFC 8446, 5.1: what a TLS server answers to plain text


def why_away(settings: KafkaSettings, timeout_seconds: float = 3.0) -> str:
    """Why none of the bootstrap brokers serves us; empty when one does. A frozen one accepts connections, and does not serve."""
    try:
        knock(settings, timeout_seconds)
    except DependencyAwayError as error:
        return str(error)
    return ""


def knock(settings: KafkaSettings, timeout_seconds: float = 3.0) -> None:
    """Have one of the bootstrap brokers answer an ApiVersions request and, where passwords are used, let us in.

    Not inside an event loop; takes `timeout_seconds` a broker at most, twice that with passwords.

    Raises:
        RefusedError: None serves us, and at least one says that a setting is wrong.
        DependencyAwayError: None answers.
    """
    refusal: RefusedError | None = None
    for address in settings.kafka_bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            if not _answers(settings, host.strip("[]"), int(port), timeout_seconds):
                continue
            if settings.kafka_security_protocol != "PLAINTEXT":
                asyncio.run(_enter(settings, host.strip("[]"), int(port), timeout_seconds))
            return
        except RefusedError as error:
            refusal = error
        except (KafkaError, OSError):
            continue
    raise refusal or DependencyAwayError("Kafka", settings.kafka_bootstrap, "no broker answers")


def _answers(settings: KafkaSettings, host: str, port: int, timeout_seconds: float) -> bool:
    request = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, -1)
    address = f"{host}:{port}"
    with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
        connection.settimeout(timeout_seconds)
        if settings.kafka_security_protocol == "PLAINTEXT":
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(8)
            if answer.startswith(_TLS_ALERT):
                advice = "set ACIDWATCH_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"
                raise RefusedError("Kafka", address, "it takes encrypted connections only", advice)
            return len(answer) > 0
        try:
            with tls(settings).wrap_socket(connection, server_hostname=host) as encrypted:
                encrypted.sendall(struct.pack(">i", len(request)) + request)
                return len(encrypted.recv(8)) > 0
        except ssl.SSLCertVerificationError as error:
            advice = "check ACIDWATCH_KAFKA_CA_FILE, and that ACIDWATCH_KAFKA_BOOTSTRAP has the name in the certificate"
            raise RefusedError("Kafka", address, f"certificate: {error.verify_message}", advice) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return False  # a broker that is ending, or one that speaks no TLS: it does not say which
        except ssl.SSLError as error:
            advice = "does this listener speak TLS? check ACIDWATCH_KAFKA_SECURITY_PROTOCOL"
            raise RefusedError("Kafka", address, f"TLS: {error.reason or error}", advice) from error


async def _enter(settings: KafkaSettings, host: str, port: int, timeout_seconds: float) -> None:
    """Log in where that is set, and ask something that a broker tells only those it knows.

    Raises:
        RefusedError: The broker said no, or closed the connection at that.
    """
    milliseconds = int(timeout_seconds * 1000)
    try:
        async with asyncio.timeout(timeout_seconds):
            connection = await create_conn(
                host, port, client_id="acidwatch", request_timeout_ms=milliseconds, **security_options(settings)
            )
            try:
                await connection.send(MetadataRequest([]))
            except KafkaError as error:
                if settings.kafka_security_protocol == "SSL":
                    advice = "set ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL"
                    reason = "it closes the connection of who gives no user and password"
                    raise RefusedError("Kafka", f"{host}:{port}", reason, advice) from error
                raise
            finally:
                connection.close()
    except NOT_LET_IN as error:
        raise refused(settings, f"{host}:{port}", error) from error
