"""Where the cells of a batch stand in its sheet: as the record says, else as its subject says, else by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acidwatch.contract.batch import Payload
from acidwatch.contract.headers import BatchHeaders, column_letters, column_number

LAST_ROW_NUMBER = 2**31 - 1


def sheet_rows(payload: Payload, headers: BatchHeaders) -> Sequence[int]:
    """The sheet's row of each row, from 1; the position from 1 where nothing says it."""
    if payload.row_numbers is not None:
        return [min(max(number, 1), LAST_ROW_NUMBER) for number in payload.row_numbers]
    first = headers.first_cell[1] if headers.first_cell else 1
    return range(first, first + payload.rows)


def sheet_letters(payload: Payload, headers: BatchHeaders, column: str) -> str:
    """The sheet's letters of a column of the batch, such as `AC`; empty where nothing says it."""
    letters = (payload.letters or {}).get(column, "")
    if column and not letters and headers.first_cell:
        letters = column_letters(headers.first_cell[0] + list(payload.columns).index(column))
    return letters


def subject_of(sheet: str, letters: Mapping[str, str], rows: Sequence[int]) -> str:
    """The sheet and cell range of a batch (ce_subject), from the letters of its columns and its rows."""
    numbers = [column_number(letter) for letter in letters.values()]
    return f"{sheet}!{column_letters(min(numbers))}{rows[0]}:{column_letters(max(numbers))}{rows[-1]}"


def cells_of(letters: Mapping[str, str], rows: Sequence[int]) -> dict[str, Any] | None:
    """What `encode` is told of the cells, when the subject's range does not say it: columns or rows left out in between."""
    numbers = [column_number(letter) for letter in letters.values()]
    cells: dict[str, Any] = {}
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        cells["letters"] = dict(letters)
    if list(rows) != list(range(rows[0], rows[0] + len(rows))):
        cells["rows"] = list(rows)
    return cells or None


def text_of(cell: object) -> str:
    """A cell as people see it."""
    try:
        return str(cell)
    except RecursionError:  # JSON may be nested deeper than Python can write out
        return "a deeply nested list or object"
