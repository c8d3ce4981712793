"""Everything about one dead letter, as plain data: why it failed, where it came from, what was tried, and its bad rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acidwatch.archive.store import Store
from acidwatch.contract.cells import sheet_letters, sheet_rows
from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES
from acidwatch.ledger.connection import Connection, Ledger
from acidwatch.ledger.letter_queries import journal_of, letters_of, plans_of
from acidwatch.ledger.queries import batch
from acidwatch.recovery.letters import OpenLetter, open_attempts

SHOWN_KEY = tuple(name for name in SAMPLE_NAMES if name in NATURAL_KEY)


def letter_life(ledger: Ledger, store: Store, beginning: str, *, all_rows: bool) -> dict[str, Any]:
    """The fields of `dlq list`, and `findings`, `provenance`, `attempts`, `journal` and `payload`.

    Args:
        beginning: How the batch's id begins.
        all_rows: The payload's rows all, not only those with findings.

    Raises:
        UnusableInputError: There is no such letter.
        DependencyAwayError: A server is away, or raw/ does not hold its record.
    """
    with ledger.transaction() as connection:
        (letter,) = letters_of(connection, [beginning])
        key = letter["batch_id"], letter["attempt"]
        attempts, memberships = _attempts(connection, letter["batch_id"])
        journal = journal_of(connection, letter["batch_id"])
    opened = open_attempts(ledger, store, [key])[key]
    return {
        **letter,
        "findings": list(opened.findings),
        "provenance": {
            "source": letter["source"],
            "source_id": letter["source_id"],
            "subject": letter["subject"],
            "origin": opened.place.origin,
            "archive_path": opened.place.path,
            "value_bytes": len(opened.record.value or b""),
        },
        "attempts": attempts,
        "memberships": memberships,
        "journal": journal,
        "payload": _payload(opened, all_rows=all_rows),
    }


def _attempts(connection: Connection, batch_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Attempts that were recorded or numbered, each with its plan and its deliveries; and the versions that the batch was in."""
    life = batch(connection, batch_id)
    found: dict[int, dict[str, Any]] = {}
    for attempt in life["attempts"]:
        kept = (
            "attempt",
            "verdict",
            "rows",
            "hard",
            "soft",
            "version",
            "recorded_at",
            "contract_version",
            "reference_version",
        )
        found[attempt["attempt"]] = {name: attempt[name] for name in kept} | {"plan": None, "deliveries": []}
    for plan in plans_of(connection, batch_id):
        entry = found.setdefault(
            plan["attempt"], {"attempt": plan["attempt"], "verdict": None, "plan": None, "deliveries": []}
        )
        entry["plan"] = {name: plan[name] for name in ("kind", "author", "message", "planned_at", "sent_at")}
    for delivery in life["deliveries"]:
        if delivery["attempt"] in found:
            found[delivery["attempt"]]["deliveries"].append(delivery)
    return [found[number] for number in sorted(found)], life["memberships"]


def _payload(letter: OpenLetter, *, all_rows: bool) -> dict[str, Any] | None:
    """Rows of the batch as `{"row", "cell_of_first_column", "cells", "findings"}`; None when it can't be decoded."""
    payload = letter.payload
    if payload is None:
        return None
    numbers = sheet_rows(payload, letter.headers)
    rows: Sequence[int] = range(payload.rows) if all_rows else sorted(letter.by_row)
    return {
        "rows": payload.rows,
        "columns": {name: sheet_letters(payload, letter.headers, name) for name in payload.columns},
        "shown": [
            {
                "row": numbers[row],
                "cells": {name: cells[row] for name, cells in payload.columns.items()},
                "findings": [
                    {"severity": finding.severity, "rule": finding.rule, "column": finding.column}
                    for finding in letter.by_row.get(row, ())
                ],
            }
            for row in rows
        ],
    }
