"""Judge a group of batches against the contract: a verdict for each, its findings, and the typed rows of the accepted ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from acidwatch.contract.batch import Payload, UndecodableError, decode
from acidwatch.contract.cells import sheet_letters, sheet_rows, text_of
from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES, Kind
from acidwatch.contract.dates import date_advice
from acidwatch.contract.headers import BATCH_TYPE, PACKED_TYPE, BatchHeaders
from acidwatch.contract.outcome import Finding, Severity, Verdict
from acidwatch.contract.reference import Reference
from acidwatch.contract.remarks import REMARKS, limit_fault, meaning, remarks_column
from acidwatch.contract.rules import HARD, SOFT, Context, Rule
from acidwatch.contract.texts import number_advice
from acidwatch.contract.typed import PARQUET_TYPES, Rows, type_rows
from acidwatch.contract.usual import read_usual

MOST_MATERIALISED = 10_000
"""Findings written out for one batch; a hostile record of millions of bad cells must not exhaust the memory. All are counted."""

MOST_SOFT = MOST_MATERIALISED // 2
"""Of them soft ones: what rejects the batch may be found after thousands of remarks, and must have room."""

MOST_UNKNOWN = 1_000
"""Unknown columns written out for one batch: they are found first, and must leave room for what rejects it."""

MOST_SITES = 100

CLEAN_SCHEMA = pa.schema(
    [
        pa.field("batch_id", pa.string(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        *(pa.field(column.name, PARQUET_TYPES[column.kind]) for column in SAMPLES),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("remarks", REMARKS),
    ]
)
"""Schema of clean/: `row` is the sheet's row (or the position from 1), `flags` the ids of the soft rules that the row
breaks, `remarks` what was said about its values. Files of a contract before 1.2 have no `remarks`."""

_LEFT_PACKED = (
    "it came in a compressed batch that unpacks to more than a record may be large (max_record_bytes), and was not read; the first record "
    "of that batch has all of it as its value. Send it uncompressed, or fewer records in a batch"
)
_ADVICE: dict[Kind, Callable[[str], str]] = {
    "text": lambda text: "it must be text, or empty",
    "number": number_advice,
    "integer": lambda text: "it must be a whole number, or empty",
    "datetime": date_advice,
}
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, slots=True)
class Submission:
    """One batch to judge, under the id it has been given.

    Attributes:
        timestamp_ms: Kafka's timestamp of the record; "later than today" is measured from it, so that judging again agrees.
    """

    batch_id: str
    attempt: int
    headers: BatchHeaders
    value: bytes | None
    timestamp_ms: int


@dataclass(slots=True)
class Judgement:
    """What the contract says of one batch.

    Attributes:
        rows: Rows in it, 0 when it can't be decoded.
        hard, soft: Number of findings of each severity.
        findings: The findings, hard ones first, at most 10,000, of them 5,000 soft ones.
        sites: SITE_IDs in a rejected batch, sorted, at most 100.
    """

    rows: int = 0
    hard: int = 0
    soft: int = 0
    sites: tuple[str, ...] = ()
    findings: list[Finding] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """A batch with one hard finding is rejected whole."""
        return "rejected" if self.hard else "accepted"

    def has_room(self, severity: Severity) -> bool:
        """Whether one more finding would be kept."""
        return len(self.findings) < MOST_MATERIALISED and (severity == "hard" or self.soft < MOST_SOFT)

    def count(self, severity: Severity) -> None:
        """Count a finding that is not kept."""
        if severity == "hard":
            self.hard += 1
        else:
            self.soft += 1

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it while there is room."""
        if self.has_room(finding.severity):
            self.findings.append(finding)
        self.count(finding.severity)


@dataclass(frozen=True, slots=True)
class GroupJudgement:
    """Judgements in the order of the submissions, and the accepted rows (CLEAN_SCHEMA)."""

    judgements: list[Judgement]
    clean: pa.Table


@np.errstate(over="ignore", invalid="ignore")  # absurd values are findings, not warnings on stderr
def judge(submissions: Sequence[Submission], reference: Reference) -> GroupJudgement:
    """Judge a group. Never raises for what is in a batch: every fault of the data is a finding."""
    judgements = [Judgement() for _ in submissions]
    whole, payloads, rows = _rows_of_usual(submissions, judgements) or _rows_of_any(submissions, judgements)
    if rows is None:
        return GroupJudgement(judgements, CLEAN_SCHEMA.empty_table())
    places = _Places(rows, payloads, [submissions[position].headers for position in whole])
    group = [judgements[position] for position in whole]
    misfits = _note_misfits(rows, places, group)
    flags = _note_taken(rows, places, group)
    context = Context(rows, reference, _ends_of_days(rows, [submissions[position].timestamp_ms for position in whole]))
    for rule in HARD:
        _apply(rule, context, places, group, misfits)
    for rule in SOFT:
        for row in _apply(rule, context, places, group, misfits):
            flags[row].append(rule.id)
    for judgement, payload in zip(group, payloads, strict=True):
        if judgement.hard:
            judgement.sites = _sites_of(payload)
    for judgement in judgements:
        judgement.findings.sort(key=lambda finding: finding.severity != "hard")
    return GroupJudgement(judgements, _clean(rows, places, [submissions[position] for position in whole], group, flags))


_Decoded = tuple[Sequence[int], Sequence[Payload], Rows | None]
"""Positions of the submissions that have every column; they, decoded; their rows, None when there are none."""


def _rows_of_usual(submissions: Sequence[Submission], judgements: Sequence[Judgement]) -> _Decoded | None:
    """Of a group whose batches are all of the form that acidwatch writes."""
    if any(submission.headers.type not in (None, BATCH_TYPE) for submission in submissions):
        return None
    found = read_usual([submission.value for submission in submissions])
    if found is None:
        return None
    payloads, rows = found
    for judgement, payload in zip(judgements, payloads, strict=True):
        judgement.rows = payload.rows
    return range(len(submissions)), payloads, rows


def _rows_of_any(submissions: Sequence[Submission], judgements: Sequence[Judgement]) -> _Decoded:
    """Of any group; what can't be decoded, or misses a column, has its finding afterwards."""
    whole, payloads = [], []
    for position, (submission, judgement) in enumerate(zip(submissions, judgements, strict=True)):
        payload = _check_form(submission, judgement)
        if payload is not None:
            whole.append(position)
            payloads.append(payload)
    return whole, payloads, type_rows(payloads) if payloads else None


def _sites_of(payload: Payload) -> tuple[str, ...]:
    sites = {site for site in payload.columns.get("SITE_ID", ()) if isinstance(site, str)}
    return tuple(sorted({site[:100] for site in sites if site.isprintable()})[:MOST_SITES])


def _check_form(submission: Submission, judgement: Judgement) -> Payload | None:
    """Decode and look at the columns; None when the rows can't be judged."""
    sheet = submission.headers.sheet

    def note(severity: Severity, rule: str, column: str, message: str) -> None:
        judgement.add(Finding(severity, rule, sheet, "", column[:100], "", message))

    if submission.headers.type == PACKED_TYPE:
        note("hard", "header.type", "", _LEFT_PACKED)
        return None
    if submission.headers.type not in (None, BATCH_TYPE):
        note("hard", "header.type", "", f"ce_type is {submission.headers.type!r}; this version reads {BATCH_TYPE}")
        return None
    try:
        payload = decode(submission.value)
    except UndecodableError as error:
        note("hard", error.rule, "", str(error))
        return None
    judgement.rows = payload.rows
    for name in SAMPLE_NAMES:
        if name not in payload.columns:
            note(
                "hard",
                "schema.missing-column",
                name,
                f"column {name} is missing; leave its cells empty when it was not measured",
            )
    unknown = [name for name in payload.columns if name not in SAMPLE_NAMES]
    for name in unknown[:MOST_UNKNOWN]:
        note(
            "soft",
            "schema.unknown-column",
            name,
            f"column {name[:100]!r} is not in the contract; it is kept in raw/ only",
        )
    judgement.soft += len(unknown[MOST_UNKNOWN:])
    if judgement.hard:
        judgement.sites = _sites_of(payload)
        return None
    return payload


class _Places:
    """Where a row of the group stands: its batch, its row in the sheet, the cell of a column."""

    def __init__(self, rows: Rows, payloads: Sequence[Payload], headers: Sequence[BatchHeaders]) -> None:
        self.rows, self.payloads, self.headers = rows, payloads, headers
        self.numbers = np.concatenate(
            [
                np.array(sheet_rows(payload, header), dtype=np.int64)
                for payload, header in zip(payloads, headers, strict=True)
            ]
        )

    def cell(self, row: int, column: str) -> tuple[str, str]:
        """Sheet and cell (`C17`) of a column in a row of the group; the row alone when there is no column."""
        position = int(self.rows.batch[row])
        payload, header = self.payloads[position], self.headers[position]
        number = int(self.numbers[row])
        letters = sheet_letters(payload, header, column)
        return header.sheet, f"{letters}{number}" if letters or not column else ""

    def value(self, row: int, column: str) -> str:
        """The cell as it came."""
        position = int(self.rows.batch[row])
        if not column:
            return ""
        cell = self.payloads[position].columns[column][row - int(self.rows.starts[position])]
        return "" if cell is None else text_of(cell)


def _note_misfits(rows: Rows, places: _Places, group: list[Judgement]) -> set[tuple[int, str]]:
    noted = set()
    for misfit in rows.misfits:
        name = misfit.column.name
        noted.add((misfit.row, name))
        judgement = group[int(rows.batch[misfit.row])]
        if not judgement.has_room("hard"):
            judgement.count("hard")
            continue
        sheet, cell = places.cell(misfit.row, name)
        text = text_of(misfit.value)
        message = f"{name} is {text[:100]!r}; {_ADVICE[misfit.column.kind](text)}"
        kind = f"type.{misfit.column.kind}"
        judgement.add(Finding("hard", kind, sheet, cell, name, text, message))
    return noted


def _note_taken(rows: Rows, places: _Places, group: list[Judgement]) -> dict[int, list[str]]:
    """Report each text that was taken for what it stands for; return the rules by row, each once."""
    flags: dict[int, list[str]] = defaultdict(list)
    for taken in rows.taken:
        rule, name = taken.reading.rule, taken.column.name
        if rule not in flags[taken.row]:
            flags[taken.row].append(rule)
        notes: list[tuple[Severity, str, str]] = [("soft", rule, meaning(taken))]
        fault = limit_fault(taken)
        if fault is not None:
            notes.append(("hard", f"range.{name}", fault))
        judgement = group[int(rows.batch[taken.row])]
        for severity, rule_id, message in notes:
            if not judgement.has_room(severity):
                judgement.count(severity)
                continue
            sheet, cell = places.cell(taken.row, name)
            judgement.add(Finding(severity, rule_id, sheet, cell, name, taken.text, message))
    return flags


def _ends_of_days(rows: Rows, timestamps_ms: Sequence[int]) -> NDArray[np.datetime64]:
    days = np.array(timestamps_ms, dtype="datetime64[ms]").astype("datetime64[D]") + _DAY
    return days.astype("datetime64[us]")[rows.batch]


def _apply(
    rule: Rule, context: Context, places: _Places, group: list[Judgement], misfits: set[tuple[int, str]]
) -> list[int]:
    """Add a finding for each row that breaks the rule; return those rows."""
    broken: list[int] = np.flatnonzero(rule.broken(context)).tolist()
    for row in broken:
        if (row, rule.column) in misfits:
            continue  # the cell has a finding already: it is of another type, not empty
        judgement = group[int(context.rows.batch[row])]
        if not judgement.has_room(rule.severity):
            judgement.count(rule.severity)
            continue
        sheet, cell = places.cell(row, rule.column)
        judgement.add(
            Finding(
                rule.severity,
                rule.id,
                sheet,
                cell,
                rule.column,
                places.value(row, rule.column),
                rule.message(context, row),
            )
        )
    return broken


def _clean(
    rows: Rows,
    places: _Places,
    submissions: Sequence[Submission],
    group: Sequence[Judgement],
    flags: dict[int, list[str]],
) -> pa.Table:
    """The rows of the accepted batches, CLEAN_SCHEMA."""
    accepted = np.array([judgement.verdict == "accepted" for judgement in group])
    keep = np.flatnonzero(accepted[rows.batch])
    batch = rows.batch[keep]
    ids = pa.array([submission.batch_id for submission in submissions]).take(pa.array(batch))
    attempts = np.array([submission.attempt for submission in submissions], dtype=np.int32)[batch]
    arrays = [ids, pa.array(attempts), pa.array(places.numbers[keep].astype(np.int32))]
    chosen = pa.array(keep)
    columns = [rows.arrays[column.name] for column in SAMPLES]
    arrays += columns if len(keep) == len(rows) else [column.take(chosen) for column in columns]
    arrays.append(_flags_column(flags, keep, len(rows)))
    arrays.append(remarks_column(rows, places.payloads, keep.tolist()))
    return pa.Table.from_arrays(arrays, schema=CLEAN_SCHEMA)


def _flags_column(flags: dict[int, list[str]], keep: NDArray[np.int64], rows: int) -> pa.Array:
    """The flags of the kept rows; few have any, so that a list for each row would cost more than all rules."""
    counts = np.zeros(rows, dtype=np.int32)
    for row, rules in flags.items():
        counts[row] = len(rules)
    kept = counts[keep]
    found = [rule for row in keep[kept > 0].tolist() for rule in flags[row]]
    return pa.ListArray.from_arrays(np.concatenate(([0], np.cumsum(kept))), pa.array(found, type=pa.string()))
