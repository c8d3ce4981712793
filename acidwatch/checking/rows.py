"""Rows of a sheet taken out of a workbook's zip and put back: a library that edits workbooks then handles the few that change.

Reading and writing a million cells that stay what they are would take ten times as long and as much memory.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from xml.parsers import expat

from acidwatch.contract.headers import column_number

_OPEN, _CLOSE, _END = b"<sheetData>", b"</sheetData>", b"</row>"
_ROW = re.compile(rb'<row\b[^>]*?\sr="(\d+)"')
_ROW_TAG = re.compile(rb"<row\b[^>]*>")
_PREFIXED = re.compile(rb'\s[\w.-]+:[\w.-]+="[^"]*"')
_CELL = re.compile(rb'<c\b[^>]*?\sr="([A-Z]+)\d+"[^>]*?(/?)>')
_STYLE = re.compile(rb'\ss="\d+"')
_METADATA = re.compile(rb'\s[cv]m="\d+"')
_OUTSIDE = re.compile(rb"<f\b[^>]*>[^<]*\[\d+\][^<]*</f>")
_STRINGS, _STRINGS_PART = "sharedstrings.xml", "xl/sharedStrings.xml"
_TYPES, _RELATIONS = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_STRINGS_TYPE = (
    f'<Override PartName="/{_STRINGS_PART}"'
    ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
_STRINGS_RELATION = f'<Relationship Id="acidwatchTexts" Type="{_OFFICE}/sharedStrings" Target="/{_STRINGS_PART}"/>'

Styles = Mapping[tuple[int, str], int]
"""(row, letters of the column) to the number of the cell's style."""


@dataclass(frozen=True, slots=True)
class Split:
    """A sheet's XML.

    Attributes:
        head, tail: Before and after the rows.
        rows: Row by row, each with what stands between it and the one before.
        numbers: Number of each row.
    """

    head: bytes
    rows: list[bytes]
    numbers: list[int]
    tail: bytes

    def only(self, wanted: Collection[int]) -> bytes:
        """The sheet with these rows alone."""
        kept = [row for row, number in zip(self.rows, self.numbers, strict=True) if number in wanted]
        return b"".join([self.head, *kept, self.tail])


def split_rows(xml: bytes) -> Split | None:
    """Split a sheet; None where it is not written as programs usually do."""
    head, opened, rest = xml.partition(_OPEN)
    body, closed, tail = rest.rpartition(_CLOSE)
    if not opened or not closed or b"mc:AlternateContent" in body:
        return None
    rows = [piece + _END for piece in body.split(_END)]
    last = rows.pop()
    if last.strip() != _END:
        return None  # something follows the last row
    numbers = []
    for row in rows:
        match = _ROW.match(row, row.rfind(b"<row"))
        if match is None:
            return None
        numbers.append(int(match[1]))
    return Split(head + _OPEN, rows, numbers, _CLOSE + tail)


def lean_copy(data: bytes, part: str, split: Split, wanted: Collection[int]) -> bytes:
    """The workbook with these rows of one sheet alone."""
    return _rewritten(data, {part: split.only(wanted)})


def put_back(lean: bytes, part: str, split: Split, styles: Styles, data: bytes) -> bytes | None:
    """The edited lean workbook with all rows of the original, those cells in their new styles.

    Args:
        lean: As the library saved it.
        part: The sheet in it.
        split: The sheet of the original.
        data: The original, for the texts that its cells point to.

    Returns:
        The workbook; None where the parts do not fit together.
    """
    with zipfile.ZipFile(io.BytesIO(lean)) as archive:
        edited = split_rows(archive.read(part)) or _without_rows(archive.read(part))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        texts = [archive.read(name) for name in archive.namelist() if name.casefold().endswith(_STRINGS)]
    if edited is None or len(texts) > 1:
        return None
    places: dict[int, dict[str, int]] = {}
    for (row, letters), style in styles.items():
        places.setdefault(row, {})[letters] = style
    rows = [
        _plain(_restyled(row, number, places[number]) if number in places else row)
        for row, number in zip(split.rows, split.numbers, strict=True)
    ]
    xml = b"".join([edited.head, *rows, edited.tail])
    try:
        expat.ParserCreate(namespace_separator=" ").Parse(xml, True)
    except expat.ExpatError:
        return None
    return _rewritten(lean, {part: xml, **(_shared_texts(lean, texts[0]) if texts else {})})


def _shared_texts(lean: bytes, texts: bytes) -> dict[str, bytes]:
    """The parts that give a workbook the original's table of texts; the library writes texts into their cells and has none."""
    with zipfile.ZipFile(io.BytesIO(lean)) as archive:
        types, relations = archive.read(_TYPES), archive.read(_RELATIONS)
    if _STRINGS_PART.encode() not in types:
        types = types.replace(b"</Types>", _STRINGS_TYPE.encode() + b"</Types>")
        relations = relations.replace(b"</Relationships>", _STRINGS_RELATION.encode() + b"</Relationships>")
    return {_STRINGS_PART: texts, _TYPES: types, _RELATIONS: relations}


def _without_rows(xml: bytes) -> Split | None:
    head, opened, tail = xml.partition(b"<sheetData/>")
    if not opened:
        head, opened, tail = xml.partition(b"<sheetData />")
    return Split(head + _OPEN, [], [], _CLOSE + tail) if opened else None


def _plain(row: bytes) -> bytes:
    """A row without what refers to parts that are not copied: names of other vocabularies, metadata, formulas into other files."""
    if b":" in row:
        row = _ROW_TAG.sub(lambda tag: _PREFIXED.sub(b"", tag[0]), row)
    if b"m=" in row:
        row = _CELL.sub(lambda cell: _METADATA.sub(b"", cell[0]), row)
    return _OUTSIDE.sub(b"", row) if b"<f" in row and b"[" in row else row


def _restyled(row: bytes, number: int, styles: Mapping[str, int]) -> bytes:
    """The row with new styles of some cells; a cell that is not there is put in at its place."""
    left = dict(styles)

    def restyle(cell: re.Match[bytes]) -> bytes:
        style = left.pop(cell[1].decode(), None)
        if style is None:
            return cell[0]
        return _STYLE.sub(b"", cell[0]).replace(b"<c ", b'<c s="%d" ' % style, 1)

    row = _CELL.sub(restyle, row)
    for letters, style in left.items():
        cell = b'<c r="%s%d" s="%d"/>' % (letters.encode(), number, style)
        after = (
            found.start() for found in _CELL.finditer(row) if column_number(found[1].decode()) > column_number(letters)
        )
        at = next(after, row.rindex(_END))
        row = row[:at] + cell + row[at:]
    return row


def _rewritten(data: bytes, parts: Mapping[str, bytes]) -> bytes:
    """The zip with some parts replaced."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as target:
        for name in dict.fromkeys([*source.namelist(), *parts]):
            target.writestr(name, parts[name] if name in parts else source.read(name))
    return sink.getvalue()
