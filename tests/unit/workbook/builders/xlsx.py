"""Writes .xlsx: one sheet, inline strings."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from acidwatch.contract.headers import column_letters
from tests.unit.workbook.builders import Cell, Error, Extras, Formula, Rows, serial

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"


def build(path: Path, rows: Rows, extras: Extras = Extras(), more: Mapping[str, bytes] | None = None) -> None:
    """Write it; `more` are further parts of the zip, or others in place of its own."""
    sheet = "".join(_row(number, row, extras) for number, row in enumerate(rows, start=1))
    merged = "".join(
        f'<mergeCell ref="{column_letters(left)}{top}:{column_letters(right)}{bottom}"/>'
        for top, left, bottom, right in extras.merged
    )
    parts = {
        "_rels/.rels": relations((("r1", "officeDocument", "xl/workbook.xml"),)),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">'
        + ('<workbookPr date1904="1"/>' if extras.epoch_1904 else "")
        + '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(
            (("r1", "worksheet", "worksheets/sheet1.xml"), ("r2", "styles", "styles.xml"))
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData>'
        + (f"<mergeCells>{merged}</mergeCells>" if merged else "")
        + "</worksheet>",
    }
    if extras.comments:
        parts["xl/worksheets/_rels/sheet1.xml.rels"] = relations((("r1", "comments", "../comments1.xml"),))
        listed = "".join(
            f'<comment ref="{column_letters(column)}{row}" authorId="0"><text><r><t>{escape(text)}</t></r></text></comment>'
            for row, column, text in extras.comments
        )
        parts["xl/comments1.xml"] = f'<comments xmlns="{MAIN}"><commentList>{listed}</commentList></comments>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**parts, **(more or {})}.items():
            archive.writestr(name, content)


def relations(targets: tuple[tuple[str, str, str], ...]) -> str:
    """A part of relationships: (id, kind, target)."""
    listed = "".join(
        f'<Relationship Id="{i}" Type="{OFFICE}/{kind}" Target="{target}"/>' for i, kind, target in targets
    )
    return f'<Relationships xmlns="{RELATIONS}">{listed}</Relationships>'


def _row(number: int, row: object, extras: Extras) -> str:
    hidden = ' hidden="1"' if number in extras.hidden else ""
    cells = "".join(
        _cell(f"{column_letters(position)}{number}", cell, extras)
        for position, cell in enumerate(row, start=1)  # type: ignore[arg-type, var-annotated]
        if cell is not None
    )
    return f'<row r="{number}"{hidden}>{cells}</row>'


def _cell(place: str, cell: Cell, extras: Extras, formula: str = "") -> str:
    if isinstance(cell, Formula):
        written = f"<f>{escape(cell.text)}</f>"
        return f'<c r="{place}">{written}</c>' if cell.value is None else _cell(place, cell.value, extras, written)
    if isinstance(cell, Error):
        return f'<c r="{place}" t="e">{formula}<v>{cell.text}</v></c>'
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b">{formula}<v>{int(cell)}</v></c>'
    if isinstance(cell, dt.datetime):
        return f'<c r="{place}" s="1">{formula}<v>{serial(cell, epoch_1904=extras.epoch_1904)!r}</v></c>'
    if isinstance(cell, str) and formula:
        return f'<c r="{place}" t="str">{formula}<v>{escape(cell)}</v></c>'
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    return f'<c r="{place}">{formula}<v>{cell!r}</v></c>'
