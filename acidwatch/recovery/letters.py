"""A dead letter opened: its record from raw/, all its findings, and which rows they are about. Blocks; call it in threads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from acidwatch.archive.groupfile import RawRecord, read_findings
from acidwatch.archive.raw import read_records, read_sound_records
from acidwatch.archive.store import MissingFileError, Store
from acidwatch.contract.batch import Payload, UndecodableError, decode
from acidwatch.contract.cells import sheet_rows, text_of
from acidwatch.contract.headers import BatchHeaders, read_headers
from acidwatch.contract.outcome import Finding, quoted
from acidwatch.errors import PermanentError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import quarantine_paths, recorded_findings
from acidwatch.ledger.places import RawPlace, raw_places
from acidwatch.ledger.state import Key

_MOST_NAMESAKES = 100  # rows that a record says to be the same row of the sheet; only a hostile one has more
_CELL = re.compile(r"[A-Z]{0,3}([0-9]+)")


@dataclass(frozen=True)
class OpenLetter:
    """An attempt that failed.

    Attributes:
        batch_id, attempt: Which.
        place: Where its record lies.
        record: The record, byte for byte.
        findings: All its findings, hard ones first; the 50 of the ledger where its quarantine file is not there or damaged.
    """

    batch_id: str
    attempt: int
    place: RawPlace
    record: RawRecord
    findings: tuple[Finding, ...]

    @cached_property
    def headers(self) -> BatchHeaders:
        """What its headers say."""
        return read_headers(self.record.headers)

    @cached_property
    def _decoded(self) -> Payload | UndecodableError:
        try:
            return decode(self.record.value)
        except UndecodableError as error:
            return error

    @property
    def payload(self) -> Payload | None:
        """Its rows; None when it can't be decoded."""
        return self._decoded if isinstance(self._decoded, Payload) else None

    def decoded(self) -> Payload:
        """Its rows.

        Raises:
            PermanentError: It can't be decoded.
        """
        if isinstance(self._decoded, UndecodableError):
            raise PermanentError(f"batch {self.batch_id} can't be decoded: {self._decoded}")
        return self._decoded

    @cached_property
    def by_row(self) -> Mapping[int, Sequence[Finding]]:
        """Position of a row in the batch, from 0, to its findings."""
        return findings_by_row(self.payload, self.headers, self.findings) if self.payload else {}


def findings_by_row(payload: Payload, headers: BatchHeaders, findings: Iterable[Finding]) -> dict[int, list[Finding]]:
    """Position of a row in the batch, from 0, to the findings about it. One without a cell is about the rows that hold its value."""
    positions: dict[int, list[int]] = defaultdict(list)
    for position, number in enumerate(sheet_rows(payload, headers)):
        if len(positions[number]) < _MOST_NAMESAKES:
            positions[number].append(position)
    holding: dict[str, dict[str, list[int]]] = {}
    without_cell: set[tuple[str, str, str]] = set()
    found: dict[int, dict[Finding, None]] = defaultdict(dict)
    for finding in findings:
        match = _CELL.fullmatch(finding.cell)
        rows: Sequence[int] = ()
        if match:
            rows = positions.get(int(match[1]), ())
        elif finding.column in payload.columns and not finding.rule.startswith("schema.unknown"):
            what = finding.rule, finding.column, finding.value
            if what not in without_cell:
                without_cell.add(what)
                if finding.column not in holding:
                    holding[finding.column] = _rows_by_value(payload.columns[finding.column])
                rows = holding[finding.column].get(finding.value, ())
        for row in rows:
            found[row][finding] = None
    return {row: list(about) for row, about in found.items()}


def _rows_by_value(cells: Sequence[Any]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, cell in enumerate(cells):
        rows["" if cell is None else quoted(text_of(cell))].append(row)
    return rows


def open_attempts(
    ledger: Ledger, store: Store, keys: Sequence[Key], damaged: dict[Key, str] | None = None
) -> dict[Key, OpenLetter]:
    """Open recorded attempts (batch id, attempt); each file on HDFS is read once.

    Args:
        damaged: Where given, what is wrong with the records of attempts that are left out for it.

    Raises:
        DamagedFileError: A record is not as it was judged, and `damaged` was not given.
        DependencyAwayError: A server is away, or raw/ does not hold a record.
    """
    with ledger.transaction() as connection:
        places = raw_places(connection, keys)
        quarantined = quarantine_paths(connection, keys)
        recorded = recorded_findings(connection, keys)
    wanted = {(place.path, place.origin) for place in places.values()}
    if damaged is None:
        records = read_records(store, wanted)
    else:
        records, unsound = read_sound_records(store, wanted)
        damaged |= {key: str(unsound[place.origin]) for key, place in places.items() if place.origin in unsound}
    findings = {key: tuple(Finding(**finding) for finding in found) for key, found in recorded.items()}
    for path in set(quarantined.values()):
        try:
            for batch_id, attempt, all_findings in _by_attempt(read_findings(store.read(path))):
                if quarantined.get((batch_id, attempt)) == path:
                    findings[batch_id, attempt] = all_findings
        except (MissingFileError, pa.ArrowException, ValueError):
            continue  # the ledger's 50 have to do, also where it is damaged: `verify` names it
    return {
        key: OpenLetter(*key, place, records[place.origin], findings.get(key, ()))
        for key, place in places.items()
        if place.origin in records
    }


def _by_attempt(rows: Iterable[tuple[str, int, Finding]]) -> list[tuple[str, int, tuple[Finding, ...]]]:
    found: dict[Key, list[Finding]] = defaultdict(list)
    for batch_id, attempt, finding in rows:
        found[batch_id, attempt].append(finding)
    return [(*key, tuple(findings)) for key, findings in found.items()]
