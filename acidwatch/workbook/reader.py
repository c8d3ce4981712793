"""Reads a table of any format that laboratories send into columns of values that can travel, each with its cell.

    table = read_table(Path("samples.xlsx"), SAMPLES)
    table.columns["SO4_UEQ_L"][0], table.letters["SO4_UEQ_L"], table.row_numbers[0]  # 47.0, 'AC', 2

No value is guessed: what has no one meaning travels as the text it is, and becomes a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from acidwatch.contract.columns import Column
from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import Book, Grid, Sheet
from acidwatch.workbook.cells import Value, convert_column
from acidwatch.workbook.isolate import read_isolated
from acidwatch.workbook.locale import check_locale, convert_numbers
from acidwatch.workbook.locate import Header, check_header, choose_sheet, find_header, first_ten, listed
from acidwatch.workbook.merged import Area, merged_among, note_merged, refuse_covered
from acidwatch.workbook.package import read_bytes
from acidwatch.workbook.widths import check_widths


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one sheet, as columns.

    Attributes:
        path: The file.
        sha256: Of its bytes, hexadecimal.
        sheet: The sheet's name; `csv` in a text file.
        first_row: Sheet row of the first data row, from 1.
        columns: Contract column to one value a row, in sheet order.
        letters: Contract column to its letter in the sheet (A, B, ... AD).
        row_numbers: Sheet row of each row, from 1; blank rows are left out, so it may have holes.
        unknown: Header names that the contract does not know.
        notes: What was noticed about the file that is no cell's value, one line each, to be shown to the sender.
        comments: Contract column to position of the row (from 0) to the comment of the cell.
    """

    path: Path
    sha256: str
    sheet: str
    first_row: int
    columns: dict[str, list[Value]]
    letters: dict[str, str]
    row_numbers: list[int]
    unknown: tuple[str, ...]
    notes: tuple[str, ...] = ()
    comments: dict[str, dict[int, str]] = field(default_factory=dict)


def read_table(path: Path, columns: tuple[Column, ...], sheet: str | None = None, locale: str | None = None) -> Table:
    """Read the table that has the given columns.

    Args:
        path: A workbook (.xlsx, .xls, .xlsb, .ods) or a text file (.csv).
        columns: The contract's columns; all must be there, others may be.
        sheet: Its sheet; without it the only one, or the only one that has all the columns.
        locale: How its texts write numbers: `fr` for decimal commas and thousands apart by blanks, `en` for decimal points; None = with
            points, but a file that looks like commas is refused.

    Returns:
        The table, at least one row long.

    Raises:
        UnusableInputError: The file can't be read, or the table is not in it; one line says where and what to do.
    """
    check_locale(locale)
    data = read_bytes(path)
    book = read_isolated(path, data, sheet)
    if sheet is not None and sheet not in book.names:
        raise UnusableInputError(f"{path}: has no sheet {sheet!r}; it has {listed(book.names)}")
    headers = {one.name: find_header(one, columns) for one in book.sheets}
    if book.refused and not any(header.row >= 0 and not header.missing for header in headers.values()):
        raise UnusableInputError(book.refused[0])
    name = choose_sheet(headers, str(path))
    where = f"{path}: sheet {name!r}"
    check_header(headers[name], where)
    chosen = next(one for one in book.sheets if one.name == name)
    rows = _filled_rows(chosen.grid, headers[name])
    if not rows:
        raise UnusableInputError(f"{where} has column names in row {headers[name].row + 1} but no data rows below them")
    merged = merged_among(chosen, headers[name], rows, where)
    refuse_covered(chosen, headers[name], rows, merged, where)
    uneven = check_widths(chosen, headers[name].row, rows, where)
    letters = {name: column_letters(position + 1) for name, (position,) in headers[name].positions.items()}
    _put_in_what_is_seen(chosen, columns, headers[name])
    cells = list(zip(*(chosen.grid[row] for row in rows), strict=True))
    values = {
        column.name: convert_column(column.kind, cells[headers[name].positions[column.name][0]])
        for column in _in_sheet_order(columns, headers[name])
    }
    numbers = {column.name: values[column.name] for column in columns if column.kind in ("number", "integer")}
    row_numbers = [row + 1 for row in rows]
    converted = convert_numbers(numbers, letters, row_numbers, where, locale, typed=book.typed)
    return Table(
        path,
        sha256(data).hexdigest(),
        name,
        row_numbers[0],
        values | converted.columns,
        letters,
        row_numbers,
        headers[name].unknown,
        (*_notes(book, chosen, headers[name], rows, merged), *uneven, *converted.notes),
        _comments(chosen, headers[name], rows),
    )


def read_grid(path: Path, sheet: str) -> Grid:
    """The cells of one sheet, from A1 on.

    Raises:
        UnusableInputError: The file is no workbook that can be read, or has no such sheet.
    """
    book = read_isolated(path, read_bytes(path), sheet)
    if sheet not in book.names:
        raise UnusableInputError(f"{path}: has no sheet {sheet!r}; it has {listed(book.names)}")
    if book.refused:
        raise UnusableInputError(book.refused[0])
    return book.sheets[0].grid


def _put_in_what_is_seen(sheet: Sheet, columns: Sequence[Column], header: Header) -> None:
    """In columns of numbers and dates; in a text a raised digit is one like any other."""
    places = {header.positions[column.name][0] for column in columns if column.kind != "text"}
    for (row, column), text in sheet.seen.items():
        if column in places:
            sheet.grid[row][column] = text


def _in_sheet_order(columns: Sequence[Column], header: Header) -> list[Column]:
    of = {column.name: column for column in columns}
    return [of[name] for name in header.positions]


def _filled_rows(grid: Grid, header: Header) -> list[int]:
    """Rows of data in the grid, from 0: those in which one of the contract's columns has something."""
    positions = [position for (position,) in header.positions.values()]
    least, most = min(positions), max(positions) + 1
    rows = []
    for row in range(header.first, len(grid)):
        cells = grid[row]
        # A row whose columns all have something needs no look at each of them.
        if None not in cells[least:most] or any(cells[position] is not None for position in positions):
            rows.append(row)
    return rows


def _notes(book: Book, sheet: Sheet, header: Header, rows: Sequence[int], merged: Sequence[Area]) -> list[str]:
    notes = list(book.notes)
    notes += [f"another sheet was not looked at: {reason}" for reason in book.refused]
    if len(book.names) > 1:
        notes.append(f"of the sheets {listed(book.names)} it is {sheet.name!r} that is read")
    notes += header.notes
    notes += sheet.notes
    notes += note_merged(merged)
    hidden = sheet.hidden & {row + 1 for row in rows}
    if hidden:
        verb = "row is hidden and is" if len(hidden) == 1 else "rows are hidden and are"
        notes.append(f"{len(hidden)} {verb} read like the others ({first_ten(sorted(hidden))})")
    return notes


def _comments(sheet: Sheet, header: Header, rows: Sequence[int]) -> dict[str, dict[int, str]]:
    if not sheet.comments:
        return {}
    index = {row: number for number, row in enumerate(rows)}
    name_at = {position: name for name, (position,) in header.positions.items()}
    found: dict[str, dict[int, str]] = {}
    for (row, position), text in sorted(sheet.comments.items()):
        if row in index and position in name_at and text.strip():
            found.setdefault(name_at[position], {})[index[row]] = text
    return found
