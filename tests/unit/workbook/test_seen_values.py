"""Cells that show more than the number in them: a sign of a limit from the number format, a raised footnote."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from acidwatch.contract.columns import Column
from acidwatch.contract.texts import read_text
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import read_table
from acidwatch.workbook.signs import read_format
from tests.unit.workbook.builders import ods, xlsx

HEADER = ["ID", "DAY", "X", "N"]


def saved(path: Path, *values: object, code: str = "General") -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEADER)
    for value in values:
        sheet.append(["a", "1992-06-14", value, 3.0])
        sheet.cell(sheet.max_row, 3).number_format = code
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ('"<"0.0', 0.5, "<0.5"), ("\\<0.00", 0.25, "<0.25"), ("<0.0", 0.5, "<0.5"),
        ('"< "General', 0.5, "< 0.5"), (">#,##0", 1234.0, ">1234"),
        ('"<"0', 0.5, "<0.5"), ('[Red]"<"0.0', 0.5, "<0.5"), ("[$<]0.0", 0.5, "<0.5"), ('"<"0.0" ug/L"', 0.5, "<0.5 ug/L"),
        ('[<0.5]"<0.5";0.0', 0.2, "<0.5"), ('[<0.5]"<0.5";0.0', 0.7, None), ('0.0;-0.0;"<0.1"', 0.0, "<0.1"),
        ('0.0;-0.0;"<0.1"', 0.3, None),
        ('0.0;"<"0.0', -0.5, "<-0.5"),
        ('[<0.5]"<0.5";0.0;@', 0.7, None), ('[<0.5]"<0.5";0.0;@', 0.2, "<0.5"), ('[=0]"<0.1";General;@', 5.0, None),
        ('[<0.5]"<0.5";0.0;0.0;@', 0.7, None), ('[<0.5]0.0;"<"0;0', 0.7, '0.7 in the format [<0.5]0.0;"<"0;0'),
        ('"<"0.0;-0.0;@', 0.0, "<0"), ('"<"0.0;@', -0.5, '-0.5 in the format "<"0.0;@'),
        ('"<"0.0', -0.5, '-0.5 in the format "<"0.0'), ('"<"0.0%', 0.5, '0.5 in the format "<"0.0%'),
        ('"<"0.0,', 500.0, '500 in the format "<"0.0,'), ('[<1]"<1";0;[>5]">5"', 3.0, '3 in the format [<1]"<1";0;[>5]">5"'),
    ],
)  # fmt: skip
def test_a_format_that_shows_a_sign_gives_what_is_shown_and_never_the_bare_number(
    code: str, number: float, shown: str | None
) -> None:
    form = read_format(code)
    assert form.signed
    assert form.shown(number) == shown


@pytest.mark.parametrize(
    "code", ["General", "0.0", "[<0.5]0.00;0.0", "[>=100][Red]0;[<1]0.00;0.0", "yyyy-mm-dd", '0.0;-0.0;0;"<"@']
)
def test_a_condition_of_a_format_is_no_sign(code: str) -> None:
    assert not read_format(code).signed


def test_a_number_that_is_shown_with_a_sign_travels_as_it_is_shown(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = saved(tmp_path / "book.xlsx", 0.5, None, "ok", code='"<"0.0')
    assert read_table(path, columns).columns["X"] == ["<0.5", None, "ok"]
    assert read_table(saved(path, 0.2, 0.7, code='[<0.5]"<0.5";0.0'), columns).columns["X"] == ["<0.5", 0.7]


def test_what_a_format_shows_with_a_sign_stands_beside_numbers_with_a_comma(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = saved(tmp_path / "book.xlsx", 0.5, "0,25", "<0,5", code='"<"0.0')
    assert read_table(path, columns, locale="fr").columns["X"] == ["<0.5", 0.25, "<0.5"]
    with pytest.raises(UnusableInputError, match=r"C2 is '0.5'.*write all of them in one way"):
        read_table(saved(path, "0.5", "0,25"), columns, locale="fr")


def test_an_ods_gives_what_is_shown_too(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.ods"
    ods.build(path, [HEADER, ["a", "1992-06-14", 0.5, 3.0]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["content.xml"] = parts["content.xml"].replace(b"<text:p>0.5<", b"<text:p>&lt;0.5<")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    assert read_table(path, columns).columns["X"] == ["<0.5"]


def raised(text: str, *, at: str = "superscript", more: str = "") -> CellRichText:
    return CellRichText("2", TextBlock(InlineFont(vertAlign=at), text), more)


def test_a_raised_or_lowered_digit_makes_no_other_number(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = saved(
        tmp_path / "book.xlsx", raised("1"), raised("1", at="subscript"), raised("1", more=".5"), raised("a"), 2.0
    )
    assert read_table(path, columns).columns["X"] == ["2^1", "2_1", "2^1.5", "2a", 2.0]
    assert all(read_text(text) is None for text in ("2^1", "2_1", "2^1.5", "2a"))
    comma = CellRichText("2,5", TextBlock(InlineFont(vertAlign="superscript"), "1"))
    assert read_table(saved(path, comma, 2.0), columns, locale="fr").columns["X"] == ["2,5^1", 2.0]


def test_in_a_text_a_raised_digit_is_one_like_any_other(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.worksheets[0].append(HEADER)
    book.worksheets[0].append([raised("1"), "1992-06-14", 2.0, 3.0])
    book.save(path)
    assert read_table(path, columns).columns["ID"] == ["21"]


def test_it_does_not_in_the_workbooks_table_of_texts_either(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    run = '<r><t>2</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>{}</t></r>'
    table = f'<sst xmlns="{xlsx.MAIN}"><si><t>X</t></si><si>{run.format(1)}<rPh><t>9</t></rPh></si><si>{run.format("a")}</si></sst>'
    relations = (
        ("r1", "worksheet", "worksheets/sheet1.xml"),
        ("r2", "styles", "styles.xml"),
        ("r3", "sharedStrings", "sharedStrings.xml"),
    )
    xlsx.build(path, [HEADER, ["a", "1992-06-14", 1.0, 3.0], ["b", "1992-06-14", 2.0, 3.0]])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    for number in (2, 3):
        sheet = sheet.replace(b'<c r="C%d">' % number, b'<c r="C%d" t="s">' % number).replace(b".0</v>", b"</v>")
    more = {
        "xl/sharedStrings.xml": table.encode(),
        "xl/_rels/workbook.xml.rels": xlsx.relations(relations).encode(),
        "xl/worksheets/sheet1.xml": sheet,
    }
    xlsx.build(path, [], more=more)
    assert read_table(path, columns).columns["X"] == ["2^1", "2a"]
    more["xl/sharedStrings.xml"] = b"<!DOCTYPE a>" + table.encode()
    xlsx.build(path, [], more=more)
    with pytest.raises(UnusableInputError, match="damaged"):
        read_table(path, columns)
