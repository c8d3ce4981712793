"""The order in which records and what people did are recorded again: by time, and where clocks differ by what must have come before."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import get_args

from acidwatch.ledger.audit import Entry
from acidwatch.ledger.plans import Kind
from acidwatch.ledger.state import Key
from acidwatch.proof.newer import ArchivedRecord

PLANS = get_args(Kind)
CHANGES = ("quarantine", "restore")


def before_each(records: Sequence[ArchivedRecord], entries: Sequence[Entry]) -> list[list[ArchivedRecord]]:
    """For each entry the records that come before it and after the one before; at last, those after all entries.

    A record is judged before it is recorded, and an entry is written when it is made: so a record comes before the entries of later
    times. But an attempt that was numbered comes after the entry that numbered it; and what an entry names was there before it.

    Args:
        records: In the order in which they were judged; it is kept within each list.
        entries: In the order of their numbers, in which they were made.
    """
    # Times of entries need not rise with their numbers: a change that waited for another one began before it.
    times, latest = [], None
    for entry in entries:
        latest = entry["at"] if latest is None else max(latest, entry["at"])
        times.append(latest)
    numbered: dict[Key, int] = {}
    named: dict[Key, int] = {}
    lowest: dict[str, int] = {}
    for record in records:
        batch_id, attempt = record.outcome.batch_id, record.outcome.attempt
        lowest[batch_id] = min(attempt, lowest.get(batch_id, attempt))
    for index, entry in enumerate(entries):
        for key in _numbers(entry):
            numbered.setdefault(key, index)
        for key in _names(entry, lowest):
            named.setdefault(key, index)
    slots: list[list[ArchivedRecord]] = [[] for _ in range(len(entries) + 1)]
    for record in records:
        key = record.outcome.batch_id, record.outcome.attempt
        slot = min(bisect_left(times, record.judged_at), named.get(key, len(entries)))
        slots[max(slot, numbered.get(key, -1) + 1)].append(record)
    return slots


def _numbers(entry: Entry) -> Iterator[Key]:
    if entry["action"] in PLANS:
        for attempt in entry["details"]["attempts"]:
            yield attempt["batch_id"], attempt["attempt"]


def _names(entry: Entry, lowest: dict[str, int]) -> Iterator[Key]:
    """What must be recorded before the entry: members that came and went, and a batch before a further attempt of it is numbered."""
    if entry["action"] in CHANGES:
        for name in ("in", "out"):
            for batch_id, attempt in entry["details"][name]:
                yield batch_id, attempt
    for batch_id, attempt in _numbers(entry):
        if lowest.get(batch_id, attempt) < attempt:
            yield batch_id, lowest[batch_id]
