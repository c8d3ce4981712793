"""Checks a workbook's batches: the records that `send` would put on the topic, judged as the ingestor judges them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acidwatch.checking.check import Checked
    from acidwatch.checking.report import Report
    from acidwatch.contract.reference import Reference
    from services.producer.plan import Plan

QUICK_SECONDS = 3.0
"""How long HDFS may take to give the sites to a check that can do without."""


def check_batches(batches: Plan, reference: Reference, now: datetime, first: int = 0) -> Checked:
    """Judge the batches from `first` on as if they were sent now."""
    from acidwatch.checking.check import check

    return check(batches.records("", now, now, first, batches.batches), reference, now)


def report_on(batches: Plan, checked: Checked, reference: Reference, now: datetime) -> Report:
    """What is told about them."""
    from acidwatch.checking.causes import group_causes
    from acidwatch.checking.report import Report

    table = batches.table
    causes = group_causes(checked.findings, table, reference, now.date())
    notes = list(table.notes)
    if checked.unlisted:
        notes.append(f"the first {len(checked.findings)} findings are listed, {checked.unlisted} more are only counted")
    return Report(table.path.name, table.sheet, checked, causes, notes)


def newest_reference() -> tuple[Reference | None, str]:
    """The newest reference version on HDFS; None where it can't be had now, and why."""
    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.archive.reference import newest_version, read_reference
    from acidwatch.errors import AcidwatchError, ConfigError
    from acidwatch.settings import HdfsSettings, load

    try:
        settings = load(HdfsSettings)
        quick = settings.model_copy(update={"hdfs_timeout_seconds": min(settings.hdfs_timeout_seconds, QUICK_SECONDS)})
        store = HdfsStore(quick)
        version = newest_version(store)
        return (read_reference(store, version), "") if version else (None, "no reference tables were loaded yet")
    except ConfigError:
        return None, "ACIDWATCH_HDFS_URL is not set"
    except AcidwatchError as error:
        return None, str(error)
