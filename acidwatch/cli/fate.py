"""What became of a workbook that was sent: waits until every batch is recorded, then says which were accepted and why others were not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from acidwatch.cli.output import OutputFormat, emit, say

if TYPE_CHECKING:
    from services.producer.plan import Plan

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the batches of a workbook.

    Attributes:
        batches: How many it has.
        accepted: How many were accepted.
        rejected: The newest attempt of each of the others: batch_id, batch_index, subject, hard, findings.
        left: What was not recorded in time; empty when nothing.
    """

    batches: int
    accepted: int
    rejected: Sequence[dict[str, Any]]
    left: str

    @property
    def accepted_whole(self) -> bool:
        """Whether every batch was accepted."""
        return self.accepted == self.batches

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        names = ("batch_id", "batch_index", "subject", "attempt", "hard", "findings")
        rejected = [{name: row[name] for name in names} for row in self.rejected]
        return {"accepted": self.accepted, "rejected": rejected, "left": self.left}

    def tell(self) -> None:
        """Print it for people."""
        typer.echo(f"{self.accepted} of {self.batches} batches were accepted, {len(self.rejected)} rejected")
        rows = [
            {
                "batch": row["batch_index"],
                "batch_id": row["batch_id"],
                "cells": row["subject"],
                "hard": row["hard"],
                "first": row["findings"][0]["message"] if row["findings"] else "",
            }
            for row in self.rejected[:_MOST_SHOWN]
        ]
        if rows:
            emit(rows, list(rows[0]), OutputFormat.table)
            more = len(self.rejected) - len(rows)
            say((f"and {more} more; " if more else "") + "every finding of a batch: acidwatch batches show BATCH_ID")
        if self.left:
            say(f"acidwatch: not accounted for in time: {self.left}; go on waiting with: acidwatch wait")


def fate_of(batches: Plan, timeout: float) -> Fate:
    """Wait for the batches of a workbook, at most `timeout` seconds, and look what became of them."""
    import asyncio

    from acidwatch.cli.wait import wait_until_recorded
    from acidwatch.ledger.connection import Ledger
    from acidwatch.ledger.queries import fates
    from acidwatch.settings import OperatorSettings, load

    settings = load(OperatorSettings)
    ledger = Ledger(settings)
    try:
        left = asyncio.run(wait_until_recorded(settings, ledger, batches, timeout))
        with ledger.transaction() as connection:
            rows = fates(connection, [batches.batch_id(index) for index in range(batches.batches)])
    finally:
        ledger.close()
    rejected = [row for row in rows if row["verdict"] == "rejected"]
    return Fate(batches.batches, len(rows) - len(rejected), rejected, left)
