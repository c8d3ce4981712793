"""Makes workbooks of samples with wanted faults, and checks them as the command does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl

from acidwatch.checking.causes import Cause
from acidwatch.checking.report import Report
from acidwatch.cli.checking import check_batches, report_on
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.reference import Reference
from services.producer.plan import Plan, plan
from tests.unit.contract.makers import REFERENCE, Row, make_rows

NOW = datetime(2024, 5, 17, 23, 30, tzinfo=UTC)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str] = SAMPLE_NAMES) -> Path:
    """A workbook with these rows, the header in row 1 of `Sheet 1`."""
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.title = "Sheet 1"
    page.append(list(names))
    for number, row in enumerate(rows, start=2):
        for column, name in enumerate(names, start=1):
            cell = page.cell(number, column, row[name])
            if isinstance(row[name], str):
                cell.data_type = "s"  # also what begins with =
    book.save(path)
    return path


def spoiled(count: int, changes: Mapping[int, Mapping[str, Any]]) -> list[Row]:
    """Sound rows with some cells changed; keys are rows of the sheet, from 2."""
    rows = make_rows(count)
    return [row | changes.get(number, {}) for number, row in enumerate(rows, start=2)]


def check_plan(batches: Plan, reference: Reference = REFERENCE) -> Report:
    """Check a workbook that was cut into batches."""
    return report_on(batches, check_batches(batches, reference, NOW), reference, NOW)


def check_rows(folder: Path, rows: Sequence[Mapping[str, Any]], reference: Reference = REFERENCE) -> Report:
    """Write rows as a workbook, and check it."""
    return check_plan(plan(write_rows(folder / "samples.xlsx", rows), None, 100), reference)


def the_cause(report: Report, rule: str) -> Cause:
    """The only cause of a rule."""
    (cause,) = (cause for cause in report.causes if cause.rule == rule)
    return cause
