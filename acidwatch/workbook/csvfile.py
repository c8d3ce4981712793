"""Reads .csv: commas, semicolons or tabs; UTF-8 with or without mark, UTF-16, Latin-1. All its cells are texts."""

from __future__ import annotations

import codecs
import csv
import io
import re
from itertools import chain
from pathlib import Path

from acidwatch.contract.columns import TABLES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import LONGEST_CELL, Book, Extent, Sheet, plain_grid
from acidwatch.workbook.locate import compared

NAME = "csv"
"""Its one sheet, where findings say a sheet's name."""

_SEPARATORS = ",;\t"
_NAMES = {compared(column.name) for table in TABLES.values() for column in table}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_LOOK_ROWS = 60


def read(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read a text file as a book of one sheet."""
    text, encoding = _decode(path, data)
    separator = _separator(text)
    csv.field_size_limit(LONGEST_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UnusableInputError(
            f"{path}: can't be read as CSV ({error}); is a quotation mark missing, or a whole file pasted into a cell?"
        ) from error
    while rows and not any(rows[-1]):
        rows.pop()
    width = max(map(len, rows), default=0)
    where = f"{path}: sheet {NAME!r}"
    Extent(len(rows), width, sum(map(bool, chain.from_iterable(rows)))).refuse_sparse(where)
    grid = plain_grid((row + [""] * (width - len(row)) for row in rows), where)
    book = Book([NAME], [], [], False)
    if encoding == "latin-1":
        book.notes.append(
            "it is not UTF-8 and is read as Latin-1: look at letters such as µ and é in the names of columns and sites"
        )
    if sheet in (None, NAME):
        cut_off = bool(text) and text[-1] not in "\r\n"
        widths = list(map(len, rows))
        book.sheets.append(Sheet(NAME, grid, widths=widths, separator=separator, cut_off=cut_off))
    return book


def _decode(path: Path, data: bytes) -> tuple[str, str]:
    """The text without its mark, and the encoding that it was read in."""
    encoding, mark = next(((name, mark) for mark, name in _MARKS if data.startswith(mark)), ("", b""))
    if not encoding:
        zeros = data[:2000].count(0)
        # Text in UTF-16 without a mark: every second byte of plain letters is 0.
        encoding = ("utf-16-be" if data[0] == 0 else "utf-16-le") if zeros > len(data[:2000]) // 3 else "utf-8"
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or mark:
            raise UnusableInputError(
                f"{path}: is cut off or no text ({error.reason} at byte {error.start}); copy it again"
            ) from error
        text, encoding = data.decode("latin-1"), "latin-1"
    strange = _NO_TEXT.search(text)
    if strange is not None:
        raise UnusableInputError(
            f"{path}: is no text file, though its name says so (it holds the byte {ord(strange[0]):#04x}); save it as .csv again"
        )
    return text.rstrip("\x1a"), encoding


def _separator(text: str) -> str:
    """The one that splits one of the first lines into the most names of columns, or else into the most cells."""
    lines = text.splitlines()[:_LOOK_ROWS]

    def found(separator: str) -> tuple[int, int]:
        cells = [line.split(separator) for line in lines]
        named = (sum(compared(cell.strip(' "')) in _NAMES for cell in line) for line in cells)
        return max(named, default=0), max(map(len, cells), default=0)

    return max(_SEPARATORS, key=found)
