"""Step 3 of the versioner's commit, its other half: records whose outcome named a condemned file go back onto the topic, from raw/."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from acidwatch.archive.groupfile import RawRecord
from acidwatch.archive.raw import read_sound_records
from acidwatch.archive.store import Store
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.contract.headers import read_headers
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.places import RawPlace, mark_rerun, pending_reruns
from acidwatch.recovery.redrive import stamp

_AT_ONCE = 50


class Reruns:
    """Sends records again, their values byte for byte. Sending one twice after a crash makes a duplicate, never a loss."""

    def __init__(self, ledger: Ledger, store: Store, sender: ConfirmedSender, topic: str, most_bytes: int) -> None:
        self._ledger, self._store, self._sender, self._topic = ledger, store, sender, topic
        self._most_bytes = most_bytes
        self._log = structlog.get_logger(__name__)

    async def send(self, batch_ids: Sequence[str]) -> int:
        """Send all that are pending of these batches; returns how many."""
        total = 0
        while places := await asyncio.to_thread(self._pending, batch_ids, 0.0):
            total += await self._send(places)
        return total

    async def send_left(self, seconds: float) -> int:
        """Send some that have been pending for so long; returns how many."""
        return await self._send(await asyncio.to_thread(self._pending, None, seconds))

    async def _send(self, places: list[RawPlace]) -> int:
        if not places:
            return 0
        found, damaged = await asyncio.to_thread(
            read_sound_records, self._store, [(place.path, place.origin) for place in places]
        )
        sendable = []
        for place in places:
            # What can't be sent must not stop all that comes after it; `reconcile` names what was done with here and never recorded.
            if place.origin in damaged:
                self._log.error("can't be sent again", reason=str(damaged[place.origin]), archive_path=place.path)
                continue
            record = found[place.origin]
            again = Record(self._topic, record.key, record.value, again_headers(record))
            if why := again.why_not(self._most_bytes):
                self._log.error("can't be sent again", batch_id=record.batch_id, reason=why, archive_path=place.path)
            else:
                sendable.append((record, again))
        await self._sender.send([again for _, again in sendable])
        await asyncio.to_thread(self._mark, places)
        for record, _ in sendable:
            self._log.warning(
                "sent again: its file was being removed", batch_id=record.batch_id, attempt=record.attempt
            )
        return len(places)

    def _pending(self, batch_ids: Sequence[str] | None, older_than_seconds: float) -> list[RawPlace]:
        with self._ledger.transaction() as connection:
            return pending_reruns(connection, _AT_ONCE, batch_ids, older_than_seconds)

    def _mark(self, places: list[RawPlace]) -> None:
        with self._ledger.transaction() as connection:
            mark_rerun(connection, places)


def again_headers(record: RawRecord) -> Sequence[tuple[str, bytes | None]]:
    """As they came; one without an id was given one by its place on the topic, which will be another one."""
    if read_headers(record.headers).batch_id is not None:
        return record.headers
    return stamp(
        record.headers, {"ce_id": record.batch_id.encode(), "ce_attempt": None}
    )  # without an id it was the first
