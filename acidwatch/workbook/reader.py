"""Reads a workbook's table into columns of values that can travel, each with its cell.

    table = read_table(Path("samples.xlsx"), SAMPLES)
    table.columns["SO4_UEQ_L"][0], table.letters["SO4_UEQ_L"], table.row_numbers[0]  # 47.0, 'AC', 2

Only .xlsx is promised: what the guard does for it (error cells, stray cells) is not done for .xls, .xlsb and .ods.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import python_calamine

from acidwatch.contract.columns import Column
from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.cells import Cell, Value, convert_column
from acidwatch.workbook.guard import lost_cells
from acidwatch.workbook.locate import Grid, Header, check_header, choose_sheet, find_header, listed
from acidwatch.workbook.package import Package, open_package


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one sheet, as columns.

    Attributes:
        path: The workbook.
        sha256: Of the file's bytes, hexadecimal.
        sheet: The sheet's name.
        first_row: Sheet row of the first data row, from 1.
        columns: Contract column to one value a row, in sheet order.
        letters: Contract column to its letter in the sheet (A, B, ... AD).
        row_numbers: Sheet row of each row, from 1; blank rows are left out, so it may have holes.
        unknown: Header names that the contract does not know.
        notes: What was noticed about the file that is no cell's value, one line each, to be shown to the sender.
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


def read_table(path: Path, columns: tuple[Column, ...], sheet: str | None = None, locale: str | None = None) -> Table:
    """Read the table that has the given columns.

    Args:
        path: A workbook.
        columns: The contract's columns; all must be there, others may be.
        sheet: Its sheet; without it the only one, or the only one that has all the columns.
        locale: How its texts write numbers: `fr` for decimal commas and thousands apart by blanks; None = with a point.

    Returns:
        The table, at least one row long.

    Raises:
        UnusableInputError: The file is no workbook that can be read, or the table is not in it; one line says where and
            what to do.
    """
    package = open_package(path)
    with _open(package) as workbook:
        names = [
            entry.name for entry in workbook.sheets_metadata if entry.typ is python_calamine.SheetTypeEnum.WorkSheet
        ]
        if sheet is not None:
            if sheet not in names:
                raise UnusableInputError(f"{path}: has no sheet {sheet!r}; it has {listed(names)}")
            names = [sheet]
        grids: dict[str, Grid] = {}
        refused: list[UnusableInputError] = []
        for name in names:
            try:
                grids[name] = _grid(package, workbook, name)
            except UnusableInputError as error:
                # Another sheet may still be the one that is meant.
                refused.append(error)
    headers = {name: find_header(grid, columns) for name, grid in grids.items()}
    if refused and not any(header.row >= 0 and not header.missing for header in headers.values()):
        raise refused[0]
    name = choose_sheet(headers, str(path))
    check_header(headers[name], f"{path}: sheet {name!r}")
    return _table(package, name, grids[name], headers[name], columns)


def read_grid(path: Path, sheet: str) -> Grid:
    """The cells of one sheet, from A1 on.

    Raises:
        UnusableInputError: The file is no workbook that can be read, or has no such sheet.
    """
    package = open_package(path)
    with _open(package) as workbook:
        if sheet not in workbook.sheet_names:
            raise UnusableInputError(f"{path}: has no sheet {sheet!r}; it has {listed(workbook.sheet_names)}")
        return _grid(package, workbook, sheet)


def _open(package: Package) -> python_calamine.CalamineWorkbook:
    try:
        return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(package.data))
    except python_calamine.PasswordError as error:
        raise UnusableInputError(
            f"{package.path}: the workbook is protected by a password; save it without one"
        ) from error
    except BaseException as error:
        raise _damaged(f"{package.path}: the workbook", error) from error


def _grid(package: Package, workbook: python_calamine.CalamineWorkbook, name: str) -> Grid:
    """A sheet's cells from A1 on, with the texts that the fast reader loses put in."""
    lost = lost_cells(package, name)
    try:
        grid: Grid = list(workbook.get_sheet_by_name(name).to_python(skip_empty_area=False))  # type: ignore[arg-type]
    except BaseException as error:
        raise _damaged(f"{package.path}: sheet {name!r}", error) from error
    width = max([len(grid[0]) if grid else 0, *(column + 1 for _, column in lost)])
    if grid and width > len(grid[0]):
        for row in grid:
            row.extend([None] * (width - len(row)))
    for row_index, column in sorted(lost):
        while len(grid) <= row_index:
            grid.append([None] * width)
        grid[row_index][column] = lost[row_index, column]
    return grid


def _damaged(where: str, error: BaseException) -> BaseException:
    # A panic in the reader arrives as a PanicException, which is no Exception; Ctrl-C and the like must pass.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        return error
    reason = " ".join(str(error).split())[:200]
    return UnusableInputError(f"{where} is damaged ({reason}); open and save it anew, or copy it again")


def _table(package: Package, sheet: str, grid: Grid, header: Header, columns: tuple[Column, ...]) -> Table:
    kinds = {column.name: column.kind for column in columns}
    first = header.row + 1
    cells: list[tuple[Cell, ...]] = list(zip(*grid[first:], strict=True))
    values = {
        name: convert_column(kinds[name], cells[position]) if cells else []
        for name, (position,) in header.positions.items()
    }
    row_numbers = list(range(first + 1, len(grid) + 1))
    # A row is blank when none of the contract's columns has a value in it. Ids and dates are hardly ever empty: a row
    # with a value in the first column is decided without looking at the others.
    leading = next(iter(values.values()))
    blank = {
        index
        for index, value in enumerate(leading)
        if value is None and all(column[index] is None for column in values.values())
    }
    if len(blank) == len(leading):
        raise UnusableInputError(
            f"{package.path}: sheet {sheet!r} has column names in row {first} but no data rows below them"
        )
    if blank:
        values = {
            name: [value for index, value in enumerate(column) if index not in blank] for name, column in values.items()
        }
        row_numbers = [number for index, number in enumerate(row_numbers) if index not in blank]
    letters = {name: column_letters(position + 1) for name, (position,) in header.positions.items()}
    notes = tuple(f"column {name!r} is not in the contract and is not sent" for name in header.unknown)
    return Table(
        package.path, package.sha256, sheet, row_numbers[0], values, letters, row_numbers, header.unknown, notes
    )
