"""Step 3 of the versioner's commit, its other half: records whose outcome named a condemned file go back onto the topic, from raw/."""

from __future__ import annotations

import asyncio

import structlog

from acidwatch.archive.raw import read_records
from acidwatch.archive.store import Store
from acidwatch.broker.send import ConfirmedSender, Record
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.places import RawPlace, mark_rerun, pending_reruns

_AT_ONCE = 50
_MOST = 1_000  # before the caller goes on: sending a whole backlog would look like standing still


class Reruns:
    """Sends records again, byte for byte. Sending one twice after a crash makes a duplicate, never a loss."""

    def __init__(self, ledger: Ledger, store: Store, sender: ConfirmedSender, topic: str, most_bytes: int) -> None:
        self._ledger, self._store, self._sender, self._topic = ledger, store, sender, topic
        self._most_bytes = most_bytes
        self._log = structlog.get_logger(__name__)

    async def send_pending(self, older_than_seconds: float = 0.0) -> int:
        """Send what is pending, some thousand at most; returns how many."""
        total = 0
        while total < _MOST and (places := await asyncio.to_thread(self._pending, older_than_seconds)):
            found = await asyncio.to_thread(read_records, self._store, [(p.path, p.origin) for p in places])
            sendable = []
            for place in places:
                record = found[place.origin]
                again = Record(self._topic, record.key, record.value, record.headers)
                if why := again.why_not(self._most_bytes):
                    # It must not stop all that comes after it; `reconcile` names what was sent and never recorded.
                    self._log.error(
                        "can't be sent again", batch_id=record.batch_id, reason=why, archive_path=place.path
                    )
                else:
                    sendable.append((record, again))
            await self._sender.send([again for _, again in sendable])
            await asyncio.to_thread(self._mark, places)
            total += len(places)
            for record, _ in sendable:
                self._log.warning(
                    "sent again: its file was being removed", batch_id=record.batch_id, attempt=record.attempt
                )
        return total

    def _pending(self, older_than_seconds: float) -> list[RawPlace]:
        with self._ledger.transaction() as connection:
            return pending_reruns(connection, _AT_ONCE, older_than_seconds)

    def _mark(self, places: list[RawPlace]) -> None:
        with self._ledger.transaction() as connection:
            mark_rerun(connection, places)
