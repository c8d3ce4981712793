"""The blank workbook: made from the contract, kept apart from what is not data, and accepted once it is filled in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from acidwatch.contract.columns import SAMPLE_NAMES, SAMPLES
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import read_table
from acidwatch.workbook.template import write_template
from tests.unit.contract.makers import LETTERS, make_row


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    path = tmp_path / "blank.xlsx"
    write_template(path)
    return path


def test_it_has_every_column_once_in_row_1_and_no_row_of_data(blank: Path) -> None:
    page = openpyxl.load_workbook(blank).worksheets[0]
    assert [cell.value for cell in page[1]] == list(SAMPLE_NAMES)
    with pytest.raises(UnusableInputError, match="no data rows below"):
        read_table(blank, SAMPLES)


def test_units_and_ranges_are_told_at_each_column_and_in_the_notes(blank: Path) -> None:
    book = openpyxl.load_workbook(blank)
    page, notes = book.worksheets
    assert "0 to 2000 ueq/L" in page[f"{LETTERS['SO4_UEQ_L']}1"].comment.text
    lines = [[cell.value for cell in row] for row in notes.iter_rows()]
    assert ["SO4_UEQ_L", "number", "ueq/L", "0 to 2000 ueq/L", None, "sulphate"] in lines
    assert {line[0] for line in lines} >= set(SAMPLE_NAMES)


def test_domains_are_drop_downs_and_ranges_are_checked_while_typing(blank: Path) -> None:
    page = openpyxl.load_workbook(blank).worksheets[0]
    rules: dict[str, Any] = {str(one.sqref).split("2:")[0]: one for one in page.data_validations.dataValidation}
    for column in SAMPLES:
        rule = rules.get(LETTERS[column.name])
        if column.domain:
            assert (rule.type, rule.formula1) == ("list", f'"{",".join(column.domain)}"')
        elif column.low is not None:
            assert (rule.type, float(rule.formula1), float(rule.formula2)) == ("decimal", column.low, column.high)
            assert rule.errorStyle == "warning", "a value below a limit is a text, <0.5"
    assert rules["C"].type == "date"


def test_texts_keep_their_zeros_and_dates_look_like_dates(blank: Path) -> None:
    page = openpyxl.load_workbook(blank).worksheets[0]
    assert page.column_dimensions["A"].number_format == "@"
    assert page.column_dimensions["C"].number_format == "yyyy-mm-dd"


def test_filled_in_it_is_read_as_it_was_meant(blank: Path) -> None:
    book = openpyxl.load_workbook(blank)
    book.worksheets[0].append([make_row()[name] for name in SAMPLE_NAMES])
    book.save(blank)
    table = read_table(blank, SAMPLES)
    assert (table.sheet, table.columns["SITE_ID"], table.columns["SO4_UEQ_L"]) == ("Samples", ["020058"], [80.0])
