"""Writes .csv: comma, UTF-8, as a spreadsheet program saves it."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

from tests.unit.workbook.builders import Cell, Error, Extras, Formula, Rows


def build(path: Path, rows: Rows, extras: Extras = Extras(), *, separator: str = ",", encoding: str = "utf-8") -> None:
    """Write it; `extras` can't be said in a text file."""
    del extras
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(
        [[shown(cell) for cell in row] for row in rows]
    )
    path.write_bytes(out.getvalue().encode(encoding))


def shown(cell: Cell) -> str:
    """A cell as it is saved."""
    if cell is None:
        return ""
    if isinstance(cell, Formula):
        return f"={cell.text}" if cell.value is None else shown(cell.value)
    if isinstance(cell, Error):
        return cell.text
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat()
    return str(cell).upper() if isinstance(cell, bool) else str(cell)
