"""The guard: nothing that the fast reader would lose is lost, and nothing that would crash it reaches it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acidwatch.contract.columns import Column
from acidwatch.errors import UnusableInputError
from acidwatch.workbook import package
from acidwatch.workbook.formats import read_book
from acidwatch.workbook.reader import read_table

MakeBook = Callable[..., Path]


def refusal(path: Path, columns: tuple[Column, ...]) -> str:
    with pytest.raises(UnusableInputError) as caught:
        read_table(path, columns)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_error_cells_come_out_as_their_text(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book(
        '<row r="2"><c r="A2" t="e"><v>#N/A</v></c><c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c></row>'
        '<row r="3"><c r="D3" t="e"/></row>'
    )
    table = read_table(path, columns)
    assert table.columns == {"ID": ["#N/A", None], "DAY": [None, None], "X": ["#DIV/0!", None], "N": [None, "#ERROR!"]}


def test_formulas_without_a_value_come_out_as_the_formula(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book(
        '<row r="2"><c r="A2"><f>B2 &amp; "x"</f></c><c r="C2"><f>A1+B1</f><v></v></c>'
        '<c r="D2"><f>1+1</f><v>2</v></c></row>'
        '<row r="3"><c r="A3" t="str"><f>""</f><v></v></c><c r="C3"><f t="shared" si="0"/></c></row>'
    )
    table = read_table(path, columns)
    assert table.columns["ID"] == ['=B2 & "x"', None]
    assert table.columns["X"] == ["=A1+B1", "=shared formula 0"]
    assert table.columns["N"] == [2.0, None]


@pytest.mark.parametrize("said", ['<calcPr fullCalcOnLoad="1"/>', '<calcPr calcId="1" fullCalcOnLoad="true"/>'])
def test_a_zero_that_stands_for_what_was_never_calculated_is_no_number(
    raw_book: MakeBook, columns: tuple[Column, ...], said: str
) -> None:
    rows = '<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="C2"><f>D2*2</f><v>0</v></c><c r="D2"><v>0</v></c></row>'
    assert read_table(raw_book(rows, workbook=said), columns).columns["X"] == ["=D2*2"]
    assert read_table(raw_book(rows, workbook=said), columns).columns["N"] == [0.0]
    for calculated in ("", '<calcPr calcId="191029"/>', '<calcPr fullCalcOnLoad="0"/>'):
        assert read_table(raw_book(rows, workbook=calculated), columns).columns["X"] == [0.0]
    other = rows.replace("<v>0</v></c><c", "<v>0.5</v></c><c")
    assert read_table(raw_book(other, workbook=said), columns).columns["X"] == [0.5]


def test_a_column_of_a_table_that_is_called_by_a_year_is_no_other_workbook(
    raw_book: MakeBook, columns: tuple[Column, ...]
) -> None:
    rows = '<row r="2"><c r="A2" t="inlineStr"><is><t>a</t></is></c><c r="C2"><f>SUM({})</f><v>2</v></c></row>'
    for inside in (
        "Table1[2019]",
        "Table1[[2019]:[2020]]",
        "T[[#This Row],[2018]:[2020]]",
        "T[[2018],[2019],[2020]]",
        "Lac_été[2019]*2",
    ):
        assert read_table(raw_book(rows.format(inside)), columns).columns["X"] == [2.0]
    for outside in ("[1]Sheet1!A1", "'[2]My sheet'!A1", "A1+[1]!name"):
        assert "takes values from other workbooks" in refusal(raw_book(rows.format(outside)), columns)


def test_a_formula_that_a_library_wrote_is_not_lost_even_beyond_the_last_value(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(["ID", "DAY", "X", "N"])
    sheet.append(["a"])
    sheet["D5"] = "=C2*2"
    workbook.save(tmp_path / "book.xlsx")
    table = read_table(tmp_path / "book.xlsx", columns)
    assert (table.row_numbers, table.columns["N"]) == ([2, 5], [None, "=C2*2"])


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="2"><c r="A2"><v>1</v></c></row><row r="3"><c r="XFD1048577"><v>1</v></c></row>',
        '<row r="2"><c r="ZZZZ1"><v>1</v></c></row>',
        '<row r="2"><c r="XFE2"><v>1</v></c></row>',
        "<row r='2'><c s='0' r = 'zzzz2'><v>1</v></c></row>",
        '<row r="4000000000"><c><v>1</v></c></row>',
        '<row r="99999999999999999999999"><c><v>1</v></c></row>',
        '<row r="2"><c\nr="A4000000000"><v>1</v></c></row>',
        '<row r="2"><c r="A2"><f>1</f></c><c r="ZZZZ2"><v>1</v></c></row>',
    ],
)
def test_a_reference_beyond_any_sheet_is_refused(raw_book: MakeBook, columns: tuple[Column, ...], rows: str) -> None:
    assert "outside any sheet" in refusal(raw_book(rows), columns)


def test_it_is_refused_under_another_namespace_prefix_too(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book('<x:row r="2"><x:c r="ZZZZ2"><x:v>1</x:v></x:c></x:row>', prefix="x")
    assert "outside any sheet" in refusal(path, columns)


def test_a_lone_far_cell_is_refused_with_what_to_do(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    message = refusal(
        raw_book('<row r="2"><c r="A2"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'),
        columns,
    )
    assert "stray cell" in message
    assert "1,048,576 rows x 16,384 columns" in message


def test_cells_without_references_are_counted_to_their_place(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    table = read_table(raw_book('<row><c><v>7</v></c><c/><c t="e"><v>#REF!</v></c></row>'), columns)
    assert (table.row_numbers, table.columns["ID"], table.columns["X"]) == ([2], ["7"], ["#REF!"])


def test_a_sheet_that_unpacks_to_too_much_is_refused(raw_book: MakeBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "_MOST_BYTES", 1000)
    path = raw_book('<row r="2"><c r="A2"><v>1</v></c></row>' + " " * 2000)
    assert path.stat().st_size < 2000
    with pytest.raises(UnusableInputError, match="uncompressed"):
        read_book(path, path.read_bytes(), None)


def test_broken_xml_is_refused(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    assert "damaged" in refusal(raw_book('<row r="2"><c r="A2"><f>1</row>'), columns)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(2, 30), st.sampled_from("ABCD")),
        st.sampled_from(["value", "error", "formula", "calculated"]),
        min_size=1,
    ),
    quote=st.sampled_from("\"'"),
    style=st.sampled_from(["", ' s="0"']),
)
def test_no_cell_is_lost_however_it_is_written(
    raw_book: MakeBook, columns: tuple[Column, ...], cells: dict[tuple[int, str], str], quote: str, style: str
) -> None:
    written = {"value": "<v>5</v>", "error": "<v>#NUM!</v>", "formula": "<f>A1</f>", "calculated": "<f>A1</f><v>5</v>"}
    rows = ""
    for number in sorted({row for row, _ in cells}):
        rows += f"<row r={quote}{number}{quote}>"
        for letter in sorted(letter for row, letter in cells if row == number):
            kind = cells[number, letter]
            error = ' t="e"' if kind == "error" else ""
            rows += f"<c{style} r={quote}{letter}{number}{quote}{error}>{written[kind]}</c>"
        rows += "</row>"
    table = read_table(raw_book(rows), columns)
    found = {
        (row, table.letters[name]): values[index]
        for name, values in table.columns.items()
        for index, row in enumerate(table.row_numbers)
        if values[index] is not None
    }
    assert {place: str(value).removesuffix(".0") for place, value in found.items()} == {
        place: {"error": "#NUM!", "formula": "=A1"}.get(kind, "5") for place, kind in cells.items()
    }


def test_the_first_pass_finds_references_that_a_chunk_cuts(raw_book: MakeBook, monkeypatch: pytest.MonkeyPatch) -> None:
    path = raw_book(
        "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(2, 40))
        + '<row r="40"><c r="ZZZZ40"/></row>'
    )
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    for chunk in (200, 201, 333, size - 1, size - 50):
        for module in ("guard", "package"):
            monkeypatch.setattr(f"acidwatch.workbook.{module}.CHUNK_BYTES", chunk)
        assert "outside any sheet" in read_book(path, path.read_bytes(), None).refused[0]
