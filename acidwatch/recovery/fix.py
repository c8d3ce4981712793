"""A dead letter as a workbook to be corrected by hand, and the corrected workbook as the next attempt of its batch."""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from acidwatch.archive.store import Store
from acidwatch.contract.batch import Payload, Value, encode, value_digest
from acidwatch.contract.cells import cells_of, sheet_letters, sheet_rows, subject_of
from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES, SAMPLES, Kind
from acidwatch.contract.headers import BATCH_TYPE, CONTENT_TYPE, column_letters, column_number
from acidwatch.contract.outcome import Finding
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.letter_queries import letters_of, require_published
from acidwatch.ledger.sendable import Seen
from acidwatch.recovery.letters import OpenLetter, open_attempts
from acidwatch.recovery.redrive import Outgoing, stamp
from acidwatch.workbook.fix import Sheet, read_lineage, sheet_title, write_fix
from acidwatch.workbook.locate import compared
from acidwatch.workbook.reader import Table, read_table

_KINDS: Mapping[str, Kind] = {column.name: column.kind for column in SAMPLES}
_SPELLED = {compared(name): name for name in SAMPLE_NAMES}
_MOST_CELLS = 6_000_000
"""Of the rectangle that the sheet spans: a batch that lies farther out is written from row 2 on."""
_MOST_COLUMNS = 200
_ADVICE = (
    "Correct the coloured cells in the other sheet (their comments say what is wrong), and save.",
    "Every cell stands where it stood in the workbook that was sent. Leave this sheet as it is.",
    "Then: acidwatch dlq resubmit FILE",
)


def write_letter(path: Path, letter: OpenLetter) -> None:
    """Write a letter as a workbook.

    Raises:
        PermanentError: It can't be decoded, or is too large for a sheet.
        UnusableInputError: It can't be written there.
    """
    headers = letter.headers
    lineage = {
        "batch id": letter.batch_id,
        "attempt": str(letter.attempt),
        "value SHA-256": value_digest(letter.record.value),
        "source": headers.source or "",
        "source SHA-256": headers.source_id or "",
        "subject": headers.subject or "",
    }
    write_fix(path, _sheet(letter), lineage, _ADVICE)


def _sheet(letter: OpenLetter) -> Sheet:
    payload, headers = letter.decoded(), letter.headers
    columns, letters, rows = _lay_out(letter, payload)
    findings: dict[tuple[int | None, str], list[Finding]] = defaultdict(list)
    own_name = {_SPELLED.get(compared(name), name.strip()): name for name in columns}
    for row, found in letter.by_row.items():
        for finding in found:
            findings[row, own_name.get(finding.column, "")].append(finding)
    for finding in letter.findings:
        if finding.rule == "schema.missing-column" and finding.column in own_name:
            findings[None, own_name[finding.column]].append(finding)
    return Sheet(sheet_title(headers.sheet), columns, letters, rows, findings)


def _lay_out(letter: OpenLetter, payload: Payload) -> tuple[dict[str, Sequence[Any]], dict[str, str], Sequence[int]]:
    """The columns to write, their letters and the rows: as in the laboratory's workbook where that is known and fits a sheet."""
    own_name = _own_names(payload)
    written = [plain for plain in own_name if plain in SAMPLE_NAMES]
    written += [plain for plain in own_name if plain not in SAMPLE_NAMES][:_MOST_COLUMNS]
    columns: dict[str, Sequence[Any]] = {own_name[plain]: payload.columns[own_name[plain]] for plain in written}
    if (len(columns) + len(SAMPLE_NAMES)) * payload.rows > _MOST_CELLS:
        raise PermanentError(f"batch {letter.batch_id} has {payload.rows} rows, too many for a workbook; see: --raw")
    letters: dict[str, str] = {name: sheet_letters(payload, letter.headers, name) for name in columns}
    numbers = sheet_rows(payload, letter.headers)
    widest = max((column_number(letter) for letter in letters.values()), default=0) + len(SAMPLE_NAMES)
    if not all(letters.values()) or len(set(letters.values())) < len(letters) or widest * max(numbers) > _MOST_CELLS:
        letters = {name: column_letters(position) for position, name in enumerate(columns, start=1)}
        widest = len(columns) + len(SAMPLE_NAMES)
    ascending = all(before < after for before, after in pairwise(numbers))
    if not ascending or numbers[0] < 2 or widest * max(numbers) > _MOST_CELLS:
        numbers = range(2, payload.rows + 2)
    last = max((column_number(letter) for letter in letters.values()), default=0)
    for position, name in enumerate((name for name in SAMPLE_NAMES if name not in own_name), start=last + 1):
        columns[name] = [None] * payload.rows
        letters[name] = column_letters(position)
    return columns, letters, numbers


def _own_names(payload: Payload) -> dict[str, str]:
    """A column's name as a header row is read (the contract's, however it is spelled) to its name in the batch."""
    found: dict[str, str] = {}
    for name in payload.columns:
        plain = _SPELLED.get(compared(name), name.strip())
        if plain and (plain not in found or plain == name):
            found[plain] = name
    return found


@dataclass(frozen=True, slots=True)
class Resubmission:
    """A corrected workbook, ready to be sent.

    Attributes:
        outgoing: The record.
        source: Of the batch.
        rows: In the workbook.
        cells: How many have another value than in the batch.
        added, removed: Rows that the batch has not, and that the workbook has no longer.
        changed: Whether the batch is another one at all; a column that was missing counts.
        seen: The letter as it is; its attempt is a later one than the workbook was made of, when it was replayed meanwhile.
        attempt: The attempt that the workbook was made of.
    """

    outgoing: Outgoing
    source: str
    rows: int
    cells: int
    added: int
    removed: int
    changed: bool
    seen: Seen
    attempt: int


def read_resubmission(ledger: Ledger, store: Store, path: Path) -> Resubmission:
    """Read a corrected workbook and build the record that it becomes. All its rows are one batch.

    Raises:
        UnusableInputError: It was not made by `write_letter`, or its batch is no open dead letter.
        DependencyAwayError: A server is away.
    """
    lineage = read_lineage(path)
    batch_id, attempt = lineage.get("batch id", ""), lineage.get("attempt", "")
    if not batch_id or not attempt.isdecimal():
        raise UnusableInputError(f"{path}: its sheet 'acidwatch' does not say which batch it is; export it again")
    with ledger.transaction() as connection:
        (row,) = letters_of(connection, [batch_id])
    if row["batch_id"] != batch_id or row["state"] == "resolved":
        raise UnusableInputError(f"{path}: batch {batch_id} was accepted meanwhile; there is nothing to correct")
    require_published(row)
    key = batch_id, int(attempt)
    letter = open_attempts(ledger, store, [key]).get(key)
    if letter is None or value_digest(letter.record.value) != lineage.get("value SHA-256"):
        raise UnusableInputError(f"{path}: its sheet 'acidwatch' was altered; export batch {batch_id} again")
    return compare(letter, read_table(path, SAMPLES), row)


def compare(letter: OpenLetter, table: Table, row: Mapping[str, Any]) -> Resubmission:
    """What a corrected workbook makes of a letter; `row` is the letter as the ledger has it."""
    payload = letter.decoded()
    before = _as_written(letter)
    position = {number: index for index, number in enumerate(_sheet(letter).row_numbers)}
    own_name = _own_names(payload)
    columns: dict[str, list[Value]] = {}
    cells = 0
    for name, values in table.columns.items():
        original = payload.columns.get(own_name.get(name, ""), [None] * payload.rows)
        columns[name] = []
        for number, value in zip(table.row_numbers, values, strict=True):
            untouched = number in before and _same(value, before[number][name])
            cells += number in before and not untouched
            kept = original[position[number]] if untouched else value
            columns[name].append(kept if _is_value(_KINDS[name], kept) else value)
    contract = {name: cells for name, cells in payload.columns.items() if name in SAMPLE_NAMES}
    stamps = {
        "ce_type": BATCH_TYPE.encode(),
        "ce_subject": subject_of(table.sheet, table.letters, table.row_numbers).encode(),
        "content-type": CONTENT_TYPE.encode(),
    }
    record = letter.record
    return Resubmission(
        outgoing=Outgoing(
            letter.batch_id,
            record.key,
            encode(
                columns,
                cells_of(table.letters, table.row_numbers),
                _comments(payload, before, position, own_name, table),
            ),
            tuple(stamp(record.headers, stamps)),
        ),
        source=row["source"],
        rows=len(table.row_numbers),
        cells=cells,
        added=len(set(table.row_numbers) - set(before)),
        removed=len(set(before) - set(table.row_numbers)),
        changed=columns != contract,
        seen=Seen(row["state"], row["attempt"]),
        attempt=letter.attempt,
    )


def _comments(
    payload: Payload,
    before: Mapping[int, Mapping[str, Value]],
    position: Mapping[int, int],
    own_name: Mapping[str, str],
    table: Table,
) -> dict[str, dict[int, str]]:
    """The laboratory's comments on cells, where their samples are now: rows move when others are deleted, so they are known by their key.

    Comments in the corrected workbook are acidwatch's own.
    """
    if not payload.comments:
        return {}
    was: dict[tuple[Value, ...], list[int]] = defaultdict(list)
    for number, cells in before.items():
        was[tuple(cells[name] for name in NATURAL_KEY)].append(position[number])
    now = [was[key] for key in zip(*(table.columns[name] for name in NATURAL_KEY), strict=True)]
    found: dict[str, dict[int, str]] = {}
    for name in table.columns:
        comments = payload.comments.get(own_name.get(name, ""), {})
        kept = {index: comments[rows[0]] for index, rows in enumerate(now) if len(rows) == 1 and rows[0] in comments}
        if kept:
            found[name] = kept
    return found


def _as_written(letter: OpenLetter) -> dict[int, dict[str, Value]]:
    """Sheet row to column to what is read when the letter is written and read again.

    A cell that still reads like this was not touched, whatever a spreadsheet makes of its value.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fix.xlsx"
        write_letter(path, letter)
        try:
            table = read_table(path, SAMPLES)
        except UnusableInputError:
            return {}  # not one cell of it is filled, so whatever is there now is new
    return {
        number: {name: values[index] for name, values in table.columns.items()}
        for index, number in enumerate(table.row_numbers)
    }


def _same(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-14)  # a spreadsheet keeps 15 digits
    return one == other


def _is_value(kind: Kind, value: Any) -> bool:
    """Whether a value could have come from a sheet, so that an untouched cell keeps it as it is."""
    if value is None or isinstance(value, str):
        return True
    return kind in ("number", "integer") and type(value) in (int, float)
