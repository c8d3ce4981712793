"""Judge a whole workbook without a server: exactly the records that would be sent, by the code that judges them when they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Protocol

from acidwatch.contract.headers import read_headers
from acidwatch.contract.judge import Submission, judge
from acidwatch.contract.outcome import Finding, Verdict
from acidwatch.contract.reference import Reference

GROUP_BATCHES = 50
"""Batches judged at once: bounds the memory, and is enough for the rules to work on whole arrays."""

MOST_FINDINGS = 100_000
"""Findings kept for one workbook; all of them are counted. A workbook that is wrong in every cell must not exhaust the memory."""


class BatchRecord(Protocol):
    """What is looked at of a record that would be sent."""

    @property
    def value(self) -> bytes | None:
        """The batch."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Which batch it is."""


@dataclass(slots=True)
class Checked:
    """What the contract says of a workbook.

    Attributes:
        batches: How many were judged.
        rejected: Index of each batch that would be rejected, from 0, ascending.
        rows: In all of them.
        hard, soft: Number of findings of each severity.
        findings: The findings, batch by batch, at most 100,000.
    """

    batches: int = 0
    rejected: list[int] = field(default_factory=list)
    rows: int = 0
    hard: int = 0
    soft: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """A workbook is accepted when each of its batches is."""
        return "rejected" if self.rejected else "accepted"

    @property
    def unlisted(self) -> int:
        """Findings that were counted only."""
        return self.hard + self.soft - len(self.findings)


def check(records: Iterable[BatchRecord], reference: Reference, now: datetime) -> Checked:
    """Judge the records of a workbook as if they came now, in their order."""
    checked = Checked()
    timestamp_ms = int(now.timestamp() * 1000)
    for group in _groups(records):
        headers = [read_headers(record.headers) for record in group]
        submissions = [
            Submission(header.batch_id or "", header.attempt, header, record.value, timestamp_ms)
            for header, record in zip(headers, group, strict=True)
        ]
        for header, judgement in zip(headers, judge(submissions, reference).judgements, strict=True):
            if judgement.verdict == "rejected":
                checked.rejected.append(header.index or 0)
            checked.batches += 1
            checked.rows += judgement.rows
            checked.hard += judgement.hard
            checked.soft += judgement.soft
            checked.findings += judgement.findings[: MOST_FINDINGS - len(checked.findings)]
    return checked


def _groups(records: Iterable[BatchRecord]) -> Iterator[list[BatchRecord]]:
    remaining = iter(records)
    while group := list(islice(remaining, GROUP_BATCHES)):
        yield group
