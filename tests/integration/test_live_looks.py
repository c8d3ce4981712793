"""What the live job says of itself while it follows the topic, on a real PostgreSQL; what Spark would say of the query is said here."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pyspark.errors import PySparkException

from acidwatch.contract.batch import Origin
from acidwatch.errors import DependencyAwayError
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import KafkaSettings
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import LAST_GROUP_TIME
from jobs.spark.live import stream
from jobs.spark.live.job import LiveJob
from jobs.spark.live.tables import Done
from jobs.spark.live.verdicts import Batch
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


def batch(name: str, path: str) -> Batch:
    origin = Origin("water-quality", 0, 0, 0)
    return Batch(name, 1, 1, 10, 1, "", origin, path, "s", NOW, 0)


@pytest.fixture
def archive(job: LiveJob, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Takes the place of Spark and of the ledger."""
    made = Archive()
    monkeypatch.setattr(stream, "archived_rows", made.rows)
    monkeypatch.setattr(LiveJob, "_advance", made.advance)
    return made


@dataclass
class Archive:
    """Clean files, some of which can't be read."""

    failures: dict[str, Exception] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    reads: int = 0

    def rows(self, _spark: Any, _root: str, batches: Sequence[Batch]) -> list[Batch]:
        self.reads += 1
        for one in batches:
            if one.path in self.failures:
                raise self.failures[one.path]
        return list(batches)

    def advance(self, batches: Sequence[Batch], _rows: Any) -> tuple[Done, list[Batch]]:
        self.taken += [one.batch_id for one in batches]
        return Done(batches=len(batches)), []


def test_a_file_of_the_archive_that_cannot_be_read_keeps_out_its_own_batches_only(
    job: LiveJob, archive: Archive
) -> None:
    archive.failures = {"clean/37": PySparkException("\nnot a Parquet file\n")}
    batches = [batch(f"{file}.{part}", f"clean/{file}") for file in range(100) for part in (0, 1)]
    assert job._from_archive(None, batches).batches == 198
    assert job._left_out == {(name, 1): "clean/37 can't be read: not a Parquet file" for name in ("37.0", "37.1")}
    assert archive.taken == [one.batch_id for one in batches if one.path != "clean/37"]
    assert archive.reads < 20, "halved, not read one by one"


def test_a_lost_block_lets_the_other_files_be_read_and_is_waited_for_as_an_outage(
    job: LiveJob, archive: Archive
) -> None:
    archive.failures = {"clean/1": PySparkException("org.apache.hadoop.hdfs.BlockMissingException: Could not obtain")}
    with pytest.raises(DependencyAwayError, match="HDFS"):
        job._from_archive(None, [batch(str(file), f"clean/{file}") for file in range(4)])
    assert archive.taken == ["0", "2", "3"]
    assert job._left_out == {}


def test_hdfs_that_is_away_is_not_asked_for_each_file(job: LiveJob, archive: Archive) -> None:
    archive.failures = {"clean/0": PySparkException("java.net.ConnectException: Connection refused")}
    with pytest.raises(DependencyAwayError):
        job._from_archive(None, [batch(str(file), f"clean/{file}") for file in range(100)])
    assert (archive.reads, archive.taken) == (1, [])
