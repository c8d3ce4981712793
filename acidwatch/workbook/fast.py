"""The fast reader for .xlsx, .xls and .xlsb, once a look at the file's own records says that nothing in it will crash it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import python_calamine

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import Book, Grid, Sheet, plain_grid


def open_fast(path: Path, data: bytes) -> python_calamine.CalamineWorkbook:
    """Open a workbook.

    Raises:
        UnusableInputError: It is damaged or protected.
    """
    try:
        return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except python_calamine.PasswordError as error:
        raise UnusableInputError(f"{path}: the workbook is protected by a password; save it without one") from error
    except BaseException as error:
        raise _damaged(f"{path}: the workbook", error) from error


def sheet_names(workbook: python_calamine.CalamineWorkbook) -> list[str]:
    """Names of the sheets that hold cells (not charts and the like)."""
    return [entry.name for entry in workbook.sheets_metadata if entry.typ is python_calamine.SheetTypeEnum.WorkSheet]


def fast_grid(
    workbook: python_calamine.CalamineWorkbook, name: str, where: str, lost: dict[tuple[int, int], str]
) -> tuple[Grid, list[tuple[int, int, int, int]]]:
    """A sheet's cells with the texts put in that the fast reader loses, and its merged cells.

    Args:
        lost: (row, column), both from 0, to text.

    Raises:
        UnusableInputError: It is damaged.
    """
    try:
        sheet = workbook.get_sheet_by_name(name)
        grid = plain_grid(sheet.to_python(skip_empty_area=False), where)
        merged = sheet.merged_cell_ranges or []
    except UnusableInputError:
        raise
    except BaseException as error:
        raise _damaged(where, error) from error
    width = max([len(grid[0]) if grid else 0, *(column + 1 for _, column in lost)])
    if grid and width > len(grid[0]):
        for row in grid:
            row.extend([None] * (width - len(row)))
    for row_index, column in sorted(lost):
        while len(grid) <= row_index:
            grid.append([None] * width)
        grid[row_index][column] = lost[row_index, column]
    return grid, [(*first, *last) for first, last in merged]


def read_each(book: Book, sheet: str | None, read: Callable[[str], Sheet]) -> Book:
    """Read the wanted sheets of a book one by one: where one can't be read, another may still be the one that is meant."""
    for name in book.names if sheet is None else [name for name in book.names if name == sheet]:
        try:
            book.sheets.append(read(name))
        except UnusableInputError as error:
            book.refused.append(str(error))
    return book


def _damaged(where: str, error: BaseException) -> BaseException:
    # A panic in the reader arrives as a PanicException, which is no Exception; Ctrl-C and the like must pass.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        return error
    if isinstance(error, MemoryError):
        return error
    reason = " ".join(str(error).split())[:200]
    return UnusableInputError(f"{where} is damaged ({reason}); open and save it anew, or copy it again")
