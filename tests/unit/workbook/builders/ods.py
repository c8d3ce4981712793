"""Writes .ods: one sheet in content.xml, as LibreOffice writes it."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from tests.unit.workbook.builders import Cell, Error, Extras, Formula, Rows

_OASIS = "urn:oasis:names:tc:opendocument:xmlns"
_SPACES = (
    f'xmlns:office="{_OASIS}:office:1.0" xmlns:table="{_OASIS}:table:1.0" xmlns:text="{_OASIS}:text:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
)


def build(path: Path, rows: Rows, extras: Extras = Extras(), *, more: str = "", before: str = "") -> None:
    """Write it; `more` are further rows as XML, `before` stands in front of the document."""
    written = "".join(_row(number, row, extras) for number, row in enumerate(rows, start=1))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<office:document-content {_SPACES}><office:body><office:spreadsheet>'
        f'<table:table table:name="S">{written}{more}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)


def _row(number: int, row: object, extras: Extras) -> str:
    hidden = ' table:visibility="filter"' if number in extras.hidden else ""
    spans = {(top, left): (bottom - top + 1, right - left + 1) for top, left, bottom, right in extras.merged}
    comments = {(at, column): text for at, column, text in extras.comments}
    cells = "".join(
        _cell(cell, spans.get((number, column)), comments.get((number, column)))
        for column, cell in enumerate(row, start=1)  # type: ignore[arg-type, var-annotated]
    )
    return f"<table:table-row{hidden}>{cells}</table:table-row>"


def _cell(cell: Cell, span: tuple[int, int] | None, comment: str | None) -> str:
    attributes, shown = _value(cell)
    if span:
        attributes += f' table:number-rows-spanned="{span[0]}" table:number-columns-spanned="{span[1]}"'
    note = f"<office:annotation><text:p>{escape(comment)}</text:p></office:annotation>" if comment else ""
    paragraph = f"<text:p>{escape(shown)}</text:p>" if shown else ""
    return f"<table:table-cell{attributes}>{note}{paragraph}</table:table-cell>"


def _value(cell: Cell) -> tuple[str, str]:
    if cell is None:
        return "", ""
    if isinstance(cell, Formula):
        formula = f" table:formula={quoteattr('of:=' + cell.text)}"
        if cell.value is None:
            return formula, ""
        attributes, shown = _value(cell.value)
        return formula + attributes, shown
    if isinstance(cell, Error):
        return ' office:value-type="string" office:string-value="" calcext:value-type="error"', cell.text
    if isinstance(cell, bool):
        return f' office:value-type="boolean" office:boolean-value="{str(cell).lower()}"', str(cell).upper()
    if isinstance(cell, dt.datetime):
        return f' office:value-type="date" office:date-value="{cell.isoformat()}"', cell.strftime("%d/%m/%y")
    if isinstance(cell, str):
        return ' office:value-type="string" calcext:value-type="string"', cell
    return f' office:value-type="float" office:value="{cell!r}"', f"{cell:g}"
