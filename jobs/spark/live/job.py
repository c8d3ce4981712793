"""The live job: follows the topic of batches and keeps metrics.live_site and the alerts. docs/decisions/0014-the-live-job.md says why so.

A trigger, in this order: 1 look where its records stand; 2 wait for the ledger's verdicts; 3 take in what was accepted, one transaction;
4 publish the alerts that this raised, and wait for the confirmation; 5 Spark notes the offsets in its checkpoint on HDFS. Any step may be
repeated. Between triggers: follow what people changed in the dataset, and take from the archive what the stream has passed over.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from py4j.protocol import Py4JError, Py4JNetworkError
from pyspark.errors import PySparkException

from acidwatch.errors import DependencyAwayError, PermanentError
from acidwatch.ledger.connection import Ledger
from acidwatch.settings import KafkaSettings
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.logs import get_logger
from acidwatch.telemetry.metrics import LAST_GROUP_TIME, LIVE_ALERTS, LIVE_BATCHES
from jobs.spark.hdfs import LOST_BLOCK, cause, hdfs_errors
from jobs.spark.live import stream
from jobs.spark.live.failures import query_failures
from jobs.spark.live.publish import publish_alerts
from jobs.spark.live.tables import Done, advance, newest_version
from jobs.spark.live.verdicts import Batch, untaken, verdicts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

CHECKPOINT = "checkpoint/live"
MOST_BYTES = 64 * 1024**2  # of values decoded at once
MOST_BATCHES = 1000  # taken in by one transaction, so that the way through an archive is not one
ASK_AGAIN_SECONDS = 0.25
TRY_AGAIN_SECONDS = 600.0  # of what the archive could not give
MOST_LOST = 3  # files that lack a block; when there are more, a DataNode is away
LOOK_SECONDS = 1
MOST_PAUSE_SECONDS = 30.0
STOP_SECONDS = 30.0

Position = dict[int, int]
"""The next offset of each partition."""


class _StoppedError(Exception):
    """The job is to end, and a trigger was waiting."""


@dataclass(slots=True)
class LiveJob:
    """The job, with everything it needs from outside.

    Attributes:
        root: Where the zones are for Spark, such as hdfs://host:port/acidwatch.
        start_spark: Starts a Spark session.
        ends: Where the topic ends now; raises DependencyAwayError when a server is away or a topic is missing.
        most_records: Most records in a trigger.
        verdict_seconds: How long a trigger waits for verdicts.
        now: The time.
        stop: Ends the job in order.
        done: What was done since it began.
    """

    root: str
    kafka: KafkaSettings
    ledger: Ledger
    start_spark: Callable[[], AbstractContextManager[SparkSession]]
    ends: Callable[[], Position]
    most_records: int
    verdict_seconds: float
    now: Callable[[], datetime]
    stop: threading.Event
    health: Health
    done: Done = field(default_factory=Done)
    _undecided: int = 0
    _complete: int = 0  # the newest version of which every member was taken in, but for those left out
    _left_out: dict[tuple[str, int], str] = field(default_factory=dict)  # batches that can't be read, and why
    _tried_again: float = field(default_factory=time.monotonic)
    _failure: BaseException | None = None
    _trigger: threading.Lock = field(default_factory=threading.Lock)

    def run(self, trigger_seconds: float, once: bool) -> Done:
        """Follow the topic until `stop` is set; with `once` take in what is there, and end.

        A server that goes away is waited for, and the job goes on where it was. One that is away at the start, or with `once`, ends it.

        Raises:
            DependencyAwayError: As said; with `once` also when records have no verdict in time.
            PermanentError: Another live job uses the checkpoint; with `once` also when a file of the archive is lost or damaged.
            ConfigError: Spark lacks its Kafka source.
        """
        ends = self.ends()
        with self.start_spark() as spark:
            if once:
                self._take_all(spark, ends)
            else:
                self._keep_following(spark, trigger_seconds)
        return self.done

    def _take_all(self, spark: SparkSession, ends: Position) -> None:
        with self._failures():
            query = self._start(spark, {"availableNow": True})
            try:
                while not self.stop.is_set() and not query.awaitTermination(LOOK_SECONDS):
                    pass
            finally:
                _end(query)
            if not self.stop.is_set():
                self._between(spark, ends)
        if self._undecided and not self.stop.is_set():
            raise DependencyAwayError(
                "ingestor or versioner", self.kafka.topic_batches, _without_verdict(self._undecided)
            )
        if self._left_out:
            reason = next(iter(self._left_out.values()))
            raise PermanentError(
                f"{len(self._left_out)} batches were left out, because their files in clean/ can't be read: {reason}. "
                "See docs/recovery.md, A file is lost or damaged"
            )

    def _keep_following(self, spark: SparkSession, trigger_seconds: float) -> None:
        pause = 1.0
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                with self._failures():
                    self._follow(spark, trigger_seconds)
            except DependencyAwayError as error:
                self._forget()  # it may be another database that comes back
                self.health.away(error.dependency, error.reason)
                pause = 1.0 if time.monotonic() - began > MOST_PAUSE_SECONDS else min(2 * pause, MOST_PAUSE_SECONDS)
                _log().warning("waiting", reason=str(error), next_try_seconds=pause)
                self.stop.wait(pause)

    def _follow(self, spark: SparkSession, trigger_seconds: float) -> None:
        query = self._start(spark, {"processingTime": f"{trigger_seconds} seconds"})
        due = time.monotonic()
        try:
            while not self.stop.is_set() and not query.awaitTermination(LOOK_SECONDS):
                if time.monotonic() >= due:
                    self._between(spark, _position(query, self.kafka.topic_batches))
                    # A trigger notes the time itself. One that hangs in Spark must not be taken for one that found nothing.
                    if not query.status["isTriggerActive"]:
                        self._note_time()
                    due = time.monotonic() + trigger_seconds
        finally:
            _end(query)

    def _start(self, spark: SparkSession, trigger: dict[str, Any]) -> StreamingQuery:
        self._failure, self._undecided = None, 0
        records = stream.records(spark, self.kafka, self.most_records)
        checkpoint = f"{self.root}/{CHECKPOINT}"
        writer = records.writeStream.queryName("acidwatch-live").option("checkpointLocation", checkpoint)
        return writer.foreachBatch(self._on_batch).trigger(**trigger).start()

    def _on_batch(self, part: DataFrame, epoch: int) -> None:
        """One trigger. What it raises ends the query; it is kept, because Spark passes on its text only."""
        try:
            with self._trigger:
                self._take(part, epoch)
        except BaseException as error:
            self._failure = error
            raise

    def _take(self, part: DataFrame, epoch: int) -> None:
        waiting = set(stream.origins(part))
        records, began, total = len(waiting), time.monotonic(), Done()
        while True:
            with self.ledger.transaction() as connection:
                decided, batches = verdicts(connection, waiting)
            for chunk in chunks(batches):
                done, _ = self._advance(chunk, stream.rows_of(part, chunk))  # what lacks rows is taken from the archive
                total.add(done)
            waiting -= decided
            if not waiting or time.monotonic() - began > self.verdict_seconds:
                break
            if self.stop.wait(ASK_AGAIN_SECONDS):
                raise _StoppedError
        if waiting:
            # What is accepted later is taken from the archive: the stream has passed over it then.
            self._undecided += len(waiting)
            _log().warning("without verdict", reason=_without_verdict(len(waiting)), first=str(min(waiting, key=str)))
        self._publish(total)
        self._note_time()
        self._report(total, epoch=epoch, records=records)

    def _between(self, spark: SparkSession, position: Position) -> None:
        if not self._trigger.acquire(blocking=False):
            return
        try:
            with self.ledger.transaction() as connection:
                total = advance(connection, [], [], self.now())
                newest = newest_version(connection)
                try_again = self._left_out and time.monotonic() > self._tried_again + TRY_AGAIN_SECONDS
                if try_again or newest < self._complete:  # then the ledger was made again, as a new history
                    self._forget()
                found = untaken(connection, self._complete) if newest != self._complete else []
            left = [batch for batch in found if _key(batch) not in self._left_out]
            topic = self.kafka.topic_batches
            ahead = [
                b for b in left if b.origin.topic == topic and b.origin.offset >= position.get(b.origin.partition, 0)
            ]
            # What lies behind the topic's end is of an earlier topic of that name, and never comes; the end is asked for after the ledger.
            ends = self.ends() if ahead else {}
            coming = {id(b) for b in ahead if b.origin.offset < ends.get(b.origin.partition, 0)}
            passed = [b for b in left if id(b) not in coming]
            known = len(self._left_out)
            for chunk in chunks(passed):
                if self.stop.is_set():
                    return
                total.add(self._from_archive(spark, chunk))
            self._tell_left_out(list(self._left_out.values())[known:])
            self._complete = min((batch.since - 1 for batch in left if id(batch) in coming), default=newest)
            self._publish(total)
            self.health.back("PostgreSQL")
            if position:  # Spark has read the checkpoint and the topic
                self.health.back("HDFS")
                self.health.back("Kafka")
                self.health.goes_on("start")
            if total.batches or total.sites:
                self._report(total, from_archive=len(passed))
        finally:
            self._trigger.release()

    def _from_archive(self, spark: SparkSession, batches: Sequence[Batch]) -> Done:
        """Take batches in from their clean files; one that can't be read keeps out its own batches only.

        Raises:
            DependencyAwayError: A server is away. That HDFS lacks a block is no such reason, because it may be lost; that it lacks those of
                several files is.
        """
        files = list(dict.fromkeys(batch.path for batch in batches))
        try:
            with hdfs_errors(self.root):
                rows = stream.archived_rows(spark, self.root, batches)
        except (PermanentError, PySparkException, Py4JError, DependencyAwayError) as error:
            away = isinstance(error, DependencyAwayError) and LOST_BLOCK not in error.reason
            if away or isinstance(error, Py4JNetworkError):  # or there is no JVM any more
                raise
            self._note_time()  # to find out took a while
            if len(files) == 1:
                lost = sum(LOST_BLOCK in reason for reason in set(self._left_out.values()))
                if isinstance(error, DependencyAwayError) and lost >= MOST_LOST:
                    raise
                self._left_out |= dict.fromkeys(
                    map(_key, batches), f"{files[0]} can't be read: {cause(str(error))[:300]}"
                )
                return Done()
        else:
            done, lacking = self._advance(batches, rows)
            self._left_out |= {_key(batch): f"{batch.path} lacks rows of batch {batch.batch_id}" for batch in lacking}
            return done
        total = Done()
        half = set(files[: len(files) // 2])
        for part in ([b for b in batches if b.path in half], [b for b in batches if b.path not in half]):
            total.add(self._from_archive(spark, part))
        return total

    def _tell_left_out(self, reasons: Sequence[str]) -> None:
        if reasons:
            self._tried_again = time.monotonic()
        for reason, batches in Counter(reasons).items():
            _log().error("left out", reason=reason, batches=batches, try_again_seconds=TRY_AGAIN_SECONDS)

    def _advance(self, batches: Sequence[Batch], rows: Sequence[tuple[Any, ...]]) -> tuple[Done, list[Batch]]:
        """Take in the batches whose rows are all there; what was done, and those that lack some."""
        counted = Counter((row[0], row[1]) for row in rows)
        whole = [batch for batch in batches if counted[_key(batch)] == batch.rows]
        with self.ledger.transaction() as connection:
            done = advance(connection, whole, rows, self.now())
        self._note_time()  # here too: a first start takes in a whole archive, part by part
        return done, [batch for batch in batches if counted[_key(batch)] != batch.rows]

    def _forget(self) -> None:
        """Look through the whole dataset next time, and try again what was left out."""
        self._complete, self._left_out, self._tried_again = 0, {}, time.monotonic()

    def _publish(self, total: Done) -> None:
        LIVE_ALERTS.inc(publish_alerts(self.ledger, self.kafka))
        LIVE_BATCHES.inc(total.batches)
        self.done.add(total)

    def _note_time(self) -> None:
        """An alert asks how long ago this was: the job has no watchdog."""
        LAST_GROUP_TIME.labels("live").set(self.now().timestamp())

    def _report(self, total: Done, **more: object) -> None:
        _log().info("taken in", batches=total.batches, rows=total.rows, sites=total.sites, alerts=total.alerts, **more)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What ended a query: our own error where it was ours, nothing when it was to end."""
        try:
            with query_failures(self.root, self.kafka):
                try:
                    yield
                except (Py4JError, PySparkException):
                    if self._failure is not None:
                        raise self._failure from None
                    if not self.stop.is_set():
                        raise
        except _StoppedError:
            pass


def chunks(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    """Batches in their order, so many at once as the driver holds easily."""
    chunk: list[Batch] = []
    held = 0
    for batch in batches:
        if chunk and (held + batch.value_bytes > MOST_BYTES or len(chunk) == MOST_BATCHES):
            yield chunk
            chunk, held = [], 0
        chunk.append(batch)
        held += batch.value_bytes
    if chunk:
        yield chunk


def _key(batch: Batch) -> tuple[str, int]:
    return batch.batch_id, batch.attempt


def _position(query: StreamingQuery, topic: str) -> Position:
    """What the query has behind it; nothing while it has not finished a trigger."""
    progress = query.lastProgress
    end = progress["sources"][0]["endOffset"] if progress else None
    offsets = orjson.loads(end) if isinstance(end, str) else end
    return {int(partition): int(offset) for partition, offset in ((offsets or {}).get(topic) or {}).items()}


def _end(query: StreamingQuery) -> None:
    """Stop a query, when the trigger at hand is done."""
    over = time.monotonic() + STOP_SECONDS
    while query.isActive and query.status["isTriggerActive"] and time.monotonic() < over:
        time.sleep(0.1)
    query.stop()


def _without_verdict(count: int) -> str:
    return f"{count} records have no verdict yet; what is accepted later is taken in then. See: acidwatch status"


def _log() -> structlog.stdlib.BoundLogger:
    return get_logger("acidwatch.jobs.live")
