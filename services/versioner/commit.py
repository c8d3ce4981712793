"""The commit of the versioner. Its steps, in this order, are how nothing is lost:

1. collect outcomes (acidwatch.streaming.group)
2. one transaction: sources, batches, attempts, files, versions, membership, pending dead letters
3. publish the group's pending dead letters (and send its reruns again), wait for the confirmation, mark them
4. acknowledge, so that Faust commits the offsets (acidwatch.streaming.group)

Any step may be repeated: the ledger knows each origin, batch and attempt.
"""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from acidwatch.contract.batch import id_from_origin
from acidwatch.contract.outcome import Outcome
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.record import Recorded, record
from acidwatch.streaming.group import Event
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import DATASET_VERSION, RECORDED, STEP_SECONDS, VISIBLE_SECONDS
from services.versioner.letters import Letters
from services.versioner.reruns import Reruns


class OutcomeCommit:
    """Steps 2 and 3 for one group at a time."""

    def __init__(self, ledger: Ledger, letters: Letters, reruns: Reruns, health: Health) -> None:
        self._ledger, self._letters, self._reruns, self._health = ledger, letters, reruns, health
        self._log = structlog.get_logger(__name__)
        # What the group at hand became: when only step 3 failed, its repetition must not count it as redelivered.
        self._recorded: tuple[list[Event], Recorded] | None = None
        self._sending = asyncio.Lock()
        # Shown from the start: a counter that appears with its first count has not risen, as far as Prometheus can see.
        for kind in _counts(Recorded()):
            RECORDED.labels(kind)
        for step in ("record", "publish"):
            STEP_SECONDS.labels("versioner", step)

    async def __call__(self, events: list[Event]) -> None:
        """Record a group of outcomes; called again with the same group after a RetryableError."""
        began = time.monotonic()
        outcomes = [Outcome.decode(event.message.value or b"") for event in events]
        if self._recorded is None or self._recorded[0] is not events:
            with STEP_SECONDS.labels("versioner", "record").time():
                self._recorded = events, await asyncio.to_thread(self._record, outcomes)
            visible_at = time.time()  # what readers ask for is in the database, whenever the letters follow
            for sent_ms in self._recorded[1].joined:
                VISIBLE_SECONDS.observe(max(visible_at - sent_ms / 1000, 0.0))
            self._health.back("PostgreSQL")
        done = self._recorded[1]
        with STEP_SECONDS.labels("versioner", "publish").time():
            batch_ids = [outcome.batch_id for outcome in outcomes]
            # A conflict is recorded under an id of its own.
            own_ids = [id_from_origin(outcome.origin, outcome.value_sha256) for outcome in outcomes]
            async with self._sending:
                letters = await self._letters.publish([*batch_ids, *own_ids])
                await self._reruns.send(batch_ids)
        self._health.back("HDFS")
        self._health.back("Kafka")
        self._recorded = None
        self._report(done, len(outcomes), outcomes[0].batch_id, letters, time.monotonic() - began)

    async def send_left(self, seconds: float) -> None:
        """Step 3 for some of what has been pending for so long: left by `ledger rebuild`, `restore`, or who was killed.

        Nothing else may come for long, and a backlog of it must not hold up the commit of what does.
        """
        async with self._sending:
            await self._letters.publish_left(seconds)
            await self._reruns.send_left(seconds * random.uniform(1.0, 2.0))  # seldom at once with another versioner

    def _record(self, outcomes: list[Outcome]) -> Recorded:
        """Step 2."""
        with self._ledger.transaction() as connection:
            return record(connection, outcomes)

    def _report(self, done: Recorded, outcomes: int, batch_id: str, letters: int, seconds: float) -> None:
        """One log line a group, one for each batch that was accepted in vain, and the counts."""
        kinds = _counts(done)
        for kind, count in kinds.items():
            RECORDED.labels(kind).inc(count)
        DATASET_VERSION.set(done.version)
        self._log.info(
            "group recorded",
            batch_id=batch_id,
            outcomes=outcomes,
            **kinds,
            conflicts=done.conflicts,
            not_members=done.not_members,
            letters=letters,
            version=done.version,
            seconds=round(seconds, 3),
        )
        for outside, attempt, why in done.outside:
            self._log.warning("accepted, and in no version", batch_id=outside, attempt=attempt, reason=why)


def _counts(done: Recorded) -> dict[str, int]:
    """How many outcomes became what."""
    return {
        "accepted": done.accepted,
        "rejected": done.rejected,
        "duplicate": done.duplicates,
        "redelivery": done.redeliveries,
        "rerun": done.reruns,
    }
