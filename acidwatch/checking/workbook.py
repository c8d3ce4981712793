"""The laboratory's own workbook, copied, with the cells of the findings coloured and commented, and a sheet that lists them all.

The copy keeps values, formulas and formats. It does not keep what could act by itself: macros, links to other files, data connections.
A file that is no .xlsx, or that can't be copied so, becomes a new workbook with the sheet's values, every cell where it was.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from acidwatch.checking.report import Report
from acidwatch.checking.rows import Styles, lean_copy, put_back, split_rows
from acidwatch.contract.headers import column_number
from acidwatch.contract.outcome import Finding
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.comments import own_part, with_findings
from acidwatch.workbook.fix import FILLS, Sheet, cell_at, mark, put_text, sheet_title, write_rows
from acidwatch.workbook.package import open_package, read_bytes
from acidwatch.workbook.reader import Table

LIST = "acidwatch findings"
"""Name of the sheet that lists the findings."""

_MOST_COMMENTS = 5_000
"""Beyond it cells are coloured only: spreadsheet programs become slow with comments, and the list has every finding."""

_LABORATORY = "laboratory"  # the author of a comment where the reader keeps its text alone

_PLACE = re.compile(r"([A-Z]*)([0-9]+)")
_OUTSIDE = re.compile(r"\[[0-9]+\]")  # in a formula: a sheet of another file
_HEADER = ("severity", "cell", "column", "value", "what is wrong, and what would be right", "question", "rule")
_BOLD = Font(name="Calibri", size=11, bold=True)
_LINK = Font(name="Calibri", size=11, color="FF0B5394", underline="single")
_WIDTHS = (10, 10, 18, 16, 80, 40, 24)

Marks = dict[tuple[int, str], list[Finding]]
"""(row, letters of the column) to what was found there."""


def write_checked(path: Path, table: Table, report: Report) -> None:
    """Write the copy; the original is only read.

    Raises:
        UnusableInputError: It can't be written there, or the original was changed since it was checked.
    """
    original = read_bytes(table.path)
    if sha256(original).hexdigest() != table.sha256:
        raise UnusableInputError(f"{table.path}: was changed while it was checked; run the check again")
    marks = _marks(table, report.checked.findings)
    copy = _lean(original, table, marks, report) or _whole(original, table, marks, report)
    try:
        path.write_bytes(copy)
    except OSError as error:
        raise UnusableInputError(f"{path}: can't be written ({error.strerror or error})") from error


def _lean(data: bytes, table: Table, marks: Marks, report: Report) -> bytes | None:
    """Edit the rows with findings alone, and put the others back as they are; None where the file is not fit for it."""
    xlsx = table.path.suffix.lower() == ".xlsx"
    part = open_package(table.path, data).sheets.get(table.sheet) if xlsx else None
    split = split_rows(_read_part(data, part)) if part else None
    header = set(range(table.first_row))
    wanted = {row for row, _ in marks}
    if part is None or split is None or not wanted <= set(split.numbers):
        return None
    edited = _edited(table, lean_copy(data, part, split, header | wanted), marks, report)
    return put_back(edited.data, edited.part, split, edited.styles, data) if edited else None


def _whole(data: bytes, table: Table, marks: Marks, report: Report) -> bytes:
    edited = _edited(table, data, marks, report)
    if edited is not None:
        return edited.data
    book = Workbook()
    page = book.worksheets[0]
    page.title = sheet_title(table.sheet)
    _write_values(page, table)
    _colour(page, marks)
    _write_list(book.create_sheet(_free_title(book)), page.title, _first_letters(table), report)
    return _saved(book)


@dataclass(frozen=True, slots=True)
class _Edited:
    """A workbook with the findings in it: its bytes, the part that holds the judged sheet, and the styles of the marked cells."""

    data: bytes
    part: str
    styles: Styles


def _edited(table: Table, data: bytes, marks: Marks, report: Report) -> _Edited | None:
    """Put the findings into the workbook as it is; None where it is no .xlsx, or one that only a spreadsheet program can copy."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library names what it leaves out, which is meant
            # Without keep_vba and keep_links, macros and the values of other files stay behind.
            # Texts keep their runs: a raised digit must not become one of the number before it.
            book = load_workbook(io.BytesIO(data), keep_vba=False, keep_links=False, rich_text=True)
            if table.sheet not in [page.title for page in book.worksheets]:
                return None
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if any("externallinks/" in name.casefold() for name in archive.namelist()):
                    _cut_links(book)
            page = book[table.sheet]
            _colour(page, marks)
            _write_list(book.create_sheet(_free_title(book)), page.title, _first_letters(table), report)
            saved = _saved(book)
    except Exception:  # the library raises nearly anything, and the values are there
        return None
    # It keeps the numbers of the styles that are there, and adds new ones behind them.
    styles = {(row, letters): page[f"{letters}{row}"].style_id for row, letters in marks}
    return _Edited(saved, page.path.lstrip("/"), styles)


def _saved(book: Workbook) -> bytes:
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _read_part(data: bytes, part: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(part)


def _marks(table: Table, findings: Sequence[Finding]) -> Marks:
    """What is found about a row stands at its first column."""
    first = _first_letters(table)
    marks: Marks = {}
    for finding in findings:
        match = _PLACE.fullmatch(finding.cell)
        if match:
            marks.setdefault((int(match[2]), match[1] or first), []).append(finding)
    return marks


def _first_letters(table: Table) -> str:
    return min(table.letters.values(), key=column_number)


def _cut_links(book: Workbook) -> None:
    """Make texts of what points into other files: without the links it would be damage."""
    for page in book.worksheets:
        for row in page.iter_rows():
            for cell in row:
                if isinstance(cell, Cell) and cell.data_type == "f" and _OUTSIDE.search(str(cell.value)):
                    put_text(cell, str(cell.value))
    for names in (book.defined_names, *(page.defined_names for page in book.worksheets)):
        for name in [name for name, defined in names.items() if _OUTSIDE.search(str(defined.attr_text))]:
            del names[name]


def _colour(page: Worksheet, marks: Marks) -> None:
    for number, ((row, letters), found) in enumerate(marks.items()):
        cell = page[f"{letters}{row}"]
        if not isinstance(cell, Cell):  # inside merged cells
            continue
        if number >= _MOST_COMMENTS:
            cell.fill = FILLS["hard" if any(finding.severity == "hard" for finding in found) else "soft"]
            continue
        before = cell.comment
        mark(cell, found)
        own = own_part(before.author or "", before.text) if before is not None else ""
        if before is not None and cell.comment is not None and own:
            text = with_findings(own, cell.comment.text)
            cell.comment = Comment(text, before.author, height=200, width=360)


def _write_values(page: Worksheet, table: Table) -> None:
    """The values of the contract's columns where they stand, with the laboratory's comments."""
    write_rows(page, Sheet(table.sheet, table.columns, table.letters, table.row_numbers, {}))
    for name, comments in table.comments.items():
        for position, text in comments.items():
            cell = page[f"{table.letters[name]}{table.row_numbers[position]}"]
            cell.comment = Comment(text, _LABORATORY)


def _free_title(book: Workbook) -> str:
    taken = {name.casefold() for name in book.sheetnames}
    return next(title for title in _titles() if title.casefold() not in taken)


def _titles() -> Iterator[str]:
    yield LIST
    number = 2
    while True:
        yield f"{LIST} {number}"
        number += 1


def _write_list(page: Worksheet, sheet: str, first: str, report: Report) -> None:
    put_text(cell_at(page, 1, 1), report.summary)
    cell_at(page, 1, 1).font = _BOLD
    for number, (name, width) in enumerate(zip(_HEADER, _WIDTHS, strict=True), start=1):
        put_text(cell_at(page, 3, number), name)
        cell_at(page, 3, number).font = _BOLD
        page.column_dimensions[cell_at(page, 3, number).column_letter].width = width
    row = 3
    for cause in report.causes:
        for finding in cause.findings:
            row += 1
            place = finding.cell if finding.column or not finding.cell else f"row {finding.cell}"
            texts = (
                finding.severity,
                place,
                finding.column,
                finding.value,
                finding.message,
                cause.guess,
                finding.rule,
            )
            for number, text in enumerate(texts, start=1):
                if text:
                    put_text(cell_at(page, row, number), text)
            cell_at(page, row, 1).fill = FILLS[finding.severity]
            _link(cell_at(page, row, 2), sheet, finding.cell, first)
    page.freeze_panes = "A4"
    page.auto_filter.ref = f"A3:G{row}"
    _write_notes(page, report.notes, row + 2)


def _write_notes(page: Worksheet, notes: Sequence[str], first_row: int) -> None:
    """Below the list, where no filter hides them; the second row leads there."""
    if not notes:
        return
    put_text(cell_at(page, 2, 1), f"what else was noticed: from row {first_row} on")
    cell_at(page, 2, 1).hyperlink = Hyperlink(ref="A2", location=f"{quote_sheetname(page.title)}!A{first_row}")
    cell_at(page, 2, 1).font = _LINK
    for number, note in enumerate(notes, start=first_row):
        put_text(cell_at(page, number, 1), f"note: {note}")


def _link(cell: Cell, sheet: str, place: str, first: str) -> None:
    """Lead to where the finding is; a row is led to by its first cell."""
    if not place:
        return
    target = place if place[0].isalpha() else f"{first}{place}"
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"{quote_sheetname(sheet)}!{target}")
    cell.font = _LINK
