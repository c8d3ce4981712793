"""What is told about a workbook that was checked: the same for a terminal, a program, a page and a coloured copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acidwatch.checking.causes import Cause
from acidwatch.checking.check import Checked
from acidwatch.contract.outcome import printable


@dataclass(frozen=True, slots=True)
class Report:
    """A workbook's check.

    Attributes:
        workbook: Name of the file.
        sheet: The sheet that was judged.
        checked: Verdict and findings.
        causes: The same findings, grouped.
        notes: What else should be known, such as columns that are not sent.
    """

    workbook: str
    sheet: str
    checked: Checked
    causes: Sequence[Cause]
    notes: Sequence[str]

    @property
    def summary(self) -> str:
        """One line: what would become of the workbook if it were sent."""
        checked = self.checked
        counts = f"{checked.rows} rows in {_plural(checked.batches, 'batch', 'batches')}"
        found = f"{_plural(checked.hard, 'hard finding')}, {_plural(checked.soft, 'soft one')}"
        rejected = f"{len(checked.rejected)} of the batches would be rejected"
        fate = rejected if checked.rejected else "all of them would be accepted"
        return f"{counts}: {fate} ({found})"

    @property
    def place(self) -> str:
        """Workbook and sheet, fit to be printed."""
        return printable(f"{self.workbook}, sheet {self.sheet!r}")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        checked = self.checked
        return {
            "verdict": checked.verdict,
            "workbook": self.workbook,
            "sheet": self.sheet,
            "rows": checked.rows,
            "batches": checked.batches,
            "rejected_batches": len(checked.rejected),
            "hard": checked.hard,
            "soft": checked.soft,
            "notes": list(self.notes),
            "causes": [cause_json(cause) for cause in self.causes],
            "findings": checked.findings,
        }


def cause_json(cause: Cause) -> dict[str, Any]:
    """A cause for programs; its findings are among all the others."""
    return {
        "severity": cause.severity,
        "rule": cause.rule,
        "column": cause.column,
        "count": len(cause.findings),
        "what": cause.what,
        "guess": cause.guess,
        "cells": cause.cells,
    }


def unreadable(workbook: str, message: str) -> dict[str, Any]:
    """For programs, of a workbook that can't be judged."""
    return {
        "verdict": "unreadable",
        "workbook": workbook,
        "rows": 0,
        "batches": 0,
        "rejected_batches": 0,
        "findings": [],
        "message": message,
    }


def cells_in_short(cause: Cause, most: int) -> str:
    """The first cells of a cause, and how many more there are: `C17, C18 and 12 more`, `rows 3, 8`."""
    cells = [cell for cell in cause.cells[:most] if cell]
    more = len(cause.findings) - most
    rows = "" if not cells or cells[0][0].isalpha() else "row " if len(cause.findings) == 1 else "rows "
    return printable(rows + ", ".join(cells) + (f" and {more} more" if more > 0 else ""))


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
