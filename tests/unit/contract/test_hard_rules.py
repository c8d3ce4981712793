"""Every hard rule by an example at both sides of its bound: one hard finding rejects the batch whole."""

from __future__ import annotations

import math
from typing import Any

import pytest

from acidwatch.contract.batch import encode
from acidwatch.contract.columns import SAMPLES, Column
from acidwatch.contract.judge import judge
from acidwatch.contract.outcome import LONGEST_VALUE
from tests.unit.contract.makers import (
    LETTERS,
    REFERENCE,
    columns_of,
    judge_row,
    judge_rows,
    judge_value,
    make_headers,
    make_row,
    make_rows,
    only,
    rules_of,
    submit,
)

RANGED = [column for column in SAMPLES if column.low is not None]
# Without these there is no charge balance, which an extreme value would break as well.
UNBALANCED = {"CA_UEQ_L": None, "MG_UEQ_L": None}
BOUNDS = [(column, bound) for column in RANGED for bound in (column.low, column.high)]


def named(value: object) -> str:
    return value.name if isinstance(value, Column) else str(value)


def test_a_sound_row_has_no_finding() -> None:
    judgement = judge_row()
    assert (judgement.verdict, judgement.rows, judgement.findings) == ("accepted", 1, [])


def test_a_batch_with_one_hard_finding_is_rejected_whole() -> None:
    rows = make_rows(100)
    rows[57]["SAMPLE_TYPE"] = "Monthly"
    group = judge([submit(encode(columns_of(rows)), make_headers(100))], REFERENCE)
    (judgement,) = group.judgements
    assert (judgement.verdict, judgement.rows, judgement.hard) == ("rejected", 100, 1)
    assert group.clean.num_rows == 0
    assert only(judgement, "domain.SAMPLE_TYPE").cell == "E59"


@pytest.mark.parametrize(("column", "bound"), BOUNDS, ids=named)
def test_the_bounds_of_a_range_belong_to_it(column: Column, bound: float) -> None:
    judgement = judge_row(**UNBALANCED | {column.name: bound})
    assert judgement.verdict == "accepted"


@pytest.mark.parametrize(("column", "bound"), BOUNDS, ids=named)
def test_the_next_number_outside_a_range_is_rejected(column: Column, bound: float) -> None:
    outside = math.nextafter(bound, -math.inf if bound == column.low else math.inf)
    finding = only(judge_row(**UNBALANCED | {column.name: outside}), f"range.{column.name}")
    assert (finding.severity, finding.sheet, finding.cell) == ("hard", "Sheet 1", f"{LETTERS[column.name]}2")
    assert finding.value == repr(outside)
    assert f"outside {column.low:g} to {column.high:g} {column.unit}" in finding.message


def test_the_message_of_a_range_shows_the_digits_that_break_it() -> None:
    finding = only(judge_row(CL_UEQ_L=10000.04, MG_UEQ_L=None), "range.CL_UEQ_L")
    assert finding.message == "CL_UEQ_L is 10000.04, outside 0 to 10000 ueq/L"


@pytest.mark.parametrize("column", [column for column in SAMPLES if column.required], ids=named)
def test_a_required_cell_must_not_be_empty(column: Column) -> None:
    judgement = judge_row(**{column.name: None})
    finding = only(judgement, "schema.required")
    assert (judgement.hard, finding.cell, finding.column) == (1, f"{LETTERS[column.name]}2", column.name)
    assert finding.message.startswith(f"{column.name} is empty")


@pytest.mark.parametrize("column", [column for column in SAMPLES if not column.required], ids=named)
def test_any_other_cell_may_be_empty(column: Column) -> None:
    assert judge_row(**{column.name: None}).verdict == "accepted"


@pytest.mark.parametrize(
    ("column", "value"), [(column, value) for column in SAMPLES for value in column.domain], ids=named
)
def test_every_value_of_a_domain_is_accepted(column: Column, value: str) -> None:
    assert judge_row(**{column.name: value}).verdict == "accepted"


@pytest.mark.parametrize("column", [column for column in SAMPLES if column.domain], ids=named)
@pytest.mark.parametrize("change", [str.swapcase, lambda value: value + " ", lambda value: ""])
def test_a_value_that_is_not_exactly_of_the_domain_is_rejected(column: Column, change: Any) -> None:
    value = change(column.domain[0])
    finding = only(judge_row(**{column.name: value}), f"domain.{column.name}")
    assert finding.value == value
    assert finding.message == f"{column.name} is {value!r}; it must be one of {', '.join(column.domain)}"


def test_the_domain_of_programmes_is_the_sites_table() -> None:
    judgement = judge_row(PROGRAM_ID="LTM_XX")
    assert only(judgement, "domain.PROGRAM_ID").message == "PROGRAM_ID is 'LTM_XX'; the sites table has LTM_CAT, LTM_ME"
    assert rules_of(judgement) == {"domain.PROGRAM_ID"}, "an unknown programme is one finding, not two"


@pytest.mark.parametrize(("programme", "site"), [("LTM_ME", "ZZ999"), ("LTM_CAT", "020058"), ("LTM_ME", "")])
def test_a_site_must_be_in_the_sites_table_with_its_programme(programme: str, site: str) -> None:
    finding = only(judge_row(PROGRAM_ID=programme, SITE_ID=site), "reference.site")
    assert (finding.cell, finding.value) == ("A2", site)
    expected = f"site {site!r} of programme {programme} is not in the sites table (reference version 7)"
    assert finding.message == expected


def test_a_site_that_lost_its_leading_zeros_is_named() -> None:
    finding = only(judge_row(SITE_ID="20058"), "reference.site")
    assert finding.message.endswith("did it lose its leading zeros? '020058' is")


@pytest.mark.parametrize("date", ["1979-01-01", "2024-05-17", "2024-05-17T23:59:59.999999", "2024-05-17 23:59"])
def test_a_date_from_1979_to_the_day_it_was_sent_is_accepted(date: str) -> None:
    assert judge_row(DATE_SMP=date).verdict == "accepted"


@pytest.mark.parametrize("date", ["0001-01-01", "1978-12-31T23:59:59", "2024-05-18", "2024-05-18T00:00", "9999-12-31"])
def test_a_date_before_1979_or_after_the_day_it_was_sent_is_rejected(date: str) -> None:
    finding = only(judge_row(DATE_SMP=date), "date.range")
    assert finding.cell == "C2"
    assert finding.message == f"DATE_SMP is {date[:10]}; it must be from 1979-01-01 to the day it was sent, 2024-05-17"


def test_later_than_today_is_measured_from_each_records_own_timestamp() -> None:
    value = encode(columns_of([make_row(DATE_SMP="2024-05-18")]))
    day_ms = 86_400_000
    moments = [1_715_990_399_999, 1_715_990_400_000, 1_715_990_400_000 + 40 * day_ms]  # midnight UTC is the second
    submissions = [submit(value, batch_id=f"b{number}", timestamp_ms=moment) for number, moment in enumerate(moments)]
    verdicts = [judgement.verdict for judgement in judge(submissions, REFERENCE).judgements]
    assert verdicts == ["rejected", "accepted", "accepted"]


def test_a_year_that_no_calendar_of_ours_has_is_a_finding() -> None:
    judgement = judge_rows(make_row(DATE_SMP="0000-01-01"), make_row(DATE_SMP="0000-01-01"))
    assert (judgement.verdict, only(judge_row(DATE_SMP="0000-01-01"), "type.datetime").value) == (
        "rejected",
        "0000-01-01",
    )


@pytest.mark.parametrize(
    "change", [{"SITE_ID": "77"}, {"DATE_SMP": "1992-06-15"}, {"SAMPLE_LOCATION": "HYPO"}, {"SAMPLE_DEPTH": None},
               {"DATE_SMP": "1992-06-14T10:00"}]
)  # fmt: skip
def test_samples_that_differ_in_one_part_of_the_natural_key_are_two(change: dict[str, Any]) -> None:
    assert judge_rows(make_row(), make_row(**change)).verdict == "accepted"


@pytest.mark.parametrize(
    ("depth", "shown"), [(None, "SAMPLE_DEPTH empty"), (0.0, "SAMPLE_DEPTH 0.0"), (1.5, "SAMPLE_DEPTH 1.5")]
)
def test_the_same_sample_twice_in_a_batch_is_rejected_even_when_its_depth_is_empty(
    depth: float | None, shown: str
) -> None:
    rows = [make_row(SAMPLE_DEPTH=depth), make_row(SITE_ID="77"), make_row(SAMPLE_DEPTH=depth, CA_UEQ_L=101.0)]
    judgement = judge_rows(*rows)
    finding = only(judgement, "key.duplicate")
    assert (judgement.hard, finding.cell, finding.column) == (1, "4", "")
    assert shown in finding.message
    assert finding.message.endswith("keep one of them")


@pytest.mark.parametrize(
    ("column", "one", "other"), [("DATE_SMP", "03/04/1992", "05/06/1992"), ("SAMPLE_DEPTH", "0,5", "1,5"), ("SAMPLE_DEPTH", "0,5", None)]
)  # fmt: skip
def test_rows_whose_key_can_not_be_read_say_no_sample_twice(column: str, one: object, other: object) -> None:
    judgement = judge_rows(make_row(**{column: one}), make_row(**{column: other}), make_row(), make_row())
    assert only(judgement, "key.duplicate").cell == "5", "rows that can be read are still held against each other"


def test_the_same_sample_in_two_batches_of_a_group_is_no_finding() -> None:
    value = encode(columns_of([make_row()]))
    group = judge([submit(value, batch_id="b1"), submit(value, batch_id="b2")], REFERENCE)
    assert [judgement.verdict for judgement in group.judgements] == ["accepted", "accepted"]
    assert group.clean["batch_id"].to_pylist() == ["b1", "b2"]


def test_a_charge_difference_of_500_is_accepted_and_more_is_rejected() -> None:
    # C - A - ANC = (100 + 40 + Na + 10 + 1) - 111 - 90 = Na - 50
    assert judge_row(NA_UEQ_L=550.0).verdict == "accepted"
    finding = only(judge_row(NA_UEQ_L=550.5), "balance.charge")
    assert (finding.cell, finding.message[:44]) == ("2", "cations - anions - ANC is 500 ueq/L; beyond "[:44])
    assert judge_row(NA_UEQ_L=550.5, MG_UEQ_L=None).verdict == "accepted", "without all major ions there is no balance"
    assert judge_row(SO4_UEQ_L=580.0).verdict == "accepted"
    assert "balance.charge" in rules_of(judge_row(SO4_UEQ_L=580.5))


NUMBER, DATE = (
    "it must be a number, a limit such as <0.5, or empty",
    "it must be an ISO 8601 date such as 1992-06-14 or 1992-06-14T10:30, without a zone",
)


@pytest.mark.parametrize(
    ("column", "value", "rule", "words"),
    [
        ("CA_UEQ_L", "lost", "type.number", NUMBER),
        ("CA_UEQ_L", "nan", "type.number", NUMBER),
        ("CA_UEQ_L", "1e999", "type.number", NUMBER),
        ("CA_UEQ_L", "", "type.number", NUMBER),
        ("CA_UEQ_L", True, "type.number", "a yes or no; it must be a number, or empty"),
        ("CA_UEQ_L", [1], "type.number", NUMBER),
        ("SITE_ID", 20058, "type.text", "it must be text, or empty"),
        ("TIME_SMP", 1030.0, "type.text", "it must be text, or empty"),
        ("DATE_SMP", "14.06.1992", "type.datetime", "if that is 1992-06-14, write it so"),
        ("DATE_SMP", "1992-02-30", "type.datetime", DATE),
        ("DATE_SMP", "1992-06-14Z", "type.datetime", DATE),
        ("DATE_SMP", "\u0661\u0669\u0669\u0662-06-14", "type.datetime", DATE),
    ],
)
def test_a_cell_of_another_type_is_quoted_in_the_one_finding_it_gets(
    column: str, value: Any, rule: str, words: str
) -> None:
    judgement = judge_row(**{column: value})
    finding = only(judgement, rule)
    assert (judgement.hard, finding.cell, finding.value) == (1, f"{LETTERS[column]}2", str(value))
    assert finding.message == f"{column} is {str(value)!r}; {words}"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_nan_or_infinity_is_never_null_in_silence(value: float) -> None:
    finding = only(judge_row(SO4_UEQ_L=value), "type.number")
    assert finding.value == str(value)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "1e999"])
def test_a_nan_or_infinity_of_a_strangers_json_is_rejected(literal: str) -> None:
    value = encode(columns_of([make_row(SO4_UEQ_L=12345.5)])).replace(b"12345.5", literal.encode())
    assert rules_of(judge_value(value)) == {"decode.json"}


def test_true_is_no_number_beside_numbers_either() -> None:
    judgement = judge_rows(make_row(), make_row(SITE_ID="77", SO4_UEQ_L=True))
    assert (only(judgement, "type.number").value, only(judgement, "type.number").cell) == ("True", "AC3")


def test_values_are_cut_in_findings_and_lose_control_characters() -> None:
    finding = only(judge_row(CA_UEQ_L="\0" + "x" * 5000), "type.number")
    assert finding.value == "\ufffd" + "x" * (LONGEST_VALUE - 1)
    assert len(finding.message) <= LONGEST_VALUE
