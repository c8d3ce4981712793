"""Reads .xlsb: cells by the fast reader, once a walk over each sheet's records says that it can; what it loses from there.

Source: [MS-XLSB].
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import MOST_MERGED, Book, Extent, Sheet, refuse_beyond
from acidwatch.workbook.fast import fast_grid, open_fast, read_each, sheet_names
from acidwatch.workbook.package import Package, open_package, part_names
from acidwatch.workbook.xls import ERRORS
from acidwatch.workbook.xlsx import EPOCH_NOTE, LINKS_NOTE

_ROW, _BLANK, _ERROR, _LAST_CELL, _FORMULA_ERROR = 0, 1, 3, 11, 11
_BUNDLE_SHEET, _WORKBOOK, _MERGED = 156, 153, 176


@dataclass(slots=True)
class _Records:
    extent: Extent = field(default_factory=Extent)
    lost: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def read(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the sheets of an .xlsb."""
    package = open_package(path, data)
    try:
        parts, notes = _workbook(package)
    except (struct.error, IndexError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(str(path), error) from error
    with open_fast(path, data) as workbook:
        book = Book(sheet_names(workbook), notes=notes)

        def one(name: str) -> Sheet:
            where = f"{path}: sheet {name!r}"
            try:
                found = _walk(_part(package, parts[name]), where)
            except (struct.error, IndexError, KeyError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise _damaged(where, error) from error
            found.extent.refuse_sparse(where)
            grid, _ = fast_grid(workbook, name, where, found.lost)
            return Sheet(name, grid, found.hidden, found.merged)

        return read_each(book, sheet, one)


def _damaged(where: str, error: Exception) -> UnusableInputError:
    return UnusableInputError(f"{where} is damaged ({error}); open and save it anew, or copy it again")


def _part(package: Package, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
        return archive.read(part_names(archive)[name.casefold()])


def _records(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(type, where its content begins, length) of each record."""
    at = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = kind & 0x7F | (data[at] & 0x7F) << 7
            at += 1
        length = 0
        for shift in (0, 7, 14, 21):
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
        if at + length > len(data):
            raise IndexError("a record is cut off")
        yield kind, at, length
        at += length


def _text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * length
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


def _workbook(package: Package) -> tuple[dict[str, str], list[str]]:
    """The part of each sheet, and what is to be said of the workbook."""
    data = _part(package, package.workbook)
    parts: dict[str, str] = {}
    notes = [LINKS_NOTE] if package.linked else []
    for kind, at, length in _records(data):
        if kind == _WORKBOOK and length and data[at] & 1:
            notes.insert(0, EPOCH_NOTE)
        elif kind == _BUNDLE_SHEET:
            identity, end = _text(data, at + 8)
            name, _ = _text(data, end)
            if package.related.get(identity, ("", ""))[0] == "worksheet":
                parts[name] = package.related[identity][1]
    return parts, notes


def _walk(data: bytes, where: str) -> _Records:
    found, row = _Records(), 0
    extent = found.extent
    for kind, at, length in _records(data):
        if kind == _ROW and length >= 13:
            (row,) = struct.unpack_from("<I", data, at)
            refuse_beyond(row + 1, 1, where)
            if data[at + 11] & 0x10:
                found.hidden.add(row + 1)
        elif _BLANK <= kind <= _LAST_CELL and length >= 8:
            (column,) = struct.unpack_from("<I", data, at)
            refuse_beyond(row + 1, column + 1, where)
            if kind != _BLANK:
                extent.rows, extent.columns = max(extent.rows, row + 1), max(extent.columns, column + 1)
                extent.cells += 1
            if kind in (_ERROR, _FORMULA_ERROR):
                found.lost[row, column] = ERRORS.get(data[at + 8], "#ERROR!")
        elif kind == _MERGED and length >= 16 and len(found.merged) <= MOST_MERGED:
            first_row, last_row, first, last = struct.unpack_from("<4I", data, at)
            found.merged.append((first_row, first, last_row, last))
    return found
