"""Reading a workbook: what cells become, where the table is found, and what each refusal says."""

from __future__ import annotations

import datetime as dt
import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from acidwatch.contract.columns import Column
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.reader import read_table

MakeBook = Callable[..., Path]

HEADER = ["ID", "DAY", "X", "N"]
ROW = ["a", dt.date(1992, 6, 14), 1.5, 3]


def refusal(path: Path, columns: tuple[Column, ...], sheet: str | None = None) -> str:
    with pytest.raises(UnusableInputError) as caught:
        read_table(path, columns, sheet)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_cells_become_values_of_their_columns_type(book: MakeBook, columns: tuple[Column, ...]) -> None:
    table = read_table(book(S=[HEADER, ROW, ["020058", dt.datetime(1992, 6, 14, 10, 30), 2, None]]), columns)
    assert table.columns == {
        "ID": ["a", "020058"], "DAY": ["1992-06-14", "1992-06-14T10:30:00"], "X": [1.5, 2.0], "N": [3.0, None]
    }  # fmt: skip
    assert all(type(value) is float for value in table.columns["X"])


def test_a_cell_of_another_type_is_the_text_it_was(book: MakeBook, columns: tuple[Column, ...]) -> None:
    rows = [
        [20058, 33000, "n.d.", True],
        [5.3, "14.06.1992", dt.date(1992, 6, 14), "7"],
        [True, 0.5, dt.time(10, 30), "x"],
    ]
    table = read_table(book(S=[HEADER, *rows]), columns)
    assert table.columns["ID"] == ["20058", "5.3", "TRUE"]
    assert table.columns["DAY"] == ["33000", "14.06.1992", "0.5"]
    assert table.columns["X"] == ["n.d.", "1992-06-14", "10:30:00"]
    assert table.columns["N"] == ["TRUE", "7", "x"]


def test_blanks_are_empty_but_a_text_is_not_stripped(book: MakeBook, columns: tuple[Column, ...]) -> None:
    table = read_table(book(S=[HEADER, [" a ", "", "   ", 1]]), columns)
    assert [values[0] for values in table.columns.values()] == [" a ", None, None, 1.0]


def test_not_a_number_and_infinity_are_texts(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book('<row r="2"><c r="C2"><v>NaN</v></c><c r="D2"><v>1e999</v></c></row>')
    table = read_table(path, columns)
    assert (table.columns["X"], table.columns["N"]) == (["nan"], ["inf"])


def test_the_text_na_stays_text(book: MakeBook, columns: tuple[Column, ...]) -> None:
    assert read_table(book(S=[HEADER, ["NA", None, None, None]]), columns).columns["ID"] == ["NA"]


def test_every_row_knows_its_sheet_row_and_blank_rows_are_left_out(book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = book(S=[[], HEADER, [], ROW, [], [None, None, 4.0], []])
    table = read_table(path, columns)
    assert (table.row_numbers, table.first_row) == ([4, 6], 4)
    assert table.columns["X"] == [1.5, 4.0]
    assert table.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_columns_are_in_sheet_order_with_their_letters_and_unknown_ones_are_reported(
    book: MakeBook, columns: tuple[Column, ...]
) -> None:
    table = read_table(
        book(S=[[None, " X ", "note", "ID", "DAY", "N", "note"], [None, 1, "hm", "a", None, 2]]), columns
    )
    assert list(table.columns) == ["X", "ID", "DAY", "N"]
    assert table.letters == {"X": "B", "ID": "D", "DAY": "E", "N": "F"}
    assert table.unknown == ("note", "note")


def test_of_several_sheets_the_one_with_all_the_columns_is_read(book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = book(Notes=[["read me"]], Data=[HEADER, ROW])
    assert read_table(path, columns).sheet == "Data"
    assert read_table(path, columns, "Data").columns["ID"] == ["a"]


def test_no_such_file(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    assert "no such file" in refusal(tmp_path / "none.xlsx", columns)


def test_a_folder(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    assert "is a folder" in refusal(tmp_path, columns)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"SITE_ID,PROGRAM_ID\n", "not a workbook"),
        (b"PK\x03\x04 and then nothing", "is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and then nothing", "is damaged"),
    ],
)
def test_a_file_that_is_no_workbook_is_refused_with_its_reason(
    tmp_path: Path, columns: tuple[Column, ...], content: bytes, says: str
) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    assert says in refusal(path, columns)


def test_a_zip_that_holds_no_workbook_is_refused(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "file.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "dear laboratory")
    assert "damaged (" in refusal(path, columns)


def test_a_workbook_cut_off_while_copying_is_refused(book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = book(S=[HEADER, ROW])
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refusal(path, columns)


def test_a_workbook_with_a_flipped_byte_is_refused(raw_book: MakeBook, columns: tuple[Column, ...]) -> None:
    path = raw_book("".join(f'<row r="{n}"><c r="C{n}"><v>{n * 7919}</v></c></row>' for n in range(2, 500)))
    data = bytearray(path.read_bytes())
    data[data.index(b"sheet1.xml") + 600] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "damaged" in refusal(path, columns)


def test_no_such_sheet_lists_those_that_are_there(book: MakeBook, columns: tuple[Column, ...]) -> None:
    assert "no sheet 'data'; it has 'Notes', 'Data'" in refusal(
        book(Notes=[["x"]], Data=[HEADER, ROW]), columns, "data"
    )


def test_all_missing_columns_are_named(book: MakeBook, columns: tuple[Column, ...]) -> None:
    message = refusal(book(S=[["i.d.", "X"], ["a", 1]]), columns)
    assert "sheet 'S' lacks the columns ID, DAY, N ('i.d.' should be ID)" in message


def test_no_sheet_fits(book: MakeBook, columns: tuple[Column, ...]) -> None:
    message = refusal(book(Notes=[["x"]], Data=[["ID", "X", "N"], ["a", 1, 2]]), columns)
    assert "none of the sheets 'Notes', 'Data'" in message
    assert "'Data', which lacks DAY" in message


def test_two_sheets_fit(book: MakeBook, columns: tuple[Column, ...]) -> None:
    assert "the sheets 'A', 'B' all have the columns" in refusal(book(A=[HEADER, ROW], B=[HEADER, ROW]), columns)


@pytest.mark.parametrize("rows", [[], [[None, "", "  "]]])
def test_an_empty_sheet(book: MakeBook, columns: tuple[Column, ...], rows: list[list[str]]) -> None:
    assert "sheet 'S' is empty" in refusal(book(S=rows), columns)


@pytest.mark.parametrize("rows", [[], [[None, "  "]]])
def test_no_data_rows(book: MakeBook, columns: tuple[Column, ...], rows: list[list[str]]) -> None:
    assert "no data rows" in refusal(book(S=[HEADER, *rows]), columns)


def test_a_column_that_is_there_twice(book: MakeBook, columns: tuple[Column, ...]) -> None:
    assert "the column X more than once (C and E)" in refusal(book(S=[[*HEADER, "X "], ROW]), columns)
