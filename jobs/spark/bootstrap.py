"""The composition root of the metrics job: settings in, a job that is ready to run out."""

from __future__ import annotations

from datetime import UTC, datetime

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from jobs.spark.hdfs import spark_root
from jobs.spark.metrics import MetricsJob
from jobs.spark.postgres import connected
from jobs.spark.reference import newest_reference
from jobs.spark.session import SparkSettings, spark_session


class JobSettings(HdfsSettings, PostgresSettings, SparkSettings):
    """What the metrics job needs."""


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
        connect=lambda: connected(settings),
        start_spark=lambda: spark_session(settings, settings.hdfs_user),
        now=lambda: datetime.now(UTC),
    )
