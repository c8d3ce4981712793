"""The sites and methods workbooks: every cell that can't be right is named, all at once, before anything is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from acidwatch.checking.reference import read_reference_tables
from acidwatch.contract.columns import METHODS, SITES, Column
from acidwatch.errors import UnusableInputError
from tests.unit.checking.makers import write_rows

SITE = {"SITE_ID": "020058", "PROGRAM_ID": "LTM_ME"}
METHOD = {"PROGRAM_ID": "LTM_ME", "PARAMETER": "SO4", "START_YEAR": 1980, "END_YEAR": None, "METHOD": "IC"}


def read(folder: Path, sites: Sequence[Mapping[str, Any]], methods: Sequence[Mapping[str, Any]]) -> dict[str, pa.Table]:
    return read_reference_tables(
        write_table(folder / "sites.xlsx", SITES, sites), write_table(folder / "methods.xlsx", METHODS, methods)
    )


def write_table(path: Path, columns: tuple[Column, ...], rows: Sequence[Mapping[str, Any]]) -> Path:
    names = [column.name for column in columns]
    return write_rows(path, [dict.fromkeys(names) | row for row in rows], names)


def faults_of(
    folder: Path, sites: Sequence[Mapping[str, Any]] = (SITE,), methods: Sequence[Mapping[str, Any]] = (METHOD,)
) -> list[str]:
    with pytest.raises(UnusableInputError) as caught:
        read(folder, sites, methods)
    return str(caught.value).splitlines()


def test_years_that_no_method_can_have_been_in_use_are_named_by_cell_all_at_once(tmp_path: Path) -> None:
    rows = [
        METHOD,
        METHOD | {"START_YEAR": 198, "END_YEAR": 2009},
        METHOD | {"END_YEAR": 999_999_999},
        METHOD | {"START_YEAR": 2010, "END_YEAR": 2009},
        METHOD | {"START_YEAR": 2000, "END_YEAR": 209},
    ]
    assert faults_of(tmp_path, methods=rows) == [
        "methods.xlsx: Sheet 1!C3: START_YEAR is 198; it must be from 1900 to 2100",
        "methods.xlsx: Sheet 1!D4: END_YEAR is 999999999; it must be from 1900 to 2100",
        "methods.xlsx: Sheet 1!D6: END_YEAR is 209; it must be from 1900 to 2100",
        "methods.xlsx: Sheet 1!D5: END_YEAR is 2009; it must not be before START_YEAR, 2010",
        "methods.xlsx: Sheet 1!D6: END_YEAR is 209; it must not be before START_YEAR, 2000",
    ]


def test_a_year_that_no_integer_holds_is_named_by_cell(tmp_path: Path) -> None:
    assert faults_of(tmp_path, methods=[METHOD | {"START_YEAR": 1e30}, METHOD | {"START_YEAR": -1e30}]) == [
        "methods.xlsx: Sheet 1!C2: START_YEAR is '1e+30'; it must be integer",
        "methods.xlsx: Sheet 1!C3: START_YEAR is '-1e+30'; it must be integer",
    ]


def test_a_place_that_is_not_on_earth_is_named_by_cell(tmp_path: Path) -> None:
    rows = [
        SITE | {"LATDD": 44.1, "LONDD": -74.5},
        SITE | {"SITE_ID": "1", "LATDD": 442.1, "LONDD": -180.5},
        SITE | {"SITE_ID": "2", "LATDD": "north"},
    ]
    assert faults_of(tmp_path, sites=rows) == [
        "sites.xlsx: Sheet 1!C4: LATDD is 'north'; it must be number",
        "sites.xlsx: Sheet 1!C3: LATDD is 442.1; it must be from -90 to 90",
        "sites.xlsx: Sheet 1!D3: LONDD is -180.5; it must be from -180 to 180",
    ]


def test_the_bounds_themselves_and_one_year_of_use_and_empty_cells_are_loaded(tmp_path: Path) -> None:
    methods = [
        METHOD | {"START_YEAR": 1900, "END_YEAR": 2100},
        METHOD | {"START_YEAR": 2000, "END_YEAR": 2000},
        METHOD,
    ]
    sites = [SITE | {"LATDD": -90, "LONDD": 180}, SITE | {"SITE_ID": "1"}]
    tables = read(tmp_path, sites, methods)
    assert tables["methods"]["END_YEAR"].to_pylist() == [2100, 2000, None]
    assert tables["sites"]["LATDD"].to_pylist() == [-90, None]


def test_the_real_workbooks_are_loaded(real_data: Path) -> None:
    tables = read_reference_tables(real_data / "Site_Information_2022_8_1.xlsx", real_data / "Methods_2022_8_1.xlsx")
    assert (tables["sites"].num_rows, tables["methods"].num_rows) == (175, 362)
