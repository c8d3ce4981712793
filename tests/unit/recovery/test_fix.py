"""A letter as a workbook and back: cells where the laboratory has them, untouched cells as they were, texts that stay texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import decode, encode
from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES
from acidwatch.contract.headers import column_letters, read_headers
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.recovery.fix import Resubmission, compare, write_letter
from acidwatch.recovery.letters import OpenLetter
from acidwatch.workbook.fix import LINEAGE, read_lineage
from acidwatch.workbook.reader import read_table
from tests.support.reading import in_this_process
from tests.unit.contract.makers import LETTERS, QUICK, columns_of, judge_value, make_rows
from tests.unit.recovery.makers import open_letter

__all__ = ["in_this_process"]

SUBJECT = "Sheet 1!A902:AD904"
ROW = {"source": "lake.xlsx", "attempt": 1, "state": "published"}


def letter_of(*spoiled: dict[str, Any], subject: str | None = SUBJECT, **more: Any) -> OpenLetter:
    """A letter of three rows, spoiled one by one."""
    rows = make_rows(3)
    for row, cells in zip(rows, spoiled, strict=False):
        row.update(cells)
    return open_letter(encode(columns_of(rows), more or None), subject=subject)


def corrected(
    letter: OpenLetter, path: Path, change: Callable[[openpyxl.Workbook], None] = lambda book: None
) -> Resubmission:
    """The letter written, changed as by hand, and read."""
    write_letter(path, letter)
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)
    return compare(letter, read_table(path, SAMPLES), ROW)


def test_each_cell_stands_where_the_laboratory_has_it_and_the_bad_one_says_why(tmp_path: Path) -> None:
    path = tmp_path / "fix.xlsx"
    write_letter(path, letter_of({}, {"SO4_UEQ_L": 2400.5}))
    page = openpyxl.load_workbook(path)["Sheet 1"]
    assert [page[f"{LETTERS[name]}1"].value for name in SAMPLE_NAMES] == list(SAMPLE_NAMES)
    bad = page[f"{LETTERS['SO4_UEQ_L']}903"]
    assert (bad.value, bad.fill.fgColor.rgb) == (2400.5, "FFFF9999")
    assert bad.comment is not None
    assert "range.SO4_UEQ_L: SO4_UEQ_L is 2400.5, outside 0 to 2000 ueq/L" in bad.comment.text
    assert [row for row in range(1, 906) if not page.row_dimensions[row].hidden] == [1, 902, 903, 904, 905]
    assert (page["A902"].value, page["A902"].number_format) == ("020058", "@")
    assert page[f"{LETTERS['CA_UEQ_L']}902"].comment is None
    assert read_lineage(path)["batch id"] == "b"


def test_columns_and_rows_that_are_not_adjacent_keep_their_places(tmp_path: Path) -> None:
    path = tmp_path / "fix.xlsx"
    letters = {name: column_letters(2 * number) for number, name in enumerate(SAMPLE_NAMES, start=1)}
    write_letter(path, letter_of({"K_UEQ_L": -1}, letters=letters, rows=[17, 20, 31]))
    page = openpyxl.load_workbook(path)["Sheet 1"]
    assert page[f"{letters['K_UEQ_L']}17"].value == -1
    assert page[f"{letters['SITE_ID']}31"].value == "020058"


def test_a_corrected_cell_makes_a_batch_that_is_accepted_and_the_rest_stays_as_it_was(tmp_path: Path) -> None:
    letter = letter_of({"CA_UEQ_L": 0.1 + 0.2 + 100}, {"SO4_UEQ_L": "47,0"}, {"DATE_SMP": "1992-06-14T10:30:00"})

    def change(book: openpyxl.Workbook) -> None:
        book["Sheet 1"][f"{LETTERS['SO4_UEQ_L']}903"] = 47

    fixed = corrected(letter, tmp_path / "fix.xlsx", change)
    before, after = letter.decoded().columns, decode(fixed.outgoing.value).columns
    assert after == before | {"SO4_UEQ_L": [80.0, 47.0, 80.0]}
    assert (fixed.cells, fixed.added, fixed.removed, fixed.changed) == (1, 0, 0, True)
    headers = read_headers(fixed.outgoing.headers)
    assert judge_value(fixed.outgoing.value, headers).verdict == "accepted"
    assert (headers.source, headers.source_id, headers.index, headers.count) == ("lake.xlsx", "ab", 3, 9)
    assert headers.subject == "Sheet 1!A902:AD904"


texts = st.text(max_size=12) | st.sampled_from(
    ["=1+1", "+1", "-1", "@x", "#N/A", "TRUE", "47", " x ", "_x0041_", "a\nb"]
)
numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
dates = st.sampled_from(
    ["1992-06-14", "1992-06-14T10:30:00", "1992-06-14T10:30", "1899-01-01", "2020-02-29T23:59:59.5"]
)


def test_a_number_that_no_spreadsheet_knows_goes_back_as_it_was(tmp_path: Path) -> None:
    letter = letter_of({"CA_UEQ_L": 1.7976931348623155e308})
    fixed = corrected(letter, tmp_path / "fix.xlsx")
    assert decode(fixed.outgoing.value).columns == letter.decoded().columns


@QUICK
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"SITE_ID": texts, "TIME_SMP": st.none() | texts, "CA_UEQ_L": numbers | texts, "DATE_SMP": dates | texts}
        ),
        min_size=3,
        max_size=3,
    )
)
def test_whatever_is_in_the_cells_what_nobody_touched_goes_back_as_it_was(
    rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    letter = letter_of(*rows)
    fixed = corrected(letter, tmp_path_factory.mktemp("fix") / "fix.xlsx")
    assert decode(fixed.outgoing.value).columns == letter.decoded().columns
    assert (fixed.cells, fixed.changed) == (0, False)


@pytest.mark.parametrize("text", ["=1+1", "+47", "-47", "@sum", "=cmd|'/c calc'!A1", "#DIV/0!", "\x1b[31m"])
def test_a_text_never_becomes_a_formula(text: str, tmp_path: Path) -> None:
    path = tmp_path / "fix.xlsx"
    write_letter(path, letter_of({"TIME_SMP": text, "CL_UEQ_L": text}))
    page = openpyxl.load_workbook(path)["Sheet 1"]
    for name in ("TIME_SMP", "CL_UEQ_L"):
        cell = page[f"{LETTERS[name]}902"]
        assert cell.data_type == "s"
        assert cell.value == text.replace("\x1b", "\ufffd")
        assert cell.quotePrefix == (text[0] in "=+-@")


def test_a_missing_column_is_there_to_be_filled_and_an_empty_one_is_a_correction(tmp_path: Path) -> None:
    columns = columns_of(make_rows(3))
    del columns["WTEMP_DEG_C"]
    letter = open_letter(encode(columns), subject="Sheet 1!A2:AC4")
    path = tmp_path / "fix.xlsx"
    fixed = corrected(letter, path)
    header = openpyxl.load_workbook(path)["Sheet 1"]["AD1"]
    assert header.value == "WTEMP_DEG_C"
    assert header.comment is not None
    assert "column WTEMP_DEG_C is missing" in header.comment.text
    assert fixed.changed
    assert judge_value(fixed.outgoing.value, read_headers(fixed.outgoing.headers)).verdict == "accepted"


def test_a_batch_that_says_no_places_is_written_from_row_two_on(tmp_path: Path) -> None:
    path = tmp_path / "fix.xlsx"
    write_letter(path, letter_of({"SO4_UEQ_L": 2400.5}, subject=None))
    page = openpyxl.load_workbook(path).worksheets[0]
    bad = page[f"{LETTERS['SO4_UEQ_L']}2"]
    assert (bad.value, bad.comment is not None) == (2400.5, True)


@pytest.mark.parametrize("rows", [[5, 5, 5], [9, 8, 7], [1, 2, 3], [5, 6, 2_000_000_000], [-4, 0, 1]])
def test_rows_that_no_sheet_has_are_written_from_row_two_on(rows: list[int], tmp_path: Path) -> None:
    letter = letter_of({"SO4_UEQ_L": 2400.5}, rows=rows)
    fixed = corrected(letter, tmp_path / "fix.xlsx")
    assert (fixed.rows, fixed.cells, fixed.changed) == (3, 0, False)
    assert read_headers(fixed.outgoing.headers).subject == "Sheet 1!A2:AD4"


@pytest.mark.parametrize("name", ["", "acidwatch", "a" * 60, "x/y:[z]?*\\", "''"])
def test_a_sheet_may_have_any_name(name: str, tmp_path: Path) -> None:
    fixed = corrected(letter_of({"SO4_UEQ_L": 2400.5}, subject=f"{name}!A902:AD904"), tmp_path / "fix.xlsx")
    assert (fixed.rows, fixed.cells) == (3, 0)
    assert sorted(openpyxl.load_workbook(tmp_path / "fix.xlsx").sheetnames, key=len)[0] != ""


def test_rows_added_and_removed_are_counted_and_all_are_one_batch(tmp_path: Path) -> None:
    def change(book: openpyxl.Workbook) -> None:
        page = book["Sheet 1"]
        for column in range(1, 31):
            page.cell(906, column).value = page.cell(904, column).value
            page.cell(903, column).value = None
        page[f"{LETTERS['DATE_SMP']}906"] = "1999-01-01"

    fixed = corrected(letter_of({}, {"SO4_UEQ_L": 2400.5}), tmp_path / "fix.xlsx", change)
    assert (fixed.rows, fixed.added, fixed.removed) == (3, 1, 1)
    assert decode(fixed.outgoing.value).row_numbers == [902, 904, 906]
    assert judge_value(fixed.outgoing.value, read_headers(fixed.outgoing.headers)).verdict == "accepted"


def test_columns_that_the_contract_does_not_know_are_shown_to_be_renamed(tmp_path: Path) -> None:
    columns = {("SO4" if name == "SO4_UEQ_L" else name): cells for name, cells in columns_of(make_rows(3)).items()}
    letter = open_letter(encode(columns), subject=SUBJECT)

    def rename(book: openpyxl.Workbook) -> None:
        page = book["Sheet 1"]
        assert (page["AC1"].value, page["AE1"].value) == ("SO4", "SO4_UEQ_L")
        page["AC1"] = "SO4_UEQ_L"
        page["AE1"] = None

    fixed = corrected(letter, tmp_path / "fix.xlsx", rename)
    assert decode(fixed.outgoing.value).columns == columns_of(make_rows(3))


def test_a_record_that_is_no_batch_is_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="can't be decoded"):
        write_letter(tmp_path / "fix.xlsx", open_letter(b"no json"))
    with pytest.raises(UnusableInputError, match="can't be written"):
        write_letter(tmp_path / "no" / "such" / "folder.xlsx", letter_of())


def test_a_workbook_of_other_making_is_told_from_ours(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.save(tmp_path / "other.xlsx")
    with pytest.raises(UnusableInputError, match=f"has no sheet '{LINEAGE}'; only a workbook made by"):
        read_lineage(tmp_path / "other.xlsx")
    with pytest.raises(UnusableInputError, match="no such file"):
        read_lineage(tmp_path / "none.xlsx")


def test_comments_of_the_laboratory_stay_with_their_rows(tmp_path: Path) -> None:
    rows = make_rows(3)
    rows[1]["SO4_UEQ_L"] = 2400.5
    value = encode(columns_of(rows), None, {"SO4_UEQ_L": {2: "limit 0.5"}, "CL_UEQ_L": {0: "diluted"}})

    def change(book: openpyxl.Workbook) -> None:
        page = book["Sheet 1"]
        page[f"{LETTERS['SO4_UEQ_L']}903"] = 47
        page.delete_rows(902)  # takes the comment on its chloride away

    fixed = corrected(open_letter(value, subject=SUBJECT), tmp_path / "fix.xlsx", change)
    after = decode(fixed.outgoing.value)
    assert after.rows == 2
    assert after.comments == {"SO4_UEQ_L": {1: "limit 0.5"}}, "the rows below moved up, and their comments with them"


def test_a_column_in_another_spelling_is_the_column_and_is_not_added_once_more(tmp_path: Path) -> None:
    columns = {
        ("so4 ueq_l" if name == "SO4_UEQ_L" else name): cells for name, cells in columns_of(make_rows(3)).items()
    }
    fixed = corrected(open_letter(encode(columns), subject=SUBJECT), tmp_path / "fix.xlsx")
    assert decode(fixed.outgoing.value).columns["SO4_UEQ_L"] == [80.0, 80.0, 80.0]
    assert (fixed.cells, fixed.added, fixed.changed) == (0, 0, True)
