"""The composition root of the metrics job: settings in, a job that is ready to run out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pydantic import Field

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.errors import UnusableInputError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.revision import require_known
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from jobs.spark.hdfs import spark_root
from jobs.spark.metrics import MetricsJob
from jobs.spark.postgres import Connection, connected
from jobs.spark.reference import newest_reference
from jobs.spark.retention import Retention
from jobs.spark.session import SparkSettings, spark_session


class JobSettings(HdfsSettings, PostgresSettings, SparkSettings):
    """What the metrics job needs."""

    metrics_runs_kept: int = Field(
        20, ge=1, description="runs of the metrics job to keep, besides those of tagged versions and the one shown"
    )


def metrics_job() -> MetricsJob:
    """Build the job from the settings; connects to nothing yet.

    Raises:
        ConfigError: A setting is missing or wrong.
    """
    settings = load(JobSettings)
    store = HdfsStore(settings)
    return MetricsJob(
        root=spark_root(settings),
        reference=lambda: newest_reference(store),
        connect=lambda: _connected(settings),
        start_spark=lambda rows: spark_session(settings, settings.hdfs_user, rows=rows),
        now=lambda: datetime.now(UTC),
    )


@contextmanager
def _connected(settings: PostgresSettings) -> Iterator[Connection]:
    with connected(settings) as connection:
        require_known(connection)
        yield connection


def remove_old_runs() -> list[str]:
    """Remove the runs that are not kept, as the settings say.

    Returns:
        Their folders on HDFS, which are gone.

    Raises:
        ConfigError: A setting is missing or wrong.
        DependencyAwayError: HDFS or PostgreSQL is away; the next call does the rest.
    """
    settings = load(JobSettings)
    ledger = Ledger(settings)
    try:
        return Retention(HdfsStore(settings), ledger, settings.metrics_runs_kept).apply(datetime.now(UTC))
    finally:
        ledger.close()


def anything_to_compute() -> bool:
    """Whether there is a version of the dataset.

    Raises:
        DependencyAwayError: PostgreSQL does not answer.
        NotMigratedError: Its tables are not there.
    """
    with connected(load(PostgresSettings)) as connection:
        row = connection.execute("SELECT newest_version FROM ledger.datasets").fetchone()
    return row is not None and row[0] > 0


def published_rows() -> int:
    """How many rows the version of the newest published run has.

    Raises:
        DependencyAwayError: PostgreSQL does not answer.
        UnusableInputError: Nothing was published yet.
    """
    with connected(load(PostgresSettings)) as connection:
        row = connection.execute("SELECT rows FROM metrics.runs ORDER BY run_id DESC LIMIT 1").fetchone()
    if row is None:
        raise UnusableInputError("there is no metrics run yet")
    return int(row[0])
