"""Writes a batch as a workbook to be corrected by hand: every cell where the laboratory's own workbook has it, bad cells coloured."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from acidwatch.contract.cells import text_of
from acidwatch.contract.columns import SAMPLES, Kind
from acidwatch.contract.headers import column_number
from acidwatch.contract.outcome import Finding, Severity, printable
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.cells import as_text
from acidwatch.workbook.comments import AUTHOR
from acidwatch.workbook.reader import read_grid

LINEAGE = "acidwatch"
"""Name of the sheet that says which batch it is."""

_KINDS: Mapping[str, Kind] = {column.name: column.kind for column in SAMPLES}
FILLS: dict[Severity, PatternFill] = {
    "hard": PatternFill("solid", fgColor="FFFF9999"),
    "soft": PatternFill("solid", fgColor="FFFFEE99"),
}
_NOT_IN_A_NAME = re.compile(r"[\\*?:/\[\]]")
_LONGEST_NAME, _LONGEST_TEXT = 31, 32_767
_FIRST_YEAR = 1901  # Excel counts a 29th of February 1900 that never was


_LARGEST = 9.99999999999999e307
"""A spreadsheet knows no larger number; such a cell goes as text, and the contract rejects it either way."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows to be written.

    Attributes:
        name: Of the sheet.
        columns: Name to cells, as JSON gave them.
        letters: Name to the sheet's letters.
        row_numbers: The sheet's row of each row, from 2, ascending.
        findings: (position of the row from 0, or None for the header; column) to what is wrong there; an empty column = the row.
    """

    name: str
    columns: Mapping[str, Sequence[Any]]
    letters: Mapping[str, str]
    row_numbers: Sequence[int]
    findings: Mapping[tuple[int | None, str], Sequence[Finding]]


def sheet_title(name: str) -> str:
    """A sheet's name as a spreadsheet program takes it."""
    title = _NOT_IN_A_NAME.sub("_", printable(name)).strip("'")[:_LONGEST_NAME] or "Sheet 1"
    return title if title.casefold() != LINEAGE else f"{title} data"


def refuse_other_ending(path: Path) -> None:
    """Refuse a name that promises another format than the one that is written; no reader would take it back.

    Raises:
        UnusableInputError: It doesn't end in .xlsx.
    """
    if path.suffix.lower() != ".xlsx":
        raise UnusableInputError(f"{path}: what is written is an .xlsx; end its name so")


def write_fix(path: Path, sheet: Sheet, lineage: Mapping[str, str], advice: Iterable[str]) -> None:
    """Write the workbook: the batch's rows, and a sheet that says what they are and what to do with them.

    Raises:
        UnusableInputError: It can't be written there.
    """
    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet_title(sheet.name)
    write_rows(page, sheet)
    _write_lineage(book.create_sheet(LINEAGE), lineage, advice)
    try:
        book.save(path)
    except OSError as error:
        raise UnusableInputError(f"{path}: can't be written ({error.strerror or error})") from error


def write_rows(page: Worksheet, sheet: Sheet) -> None:
    """Write column names into row 1 and every row where it stands; rows in between are hidden."""
    first = min(sheet.letters, key=lambda name: column_number(sheet.letters[name]))
    for name, letters in sheet.letters.items():
        number = column_number(letters)
        header = cell_at(page, 1, number)
        put_text(header, name)
        header.font = Font(bold=True)
        mark(header, sheet.findings.get((None, name), ()))
        kind = _KINDS.get(name.strip(), "number")
        page.column_dimensions[letters].width = max(len(name[:40]) + 2, 11)
        for position, (row, value) in enumerate(zip(sheet.row_numbers, sheet.columns[name], strict=True)):
            about_row = sheet.findings.get((position, ""), ()) if name == first else ()
            found = [*sheet.findings.get((position, name), ()), *about_row]
            if value is None and not found and kind not in ("text", "datetime"):
                continue
            cell = cell_at(page, row, number)
            _put(cell, kind, value)
            mark(cell, found)
    shown = set(sheet.row_numbers)
    for row in range(2, max(shown)):
        if row not in shown:
            page.row_dimensions[row].hidden = True
    page.freeze_panes = "A2"


def _put(cell: Cell, kind: Kind, value: Any) -> None:
    """Put a value into a cell so that reading gives it back; a text stays text whatever it looks like."""
    if kind == "text":
        cell.number_format = "@"
    elif kind == "datetime":
        cell.number_format = "yyyy-mm-dd"
    if value is None:
        return
    if type(value) in (int, float) and kind != "text" and abs(value) <= _LARGEST:
        cell.value = value
        return
    date = _date(value) if kind == "datetime" else None
    if date is None:
        put_text(cell, text_of(value))
        return
    cell.value = date
    cell.number_format = "yyyy-mm-dd" if date.time() == dt.time.min else "yyyy-mm-dd hh:mm:ss"


def put_text(cell: Cell, text: str) -> None:
    """Put a text into a cell that stays text whatever it looks like."""
    # openpyxl would take '=1+1' for a formula and '#N/A' for an error; the prefix keeps programs from doing so on editing.
    cell.value = printable(text)[:_LONGEST_TEXT]
    cell.data_type = "s"
    cell.quotePrefix = text[:1] in ("=", "+", "-", "@")


def _date(value: Any) -> dt.datetime | None:
    """A date that a sheet can hold and gives back in the same words."""
    try:
        date = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    exact = date.tzinfo is None and date.year >= _FIRST_YEAR and not date.microsecond
    return date if exact and as_text(date) == value else None


def mark(cell: Cell, findings: Sequence[Finding]) -> None:
    """Colour a cell by the worst of its findings, and say them in a comment."""
    if not findings:
        return
    cell.fill = FILLS["hard" if any(finding.severity == "hard" for finding in findings) else "soft"]
    text = "\n".join(f"{finding.rule}: {finding.message}" for finding in findings)
    cell.comment = Comment(text, AUTHOR, height=40 + 40 * min(len(findings), 8), width=360)


def _write_lineage(page: Worksheet, lineage: Mapping[str, str], advice: Iterable[str]) -> None:
    for row, (name, value) in enumerate(lineage.items(), start=1):
        put_text(cell_at(page, row, 1), name)
        cell_at(page, row, 1).font = Font(bold=True)
        put_text(cell_at(page, row, 2), value)
        cell_at(page, row, 2).number_format = "@"
    for row, line in enumerate(advice, start=len(lineage) + 2):
        put_text(cell_at(page, row, 1), line)
    page.column_dimensions["A"].width = 18
    page.column_dimensions["B"].width = 70


def cell_at(page: Worksheet, row: int, column: int) -> Cell:
    """A cell of a new sheet, where nothing is merged."""
    return cast(Cell, page.cell(row, column))


def read_lineage(path: Path) -> dict[str, str]:
    """What the second sheet says: which batch, which attempt, which bytes.

    Raises:
        UnusableInputError: It is no workbook that can be read, or was not written by `write_fix`.
    """
    try:
        grid = read_grid(path, LINEAGE)
    except UnusableInputError as error:
        if "has no sheet" not in str(error):
            raise
        raise UnusableInputError(
            f"{path}: has no sheet {LINEAGE!r}; only a workbook made by `acidwatch dlq export` can be resubmitted"
        ) from None
    pairs = {as_text(row[0]): as_text(row[1]) for row in grid if len(row) > 1}
    return {name: value for name, value in pairs.items() if name and value}
