"""The one way by which records go back onto the topic of batches, in these steps:

1. number the attempts in the ledger, with the SHA-256 of the values, in a transaction of its own
2. send the records and wait until all are confirmed
3. note in the ledger that they were sent

A crash between two steps loses nothing: the repetition takes the same numbers again and sends the same records, and the ledger
counts what came twice as a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka.structs import RecordMetadata

from acidwatch.broker.send import Record
from acidwatch.contract.batch import value_digest
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.plans import Kind, mark_sent, plan_attempts


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


async def redrive(
    ledger: Ledger,
    sender: Sender,
    topic: str,
    outgoing: Sequence[Outgoing],
    kind: Kind,
    author: str,
    message: str,
    *,
    anew: bool = False,
    what: Mapping[str, Any] | None = None,
) -> list[int]:
    """Send records as the next attempt of their batches; returns the attempts.

    Args:
        outgoing: At most one record for each batch, a few dozen at once: their values are in memory.
        anew, what: See acidwatch.ledger.plans.

    Raises:
        DependencyAwayError: Not all were confirmed; call it again with the same records.
        PermanentError: The broker refuses a record.
    """
    digests = [(record.batch_id, value_digest(record.value)) for record in outgoing]

    def number() -> list[int]:
        with ledger.transaction() as connection:
            return plan_attempts(connection, digests, kind, author, message, anew=anew, what=what)

    def mark(attempts: Sequence[int]) -> None:
        with ledger.transaction() as connection:
            mark_sent(
                connection,
                [(record.batch_id, attempt) for record, attempt in zip(outgoing, attempts, strict=True)],
            )

    attempts = await asyncio.to_thread(number)
    await sender.send([record.record(topic, attempt) for record, attempt in zip(outgoing, attempts, strict=True)])
    await asyncio.to_thread(mark, attempts)
    return attempts
