"""Makes histories of a dataset without Kafka: the ingestor's own group commit on a store, and its outcomes recorded in a real ledger."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pyarrow as pa
from psycopg import sql
from pydantic import SecretStr

from acidwatch.archive.journal import publish
from acidwatch.archive.reference import publish_reference
from acidwatch.archive.store import Store
from acidwatch.broker.send import Record
from acidwatch.contract.batch import encode
from acidwatch.contract.headers import write_headers
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger import plans
from acidwatch.ledger.audit import mark_journaled, unjournaled
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letters import claim_left, mark_published
from acidwatch.ledger.migrate import migrate
from acidwatch.ledger.record import Recorded, record
from acidwatch.proof.compact import Compacted, Compaction
from acidwatch.settings import PostgresSettings
from acidwatch.telemetry.health import Health
from services.ingestor.commit import GroupCommit
from services.ingestor.flood import FloodGuard
from services.ingestor.reference import ReferenceWatch
from services.ingestor.settings import IngestorSettings
from tests.support.deployment import Deployment
from tests.support.whole_groups import WholeGroups
from tests.unit.contract.makers import columns_of, make_row

TOPIC = "water-quality"


def _now() -> datetime:
    return datetime.now(UTC)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def value_of(rows: int, *, good: bool = True, year: int = 1990) -> bytes:
    """The value of a batch; one that is not good breaks a hard rule."""
    made = [make_row(DATE_SMP=f"{year + number // 12}-{number % 12 + 1:02}-01") for number in range(rows)]
    if not good:
        made[0]["SO4_UEQ_L"] = 99_999
    return encode(columns_of(made))


@dataclass(frozen=True)
class Sent:
    """A batch as a laboratory sends it."""

    batch: str
    source: str = "lake"
    index: int = 0
    count: int = 10
    attempt: int = 1
    good: bool = True
    rows: int = 5
    year: int = 1990
    replaces: str = ""

    @property
    def value(self) -> bytes:
        return value_of(self.rows, good=self.good, year=self.year)


@dataclass
class History:
    """One dataset: a store, a ledger, and the offset of the next record."""

    store: Store
    ledger: Ledger
    offset: int = 0
    _outcomes: list[Outcome] = field(default_factory=list)

    def load_reference(self) -> None:
        table = pa.table({"PROGRAM_ID": ["LTM_ME", "LTM_ME"], "SITE_ID": ["020058", "77"]})
        publish_reference(
            self.store, {"sites": table, "methods": table}, {"sites.xlsx": b"sites", "methods.xlsx": b"methods"}, "me",
            datetime.now(UTC),
        )  # fmt: skip

    async def send(self, records: Sequence[Any]) -> list[Any]:
        """Stands for the broker."""
        self._outcomes = [Outcome.decode(one.value) for one in records]
        return []

    def judge(self, *batches: Sent) -> list[Outcome]:
        """One group of the ingestor: its files are in the archive afterwards, its outcomes not in the ledger yet."""
        records = []
        for one in batches:
            headers = write_headers(
                batch_id=one.batch, source=f"{one.source}.xlsx", source_id=sha256(one.source), source_time="2026-11-01T00:00:00+00:00",
                index=one.index, count=one.count, subject="Sheet 1!A2:AD6", time="2026-11-01T00:00:00+00:00", attempt=one.attempt,
                replaces=sha256(one.replaces) if one.replaces else None,
            )  # fmt: skip
            records.append(Record(TOPIC, one.batch.encode(), one.value, headers))
        return self.judge_records(records)

    def judge_records(self, records: Sequence[Record], sent_at_ms: int = 1_790_000_000) -> list[Outcome]:
        """The same for records as they travel."""
        events = []
        for one in records:
            message = SimpleNamespace(
                topic=TOPIC, partition=0, offset=self.offset, timestamp=sent_at_ms + self.offset, key=one.key,
                value=one.value, headers=one.headers,
            )  # fmt: skip
            self.offset += 1
            events.append(SimpleNamespace(message=message))
        health = Health("ingestor")
        watch = ReferenceWatch(self.store, 0.0, health)
        settings = IngestorSettings(
            _env_file=None, kafka_bootstrap="127.0.0.1:1", hdfs_url="http://127.0.0.1:1", flood_share=1
        )
        guard = FloodGuard(self.store, settings, _now, health)
        commit = GroupCommit(self.store, self, watch, guard, "outcomes", _now, health)  # type: ignore[arg-type]
        asyncio.run(WholeGroups(commit)(events))
        return self._outcomes

    def record(self, outcomes: Sequence[Outcome]) -> Recorded:
        with self.ledger.transaction() as connection:
            return record(connection, outcomes)

    def commit(self, *batches: Sent) -> Recorded:
        """A group all the way."""
        return self.record(self.judge(*batches))

    def publish_letters(self) -> None:
        """What the versioner does with pending letters, but for the topic."""
        with self.ledger.transaction() as connection:
            letters = claim_left(connection, 1000, 0.0)
            mark_published(connection, letters, [("dlq", 0, number) for number in range(len(letters))])

    def again(self, kind: plans.Kind, one: Sent, **changes: Any) -> Sent:
        """Number the next attempt of a batch; what is to be sent for it."""
        sent = Sent(**{**one.__dict__, **changes})
        digest = hashlib.sha256(sent.value).hexdigest()
        with self.ledger.transaction() as connection:
            (attempt,) = plans.plan_attempts(connection, [(one.batch, digest)], kind, "ann", f"{kind} it")
        return Sent(**{**sent.__dict__, "attempt": attempt})

    def flush(self) -> None:
        """Copy the journal to the archive, as each command does."""
        with self.ledger.transaction() as connection:
            entries = unjournaled(connection)
        there = publish(self.store, entries)
        with self.ledger.transaction() as connection:
            mark_journaled(connection, there)

    def compact(self, rows_per_file: int = 100_000) -> Compacted:
        """Compact the archive as it is now."""
        job = Compaction(self.store, self.ledger, _now, "ann", "tidy", rows_per_file)
        return job.run(job.plan(), lambda done, total: None)

    def query(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with self.ledger.transaction() as connection:
            return connection.execute(query, values or None).fetchall()


class Topic:
    """Stands for the broker: the records that were sent to it."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def send(self, records: Sequence[Record]) -> list[Any]:
        self.records += records
        return []


def empty(database_url: str) -> None:
    """Take everything out of a ledger."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE ledger.sources, ledger.files, ledger.versions, ledger.audit, ledger.reruns, metrics.runs RESTART IDENTITY CASCADE"
        )
        connection.execute(
            "UPDATE ledger.datasets SET newest_version = 0, rows = 0, bytes = 0, accepted = 0, rejected = 0, duplicates = 0"
        )


def another_database(deployment: Deployment, *, migrated: bool = True) -> str:
    """The address of a new database beside the deployment's own."""
    name = f"{deployment.name}_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(deployment.stack.database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = urlunsplit(urlsplit(deployment.database_url)._replace(path=f"/{name}"))
    if migrated:
        migrate(PostgresSettings(database_url=SecretStr(url)))
    return url
