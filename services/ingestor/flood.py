"""The flood guard: a wrong contract or reference table must not turn a whole archive into dead letters.

It looks at a judged group before anything of it is written. The group with which too many of the newest first attempts would be
rejected is not taken: the state `paused` is published, and the group is judged again, perhaps with corrected reference tables, once an
operator has resumed. See decision 0010.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

import structlog

from acidwatch.archive.flood import Flood, newest_number, publish_flood, read_flood
from acidwatch.archive.store import Store
from acidwatch.contract.outcome import Finding, Outcome
from acidwatch.errors import DependencyAwayError, HeldError
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import FLOOD_REJECTED, INGEST_PAUSED
from services.ingestor.judge import Judged
from services.ingestor.settings import IngestorSettings
from services.ingestor.window import FirstAttempt, Window

HELD_BY = "flood guard"
_MOST_NAMED = 10
_MOST_EXAMPLES = 5


class FloodGuard:
    """Asked before each group, and shown each judged group."""

    def __init__(self, store: Store, settings: IngestorSettings, now: Callable[[], datetime], health: Health) -> None:
        self._store, self._now, self._health = store, now, health
        self._check_seconds = settings.reference_check_seconds
        self._window = Window(settings.flood_share, settings.flood_batches, settings.flood_window_batches)
        self._state: Flood | None = None
        self._checked = float("-inf")
        self._checking = asyncio.Lock()
        self._log = structlog.get_logger(__name__)

    async def check(self) -> Flood:
        """The state, in which records are taken; HDFS is asked for it at most every `reference_check_seconds`.

        Raises:
            HeldError: No records are taken until somebody resumes.
            DependencyAwayError: HDFS does not answer.
        """
        async with self._checking:
            if self._state is None or time.monotonic() - self._checked >= self._check_seconds:
                self._state = await asyncio.to_thread(self._newest, self._state)
                self._checked = time.monotonic()
        if self._state.paused:
            raise HeldError(HELD_BY, explain(self._state))
        return self._state

    async def weigh(self, judged: Judged) -> None:
        """Look at a judged group of which nothing is written yet; where it is taken it counts from now on.

        Raises:
            HeldError: With this group too many first attempts would be rejected: all ingestors are paused from now on.
            DependencyAwayError: HDFS does not answer.
        """
        state = await self.check()
        if state.guards(self._now()):
            attempts = first_attempts(judged)
            flood = self._window.flooded_by(attempts)
            if flood is not None:
                FLOOD_REJECTED.set(flood.rejected_share)  # stays until a person resumes
                await self._hold(state, flood, judged)
            for attempt in attempts:
                self._window.add(attempt)
        FLOOD_REJECTED.set(self._window.rejected_share)

    async def _hold(self, state: Flood, flood: Window, judged: Judged) -> NoReturn:
        paused = self._pause(state, flood, judged)
        if await asyncio.to_thread(publish_flood, self._store, paused):
            self._log.error("flood guard tripped", reason=paused.reason, examples=paused.examples)
        # Where somebody else changed the state meanwhile, theirs counts: the group is weighed again under it.
        self._checked = float("-inf")
        await self.check()
        raise HeldError(HELD_BY, "its state was changed while a group was weighed; the group is weighed again")

    async def keep_looking(self, seconds: float) -> None:
        """Ask every `seconds`, so that readiness is true while no record comes."""
        while True:
            try:
                await self.check()
            except HeldError:
                pass  # readiness and log have it from `_newest`
            except DependencyAwayError as error:
                self._health.away(error.dependency, error.reason)
            except Exception as error:
                self._health.waits(HELD_BY, f"its state can't be read: {error!r}")
                self._log.exception("the state of the flood guard can't be read")
            await asyncio.sleep(seconds)

    def _newest(self, known: Flood | None) -> Flood:
        number = newest_number(self._store)
        state = known if known is not None and known.number == number else read_flood(self._store, number)
        if state is not known:
            self._window.clear()
            if known is not None or state.paused:
                self._log.warning("ingest " + state.state, by=state.by, reason=state.reason, number=number)
        INGEST_PAUSED.set(state.paused)
        if state.paused:
            self._health.waits(HELD_BY, explain(state))
        else:
            self._health.goes_on(HELD_BY)
        return state

    def _pause(self, state: Flood, flood: Window, judged: Judged) -> Flood:
        rejected = [attempt for attempt in flood.attempts.values() if attempt.rejected]
        rules = Counter(rule for attempt in rejected for rule in attempt.rules)
        sources = Counter(attempt.source for attempt in rejected)
        said = f"{flood.rejected} of the last {len(flood.attempts)} first attempts were rejected"
        for commonest, times in rules.most_common(1):
            said += f", {times} of them by {commonest}"
        return Flood(
            number=state.number + 1,
            state="paused",
            at=self._now().isoformat(),
            by="ingestor",
            reason=said,
            batches=len(flood.attempts),
            rejected=flood.rejected,
            rules=dict(rules.most_common(_MOST_NAMED)),
            sources=dict(sources.most_common(_MOST_NAMED)),
            examples=[attempt.example for attempt in rejected[-_MOST_EXAMPLES:]],
            contract_version=judged.outcomes[0].contract_version,
            reference_version=judged.outcomes[0].reference_version,
        )


def explain(state: Flood) -> str:
    """Why no records are taken, and what to do, for people."""
    if state.batches:
        what = f"{state.reason}; look at: acidwatch ingest status; correct what is wrong, then"
    else:
        what = f"paused by {state.by}: {state.reason}; go on with"
    return f"{what}: acidwatch ingest resume -m WHY"


def first_attempts(judged: Judged) -> list[FirstAttempt]:
    """What counts of a group: attempt 1 of each batch, once; replays never count."""
    return [
        _first_attempt(outcome, [finding for finding in findings if finding.severity == "hard"])
        for position, (outcome, findings) in enumerate(zip(judged.outcomes, judged.findings, strict=True))
        if outcome.attempt == 1 and position not in judged.repeats
    ]


def _first_attempt(outcome: Outcome, hard: list[Finding]) -> FirstAttempt:
    example = ""
    if hard:
        place = f"{hard[0].sheet}!{hard[0].cell}" if hard[0].cell else outcome.subject
        example = " ".join((outcome.source, place, f"{hard[0].rule}: {hard[0].message}"))
    rules = tuple(dict.fromkeys(finding.rule for finding in hard))
    return FirstAttempt(outcome.batch_id, outcome.source, outcome.verdict == "rejected", rules, example)
