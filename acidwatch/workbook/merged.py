"""Merged cells among the data: the first one of each has the value, the others are covered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from acidwatch.contract.headers import column_letters
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import MOST_MERGED, Sheet
from acidwatch.workbook.locate import Header, first_ten

Area = tuple[int, int, int, int]
"""First row, first column, last row, last column, from 0."""


def merged_among(sheet: Sheet, header: Header, rows: Sequence[int], where: str) -> list[Area]:
    """Merged cells among the data, as the sheet gives them: of each all but the first one are covered, and nobody sees what they hold.

    Raises:
        UnusableInputError: There are more than can be looked at.
    """
    if len(sheet.merged) > MOST_MERGED:
        raise UnusableInputError(f"{where} has more than {MOST_MERGED} merged cells; unmerge the cells of the table")
    columns = {position for (position,) in header.positions.values()}
    return [
        (top, first, bottom, last)
        for top, first, bottom, last in sheet.merged
        if bisect_left(rows, top) < bisect_right(rows, bottom) and any(first <= column <= last for column in columns)
    ]


def refuse_covered(sheet: Sheet, header: Header, rows: Sequence[int], merged: Sequence[Area], where: str) -> None:
    """Refuse values under merged cells: programs keep them there, and people take them as gone.

    Raises:
        UnusableInputError: There are some, or merged cells lie over each other, as no program makes them.
    """
    columns = sorted(position for (position,) in header.positions.values())
    hidden: list[str] = []
    looked_at = 0
    for top, first, bottom, last in merged:
        within = rows[bisect_left(rows, top) : bisect_right(rows, bottom)]
        covered = columns[bisect_left(columns, first) : bisect_right(columns, last)]
        looked_at += len(within) * len(covered)
        if looked_at > len(rows) * len(columns):
            raise UnusableInputError(
                f"{where} has merged cells that lie over each other; unmerge the cells of the table"
            )
        hidden += [
            f"{column_letters(column + 1)}{row + 1}"
            for row in within
            for column in covered
            if (row, column) != (top, first) and sheet.grid[row][column] is not None
        ]
    if hidden:
        raise UnusableInputError(
            f"{where} has values that nobody sees, under merged cells ({first_ten(hidden)}); unmerge the cells of the table and look which "
            "values are meant"
        )


def note_merged(merged: Sequence[Area]) -> list[str]:
    """What is said of them, where there are some."""
    if not merged:
        return []
    found = [
        f"{column_letters(first + 1)}{top + 1}:{column_letters(last + 1)}{bottom + 1}"
        for top, first, bottom, last in merged
    ]
    return [
        "merged cells among the data: only the first one of each has the value, the others are taken as empty"
        f" ({first_ten(found)})"
    ]
