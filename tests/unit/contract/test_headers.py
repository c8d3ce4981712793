"""Headers of batches and dead letters: written as CloudEvents, read whatever they hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.contract.batch import Origin
from acidwatch.contract.deadletter import letter_headers, without_letter_headers
from acidwatch.contract.headers import (
    BATCH_TYPE,
    BatchHeaders,
    column_letters,
    column_number,
    read_headers,
    write_headers,
)
from tests.unit.contract.makers import QUICK

NAMES = [
    "ce_id",
    "ce_source",
    "ce_sourceid",
    "ce_sourcetime",
    "ce_batchindex",
    "ce_batchcount",
    "ce_attempt",
    "ce_subject",
    "ce_type",
]


def test_what_was_written_is_read() -> None:
    written = write_headers(
        batch_id="b-1", source="s%20x.xlsx", source_id="ab" * 32, source_time="2024-05-17T00:00:00+00:00", index=3, count=9,
        subject="Blatt \u00e4!A2:AD101", time="2024-05-17T00:00:01+00:00", attempt=2,
    )  # fmt: skip
    assert read_headers(written) == BatchHeaders(
        "b-1", "s%20x.xlsx", "ab" * 32, "2024-05-17T00:00:00+00:00", 3, 9, 2, "Blatt \u00e4!A2:AD101", BATCH_TYPE
    )
    names = dict(written)
    assert (names["ce_specversion"], names["content-type"]) == (b"1.0", b"application/json")


@QUICK
@given(
    st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=5), st.none() | st.binary(max_size=30) | st.text().map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )), max_size=12)
)  # fmt: skip
def test_reading_headers_never_fails(headers: list[tuple[str, bytes | None]]) -> None:
    read = read_headers(headers)
    assert 1 <= read.attempt < 10**9
    assert read.batch_id is None or 1 <= len(read.batch_id) <= 100
    for text in (read.source, read.source_id, read.source_time, read.subject, read.type):
        assert text is None or (text.isprintable() and 0 < len(text) <= 500)
    assert isinstance(read.sheet, str)
    assert read.first_cell is None or min(read.first_cell) >= 1


@pytest.mark.parametrize("value", [b"", b"-x", b" a", b"a b", b"a\n", b"\xff", b"x" * 101, "\u00e9".encode(), b"../x"])
def test_an_id_that_could_be_mistaken_is_not_usable(value: bytes) -> None:
    assert read_headers([("ce_id", value)]).batch_id is None


@pytest.mark.parametrize(
    ("value", "attempt"), [(b"0", 1), (b"1", 1), (b"12", 12), (b"-3", 1), (b"1.0", 1), (b"x", 1), (b"9999999999", 1)]
)
def test_an_attempt_is_at_least_1_whatever_the_header_says(value: bytes, attempt: int) -> None:
    assert read_headers([("ce_attempt", value)]).attempt == attempt


def test_the_first_of_a_repeated_header_counts() -> None:
    assert read_headers([("ce_id", b"one"), ("ce_id", b"two"), ("ce_type", None), ("ce_type", b"t")]).batch_id == "one"


@pytest.mark.parametrize(
    ("subject", "sheet", "cell"),
    [
        ("Sheet 1!A2:AD101", "Sheet 1", (1, 2)),
        ("a!b!AA10:AB11", "a!b", (27, 10)),
        ("Sheet 1", "", None),
        ("Sheet 1!A0:B1", "", None),
        ("Sheet 1!a1:b2", "", None),
        (None, "", None),
    ],
)
def test_a_subject_names_sheet_and_first_cell(subject: str | None, sheet: str, cell: tuple[int, int] | None) -> None:
    headers = BatchHeaders(subject=subject)
    assert (headers.sheet, headers.first_cell) == (sheet, cell)


@QUICK
@given(st.integers(1, 10**9))
def test_the_letters_of_a_column_give_its_number_back(number: int) -> None:
    assert column_number(column_letters(number)) == number


@QUICK
@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6))
def test_the_number_of_a_column_gives_its_letters_back(letters: str) -> None:
    assert column_letters(column_number(letters)) == letters


@pytest.mark.parametrize(("number", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (30, "AD"), (16384, "XFD")])
def test_columns_are_lettered_as_in_a_spreadsheet(number: int, letters: str) -> None:
    assert column_letters(number) == letters


def test_a_dead_letter_says_where_it_came_from_and_why_it_failed() -> None:
    moment = datetime(2024, 5, 17, tzinfo=UTC)
    headers = letter_headers(
        origin=Origin("water-quality", 2, 17, 1_715_904_000_000), reason="range.CA_UEQ_L", message="\u03bceq", rules=("a.b", "c.d"),
        attempt=2, failures=3, first_failed_at=moment, last_failed_at=moment, batch_id="b", service="ingestor", service_version="1",
        archive_path="raw/x.parquet",
    )  # fmt: skip
    texts = {name: value.decode() for name, value in headers}
    assert all(name.startswith("dlq-") for name in texts)
    assert (texts["dlq-origin-topic"], texts["dlq-origin-partition"], texts["dlq-origin-offset"]) == (
        "water-quality",
        "2",
        "17",
    )
    assert (texts["dlq-rules"], texts["dlq-message"], texts["dlq-failures"]) == ("a.b,c.d", "\u03bceq", "3")
    assert texts["dlq-first-failed-at"] == "2024-05-17T00:00:00+00:00"
    original: list[tuple[str, bytes | None]] = [("ce_id", b"b"), ("x", None), ("x", b"")]
    assert without_letter_headers((*original, *headers)) == original
