"""Read a topic in groups and acknowledge a group only when it is done: collect, commit, acknowledge.

Where a commit waits for servers several groups may be in flight; they are concluded and acknowledged in the order in which they were read.

The recipe was tried on a real broker. Faust's own `take` loses records when its body raises; here the body never raises: what may pass
is tried again in place, and anything else ends the process, whose supervisor starts it again at the committed offset.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from acidwatch.errors import AcidwatchError, DependencyAwayError, HeldError, OffsetGapError, RetryableError
from acidwatch.streaming.buffer import record_bytes
from acidwatch.streaming.settings import StreamSettings
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import GROUP_BATCHES, LAST_GROUP_TIME, PAUSED_SECONDS, RETRIES

T = TypeVar("T")

EXIT_UNEXPECTED = 70
EXIT_GAP = 1
EXIT_AWAY = 3
EXIT_HELD = 0

_HELD_PAUSE_SECONDS = 1.0  # nothing recovers meanwhile: whoever lets it go on should see that at once

_COMMIT = "commit"  # what readiness waits for until the group at hand is done

Event = Any
"""faust.Event: `.message` has topic, partition, offset, timestamp (s), key, value, headers; `.ack()` acknowledges."""

Conclude = Callable[[], Awaitable[None]]
"""The part of a commit that has to be done in the order of the groups. Raises RetryableError when it should be called again."""

Commit = Callable[[list[Event]], Awaitable[Conclude | None]]
"""Makes a group durable. Raises RetryableError when it should be called again with the same group; it must be idempotent. What it returns
is called when every group before this one has been acknowledged."""


@dataclass(slots=True)
class Group:
    """Records that are committed together.

    Attributes:
        read_at: When the first one was read, monotonic seconds.
        sent_at: The earliest of their Kafka timestamps, seconds since 1970.
        bytes: Of their values, keys and headers.
    """

    read_at: float
    sent_at: float
    events: list[Event] = field(default_factory=list)
    bytes: int = 0

    def add(self, event: Event, sent_at: float) -> None:
        """The next record."""
        self.events.append(event)
        self.sent_at = min(self.sent_at, sent_at)
        self.bytes += record_bytes(event.message)


@dataclass(slots=True)
class Progress:
    """What the watchdog looks at; monotonic seconds, None = not so.

    Attributes:
        oldest_read: When the oldest record that is not acknowledged was read.
        oldest_sent: Its Kafka timestamp, seconds since 1970: the earliest of all groups at hand.
        last_acknowledged: When a group was last acknowledged.
        retrying: When a known outage, or whoever holds it back, last made a commit fail; retries go on while this is recent.
    """

    oldest_read: float | None = None
    oldest_sent: float | None = None
    last_acknowledged: float = field(default_factory=time.monotonic)
    retrying: float | None = None


class GroupReader:
    """The body of a Faust agent. One object reads all partitions of one topic that this process is assigned."""

    def __init__(
        self, app: Any, commit: Commit, settings: StreamSettings, health: Health, most_in_flight: int = 1
    ) -> None:
        self._app, self._commit, self._settings, self._health = app, commit, settings, health
        self._most_in_flight = most_in_flight
        self._log = structlog.get_logger(__name__)
        self._due: dict[tuple[Any, int], int] = {}  # (topic-partition, generation) -> next offset
        self._gap: OffsetGapError | None = None
        self._groups: deque[Group] = deque()  # read and not acknowledged, in order
        self._in_flight: deque[asyncio.Task[None]] = deque()  # their commits; the last group may have none yet
        self.progress = Progress()
        GROUP_BATCHES.labels(health.service)  # shown from the start: a rule asks for services that finish no group

    def stop_at(self, gap: OffsetGapError) -> None:
        """Records that were due are gone: finish what was read before, then stop the process."""
        self._gap = self._gap or gap

    async def run(self, stream: Any) -> None:
        """Read until the stream ends. Never raises; ends the process on what must not pass."""
        try:
            await self._read(aiter(stream.noack().events()))
        except asyncio.CancelledError:
            for commit in self._in_flight:
                commit.cancel()
            raise  # Faust stops the agent; whatever is not acknowledged will come again
        except BaseException:
            self._log.exception("unexpected error; stopping so that the supervisor starts this process again")
            self._exit(EXIT_UNEXPECTED)

    async def _read(self, events: AsyncIterator[Event]) -> None:
        pending: asyncio.Future[Event] | None = None
        group: Group | None = None
        while True:
            if pending is None:
                pending = asyncio.ensure_future(anext(events))
            # A record that waits must not wait for ever, nor keep a rebalance or a stop waiting: look again soon.
            deadline = group.read_at + self._settings.group_seconds if group else math.inf
            timeout = min(max(deadline - time.monotonic(), 0.0), 0.2)
            await asyncio.wait({pending}, timeout=timeout)
            self._landed()
            ended = False
            if pending.done():
                try:
                    event = pending.result()
                except StopAsyncIteration:
                    ended = True
                else:
                    pending = None
                    if self._takes(event):
                        sent_at = event.message.timestamp or time.time()
                        group = group or self._open(sent_at)
                        group.add(event, sent_at)
            if group and (self._full(group) or time.monotonic() >= deadline or self._must_flush(ended)):
                await self._take_off(group)
                group = None
            if self._gap or ended:
                await self._land(0)
            if self._gap:
                await self._stop_at_gap(self._gap)
            if ended:
                return

    def _open(self, sent_at: float) -> Group:
        group = Group(time.monotonic(), sent_at)
        self._groups.append(group)
        self._show_progress()
        return group

    def _full(self, group: Group) -> bool:
        return len(group.events) >= self._settings.group_records or group.bytes >= self._settings.group_bytes

    def _must_flush(self, ended: bool) -> bool:
        return ended or self._gap is not None or not self._app.flow_control.is_active()

    async def _take_off(self, group: Group) -> None:
        """Begin to commit a group; no more is read while as many groups as may be are in flight."""
        before = self._in_flight[-1] if self._in_flight else None
        commit = asyncio.create_task(self._finish(group, before))
        commit.add_done_callback(_look_at)
        self._in_flight.append(commit)
        await self._land(self._most_in_flight - 1)

    async def _land(self, left: int) -> None:
        """Wait until no more than so many groups are in flight."""
        while len(self._in_flight) > left:
            await asyncio.wait({self._in_flight[0]})
            self._landed()

    def _landed(self) -> None:
        """Forget the commits that are done; an error of one is raised here."""
        while self._in_flight and self._in_flight[0].done():
            self._in_flight.popleft().result()

    def _show_progress(self) -> None:
        if self._groups:
            self.progress.oldest_read = self._groups[0].read_at
            self.progress.oldest_sent = min(group.sent_at for group in self._groups)

    def _takes(self, event: Event) -> bool:
        """Whether the event is the one due in its partition and generation; a hole means that records were lost on the way."""
        message = event.message
        key = (message.tp, message.generation_id)
        due = self._due.get(key)
        if self._gap and (self._gap.topic, self._gap.partition) == (message.topic, message.partition):
            if message.offset >= self._gap.found or self._gap.found < self._gap.expected:
                return False
        if due is not None and message.offset != due:
            self.stop_at(OffsetGapError(message.topic, message.partition, due, message.offset))
            return False
        self._due[key] = message.offset + 1
        if due is None:  # a new generation: those before it are over
            self._due = {known: offset for known, offset in self._due.items() if known[1] == message.generation_id}
        return True

    async def _finish(self, group: Group, before: asyncio.Task[None] | None) -> None:
        """Commit a group, conclude it once all groups before it are done, then acknowledge it in order."""
        conclude = await self._until_done(lambda: self._commit(group.events))
        if before is not None:
            await before
        if conclude is not None:
            await self._until_done(conclude)
        self._health.goes_on(_COMMIT)
        for event in group.events:
            event.ack()
        self._groups.popleft()
        self.progress = Progress()
        self._show_progress()
        service = self._health.service
        GROUP_BATCHES.labels(service).observe(len(group.events))
        LAST_GROUP_TIME.labels(service).set_to_current_time()

    async def _until_done(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do a step, trying again in place while a dependency is away or the group is held back."""
        began = time.monotonic()
        attempt, held = 0, False
        while True:
            try:
                done = await step()
                break
            except RetryableError as error:
                attempt += 1
                held = isinstance(error, HeldError)
                await self._wait_out(error, attempt)
        if attempt:
            said = "no longer held back" if held else "the outage is over"
            self._log.info(said, attempts=attempt, seconds=round(time.monotonic() - began, 1))
        return done

    async def _wait_out(self, error: RetryableError, attempt: int) -> None:
        if isinstance(error, HeldError):
            self._health.goes_on(_COMMIT)
            self._health.waits(error.name, error.reason)
            what, code, waited_for = "held back until a person resumes", EXIT_HELD, error.name
            pause = min(self._settings.retry_most_seconds, _HELD_PAUSE_SECONDS)
        else:
            waited_for = self._note_outage(error)
            what, code = "a dependency is away", EXIT_AWAY
            pause = min(self._settings.retry_most_seconds, 0.25 * 2 ** min(attempt, 10)) * random.uniform(0.5, 1.0)
        if self._app.should_stop:
            self._log.warning(f"stopping while {what}; what was read will be read again", reason=str(error))
            self._exit(code)
        if attempt in (1, 2, 4, 8) or attempt % 16 == 0:
            self._log.warning(f"paused: {what}", reason=str(error), attempt=attempt, next_seconds=round(pause, 2))
        began = time.monotonic()
        while time.monotonic() < began + pause and not self._app.should_stop:
            self.progress.retrying = time.monotonic()
            await asyncio.sleep(min(0.2, pause))
        if not self._in_flight or asyncio.current_task() is self._in_flight[0]:  # the others wait at the same time
            PAUSED_SECONDS.labels(self._health.service, waited_for).inc(time.monotonic() - began)

    def _note_outage(self, error: RetryableError) -> str:
        """What is away."""
        dependency = error.dependency if isinstance(error, DependencyAwayError) else type(error).__name__
        RETRIES.labels(self._health.service, dependency).inc()
        if isinstance(error, DependencyAwayError):
            self._health.away(dependency, str(error))
        # Not the dependency alone: HDFS without room, or without its DataNode, still answers whoever only looks, and counts as back.
        self._health.waits(_COMMIT, str(error))
        return dependency

    async def _stop_at_gap(self, gap: OffsetGapError) -> None:
        self._log.error("stopped at an offset gap", reason=str(gap), topic=gap.topic, partition=gap.partition)
        try:
            await asyncio.wait_for(self._app.consumer.commit(), timeout=10)
        except Exception:  # what is not committed is read again, which is harmless
            self._log.warning("offsets could not be committed before stopping", exc_info=True)
        self._exit(EXIT_GAP)

    def _exit(self, code: int) -> None:
        # Faust would restart the agent and live on with records that never come again; only the end of the process is clean.
        for handler in logging.getLogger().handlers:
            handler.flush()
        os._exit(code)


def _look_at(commit: asyncio.Task[None]) -> None:
    """A group fails with the one before it: that was told, and asyncio need not complain that nobody looked."""
    if not commit.cancelled():
        commit.exception()


def explain(error: BaseException) -> str:
    """An error on one line, for people."""
    return str(error) if isinstance(error, AcidwatchError) else repr(error)
