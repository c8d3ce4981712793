"""Reads .ods with a parser of its own: the fast reader would lose error cells, and lay out what is said to be repeated a million times."""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path
from xml.parsers import expat

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import MOST_MERGED, MOST_NOTED, Book, Extent, Sheet, plain_grid
from acidwatch.workbook.cells import Cell
from acidwatch.workbook.comments import own_part
from acidwatch.workbook.package import follow_part, part_names

_MOST_CELLS = 40_000_000
_OUTSIDE = re.compile(r"['\[\"](file|https?|ftp|smb):|\bDDE\(", re.IGNORECASE)
_TIME = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")
_NUMBERS = ("float", "percentage", "currency")


def read(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the sheets of an .ods."""
    content = _Content(str(path), sheet)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            follow_part(archive, part_names(archive)["content.xml"], content)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, expat.ExpatError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableInputError(
            f"{path}: the workbook is damaged ({reason}); open and save it anew, or copy it again"
        ) from error
    return content.book


class _Content:
    """Follows content.xml. Of rows and cells that are said to be repeated, only those that hold something are laid out."""

    def __init__(self, path: str, sheet: str | None) -> None:
        self.path, self.wanted = path, sheet
        self.book = Book()
        self._sheet: Sheet | None = None
        self._rows: dict[int, list[Cell]] = {}
        self._extent = Extent()
        self._row = self._column = self._row_repeat = self._cell_repeat = 1
        self._cells: list[Cell] = []
        self._hidden = False
        self._cell: dict[str, str] | None = None
        self._paragraphs: list[str] = []
        self._comment: list[str] | None = None
        self._author = ""
        self._outside: str | None = None
        self._nested = 0
        self._depth: defaultdict[str, int] = defaultdict(int)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self._nested += 1
            if self._nested == 1:
                self._begin_sheet(attributes.get("table:name", ""))
        elif self._sheet is None or self._nested != 1:
            return
        elif tag == "table:table-row":
            self._row_repeat = _count(attributes, "table:number-rows-repeated")
            self._hidden = attributes.get("table:visibility") in ("collapse", "filter")
            self._cells, self._column = [], 0
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self._cell, self._paragraphs, self._comment = attributes, [], None
            self._cell_repeat = _count(attributes, "table:number-columns-repeated")
        elif tag == "office:annotation":
            self._comment, self._author = [], ""
        elif self._cell is not None:
            self._start_text(tag, attributes)

    def _start_text(self, tag: str, attributes: dict[str, str]) -> None:
        into = self._paragraphs if self._comment is None else self._comment
        if tag == "text:p":
            into.append("")
        elif into and tag in ("text:s", "text:tab", "text:line-break"):
            into[-1] += " " * min(_count(attributes, "text:c"), 100)
        self._depth[tag] += 1

    def text(self, data: str) -> None:
        if self._comment is not None and self._depth["dc:creator"]:
            self._author += data
        if self._cell is None or self._nested != 1 or not self._depth["text:p"]:
            return
        into = self._paragraphs if self._comment is None else self._comment
        if into:
            into[-1] += data

    def end(self, tag: str) -> None:
        if tag == "table:table":
            if self._nested == 1 and self._sheet is not None:
                self._end_sheet(self._sheet)
            self._nested -= 1
        elif self._sheet is None or self._nested != 1:
            return
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self._end_cell(self._sheet)
        elif tag == "table:table-row":
            self._end_row(self._sheet)
        elif tag == "office:annotation" and self._comment is not None:
            own = own_part(self._author, "\n".join(self._comment))
            if own and len(self._sheet.comments) < MOST_NOTED:
                self._sheet.comments[self._row, self._column] = own
            self._comment = None
        elif self._depth[tag]:
            self._depth[tag] -= 1

    def _begin_sheet(self, name: str) -> None:
        self.book.names.append(name)
        self._sheet = Sheet(name) if self.wanted in (None, name) else None
        self._rows, self._extent, self._outside, self._row = {}, Extent(), None, 0

    def _end_cell(self, sheet: Sheet) -> None:
        cell, repeat = self._cell or {}, self._cell_repeat
        value = self._value(cell)
        span = _count(cell, "table:number-rows-spanned"), _count(cell, "table:number-columns-spanned")
        if span != (1, 1) and len(sheet.merged) <= MOST_MERGED:
            sheet.merged.append((self._row, self._column, self._row + span[0] - 1, self._column + span[1] - 1))
        if value is not None:
            self._extent.cells += repeat * self._row_repeat
            if self._extent.cells > _MOST_CELLS or self._column + repeat > 16_384:
                raise UnusableInputError(
                    f"{self.path}: sheet {sheet.name!r} says that a cell is repeated more often than a sheet has cells; ask for it anew"
                )
            self._cells += [None] * (self._column - len(self._cells)) + [value] * repeat
            self._extent.columns = max(self._extent.columns, len(self._cells))
        self._column += repeat
        self._cell = None

    def _end_row(self, sheet: Sheet) -> None:
        if self._cells:
            for row in range(self._row, self._row + self._row_repeat):
                self._rows[row] = self._cells
            self._extent.rows = self._row + self._row_repeat
            self._extent.refuse_sparse(f"{self.path}: sheet {sheet.name!r}")
            if self._hidden:
                sheet.hidden.update(range(self._row + 1, self._row + self._row_repeat + 1))
        self._row += self._row_repeat

    def _value(self, cell: dict[str, str]) -> Cell:
        shown = "\n".join(self._paragraphs)
        kind = cell.get("office:value-type", cell.get("calcext:value-type", ""))
        formula = cell.get("table:formula")
        if formula is not None:
            if _OUTSIDE.search(formula):
                self._outside = self._outside or formula
            if cell.get("calcext:value-type") == "error" or shown.startswith(("#", "Err:")):
                return shown or "#ERROR!"
            if not kind:
                return "=" + formula.removeprefix("of:").lstrip("=")
        if kind in _NUMBERS:
            try:
                number = float(cell.get("office:value", ""))
            except ValueError:
                return shown or None
            if "<" in shown or ">" in shown:
                return shown  # a number format says that the value lies beyond a limit
            return number if math.isfinite(number) else str(number)
        if kind == "boolean":
            return cell.get("office:boolean-value", "").upper() or None
        if kind == "date":
            return cell.get("office:date-value", "").removesuffix("T00:00:00") or None
        if kind == "time" and (time := clock_time(cell.get("office:time-value", ""))):
            return time
        text = cell.get("office:string-value") or cell.get("office:time-value") or shown
        return text if text.strip() else None

    def _end_sheet(self, sheet: Sheet) -> None:
        where = f"{self.path}: sheet {sheet.name!r}"
        self._sheet = None
        if self._outside is not None:
            self.book.refused.append(
                f"{where} takes values from other files ({self._outside[:60]}), which are not looked at; "
                "replace the formulas by their values"
            )
            return
        width = self._extent.columns
        blank: list[Cell] = [None] * width
        rows = (self._rows.pop(row, None) for row in range(self._extent.rows))
        try:
            sheet.grid = plain_grid(
                (blank if row is None else row + [None] * (width - len(row)) for row in rows), where
            )
        except UnusableInputError as error:
            self.book.refused.append(str(error))
            return
        self.book.sheets.append(sheet)


def clock_time(duration: str) -> str | None:
    """`PT09H30M00S`, as an .ods has a time of day, as `09:30:00`, which the other formats give; None where it is something else."""
    found = _TIME.fullmatch(duration)
    return ":".join(part.zfill(2) for part in found.groups("0")) if found else None


def _count(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 9 else 1
