"""Where the table is: which sheet holds it, which row is its header, which column is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acidwatch.contract.columns import Column
from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.cells import Cell, as_text

Grid = list[list[Cell]]
"""A sheet's cells from A1 on, row by row."""


@dataclass(frozen=True, slots=True)
class Header:
    """The header row of one sheet.

    Attributes:
        row: Its row in the grid, from 0; -1 where the sheet is empty.
        positions: Contract column to its positions in the grid (from 0), in sheet order; more than one is an error.
        unknown: Other header names, in sheet order.
        missing: Contract columns that are not there, in contract order.
    """

    row: int
    positions: dict[str, list[int]]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def find_header(grid: Grid, columns: Sequence[Column]) -> Header:
    """Find the header: the first row that is not empty. Blanks around its names do not count."""
    names = {column.name for column in columns}
    positions: dict[str, list[int]] = {}
    unknown: list[str] = []
    row = next((row for row, cells in enumerate(grid) if any(as_text(cell) is not None for cell in cells)), -1)
    for position, cell in enumerate(grid[row] if row >= 0 else ()):
        name = (as_text(cell) or "").strip()
        if name in names:
            positions.setdefault(name, []).append(position)
        elif name:
            unknown.append(name)
    missing = tuple(column.name for column in columns if column.name not in positions)
    return Header(row, positions, tuple(unknown), missing)


def check_header(header: Header, where: str) -> None:
    """Refuse a header that does not give every contract column exactly once.

    Raises:
        UnusableInputError: The sheet is empty, or columns are missing or doubled; names all of them.
    """
    if header.row < 0:
        raise UnusableInputError(f"{where} is empty; the first row that is not empty must hold the column names")
    if header.missing:
        plural = "s" if len(header.missing) > 1 else ""
        raise UnusableInputError(
            f"{where} lacks the column{plural} {', '.join(header.missing)}{_hint(header)}; "
            f"row {header.row + 1} is its header"
        )
    for name, positions in header.positions.items():
        if len(positions) > 1:
            letters = " and ".join(column_letters(position + 1) for position in positions)
            raise UnusableInputError(f"{where} has the column {name} more than once ({letters}); keep one of them")


def _hint(header: Header) -> str:
    """Names that only differ in case, blanks or underscores are most likely the missing ones."""
    meant = {_plain(name): name for name in header.unknown}
    pairs = [f"{meant[_plain(name)]!r} should be {name}" for name in header.missing if _plain(name) in meant]
    return f" ({', '.join(pairs)})" if pairs else ""


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def choose_sheet(headers: dict[str, Header], where: str) -> str:
    """The only sheet, or the only one whose header has every column.

    Args:
        headers: Sheet name to its header, in workbook order.
        where: The workbook, for the message.

    Raises:
        UnusableInputError: No sheet fits, or several do.
    """
    if len(headers) == 1:
        return next(iter(headers))
    fitting = [name for name, header in headers.items() if header.row >= 0 and not header.missing]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise UnusableInputError(f"{where}: the sheets {listed(fitting)} all have the columns; say which of them")
    if not headers:
        raise UnusableInputError(f"{where}: has no sheet with cells that can be read")
    nearest = min(headers, key=lambda name: len(headers[name].missing))
    raise UnusableInputError(
        f"{where}: none of the sheets {listed(headers)} has all the columns; the nearest is {nearest!r}, "
        f"which lacks {', '.join(headers[nearest].missing)}{_hint(headers[nearest])}"
    )


def listed(names: Sequence[str] | dict[str, Header]) -> str:
    """Sheet names for a message, each quoted."""
    return ", ".join(repr(name) for name in names)
