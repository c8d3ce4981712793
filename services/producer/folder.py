"""Watch a drop folder: send each workbook once, go on where a restart interrupted, refuse what can't be read with a clear line."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import AcidwatchError, DependencyAwayError, UnreadableNowError, UnusableInputError
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import LAST_GROUP_TIME, PAUSED_SECONDS, RETRIES, SOURCES, SOURCES_UNREADABLE
from acidwatch.workbook.book import SUFFIXES
from services.producer.memory import STATE_FOLDER, Memory, Refusal, Sent
from services.producer.plan import Plan, plan
from services.producer.replay import replay
from services.producer.settings import ProducerSettings

DROP_FOLDER = "drop folder"
TRY_AGAIN_SECONDS = 60.0  # of what failed for a reason that is not the file's
Stamp = tuple[int, int]  # size, modification time in ns


@dataclass(slots=True)
class DropFolder:
    """The work of the producer service. A file is taken when it has not changed for a while, so that a copy under way is left alone."""

    settings: ProducerSettings
    sender: ConfirmedSender
    memory: Memory
    health: Health
    now: Callable[[], datetime]
    stop: asyncio.Event
    _seen: dict[Path, tuple[Stamp, float]] = field(default_factory=dict)  # and since when, monotonic seconds
    _finished: dict[Path, Stamp] = field(default_factory=dict)
    _unreadable: dict[Path, str] = field(default_factory=dict)  # and why

    async def watch(self) -> None:
        """Look until told to stop."""
        log = structlog.get_logger(__name__)
        attempt = 0
        self.health.goes_on("start")
        for result in ("sent", "refused"):
            SOURCES.labels(result)
        while not self.stop.is_set():
            pause, waited_for = self.settings.look_seconds, ""
            try:
                await self._look()
                for dependency in ("Kafka", STATE_FOLDER):
                    self.health.back(dependency)
                attempt = 0
            except DependencyAwayError as error:
                attempt += 1
                waited_for = error.dependency
                RETRIES.labels(self.health.service, waited_for).inc()
                self.health.away(error.dependency, error.reason)
                pause = min(30.0, pause * 2 ** min(attempt, 6))
                log.warning(
                    "paused: a dependency is away", reason=str(error), attempt=attempt, next_seconds=round(pause, 1)
                )
            began = time.monotonic()
            try:
                await asyncio.wait_for(self.stop.wait(), timeout=pause)
            except TimeoutError:
                pass
            if waited_for:
                PAUSED_SECONDS.labels(self.health.service, waited_for).inc(time.monotonic() - began)

    async def _look(self) -> None:
        files = await asyncio.to_thread(self._files)
        self.health.back(DROP_FOLDER)
        for path in set(self._unreadable) - set(files):
            self._can_read(path)
        for path in files:
            if self.stop.is_set():
                return
            stamp = await asyncio.to_thread(_stamp, path)  # as of now: the file before it may have taken an hour
            if stamp is None or self._finished.get(path) == stamp or not self._settled(path, stamp):
                continue
            if await self._take(path):
                self._finished[path] = stamp
        self._note_time()

    def _files(self) -> list[Path]:
        """What may be workbooks, the oldest first: of rows that say the same sample those that are sent later count.

        Raises:
            DependencyAwayError: The folder is not there, or can't be listed.
        """
        found = []
        try:
            for path in self.settings.drop_folder.iterdir():
                if path.suffix.lower() in SUFFIXES and not path.name.startswith((".", "~$")):
                    stamp = _stamp(path)
                    if stamp is not None:
                        found.append((stamp[1], path))
        except OSError as error:
            raise DependencyAwayError(DROP_FOLDER, str(self.settings.drop_folder), error) from error
        return [path for _, path in sorted(found)]

    def _settled(self, path: Path, stamp: Stamp) -> bool:
        known, since = self._seen.get(path, (None, 0.0))
        if known != stamp:
            self._seen[path] = (stamp, time.monotonic())
            return False
        return time.monotonic() - since >= self.settings.settle_seconds

    async def _take(self, path: Path) -> bool:
        """Send a workbook, whatever is wrong with it: it must not keep the others. Whether there is nothing left to do with it."""
        log = structlog.get_logger(__name__).bind(workbook=_plain(path.name))
        try:
            return await self._send(path, log)
        except DependencyAwayError:
            raise
        except Exception as error:
            self._cannot_read(path, error, log)
            stamp, _ = self._seen[path]
            self._seen[path] = (stamp, time.monotonic() + TRY_AGAIN_SECONDS)
            return False

    def _cannot_read(self, path: Path, error: Exception, log: structlog.stdlib.BoundLogger) -> None:
        reason = _plain(str(error)) or type(error).__name__
        if self._unreadable.get(path) != reason:  # it is tried again, and need not be said again
            foreseen = isinstance(error, AcidwatchError | OSError)
            log.error("can't be read or sent now", reason=reason, exc_info=not foreseen)
        self._unreadable[path] = reason
        SOURCES_UNREADABLE.set(len(self._unreadable))

    def _can_read(self, path: Path) -> None:
        self._unreadable.pop(path, None)
        SOURCES_UNREADABLE.set(len(self._unreadable))

    def _note_time(self) -> None:
        LAST_GROUP_TIME.labels(self.health.service).set_to_current_time()

    async def _send(self, path: Path, log: structlog.stdlib.BoundLogger) -> bool:
        """Send one workbook, or what is left of it; whether it is finished."""
        try:
            sha256 = await asyncio.to_thread(_digest, path)
        except OSError as error:  # taken away between two looks, or not ours to read yet
            self._cannot_read(path, error, log)
            return False
        sent = self.memory.recall(sha256)
        if sent is not None and sent.is_final(path.suffix):
            self._can_read(path)
            log.info("known already", state="refused" if sent.refused else "sent", reason=sent.refused)
            return True
        # What was begun is sent on as it was cut, whatever the setting says by now: in another cut the same rows would be other batches.
        if sent is None or not sent.begun:
            sent = Sent(sha256, _plain(path.name), self.now().isoformat(), 0, batch_rows=self.settings.batch_rows)
        return await self._cut(path, sent, log)

    async def _cut(self, path: Path, sent: Sent, log: structlog.stdlib.BoundLogger) -> bool:
        """Cut a workbook as it is remembered, and send what is left of it; whether it is finished."""
        try:
            batches = await asyncio.to_thread(plan, path, None, sent.batch_rows)
        except UnreadableNowError as error:  # nothing is known of the file, so nothing is remembered of it
            self._cannot_read(path, error, log)
            return error.until_restart
        except UnusableInputError as error:
            if self.stop.is_set() or not await asyncio.to_thread(_is_still, path, sent.sha256):
                return False  # stopped, or replaced while it was read: what was refused may be no whole file
            self._can_read(path)
            self._refuse(sent, "unreadable", error, log)
            return True
        self._can_read(path)
        if batches.table.sha256 != sent.sha256:
            return False  # replaced while it was read: look again
        for note in batches.table.notes:
            log.info("noticed", note=note)
        if sent.batches != batches.batches:  # it is new, or this version finds other rows in it
            sent.batches, sent.next_batch, sent.source_time = batches.batches, 0, self.now().isoformat()
        sent.refused_for, sent.refused = "", ""
        self._remember(sent)
        return await self._replay(batches, sent, log)

    async def _replay(self, batches: Plan, sent: Sent, log: structlog.stdlib.BoundLogger) -> bool:
        """Send what is left; whether nothing is."""
        log.info(
            "sending",
            batches=batches.batches,
            from_batch=sent.next_batch,
            interval_seconds=self.settings.interval_seconds,
        )

        def confirmed(next_batch: int) -> None:
            sent.next_batch = next_batch
            self._remember(sent)
            self.health.back("Kafka")
            self._note_time()

        try:
            await replay(
                batches,
                self.sender,
                self.settings.topic_batches,
                interval_seconds=self.settings.interval_seconds,
                from_batch=sent.next_batch,
                source_time=datetime.fromisoformat(sent.source_time),
                now=self.now,
                stop=self.stop,
                confirmed=confirmed,
                most_bytes=self.settings.max_record_bytes,
            )
        except UnusableInputError as error:
            self._refuse(sent, "too large", error, log)
            return True
        if sent.done:
            SOURCES.labels("sent").inc()
            log.info("sent", batches=sent.batches, rows=batches.rows)
        return sent.done

    def _refuse(
        self, sent: Sent, reason: Refusal, error: UnusableInputError, log: structlog.stdlib.BoundLogger
    ) -> None:
        sent.refused_for, sent.refused = reason, _plain(str(error))
        self._remember(sent)
        SOURCES.labels("refused").inc()
        log.error("refused", reason=sent.refused, sent_before=sent.next_batch)

    def _remember(self, sent: Sent) -> None:
        self.memory.remember(sent)
        self.health.back(STATE_FOLDER)


def _stamp(path: Path) -> Stamp | None:
    """None where it is no file, was taken away, or is a link to what is not ours to see."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


def _is_still(path: Path, sha256: str) -> bool:
    try:
        return _digest(path) == sha256
    except OSError:
        return False


def _plain(text: str) -> str:
    """A text with names of files in it, which need not be UTF-8."""
    return os.fsencode(text).decode(errors="replace")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
