"""Rows of a text file that have more cells, or fewer, than its header: what a value is may have slipped into another column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import Sheet
from acidwatch.workbook.locate import first_ten

_WHOLE = re.compile(r"[<>]?\s*[+\-\u2212]?\d+")
_DECIMALS = re.compile(r"\d+(?:[eE][+-]?\d+)?\s*[A-Za-z]*")


def check_widths(sheet: Sheet, header_row: int, rows: Sequence[int], where: str) -> list[str]:
    """Hold the rows of data against the header.

    Args:
        sheet: Of a text file; in another one each cell says where it stands, and nothing is looked at.
        header_row, rows: In the grid, from 0.

    Returns:
        What was noticed: rows may end early where their last cells are empty, as some programs write them.

    Raises:
        UnusableInputError: A row has more values than the header has cells, or more cells than it has names though a decimal comma may
            have made two of one, or the last row is cut off.
    """
    if not sheet.widths:
        return []
    due = sheet.widths[header_row]
    named = max((at + 1 for at, cell in enumerate(sheet.grid[header_row]) if cell is not None), default=due)
    for row in rows:
        cells = sheet.grid[row][: sheet.widths[row]]
        # An empty cell too many may be the last column's own, behind a value that a decimal comma made two of.
        beyond = len(cells) > due or any(cell is not None for cell in cells[named:])
        if any(cell is not None for cell in cells[due:]) or (beyond and sheet.separator == "," and _may_be_one(cells)):
            raise UnusableInputError(
                f"{where}, row {row + 1} has {len(cells)} cells, the names of the columns are {named}: write decimal points or put "
                "numbers with decimal commas between quotation marks, or separate cells by semicolons; if the rows of data end in a "
                "separator more, end the row of names so too"
            )
    short = [row + 1 for row in rows if sheet.widths[row] < named]
    if short and sheet.cut_off and short[-1] == len(sheet.widths):
        raise UnusableInputError(f"{where}, row {short[-1]} is the last one, and cut off; copy the file again")
    if not short:
        if sheet.cut_off and rows and rows[-1] == len(sheet.widths) - 1:
            return [f"the last row, {rows[-1] + 1}, has no end of line: was the file copied whole?"]
        return []
    return [
        f"{len(short)} rows have fewer cells than there are names of columns; what they lack is taken as empty (rows {first_ten(short)})"
    ]


def _may_be_one(cells: Sequence[object]) -> bool:
    """Whether two cells beside each other may be the two halves of a number with a decimal comma."""
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    return any(_WHOLE.fullmatch(first) and _DECIMALS.fullmatch(second) for first, second in pairwise(texts))
