"""What one cell becomes: the value that travels in a batch (design: what travels), by its column's kind.

An empty cell is None. A cell that is not of its column's type becomes the text a person would read in it, so that a
finding can quote it; nothing is corrected here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable

from acidwatch.contract.columns import Kind

Value = str | float | None
"""A cell as it travels."""

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta | None
"""A cell as the workbook library gives it."""


def convert_column(kind: Kind, cells: Iterable[Cell]) -> list[Value]:
    """Convert the cells of one column.

    Args:
        kind: The column's kind in the contract; `integer` cells are floats that are whole numbers.
        cells: As read, top to bottom.

    Returns:
        As many values as cells.
    """
    if kind in ("number", "integer"):
        # Most cells are finite floats or empty: decide these without a call.
        return [
            cell
            if type(cell) is float and math.isfinite(cell)
            else None
            if cell is None or cell == ""
            else _number(cell)
            for cell in cells
        ]
    # Texts and dates repeat a lot (sites, programmes, days): convert each different one once. The type is in the
    # key because True == 1.0, and the two would share an entry.
    known: dict[tuple[type, Cell], Value] = {}
    values: list[Value] = []
    for cell in cells:
        key = (type(cell), cell)
        try:
            value = known[key]
        except KeyError:
            value = known[key] = as_text(cell)
        values.append(value)
    return values


def _number(cell: Cell) -> Value:
    if type(cell) is int:
        return float(cell)
    return as_text(cell)


def as_text(cell: Cell) -> str | None:
    """The text of a cell: as typed, a number in its shortest form, a date in ISO 8601, None when empty or only blanks.

    A text is not stripped: blanks around it are part of what was delivered.
    """
    if cell is None:
        return None
    if isinstance(cell, str):
        return cell if cell.strip() else None
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return repr(cell).removesuffix(".0")  # 20058.0 is shown as 20058
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time.min else cell.isoformat()
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat()
    return str(cell)
