"""The one way by which records go back onto the topic of batches, in these steps:

1. number the attempts in the ledger, with the SHA-256 of the values, in a transaction of its own; letters that changed since they
   were chosen, or that have an attempt under way, are held back
2. send the records and wait until all are confirmed
3. note in the ledger that they were sent

A crash between two steps loses nothing: the repetition takes the same numbers again and sends the same records, and the ledger
counts what came twice as a duplicate.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.structs import RecordMetadata

from acidwatch.broker.send import Record
from acidwatch.contract.batch import value_digest
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.plans import Kind, mark_sent, plan_attempts, taken_again
from acidwatch.ledger.sendable import Seen, held_back


class Sender(Protocol):
    """Sends records and returns once all are confirmed; see acidwatch.broker.send."""

    async def send(self, records: Sequence[Record]) -> list[RecordMetadata]:
        """Send."""
        ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record that goes back, before its attempt is numbered."""

    batch_id: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    def record(self, topic: str, attempt: int | None) -> Record:
        """The record to send: the batch's id stamped on, and the attempt, where it has one."""
        stamps = {"ce_id": self.batch_id.encode()}
        if attempt is not None:
            stamps["ce_attempt"] = str(attempt).encode()
        return Record(topic, self.key, self.value, stamp(self.headers, stamps))

    @property
    def headers_sha256(self) -> str:
        """Of the headers before they are stamped: the value alone doesn't show what an edit of them changes."""
        return hashlib.sha256(repr(self.headers).encode()).hexdigest()

    def why_not(self, most_bytes: int) -> str:
        """Why the broker would not take it; empty when it would."""
        return Record("", self.key, self.value, self.headers).why_not(most_bytes)


def stamp(
    headers: Sequence[tuple[str, bytes | None]], stamps: Mapping[str, bytes | None]
) -> list[tuple[str, bytes | None]]:
    """Headers in their order, each name in `stamps` once with its new value; a value that is None takes the header away."""
    left = dict(stamps)
    stamped: list[tuple[str, bytes | None]] = []
    for name, value in headers:
        if name not in stamps:
            stamped.append((name, value))
        elif left.get(name) is not None:
            stamped.append((name, left.pop(name)))
    return stamped + [(name, value) for name, value in left.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of records that were to go back.

    Attributes:
        attempts: Batch id to the attempt under which its record was sent.
        held_back: Batch id to why its record was not sent.
    """

    attempts: dict[str, int]
    held_back: dict[str, str]


def why_held_back(
    connection: Connection, outgoing: Sequence[Outgoing], kind: Kind, seen: Mapping[str, Seen], *, force: bool
) -> dict[str, str]:
    """Which of these letters would not be sent now, and why; see acidwatch.ledger.sendable."""
    again = taken_again(connection, _digests(outgoing), kind, _headers(outgoing))
    return held_back(connection, {one.batch_id: seen[one.batch_id] for one in outgoing}, again, force=force)


async def redrive(
    ledger: Ledger,
    sender: Sender,
    topic: str,
    outgoing: Sequence[Outgoing],
    kind: Kind,
    author: str,
    message: str,
    *,
    seen: Mapping[str, Seen] | None = None,
    force: bool = False,
    what: Mapping[str, Any] | None = None,
) -> Redriven:
    """Send records as the next attempt of their batches.

    Args:
        outgoing: At most one record for each batch, a few dozen at once: their values are in memory.
        seen: The letters as they were chosen; one that changed since, or has an attempt under way, is held back. None = no letters.
        force: See acidwatch.ledger.sendable.
        what: See acidwatch.ledger.plans.

    Raises:
        DependencyAwayError: Not all were confirmed; call it again with the same records.
        PermanentError: The broker refuses a record.
    """

    def number() -> tuple[list[Outgoing], list[int], dict[str, str]]:
        with ledger.transaction() as connection:
            lock_dataset(connection)  # so that nobody parks or replays a letter between the look and the number
            left = why_held_back(connection, outgoing, kind, seen, force=force) if seen is not None else {}
            going = [record for record in outgoing if record.batch_id not in left]
            if not going:
                return [], [], left
            numbers = plan_attempts(
                connection, _digests(going), kind, author, message, headers=_headers(going), what=what
            )
            return going, numbers, left

    def mark(attempts: Mapping[str, int]) -> None:
        with ledger.transaction() as connection:
            mark_sent(connection, list(attempts.items()))

    going, numbers, left = await asyncio.to_thread(number)
    attempts = {record.batch_id: number for record, number in zip(going, numbers, strict=True)}
    if going:
        await sender.send([record.record(topic, attempts[record.batch_id]) for record in going])
        await asyncio.to_thread(mark, attempts)
    return Redriven(attempts, left)


def _digests(outgoing: Sequence[Outgoing]) -> list[tuple[str, str]]:
    return [(record.batch_id, value_digest(record.value)) for record in outgoing]


def _headers(outgoing: Sequence[Outgoing]) -> dict[str, str]:
    return {record.batch_id: record.headers_sha256 for record in outgoing}
