"""Reads .xlsx: guarded by a look at each sheet's XML, its cells by the fast reader, its comments from their own part."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from acidwatch.contract.headers import column_letters, column_number
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import MOST_MERGED, MOST_NOTED, Book, Sheet
from acidwatch.workbook.comments import own_part
from acidwatch.workbook.fast import fast_grid, open_fast, read_each, sheet_names
from acidwatch.workbook.guard import Seen, look_at
from acidwatch.workbook.package import Package, open_package, parse_part, part_names, relationships_of
from acidwatch.workbook.runs import texts_told_apart
from acidwatch.workbook.signs import signed_formats

_CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
EPOCH_NOTE = "its days count from 1904, as old spreadsheet programs of the Macintosh did; dates are read accordingly"
LINKS_NOTE = "it refers to other workbooks, which are not looked at: the values saved in this file are taken"


def read(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the sheets of an .xlsx."""
    package = open_package(path, data)
    with open_fast(path, data) as workbook:
        book = Book(sheet_names(workbook))
        _describe(package, book)
        seen = _seen(package)

        def one(name: str) -> Sheet:
            where = f"{path}: sheet {name!r}"
            look = look_at(package, name, seen)
            for row, column in look.outside:
                raise UnusableInputError(
                    f"{where} takes values from other workbooks (first in {column_letters(column + 1)}{row + 1}), which are not looked at; "
                    "replace the formulas by their values"
                )
            grid, merged = fast_grid(workbook, name, where, look.lost)
            return Sheet(name, grid, look.hidden, merged[: MOST_MERGED + 1], _comments(package, name), look.seen)

        return read_each(book, sheet, one)


def _describe(package: Package, book: Book) -> None:
    with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
        for element in parse_part(archive, part_names(archive), package.workbook).iter():
            if element.tag.endswith("workbookPr") and element.attrib.get("date1904") in ("1", "true"):
                book.notes.append(EPOCH_NOTE)
    if package.linked:
        book.notes.append(LINKS_NOTE)


def _seen(package: Package) -> Seen:
    """What the workbook's styles and its table of texts say of how cells are seen.

    Raises:
        UnusableInputError: One of them is damaged.
    """
    targets = dict(package.related.values())
    try:
        with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
            parts = part_names(archive)
            styles, texts = (targets.get(kind, "").casefold() for kind in ("styles", "sharedStrings"))
            return Seen(
                signed_formats(archive, parts[styles]) if styles in parts else {},
                texts_told_apart(archive, parts[texts]) if texts in parts else {},
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableInputError(
            f"{package.path}: the workbook is damaged ({reason}); open and save it anew, or copy it again"
        ) from error


def _comments(package: Package, sheet: str) -> dict[tuple[int, int], str]:
    """The laboratory's comments of a sheet's cells; none where their part is damaged, since no value depends on them."""
    found: dict[tuple[int, int], str] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
            for kind, target in relationships_of(archive, package.sheets[sheet]).values():
                if kind == "comments":
                    part = parse_part(archive, part_names(archive), target)
                    authors = [element.text or "" for element in part.iter() if element.tag.endswith("}author")]
                    for element in part.iter():
                        cell = (
                            _CELL.fullmatch(element.attrib.get("ref", "")) if element.tag.endswith("}comment") else None
                        )
                        if cell and len(found) < MOST_NOTED:
                            text = "".join(run.text or "" for run in element.iter() if run.tag.endswith("}t"))
                            own = own_part(_author(authors, element.attrib.get("authorId", "")), text)
                            if own:
                                found[int(cell[2]) - 1, column_number(cell[1]) - 1] = own
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError):
        return {}
    return found


def _author(authors: Sequence[str], number: str) -> str:
    known = number.isascii() and number.isdecimal() and len(number) < 6 and int(number) < len(authors)
    return authors[int(number)] if known else ""
