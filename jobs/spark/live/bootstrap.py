"""The composition root of the live job: settings in, a job that is ready to run out."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field
from pyspark.sql import SparkSession

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.broker.topics import end_offsets, require_topic
from acidwatch.errors import ConfigError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.revision import require_known
from acidwatch.settings import HdfsSettings, KafkaSettings, PostgresSettings, ServiceSettings, load
from acidwatch.telemetry import health as health_server
from acidwatch.telemetry import logs
from acidwatch.telemetry.health import Health
from jobs.spark.hdfs import spark_root
from jobs.spark.live.job import LiveJob, Position
from jobs.spark.live.tables import Done
from jobs.spark.schedule import stopped_by_signals
from jobs.spark.session import SparkSettings, spark_session


class LiveSettings(KafkaSettings, HdfsSettings, PostgresSettings, SparkSettings, ServiceSettings):
    """What the live job needs."""

    spark_jars: str = Field(
        "", description="folder with the jars of Spark's Kafka source; empty = they lie among Spark's own"
    )
    live_records: int = Field(300, ge=1, description="most records that the live job takes in one trigger")
    live_verdict_seconds: float = Field(
        30.0, ge=0, description="how long a trigger waits for verdicts; what is accepted later is read from the archive"
    )


def run_live(trigger_seconds: float, once: bool) -> Done:
    """Run the live job until SIGTERM or Ctrl-C, or with `once` until what is there is taken in.

    Raises:
        ConfigError: A setting is missing or wrong.
        DependencyAwayError: A server is away at the start, or with `once`.
    """
    settings = load(LiveSettings, log_format="console" if sys.stderr.isatty() else None)
    root, jars = spark_root(settings), _jars(settings.spark_jars)
    logs.configure(settings, "live")
    store, ledger, health = HdfsStore(settings), Ledger(settings), Health("live")
    port = health_server.serve(health, settings.health_host, settings.health_port)
    logs.get_logger("acidwatch.jobs.live").info(
        "started", health=f"http://{settings.health_host}:{port}", topic=settings.topic_batches
    )

    def ends() -> Position:
        with ledger.transaction() as connection:
            require_known(connection)
            connection.execute("SELECT FROM metrics.live_state")
        store.names("")
        asyncio.run(require_topic(settings, settings.topic_alerts))
        return asyncio.run(end_offsets(settings, settings.topic_batches))

    @contextmanager
    def session() -> Iterator[SparkSession]:
        ours = signal.getsignal(signal.SIGINT)
        with spark_session(settings, settings.hdfs_user, "acidwatch live", jars) as spark:
            signal.signal(signal.SIGINT, ours)  # Spark has taken Ctrl-C for itself
            yield spark

    with stopped_by_signals() as stop:
        job = LiveJob(
            root=root,
            kafka=settings,
            ledger=ledger,
            start_spark=session,
            ends=ends,
            most_records=settings.live_records,
            verdict_seconds=settings.live_verdict_seconds,
            now=lambda: datetime.now(UTC),
            stop=stop,
            health=health,
        )
        try:
            return job.run(trigger_seconds, once)
        finally:
            ledger.close()


def _jars(folder: str) -> list[Path]:
    jars = sorted(Path(folder).glob("*.jar")) if folder else []
    if folder and not jars:
        raise ConfigError(f"ACIDWATCH_SPARK_JARS: there are no jars in {folder}")
    return jars
