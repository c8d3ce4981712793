"""Number formats that put a `<` or `>` beside the number: people see `<0.5` where the cell holds 0.5, and it must not become 0.5."""

from __future__ import annotations

import operator
import re
import zipfile
from dataclasses import dataclass, field

from acidwatch.workbook.cells import as_text
from acidwatch.workbook.package import follow_part

_LISTS = ("numFmts", "cellXfs")
_LONGEST = 255  # characters of a format that a spreadsheet program takes
_MOST_SECTIONS = 3  # a fourth one is of texts
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<condition>[<>=][^\]]*)\]|\[[^\]]*\]|[_*].'
    r"|(?P<number>General|[#0?,]*[#0?](?:\.[#0?]*)?|\.[#0?]+)|(?P<end>;)|(?P<sign>[-<>=~ ()+:$&'^{}!])|(?P<other>.)",
    re.DOTALL | re.IGNORECASE,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)", re.ASCII)
_HOLDS = {"<=": operator.le, ">=": operator.ge, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "=": operator.eq}


@dataclass(slots=True)
class _Section:
    """A part of a format: its literal texts with None for the number, and what a number must be for it."""

    parts: list[str | None] = field(default_factory=list)
    condition: str = ""
    plain: bool = True
    of_texts: bool = False

    @property
    def signed(self) -> bool:
        return any(part and ("<" in part or ">" in part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Format:
    """A number format, by its code."""

    code: str
    sections: tuple[_Section, ...]

    @property
    def signed(self) -> bool:
        """Whether a `<` or `>` stands in what it shows of some number."""
        return any(section.signed for section in self.sections)

    def shown(self, number: float) -> str | None:
        """What it shows of a number, with the number itself and not rounded; None where it shows no `<` or `>`.

        A format that is not understood is named with its number, so that the cell becomes a finding.
        """
        section = _section_for(self.sections, number)
        if section is not None and not section.signed:
            return None
        text = as_text(number) or ""
        if section is None or not section.plain or section.parts.count(None) > 1:
            return f"{text} in the format {self.code}"
        return "".join(text if part is None else part for part in section.parts)


def signed_formats(archive: zipfile.ZipFile, part: str) -> dict[str, Format]:
    """Of the styles of an .xlsx those whose format shows a `<` or `>`: number of the style, as cells say it, to the format."""
    styles = _Styles()
    follow_part(archive, part, styles)
    signed = {number: one for number, code in styles.codes.items() if (one := read_format(code)).signed}
    return {str(style): signed[number] for style, number in enumerate(styles.used) if number in signed}


class _Styles:
    """Follows the styles: number of a format to its code, and the format that each style of cells uses."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.used: list[str] = []
        self._list = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if name in _LISTS:
            self._list = name
        elif name == "numFmt" and self._list == "numFmts":
            self.codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "xf" and self._list == "cellXfs":
            self.used.append(attributes.get("numFmtId", ""))

    def text(self, data: str) -> None:
        pass

    def end(self, tag: str) -> None:
        if tag.rpartition(":")[2] == self._list:
            self._list = ""


def read_format(code: str) -> Format:
    """Read the code of a number format."""
    code = code[:_LONGEST]
    sections = [_Section()]
    for token in _TOKEN.finditer(code):
        kind, section = token.lastgroup, sections[-1]
        if kind == "end":
            sections.append(_Section())
        elif kind == "condition":
            section.condition = token["condition"]
        elif kind == "number":
            section.parts.append(None)
        elif kind == "other":
            section.plain = False
            section.of_texts |= token[kind] == "@"
        elif kind is not None:
            section.parts.append(token[kind])
    if sections[-1].of_texts:
        del sections[-1]
    return Format(code, tuple(sections[:_MOST_SECTIONS]))


def _section_for(sections: tuple[_Section, ...], number: float) -> _Section | None:
    """The section that a number is shown by; None where that can't be told."""
    if not any(section.condition for section in sections):
        if number < 0:
            # Alone it has a minus put before all of it.
            return sections[1] if len(sections) > 1 else None
        return sections[2] if number == 0 and len(sections) > 2 else sections[0]
    for place, section in enumerate(sections):
        if not section.condition:
            left = sections[place:]  # which of them is a question of the program's, unless none shows a sign
            return section if len(left) == 1 or not any(one.signed for one in left) else None
        condition = _CONDITION.fullmatch(section.condition.strip())
        if condition is None:
            return None
        if _HOLDS[condition[1]](number, float(condition[2])):
            return section
    return None
