"""Checks a workbook's batches before they are sent: the records that `send` would put on the topic, judged as the ingestor judges them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acidwatch.checking.report import Report
    from acidwatch.contract.reference import Reference
    from services.producer.plan import Plan


def check_batches(batches: Plan, reference: Reference | None, now: datetime, first: int = 0) -> Report:
    """Judge the batches from `first` on as if they were sent now.

    Args:
        reference: The sites; without them what is about sites and programmes is not judged.
    """
    from acidwatch.checking.causes import group_causes
    from acidwatch.checking.check import check
    from acidwatch.checking.reference import reference_of_samples
    from acidwatch.checking.report import Report

    table = batches.table
    known = reference or reference_of_samples(table)
    checked = check(batches.records("", now, now, first, batches.batches), known, now)
    causes = group_causes(checked.findings, table, known, now.date())
    # Table.notes, what reading took for granted, belongs here too.
    notes = [f"column {name!r} is not in the contract and is not sent" for name in table.unknown]
    if checked.unlisted:
        notes.append(f"only the first {len(checked.findings)} findings are listed, {checked.unlisted} more are counted only")
    return Report(table.path.name, table.sheet, checked, causes, notes)
