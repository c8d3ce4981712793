"""Every format gives the same table: the same values, cells and notes, and nothing lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from acidwatch.contract.columns import Column
from acidwatch.workbook.ods import clock_time
from acidwatch.workbook.reader import read_table
from tests.unit.workbook.builders import Build, Cell, Error, Extras, Formula, csvfile, ods, xls, xlsb, xlsx

BUILDERS: dict[str, Build] = {
    "xlsx": xlsx.build, "xls": xls.build, "xlsb": xlsb.build, "ods": ods.build, "csv": csvfile.build,
}  # fmt: skip
HEADER: list[Cell] = ["ID", "DAY", "X", "N"]
DAY = dt.datetime(1992, 6, 14)
every_format = pytest.mark.parametrize("kind", BUILDERS)
every_workbook = pytest.mark.parametrize("kind", [kind for kind in BUILDERS if kind != "csv"])


@every_format
def test_the_same_cells_give_the_same_table(kind: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / f"book.{kind}"
    rows: list[list[Cell]] = [
        HEADER,
        ["020058", DAY, 1.5, 3.0],
        [],
        ["b", DAY.replace(hour=10, minute=30), "<0.5", None],
        ["TRUE", None, True, 2.0],
    ]
    BUILDERS[kind](path, rows, Extras())
    table = read_table(path, columns)
    assert table.columns == {
        "ID": ["020058", "b", "TRUE"],
        "DAY": ["1992-06-14", "1992-06-14T10:30:00", None],
        "X": [1.5, "<0.5", "TRUE"],
        "N": [3.0, None, 2.0],
    }
    assert (table.row_numbers, table.letters, table.notes) == (
        [2, 4, 5],
        {"ID": "A", "DAY": "B", "X": "C", "N": "D"},
        (),
    )


@every_format
def test_error_cells_come_out_as_their_text(kind: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / f"book.{kind}"
    BUILDERS[kind](
        path,
        [HEADER, ["a", DAY, Error("#DIV/0!"), Formula("1/0", Error("#N/A"))], ["b", None, None, Error("#REF!")]],
        Extras(),
    )
    table = read_table(path, columns)
    assert (table.columns["X"], table.columns["N"]) == (["#DIV/0!", None], ["#N/A", "#REF!"])


@every_format
def test_the_calculated_value_of_a_formula_is_taken(kind: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / f"book.{kind}"
    BUILDERS[kind](path, [HEADER, [Formula('"a"', "a"), DAY, Formula("1+1", 2.5), Formula("0", 0.0)]], Extras())
    table = read_table(path, columns)
    assert (table.columns["ID"], table.columns["X"], table.columns["N"]) == (["a"], [2.5], [0.0])


@pytest.mark.parametrize(
    "kind", ["xlsx", "xls", "ods", "csv"]
)  # an .xlsb has no way to say that nothing was calculated
def test_a_formula_that_was_never_calculated_is_no_number(
    kind: str, tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / f"book.{kind}"
    BUILDERS[kind](path, [HEADER, ["a", DAY, Formula("A1+1"), 1.0]], Extras())
    (value,) = read_table(path, columns).columns["X"]
    assert str(value).startswith("=")


@every_workbook
def test_hidden_rows_are_read_counted_and_reported(kind: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / f"book.{kind}"
    rows: list[list[Cell]] = [HEADER, *[["a", DAY, float(n), 1.0] for n in range(5)]]
    BUILDERS[kind](path, rows, Extras(hidden=frozenset({3, 4})))
    table = read_table(path, columns)
    assert table.columns["X"] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert table.notes == ("2 rows are hidden and are read like the others (3, 4)",)


@pytest.mark.parametrize("kind", ["xlsx", "xls", "xlsb"])  # an .ods says its dates in ISO 8601
def test_days_that_count_from_1904_are_read_so_and_reported(
    kind: str, tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / f"book.{kind}"
    BUILDERS[kind](path, [HEADER, ["a", DAY, 1.0, 1.0]], Extras(epoch_1904=True))
    table = read_table(path, columns)
    assert table.columns["DAY"] == ["1992-06-14"]
    assert "count from 1904" in table.notes[0]


@every_workbook
def test_a_header_of_two_rows_with_merged_cells_is_read_whole(
    kind: str, tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / f"book.{kind}"
    rows: list[list[Cell]] = [["ID", "DAY", "measured", None], [None, None, "X", "N"], ["a", DAY, 1.0, 2.0]]
    BUILDERS[kind](path, rows, Extras(merged=((1, 1, 2, 1), (1, 2, 2, 2), (1, 3, 1, 4))))
    table = read_table(path, columns)
    assert (table.columns["ID"], table.columns["N"], table.row_numbers) == (["a"], [2.0], [3])


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_comments_of_cells_are_kept(kind: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / f"book.{kind}"
    rows: list[list[Cell]] = [HEADER, [], ["a", DAY, 0.0, 1.0], ["b", DAY, 1.0, 1.0]]
    BUILDERS[kind](path, rows, Extras(comments=((3, 3, "limit 0.5"), (1, 1, "the site"), (4, 2, "at noon"))))
    assert read_table(path, columns).comments == {"X": {0: "limit 0.5"}, "DAY": {1: "at noon"}}


def test_an_xls_of_several_megabytes_is_read_whole(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.xls"
    rows: list[list[Cell]] = [
        HEADER,
        *[[f"site {number:04} " + "x" * 220, DAY, float(number), 1.0] for number in range(16_000)],
    ]
    xls.build(path, rows)
    assert path.stat().st_size > 109 * 128 * 512, "beyond this the list of its sectors goes on outside the header"
    table = read_table(path, columns)
    assert table.columns["X"] == [float(number) for number in range(16_000)]


@pytest.mark.parametrize(
    ("told", "shown"), [("PT09H30M00S", "09:30:00"), ("PT9H5M", "09:05:00"), ("PT45M7.25S", "00:45:07")]
)
def test_a_time_of_day_in_an_ods_reads_as_in_an_xlsx(told: str, shown: str) -> None:
    assert clock_time(told) == shown
    assert clock_time("930") is None
