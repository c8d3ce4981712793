"""The group commit of the ingestor. Its steps, in this order, are how nothing is lost:

1. collect up to N records or T seconds (acidwatch.streaming.group)
2. decode and judge; the flood guard may hold the group back
3. write the raw, clean and quarantine files, verify, rename
4. send one outcome per record and wait until all are confirmed
5. acknowledge, so that Faust commits the offsets (acidwatch.streaming.group)

While one group waits for HDFS in step 3, the next one is judged. Steps 4 and 5 are done in the order of the groups, so that of two records
that say the same batch the outcome of the first one comes first.

Any step may be repeated: everything downstream is idempotent by (batch id, attempt).
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from acidwatch.archive.groupfile import clean_file, manifest, quarantine_file, raw_file
from acidwatch.archive.store import Store
from acidwatch.archive.zones import Zone, group_name, group_path
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import Origin
from acidwatch.contract.form import FORM
from acidwatch.contract.headers import outcome_headers
from acidwatch.contract.outcome import FileRef, Outcome
from acidwatch.contract.rules import HARD, SOFT
from acidwatch.streaming.group import Conclude, Event
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import BATCHES, FINDINGS, HDFS_BYTES, HDFS_FILES, ROWS, STEP_SECONDS
from services.ingestor.flood import FloodGuard
from services.ingestor.judge import Judged, Received, judge_group
from services.ingestor.reference import WAITS_FOR, ReferenceWatch


class GroupCommit:
    """Steps 2 to 4 of each group; several groups may be in flight."""

    def __init__(
        self,
        store: Store,
        sender: ConfirmedSender,
        reference: ReferenceWatch,
        guard: FloodGuard,
        outcomes_topic: str,
        now: Callable[[], datetime],
        health: Health,
    ) -> None:
        self._store, self._sender, self._reference, self._guard = store, sender, reference, guard
        self._topic, self._now, self._health = outcomes_topic, now, health
        self._judging = asyncio.Lock()  # one group at a time: the guard weighs them in their order
        self._log = structlog.get_logger(__name__)
        _show_zeros()

    async def __call__(self, events: list[Event]) -> Conclude:
        """Steps 2 and 3; what it returns is step 4. Each may be called again after a RetryableError."""
        began = time.monotonic()
        async with self._judging:
            await self._guard.check()
            judged = await self._judge([received(event) for event in events])
            await self._guard.weigh(judged)
        outcomes = await self._write(judged)

        async def announce() -> None:
            await self._send(outcomes)
            self._report(judged, time.monotonic() - began)

        return announce

    async def _judge(self, records: list[Received]) -> Judged:
        """Step 2."""
        reference = await self._reference.current()
        self._health.back(WAITS_FOR)
        with STEP_SECONDS.labels("ingestor", "judge").time():
            return await asyncio.to_thread(judge_group, records, reference, self._now())

    async def _write(self, judged: Judged) -> list[Outcome]:
        """Step 3: the files of the group, published side by side; the outcomes, now with their files."""
        written_at = self._now()
        name = group_name(written_at)
        accepted = [outcome for outcome in judged.outcomes if outcome.verdict == "accepted"]
        rejected = [outcome for outcome in judged.outcomes if outcome.verdict == "rejected"]
        zones: list[Zone] = ["raw", *(["clean"] if accepted else []), *(["quarantine"] if rejected else [])]  # type: ignore[list-item]
        paths: dict[str, str] = {zone: group_path(zone, written_at, name) for zone in zones}

        def contents(zone: str) -> bytes:
            if zone == "raw":
                return raw_file(judged.raw, manifest(judged.outcomes, paths, with_findings=True))
            if zone == "clean":
                return clean_file(judged.clean, manifest(accepted, paths, with_findings=False))
            findings = [
                (outcome.batch_id, outcome.attempt, judged.findings[position])
                for position, outcome in enumerate(judged.outcomes)
                if outcome.verdict == "rejected" and position not in judged.repeats
            ]
            return quarantine_file(findings, manifest(rejected, paths, with_findings=False))

        def publish(zone: str) -> FileRef:
            data = contents(zone)
            file = FileRef(zone, paths[zone], len(data), self._store.publish(paths[zone], data))
            HDFS_FILES.labels(zone).inc()
            HDFS_BYTES.labels(zone).inc(file.bytes)
            return file

        with STEP_SECONDS.labels("ingestor", "write").time():
            files = await asyncio.gather(*(asyncio.to_thread(publish, zone) for zone in zones))
        self._health.back("HDFS")
        by_zone = {file.zone: file for file in files}

        def holding(outcome: Outcome) -> tuple[FileRef, ...]:
            return by_zone["raw"], by_zone["clean" if outcome.verdict == "accepted" else "quarantine"]

        return [replace(outcome, files=holding(outcome)) for outcome in judged.outcomes]

    async def _send(self, outcomes: list[Outcome]) -> None:
        """Step 4."""
        records = [
            Record(self._topic, outcome.batch_id.encode(), outcome.encode(), outcome_headers(outcome.batch_id))
            for outcome in outcomes
        ]
        with STEP_SECONDS.labels("ingestor", "send").time():
            await self._sender.send(records)
        self._health.back("Kafka")

    def _report(self, judged: Judged, seconds: float) -> None:
        """One log line a group, and the counts."""
        verdicts: Counter[str] = Counter(outcome.verdict for outcome in judged.outcomes)
        rows: Counter[str] = Counter()
        for outcome in judged.outcomes:
            rows[outcome.verdict] += outcome.rows
        broken = Counter((finding.severity, finding.rule) for findings in judged.findings for finding in findings)
        for rule, count in broken.items():
            FINDINGS.labels(*rule).inc(count)
        for verdict, count in verdicts.items():
            BATCHES.labels(verdict).inc(count)
            ROWS.labels(verdict).inc(rows[verdict])
        first = judged.outcomes[0]
        self._log.info(
            "group committed",
            batch_id=first.batch_id,
            batches=len(judged.outcomes),
            accepted=verdicts["accepted"],
            rejected=[outcome.batch_id for outcome in judged.outcomes if outcome.verdict == "rejected"],
            rows=sum(rows.values()),
            reference_version=first.reference_version,
            seconds=round(seconds, 3),
        )


def _show_zeros() -> None:
    """A counter that appears with its first count has not risen, as far as Prometheus can see."""
    for verdict in ("accepted", "rejected"):
        BATCHES.labels(verdict)
        ROWS.labels(verdict)
    for zone in ("raw", "clean", "quarantine"):
        HDFS_FILES.labels(zone)
        HDFS_BYTES.labels(zone)
    for step in ("judge", "write", "send"):
        STEP_SECONDS.labels("ingestor", step)
    for severity, rule in (*((one.severity, one.id) for one in (*HARD, *SOFT)), *((form[1], form[0]) for form in FORM)):
        FINDINGS.labels(severity, rule)


def received(event: Event) -> Received:
    """The record of a Faust event. Faust keeps the timestamp in seconds; Kafka's is in whole milliseconds."""
    message: Any = event.message
    origin = Origin(message.topic, message.partition, message.offset, round((message.timestamp or 0) * 1000))
    return Received(origin, message.key, message.value, tuple(message.headers or ()))
