"""What the live job says of itself while it follows the topic, on a real PostgreSQL; what Spark would say of the query is said here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY

from acidwatch.ledger.connection import Ledger
from acidwatch.settings import KafkaSettings
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import LAST_GROUP_TIME
from jobs.spark.live.job import LiveJob
from tests.support.deployment import Deployment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEVER = 0.0


@dataclass
class Query:
    """A streaming query that is looked at three times before the job is told to stop."""

    active: bool
    stop_job: threading.Event
    looks: int = 0

    def awaitTermination(self, _seconds: float) -> bool:  # Spark's name
        self.looks += 1
        if self.looks == 3:
            self.stop_job.set()
        return False

    @property
    def status(self) -> dict[str, Any]:
        return {"isTriggerActive": self.active}

    @property
    def lastProgress(self) -> None:
        return None

    isActive = False

    def stop(self) -> None:
        pass


def looked() -> float | None:
    return REGISTRY.get_sample_value("acidwatch_last_group_timestamp_seconds", {"service": "live"})


@pytest.fixture
def job(ledger: Ledger, deployment: Deployment) -> LiveJob:
    """A live job that has not looked yet, beside an empty dataset."""
    with ledger.transaction() as connection:
        connection.execute(
            "TRUNCATE metrics.live_state, metrics.live_batch, metrics.live_sample, metrics.live_site, metrics.alerts"
        )
    LAST_GROUP_TIME.labels("live").set(NEVER)
    return LiveJob(
        root="hdfs://nowhere/acidwatch",
        kafka=KafkaSettings(kafka_bootstrap=deployment.env["ACIDWATCH_KAFKA_BOOTSTRAP"]),
        ledger=ledger,
        start_spark=no_spark,
        ends=dict,
        most_records=1,
        verdict_seconds=0,
        now=lambda: NOW,
        stop=threading.Event(),
        health=Health("live"),
    )


@contextmanager
def no_spark() -> Iterator[Any]:
    yield None


def follow(job: LiveJob, monkeypatch: pytest.MonkeyPatch, *, active: bool) -> None:
    monkeypatch.setattr(LiveJob, "_start", lambda job, *_: Query(active, job.stop))
    job.run(trigger_seconds=0.001, once=False)


def test_a_look_is_noted_although_there_are_no_data(job: LiveJob, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(job, monkeypatch, active=False)
    assert looked() == NOW.timestamp()


def test_a_query_that_hangs_in_a_trigger_is_not_taken_for_one_without_data(
    job: LiveJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(job, monkeypatch, active=True)
    assert looked() == NEVER


def test_each_part_of_a_long_way_through_the_archive_is_noted(job: LiveJob) -> None:
    job._advance([], [])
    assert looked() == NOW.timestamp()
