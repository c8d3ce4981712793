"""Step 3 of the versioner's commit: publish pending dead letters with the original bytes, wait for the confirmation, mark them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import accumulate

import structlog

from acidwatch import __version__
from acidwatch.archive.groupfile import RawRecord
from acidwatch.archive.raw import read_records
from acidwatch.archive.store import Store
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import Origin
from acidwatch.contract.deadletter import BESIDE_VALUE_BYTES, letter_headers, without_letter_headers
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letters import PendingLetter, mark_published, pending
from acidwatch.telemetry.metrics import DEAD_LETTERS_PUBLISHED

_AT_ONCE = 50
_MOST = 1_000  # before the caller goes on: publishing a whole backlog would look like standing still
_BYTES_AT_ONCE = 32 * 1024**2  # of their values; one letter may have more


class Letters:
    """Publishes what the ledger says is pending. Publishing again after a crash repeats a letter, it never loses one."""

    def __init__(self, ledger: Ledger, store: Store, sender: ConfirmedSender, topic: str, most_bytes: int) -> None:
        self._ledger, self._store, self._sender, self._topic = ledger, store, sender, topic
        self._most_bytes = most_bytes
        self._log = structlog.get_logger(__name__)

    async def publish_pending(self, older_than_seconds: float = 0.0) -> int:
        """Publish pending letters, some thousand at most; returns how many."""
        total = 0
        while total < _MOST:
            letters = await asyncio.to_thread(self._pending, older_than_seconds)
            if not letters:
                break
            records = await asyncio.to_thread(self._read, letters)
            confirmed = await self._sender.send([self._letter(letter, records[letter.origin]) for letter in letters])
            places = [(place.topic, place.partition, place.offset) for place in confirmed]
            await asyncio.to_thread(self._mark, letters, places)
            DEAD_LETTERS_PUBLISHED.inc(len(letters))
            total += len(letters)
            for letter in letters:
                self._log.warning(
                    "dead letter published", batch_id=letter.batch_id, attempt=letter.attempt, reason=letter.reason
                )
        return total

    def _pending(self, older_than_seconds: float) -> list[PendingLetter]:
        with self._ledger.transaction() as connection:
            letters = pending(connection, _AT_ONCE, older_than_seconds)
        sums = accumulate(letter.value_bytes for letter in letters)
        return [
            letter
            for at, (letter, total) in enumerate(zip(letters, sums, strict=True))
            if not at or total <= _BYTES_AT_ONCE
        ]

    def _mark(self, letters: Sequence[PendingLetter], places: Sequence[tuple[str, int, int]]) -> None:
        with self._ledger.transaction() as connection:
            mark_published(connection, letters, places)

    def _read(self, letters: Sequence[PendingLetter]) -> dict[Origin, RawRecord]:
        """The original records, from raw/."""
        return read_records(self._store, ((letter.raw_path, letter.origin) for letter in letters))

    def _letter(self, letter: PendingLetter, record: RawRecord) -> Record:
        headers = letter_headers(
            origin=letter.origin,
            reason=letter.reason,
            message=letter.message,
            rules=letter.rules,
            attempt=letter.attempt,
            failures=letter.failures,
            first_failed_at=letter.first_failed_at,
            last_failed_at=letter.last_failed_at,
            batch_id=letter.batch_id,
            service="ingestor",
            service_version=letter.service_version or __version__,
            archive_path=letter.raw_path,
        )
        value = record.value
        if value is not None and len(value) > self._most_bytes:
            # It came compressed, and may not fit again: the letter names the file that holds its bytes.
            headers.append(("dlq-value-omitted", str(len(value)).encode()))
            value = b""
        elif value is None and record.key is None:
            # The client library can't send such a record; nobody but a stranger makes one.
            headers.append(("dlq-value-null", b"true"))
            value = b""
        made = Record(self._topic, record.key, value, [*without_letter_headers(record.headers), *headers])
        if made.beside_value_bytes <= BESIDE_VALUE_BYTES:
            return made
        # These came compressed too; nobody but a stranger sends so much.
        return Record(self._topic, None, value or b"", [*headers, ("dlq-headers-omitted", b"true")])
