"""Looks at a sheet's XML before the fast reader does: refuses what would crash it, finds what it would lose.

The fast reader allocates the whole rectangle up to the farthest cell, and a reference beyond the sheet ends the
process, which no `except` can catch. It also reads error cells (`#DIV/0!`) and formulas that were never calculated as
empty cells, and the bare number where people see `<0.5` or a raised footnote. A first pass over the bytes settles the
usual sheet in a second per 40 MB; only where it sees something unusual, an exact pass with a real XML parser follows.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from acidwatch.errors import UnusableInputError
from acidwatch.workbook.book import LAST_COLUMN, LAST_ROW, Extent, refuse_beyond
from acidwatch.workbook.package import CHUNK_BYTES, Package, follow_part, part_chunks
from acidwatch.workbook.runs import RAISED, Runs
from acidwatch.workbook.signs import Format

_EARLY_CHUNKS = 32
# The form that spreadsheet programs and libraries write, the reference first; any other is left to the exact pass.
_CELL = rb'<%bc r="([A-Za-z]+[0-9]{1,9})"'
_ROW = rb'<%brow r="([0-9]{1,9})"'
_LETTERS = bytes(range(65, 91)) + bytes(range(97, 123))
_DIGITS = b"0123456789"
# [1]Sheet1!A1: a cell of another workbook, or a program to be asked (DDE); but Table1[2019] is a column.
_OUTSIDE = re.compile(r"(?<![\w\[\]])\[[0-9]+\](?![\]:,])")


@dataclass(slots=True)
class Look:
    """What the look at a sheet found.

    Attributes:
        extent: How far its cells reach.
        lost: (row, column), both from 0, to the text of a cell that the fast reader loses: `#DIV/0!` of an error, `=A1+B1` of
            a formula that was never calculated: without value, or with the 0 of a program that leaves calculating to who opens the file.
        seen: The same of what people see instead of a number: `<0.5` where its format says so, `2^1` with a raised footnote.
        hidden: Hidden rows, from 1.
        outside: Cells (row, column from 0) whose formulas refer to other workbooks, at most one.
    """

    extent: Extent = field(default_factory=Extent)
    lost: dict[tuple[int, int], str] = field(default_factory=dict)
    seen: dict[tuple[int, int], str] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    outside: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the parts that all sheets share say of how their cells are seen; empty in the usual workbook.

    Attributes:
        formats: Number of a style to its format, where that shows a `<` or `>`.
        texts: Place in the table of texts to the text with its raised digits told apart.
    """

    formats: Mapping[str, Format] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def look_at(package: Package, sheet: str, seen: Seen) -> Look:
    """Guard one sheet of an .xlsx and find what the fast reader would lose.

    Raises:
        UnusableInputError: The sheet is damaged, or reaches beyond what a sheet or the memory can hold.
    """
    where = f"{package.path}: sheet {sheet!r}"
    part = package.sheets[sheet]
    try:
        with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
            look = Look()
            if seen.formats or seen.texts or not _skim(part_chunks(archive, part), look, where):
                walk = _Walk(where, seen, package.calculated_on_load)
                follow_part(archive, part, walk)
                look = walk.look
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, expat.ExpatError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableInputError(
            f"{where} is damaged ({reason}); open and save the workbook anew, or copy it again"
        ) from error
    look.extent.refuse_sparse(where)
    return look


def _skim(chunks: Iterator[bytes], look: Look, where: str) -> bool:
    """First pass: fill `look` from the references alone; False where only the exact pass can tell."""
    prefix: bytes | None = None
    cell = row = re.compile(b"")
    columns: set[bytes] = set()
    extent = look.extent
    rest, last, tags = b"", 0, 0
    for number, chunk in enumerate(chunks):
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
        if len(rest) > CHUNK_BYTES:
            return False
        references = cell.findall(block)
        rows = row.findall(block)
        if b'"e"' in block or b"'e'" in block or b"<%bf" % prefix in block or RAISED in block:
            return False
        if len(references) != _tags(block, prefix + b"c", len(references)) or len(rows) != _tags(
            block, prefix + b"row", len(rows)
        ):
            return False  # some are written otherwise, or have no reference: their place must be counted
        joined = b"\n".join(references)
        columns.update(joined.translate(None, _DIGITS).split())
        filled = set(joined.translate(None, _LETTERS).split())
        last = max(last, max(map(int, filled), default=0), max(map(int, rows), default=0))
        tags += len(rows)
        # A blank row far off, which some programs write to end a sheet, is no reason; a million of them is.
        extent.rows = max(extent.rows, max(map(int, filled), default=0), tags)
        extent.cells += sum(block.count(b"<" + prefix + tag) for tag in (b"v>", b"v ", b"is>"))
        if b"hidden=" in block:
            look.hidden.update(_hidden(block, prefix))
        if number > _EARLY_CHUNKS:
            # Long before the end of a million rows it is clear that they are blank.
            Extent(extent.rows, len(columns), extent.cells * 4).refuse_sparse(where)
    extent.columns = max((_column(letters.decode()) for letters in columns), default=0)
    refuse_beyond(last, extent.columns, where)
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


def _hidden(block: bytes, prefix: bytes) -> set[int]:
    rows = re.findall(rb"<%brow\b([^>]*)>" % prefix, block)
    found = (
        re.search(rb"\br=[\"']([0-9]{1,9})[\"']", row)
        for row in rows
        if re.search(rb"\bhidden=[\"'](1|true)[\"']", row)
    )
    return {int(number[1]) for number in found if number}


@dataclass(slots=True)
class _Walk:
    """Exact pass: follows the cells with a real parser and keeps what the fast reader would lose."""

    where: str
    seen: Seen
    calculated_on_load: bool
    look: Look = field(default_factory=Look)
    row: int = 0
    column: int = 0
    kind: str = ""
    style: str = ""
    inside: str = ""
    formula: str | None = None
    value: str | None = None
    runs: Runs | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "row":
            self.row = _number(attributes.get("r"), self.row + 1)
            self.column = 0
            if attributes.get("hidden") in ("1", "true"):
                self.look.hidden.add(self.row)
            refuse_beyond(self.row, 1, self.where)
        elif name == "c":
            self._place(attributes.get("r"))
            self.kind, self.style = attributes.get("t", ""), attributes.get("s", "0")
            self.formula, self.value = None, None
        elif name == "f":
            self.inside = "f"
            self.formula = "" if "si" not in attributes else f"shared formula {attributes['si']}"
        elif name == "v":
            self.inside, self.value = "v", ""
            self.look.extent.cells += 1
        elif name == "is":
            self.look.extent.cells += 1
            self.runs = Runs()
        elif self.runs is not None:
            self.runs.start(name, attributes)

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self.column += 1
        else:
            digits = reference.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
            letters = reference[: len(reference) - len(digits)]
            self.row, self.column = _number(digits, self.row), _column(letters)
        refuse_beyond(self.row, self.column, self.where)
        extent = self.look.extent
        extent.rows, extent.columns = max(extent.rows, self.row), max(extent.columns, self.column)

    def text(self, data: str) -> None:
        if self.inside == "v":
            self.value = (self.value or "") + data
        elif self.inside == "f":
            known = self.formula or ""
            self.formula = data if known.startswith("shared formula ") else known + data
        elif self.runs is not None:
            self.runs.text(data)

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        if name in ("f", "v"):
            self.inside = ""
        elif name == "c":
            if self.formula and not self.look.outside and _OUTSIDE.search(self.formula):
                self.look.outside.append((self.row - 1, self.column - 1))
            if self.kind == "e":
                self._keep(self.look.lost, (self.value or "").strip() or "#ERROR!")
            elif self.formula is not None and self._never_calculated():
                self._keep(self.look.lost, f"={self.formula}")
            elif text := self._seen_otherwise():
                self._keep(self.look.seen, text)
            self.runs = None
        elif self.runs is not None:
            self.runs.end(name)

    def _seen_otherwise(self) -> str | None:
        """What people see, where the fast reader gives a number that they don't."""
        if self.runs is not None:
            return self.runs.told_apart
        value = (self.value or "").strip()
        if self.kind == "s":
            return self.seen.texts.get(value)
        if not value or self.kind not in ("", "n") or self.style not in self.seen.formats:
            return None
        try:
            return self.seen.formats[self.style].shown(float(value))
        except ValueError:
            return value

    def _never_calculated(self) -> bool:
        if not self.value:
            return not (self.kind == "str" and self.value is not None)  # a calculated empty text
        return self.calculated_on_load and self.kind in ("", "n") and self.value.strip() == "0"

    def _keep(self, texts: dict[tuple[int, int], str], text: str) -> None:
        if self.row >= 1 and self.column >= 1:
            texts[self.row - 1, self.column - 1] = text


def _number(text: str | None, default: int) -> int:
    # More digits than any row has are not worth converting.
    if text is None or not text.isdecimal():
        return default
    return int(text) if len(text) <= 9 else LAST_ROW + 1
