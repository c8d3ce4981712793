"""Rows of results as CSV: whole, unrounded, and nothing in them that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from acidwatch.cli.output import RowsFormat, emit


def printed(
    capsys: pytest.CaptureFixture[str], rows: list[dict[str, object]], columns: tuple[str, ...] = ("site_id",)
) -> str:
    emit(rows, columns, RowsFormat.csv)
    return capsys.readouterr().out


def test_every_field_is_printed_with_all_its_digits(capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "site_id": "020058",
        "slope": -0.1 - 0.2,
        "reason": None,
        "years": [1991, 2003],
        "day": date(2001, 2, 3),
        "name": 'a "b", c',
    }
    header, line = csv.reader(io.StringIO(printed(capsys, [row])))
    assert header == list(row)
    assert line == ["020058", "-0.30000000000000004", "", "1991 2003", "2001-02-03", 'a "b", c']


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_text_that_a_spreadsheet_would_run_has_an_apostrophe_in_front(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (_, (cell, number)) = csv.reader(io.StringIO(printed(capsys, [{"method": text, "z": -1.5}]), newline=""))
    assert (cell, number) == (f"'{text}", "-1.5")


def test_no_rows_are_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, [], ("site_id", "slope")) == "site_id,slope\r\n"
