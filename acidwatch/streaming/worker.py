"""Run a Faust worker that reads one topic in groups."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import faust
import structlog

from acidwatch.broker.anyrecord import read_any_record
from acidwatch.broker.groupoffsets import see_errors_of_groups
from acidwatch.broker.probe import knock
from acidwatch.broker.security import security_options
from acidwatch.broker.topics import committed_offsets, require_topic
from acidwatch.errors import ConfigError, RefusedError, RetryableError
from acidwatch.streaming.buffer import BoundedApp
from acidwatch.streaming.consumer import checked_transport
from acidwatch.streaming.group import Commit, GroupReader
from acidwatch.streaming.lag import keep_measuring
from acidwatch.streaming.settings import StreamSettings
from acidwatch.streaming.watchdog import Watchdog
from acidwatch.telemetry import health as health_server
from acidwatch.telemetry.health import Health


@dataclass(frozen=True, slots=True)
class Service:
    """A service that reads one topic.

    Attributes:
        name: Of the service; its consumer group is named after it.
        topic: What it reads.
        commit: Makes a group durable.
        begin: Called in the worker's loop before the first record is read.
        end: Called when the worker has stopped and the last group is done.
        most_in_flight: Groups that are committed side by side.
    """

    name: str
    topic: str
    commit: Commit
    begin: Callable[[], Awaitable[None]]
    end: Callable[[], Awaitable[None]]
    most_in_flight: int = 1


def run(service: Service, settings: StreamSettings, health: Health) -> None:
    """Run until SIGTERM or SIGINT. Does not return: Faust's worker ends the process."""
    log = structlog.get_logger(__name__)
    try:
        port = health_server.serve(health, settings.health_host, settings.health_port)
    except ConfigError as error:
        log.error("stopped: a setting is refused", reason=str(error))
        sys.exit(error.exit_code)
    log.info(
        "started",
        health=f"http://{settings.health_host}:{port}",
        topic=service.topic,
        group=settings.group(service.name),
    )
    _wait_for_topic(service.topic, settings.group(service.name), settings, health)
    read_any_record(settings.max_record_bytes)
    see_errors_of_groups()
    app = BoundedApp(
        settings.group(service.name),
        broker=[f"kafka://{address.strip()}" for address in settings.kafka_bootstrap.split(",")],
        broker_credentials=_credentials(settings),
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=True,
        stream_buffer_maxsize=settings.buffer_records,
        stream_recovery_delay=0.0,
        broker_commit_interval=0.5,
        broker_commit_every=1000,
        broker_max_poll_records=500,
        broker_max_poll_interval=365 * 86400.0,  # whoever is held back that long must still be able to rejoin
        broker_session_timeout=10.0,
        broker_heartbeat_interval=1.0,
        broker_request_timeout=15.0,
        broker_rebalance_timeout=20.0,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=10_000,  # how long a topic made anew, or a new partition, may go unnoticed
        consumer_max_fetch_size=1024**2,  # of a partition at once; a larger record comes all the same
        producer_acks=-1,
    )
    app.most_bytes = settings.buffer_bytes
    reader = GroupReader(app, service.commit, settings, health, service.most_in_flight)
    app.transport = checked_transport(reader.stop_at, settings.accept_gap)(app.conf.broker, app, app.loop)
    topic = app.topic(service.topic, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    app.agent(topic, name=service.name, concurrency=1)(reader.run)

    async def note_start(_: faust.App) -> None:
        health.goes_on("start")

    app.task(note_start)
    app.task(keep_measuring)

    class Worker(faust.Worker):
        def _setup_logging(self) -> None:
            """Logging is set up already; Faust's own would add handlers."""

        async def on_start(self) -> None:
            await service.begin()
            # Not as a task of the app: those begin with its first partitions, which may be what never comes.
            Watchdog(app, reader, service.topic, settings, settings.stall_seconds, health).start()
            await super().on_start()

        async def on_shutdown(self) -> None:
            """After the app has stopped: its last group still needs the clients."""
            await super().on_shutdown()
            await service.end()
            log.info("stopped")

    worker = Worker(app, redirect_stdouts=False, override_logging=False, quiet=True, loglevel=None, daemon=True)
    worker.spinner = None  # its terminal codes would end up in the log
    worker.execute_from_commandline()


def _wait_for_topic(topic: str, group: str, settings: StreamSettings, health: Health) -> None:
    """Faust exits when there is no broker at the start; we wait for it, and for the topic, as for any dependency that is away."""
    log = structlog.get_logger(__name__)
    attempt = 0
    while True:
        reason = _missing(topic, group, settings, log)
        if not reason:
            health.back("Kafka")
            return
        attempt += 1
        health.away("Kafka", reason)
        if attempt in (1, 4) or attempt % 16 == 0:
            log.warning("waiting", reason=reason, attempt=attempt)
        time.sleep(min(settings.retry_most_seconds, 0.25 * 2 ** min(attempt, 6)) * random.uniform(0.5, 1.0))


def _missing(topic: str, group: str, settings: StreamSettings, log: structlog.stdlib.BoundLogger) -> str:
    try:
        knock(settings)
        asyncio.run(_look_at(settings, topic, group))
    except (ConfigError, RefusedError) as error:  # nothing was read yet, and waiting would not help
        log.error("stopped: a setting is refused", reason=str(error))
        sys.exit(error.exit_code)
    except RetryableError as error:
        return str(error)
    return ""


async def _look_at(settings: StreamSettings, topic: str, group: str) -> None:
    await require_topic(settings, topic)
    await committed_offsets(settings, group, topic)  # aiokafka would wait without a word for a right that is missing


def _credentials(settings: StreamSettings) -> faust.types.auth.CredentialsT | None:
    """The same as every other client's, in Faust's words."""
    options = security_options(settings)
    if settings.kafka_security_protocol == "PLAINTEXT":
        return None
    if settings.kafka_security_protocol == "SSL":
        return faust.SSLCredentials(options["ssl_context"])
    return faust.SASLCredentials(
        username=options["sasl_plain_username"],
        password=options["sasl_plain_password"],
        mechanism=options["sasl_mechanism"],
        ssl_context=options["ssl_context"],
    )
