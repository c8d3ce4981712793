"""Where the table is: which sheet holds it, which row is its header, which column is which, where its data begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from acidwatch.contract.columns import Column
from acidwatch.contract.headers import column_letters
from acidwatch.contract.outcome import quoted
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import Grid, Sheet
from acidwatch.workbook.cells import as_text
from acidwatch.workbook.units import find_units

_LOOK_ROWS = 100
"""A header further down is none that a person would find."""

_MOST_LISTED, _MOST_UNKNOWN = 5, 20


@dataclass(frozen=True, slots=True)
class Header:
    """The header row of one sheet.

    Attributes:
        row: Its row in the grid, from 0; -1 where the sheet is empty.
        positions: Contract column to its positions in the grid (from 0), in sheet order; more than one is an error.
        unknown: Other header names, in sheet order.
        missing: Contract columns that are not there, in contract order.
        first: The row in the grid, from 0, where the data begin.
        notes: How it was found, where that is not in the first row with the contract's own names.
        faults: What makes it unusable, though all the columns are there.
    """

    row: int
    positions: dict[str, list[int]]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]
    first: int = 0
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def find_header(sheet: Sheet, columns: Sequence[Column]) -> Header:
    """Find the header: of the first rows the one with the most of the contract's columns, the first of them where several have.

    Names are compared without case, and a blank is as good as an underscore. What a merged cell says stands in its last row too, so
    that a header of two rows is read whole.
    """
    names = {compared(column.name): column.name for column in columns}
    grid = sheet.grid
    below = {(last, first): (top, first) for top, first, last, _ in sheet.merged if last > top}
    best: tuple[int, int] | None = None
    for row, cells in enumerate(grid[:_LOOK_ROWS]):
        texts = [compared(_name(grid, below, row, position)) for position in range(len(cells))]
        if not any(texts):
            continue
        fitting = len({text for text in texts if text in names})
        if best is None or fitting > best[0]:
            best = fitting, row
    if best is None:
        row = next((row for row, cells in enumerate(grid) if any(as_text(cell) is not None for cell in cells)), -1)
        return Header(row, {}, (), tuple(column.name for column in columns))
    row = best[1]
    positions: dict[str, list[int]] = {}
    unknown: list[str] = []
    nameless: list[int] = []
    respelled: list[str] = []
    notes = [f"the names of the columns are in row {row + 1}; what stands above is not sent"] if row and any(
        as_text(cell) is not None for cells in grid[:row] for cell in cells
    ) else []  # fmt: skip
    for position in range(len(grid[row])):
        text = _name(grid, below, row, position)
        name = names.get(compared(text))
        if name is not None:
            positions.setdefault(name, []).append(position)
            if text != name:
                respelled.append(f"{quoted(text)!r} as {name}")
        elif text:
            unknown.append(text)
        else:
            nameless.append(position)
    if respelled:
        more = f" and {len(respelled) - _MOST_LISTED} more" if len(respelled) > _MOST_LISTED else ""
        notes.append(f"names of columns are taken as the contract's: {', '.join(respelled[:_MOST_LISTED])}{more}")
    notes += [f"column {quoted(name)!r} is not in the contract and is not sent" for name in unknown[:_MOST_UNKNOWN]]
    if len(unknown) > _MOST_UNKNOWN:
        notes.append(f"{len(unknown) - _MOST_UNKNOWN} more columns are not in the contract and are not sent")
    filled = _filled(grid[row + 1 :], nameless)
    if filled:
        notes.append(f"columns with values but without a name in row {row + 1} are not sent ({first_ten(filled)})")
    missing = tuple(column.name for column in columns if column.name not in positions)
    header = Header(row, positions, tuple(unknown), missing, row + 1, notes, _spread(sheet, row, positions))
    units = find_units(grid, row + 1, positions, columns)
    if units is None:
        return header
    note = f"row {row + 2} holds units and is not sent"
    return Header(row, positions, header.unknown, missing, row + 2, [*notes, note], [*header.faults, *units])


def _name(grid: Grid, below: dict[tuple[int, int], tuple[int, int]], row: int, position: int) -> str:
    text = (as_text(grid[row][position]) or "").strip()
    if not text and (row, position) in below:
        top, first = below[row, position]
        text = (as_text(grid[top][first]) or "").strip() if top < len(grid) and first < len(grid[top]) else ""
    return text


def _filled(cells: Grid, positions: Sequence[int]) -> list[str]:
    """Letters of the columns that hold something."""
    return [
        column_letters(position + 1)
        for position in positions
        if any(position < len(row) and as_text(row[position]) is not None for row in cells)
    ]


def _spread(sheet: Sheet, row: int, positions: dict[str, list[int]]) -> list[str]:
    """Names that are merged over several columns with values: nobody can tell which of them is meant."""
    faults = []
    of = {position: name for name, found in positions.items() for position in found}
    for top, first, bottom, last in sheet.merged:
        if top <= row <= bottom and last > first and first in of:
            filled = _filled(sheet.grid[bottom + 1 :], range(first, last + 1))
            if len(filled) > 1:
                faults.append(
                    f"its column name {of[first]} is merged over the columns {' and '.join(filled)}; which of them is it?"
                )
    return faults


def check_header(header: Header, where: str) -> None:
    """Refuse a header that does not give every contract column exactly once.

    Raises:
        UnusableInputError: The sheet is empty, or columns are missing or doubled; names all of them.
    """
    if header.row < 0:
        raise UnusableInputError(f"{where} is empty; a row must hold the column names, and rows below it the samples")
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
    if header.faults:
        raise UnusableInputError(f"{where}: {'; '.join(header.faults)}")


def _hint(header: Header) -> str:
    """Names that only differ in signs between letters are most likely the missing ones."""
    meant = {_letters(name): name for name in header.unknown}
    pairs = [f"{meant[_letters(name)]!r} should be {name}" for name in header.missing if _letters(name) in meant]
    return f" ({', '.join(pairs)})" if pairs else ""


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def compared(name: str) -> str:
    """A column's name as it is compared: without case, blanks and underscores being one."""
    return "_".join(name.casefold().replace("_", " ").split())


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
        raise UnusableInputError(
            f"{where}: the sheets {listed(fitting)} all have the columns; say which of them with --sheet"
        )
    if not headers:
        raise UnusableInputError(f"{where}: has no sheet with cells that can be read")
    nearest = min(headers, key=lambda name: len(headers[name].missing))
    raise UnusableInputError(
        f"{where}: none of the sheets {listed(headers)} has all the columns; the nearest is {nearest!r}, "
        f"which lacks {', '.join(headers[nearest].missing)}{_hint(headers[nearest])}"
    )


def first_ten(items: Sequence[object]) -> str:
    """The first ten for a message, and a sign that there are more."""
    return ", ".join(map(str, items[:10])) + (", ..." if len(items) > 10 else "")


def listed(names: Sequence[str] | dict[str, Header]) -> str:
    """Sheet names for a message, each quoted."""
    return ", ".join(repr(name) for name in names)
