"""Cutting a workbook into batches: which rows, under which id, with which headers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from acidwatch.broker.send import Record
from acidwatch.contract.batch import batch_id, decode
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.headers import BatchHeaders, read_headers
from acidwatch.errors import UnusableInputError
from services.producer.plan import Plan, plan
from tests.unit.contract.makers import judge_value
from tests.unit.producer.conftest import NOW, MakeBook


def records_of(batches: Plan) -> list[Record]:
    return list(batches.records("water-quality", NOW, NOW + timedelta(seconds=5), 0, batches.batches))


def read(record: Record) -> BatchHeaders:
    return read_headers(record.headers)


@pytest.mark.parametrize(("rows", "cuts"), [(1, [1]), (100, [100]), (201, [100, 100, 1])])
def test_a_workbook_is_cut_into_batches_of_100_rows(book: MakeBook, rows: int, cuts: list[int]) -> None:
    batches = plan(book(rows), None, 100)
    records = records_of(batches)
    assert (batches.rows, batches.batches) == (rows, len(cuts))
    assert [decode(record.value).rows for record in records] == cuts
    dates = [date for record in records for date in decode(record.value).columns["DATE_SMP"]]
    assert dates == sorted(set(dates)), "all rows, each once, in order"


def test_headers_say_which_batch_of_which_source_this_is(book: MakeBook) -> None:
    path = book(250, "Lakes \u00e4 1.xlsx")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    record = records_of(plan(path, None, 100))[2]
    assert (record.topic, record.key) == ("water-quality", (read(record).batch_id or "").encode())
    assert read(record) == BatchHeaders(
        batch_id(digest, "Sheet 1", 202, 50), "Lakes%20%C3%A4%201.xlsx", digest, NOW.isoformat(), 2, 3, 1, "Sheet 1!A202:AD251",
        "org.acidwatch.batch.v1",
    )  # fmt: skip
    assert dict(record.headers)["ce_time"] == b"2024-05-17T12:00:05+00:00"
    assert "cells" not in orjson.loads(record.value or b""), "the subject says where everything stands"


def test_every_batch_says_which_source_it_is_sent_in_place_of_and_its_value_is_the_same(book: MakeBook) -> None:
    batches = plan(book(150), None, 100)
    plain, instead = records_of(batches), records_of(replace(batches, replaces="5" * 64))
    assert [read(record).replaces for record in plain] == [None, None]
    assert [read(record).replaces for record in instead] == ["5" * 64] * 2
    assert [record.value for record in plain] == [record.value for record in instead]


def test_the_same_file_gives_the_same_batches_under_any_name(book: MakeBook) -> None:
    path = book(15)
    again = path.with_name("copy.xlsx")
    again.write_bytes(path.read_bytes())
    ids = [[read(record).batch_id for record in records_of(plan(p, None, 10))] for p in (path, path, again)]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == 2
    assert set(ids[0]).isdisjoint({read(record).batch_id for record in records_of(plan(path, None, 6))})


def test_only_the_batches_that_were_asked_for_are_made(book: MakeBook) -> None:
    batches = plan(book(25), None, 10)
    assert [read(record).index for record in batches.records("t", NOW, NOW, 1, 99)] == [1, 2]
    assert list(batches.records("t", NOW, NOW, 3, 99)) == []


def test_blank_rows_are_left_out_and_the_others_keep_their_place(book: MakeBook) -> None:
    batches = plan(book(5, blank=[3, 5, 6]), None, 2)
    assert batches.table.row_numbers == [2, 4, 7, 8, 9]
    records = records_of(batches)
    assert [decode(record.value).row_numbers for record in records] == [[2, 4], None, None]
    assert [read(record).subject for record in records] == ["Sheet 1!A2:AD4", "Sheet 1!A7:AD8", "Sheet 1!A9:AD9"]
    assert judge_value(records[0].value, read(records[0])).verdict == "accepted"


def test_a_column_in_between_that_is_not_in_the_contract_is_not_sent_and_moves_no_cell(book: MakeBook) -> None:
    (record,) = records_of(plan(book(1, note_after="SITE_ID"), None, 100))
    payload = decode(record.value)
    assert tuple(payload.columns) == SAMPLE_NAMES
    assert read(record).subject == "Sheet 1!A2:AE2"
    assert (payload.letters or {})["SITE_ID"] == "A"
    assert (payload.letters or {})["PROGRAM_ID"] == "C"


def test_a_table_that_does_not_begin_in_column_a_says_so_in_its_subject(book: MakeBook) -> None:
    (record,) = records_of(plan(book(1, left=2), None, 100))
    assert (read(record).subject, read(record).first_cell) == ("Sheet 1!C2:AF2", (3, 2))
    assert decode(record.value).letters is None


def test_a_workbook_that_cannot_be_read_is_unusable_input(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("x") / "x.xlsx"
    with pytest.raises(UnusableInputError, match=r"x\.xlsx"):
        plan(path, None, 100)
    path.write_bytes(b"no workbook")
    with pytest.raises(UnusableInputError, match=r"x\.xlsx"):
        plan(path, None, 100)


def test_what_may_be_other_values_under_a_locale_are_other_batches(book: MakeBook) -> None:
    path = book(3)
    ids = {locale: plan(path, None, 100, locale).batch_id(0) for locale in (None, "en", "fr")}
    assert ids[None] == ids["en"] != ids["fr"]
