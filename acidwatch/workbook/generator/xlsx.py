"""Writes .xlsx row by row with the same bytes for the same rows.

A library would put the current time into the file and hold shared strings in memory; this writes what is needed of the
format, streaming, and dates every part 1980-01-01.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape, quoteattr

from acidwatch.contract.headers import column_letters

_EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no time zone
_FLUSH_ROWS = 500
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A cell in error, such as `#DIV/0!`."""

    text: str


@dataclass(frozen=True, slots=True)
class FormulaCell:
    """A formula that was never calculated; `text` without the equals sign."""

    text: str


Written = str | float | dt.datetime | ErrorCell | FormulaCell | None


class WorkbookWriter:
    """One workbook, its sheets written one after the other; a context manager.

    Args:
        path: The file to write.
    """

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED)
        self._sheets: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._finish()
        self._archive.close()

    def write_sheet(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Written]]) -> None:
        """Write one sheet: the header into row 1, then the rows as they come; None leaves a cell out."""
        self._sheets.append(name)
        letters = [column_letters(index + 1) for index in range(len(header))]
        with self._archive.open(_part(f"xl/worksheets/sheet{len(self._sheets)}.xml"), "w") as stream:
            stream.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{_row(1, letters, header)}'.encode())
            texts: list[str] = []
            for number, row in enumerate(rows, start=2):
                texts.append(_row(number, letters, row))
                if len(texts) == _FLUSH_ROWS:
                    stream.write("".join(texts).encode())
                    texts.clear()
            stream.write("".join(texts).encode() + b"</sheetData></worksheet>")

    def _finish(self) -> None:
        numbers = range(1, len(self._sheets) + 1)
        overrides = "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{_TYPE}.worksheet+xml"/>' for n in numbers
        )
        self._write(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types">'
            f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{overrides}</Types>',
        )
        self._write("_rels/.rels", _relationships([("officeDocument", "xl/workbook.xml")]))
        sheets = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>'
            for n, name in zip(numbers, self._sheets, strict=True)
        )
        self._write(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
        )
        targets = [("worksheet", f"worksheets/sheet{n}.xml") for n in numbers]
        self._write("xl/_rels/workbook.xml.rels", _relationships([*targets, ("styles", "styles.xml")]))
        self._write("xl/styles.xml", _STYLES)

    def _write(self, name: str, text: str) -> None:
        self._archive.writestr(_part(name), _HEAD + text)


def _part(name: str) -> zipfile.ZipInfo:
    part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    part.compress_type = zipfile.ZIP_DEFLATED
    part.create_system = 3  # by default the system it is written on
    part.external_attr = 0o644 << 16
    return part


def _row(number: int, letters: Sequence[str], row: Sequence[Written]) -> str:
    cells = []
    for letter, cell in zip(letters, row, strict=True):
        if cell is None:
            continue
        at = f'<c r="{letter}{number}"'
        if type(cell) is float:
            cells.append(f"{at}><v>{int(cell) if cell.is_integer() else repr(cell)}</v></c>")
        elif isinstance(cell, str):
            cells.append(at + _inline(cell))
        elif isinstance(cell, dt.datetime):
            serial = (cell - _EPOCH).total_seconds() / 86400
            cells.append(
                f'{at} s="1"><v>{int(serial)}</v></c>' if serial.is_integer() else f'{at} s="2"><v>{serial!r}</v></c>'
            )
        elif isinstance(cell, ErrorCell):
            cells.append(f'{at} t="e"><v>{escape(cell.text)}</v></c>')
        elif isinstance(cell, FormulaCell):
            cells.append(f"{at}><f>{escape(cell.text)}</f></c>")
        else:
            raise TypeError(f"no way to write a {type(cell).__name__} into a cell")
    return f'<row r="{number}">{"".join(cells)}</row>'


@lru_cache(maxsize=4096)
def _inline(text: str) -> str:
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f' t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


def _relationships(entries: Sequence[tuple[str, str]]) -> str:
    body = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (kind, target) in enumerate(entries, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{body}</Relationships>'


_STYLES = (
    f'<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm"/></numFmts>'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="165" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
