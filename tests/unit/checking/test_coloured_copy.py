"""The coloured copy: the laboratory's own workbook with the findings in it, and nothing that acts by itself."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.styles import Font

from acidwatch.checking.report import Report
from acidwatch.checking.workbook import LIST, write_checked
from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import read_table
from services.producer.plan import Plan, plan
from tests.unit.checking.makers import check_plan, spoiled, write_rows
from tests.unit.contract.makers import LETTERS
from tests.unit.workbook.builders import Extras, ods

RED, YELLOW = "FFFF9999", "FFFFEE99"
FAULTS: dict[int, dict[str, Any]] = {
    4: {"SO4_UEQ_L": 3842.0},
    6: {"SAMPLE_TYPE": "=1+1"},
    8: {"NH4_UEQ_L": 40.0},
    9: {"SAMPLE_LOCATION": None},
}
SO4, NH4 = LETTERS["SO4_UEQ_L"], LETTERS["NH4_UEQ_L"]


@pytest.fixture
def original(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "samples.xlsx", spoiled(20, FAULTS))


@pytest.fixture(params=["rows put back", "as a whole"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two ways to the same copy: only the rows with findings go through the library, or where that can't be, all of them."""
    way: str = request.param
    other = "_whole" if way == "rows put back" else "_lean"
    monkeypatch.setattr(f"acidwatch.checking.workbook.{other}", lambda *_: None)
    return way


def copied(path: Path) -> tuple[Path, Plan, Report]:
    batches = plan(path, None, 100)
    report = check_plan(batches)
    target = path.with_name("copy.xlsx")
    write_checked(target, batches.table, report)
    return target, batches, report


def edited(path: Path, edit: Any) -> Path:
    """The workbook after a laboratory worked on it."""
    book = openpyxl.load_workbook(path)
    edit(book)
    book.save(path)
    return path


def with_parts(path: Path, parts: dict[str, bytes], **replacements: tuple[bytes, bytes]) -> None:
    """Add parts to the zip, and replace text in others (keys are parts of names)."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for key, (old, new) in replacements.items():
        for name in files:
            if key in name:
                files[name] = files[name].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, **parts}.items():
            archive.writestr(name, data)


def test_cells_are_coloured_and_say_why_where_they_stand(original: Path, way: str) -> None:
    before = original.read_bytes()
    target, _, report = copied(original)
    page = openpyxl.load_workbook(target)["Sheet 1"]
    for cell, colour, rule in (
        (f"{SO4}4", RED, "range.SO4_UEQ_L"),
        (f"{LETTERS['SAMPLE_TYPE']}6", RED, "domain.SAMPLE_TYPE"),
        (f"{LETTERS['SAMPLE_LOCATION']}9", RED, "schema.required"),
        (f"{NH4}8", YELLOW, "unusual.NH4_UEQ_L"),
    ):
        assert (page[cell].fill.fill_type, page[cell].fill.fgColor.rgb) == ("solid", colour), cell
        assert rule in page[cell].comment.text
    coloured = {cell.coordinate for row in page.iter_rows() for cell in row if cell.fill.fill_type}
    places = {finding.cell if finding.column else f"A{finding.cell}" for finding in report.checked.findings}
    assert coloured == places
    assert original.read_bytes() == before


def test_the_copy_still_has_the_same_table_and_can_be_corrected_and_sent(original: Path, way: str) -> None:
    target, batches, _ = copied(original)
    again = read_table(target, SAMPLES)
    assert (again.sheet, again.columns, again.row_numbers) == (
        "Sheet 1",
        batches.table.columns,
        batches.table.row_numbers,
    )


def test_what_acidwatch_says_in_comments_does_not_come_back_as_the_laboratorys_own(original: Path, way: str) -> None:
    def edit(book: Any) -> None:
        book["Sheet 1"][f"{SO4}4"].comment = Comment("see the lab book\npage 3", "kim")
        book["Sheet 1"][f"{SO4}5"].comment = Comment("limit 0.5", "kim")

    target, batches, _ = copied(edited(original, edit))
    assert "range.SO4_UEQ_L" in openpyxl.load_workbook(target)["Sheet 1"][f"{SO4}4"].comment.text
    own = {"SO4_UEQ_L": {2: "see the lab book\npage 3", 3: "limit 0.5"}}
    assert read_table(target, SAMPLES).comments == batches.table.comments == own
    again, *_ = copied(target.rename(target.with_name("corrected.xlsx")))
    assert read_table(again, SAMPLES).comments == own
    assert openpyxl.load_workbook(again)["Sheet 1"][f"{SO4}4"].comment.text.count("range.SO4_UEQ_L") == 1


def test_a_raised_digit_stays_apart_in_the_copy(original: Path, way: str) -> None:
    def edit(book: Any) -> None:
        book["Sheet 1"][f"{SO4}7"] = CellRichText("2", TextBlock(InlineFont(vertAlign="superscript"), "1"))

    target, batches, _ = copied(edited(original, edit))
    assert read_table(target, SAMPLES).columns["SO4_UEQ_L"] == batches.table.columns["SO4_UEQ_L"]
    assert batches.table.columns["SO4_UEQ_L"][5] == "2^1"


def test_a_copy_of_another_format_keeps_values_and_comments_where_they_were(tmp_path: Path) -> None:
    rows = spoiled(20, FAULTS)
    comments = ((4, 29, "see the lab book"), (5, 29, "limit 0.5"))
    path = tmp_path / "samples.ods"
    ods.build(path, [[*SAMPLE_NAMES], *([*row.values()] for row in rows)], Extras(comments=comments))
    target, batches, _ = copied(path)
    again = read_table(target, SAMPLES)
    assert (again.columns, again.letters, again.comments) == (
        batches.table.columns,
        batches.table.letters,
        batches.table.comments,
    )
    assert again.comments == {"SO4_UEQ_L": {2: "see the lab book", 3: "limit 0.5"}}
    page = openpyxl.load_workbook(target).worksheets[0]
    assert (page[f"{SO4}4"].fill.fgColor.rgb, page[f"{NH4}8"].fill.fgColor.rgb) == (RED, YELLOW)
    assert "range.SO4_UEQ_L" in page[f"{SO4}4"].comment.text


def test_a_sheet_lists_every_finding_and_leads_to_its_cell(original: Path, way: str) -> None:
    target, _, report = copied(original)
    page = openpyxl.load_workbook(target)[LIST]
    rows = [row for row in page.iter_rows(min_row=4) if row[0].value]
    assert {(row[1].value, row[6].value) for row in rows} == {
        (f.cell if f.column else f"row {f.cell}", f.rule) for f in report.checked.findings
    }
    links = {row[1].value: row[1].hyperlink.location for row in rows}
    assert links[f"{SO4}4"] == f"'Sheet 1'!{SO4}4"
    assert [row[5].value for row in rows if row[1].value == f"{SO4}4" and row[6].value.startswith("range")] == [
        "looks like ug/L (mg/L x 1000)?"
    ]


def test_text_that_is_added_is_no_formula_and_the_laboratorys_formulas_stay(original: Path, way: str) -> None:
    def edit(book: Any) -> None:
        book["Sheet 1"]["AF2"] = "=SUM(J2:J9)"
        book.create_sheet("mine")["A1"] = "='Sheet 1'!J2*2"
        book["Sheet 1"]["A1"].font = Font(italic=True)
        book["Sheet 1"][f"{SO4}4"].comment = Comment("see the lab book", "kim")

    target, *_ = copied(edited(original, edit))
    book = openpyxl.load_workbook(target)
    assert (book["Sheet 1"]["AF2"].value, book["mine"]["A1"].value) == ("=SUM(J2:J9)", "='Sheet 1'!J2*2")
    assert book["Sheet 1"]["A1"].font.italic
    assert "see the lab book" in book["Sheet 1"][f"{SO4}4"].comment.text
    assert "range.SO4_UEQ_L" in book["Sheet 1"][f"{SO4}4"].comment.text
    added = [cell for row in book[LIST].iter_rows() for cell in row]
    assert "=1+1" in [cell.value for cell in added]
    assert not [cell for cell in added if cell.data_type == "f"]


def test_links_to_other_files_stay_behind(original: Path, way: str) -> None:
    def edit(book: Any) -> None:
        book.create_sheet("mine")["A2"] = "=[1]Other!A1"

    edited(original, edit)
    kind = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLink"
    target_part = b'Target="externalLinks/externalLink1.xml"'
    rel = b'<Relationship Id="rId77" Type="%s" %s/></Relationships>' % (kind, target_part)
    with_parts(
        original,
        {
            "xl/externalLinks/externalLink1.xml": b'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>',
        },
        **{"xl/_rels/workbook.xml.rels": (b"</Relationships>", rel)},
    )
    target, *_ = copied(original)
    with zipfile.ZipFile(target) as archive:
        names = archive.namelist()
        texts = [archive.read(name) for name in names]
    assert not [name for name in names if "externallink" in name.casefold()]
    assert not [text for text in texts if b"externalLink" in text]
    assert openpyxl.load_workbook(target)["mine"]["A2"].data_type != "f"


def test_texts_in_the_shared_table_of_the_workbook_and_rows_of_other_vocabularies_come_along(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "samples.xlsx", spoiled(20, FAULTS))
    table = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>SITE_ID</t></si><si><t>020058</t></si></sst>'
    office = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = b'<Relationship Id="rId88" Type="%s/sharedStrings" Target="sharedStrings.xml"/></Relationships>' % office
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    named = b'<Override PartName="/xl/sharedStrings.xml" ContentType="%s"/></Types>' % kind
    with_parts(
        path,
        {"xl/sharedStrings.xml": table},
        **{"xl/_rels/workbook.xml.rels": (b"</Relationships>", relation), "Content_Types": (b"</Types>", named)},
    )
    texts = (b't="inlineStr"><is><t>020058</t></is></c>', b't="s" cm="1"><v>1</v></c>')
    vocabulary = (b'<row r="3"', b'<row xmlns:x14ac="urn:x" x14ac:dyDescent="0.25" r="3"')
    with_parts(path, {}, **{"xl/worksheets/sheet1.xml": texts})
    with_parts(path, {}, **{"xl/worksheets/sheet1.xml": vocabulary})
    target, batches, _ = copied(path)
    assert set(batches.table.columns["SITE_ID"]) == {"020058"}
    assert read_table(target, SAMPLES).columns == batches.table.columns
    with zipfile.ZipFile(target) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<v>1</v>" in sheet, "rows were put back as they are"
    assert not {b"cm=", b"dyDescent"} & {name for name in (b"cm=", b"dyDescent") if name in sheet}


def test_what_can_not_be_copied_becomes_a_new_workbook_with_every_value_where_it_was(original: Path) -> None:
    edited(original, lambda book: book.create_sheet("mine"))
    with_parts(original, {}, **{"xl/styles.xml": (b'<color theme="1"', b'<color rgb="oops"')})
    target, batches, _ = copied(original)
    again = read_table(target, SAMPLES)
    assert (again.columns, again.letters, again.row_numbers) == (
        batches.table.columns,
        batches.table.letters,
        batches.table.row_numbers,
    )
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["Sheet 1", LIST]
    assert book["Sheet 1"][f"{SO4}4"].fill.fgColor.rgb == RED


def test_a_workbook_that_was_changed_meanwhile_is_not_mixed_with_what_was_found(original: Path) -> None:
    batches = plan(original, None, 100)
    report = check_plan(batches)
    edited(original, lambda book: book["Sheet 1"].delete_rows(2))
    with pytest.raises(UnusableInputError, match="was changed while it was checked"):
        write_checked(original.with_name("copy.xlsx"), batches.table, report)
