"""What an operator changes in a letter: the rows that are meant, typed values, headers; all else stays byte for byte."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from acidwatch.contract.batch import decode, encode
from acidwatch.errors import PermanentError, UnusableInputError
from acidwatch.recovery.edits import Edited, apply, parse_edits
from acidwatch.recovery.letters import OpenLetter
from tests.unit.contract.makers import columns_of, judge_value, make_headers, make_rows
from tests.unit.recovery.makers import open_letter

SUBJECT = "Sheet 1!A902:AD906"


def letter_of(*spoiled: dict[str, Any], subject: str | None = SUBJECT) -> OpenLetter:
    """A letter of five rows, the first of them spoiled."""
    rows = make_rows(5)
    for row, cells in zip(rows, spoiled, strict=False):
        row.update(cells)
    return open_letter(encode(columns_of(rows)), subject=subject)


def edit(letter: OpenLetter, *columns: str, headers: tuple[str, ...] = (), all_rows: bool = False) -> Edited:
    return apply(parse_edits(columns, headers, all_rows=all_rows), letter)


def column(edited: Edited, name: str) -> list[Any]:
    return decode(edited.outgoing.value).columns[name]


def test_without_edits_value_and_headers_go_back_byte_for_byte() -> None:
    letter = open_letter(b"\x00 not json", subject=SUBJECT, other="x")
    edited = edit(letter)
    assert (edited.outgoing.value, edited.outgoing.headers) == (letter.record.value, letter.record.headers)


@pytest.mark.parametrize("subject", [SUBJECT, None])
def test_a_column_is_set_in_the_rows_whose_finding_names_it(subject: str | None) -> None:
    letter = letter_of({}, {"SO4_UEQ_L": 2400.5}, {"CA_UEQ_L": "lost"}, subject=subject)
    edited = edit(letter, "SO4_UEQ_L=47")
    assert column(edited, "SO4_UEQ_L") == [80.0, 47.0, 80.0, 80.0, 80.0]
    assert column(edited, "CA_UEQ_L") == [100.0, 100.0, "lost", 100.0, 100.0]
    assert edited.cells == 1


def test_where_no_finding_names_the_column_it_is_set_in_every_row_with_a_hard_finding() -> None:
    letter = letter_of({}, {"SO4_UEQ_L": 2400.5}, {"CA_UEQ_L": "lost"})
    assert column(edit(letter, "TIME_SMP=1200"), "TIME_SMP") == [None, "1200", "1200", None, None]
    assert column(edit(letter, "TIME_SMP=1200", all_rows=True), "TIME_SMP") == ["1200"] * 5


def test_soft_findings_choose_no_rows() -> None:
    letter = letter_of({"NH4_UEQ_L": 40.0}, {"SO4_UEQ_L": 2400.5})
    assert column(edit(letter, "NH4_UEQ_L=1"), "NH4_UEQ_L") == [40.0, 1.0, 1.0, 1.0, 1.0]


def test_an_empty_value_empties_the_cell_and_the_batch_is_accepted() -> None:
    letter = letter_of({"CA_UEQ_L": "lost"})
    edited = edit(letter, "CA_UEQ_L=")
    assert column(edited, "CA_UEQ_L")[0] is None
    assert judge_value(edited.outgoing.value, make_headers(5)).verdict == "accepted"


def test_a_missing_column_is_added_for_every_row() -> None:
    columns = columns_of(make_rows(3))
    del columns["WTEMP_DEG_C"]
    edited = edit(open_letter(encode(columns), subject=SUBJECT), "WTEMP_DEG_C=")
    assert column(edited, "WTEMP_DEG_C") == [None] * 3
    assert judge_value(edited.outgoing.value, make_headers(3)).verdict == "accepted"


def test_rows_that_were_left_out_of_the_sheet_stay_where_they_are() -> None:
    rows = make_rows(3)
    rows[2]["SO4_UEQ_L"] = 9999
    value = encode(columns_of(rows), {"rows": [2, 5, 9]})
    edited = edit(open_letter(value, subject=SUBJECT), "SO4_UEQ_L=47")
    assert column(edited, "SO4_UEQ_L") == [80.0, 80.0, 47.0]
    assert decode(edited.outgoing.value).row_numbers == [2, 5, 9]


def test_a_list_of_records_can_be_edited_too() -> None:
    value = orjson.dumps({"records": [make_rows(1)[0] | {"SO4_UEQ_L": 2400.5}]})
    assert column(edit(open_letter(value), "SO4_UEQ_L=47"), "SO4_UEQ_L") == [47.0]


@pytest.mark.parametrize(
    ("value", "typed"),
    [
        ("SITE_ID=020058", "020058"),
        ("SAMPLE_DEPTH=0.5", 0.5),
        ("DATE_SMP=1992-06-14T10:30", "1992-06-14T10:30"),
        ("TIME_SMP==1+1", "=1+1"),
    ],
)
def test_values_have_the_type_of_their_column(value: str, typed: object) -> None:
    (parsed,) = parse_edits([value], [], all_rows=False).columns.values()
    assert (parsed, type(parsed)) == (typed, type(typed))


@pytest.mark.parametrize(
    "text", ["SO4=1", "SO4_UEQ_L", "SO4_UEQ_L=n.d.", "SO4_UEQ_L=nan", "SO4_UEQ_L=inf", "DATE_SMP=14.06.1992", "=1", ""]
)
def test_a_value_that_the_column_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(UnusableInputError, match="--set"):
        parse_edits([text], [], all_rows=False)


@pytest.mark.parametrize("text", ["ce_id=x", "ce_attempt=9", "ce_type", "=x"])
def test_id_and_attempt_are_not_the_operators_to_set(text: str) -> None:
    with pytest.raises(UnusableInputError, match="--set-header"):
        parse_edits([], [text], all_rows=False)


def test_headers_are_replaced_where_they_stand_added_or_taken_away() -> None:
    letter = letter_of({"SO4_UEQ_L": 2400.5})
    edited = edit(letter, headers=("ce_source=other.xlsx", "ce_time=", "note=x"))
    before = [name for name, _ in letter.record.headers if name != "ce_time"]
    assert [name for name, _ in edited.outgoing.headers] == [*before, "note"]
    assert dict(edited.outgoing.headers)["ce_source"] == b"other.xlsx"
    assert edited.outgoing.value == letter.record.value


def test_what_cannot_be_edited_says_why() -> None:
    with pytest.raises(PermanentError, match="can't be decoded"):
        edit(open_letter(b"no json"), "SO4_UEQ_L=1")
    columns = columns_of(make_rows(2))
    del columns["K_UEQ_L"]
    with pytest.raises(PermanentError, match="no row with a hard finding"):
        edit(open_letter(encode(columns)), "SO4_UEQ_L=1")
    deep = orjson.dumps({"columns": columns_of(make_rows(1)) | {"TIME_SMP": [0]}}).replace(
        b'"TIME_SMP":[0]', b'"TIME_SMP":[' + b"[" * 400 + b"]" * 400 + b"]"
    )
    with pytest.raises(PermanentError, match="can't be edited"):
        edit(open_letter(deep), "SO4_UEQ_L=1", all_rows=True)
