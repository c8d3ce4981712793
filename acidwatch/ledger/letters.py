"""Dead letters in the ledger: which are still to be published, that they were, and that a person set some aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from acidwatch.contract.batch import Origin
from acidwatch.errors import UnusableInputError
from acidwatch.ledger.audit import note
from acidwatch.ledger.connection import Connection
from acidwatch.ledger.dataset import lock_dataset
from acidwatch.ledger.letter_queries import UNPUBLISHED, require_published
from acidwatch.ledger.record import MOST_FAILURES


@dataclass(frozen=True, slots=True)
class PendingLetter:
    """A dead letter that is not on the topic yet.

    Attributes:
        attempt: The attempt that failed.
        origin: Where its record was consumed; its bytes are found by it in `raw_path`.
        value_bytes: How many they are.
        reason, message, rules: See the dead-letter headers.
    """

    batch_id: str
    attempt: int
    failures: int
    origin: Origin
    value_bytes: int
    raw_path: str
    reason: str
    message: str
    rules: tuple[str, ...]
    first_failed_at: datetime
    last_failed_at: datetime
    service_version: str


def pending(connection: Connection, limit: int, batch_ids: Sequence[str]) -> list[PendingLetter]:
    """Dead letters of these batches that are to be published, oldest first."""
    rows = connection.execute(
        'SELECT d.*, a.topic, a.partition, a."offset", a.timestamp_ms, a.value_bytes, a.service_version, f.path FROM ledger.dead_letters d'  # noqa: S608
        " JOIN ledger.attempts a USING (batch_id, attempt)"
        ' JOIN ledger.deliveries o USING (topic, partition, "offset", timestamp_ms) JOIN ledger.files f ON f.file_id = o.raw_file_id'
        f" WHERE {UNPUBLISHED} AND d.batch_id = ANY(%(ids)s) ORDER BY d.last_failed_at, d.batch_id LIMIT %(limit)s",
        {"ids": list(batch_ids), "limit": limit},
    )
    return [
        PendingLetter(
            row["batch_id"],
            row["attempt"],
            row["failures"],
            Origin(row["topic"], row["partition"], row["offset"], row["timestamp_ms"]),
            row["value_bytes"],
            row["path"],
            row["reason"],
            row["message"],
            tuple(row["rules"]),
            row["first_failed_at"],
            row["last_failed_at"],
            row["service_version"],
        )
        for row in rows
    ]


def claim_left(connection: Connection, limit: int, seconds: float) -> list[PendingLetter]:
    """Dead letters that have been pending for so long, oldest first; for as long again no other process is given them."""
    claimed = connection.execute(
        "UPDATE ledger.dead_letters SET changed_at = now() WHERE batch_id IN (SELECT batch_id FROM ledger.dead_letters"  # noqa: S608
        f" WHERE {UNPUBLISHED} AND changed_at <= now() - make_interval(secs => %s)"
        " ORDER BY last_failed_at, batch_id LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING batch_id",
        (seconds, limit),
    ).fetchall()
    return pending(connection, limit, [row["batch_id"] for row in claimed]) if claimed else []


def mark_published(
    connection: Connection, letters: Sequence[PendingLetter], places: Sequence[tuple[str, int, int]]
) -> None:
    """Note where the broker put each letter: (topic, partition, offset). One that failed three times is parked, or stays so."""
    for letter, place in zip(letters, places, strict=True):
        connection.execute(
            "UPDATE ledger.dead_letters SET state = CASE WHEN state = 'parked' OR failures >= %s THEN 'parked' ELSE 'published' END,"  # noqa: S608
            " letter_topic = %s, letter_partition = %s, letter_offset = %s, changed_at = now()"
            f" WHERE batch_id = %s AND attempt = %s AND {UNPUBLISHED}",
            (MOST_FAILURES, *place, letter.batch_id, letter.attempt),
        )


def park(connection: Connection, batch_ids: Sequence[str], message: str, author: str) -> None:
    """Set letters aside: only a filter that asks for parked ones replays them, until a person says so.

    Raises:
        UnusableInputError: One of them is neither published nor replayed; nothing was changed.
    """
    _move(connection, "park", batch_ids, ("published", "replayed"), "parked", message, author)


def unpark(connection: Connection, batch_ids: Sequence[str], message: str, author: str) -> None:
    """Take parked letters up again.

    Raises:
        UnusableInputError: One of them is not parked, or not on its topic yet; nothing was changed.
    """
    _move(connection, "unpark", batch_ids, ("parked",), "published", message, author)


def _move(
    connection: Connection,
    action: str,
    batch_ids: Sequence[str],
    before: tuple[str, ...],
    after: str,
    message: str,
    author: str,
) -> None:
    lock_dataset(connection)
    rows = connection.execute(
        "SELECT batch_id, state, letter_offset FROM ledger.dead_letters WHERE batch_id = ANY(%s)", (list(batch_ids),)
    )
    letters = {row["batch_id"]: row for row in rows}
    for batch_id in batch_ids:
        letter = letters.get(batch_id)
        if letter is None or letter["state"] not in before:
            state = f"is {letter['state']}" if letter else "is no dead letter"
            raise UnusableInputError(f"batch {batch_id} {state}; only {' or '.join(before)} letters can be {action}ed")
        if action == "unpark":
            require_published(letter)
    connection.execute(
        "UPDATE ledger.dead_letters SET state = %s, changed_at = now() WHERE batch_id = ANY(%s)",
        (after, list(batch_ids)),
    )
    note(connection, author, action, message, {"batches": list(batch_ids)})
