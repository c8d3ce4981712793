"""Step 3 of the versioner's commit: publish pending dead letters with the original bytes, wait for the confirmation, mark them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import accumulate

import structlog

from acidwatch import __version__
from acidwatch.archive.groupfile import RawRecord
from acidwatch.archive.raw import read_sound_records
from acidwatch.archive.sealed import DamagedFileError
from acidwatch.archive.store import Store
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.batch import Origin
from acidwatch.contract.deadletter import BESIDE_VALUE_BYTES, letter_headers, without_letter_headers
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letters import PendingLetter, claim_left, mark_published, pending
from acidwatch.telemetry.metrics import DEAD_LETTERS_PUBLISHED

_AT_ONCE = 50
_BYTES_AT_ONCE = 32 * 1024**2  # of their values; one letter may have more


class Letters:
    """Publishes what the ledger says is pending. Publishing again after a crash repeats a letter, it never loses one."""

    def __init__(self, ledger: Ledger, store: Store, sender: ConfirmedSender, topic: str, most_bytes: int) -> None:
        self._ledger, self._store, self._sender, self._topic = ledger, store, sender, topic
        self._most_bytes = most_bytes
        self._log = structlog.get_logger(__name__)

    async def publish(self, batch_ids: Sequence[str]) -> int:
        """Publish all letters of these batches that are pending; returns how many."""
        total = 0
        while letters := await asyncio.to_thread(self._pending, batch_ids):
            total += await self._publish(letters)
        return total

    async def publish_left(self, seconds: float) -> int:
        """Publish some that have been pending for so long; returns how many."""
        return await self._publish(await asyncio.to_thread(self._claim_left, seconds))

    async def _publish(self, letters: Sequence[PendingLetter]) -> int:
        if not letters:
            return 0
        records, damaged = await asyncio.to_thread(self._read, letters)
        for letter in letters:
            if letter.origin in damaged:
                reason = str(damaged[letter.origin])
                self._log.error("its letter goes without its bytes", batch_id=letter.batch_id, reason=reason)
        confirmed = await self._sender.send([self._letter(letter, records.get(letter.origin)) for letter in letters])
        places = [(place.topic, place.partition, place.offset) for place in confirmed]
        await asyncio.to_thread(self._mark, letters, places)
        DEAD_LETTERS_PUBLISHED.inc(len(letters))
        for letter in letters:
            self._log.warning(
                "dead letter published", batch_id=letter.batch_id, attempt=letter.attempt, reason=letter.reason
            )
        return len(letters)

    def _pending(self, batch_ids: Sequence[str]) -> list[PendingLetter]:
        with self._ledger.transaction() as connection:
            return _that_fit(pending(connection, _AT_ONCE, batch_ids))

    def _claim_left(self, seconds: float) -> list[PendingLetter]:
        with self._ledger.transaction() as connection:
            return _that_fit(claim_left(connection, _AT_ONCE, seconds))

    def _mark(self, letters: Sequence[PendingLetter], places: Sequence[tuple[str, int, int]]) -> None:
        with self._ledger.transaction() as connection:
            mark_published(connection, letters, places)

    def _read(self, letters: Sequence[PendingLetter]) -> tuple[dict[Origin, RawRecord], dict[Origin, DamagedFileError]]:
        """The original records, from raw/."""
        return read_sound_records(self._store, [(letter.raw_path, letter.origin) for letter in letters])

    def _letter(self, letter: PendingLetter, record: RawRecord | None) -> Record:
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
        if record is None:  # its file is damaged
            headers.append(("dlq-value-omitted", str(letter.value_bytes).encode()))
            return Record(self._topic, None, b"", [*headers, ("dlq-headers-omitted", b"true")])
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


def _that_fit(letters: Sequence[PendingLetter]) -> list[PendingLetter]:
    """As many as fit into the memory, but always one."""
    sums = accumulate(letter.value_bytes for letter in letters)
    return [
        letter
        for at, (letter, total) in enumerate(zip(letters, sums, strict=True))
        if not at or total <= _BYTES_AT_ONCE
    ]
