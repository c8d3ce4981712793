"""Watch a drop folder: send each workbook once, go on where a restart interrupted, refuse what can't be read with a clear line."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import DependencyAwayError, UnreadableNowError, UnusableInputError
from acidwatch.telemetry.health import Health
from acidwatch.telemetry.metrics import PAUSED_SECONDS, RETRIES, SOURCES
from acidwatch.workbook.book import SUFFIXES
from services.producer.memory import Memory, Sent
from services.producer.plan import plan
from services.producer.replay import replay
from services.producer.settings import ProducerSettings

Stamp = tuple[int, int]  # size, modification time in ns


@dataclass(slots=True)
class DropFolder:
    """The work of the producer service. A file is taken when two looks found it unchanged, so that a copy under way is left alone."""

    settings: ProducerSettings
    sender: ConfirmedSender
    memory: Memory
    health: Health
    now: Callable[[], datetime]
    stop: asyncio.Event
    _seen: dict[Path, Stamp] = field(default_factory=dict)
    _finished: dict[Path, Stamp] = field(default_factory=dict)

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
                self.health.back("Kafka")
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
        folder = self.settings.drop_folder
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if self.stop.is_set():
                return
            if path.suffix.lower() not in SUFFIXES or path.name.startswith((".", "~$")) or not path.is_file():
                continue
            try:
                status = path.stat()
            except FileNotFoundError:  # taken away between two looks
                continue
            stamp = (status.st_size, status.st_mtime_ns)
            if self._finished.get(path) == stamp:
                continue
            if self._seen.get(path) != stamp:
                self._seen[path] = stamp
                continue
            if await self._send(path):
                self._finished[path] = stamp

    async def _send(self, path: Path) -> bool:
        """Send one workbook, or what is left of it; whether it is finished."""
        name = os.fsencode(path.name).decode(errors="replace")  # it need not be UTF-8
        log = structlog.get_logger(__name__).bind(workbook=name)
        try:
            sha256 = await asyncio.to_thread(_digest, path)
        except OSError as error:  # taken away between two looks, or not ours to read yet
            log.warning("can't be read now", reason=str(error))
            return False
        sent = self.memory.recall(sha256)
        # One that was refused under the name of another format is read anew once it is renamed.
        renamed = sent is not None and bool(sent.refused) and Path(sent.name).suffix.lower() != path.suffix.lower()
        # So is one with a batch that was too large, in a new process: its settings may be others.
        too_large = sent is not None and bool(sent.refused) and sent.batch_rows > 0
        if sent is not None and sent.done and not renamed and not too_large:
            log.info("known already", state="refused" if sent.refused else "sent", reason=sent.refused)
            return True
        try:
            batches = await asyncio.to_thread(plan, path, None, self.settings.batch_rows)
        except UnreadableNowError as error:  # nothing is known of the file, so nothing is remembered of it
            log.error("can't be read now", reason=str(error))
            return error.until_restart
        except UnusableInputError as error:
            self.memory.remember(Sent(sha256, name, self.now().isoformat(), 0, refused=str(error)))
            SOURCES.labels("refused").inc()
            log.error("refused", reason=str(error))
            return True
        if batches.table.sha256 != sha256:
            return False  # replaced while it was read: look again
        for note in batches.table.notes:
            log.info("noticed", note=note)
        if renamed:
            sent = None
        elif sent is not None:
            sent.refused = ""
        if sent is not None and sent.batch_rows != self.settings.batch_rows:
            log.warning("sending from the beginning: the rows in a batch were changed", next_batch=sent.next_batch)
            sent.batches, sent.next_batch, sent.batch_rows = batches.batches, 0, self.settings.batch_rows
        if sent is None:
            started, rows = self.now().isoformat(), self.settings.batch_rows
            sent = Sent(sha256, name, started, batches.batches, batch_rows=rows)
            self.memory.remember(sent)
        log.info(
            "sending",
            batches=batches.batches,
            from_batch=sent.next_batch,
            interval_seconds=self.settings.interval_seconds,
        )

        def confirmed(next_batch: int) -> None:
            sent.next_batch = next_batch
            self.memory.remember(sent)
            self.health.back("Kafka")

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
            sent.refused = str(error)
            self.memory.remember(sent)
            SOURCES.labels("refused").inc()
            log.error("refused", reason=str(error), sent_before=sent.next_batch)
            return True
        if sent.done:
            SOURCES.labels("sent").inc()
            log.info("sent", batches=sent.batches, rows=batches.rows)
        return sent.done


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
