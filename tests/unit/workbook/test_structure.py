"""What laboratories' sheets look like: titles, units, headers of their own spelling, other sheets, blank and formatted rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import PatternFill

from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES, Column
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import read_table
from tests.unit.contract.makers import make_row
from tests.unit.workbook.builders import Build, Cell, Extras, Rows, csvfile, ods, xls, xlsb, xlsx

MakeBook = Callable[..., Path]
HEADER: list[Cell] = ["ID", "DAY", "X", "N"]
DAY = dt.datetime(1992, 6, 14)
ROW: list[Cell] = ["a", DAY, 1.5, 3.0]


def refusal(path: Path, columns: tuple[Column, ...], sheet: str | None = None) -> str:
    with pytest.raises(UnusableInputError) as caught:
        read_table(path, columns, sheet)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_title_rows_above_the_header_are_left_out_and_reported(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [["Lake survey 1992"], ["ID of the survey", 7.0], [], HEADER, ROW])
    table = read_table(path, columns)
    assert (table.row_numbers, table.columns["X"]) == ([5], [1.5])
    assert table.notes == ("the names of the columns are in row 4; what stands above is not sent",)


def test_names_in_other_case_and_with_blanks_are_taken_and_reported(tmp_path: Path) -> None:
    columns = (Column("SITE_ID", "text"), Column("SO4_UEQ_L", "number"))
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [["Site id ", "so4  ueq_L"], ["a", 1.0]])
    table = read_table(path, columns)
    assert table.columns == {"SITE_ID": ["a"], "SO4_UEQ_L": [1.0]}
    assert table.notes == (
        "names of columns are taken as the contract's: 'Site id' as SITE_ID, 'so4  ueq_L' as SO4_UEQ_L",
    )


def test_two_columns_whose_names_only_differ_in_case_are_refused(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [[*HEADER, "x"], [*ROW, 2.0]])
    assert "the column X more than once (C and E)" in refusal(path, columns)


def test_columns_in_another_order_and_extra_ones_are_fine(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [["N", "note", "X", "DAY", "ID"], [3.0, "windy", 1.5, DAY, "a"]])
    table = read_table(path, columns)
    assert (table.columns["N"], table.letters["ID"], table.unknown) == ([3.0], "E", ("note",))
    assert table.notes == ("column 'note' is not in the contract and is not sent",)


def test_a_column_with_values_and_no_name_is_reported_by_its_letter(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [["ID", "DAY", None, "X", "N", None, " "], ["a", DAY, 7.0, 1.5, 3.0, None, "x"]])
    assert read_table(path, columns).notes == ("columns with values but without a name in row 1 are not sent (C, G)",)


UNITS: dict[str, Cell] = {
    column.name: {"ueq/L": "(µeq/L)", "deg C": "°C", "pH": "pH units", "uS/cm": "µS/cm"}.get(column.unit, column.unit)
    if column.kind == "number"
    else None
    for column in SAMPLES
}


def test_a_row_of_units_below_the_header_is_left_out_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [[*SAMPLE_NAMES], [UNITS[name] for name in SAMPLE_NAMES], [*make_row().values()]])
    table = read_table(path, SAMPLES)
    assert (table.row_numbers, table.notes) == ([3], ("row 2 holds units and is not sent",))


def test_units_that_are_not_the_contracts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    units = UNITS | {"SO4_UEQ_L": "mg/L"}
    xlsx.build(path, [[*SAMPLE_NAMES], [units[name] for name in SAMPLE_NAMES], [*make_row().values()]])
    assert "AC2 gives SO4_UEQ_L in mg/L; the contract wants ueq/L" in refusal(path, SAMPLES)


@pytest.mark.parametrize(
    "cells",
    [
        {"SO4_UEQ_L": "<0.5", "CL_UEQ_L": "-"},
        {"SO4_UEQ_L": "ueq/L", "CL_UEQ_L": 5.0},
        {"SO4_UEQ_L": "n.d.", "K_UEQ_L": "K"},
        {"SO4_UEQ_L": "-"},
    ],
)
def test_a_row_with_anything_but_units_is_data(tmp_path: Path, cells: dict[str, Cell]) -> None:
    path = tmp_path / "book.xlsx"
    row = dict.fromkeys(SAMPLE_NAMES) | {"SITE_ID": "a"} | cells
    xlsx.build(path, [[*SAMPLE_NAMES], [row[name] for name in SAMPLE_NAMES]])
    assert read_table(path, SAMPLES).row_numbers == [2]


def test_the_data_are_found_on_another_sheet_and_the_choice_is_reported(
    book: MakeBook, columns: tuple[Column, ...]
) -> None:
    path = book(Notes=[["read me"]], Data=[HEADER, ROW])
    table = read_table(path, columns)
    assert (table.sheet, table.notes) == ("Data", ("of the sheets 'Notes', 'Data' it is 'Data' that is read",))
    assert "lacks the columns" in refusal(path, columns, "Notes")


def test_a_name_merged_over_two_columns_with_values_is_refused(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    merged = Extras(merged=((1, 3, 1, 4),))
    xlsx.build(path, [["ID", "DAY", "X", None, "N"], ["a", DAY, "<", 0.5, 3.0]], merged)
    assert "X is merged over the columns C and D" in refusal(path, columns)
    xlsx.build(path, [["ID", "DAY", "X", None, "N"], ["a", DAY, 0.5, None, 3.0]], merged)
    assert read_table(path, columns).columns["X"] == [0.5]


def test_cells_merged_among_the_data_are_noted_because_all_but_the_first_are_empty(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "samples.xlsx"
    rows: Rows = [
        ["title", None, None, None],
        ["ID", "DAY", "X", "N"],
        *([f"s{n}", DAY, 9.5 if n == 0 else None, 3.0] for n in range(3)),
    ]
    xlsx.build(path, rows, Extras(merged=((3, 3, 5, 3), (1, 1, 1, 4))))
    table = read_table(path, columns)
    assert table.columns["X"] == [9.5, None, None]
    (note,) = [note for note in table.notes if "merged" in note]
    assert note.endswith("the others are taken as empty (C3:C5)")


@pytest.mark.parametrize("build", [xlsx.build, ods.build, xls.build, xlsb.build])
def test_a_value_under_merged_cells_is_refused_with_its_cell(
    build: Build, tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / f"samples.{build.__module__.rpartition('.')[2]}"
    rows: Rows = [HEADER, ["a", DAY, 1.5, 3.0], ["b", DAY, 2.5, 3.0], ["c", DAY, None, 3.0]]
    build(path, rows, Extras(merged=((2, 3, 4, 3),)))
    said = refusal(path, columns)
    assert "has values that nobody sees, under merged cells (C3); unmerge" in said


def test_merged_cells_that_lie_over_each_other_are_not_gone_through_one_by_one(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "samples.xlsx"
    xlsx.build(path, [HEADER, ["a", DAY, None, 3.0]], Extras(merged=((2, 3, 3, 3),) * 9))
    assert "merged cells that lie over each other" in refusal(path, columns)


def test_thousands_of_formatted_empty_rows_are_no_data(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    for row in (HEADER, ROW):
        sheet.append(row)
    for row in sheet.iter_rows(min_row=3, max_row=5000, max_col=4):
        for cell in row:
            cell.fill = PatternFill("solid", fgColor="FFFF9999")
    workbook.save(tmp_path / "book.xlsx")
    assert read_table(tmp_path / "book.xlsx", columns).row_numbers == [2]


def test_a_blank_row_far_off_that_ends_a_sheet_is_no_reason(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book('<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576" ht="12.8" hidden="0"/>')
    assert read_table(path, columns).row_numbers == [2]


def test_hidden_rows_are_found_in_both_passes(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    rows = (
        '<row r=\'2\' hidden=\'true\'><c r="A2"><v>1</v></c></row><row hidden="1" r="3"><c r="A3">{}<v>1</v></c></row>'
    )
    for formula in ("", "<f>1</f>"):
        table = read_table(raw_book(rows.format(formula)), columns)
        assert table.notes == ("2 rows are hidden and are read like the others (2, 3)",)


def test_booleans_come_out_as_their_text(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [HEADER, ["a", DAY, True, False]])
    table = read_table(path, columns)
    assert (table.columns["X"], table.columns["N"]) == (["TRUE"], ["FALSE"])


def test_an_iso_date_as_text_is_the_date_and_any_other_stays_what_it_is(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "book.xlsx"
    xlsx.build(path, [HEADER, ["a", "1992-06-14", 1.0, 1.0], ["b", "03/04/1992", 1.0, 1.0], ["c", 33769.0, 1.0, 1.0]])
    assert read_table(path, columns).columns["DAY"] == ["1992-06-14", "03/04/1992", "33769"]


def test_a_text_file_has_rows_and_letters_too(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "samples.csv"
    csvfile.build(path, [["Survey"], [], ["X", "ID", "DAY", "N", "note"], [1.5, "a", DAY, 1.0, "x"]])
    table = read_table(path, columns)
    assert (table.sheet, table.row_numbers, table.letters["ID"], table.unknown) == ("csv", [4], "B", ("note",))
