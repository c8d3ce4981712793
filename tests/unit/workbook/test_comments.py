"""Comments of cells: the laboratory's own are kept, those that acidwatch wrote are not taken for them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from acidwatch.contract.columns import Column
from acidwatch.workbook.comments import own_part, with_findings
from acidwatch.workbook.reader import read_table
from tests.unit.workbook.builders import Extras, Rows, ods

ROWS: Rows = [["ID", "DAY", "X", "N"], ["a", "1992-06-14", 1.5, 3.0], ["b", "1992-06-14", 2.5, 3.0]]


@pytest.mark.parametrize(
    ("author", "text", "own"),
    [
        ("kim", "see page 3", "see page 3"),
        ("acidwatch", "range.X: X is 7", ""),
        ("kim", with_findings("see\npage 3", "range.X: X is 7"), "see\npage 3"),
        ("kim", with_findings("see page 3", "range.X: X is 7").replace("\n", "\r\n"), "see page 3"),
    ],
)
def test_what_was_found_is_no_part_of_the_laboratorys_comment(author: str, text: str, own: str) -> None:
    assert own_part(author, text) == own


def test_an_ods_names_who_wrote_a_comment(tmp_path: Path, columns: tuple[Column, ...]) -> None:
    path = tmp_path / "book.ods"
    ods.build(path, ROWS, Extras(comments=((2, 3, "range.X: X is 7"), (3, 3, "limit 0.5"))))
    with zipfile.ZipFile(path) as archive:
        content = archive.read("content.xml").decode()
    for author, text in (("acidwatch", "range.X"), ("kim", "limit")):
        creator = f'<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">{author}</dc:creator>'
        content = content.replace(f"<text:p>{text}", f"{creator}<text:p>{text}")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
    assert read_table(path, columns).comments == {"X": {1: "limit 0.5"}}
