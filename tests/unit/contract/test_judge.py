"""Judging groups: columns and shapes, where a finding points, caps, and that a group is judged as each batch alone."""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import encode
from acidwatch.contract.columns import MEASUREMENTS, SAMPLE_NAMES, SAMPLES
from acidwatch.contract.form import FORM
from acidwatch.contract.headers import BATCH_TYPE
from acidwatch.contract.judge import CLEAN_SCHEMA, MOST_MATERIALISED, MOST_SOFT, MOST_UNKNOWN, Submission, judge
from acidwatch.contract.rules import HARD, SOFT
from tests.unit.contract.makers import (
    QUICK,
    REFERENCE,
    columns_of,
    judge_value,
    make_headers,
    make_row,
    make_rows,
    only,
    rules_of,
    submit,
)

JSON_CELL = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(
        ["1992-06-14", "0000-01-01", "9999-12-31T23:59:59.999999", "020058", "LTM_ME", "EPI", "Lake", 0, 1e308]
    ),
    lambda cell: st.lists(cell, max_size=2) | st.dictionaries(st.text("ab"), cell, max_size=2),
    max_leaves=3,
)


def spread(pool: list[Any], rows: int, stride: int) -> dict[str, list[Any]]:
    """Cells of a pool over all columns and rows."""
    return {
        name: [pool[(column * stride + row * 7 + column // 5) % len(pool)] for row in range(rows)]
        for column, name in enumerate(SAMPLE_NAMES)
    }


def test_rule_ids_are_distinct_but_for_the_required_columns() -> None:
    ids = [rule.id for rule in (*HARD, *SOFT)] + [entry[0] for entry in FORM]
    assert sorted({name for name in ids if ids.count(name) > 1}) == ["schema.required"]
    assert {rule.severity for rule in HARD} == {"hard"}
    assert {rule.severity for rule in SOFT} == {"soft"}


def test_records_and_columns_say_the_same() -> None:
    rows = [make_row(), make_row(SITE_ID="77", NH4_UEQ_L=31.0)]
    headers = make_headers(2)
    groups = [
        judge([submit(value, headers)], REFERENCE)
        for value in (encode(columns_of(rows)), orjson.dumps({"records": rows}))
    ]
    assert groups[0].judgements == groups[1].judgements
    assert groups[0].clean.equals(groups[1].clean)


def test_a_record_without_a_name_has_an_empty_cell_there() -> None:
    rows = [make_row(), make_row(SITE_ID="77")]
    del rows[1]["SO4_UEQ_L"]
    judgement = judge_value(orjson.dumps({"records": rows}), make_headers(2))
    assert (judgement.verdict, rules_of(judgement)) == ("accepted", {"missing.major"})


def test_every_missing_column_is_named_at_once() -> None:
    columns = columns_of([make_row()])
    del columns["SO4_UEQ_L"], columns["TIME_SMP"]
    judgement = judge_value(encode(columns))
    assert (judgement.verdict, judgement.rows, judgement.hard) == ("rejected", 1, 2)
    assert [finding.column for finding in judgement.findings] == ["TIME_SMP", "SO4_UEQ_L"]
    assert judgement.findings[0].message == "column TIME_SMP is missing; leave its cells empty when it was not measured"


def test_an_unknown_column_is_flagged_and_the_batch_accepted_without_it() -> None:
    value = encode({"AL_UEQ_L": [1.0]} | columns_of([make_row()]))
    group = judge([submit(value)], REFERENCE)
    finding = only(group.judgements[0], "schema.unknown-column")
    assert (group.judgements[0].verdict, finding.severity, finding.column) == ("accepted", "soft", "AL_UEQ_L")
    assert group.clean.schema.names == CLEAN_SCHEMA.names


def test_the_name_of_an_unknown_column_can_be_shown_and_stored() -> None:
    judgement = judge_value(encode({"AL\0": [1.0]} | columns_of([make_row()])))
    assert only(judgement, "schema.unknown-column").column == "AL\ufffd"


@pytest.mark.parametrize("unit", ["org.acidwatch.batch.v2", "x"])
def test_a_batch_of_a_type_that_this_version_does_not_know_is_rejected(unit: str) -> None:
    judgement = judge_value(encode(columns_of([make_row()])), make_headers(type=unit))
    assert (judgement.verdict, judgement.rows) == ("rejected", 0)
    assert only(judgement, "header.type").message == f"ce_type is {unit!r}; this version reads {BATCH_TYPE}"


def test_a_batch_without_a_type_is_judged() -> None:
    assert judge_value(encode(columns_of([make_row()])), make_headers(type=None)).verdict == "accepted"


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"columns": {"A": [1], "B": [1, 2]}}'])
def test_what_cannot_be_decoded_is_one_finding(value: bytes | None) -> None:
    judgement = judge_value(value)
    assert (judgement.verdict, judgement.rows, judgement.hard, judgement.soft) == ("rejected", 0, 1, 0)
    assert judgement.findings[0].rule.startswith("decode.")


def test_deeply_nested_json_in_a_cell_is_a_finding_and_exhausts_nothing() -> None:
    row = make_row(SITE_ID="HERE")
    value = encode(columns_of([row])).replace(b'"HERE"', b"[" * 1000 + b"]" * 1000)
    judgement = judge_value(value)
    assert only(judgement, "type.text").value == "a deeply nested list or object"


def test_findings_point_into_the_sheet_where_columns_and_rows_have_gaps() -> None:
    rows = [make_row(), make_row(SITE_ID="77", SO4_UEQ_L="?", SAMPLE_TYPE=None)]
    cells = {"letters": {"SO4_UEQ_L": "BC", "SAMPLE_TYPE": "E"}, "rows": [2, 9]}
    judgement = judge_value(encode(columns_of(rows), cells), make_headers(8))
    assert {finding.rule: finding.cell for finding in judgement.findings} == {
        "type.number": "BC9",
        "schema.required": "E9",
        "missing.major": "9",
    }


def test_a_batch_that_does_not_begin_in_column_a_points_into_its_own_columns() -> None:
    value = encode(columns_of([make_row(SITE_ID=20058)]))
    finding = only(judge_value(value, make_headers(subject="Jan!1992!C10:AF10")), "type.text")
    assert (finding.sheet, finding.cell) == ("Jan!1992", "C10")


def test_without_a_subject_a_finding_names_no_cell_and_rows_count_from_1() -> None:
    rows = [make_row(), make_row(SITE_ID=77, WTEMP_DEG_C=29.0)]
    judgement = judge_value(encode(columns_of(rows)), make_headers(subject=None))
    assert [(finding.sheet, finding.cell) for finding in judgement.findings] == [("", ""), ("", "")]
    group = judge([submit(encode(columns_of(make_rows(2))), make_headers(subject=None))], REFERENCE)
    assert group.clean["row"].to_pylist() == [1, 2]


def test_cells_of_a_stranger_that_are_no_cells_are_not_believed() -> None:
    cells = {"letters": {"SITE_ID": "\0\0"}, "rows": ["2"]}
    finding = only(judge_value(encode(columns_of([make_row(SITE_ID=1)]), cells)), "type.text")
    assert finding.cell == "A2"


def test_counts_are_complete_where_findings_are_capped() -> None:
    rows = MOST_MATERIALISED + 5
    columns = {name: [cell] * rows for name, cell in make_row(CA_UEQ_L="x").items()}
    judgement = judge_value(encode(columns), make_headers(rows))
    # Each row has a text for a number and misses a major ion; each but the first repeats its key.
    assert (judgement.hard, judgement.soft) == (2 * rows - 1, rows)
    assert len(judgement.findings) == MOST_MATERIALISED
    assert judgement.findings[0].rule == "type.number"


def test_remarks_leave_room_for_the_finding_that_rejects() -> None:
    cells = {column.name: "n.d." for column in MEASUREMENTS}
    rows = [make_row(**cells) for _ in range(MOST_MATERIALISED // len(MEASUREMENTS) + 50)]
    rows[-1]["SAMPLE_TYPE"] = "Monthly"
    judgement = judge_value(encode(columns_of(rows)), make_headers(len(rows)))
    assert judgement.verdict == "rejected" and judgement.soft > MOST_MATERIALISED
    assert {"domain.SAMPLE_TYPE"} <= {finding.rule for finding in judgement.findings if finding.severity == "hard"}
    assert judgement.findings[0].severity == "hard"
    assert sum(finding.severity == "soft" for finding in judgement.findings) == MOST_SOFT


def test_unknown_columns_leave_room_for_the_finding_that_rejects() -> None:
    unknown: dict[str, list[Any]] = {f"X{number}": [None] for number in range(MOST_MATERIALISED + 5)}
    judgement = judge_value(encode(unknown | columns_of([make_row(SAMPLE_TYPE="Monthly")])))
    assert (judgement.hard, judgement.soft) == (1, MOST_MATERIALISED + 5)
    assert judgement.findings[0].rule == "domain.SAMPLE_TYPE"
    assert len(judgement.findings) == MOST_UNKNOWN + 1


def test_accepted_rows_are_typed_and_keep_id_attempt_and_row() -> None:
    rows = [make_row(TIME_SMP="0930", DATE_SMP="1992-06-14T09:30:00")]
    group = judge([submit(encode(columns_of(rows)), batch_id="x", attempt=3)], REFERENCE)
    assert group.clean.schema.equals(CLEAN_SCHEMA)
    (row,) = group.clean.to_pylist()
    assert (row["batch_id"], row["attempt"], row["row"]) == ("x", 3, 2)
    assert (row["SITE_ID"], row["TIME_SMP"], str(row["DATE_SMP"])) == ("020058", "0930", "1992-06-14 09:30:00")
    assert row["CHL_A_UG_L"] is None


def test_an_empty_group_has_no_rows() -> None:
    group = judge([], REFERENCE)
    assert (group.judgements, group.clean.num_rows, group.clean.schema) == ([], 0, CLEAN_SCHEMA)


@QUICK
@given(
    st.lists(JSON_CELL, min_size=1, max_size=8),
    st.integers(1, 4),
    st.integers(1, 11),
    st.integers(0, 253_402_300_799_999),
)
def test_judging_never_raises_and_counts_what_it_finds(pool: list[Any], rows: int, stride: int, sent_ms: int) -> None:
    value = orjson.dumps({"columns": spread(pool, rows, stride)})
    group = judge([submit(value, make_headers(rows), timestamp_ms=sent_ms)], REFERENCE)
    (judgement,) = group.judgements
    severities = [finding.severity for finding in judgement.findings]
    assert (severities.count("hard"), severities.count("soft")) == (judgement.hard, judgement.soft)
    assert severities == sorted(severities), "hard ones first"
    assert judgement.rows == rows
    assert group.clean.num_rows == (0 if judgement.hard else rows)
    assert all(finding.cell for finding in judgement.findings)


@st.composite
def batches(draw: st.DrawFn) -> Submission:
    """A batch: sound, with some cells changed, or no batch at all."""
    if draw(st.integers(0, 5)) == 0:
        return submit(draw(st.binary(max_size=20)))
    rows = make_rows(draw(st.integers(1, 4)))
    for name, cell in draw(st.dictionaries(st.sampled_from(SAMPLE_NAMES), JSON_CELL, max_size=2)).items():
        rows[-1][name] = cell
    if draw(st.booleans()):
        rows.append(rows[0])
    moment = draw(st.sampled_from([0, 1_715_988_600_000]))
    return submit(
        encode(columns_of(rows)), make_headers(len(rows)), batch_id=str(draw(st.integers(0, 99))), timestamp_ms=moment
    )


@QUICK
@given(st.lists(batches(), min_size=1, max_size=4))
def test_judging_a_group_is_judging_each_of_its_batches_alone(submissions: list[Submission]) -> None:
    together = judge(submissions, REFERENCE)
    alone = [judge([submission], REFERENCE) for submission in submissions]
    assert together.judgements == [group.judgements[0] for group in alone]
    assert together.clean.equals(pa.concat_tables([group.clean for group in alone]))


def test_the_contract_has_the_thirty_columns_of_the_release() -> None:
    assert (len(SAMPLES), SAMPLE_NAMES[0], SAMPLE_NAMES[-1]) == (30, "SITE_ID", "WTEMP_DEG_C")
    assert next(column.parameter for column in SAMPLES if column.name == "NA_UEQ_L") == "NA"
