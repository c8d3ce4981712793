"""From a file's bytes to its sheets, whatever format it has; the format is told by its content, and its name must agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from acidwatch.errors import UnusableInputError
from acidwatch.workbook import compound, csvfile, ods, xls, xlsb, xlsx
from acidwatch.workbook.book import SUFFIXES, Book
from acidwatch.workbook.package import open_package

Reader = Callable[[Path, bytes, str | None], Book]
_READERS: dict[str, Reader] = {
    "xlsx": xlsx.read,
    "xls": xls.read,
    "xlsb": xlsb.read,
    "ods": ods.read,
    "csv": csvfile.read,
}
# What labs' instruments and web pages write under the name of a workbook, and other files that are sent by mistake.
_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"PAR1", "a Parquet file"),
)


def read_book(path: Path, data: bytes, sheet: str | None) -> Book:
    """Read the sheets of a file.

    Args:
        path: For messages, and for its ending.
        sheet: The only one that is wanted; None = all of them.

    Raises:
        UnusableInputError: It is no file of samples, or of another kind than its name says, or damaged, or protected.
    """
    kind = _kind(path, data)
    suffix = path.suffix.lower()
    if suffix != f".{kind}":
        raise UnusableInputError(_other_name(path, kind, suffix))
    return _READERS[kind](path, data, sheet)


def _kind(path: Path, data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        return open_package(path, data).kind
    if data.startswith(compound.SIGNATURE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise UnusableInputError(f"{path}: the workbook is protected by a password; save it without one")
        compound.Compound(path, data).refuse_macros()
        return "xls"
    found = next((name for start, name in _OTHERS if data.startswith(start)), None)
    if found is None and path.suffix.lower() == ".csv":
        return "csv"
    if found is None:
        start = data[:1000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        markup = start.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<meta"))
        found = "a web page or XML document" if markup else f"of no kind that is known (it starts with {data[:8]!r})"
    raise UnusableInputError(
        f"{path}: not a workbook; it is {found}: open it in a spreadsheet program and save it as .xlsx (a text file: name it .csv)"
    )


def _other_name(path: Path, kind: str, suffix: str) -> str:
    if suffix not in SUFFIXES:
        return (
            f"{path}: files named {suffix or 'without an ending'} are not taken; it is a workbook .{kind}: name it so"
        )
    return f"{path}: is a workbook .{kind} under the name {suffix}; name it .{kind}, and check that it is the file that is meant"
