"""The real workbooks, where they are: read whole, with what makes them hard."""

from __future__ import annotations

from pathlib import Path

import pytest

from acidwatch.contract.columns import METHODS, SAMPLE_NAMES, SAMPLES, SITES
from acidwatch.workbook.generator.sites import make_sites
from acidwatch.workbook.reader import read_table

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "ltm"
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real workbooks are not there")


def test_the_samples_are_read_whole() -> None:
    table = read_table(REAL / "LTM_Data_2022_8_1.xlsx", SAMPLES)
    assert tuple(table.columns) == SAMPLE_NAMES
    assert (table.sheet, table.first_row, table.unknown, table.letters["WTEMP_DEG_C"]) == ("Sheet 1", 2, (), "AD")
    assert table.row_numbers == list(range(2, 38202))
    assert "020058" in table.columns["SITE_ID"]
    for column in SAMPLES:
        types = {type(value) for value in table.columns[column.name] if value is not None}
        assert types == ({float} if column.kind == "number" else {str}), column.name
        if column.required:
            assert None not in table.columns[column.name]
    timed = {
        programme
        for programme, date in zip(table.columns["PROGRAM_ID"], table.columns["DATE_SMP"], strict=True)
        if "T" in str(date)
    }
    assert timed == {"LTM_CAT"}


def test_the_methods_keep_sodium_as_the_text_na() -> None:
    table = read_table(REAL / "Methods_2022_8_1.xlsx", METHODS)
    assert len(table.row_numbers) == 362
    assert table.columns["PARAMETER"].count("NA") == 16
    assert {type(value) for value in table.columns["START_YEAR"]} == {float}
    assert None in table.columns["END_YEAR"]


def test_the_sites_are_pairs_and_share_no_id_or_name_with_generated_ones() -> None:
    table = read_table(REAL / "Site_Information_2022_8_1.xlsx", SITES)
    pairs = set(zip(table.columns["PROGRAM_ID"], table.columns["SITE_ID"], strict=True))
    assert (len(table.row_numbers), len(pairs), len(set(table.columns["SITE_ID"]))) == (175, 175, 169)
    name = [column.name for column in SITES].index("SITE_NAME")
    invented = make_sites(175, 7)
    assert not {site.site_id for site in invented} & set(table.columns["SITE_ID"])
    assert not {site.row[name] for site in invented} & set(table.columns["SITE_NAME"])
