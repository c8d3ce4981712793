"""Writes .xls: BIFF8 records in one stream of a compound file. Sources: [MS-XLS], [MS-CFB]."""

from __future__ import annotations

import datetime as dt
import struct
from pathlib import Path

from tests.unit.workbook.builders import CODES, Cell, Error, Extras, Formula, Rows, serial

_SECTOR = 512
_FREE, _END, _TABLE, _LIST = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC


def build(
    path: Path, rows: Rows, extras: Extras = Extras(), *, globals_more: bytes = b"", streams: tuple[str, ...] = ()
) -> None:
    """Write it; `globals_more` are further records of the workbook, `streams` names of further (empty) streams."""
    name = b"\x01\x00S"
    before = (
        _bof(0x05)
        + record(0x42, struct.pack("<H", 1200))
        + record(0x22, struct.pack("<H", extras.epoch_1904))
        + _format(0)
        + _format(22)
        + globals_more
    )
    start = len(before) + 4 + 6 + len(name) + 4
    stream = before + record(0x85, struct.pack("<IBB", start, 0, 0) + name) + record(0x0A, b"") + _sheet(rows, extras)
    path.write_bytes(compound({"Workbook": stream, **dict.fromkeys(streams, b"")}))


def record(kind: int, content: bytes) -> bytes:
    """One record."""
    return struct.pack("<HH", kind, len(content)) + content


def _bof(kind: int) -> bytes:
    return record(0x809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0x41, 0x06))


def _format(number: int) -> bytes:
    return record(0xE0, struct.pack("<HH", 0, number) + bytes(16))


def _sheet(rows: Rows, extras: Extras) -> bytes:
    width = max(map(len, rows), default=0)
    out = [_bof(0x10), record(0x200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))]
    for number in range(len(rows)):
        hidden = 0x20 if number + 1 in extras.hidden else 0
        out.append(record(0x208, struct.pack("<HHHHHHHH", number, 0, width, 255, 0, 0, 0x100 | hidden, 0)))
    out += [_cell(row, column, cell, extras) for row, cells in enumerate(rows) for column, cell in enumerate(cells)]
    if extras.merged:
        refs = b"".join(
            struct.pack("<4H", top - 1, bottom - 1, left - 1, right - 1) for top, left, bottom, right in extras.merged
        )
        out.append(record(0xE5, struct.pack("<H", len(extras.merged)) + refs))
    return b"".join([*out, record(0x0A, b"")])


def _cell(row: int, column: int, cell: Cell, extras: Extras) -> bytes:
    place = struct.pack("<HHH", row, column, int(isinstance(cell, dt.datetime)))
    if cell is None:
        return b""
    if isinstance(cell, Formula):
        return _formula(place, cell)
    if isinstance(cell, Error):
        return record(0x205, place + bytes([CODES[cell.text], 1]))
    if isinstance(cell, bool):
        return record(0x205, place + bytes([cell, 0]))
    if isinstance(cell, str):
        return record(0x204, place + struct.pack("<HB", len(cell), 1) + cell.encode("utf-16-le"))
    number = serial(cell, epoch_1904=extras.epoch_1904) if isinstance(cell, dt.datetime) else cell
    return record(0x203, place + struct.pack("<d", number))


def _formula(place: bytes, cell: Formula) -> bytes:
    tokens = b"\x1e\x01\x00"
    flags, text = 0, b""
    if cell.value is None:
        result, flags = bytes(8), 3
    elif isinstance(cell.value, Error):
        result = bytes([2, 0, CODES[cell.value.text], 0, 0, 0, 0xFF, 0xFF])
    elif isinstance(cell.value, str):
        result = bytes([0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
        text = record(0x207, struct.pack("<HB", len(cell.value), 1) + cell.value.encode("utf-16-le"))
    else:
        result = struct.pack("<d", cell.value)
    return record(0x06, place + result + struct.pack("<HIH", flags, 0, len(tokens)) + tokens) + text


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file of at most 7 streams, none of them in the small sectors."""
    bodies, entries, sector = b"", [_entry("Root Entry", 5, 0xFFFFFFFE, 0, 1)], 3
    chains: list[int] = []
    for number, (name, data) in enumerate(streams.items(), start=1):
        padded = data.ljust(4096, b"\0") if data else b""
        padded += bytes(-len(padded) % _SECTOR)
        count = len(padded) // _SECTOR
        entries.append(
            _entry(
                name,
                2,
                sector if count else 0xFFFFFFFE,
                len(padded),
                0xFFFFFFFF,
                number + 1 if number < len(streams) else None,
            )
        )
        chains += [*range(sector + 1, sector + count), 0xFFFFFFFE] if count else []
        bodies, sector = bodies + padded, sector + count
    directory = b"".join(entries).ljust(2 * _SECTOR, b"\0")
    # The first 109 sectors of the table are named in the header, others in sectors of their own, 127 in each.
    tables = lists = 0
    while tables * 128 < sector + tables - 1 + lists or lists * 127 < tables - 109:
        tables, lists = tables + 1, max(-(-(tables + 1 - 109) // 127), 0)
    table = [1, _END, _TABLE, *chains]  # sectors 0 and 1: the directory; 2: the first of the table
    table += [_TABLE] * (tables - 1) + [_LIST] * lists
    table += [_FREE] * (tables * 128 - len(table))
    numbers = [2, *range(sector, sector + tables - 1)]
    first_list = sector + tables - 1
    packed = struct.pack(f"<{len(table)}I", *table)
    listed = b""
    for number in range(lists):
        some = numbers[109 + number * 127 : 109 + (number + 1) * 127]
        following = first_list + number + 1 if number + 1 < lists else _END
        listed += struct.pack("<128I", *some, *[_FREE] * (127 - len(some)), following)
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
        + struct.pack("<9I", 0, tables, 0, 0, 4096, _END, 0, first_list if lists else _END, lists)
        + struct.pack("<109I", *numbers[:109], *[_FREE] * (109 - len(numbers[:109])))
    )  # fmt: skip
    return header + directory + packed[:_SECTOR] + bodies + packed[_SECTOR:] + listed


def _entry(name: str, kind: int, start: int, size: int, child: int, right: int | None = None) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    return (
        text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF if right is None else right, child)
        + bytes(36) + struct.pack("<IQ", start, size)
    )  # fmt: skip
