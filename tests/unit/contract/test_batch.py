"""Identity and bytes of a batch: stable ids, encoding, and decoding of whatever comes."""

from __future__ import annotations

import math
import time
import uuid
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import (
    Origin,
    Payload,
    UndecodableError,
    Value,
    batch_id,
    decode,
    encode,
    id_from_origin,
    value_digest,
)
from acidwatch.contract.headers import read_headers
from tests.unit.contract.makers import QUICK

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CELL: st.SearchStrategy[Value] = st.none() | TEXT | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)
SOURCE = st.tuples(
    st.text("0123456789abcdef", min_size=64, max_size=64), TEXT, st.integers(1, 10**6), st.integers(1, 10**4)
)
ORIGIN = st.builds(
    Origin, st.text("ab.-/", max_size=6), st.integers(0, 200), st.integers(0, 2**63), st.integers(0, 2**41)
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Value]]:
    """Columns of one length."""
    rows = draw(st.integers(1, 5))
    return draw(st.dictionaries(TEXT, st.lists(CELL, min_size=rows, max_size=rows), min_size=1, max_size=5))


def test_the_id_of_a_batch_never_changes() -> None:
    assert batch_id("ab" * 32, "Sheet 1", 2, 100) == "5c311c87-ec32-5b3d-85c4-33f9b1fcb328"
    assert id_from_origin(Origin("t", 0, 1, 2), value_digest(b"x")) == "63ef3265-29bc-5e40-b4c0-bfb97ae26478"


@QUICK
@given(SOURCE, SOURCE)
def test_the_same_rows_have_the_same_id_and_others_another(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert batch_id(*one) == batch_id(*one)
    assert (batch_id(*one) == batch_id(*other)) == (one == other)
    assert uuid.UUID(batch_id(*one)).version == 5
    assert read_headers([("ce_id", batch_id(*one).encode())]).batch_id == batch_id(*one)


@QUICK
@given(ORIGIN, ORIGIN, st.binary(max_size=4), st.binary(max_size=4))
def test_ids_from_origins_are_distinct(one: Origin, other: Origin, value: bytes, other_value: bytes) -> None:
    ids = id_from_origin(one, value_digest(value)), id_from_origin(other, value_digest(other_value))
    assert (ids[0] == ids[1]) == ((one, value) == (other, other_value))


def test_an_origin_reads_as_topic_partition_and_offset() -> None:
    assert str(Origin("water-quality", 2, 17, 0)) == "water-quality/2@17"


@QUICK
@given(tables())
def test_what_was_encoded_is_decoded_as_it_was(columns: dict[str, list[Value]]) -> None:
    payload = decode(encode(columns))
    assert payload == Payload(columns, len(next(iter(columns.values()))))


def test_the_places_of_cells_travel_with_them() -> None:
    payload = decode(encode({"A": [1.0, None]}, {"letters": {"A": "C"}, "rows": [2, 5]}))
    assert (payload.letters, payload.row_numbers) == ({"A": "C"}, [2, 5])


@pytest.mark.parametrize(
    "cells",
    [[], "x", {}, {"letters": [], "rows": {}}, {"letters": {"A": 1}, "rows": [1]}, {"letters": {"A": "ABCD"}},
     {"letters": {"A": "a1"}, "rows": [1, 2.5]}, {"letters": {"A": "\0"}, "rows": [True, False]}],
)  # fmt: skip
def test_places_that_are_not_of_the_right_form_are_left_out(cells: Any) -> None:
    payload = decode(orjson.dumps({"columns": {"A": [1, 2]}, "cells": cells}))
    assert (payload.letters, payload.row_numbers, payload.rows) == (None, None, 2) or payload.letters == {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_travels_as_its_text(value: float) -> None:
    assert decode(encode({"A": [1.5, value, None]})).columns == {"A": [1.5, str(value), None]}


@pytest.mark.parametrize(
    ("value", "rule", "message"),
    [
        (None, "decode.empty", "no value"),
        (b"", "decode.empty", "no value"),
        (b"{", "decode.json", "not JSON"),
        (b"\xff", "decode.json", "not JSON"),
        (b'{"columns": {"A": [NaN]}}', "decode.json", "not JSON"),
        (b"[" * 100_000, "decode.json", "not JSON"),
        (b"[]", "decode.shape", "not an object"),
        (b"{}", "decode.shape", "neither"),
        (b'{"columns": []}', "decode.shape", "neither"),
        (b'{"columns": {}}', "decode.shape", "found no columns"),
        (b'{"columns": {"A": []}}', "decode.shape", "found 0"),
        (b'{"columns": {"A": [1], "B": [1, 2]}}', "decode.shape", "one length, at least 1; found 1, 2"),
        (b'{"columns": {"A": 1}}', "decode.shape", "column 'A' is not a list"),
        (b'{"records": []}', "decode.shape", "found no columns"),
        (b'{"records": [{}]}', "decode.shape", "found no columns"),
        (b'{"records": [1]}', "decode.shape", "not an object"),
    ],
)
def test_what_is_no_batch_says_what_it_is_instead(value: bytes | None, rule: str, message: str) -> None:
    with pytest.raises(UndecodableError, match=message) as caught:
        decode(value)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (b'{"columns": {"A": [1], "A": [2]}}', "A"),
        (b'{"columns": {"A" : [1], "A": [2]}}', "A"),
        (b'{"columns": {"A": [1], "\\u0041" \n : [2]}}', "A"),
        (b'{"columns": {"A": [1]}, "columns": {"A": [2]}}', "columns"),
        (b'{"records": [{"A": 1}, {"A": 2, "A": 2}]}', "A"),
        (b'{"columns": {"A": [{"b": 1, "b": 1}]}}', "b"),
        (b'{"columns": {"A": ["x\\":"], "A" : ["y"]}}', "A"),
    ],
)
def test_a_name_that_is_twice_in_one_object_is_ambiguous_and_refused(value: bytes, name: str) -> None:
    with pytest.raises(UndecodableError, match=f"the name '{name}' is twice in one object") as caught:
        decode(value)
    assert caught.value.rule == "decode.repeated-name"


def test_a_value_too_deep_to_be_looked_through_for_repeated_names_is_refused() -> None:
    deep = b"[" * 1000 + b"]" * 1000
    with pytest.raises(UndecodableError, match="nested deeper than any batch"):
        decode(b'{"columns": {"A" : [' + deep + b'], "A": [1]}}')


@pytest.mark.parametrize(
    "value",
    [
        b'{"columns": {"A": ["a\\":b"], "B" : ["1992-06-14T10:30:00"]}}',
        b'{"records": [{"A": 1, "B": {"A": 1}}, {"A": 1, "B": null}]}',
        b'{"columns": {"A": [1]}, "cells": {"letters": {"A": "C"}, "rows": [2]}}',
        b'{"columns": {"A": [' + b"[" * 900 + b"]" * 900 + b"]}}",
        b'{"columns": {"A": [' + b"9" * 300 + b'], "B" : [1]}}',
    ],
)
def test_the_same_name_in_several_objects_or_in_a_text_is_fine(value: bytes) -> None:
    assert decode(value).rows >= 1


def test_a_list_of_records_that_has_another_name_in_each_does_not_exhaust_the_memory() -> None:
    records = [{f"n{number}": 0} for number in range(20_000)]
    began = time.monotonic()
    with pytest.raises(UndecodableError, match="20000 records with 20000 different names are no table"):
        decode(orjson.dumps({"records": records}))
    assert time.monotonic() - began < 5


@QUICK
@given(st.binary(max_size=200) | JSON.map(orjson.dumps) | st.builds(
    orjson.dumps, st.fixed_dictionaries({}, optional={"columns": JSON, "records": JSON, "cells": JSON})
))  # fmt: skip
def test_decoding_raises_nothing_but_undecodable(value: bytes) -> None:
    try:
        payload = decode(value)
    except UndecodableError:
        return
    else:
        assert {len(cells) for cells in payload.columns.values()} == {payload.rows}
