"""Batches decoded straight to Arrow are judged as those that are decoded one by one, whatever is in them."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acidwatch.contract import judge as judging
from acidwatch.contract.batch import encode
from acidwatch.contract.columns import SAMPLES
from acidwatch.contract.headers import BatchHeaders
from acidwatch.contract.judge import GroupJudgement, Submission, judge
from acidwatch.contract.reference import Reference
from acidwatch.contract.usual import UsualColumns, read_usual
from tests.unit.contract.makers import columns_of, make_row

REFERENCE = Reference.of(1, [("LTM_ME", "020058"), ("LTM_ME", "77")])
HEADERS = BatchHeaders(subject="Sheet 1!B5:AE9", type="org.acidwatch.batch.v1")


THOROUGH = settings(deadline=None, max_examples=150)


def value(*changes: dict[str, Any]) -> bytes:
    """A batch with a row for each of these changes."""
    return encode(
        columns_of([make_row(**{"SAMPLE_DEPTH": float(row), **change}) for row, change in enumerate(changes)])
    )


def both_ways(values: list[bytes | None]) -> tuple[GroupJudgement, GroupJudgement]:
    submissions = [Submission(f"b-{n}", 1, HEADERS, each, 1_790_000_000_000) for n, each in enumerate(values)]
    with patch.object(judging, "read_usual", lambda _: None):
        one_by_one = judge(submissions, REFERENCE)
    return judge(submissions, REFERENCE), one_by_one


def check_same(values: list[bytes | None]) -> None:
    at_once, one_by_one = both_ways(values)
    assert at_once.judgements == one_by_one.judgements
    assert at_once.clean.equals(one_by_one.clean)


def test_a_group_of_usual_batches_is_read_at_once_with_the_same_findings_and_rows() -> None:
    values = [
        value({}, {"NH4_UEQ_L": -2}, {"NH4_UEQ_L": -2.0, "SO4_UEQ_L": None}),
        value({"SO4_UEQ_L": 5000}, {"SITE_ID": "no, such] site"}),
        value({"DATE_SMP": "1992-06-14T10:30:00"}, {"DATE_SMP": "1970-01-01"}, {"TIME_SMP": None}),
    ]
    assert read_usual(values) is not None
    check_same(values)
    judgements = both_ways(values)[0].judgements
    quoted = [finding.value for finding in judgements[0].findings if finding.column == "NH4_UEQ_L"]
    assert quoted == ["-2", "-2.0"], "as the cells came"
    assert judgements[1].sites == ("020058", "no, such] site")


ODD_CELLS = [
    None, 0, -1, 2.5, 1e300, 2**53 + 1, 2**64 - 1, True, False, "", "12", "<0.5", "n.d.", "020058", "Lake", "a]b", "a,b", 'a"b', "a\\b",
    "ä", "\x7f", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), [], [1], {}, {"a": 1}, "1992-06-14", "0000-01-01",
    "1992-06-14T10:30", "1992-06-14\n", "NaN",
]  # fmt: skip
ODD_BYTES = [
    b'"', b",", b"]", b"}", b"{", b"[", b":", b"\\", b"\0", b" ", b"\n", b"-0", b"-0.0", b"NaN", b"Infinity", b"-Infinity", b"1e400",
    b"1E5", b"01", b"null", b"true", b"\xff", b"\xc3\xa4", b'"SITE_ID":[', b'"columns":', b"//",
]  # fmt: skip


@THOROUGH
@given(
    st.lists(
        st.dictionaries(st.sampled_from([column.name for column in SAMPLES]), st.sampled_from(ODD_CELLS), max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_odd_cells_are_judged_the_same_in_a_group_of_usual_batches(changes: list[dict[str, Any]]) -> None:
    check_same([value({}), value(*changes), value({"NH4_UEQ_L": -1.5})])


@THOROUGH
@given(st.integers(0, 4000), st.integers(0, 12), st.sampled_from(ODD_BYTES), st.integers(0, 2))
def test_damaged_values_are_judged_the_same_in_a_group_of_usual_batches(
    at: int, removed: int, put_in: bytes, where: int
) -> None:
    whole = value({}, {"NH4_UEQ_L": -1}, {"CA_UEQ_L": 3.25})
    at %= len(whole)
    values: list[bytes | None] = [value({}), value({"NH4_UEQ_L": -1.5})]
    values.insert(where, whole[:at] + put_in + whole[at + removed :])
    check_same(values)


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: good + b"\0garbage",
        lambda good: good + good,
        lambda good: good.replace(b'"columns":{', b'"columns":{"MORE":[1],'),
        lambda good: good.replace(b'"SO4_UEQ_L"', b'"CA_UEQ_L"'),
        lambda good: good.replace(b'"SO4_UEQ_L"', b'"MORE"'),
        lambda good: good.replace(b"},", b"},,"),
        lambda good: orjson.dumps(orjson.loads(good), option=orjson.OPT_INDENT_2),
        lambda good: b'{"columns":{' + b",".join(b'"%s":[]' % column.name.encode() for column in SAMPLES) + b"}}",
        lambda good: b'{"columns":{' + b",".join(b'"%s":null' % column.name.encode() for column in SAMPLES) + b"}}",
        lambda good: b"",
        lambda good: None,
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_what_parsers_disagree_on_is_judged_the_same(damage: Any, last: bool) -> None:
    damaged = damage(value({}))
    check_same([value({}), damaged] if last else [damaged, value({})])


def test_columns_are_decoded_when_they_are_asked_for_and_keep_the_order_of_the_value() -> None:
    columns = UsualColumns(b'{"columns":{"B":["x","]","y,z"],"A":[1,null,2.5]}}')
    assert list(columns) == ["B", "A"]
    assert dict(columns) == {"B": ["x", "]", "y,z"], "A": [1, None, 2.5]}
    assert "C" not in columns
