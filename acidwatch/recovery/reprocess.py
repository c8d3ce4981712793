"""Run accepted batches again from their raw bytes, through the whole pipeline, as a new attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from acidwatch.archive.groupfile import RawRecord
from acidwatch.archive.raw import read_records
from acidwatch.archive.store import Store
from acidwatch.errors import PermanentError
from acidwatch.ledger.accepted import Accepted
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.places import raw_places
from acidwatch.recovery.redrive import Outgoing, Sender, redrive

AT_ONCE = 50


async def reprocess(
    ledger: Ledger,
    store: Store,
    sender: Sender,
    topic: str,
    most_bytes: int,
    batches: Sequence[Accepted],
    author: str,
    message: str,
    stop: asyncio.Event,
    confirmed: Callable[[int], None],
) -> dict[str, int]:
    """Send batches again, byte for byte, until `stop` is set; batch id to its new attempt.

    One that was taken out by quarantine comes back by it.

    A rejected reprocess leaves the earlier attempt in place.

    Raises:
        DependencyAwayError: A server is away; what was numbered and not confirmed keeps its number when it is sent again.
        PermanentError: One of them is too large to be sent again.
    """
    done: dict[str, int] = {}
    for start in range(0, len(batches), AT_ONCE):
        if stop.is_set():
            break
        records = await asyncio.to_thread(_read, ledger, store, batches[start : start + AT_ONCE])
        outgoing = [Outgoing(id_, record.key, record.value, record.headers) for id_, record in records.items()]
        for one in outgoing:
            why_not = one.why_not(most_bytes)
            if why_not:
                raise PermanentError(f"batch {one.batch_id} can't be sent again: {why_not}")
        done |= (await redrive(ledger, sender, topic, outgoing, "reprocess", author, message)).attempts
        confirmed(len(done))
    return done


def _read(ledger: Ledger, store: Store, batches: Sequence[Accepted]) -> dict[str, RawRecord]:
    with ledger.transaction() as connection:
        places = raw_places(connection, [(batch.batch_id, batch.attempt) for batch in batches])
    records = read_records(store, {(place.path, place.origin) for place in places.values()})
    return {batch_id: records[place.origin] for (batch_id, _), place in places.items()}
