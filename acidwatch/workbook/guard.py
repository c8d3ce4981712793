"""Looks at a sheet's XML before the fast reader does: refuses what would crash it, finds what it would lose.

The fast reader allocates the whole rectangle up to the farthest cell, and a reference beyond the sheet ends the
process, which no `except` can catch. It also reads error cells (`#DIV/0!`) and formulas that were never calculated as
empty cells. A first pass over the bytes settles the usual sheet in a second per 40 MB; only where it sees something
unusual, an exact pass with a real XML parser follows.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.package import Package

LAST_ROW = 1_048_576
LAST_COLUMN = 16_384
_MOST_CELLS = 20_000_000
_LEAST_FILLED = (
    0.25  # a full sheet of our 30 columns is 31 million cells and fine; a lone far cell fills next to nothing
)

_CHUNK_BYTES = 1 << 20
# The form that spreadsheet programs and libraries write, the reference first; any other is left to the exact pass.
_CELL = rb'<%bc r="([A-Za-z]+[0-9]{1,9})"'
_ROW = rb'<%brow r="([0-9]{1,9})"'
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_DIGITS = b"0123456789"


@dataclass(slots=True)
class _Extent:
    """How far the cells reach, and how many there are."""

    rows: int = 0
    columns: int = 0
    cells: int = 0


def lost_cells(package: Package, sheet: str) -> dict[tuple[int, int], str]:
    """Guard one sheet and find the cells that the fast reader would lose.

    Args:
        package: The workbook.
        sheet: A sheet's name; where the file is no .xlsx nothing is looked at.

    Returns:
        (row, column), both from 0, to the text of the cell: `#DIV/0!` of an error, `=A1+B1` of a formula without value.

    Raises:
        UnusableInputError: The sheet is damaged, or reaches beyond what a sheet or the memory can hold.
    """
    part = package.sheets.get(sheet)
    if part is None:
        return {}
    where = f"{package.path}: sheet {sheet!r}"
    try:
        with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
            extent = _Extent()
            usual = _skim(_chunks(archive, part), extent, where)
            lost: dict[tuple[int, int], str] = {}
            if not usual:
                extent, lost = _parse(_chunks(archive, part), where)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableInputError(
            f"{where} is damaged ({reason}); open and save the workbook anew, or copy it again"
        ) from error
    box = extent.rows * extent.columns
    if box > _MOST_CELLS and extent.cells < box * _LEAST_FILLED:
        raise UnusableInputError(
            f"{where} spans {extent.rows:,} rows x {extent.columns:,} columns but has only {extent.cells:,} cells; "
            "a stray cell far off makes it that large: delete the rows and columns outside the table"
        )
    return lost


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _skim(chunks: Iterator[bytes], extent: _Extent, where: str) -> bool:
    """First pass: fill `extent` from the references alone; False where only the exact pass can tell."""
    prefix: bytes | None = None
    cell = row = re.compile(b"")
    columns: set[bytes] = set()
    rest = b""
    for chunk in chunks:
        block = rest + chunk
        if prefix is None:
            if block[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return False
            opening = re.search(rb"<([A-Za-z_][\w.-]*:)?worksheet\b", block)
            if opening is None:
                return False
            prefix = opening[1] or b""
            cell, row = re.compile(_CELL % prefix), re.compile(_ROW % prefix)
        # A tag may be cut by the end of the chunk: keep it for the next one.
        cut = max(block.rfind(b"<"), 0)
        block, rest = block[:cut], block[cut:]
        if len(rest) > _CHUNK_BYTES:
            return False
        references = cell.findall(block)
        rows = row.findall(block)
        if b'"e"' in block or b"'e'" in block or b"<%bf" % prefix in block:
            return False
        if len(references) != _tags(block, prefix + b"c", len(references)) or len(rows) != _tags(
            block, prefix + b"row", len(rows)
        ):
            return False  # some are written otherwise, or have no reference: their place must be counted
        joined = b"\n".join(references)
        columns.update(joined.translate(None, _DIGITS).split())
        rows.extend(set(joined.translate(None, _LETTERS).split()))
        extent.rows = max(extent.rows, max(map(int, rows), default=0))
        extent.cells += len(references)
    extent.columns = max((_column(letters.decode()) for letters in columns), default=0)
    _refuse_beyond(extent.rows, extent.columns, where)
    return True


def _tags(block: bytes, name: bytes, expected: int) -> int:
    """How often a tag opens. Longer names (`<c` is in `<cols`) are told apart only where the count is off (slow)."""
    tag = b"<" + name
    if block.count(tag) == expected:
        return expected
    return len(re.findall(re.escape(tag) + rb"(?![\w.:-])", block))


def _column(letters: str) -> int:
    """Column number from 1; names too long for any sheet are simply beyond it."""
    if len(letters) > 3:
        return LAST_COLUMN + 1
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number


def _refuse_beyond(row: int, column: int, where: str) -> None:
    if row > LAST_ROW or column > LAST_COLUMN:
        raise UnusableInputError(
            f"{where} has a cell outside any sheet (row {row}, column {column}; the last are {LAST_ROW} and "
            f"{LAST_COLUMN}, XFD); the file is damaged: open and save it anew"
        )


@dataclass(slots=True)
class _Walk:
    """Exact pass: follows the cells with a real parser and keeps what the fast reader would lose."""

    where: str
    extent: _Extent = field(default_factory=_Extent)
    lost: dict[tuple[int, int], str] = field(default_factory=dict)
    row: int = 0
    column: int = 0
    kind: str = ""
    inside: str = ""
    formula: str | None = None
    value: str | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            self.row = _number(attributes.get("r"), self.row + 1)
            self.column = 0
            _refuse_beyond(self.row, 1, self.where)
        elif name == "c":
            self._place(attributes.get("r"))
            self.kind, self.formula, self.value = attributes.get("t", ""), None, None
        elif name == "f":
            self.inside = "f"
            self.formula = "" if "si" not in attributes else f"shared formula {attributes['si']}"
        elif name == "v":
            self.inside, self.value = "v", ""

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self.column += 1
        else:
            digits = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
            letters = reference[: len(reference) - len(digits)]
            self.row, self.column = _number(digits, self.row), _column(letters)
        _refuse_beyond(self.row, self.column, self.where)
        extent = self.extent
        extent.rows, extent.columns = max(extent.rows, self.row), max(extent.columns, self.column)
        extent.cells += 1

    def text(self, data: str) -> None:
        if self.inside == "v":
            self.value = (self.value or "") + data
        elif self.inside == "f":
            known = self.formula or ""
            self.formula = data if known.startswith("shared formula ") else known + data

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("f", "v"):
            self.inside = ""
        elif name == "c":
            if self.kind == "e":
                self._keep((self.value or "").strip() or "#ERROR!")
            # A text formula with an empty value is a calculated empty text; any other without one was never calculated.
            elif self.formula is not None and not self.value and not (self.kind == "str" and self.value is not None):
                self._keep(f"={self.formula}")

    def _keep(self, text: str) -> None:
        if self.row >= 1 and self.column >= 1:
            self.lost[self.row - 1, self.column - 1] = text


def _number(text: str | None, default: int) -> int:
    # More digits than any row has are not worth converting.
    if text is None or not text.isdecimal():
        return default
    return int(text) if len(text) <= 9 else LAST_ROW + 1


def _parse(chunks: Iterator[bytes], where: str) -> tuple[_Extent, dict[tuple[int, int], str]]:
    walk = _Walk(where)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = walk.start
    parser.CharacterDataHandler = walk.text
    parser.EndElementHandler = walk.end
    for chunk in chunks:
        parser.Parse(chunk, False)
    parser.Parse(b"", True)
    return walk.extent, walk.lost
