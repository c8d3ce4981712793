"""Rows of a text file that have more cells, or fewer, than its header: what a value is may have slipped into another column."""

from __future__ import annotations

from collections.abc import Sequence

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import Sheet
from acidwatch.workbook.locate import first_ten


def check_widths(sheet: Sheet, header_row: int, rows: Sequence[int], where: str) -> list[str]:
    """Hold the rows of data against the header.

    Args:
        sheet: Of a text file; in another one each cell says where it stands, and nothing is looked at.
        header_row, rows: In the grid, from 0.

    Returns:
        What was noticed: rows may end early where their last cells are empty, as some programs write them.

    Raises:
        UnusableInputError: A row has more cells than the header, or a value behind its last name, or the last one is cut off.
    """
    if not sheet.widths:
        return []
    due = sheet.widths[header_row]
    named = max((at + 1 for at, cell in enumerate(sheet.grid[header_row]) if cell is not None), default=due)
    for row in rows:
        # An empty cell too many may be the last column's own, behind a value that a decimal comma made two of.
        if sheet.widths[row] > due or any(cell is not None for cell in sheet.grid[row][named:]):
            raise UnusableInputError(
                f"{where}, row {row + 1} has {sheet.widths[row]} cells, the names of the columns are {named}: write decimal points or put "
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
