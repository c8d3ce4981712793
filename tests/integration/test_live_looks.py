"""What the live job says of itself while it follows the topic, on a real PostgreSQL; what Spark would say of the query is said here."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import REGISTRY
from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException

from acidwatch.contract.batch import Origin
from acidwatch.errors import DependencyAwayError
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import KafkaSettings
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import LAST_GROUP_TIME
from jobs.spark.live import job as module
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


def batch(name: str, path: str, since: int = 0) -> Batch:
    origin = Origin("water-quality", 0, 0, 0)
    return Batch(name, 1, 1, 10, 1, "", origin, path, "s", NOW, 0, since)


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


def test_a_lost_block_keeps_out_its_own_batches_only_too(job: LiveJob, archive: Archive) -> None:
    archive.failures = {"clean/1": PySparkException("org.apache.hadoop.hdfs.BlockMissingException: Could not obtain")}
    job._from_archive(None, [batch(str(file), f"clean/{file}") for file in range(4)])
    assert archive.taken == ["0", "2", "3"]
    assert list(job._left_out) == [("1", 1)]


def test_blocks_of_many_files_that_are_not_there_are_an_outage(job: LiveJob, archive: Archive) -> None:
    lost = PySparkException("org.apache.hadoop.hdfs.BlockMissingException: Could not obtain")
    archive.failures = {f"clean/{file}": lost for file in range(100)}
    with pytest.raises(DependencyAwayError):
        job._from_archive(None, [batch(str(file), f"clean/{file}") for file in range(100)])
    assert archive.reads < 20


def test_a_jvm_that_has_ended_is_no_damaged_file(job: LiveJob, archive: Archive) -> None:
    archive.failures = {"clean/0": Py4JNetworkError("Answer from Java side is empty")}
    with pytest.raises(Py4JNetworkError):
        job._from_archive(None, [batch("0", "clean/0")])
    assert job._left_out == {}


@pytest.fixture
def dataset(job: LiveJob, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A dataset whose newest version, and what was not taken in since a version, are said here."""
    said: dict[str, Any] = {"newest": 0, "asked": []}

    def left(_: Any, version: int) -> list[Batch]:
        said["asked"].append(version)
        return [one for one in said["members"] if one.since > version and one.batch_id not in archive.taken]

    monkeypatch.setattr(module, "newest_version", lambda _: said["newest"])
    monkeypatch.setattr(module, "untaken", left)
    monkeypatch.setattr(module, "publish_alerts", lambda *_: said.setdefault("published", []).append(1) or 0)
    return said


def look(job: LiveJob) -> None:
    job._between(None, {})


def test_what_cannot_be_read_is_left_out_tried_again_after_a_while_and_keeps_nothing_else_back(
    job: LiveJob, archive: Archive, dataset: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.failures = {"clean/1": PySparkException("not a Parquet file")}
    dataset |= {"newest": 4, "members": [batch(str(n), f"clean/{n}", since=n) for n in (1, 2, 3, 4)]}
    look(job)
    assert archive.taken == ["2", "3", "4"]
    assert dataset["published"], "alerts do not wait for it"
    reads = archive.reads
    look(job)
    assert (archive.reads, dataset["asked"]) == (reads, [0]), "nothing new, nothing read"
    dataset |= {"newest": 5, "members": [*dataset["members"], batch("5", "clean/5", since=5)]}
    look(job)
    assert (archive.taken, dataset["asked"]) == (["2", "3", "4", "5"], [0, 4])
    archive.failures = {}
    monkeypatch.setattr(module, "TRY_AGAIN_SECONDS", -1.0)
    look(job)
    assert archive.taken == ["2", "3", "4", "5", "1"]
    assert job._left_out == {}


def test_what_the_stream_will_bring_is_left_to_it_and_asked_for_again(
    job: LiveJob, archive: Archive, dataset: dict[str, Any]
) -> None:
    coming = replace(batch("7", "clean/7", since=7), origin=Origin("water-quality", 0, 90, 0))
    dataset |= {"newest": 8, "members": [batch("6", "clean/6", since=6), coming, batch("8", "clean/8", since=8)]}
    job.ends = lambda: {0: 100}
    job._between(None, {0: 50})
    assert archive.taken == ["6", "8"]
    job._between(None, {0: 91})
    assert (archive.taken, dataset["asked"]) == (["6", "8", "7"], [0, 6])


def test_hdfs_that_is_away_is_not_asked_for_each_file(job: LiveJob, archive: Archive) -> None:
    archive.failures = {"clean/0": PySparkException("java.net.ConnectException: Connection refused")}
    with pytest.raises(DependencyAwayError):
        job._from_archive(None, [batch(str(file), f"clean/{file}") for file in range(100)])
    assert (archive.reads, archive.taken) == (1, [])
