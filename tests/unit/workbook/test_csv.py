"""Text files: their separators, encodings and locales; nothing about a number is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acidwatch.contract.columns import SAMPLES, Column
from acidwatch.errors import UnusableInputError
from acidwatch.workbook.locale import convert_numbers
from acidwatch.workbook.reader import Table, read_table
from tests.unit.workbook.builders import Extras, xlsx


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = path / "samples.csv"
    path.write_bytes(text.encode(encoding))
    return path


def refusal(path: Path, columns: tuple[Column, ...], locale: str | None = None) -> str:
    with pytest.raises(UnusableInputError) as caught:
        read_table(path, columns, locale=locale)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def numbers(table: Table) -> list[object]:
    return list(table.columns["X"])


@pytest.mark.parametrize(
    "text",
    [
        "ID,DAY,X,N\na,1992-06-14,1.5,3\nb,1992-06-15,1,5,3\n",
        "ID,DAY,X,N\na,1992-06-14,1.5,3\nb,1992-06-15,1,5,\n",
        "ID,DAY,X,N,\na,1992-06-14,1.5,3\nb,1992-06-15,1,5,3\n",
    ],
    ids=["a value behind the last column", "an empty cell behind it", "a value under the header's last separator"],
)
def test_a_row_whose_values_may_have_slipped_into_the_next_column_is_refused(
    tmp_path: Path, columns: tuple[Column, ...], text: str
) -> None:
    said = refusal(write(tmp_path, text), columns)
    assert "row 3 has 5 cells, the names of the columns are 4: write decimal points" in said


def test_a_separator_more_at_the_end_of_every_row_is_taken_only_where_the_header_has_it_too(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    table = read_table(write(tmp_path, "ID,DAY,X,N,\na,1992-06-14,1.5,3,\nb,1992-06-15,2.5,4,\n"), columns)
    assert (table.columns["X"], table.columns["N"]) == ([1.5, 2.5], [3.0, 4.0])
    # Each row may as well say 1,5 and 2,5, with an empty N.
    said = refusal(write(tmp_path, "ID,DAY,X,N\na,1992-06-14,1,5,\nb,1992-06-15,2,5,\n"), columns)
    assert "row 2 has 5 cells" in said
    assert "if the rows of data end in a separator more, end the row of names so too" in said


@pytest.mark.parametrize(
    "text",
    [
        "ID,DAY,X,N\na,1992-06-14,1.5,3,\nb,1992-06-15,2.5,4\n",
        "ID,DAY,X,N,\na,1992-06-14,1.5,3,see notebook\nb,1992-06-15,2.5,4,\n",
        "ID;DAY;X;N\na;1992-06-14;1;5;\nb;1992-06-15;2.5;4\n",
    ],
    ids=["an empty cell more", "a value under no name", "semicolons"],
)
def test_a_row_with_more_cells_is_taken_where_no_decimal_comma_can_have_made_two_of_one(
    tmp_path: Path, columns: tuple[Column, ...], text: str
) -> None:
    table = read_table(write(tmp_path, text), columns)
    assert table.columns["N"] in ([3.0, 4.0], [5.0, 4.0])


def test_rows_that_end_early_are_noted_and_one_that_is_cut_off_is_refused(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    table = read_table(write(tmp_path, "title\nID,DAY,X,N\na,1992-06-14,1.5\nb,1992-06-15,2.5,3\n"), columns)
    assert table.columns["N"] == [None, 3.0]
    assert any("1 rows have fewer cells" in note and "rows 3" in note for note in table.notes)
    said = refusal(write(tmp_path, "ID,DAY,X,N\na,1992-06-14,1.5,3\nb,1992-06-15,2."), columns)
    assert "row 3 is the last one, and cut off; copy the file again" in said
    table = read_table(write(tmp_path, "ID,DAY,X,N,\na,1992-06-14,1.5,3"), columns)
    assert table.columns["N"] == [3.0], "a separator more at the end of the header is no column"
    assert table.notes == ("the last row, 2, has no end of line: was the file copied whole?",)


def test_names_of_columns_tell_the_separator_whatever_else_the_lines_hold(tmp_path: Path) -> None:
    for separator in ";\t":
        names = [column.name for column in SAMPLES]
        remark = "wind, rain, fog, " * 30
        lines = [f"remark{separator}{remark}", separator.join(names), separator.join("1" for _ in names)]
        path = write(tmp_path, "\n".join(lines) + "\n")
        assert len(read_table(path, SAMPLES).columns) == len(SAMPLES)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_separators_and_encodings_are_told_apart(
    encoding: str, separator: str, tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    lines = ["ID,DAY,X,N", "Lac à l'Étoile,1992-06-14,1.5,3", '"a,;""b""",1992-06-15,-5,1E3']
    if separator == ";":
        lines = [lines[0].replace(",", ";"), lines[1].replace(",", ";"), '"a,;""b""";1992-06-15;-5;1E3']
    table = read_table(write(tmp_path, "\r\n".join(lines), encoding), columns)
    assert table.columns == {
        "ID": ["Lac à l'Étoile", 'a,;"b"'], "DAY": ["1992-06-14", "1992-06-15"], "X": [1.5, -5.0], "N": [3.0, 1000.0]
    }  # fmt: skip
    assert [note for note in table.notes if "Latin-1" in note] == ([table.notes[0]] if encoding == "latin-1" else [])


def test_decimal_commas_and_blanks_between_thousands_are_read_when_the_locale_says_so(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    texts = ["0,25", "1 234,5", "1\u00a0234", "12\u202f345\u202f678", "-0,5", "<0,25", "> 1 000", "7", "n.d.", "1,5E-3"]
    path = write(tmp_path, "\n".join(["ID;DAY;X;N", *(f"a;1992-06-14;{text};1" for text in texts)]))
    table = read_table(path, columns, locale="fr")
    assert numbers(table) == [0.25, 1234.5, 1234.0, 12345678.0, -0.5, "<0.25", ">1000", 7.0, "n.d.", 0.0015]
    assert (
        "8 numbers are written with a decimal comma or blanks and read as --locale fr says (C2 is '0,25')"
        in table.notes
    )


def test_a_file_that_looks_like_commas_is_refused_until_somebody_says_what_they_are(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = write(tmp_path, "ID;DAY;X;N\na;1992-06-14;0,25;1\nb;1992-06-14;7;1")
    message = refusal(path, columns)
    assert "C2 is '0,25'" in message
    assert "--locale fr" in message
    assert numbers(read_table(path, columns, locale="en")) == ["0,25", 7.0]


def test_blanks_between_thousands_alone_look_like_it_too(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = write(tmp_path, "ID;DAY;X;N\na;1992-06-14;1 234;1")
    assert "--locale fr" in refusal(path, columns)


def test_one_comma_among_points_is_left_to_be_found_in_its_cell(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = write(tmp_path, "ID;DAY;X;N\na;1992-06-14;0,25;1\nb;1992-06-14;0.5;1\nc;1992-06-14;1.5;1")
    assert numbers(read_table(path, columns)) == ["0,25", 0.5, 1.5]


def test_points_under_the_french_locale_are_refused(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = write(tmp_path, "ID;DAY;X;N\na;1992-06-14;0,25;1\nb;1992-06-14;1.234;1")
    assert "C3 is '1.234'" in refusal(path, columns, "fr")


def test_commas_in_texts_of_a_workbook_are_read_with_the_locale_and_found_without(
    tmp_path: Path, columns: tuple[Column, ...]
) -> None:
    path = tmp_path / "book.xlsx"
    rows = [["ID", "DAY", "X", "N"], ["a", "1992-06-14", "0,25", 1.0], ["b", "1992-06-14", 0.5, 2.0]]
    xlsx.build(path, rows, Extras())
    assert numbers(read_table(path, columns)) == ["0,25", 0.5]
    assert numbers(read_table(path, columns, locale="fr")) == [0.25, 0.5]


def test_an_unknown_locale_is_refused(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    assert "--locale de: is not known; it is one of en, fr" in refusal(write(tmp_path, "x"), columns, "de")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"ID,DAY,X,N\na,b\x00\x01,1,1", "is no text file"),
        (b'ID,DAY,X,N\n"a,1992-06-14,1,1', "is a quotation mark missing"),
        (b"\xff\xfeI\x00D\x00,", "is cut off or no text"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<html><table>", "lacks the columns"),
        (b"PK\x03\x04", "damaged"),
        (b"ID|DAY|X|N\na|b|1|1", "lacks the columns"),
    ],
)
def test_what_is_no_csv_is_refused(content: bytes, says: str, tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "samples.csv"
    path.write_bytes(content)
    assert says in refusal(path, columns)


def test_a_separator_line_of_a_spreadsheet_program_is_a_title(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = write(tmp_path, "sep=;\nID;DAY;X;N\na;1992-06-14;1;1")
    assert read_table(path, columns).row_numbers == [3]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-(10**9), 10**9), st.integers(0, 10**6 - 1), st.sampled_from(["", " ", "\u00a0", "\u202f"]))
def test_every_french_number_is_read_as_what_it_says(whole: int, millionths: int, blank: str) -> None:
    number = float(f"{whole}.{millionths:06}")
    text = f"{whole:,}".replace(",", blank) + f",{millionths:06}"
    found = convert_numbers({"X": [text]}, {"X": "C"}, [2], "f", "fr", typed=False)
    assert found.columns["X"] == [number]
