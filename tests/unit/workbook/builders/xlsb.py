"""Writes .xlsb: binary records in a zip. Source: [MS-XLSB]."""

from __future__ import annotations

import datetime as dt
import struct
import zipfile
from pathlib import Path

from tests.unit.workbook.builders import CODES, Cell, Error, Extras, Formula, Rows, serial
from tests.unit.workbook.builders.xlsx import relations


def build(path: Path, rows: Rows, extras: Extras = Extras(), *, sheet_more: bytes = b"") -> None:
    """Write it; `sheet_more` are further records among the sheet's rows."""
    bundle = struct.pack("<II", 0, 1) + text("r1") + text("S")
    book = (
        record(131) + record(153, struct.pack("<III", int(extras.epoch_1904), 0, 0)) + record(143) + record(156, bundle)
        + record(144) + record(132)
    )  # fmt: skip
    formats = b"".join(record(47, struct.pack("<HH", 0, number) + bytes(12)) for number in (0, 22))
    styles = record(278) + record(617, struct.pack("<I", 2)) + formats + record(618) + record(279)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", relations((("r1", "officeDocument", "xl/workbook.bin"),)))
        archive.writestr("xl/workbook.bin", book)
        targets = (("r1", "worksheet", "worksheets/sheet1.bin"), ("r2", "styles", "styles.bin"))
        archive.writestr("xl/_rels/workbook.bin.rels", relations(targets))
        archive.writestr("xl/styles.bin", styles)
        archive.writestr("xl/worksheets/sheet1.bin", _sheet(rows, extras, sheet_more))


def record(kind: int, content: bytes = b"") -> bytes:
    """One record: its type and length in 7 bits a byte."""
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = b"", len(content)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return number + length + bytes([size]) + content


def text(value: str) -> bytes:
    """A string with its length."""
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def row_record(number: int, *, hidden: bool = False) -> bytes:
    """The head of a row, from 0."""
    return record(0, struct.pack("<IIHBB", number, 0, 300, 0, 0x10 if hidden else 0) + bytes(5))


def _sheet(rows: Rows, extras: Extras, more: bytes) -> bytes:
    width = max(map(len, rows), default=1)
    out = [record(129), record(148, struct.pack("<4I", 0, max(len(rows) - 1, 0), 0, width - 1)), record(145)]
    for number, cells in enumerate(rows):
        out.append(row_record(number, hidden=number + 1 in extras.hidden))
        out += [_cell(column, cell, extras) for column, cell in enumerate(cells) if cell is not None]
    out += [more, record(146)]
    if extras.merged:
        out.append(record(177, struct.pack("<I", len(extras.merged))))
        out += [record(176, struct.pack("<4I", t - 1, b - 1, left - 1, r - 1)) for t, left, b, r in extras.merged]
        out.append(record(178))
    return b"".join([*out, record(130)])


def _cell(column: int, cell: Cell, extras: Extras) -> bytes:
    place = struct.pack("<II", column, int(isinstance(cell, dt.datetime)))
    formula = isinstance(cell, Formula)
    tail = struct.pack("<HI", 0, 3) + b"\x1e\x01\x00" + struct.pack("<I", 0) if formula else b""
    value = cell.value if isinstance(cell, Formula) else cell
    if isinstance(value, Error):
        return record(11 if formula else 3, place + bytes([CODES[value.text]]) + tail)
    if isinstance(value, bool):
        return record(10 if formula else 4, place + bytes([value]) + tail)
    if isinstance(value, str):
        return record(8 if formula else 6, place + text(value) + tail)
    number = serial(value, epoch_1904=extras.epoch_1904) if isinstance(value, dt.datetime) else float(value or 0)
    return record(9 if formula else 5, place + struct.pack("<d", number) + tail)
