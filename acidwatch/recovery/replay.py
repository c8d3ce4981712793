"""Replay dead letters: chosen by id or by what they have in common, opened, edited, and sent again a few dozen at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from acidwatch.archive.store import Store
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.ledger.audit import note
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import LetterFilter, letters, letters_of, require_published
from acidwatch.ledger.queries import Row
from acidwatch.ledger.sendable import Seen
from acidwatch.ledger.state import Key
from acidwatch.recovery.edits import Edits, apply
from acidwatch.recovery.letters import open_attempts
from acidwatch.recovery.redrive import Outgoing, Sender, redrive, why_held_back

AT_ONCE = 50
"""Letters numbered, sent and confirmed together; each may hold 8 MiB."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one letter.

    Attributes:
        attempt: The attempt under which it was sent; None in a dry run, for a copy, and when it was not sent.
        cells: How many of its cells were changed.
        problem: Why it was not sent; empty when it was.
    """

    batch_id: str
    source: str
    subject: str
    reason: str
    rows: int
    attempt: int | None
    cells: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """How letters are replayed.

    Attributes:
        author, message: Who, and why.
        topic: Where to.
        most_bytes: The largest record that the topic takes.
        edits: What is changed in them.
        copy: Send copies to a topic that is not the pipeline's: no attempt is numbered, no state changes.
        dry_run: Open and edit them, and send nothing.
        rate: Letters a second; 0 = as fast as it goes.
        force: Send also what has an attempt under way.
        from_attempt: Take the record of this attempt, as when an edit was wrong; None = the one that failed last.
    """

    author: str
    message: str
    topic: str
    most_bytes: int
    edits: Edits
    copy: bool = False
    dry_run: bool = False
    rate: float = 0.0
    force: bool = False
    from_attempt: int | None = None


def choose(ledger: Ledger, ids: Sequence[str], wanted: LetterFilter, limit: int | None) -> list[Row]:
    """The letters to replay, the oldest failure first: those named, or those that the filter means and that are on their topic.

    Raises:
        UnusableInputError: One of them can't be replayed.
    """
    with ledger.transaction() as connection:
        if ids:
            chosen = letters_of(connection, ids)[:limit]
        else:
            published = letters(connection, replace(wanted, published=True), limit, oldest=True)
            chosen = published or letters(connection, wanted, 1)  # which says why there are none
    for letter in chosen:
        batch_id = letter["batch_id"]
        if letter["state"] == "resolved":
            raise UnusableInputError(
                f"batch {batch_id} was accepted; to run it again from its raw bytes: acidwatch reprocess {batch_id}"
            )
        require_published(letter)
    return chosen


async def replay(
    ledger: Ledger,
    store: Store,
    sender: Sender,
    chosen: Sequence[Row],
    orders: Orders,
    stop: asyncio.Event,
    confirmed: Callable[[int], None],
) -> list[Replayed]:
    """Replay letters in their order, until the last one or until `stop` is set; `confirmed` is called with how many are done.

    One that can't be sent, or changed since it was chosen, is passed over, and says why.

    Raises:
        DependencyAwayError: A server is away. What is confirmed stays so; repeat the command for the rest.
    """
    step = AT_ONCE if orders.rate <= 0 else max(1, min(AT_ONCE, int(orders.rate)))
    done: list[Replayed] = []
    for start in range(0, len(chosen), step):
        if stop.is_set():
            break
        part = chosen[start : start + step]
        done += await _replay_part(ledger, store, sender, part, orders)
        confirmed(len(done))
        if orders.rate > 0 and len(done) < len(chosen) and not orders.dry_run:
            try:
                await asyncio.wait_for(stop.wait(), timeout=len(part) / orders.rate)
            except TimeoutError:
                pass
    return done


async def _replay_part(
    ledger: Ledger, store: Store, sender: Sender, part: Sequence[Row], orders: Orders
) -> list[Replayed]:
    keys = {row["batch_id"]: (row["batch_id"], orders.from_attempt or row["attempt"]) for row in part}
    damaged: dict[Key, str] = {}
    opened = await asyncio.to_thread(open_attempts, ledger, store, list(keys.values()), damaged)
    outgoing: dict[str, Outgoing] = {}
    cells: dict[str, int] = {}
    problems: dict[str, str] = {}
    for row in part:
        batch_id = row["batch_id"]
        if keys[batch_id] in damaged:
            problems[batch_id] = f"batch {batch_id} can't be sent again: {damaged[keys[batch_id]]}"
            continue
        if keys[batch_id] not in opened:
            problems[batch_id] = f"batch {batch_id} has no attempt {orders.from_attempt}"
            continue
        try:
            edited = apply(orders.edits, opened[keys[batch_id]])
        except PermanentError as error:
            problems[batch_id] = str(error)
            continue
        cells[batch_id] = edited.cells
        why_not = edited.outgoing.why_not(orders.most_bytes)
        if why_not:
            problems[batch_id] = f"batch {batch_id} can't be sent again: {why_not}"
        else:
            outgoing[batch_id] = edited.outgoing
    attempts: dict[str, int] = {}
    records = list(outgoing.values())
    if orders.copy and records and not orders.dry_run:
        await _copy(ledger, sender, records, orders)
    elif records and not orders.copy:
        seen = {row["batch_id"]: Seen(row["state"], row["attempt"]) for row in part}
        if orders.dry_run:
            problems |= await asyncio.to_thread(_look, ledger, records, seen, orders)
        else:
            done = await redrive(
                ledger, sender, orders.topic, records, "replay", orders.author, orders.message,
                seen=seen, force=orders.force, what=orders.edits.journal(),
            )  # fmt: skip
            attempts = done.attempts
            problems |= done.held_back
    return [
        Replayed(
            row["batch_id"],
            row["source"],
            row["subject"],
            row["reason"],
            row["rows"],
            attempts.get(row["batch_id"]),
            cells.get(row["batch_id"], 0),
            problems.get(row["batch_id"], ""),
        )
        for row in part
    ]


def _look(ledger: Ledger, records: Sequence[Outgoing], seen: Mapping[str, Seen], orders: Orders) -> dict[str, str]:
    with ledger.transaction() as connection:
        return why_held_back(connection, records, "replay", seen, force=orders.force)


async def _copy(ledger: Ledger, sender: Sender, records: Sequence[Outgoing], orders: Orders) -> None:
    """Send copies, and note that in the journal; a crash in between makes the note missing, never the dataset different."""
    await sender.send([record.record(orders.topic, None) for record in records])

    def write() -> None:
        with ledger.transaction() as connection:
            details = {"topic": orders.topic, "batches": [record.batch_id for record in records]}
            note(connection, orders.author, "copy", orders.message, {**details, **orders.edits.journal()})

    await asyncio.to_thread(write)
