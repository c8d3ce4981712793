"""Findings are grouped by cause, and what may have gone wrong is asked: units, decimal points, swapped columns, sites, words, dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acidwatch.checking.report import cells_in_short
from acidwatch.contract.reference import Reference
from tests.unit.checking.makers import check_rows, spoiled, the_cause
from tests.unit.contract.makers import make_rows

SITES = Reference.of(0, [("LTM_ME", "020058"), ("LTM_ME", "77"), ("LTM_CAT", "1364959"), ("LTM_ALTM", "040210")])


NO_DATE = "make the cells dates, or write them like 1992-06-14 or 1992-06-14T10:30, without a zone"


def cause_of(folder: Path, rule: str, **cells: Any) -> tuple[str, str]:
    """What is wrong, and what is asked, when these cells are in one row of 30."""
    cause = the_cause(check_rows(folder, spoiled(30, {9: cells}), SITES), rule)
    assert cause.cells in (["9"], [f"{cause.cells[0].rstrip('9')}9"])
    return cause.what, cause.guess


def test_cells_that_are_wrong_in_one_way_are_one_cause_with_their_number_and_their_cells(tmp_path: Path) -> None:
    rows = spoiled(100, {number: {"SO4_UEQ_L": 80 * 48.03 + number} for number in range(17, 31)})
    report = check_rows(tmp_path, rows)
    cause = the_cause(report, "range.SO4_UEQ_L")
    assert (cause.what, cause.where) == ("SO4_UEQ_L above 2000 ueq/L", "14 cells")
    assert cause.guess == "looks like ug/L (mg/L x 1000)?"
    assert cells_in_short(cause, 2) == "AC17, AC18 and 12 more"
    assert report.causes[0].severity == "hard", "what rejects comes first"
    assert sum(len(cause.findings) for cause in report.causes) == len(report.checked.findings)


def test_a_range_is_broken_on_two_sides_for_two_causes(tmp_path: Path) -> None:
    report = check_rows(tmp_path, spoiled(10, {3: {"PH_LAB": 1.0}, 5: {"PH_LAB": 65.0}}))
    assert {cause.what for cause in report.causes if cause.severity == "hard"} == {
        "PH_LAB below 2.5 pH",
        "PH_LAB above 10 pH",
    }


@pytest.mark.parametrize(
    ("column", "value", "guess"),
    [("CA_UEQ_L", 100 * 1000.0, "looks like neq/L (x 1000)?"), ("PH_LAB", 65.0, "looks like a lost decimal point (x 10)?"),
     ("COND_UM_CM", 0.024, "looks like mS/cm?"), ("CL_UEQ_L", 20.0 * 35.45 * 1000, ""),
     ("WTEMP_DEG_C", 54.0, "looks like degrees Fahrenheit?")],
)  # fmt: skip
def test_another_unit_is_asked_about_where_the_values_say_so(
    tmp_path: Path, column: str, value: float, guess: str
) -> None:
    assert cause_of(tmp_path, f"range.{column}", **{column: value})[1] == guess


def test_a_column_that_is_in_another_unit_throughout_is_seen_by_the_charges_of_the_others(tmp_path: Path) -> None:
    rows = [row | {"SO4_UEQ_L": 80 * 48.03} for row in make_rows(40)]
    assert the_cause(check_rows(tmp_path, rows), "range.SO4_UEQ_L").guess == "looks like ug/L (mg/L x 1000)?"
    # Within the range, since mg/L are small numbers: only the ion balance tells.
    ions = {"CA_UEQ_L": 1500 * 0.02004, "SO4_UEQ_L": 900.0, "ANC_UEQ_L": 670.0}
    rows = [row | ions for row in make_rows(40)]
    assert the_cause(check_rows(tmp_path, rows), "balance.charge").guess == "CA_UEQ_L looks like mg/L?"


def test_swapped_columns_are_asked_about(tmp_path: Path) -> None:
    swapped = {"PH_LAB": 24.0, "COND_UM_CM": 6.5}
    report = check_rows(tmp_path, spoiled(40, dict.fromkeys(range(5, 12), swapped)))
    assert the_cause(report, "range.PH_LAB").guess == "swapped with COND_UM_CM?"


@pytest.mark.parametrize(
    ("cells", "what", "guess"),
    [({"SITE_ID": "20058"}, "site '20058' of LTM_ME is not in the sites table", "leading zeros lost: '020058'?"),
     ({"SITE_ID": "1364959"}, "site '1364959' of LTM_ME is not in the sites table", "'1364959' is of LTM_CAT: is the programme wrong?"),
     ({"SITE_ID": "40210"}, "site '40210' of LTM_ME is not in the sites table",
      "leading zeros lost, and of another programme: '040210' of LTM_ALTM?"),
     ({"SITE_ID": "O20058"}, "site 'O20058' of LTM_ME is not in the sites table", "'020058'?"),
     ({"SITE_ID": "new"}, "site 'new' of LTM_ME is not in the sites table", "new? Then it must be put into the sites workbook first")],
)  # fmt: skip
def test_the_nearest_site_is_asked_about(tmp_path: Path, cells: dict[str, Any], what: str, guess: str) -> None:
    assert cause_of(tmp_path, "reference.site", **cells) == (what, guess)


@pytest.mark.parametrize(
    ("rule", "cells", "guess"),
    [("domain.SAMPLE_LOCATION", {"SAMPLE_LOCATION": " epi"}, "'EPI'?"), ("domain.SAMPLE_TYPE", {"SAMPLE_TYPE": "Anual"}, "'Annual'?"),
     ("domain.SAMPLE_TYPE", {"SAMPLE_TYPE": "Lake"}, "that is a WATERBODY_TYPE: columns swapped?"),
     ("domain.SAMPLE_TYPE", {"SAMPLE_TYPE": "Monthly"}, ""), ("domain.PROGRAM_ID", {"PROGRAM_ID": "ltm-me"}, "'LTM_ME'?"),
     ("domain.PROGRAM_ID", {"PROGRAM_ID": "Maine"}, "'LTM_ME' has these sites: is it meant?"),
     ("type.datetime", {"DATE_SMP": "14.06.1992"}, "text in the order day, month, year? Make the cells dates: 1992-06-14"),
     ("type.datetime", {"DATE_SMP": "06/14/92"}, "text in the order month, day, year? Make the cells dates: 1992-06-14"),
     ("type.datetime", {"DATE_SMP": "05/06/1992"}, "text: day or month first in '05/06/1992'? Make the cells dates"),
     ("type.datetime", {"DATE_SMP": "14.06.1992 10:30"},
      "text in the order day, month, year? Make the cells dates: 1992-06-14T10:30"),
     ("type.datetime", {"DATE_SMP": "06/14/1992 9:30Z"},
      "text in the order month, day, year? Make the cells dates: 1992-06-14T09:30, without a zone"),
     ("type.datetime", {"DATE_SMP": "13/14/2001"}, NO_DATE),
     ("type.datetime", {"DATE_SMP": "31/02/2001"}, NO_DATE),
     ("type.datetime", {"DATE_SMP": "1992-06-14T10:30Z"}, NO_DATE),
     ("type.datetime", {"DATE_SMP": 33769.0}, "dates shown as numbers? 33769 is 1992-06-14; give the cells a date format"),
     ("date.range", {"DATE_SMP": "2024-12-03"}, "day and month exchanged: 2024-03-12?"),
     ("date.range", {"DATE_SMP": "2092-06-14"}, "wrong century: 1992?"),
     ("type.number", {"CA_UEQ_L": "47,5"}, "decimal comma?"),
     ("type.number", {"CA_UEQ_L": "1 234,5"}, "if that is 1234.5, write it so, or send the file with --locale fr"),
     ("type.number", {"CA_UEQ_L": "bdl"}, "write BDL for below (or above) the limit, n.d. for not determined, or leave it empty"),
     ("type.number", {"CA_UEQ_L": "<"}, "it must be a number, a limit such as <0.5, or empty"),
     ("type.number", {"CA_UEQ_L": "lost"}, "it must be a number, a limit such as <0.5, or empty")],
)  # fmt: skip
def test_words_and_dates_are_asked_about_as_people_write_them(
    tmp_path: Path, rule: str, cells: dict[str, Any], guess: str
) -> None:
    assert cause_of(tmp_path, rule, **cells)[1] == guess


QUALIFIER = "which qualifier is meant? Write <0.5 or 0.5 U below a limit, >100 above one, 0.5 J for an estimated value"


@pytest.mark.parametrize(
    ("column", "text", "what", "guess"),
    [("CA_UEQ_L", "5 µeq/L", "a number with its unit", "leave the unit out?"),
     ("SECCHI_M", "5 m", "a number with its unit", "leave the unit out?"),
     ("CHL_A_UG_L", "<0,5ug/l", "a number with its unit", "leave the unit out?"),
     ("CA_UEQ_L", "5 mg/L", "a number in another unit", "convert it to ueq/L, and leave the unit out"),
     ("CA_UEQ_L", "< 0,5 ug/L", "a number in another unit", "convert it to ueq/L, and leave the unit out"),
     ("WTEMP_DEG_C", "54 °F", "a number in another unit", "convert it to deg C, and leave the unit out"),
     ("DOC_MG_L", "5 ug C/L", "a number in another unit", "convert it to mg/L, and leave the unit out"),
     ("CA_UEQ_L", "<0,5", "a value with < or >", "below or above what can be measured? Write <0.5, and nothing else in the cell"),
     *(("CA_UEQ_L", text, "a number with letters behind it", QUALIFIER)
       for text in ("0.5 UJ", "0.5 u", "0.5 nd", "0.5 B", "5E", "5 m", "0,5 U", "<0.5 U")),
     ("CA_UEQ_L", "5 (first of two)", "a number with words behind it",
      "what do they mean? Only a number, or a limit such as <0.5, can be taken")],
)  # fmt: skip
def test_only_the_columns_own_unit_is_advised_to_be_left_out(
    tmp_path: Path, column: str, text: str, what: str, guess: str
) -> None:
    assert cause_of(tmp_path, "type.number", **{column: text}) == (f"{column} holds {what}, not a number", guess)


@pytest.mark.parametrize(
    ("rule", "texts", "what"),
    [("censored.below", ["<0.5", "BDL", "2 U"], "CA_UEQ_L is below a limit, such as '<0.5'"),
     ("censored.above", [">100", "GT"], "CA_UEQ_L is above a limit, such as '>100'"),
     ("text.missing", ["NA", "-"], "CA_UEQ_L has words for a missing value, such as 'NA'"),
     ("text.estimated", ["40 J", "41J"], "CA_UEQ_L has values marked as estimated, such as '40 J'"),
     ("text.number", ["47", "48"], "CA_UEQ_L has numbers stored as text, such as '47'")],
)  # fmt: skip
def test_what_is_said_of_several_texts_that_are_taken_holds_for_each_of_them(
    tmp_path: Path, rule: str, texts: list[str], what: str
) -> None:
    rows = spoiled(20, {number: {"CA_UEQ_L": text} for number, text in enumerate(texts, 4)})
    cause = the_cause(check_rows(tmp_path, rows), rule)
    assert (cause.what, len(cause.findings)) == (what, len(texts))


def test_very_many_wrong_words_in_a_column_are_one_cause(tmp_path: Path) -> None:
    rows = spoiled(60, {number: {"SAMPLE_TYPE": f"type {number}"} for number in range(10, 50)})
    cause = the_cause(check_rows(tmp_path, rows), "domain.SAMPLE_TYPE")
    assert cause.what == "SAMPLE_TYPE holds 40 different values that it must not, such as 'type 10'"
    assert cause.where == "40 cells"


def test_what_is_asked_changes_nothing(tmp_path: Path) -> None:
    report = check_rows(tmp_path, spoiled(20, {4: {"SITE_ID": "20058"}}))
    assert (the_cause(report, "reference.site").guess, report.checked.rejected) == (
        "leading zeros lost: '020058'?",
        [0],
    )
    assert report.checked.findings[0].value == "20058"


def test_text_of_a_cell_is_quoted_without_what_a_terminal_would_obey(tmp_path: Path) -> None:
    report = check_rows(tmp_path, spoiled(20, {4: {"SAMPLE_TYPE": "\u202eMonthly\u0085", "CA_UEQ_L": "\u2028n.d."}}))
    assert all((cause.what + cause.guess).isprintable() for cause in report.causes)
