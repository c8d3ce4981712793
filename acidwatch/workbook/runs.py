"""Texts in runs of different fonts: a 2 with a raised 1 behind it, for a footnote, is no 21."""

from __future__ import annotations

import zipfile

from acidwatch.workbook.package import follow_part, part_chunks

RAISED = b"vertAlign"
"""What stands in the XML of a text with raised or lowered runs."""

_MARKS = {"superscript": "^", "subscript": "_"}


class Runs:
    """Follows the elements of one text."""

    def __init__(self) -> None:
        self._runs: list[tuple[str, str]] = []
        self._mark = ""
        self._inside = self._phonetic = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins, named without its namespace."""
        if name == "r":
            self._mark = ""
        elif name == "vertAlign":
            self._mark = _MARKS.get(attributes.get("val", ""), "")
        elif name == "rPh":
            self._phonetic = True
        elif name == "t":
            self._inside = not self._phonetic

    def text(self, data: str) -> None:
        """Text inside the element."""
        if self._inside:
            self._runs.append((self._mark, data))

    def end(self, name: str) -> None:
        """An element ends."""
        if name == "t":
            self._inside = False
        elif name == "rPh":
            self._phonetic = False

    @property
    def told_apart(self) -> str | None:
        """`2^1`, where a digit is raised or lowered: without its runs the text may be a number that nobody wrote; None otherwise."""
        if not any(mark and any(map(str.isdigit, text)) for mark, text in self._runs):
            return None
        return "".join(mark + text for mark, text in self._runs)


def texts_told_apart(archive: zipfile.ZipFile, part: str) -> dict[str, str]:
    """Of the table of texts of an .xlsx those with raised or lowered digits: place in the table to `2^1`."""
    if not _has_raised(archive, part):
        return {}
    table = _Table()
    follow_part(archive, part, table)
    return table.found


class _Table:
    """Follows the table of texts."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._runs, self._place = Runs(), 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name == "si":
            self._runs = Runs()
        self._runs.start(name, attributes)

    def text(self, data: str) -> None:
        self._runs.text(data)

    def end(self, tag: str) -> None:
        name = tag.rpartition(":")[2]
        self._runs.end(name)
        if name != "si":
            return
        text = self._runs.told_apart
        if text is not None:
            self.found[str(self._place)] = text
        self._place += 1


def _has_raised(archive: zipfile.ZipFile, part: str) -> bool:
    rest = b""
    for chunk in part_chunks(archive, part):
        if RAISED in rest + chunk:
            return True
        rest = chunk[-len(RAISED) :]
    return False
