"""The three places that know of every record, each read on its own: the topic, raw/ on HDFS, the ledger.

They are read in an order in which records that are on their way can't be taken for lost ones: what the ingestor has acknowledged
before raw/ is read is in raw/; what it has acknowledged has sent its outcome; what the versioner has acknowledged before the ledger is
read is in the ledger; and the topic, read last, has all of them but those that retention removed. Before the ledger is read, the
versioner is waited for: while something comes it is always a few outcomes behind, and one of these may be that of any record.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property

from acidwatch.archive.manifests import RawFile, read_manifests
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import FileInfo, Store
from acidwatch.broker.lag import catch_up
from acidwatch.broker.scan import Range, range_of, scan
from acidwatch.broker.topics import beginning_offsets, committed_offsets
from acidwatch.contract.batch import Origin, value_digest
from acidwatch.contract.headers import read_headers, source_of
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger import checks
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.deliveries import Delivery, deliveries
from acidwatch.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class TopicRecord:
    """A record on the topic: whose it is by its headers, and its bytes' checksum."""

    source_id: str
    source: str
    value_sha256: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Records of a topic that retention removed before a service had read them: from its offset up to the first one there."""

    topic: str
    partition: int
    expected: int
    found: int


@dataclass
class Places:
    """What each place says, by origin.

    Attributes:
        topic: Name of the topic of batches.
        held: What the topic holds; records before that were removed by retention.
        committed: Offsets that the ingestor has acknowledged, by partition.
        outcomes_left: Of those that were on their topic after raw/ was read, how many the versioner had not acknowledged when the time
            was over. While there are any, what raw/ has and the ledger lacks may be lost or on its way.
        on_topic, in_raw, in_ledger: The records; in raw/ a crash may leave one in several files.
        damaged: Files of raw/ that can't be read.
        named: Files that the ledger names; `listed` is what HDFS lists, by path.
        gaps: Records that were removed before they were read.
        counts: What the dataset's row counts, and what there is.
    """

    topic: str
    held: Range = field(default_factory=lambda: Range({}, {}))
    committed: dict[int, int] = field(default_factory=dict)
    outcomes_left: int = 0
    on_topic: dict[Origin, TopicRecord] = field(default_factory=dict)
    in_raw: dict[Origin, list[tuple[RawFile, Outcome]]] = field(default_factory=lambda: defaultdict(list))
    in_ledger: dict[Origin, Delivery] = field(default_factory=dict)
    damaged: list[DamagedFileError] = field(default_factory=list)
    named: list[checks.NamedFile] = field(default_factory=list)
    listed: dict[str, FileInfo] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    counts: tuple[dict[str, int], dict[str, int]] = field(default_factory=lambda: ({}, {}))

    @cached_property
    def offsets_on_topic(self) -> set[tuple[int, int]]:
        """Partition and offset of every record on the topic."""
        return {(origin.partition, origin.offset) for origin in self.on_topic}

    def is_committed(self, origin: Origin) -> bool:
        """Whether the ingestor has acknowledged a record; what is on the topic no more counts as acknowledged."""
        return origin not in self.on_topic or origin.offset < self.committed.get(origin.partition, 0)


async def look(settings: KafkaSettings, store: Store, ledger: Ledger, timeout: float) -> Places:
    """Read all three; the versioner is waited for at most `timeout` seconds."""
    places = Places(settings.topic_batches)
    places.committed = await committed_offsets(settings, settings.group("ingestor"), places.topic)
    await asyncio.to_thread(read_raw, store, places)
    places.outcomes_left = await catch_up(settings, "versioner", settings.topic_outcomes, time.monotonic() + timeout)
    await asyncio.to_thread(read_ledger, ledger, places)
    for service, topic in (("ingestor", settings.topic_batches), ("versioner", settings.topic_outcomes)):
        places.gaps += await _gaps(settings, service, topic)
    await asyncio.to_thread(list_files, store, places)
    places.held = await range_of(settings, places.topic)
    async for record in scan(settings, places.topic, places.held):
        source = source_of(read_headers(record.headers or ()), record.topic)
        origin = Origin(record.topic, record.partition, record.offset, record.timestamp)
        places.on_topic[origin] = TopicRecord(*source, value_digest(record.value))
    return places


async def _gaps(settings: KafkaSettings, service: str, topic: str) -> list[Gap]:
    committed = await committed_offsets(settings, settings.group(service), topic)
    begins = await beginning_offsets(settings, topic)
    return [
        Gap(topic, partition, committed[partition], begin)
        for partition, begin in begins.items()
        if committed.get(partition, begin) < begin
    ]


def read_raw(store: Store, places: Places) -> None:
    """What raw/ has."""
    for file in read_manifests(store):
        if isinstance(file, DamagedFileError):
            places.damaged.append(file)
            continue
        for outcome in file.outcomes:
            places.in_raw[outcome.origin].append((file, outcome))


def read_ledger(ledger: Ledger, places: Places) -> None:
    """What the ledger has, as of one moment."""
    with ledger.transaction() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        places.in_ledger = deliveries(connection)
        places.named = checks.named_files(connection)
        places.counts = checks.counts(connection)


def list_files(store: Store, places: Places) -> None:
    """The files that the ledger may name."""
    for zone in ("raw", "clean", "quarantine"):
        places.listed |= {file.path: file for file in store.walk(zone)}
