"""Reads .xls (BIFF8 and older): cells by the fast reader; what it loses from the workbook's own records. Source: [MS-XLS]."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import MOST_MERGED, Book, Extent, Sheet
from acidwatch.workbook.compound import Compound
from acidwatch.workbook.fast import fast_grid, open_fast, read_each, sheet_names
from acidwatch.workbook.xlsx import EPOCH_NOTE, LINKS_NOTE

ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}

_FORMULA, _DATE_MODE, _PASSWORD, _ROW, _NUMBERS, _BLANKS = 0x06, 0x22, 0x2F, 0x208, 0xBD, 0xBE
_BOOL_OR_ERROR, _BOUND_SHEET, _BOOK_LINK, _BLANK, _END = 0x205, 0x85, 0x1AE, 0x201, 0x0A
_CELLS = frozenset(
    (_FORMULA, _BOOL_OR_ERROR, 0x203, 0x204, 0xFD, 0xD6, 0x27E)
)  # number, label, label in the table, rich label, RK
_OWN_BOOK = (0x0401, 0x3A01)


@dataclass(slots=True)
class _Records:
    extent: Extent = field(default_factory=Extent)
    lost: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)


def read(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the sheets of an .xls."""
    compound = Compound(path, data)
    compound.refuse_macros()
    stream = compound.stream("Workbook", "Book")
    starts, notes = _globals(path, stream)
    with open_fast(path, data) as workbook:
        book = Book(sheet_names(workbook), notes=notes)

        def one(name: str) -> Sheet:
            where = f"{path}: sheet {name!r}"
            found = _Records()
            try:
                _walk(stream, starts[name], found)
            except (struct.error, KeyError) as error:
                raise compound.damaged(f"sheet {name!r}: {error}") from error
            found.extent.refuse_sparse(where)
            grid, merged = fast_grid(workbook, name, where, found.lost)
            return Sheet(name, grid, found.hidden, merged[: MOST_MERGED + 1])

        return read_each(book, sheet, one)


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """(type, where its content begins, length) of each record up to the end of its part."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield kind, at + 4, length
        if kind == _END:
            return
        at += 4 + length


def _globals(path: Path, stream: bytes) -> tuple[dict[str, int], list[str]]:
    """Where each sheet's records begin, and what is to be said of the workbook."""
    starts: dict[str, int] = {}
    notes: list[str] = []
    for kind, at, length in _records(stream, 0):
        if kind == _PASSWORD:
            raise UnusableInputError(f"{path}: the workbook is protected by a password; save it without one")
        if kind == _DATE_MODE and length >= 2 and stream[at]:
            notes.append(EPOCH_NOTE)
        if kind == _BOOK_LINK and length >= 4 and struct.unpack_from("<H", stream, at + 2)[0] not in _OWN_BOOK:
            if LINKS_NOTE not in notes:
                notes.append(LINKS_NOTE)
        if kind == _BOUND_SHEET and length >= 8:
            (start,) = struct.unpack_from("<I", stream, at)
            wide = stream[at + 7] & 1
            text = stream[at + 8 : at + 8 + stream[at + 6] * (1 + wide)]
            starts[text.decode("utf-16-le" if wide else "latin-1", "replace")] = start
    return starts, notes


def _walk(stream: bytes, start: int, found: _Records) -> None:
    extent = found.extent
    for kind, at, length in _records(stream, start):
        if kind == _ROW and length >= 16:
            row, flags = struct.unpack_from("<H10xH", stream, at)
            if flags & 0x20:
                found.hidden.add(row + 1)
        elif kind in _CELLS and length >= 6:
            row, column = struct.unpack_from("<HH", stream, at)
            extent.rows, extent.columns = max(extent.rows, row + 1), max(extent.columns, column + 1)
            extent.cells += 1
            if kind == _BOOL_OR_ERROR and length >= 8 and stream[at + 7]:
                found.lost[row, column] = ERRORS.get(stream[at + 6], "#ERROR!")
            elif kind == _FORMULA and length >= 16:
                result, flags = stream[at + 6 : at + 14], stream[at + 14]
                if result[6:] == b"\xff\xff" and result[0] == 2:
                    found.lost[row, column] = ERRORS.get(result[2], "#ERROR!")
                elif flags & 3 == 3 and not any(result):
                    # To be calculated on loading, and still nothing in it: what libraries write that can't calculate.
                    found.lost[row, column] = "=formula"
        elif kind in (_NUMBERS, _BLANKS) and length >= 6:
            row, first = struct.unpack_from("<HH", stream, at)
            (last,) = struct.unpack_from("<H", stream, at + length - 2)
            if kind == _NUMBERS:
                extent.cells += last - first + 1
                extent.rows, extent.columns = max(extent.rows, row + 1), max(extent.columns, last + 1)
