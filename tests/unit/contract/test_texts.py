"""Texts in number columns: what has one meaning is taken and reported, anything else is a hard finding with advice."""

from __future__ import annotations

import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import decode, encode
from acidwatch.contract.columns import METHODS, SAMPLES
from acidwatch.contract.dates import date_advice
from acidwatch.contract.judge import judge
from acidwatch.contract.texts import ABOVE_WORDS, BELOW_WORDS, MISSING_WORDS, Reading, read_text
from acidwatch.contract.typed import type_cells
from tests.unit.contract.makers import (
    LETTERS,
    QUICK,
    REFERENCE,
    columns_of,
    judge_row,
    make_row,
    only,
    rules_of,
    submit,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("47", 47.0), ("-5", -5.0), ("+5", 5.0), (" 4.5 ", 4.5), ("\u00a04.5", 4.5), (".5", 0.5), ("5.", 5.0), ("1E-3", 0.001),
        ("1e-3", 0.001), ("\u22125", -5.0), ("-5E2", -500.0),
    ],
)  # fmt: skip
def test_a_number_as_text_is_the_number(text: str, value: float) -> None:
    assert read_text(text) == Reading("text.number", value)


@pytest.mark.parametrize(
    ("text", "sign", "limit"),
    [
        ("<0.5", "<", 0.5), ("< 0.5", "<", 0.5), (" <0.5 ", "<", 0.5), (">100", ">", 100.0), ("<1E-3", "<", 0.001), ("<-5", "<", -5.0),
        ("0.5 U", "<", 0.5), ("0.5U", "<", 0.5), ("U 0.5", "<", 0.5), ("ND 0.5", "<", 0.5), ("BDL", "<", None), ("ND", "<", None),
        ("K", "<", None), ("GT 100", ">", 100.0), ("100 E", ">", 100.0), ("E", ">", None), ("EE", ">", None),
    ],
)  # fmt: skip
def test_a_value_beyond_a_limit_is_no_number_and_keeps_its_limit(text: str, sign: str, limit: float | None) -> None:
    assert read_text(text) == Reading("censored.below" if sign == "<" else "censored.above", None, sign, limit)


def test_every_word_for_a_limit_is_read_in_capitals_only() -> None:
    for word in (*BELOW_WORDS, *ABOVE_WORDS):
        reading = read_text(word)
        assert reading is not None
        assert reading.rule.startswith("censored.")
        assert read_text(word.lower()) is None


def test_j_marks_an_estimated_value_which_is_a_value() -> None:
    assert read_text("0.5 J") == read_text("J0.5") == read_text("0.5J") == Reading("text.estimated", 0.5, "J")
    assert read_text("J") is None


def test_words_for_missing_are_read_in_any_case() -> None:
    for word in MISSING_WORDS:
        assert read_text(word) == read_text(f" {word.upper()} ") == read_text(word.lower()) == Reading("text.missing")


@pytest.mark.parametrize(
    "text",
    ["0,5", "<0,5", "1,234", "1 234", "1_000", "nan", "inf", "1e999", "<", ">", "<=0.5", "0.5*", "5E", "~5", "<0.5 U", "1/2", "0x1F",
     "\u0663", "#DIV/0!", "=A1", "TRUE", "nd", "5 m", "ok", "", " ", "1.2.3", "--5", "5-", "x" * 5000, "9" * 41],
)  # fmt: skip
def test_a_text_with_no_one_meaning_is_not_taken(text: str) -> None:
    assert read_text(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_is_read_back(number: float) -> None:
    assert read_text(repr(number)) == Reading("text.number", number)
    assert read_text(f"<{number!r}") == Reading("censored.below", None, "<", number)


@QUICK
@given(st.text(alphabet="0123456789.,-+eEJUKND<> \u00a0", max_size=12))
def test_a_text_is_taken_as_a_finite_number_or_none(text: str) -> None:
    reading = read_text(text)
    if reading is not None:
        numbers = [number for number in (reading.value, reading.limit) if number is not None]
        assert all(math.isfinite(number) for number in numbers)
        assert "," not in text


def test_a_value_below_its_limit_is_null_and_its_limit_stands_beside_it() -> None:
    value = encode(columns_of([make_row(), make_row(SO4_UEQ_L="<0.5", CHL_A_UG_L="0.2 U", SITE_ID="77")]))
    group = judge([submit(value)], REFERENCE)
    (judgement,) = group.judgements
    assert judgement.verdict == "accepted"
    assert group.clean["SO4_UEQ_L"].to_pylist() == [80.0, None]
    assert group.clean["flags"].to_pylist() == [[], ["censored.below", "missing.major"]]
    assert group.clean["remarks"].to_pylist() == [
        [],
        [
            {"column": "CHL_A_UG_L", "qualifier": "<", "limit": 0.2, "text": "0.2 U", "comment": None},
            {"column": "SO4_UEQ_L", "qualifier": "<", "limit": 0.5, "text": "<0.5", "comment": None},
        ],
    ]
    found = [finding for finding in judgement.findings if finding.rule == "censored.below"]
    assert [(finding.severity, finding.cell) for finding in found] == [("soft", "K3"), ("soft", "AC3")]
    assert found[1].message == "SO4_UEQ_L is '<0.5': below 0.5 ueq/L, kept as censored and never as a number"
    assert "is missing or censored" in only(judgement, "missing.major").message


def test_a_limit_outside_the_range_is_a_wrong_value() -> None:
    judgement = judge_row(SO4_UEQ_L="<2500")
    assert judgement.verdict == "rejected"
    assert only(judgement, "range.SO4_UEQ_L").message == "SO4_UEQ_L is '<2500'; its limit is outside 0 to 2000 ueq/L"
    assert judge_row(SO4_UEQ_L="<2000").verdict == "accepted"


def test_a_number_as_text_is_judged_like_a_number() -> None:
    judgement = judge_row(SO4_UEQ_L="2400.5")
    assert rules_of(judgement) >= {"text.number", "range.SO4_UEQ_L"}
    assert only(judgement, "range.SO4_UEQ_L").value == "2400.5"
    group = judge([submit(encode(columns_of([make_row(SO4_UEQ_L="80", PH_LAB="6.5 J")])))], REFERENCE)
    assert (group.clean["SO4_UEQ_L"].to_pylist(), group.clean["flags"].to_pylist()) == (
        [80.0],
        [["text.estimated", "text.number"]],
    )
    assert group.clean["remarks"].to_pylist()[0][0]["qualifier"] == "J"


@pytest.mark.parametrize("word", ["NA", "n.d.", "-", "N/A"])
def test_a_word_for_missing_is_an_empty_cell_and_reported(word: str) -> None:
    judgement = judge_row(SO4_UEQ_L=word)
    assert (judgement.verdict, rules_of(judgement)) == ("accepted", {"text.missing", "missing.major"})
    assert only(judgement, "text.missing").cell == f"{LETTERS['SO4_UEQ_L']}2"


def test_a_sample_whose_only_values_are_censored_was_measured() -> None:
    empty: dict[str, Any] = {column.name: None for column in SAMPLES if column.parameter}
    assert "missing.all" in rules_of(judge_row(**empty))
    assert "missing.all" in rules_of(judge_row(**empty | {"SO4_UEQ_L": "n.d."}))
    assert "missing.all" not in rules_of(judge_row(**empty | {"SO4_UEQ_L": "<0.5"}))


def test_a_depth_has_no_detection_limit() -> None:
    assert rules_of(judge_row(SAMPLE_DEPTH="<0.5")) == {"type.number"}
    assert rules_of(judge_row(SAMPLE_DEPTH="0.5")) == {"text.number"}


def test_sodium_in_the_methods_is_no_missing_value() -> None:
    parameter = next(column for column in METHODS if column.name == "PARAMETER")
    assert type_cells(parameter, ["NA"], []).to_pylist() == ["NA"]
    year = next(column for column in METHODS if column.name == "END_YEAR")
    misfits: list[Any] = []
    type_cells(year, ["NA"], misfits)
    assert len(misfits) == 1, "reference tables know no words for missing"


def test_a_comment_stands_beside_its_value() -> None:
    rows = [make_row(), make_row(SITE_ID="77", SO4_UEQ_L=0.0, CL_UEQ_L="<1")]
    value = encode(
        columns_of(rows), None, {"SO4_UEQ_L": {1: "limit\n 0.5"}, "CL_UEQ_L": {1: "see page 3"}, "NOTE": {0: "x"}}
    )
    group = judge([submit(value)], REFERENCE)
    assert group.clean["SO4_UEQ_L"].to_pylist() == [80.0, 0.0]
    assert group.clean["remarks"].to_pylist()[1] == [
        {"column": "CL_UEQ_L", "qualifier": "<", "limit": 1.0, "text": "<1", "comment": "see page 3"},
        {"column": "SO4_UEQ_L", "qualifier": None, "limit": None, "text": None, "comment": "limit 0.5"},
    ]


@pytest.mark.parametrize(
    "comments",
    [[], "x", {"SO4_UEQ_L": ["x"]}, {"SO4_UEQ_L": {"x": "a", "-1": "a", "7": "a", "0": 5, "00000000000": "a"}}],
)
def test_comments_of_another_form_are_left_out(comments: Any) -> None:
    value = encode(columns_of([make_row()]))[:-1] + b',"comments":' + orjson.dumps(comments) + b"}"
    assert decode(value).comments == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("03/04/1992", "is that 1992-04-03 or 1992-03-04?"),
        ("3.4.92", "is that 1992-04-03 or"),
        ("25/12/1992", "if that is 1992-12-25, write it so"),
        ("12/25/1992 10:30", "if that is 1992-12-25T10:30, write it so"),
        ("14.06.1992 9:30:15", "if that is 1992-06-14T09:30:15, write it so"),
        ("03/04/1992 10:30", "is that 1992-04-03T10:30 or 1992-03-04T10:30?"),
        ("1992-06-14T10:30Z", "if that is 1992-06-14T10:30, write it so, without a zone"),
        ("1992-06-14 10:30+02:00", "if that is 1992-06-14T10:30, write it so, without a zone"),
        ("1992-06-14 10:30 PM", "it must be an ISO 8601 date such as 1992-06-14 or 1992-06-14T10:30, without a zone"),
        ("1992-06-14T25:30", "it must be an ISO 8601 date"),
        ("13/14/2001", "it must be an ISO 8601 date"),
        ("31/02/2001", "it must be an ISO 8601 date"),
        ("1992/6/14", "if that is 1992-06-14, write it so"),
        ("04/04/1992", "if that is 1992-04-04, write it so"),
        ("33769", "it may be 1992-06-14 (or 1996-06-15"),
        ("last June", "it must be an ISO 8601 date"),
        ("99/99/1992", "it must be an ISO 8601 date"),
    ],
)
def test_a_date_as_text_is_asked_about_and_never_guessed(text: str, words: str) -> None:
    assert words in date_advice(text)
    finding = only(judge_row(DATE_SMP=text), "type.datetime")
    assert words in finding.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,25", "if that is 0.25, write it so, or send the file with --locale fr"),
        ("<0,25", "if that is <0.25"),
        ("1 234,5", "if that is 1234.5"),
        ("=A1/2", "a formula that was never calculated"),
        ("#DIV/0!", "an error of the spreadsheet"),
        ("TRUE", "a yes or no"),
        ("nd", "write ND for below"),
        ("lost", "it must be a number"),
    ],
)
def test_a_text_that_is_no_number_is_told_what_to_write(text: str, words: str) -> None:
    assert words in only(judge_row(SO4_UEQ_L=text), "type.number").message


def test_a_site_that_lost_its_zeros_is_told_which_one_it_is() -> None:
    assert "did it lose its leading zeros? '020058' is" in only(judge_row(SITE_ID="20058"), "reference.site").message
