"""What is read from a file before the table is looked for in it: its sheets as cells, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from acidwatch.contract.outcome import quoted
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.cells import Cell, as_text

Grid = list[list[Cell]]
"""A sheet's cells from A1 on, row by row, all rows of one length."""

SUFFIXES = (".xlsx", ".xls", ".xlsb", ".ods", ".csv")
"""Endings of the files that are read."""

LAST_ROW = 1_048_576
LAST_COLUMN = 16_384
LONGEST_CELL = 32_000
"""Characters in a cell; a spreadsheet holds 32,767, and no table of samples has such a text."""

MOST_NOTED = 10_000
"""Hidden rows and comments of a sheet that are kept."""
MOST_MERGED = 100_000
"""Merged cells of a sheet that are looked at; readers keep one more, which says that there are others."""

_MOST_CELLS = 5_000_000
_LEAST_FILLED = 0.1  # of the rectangle that the cells span; a table of samples is hardly ever below a third


@dataclass(slots=True)
class Sheet:
    """One sheet.

    Attributes:
        name: As the file says it.
        grid: Its cells: numbers as finite floats, anything else as the text a person reads, None when empty.
        hidden: Rows that are hidden, from 1.
        merged: Merged cells: first row, first column, last row, last column, from 0.
        comments: (row, column), from 0, to the comment of the cell.
        seen: The same, to what people see where a number is not all of it: `<0.5` of a number format, `2^1` of a raised footnote.
        notes: What was noticed, for the sender.
        widths: Of a text file, how many cells each row has; rows of `grid` are filled up with empty ones.
        separator: Of a text file, what stands between two cells.
        cut_off: Whether the last row of a text file does not end.
    """

    name: str
    grid: Grid = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    comments: dict[tuple[int, int], str] = field(default_factory=dict)
    seen: dict[tuple[int, int], str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    separator: str = ""
    cut_off: bool = False


@dataclass(slots=True)
class Book:
    """A file's sheets.

    Attributes:
        names: Of all its sheets of cells.
        sheets: Those that were wanted and can be read.
        refused: Why others can't, one line each.
        typed: Whether its cells have types; in a text file (.csv) all are texts.
        notes: What was noticed about the whole file.
    """

    names: list[str] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    typed: bool = True
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Extent:
    """How far a sheet's cells reach, and how many of them hold something."""

    rows: int = 0
    columns: int = 0
    cells: int = 0

    def refuse_sparse(self, where: str) -> None:
        """Refuse a sheet that spans a lot and holds next to nothing: readers allocate the whole rectangle.

        Raises:
            UnusableInputError: With what to delete.
        """
        if self.rows * self.columns > _MOST_CELLS and self.cells < self.rows * self.columns * _LEAST_FILLED:
            raise UnusableInputError(
                f"{where} spans {self.rows:,} rows x {self.columns:,} columns but has only {self.cells:,} filled cells; "
                "blank rows or a stray cell far off make it that large: delete the rows and columns outside the table"
            )


def refuse_beyond(row: int, column: int, where: str) -> None:
    """Refuse a reference (from 1) that lies outside any sheet; a fast reader would end the process.

    Raises:
        UnusableInputError: It is beyond XFD1048576.
    """
    if row > LAST_ROW or column > LAST_COLUMN:
        raise UnusableInputError(
            f"{where} has a cell outside any sheet (row {row}, column {column}; the last are {LAST_ROW} and "
            f"{LAST_COLUMN}, XFD); the file is damaged: open and save it anew"
        )


def plain_grid(rows: Iterable[Sequence[Cell]], where: str) -> Grid:
    """Cells as they come from a library, as numbers and texts.

    Raises:
        UnusableInputError: A cell holds more text than any table of samples does.
    """
    # Texts repeat a lot (sites, programmes, days): each different one is converted once. The type is in the key because True == 1.
    texts: dict[str, Cell] = {}
    others: dict[tuple[type, Cell], Cell] = {}

    def plain(cell: Cell) -> Cell:
        if isinstance(cell, str):
            _refuse_long(cell, where, len(grid) + 1)
            texts[cell] = _plain(cell)
            return texts[cell]
        key = (type(cell), cell)
        if key not in others:
            others[key] = _plain(cell)
        return others[key]

    grid: Grid = []
    for row in rows:
        # Most cells are finite floats or empty: decide these without a call. x - x is not 0 for NaN and infinity.
        grid.append(
            [
                cell
                if type(cell) is float and cell - cell == 0
                else None
                if cell == ""
                else texts[cell]
                if type(cell) is str and cell in texts
                else plain(cell)
                for cell in row
            ]
        )
    return grid


def _refuse_long(cell: str, where: str, row: int) -> None:
    if len(cell) >= LONGEST_CELL:
        raise UnusableInputError(
            f"{where} has a cell of {len(cell):,} characters in row {row} ({quoted(cell[:20])!r}...); no sample has one: "
            "was a whole file pasted into it?"
        )


def _plain(cell: Cell) -> Cell:
    return float(cell) if type(cell) is int else as_text(cell)
