"""Makes small workbooks: with a library where it can write them, from raw XML where it refuses to."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from acidwatch.contract.columns import Column
from acidwatch.workbook.generate import Generated, generate
from tests.support.reading import in_this_process

__all__ = ["in_this_process"]

MakeBook = Callable[..., Path]
COLUMNS = (Column("ID", "text"), Column("DAY", "datetime"), Column("X", "number"), Column("N", "integer"))


@pytest.fixture
def columns() -> tuple[Column, ...]:
    """Four columns, one of each kind."""
    return COLUMNS


@pytest.fixture
def book(tmp_path: Path) -> MakeBook:
    """Writes `book(sheet=[row, ...], ...)` with openpyxl; each keyword is a sheet."""

    def make(**sheets: Sequence[Sequence[Any]]) -> Path:
        workbook = openpyxl.Workbook()
        workbook.remove(workbook.worksheets[0])
        for name, rows in sheets.items():
            sheet = workbook.create_sheet(name)
            for row in rows:
                sheet.append(list(row))
        path = tmp_path / "book.xlsx"
        workbook.save(path)
        return path

    return make


@pytest.fixture
def raw_book(tmp_path: Path) -> MakeBook:
    """Writes a workbook whose only sheet `S` holds the given XML in its sheetData, below a header row for COLUMNS."""

    def make(rows: str, *, prefix: str = "", workbook: str = "") -> Path:
        main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        rels = "http://schemas.openxmlformats.org/package/2006/relationships"
        p = f"{prefix}:" if prefix else ""
        declared = f'xmlns:{prefix}="{main}"' if prefix else f'xmlns="{main}"'
        names = "".join(
            f'<{p}c r="{letter}1" t="inlineStr"><{p}is><{p}t>{column.name}</{p}t></{p}is></{p}c>'
            for letter, column in zip("ABCD", COLUMNS, strict=True)
        )
        sheet = (
            f'<{p}worksheet {declared}><{p}sheetData><{p}row r="1">{names}</{p}row>{rows}</{p}sheetData></{p}worksheet>'
        )
        path = tmp_path / "raw.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                "_rels/.rels",
                f'<Relationships xmlns="{rels}">'
                f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
                "</Relationships>",
            )
            archive.writestr(
                "xl/workbook.xml",
                f'<workbook xmlns="{main}" xmlns:r="{office}">'
                f'<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>{workbook}</workbook>',
            )
            archive.writestr(
                "xl/_rels/workbook.xml.rels",
                f'<Relationships xmlns="{rels}">'
                f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
                "</Relationships>",
            )
            archive.writestr(
                "xl/styles.xml",
                f'<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
            )
            archive.writestr("xl/worksheets/sheet1.xml", sheet)
        return path

    return make


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A generated set of workbooks with nothing broken."""
    return generate(4000, 7, tmp_path_factory.mktemp("generated"))
