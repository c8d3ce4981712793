"""Identity of records and what became of them: own ids, conflicts, repeats, caps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.archive.groupfile import (
    clean_file,
    manifest,
    quarantine_file,
    raw_file,
    read_findings,
    read_manifest,
    read_raw,
)
from acidwatch.contract.batch import Origin, encode, id_from_origin, value_digest
from acidwatch.contract.columns import CONTRACT_VERSION
from acidwatch.contract.headers import write_headers
from acidwatch.contract.outcome import MOST_FINDINGS, Outcome
from services.ingestor.judge import Judged, Received, judge_group
from tests.unit.contract.makers import QUICK, REFERENCE, SENT_MS, columns_of, make_row, make_rows

JUDGED_AT = datetime(2024, 5, 17, 23, 45, tzinfo=UTC)
GOOD = encode(columns_of([make_row()]))
OTHER = encode(columns_of([make_row(SITE_ID="77")]))
BAD = encode(columns_of([make_row(SAMPLE_TYPE="Monthly")]))


def received(offset: int, value: bytes | None = GOOD, **headers: Any) -> Received:
    """A record; headers as of a batch that acidwatch sent, some of them changed."""
    said = {
        "batch_id": "b-1", "source": "s.xlsx", "source_id": "ab" * 32, "source_time": "2024-05-17T21:00:00+00:00", "index": 4, "count": 9,
        "subject": "Sheet 1!A2:AD2", "time": "2024-05-17T23:30:00+00:00",
    } | headers  # fmt: skip
    return Received(Origin("water-quality", 1, offset, SENT_MS), b"key", value, tuple(write_headers(**said)))


def bare(offset: int, value: bytes | None = GOOD) -> Received:
    """A record without headers."""
    return Received(Origin("water-quality", 1, offset, SENT_MS), None, value, ())


def judge(*records: Received) -> Judged:
    return judge_group(records, REFERENCE, JUDGED_AT)


def test_an_outcome_says_what_the_headers_said_and_what_was_found() -> None:
    (outcome,) = judge(received(7, attempt=2)).outcomes
    assert outcome == Outcome(
        batch_id="b-1", attempt=2, verdict="accepted", origin=Origin("water-quality", 1, 7, SENT_MS), source_id="ab" * 32,
        source="s.xlsx", source_time="2024-05-17T21:00:00+00:00", batch_index=4, batch_count=9, subject="Sheet 1!A2:AD2", rows=1,
        hard=0, soft=0, findings=(), value_sha256=value_digest(GOOD), value_bytes=len(GOOD), contract_version=CONTRACT_VERSION,
        reference_version=7, service_version=outcome.service_version, judged_at="2024-05-17T23:45:00+00:00",
    )  # fmt: skip


@pytest.mark.parametrize("value", [GOOD, BAD, None, b"", b"\xff"])
def test_a_record_without_a_usable_id_gets_one_from_its_origin(value: bytes | None) -> None:
    unusable = replace(bare(7, value), headers=(("ce_id", b"../"), ("ce_attempt", b"5")))
    for record in (bare(7, value), unusable):
        (outcome,) = judge(record).outcomes
        assert outcome.batch_id == id_from_origin(record.origin, value_digest(value))
        assert (outcome.attempt, outcome.batch_index, outcome.batch_count) == (1, 7, None)
        assert (outcome.source, outcome.source_id) == ("topic:water-quality", "topic:water-quality")
        assert outcome.source_time == "2024-05-17T23:30:00+00:00", "the record's own time"


def test_strangers_who_only_say_their_names_are_sources_of_their_own() -> None:
    records = [replace(bare(offset, GOOD), headers=(("ce_source", name),)) for offset, name in enumerate((b"a", b"b"))]
    outcomes = judge(*records).outcomes
    assert [(outcome.source, outcome.source_id) for outcome in outcomes] == [
        ("a", "topic:water-quality/a"),
        ("b", "topic:water-quality/b"),
    ]


def test_records_of_other_origins_get_other_ids() -> None:
    origins = [
        Origin("t", 0, 5, 1),
        Origin("t", 1, 5, 1),
        Origin("t", 0, 6, 1),
        Origin("t", 0, 5, 2),
        Origin("u", 0, 5, 1),
    ]
    judged = judge(*(replace(bare(0), origin=origin) for origin in origins))
    assert len({outcome.batch_id for outcome in judged.outcomes}) == len(origins)


def test_the_same_bytes_twice_in_a_group_are_two_outcomes_and_one_set_of_rows() -> None:
    judged = judge(received(1), received(2), received(3, OTHER, batch_id="b-2"))
    assert [(outcome.batch_id, outcome.origin.offset) for outcome in judged.outcomes] == [
        ("b-1", 1),
        ("b-1", 2),
        ("b-2", 3),
    ]
    assert [outcome.verdict for outcome in judged.outcomes] == ["accepted"] * 3
    assert judged.clean["batch_id"].to_pylist() == ["b-1", "b-2"]
    assert judged.repeats == {1}
    assert len(judged.raw) == 3


def test_the_same_bytes_as_another_attempt_are_another_batch_of_rows() -> None:
    judged = judge(received(1), received(2, attempt=2))
    assert judged.clean["attempt"].to_pylist() == [1, 2]


def test_the_same_id_with_other_bytes_is_a_conflict_under_an_id_of_its_own() -> None:
    records = [received(1), received(2, OTHER), received(3, OTHER), received(4)]
    judged = judge(*records)
    own = [id_from_origin(record.origin, value_digest(OTHER)) for record in records[1:3]]
    assert [outcome.batch_id for outcome in judged.outcomes] == ["b-1", *own, "b-1"]
    assert [raw.batch_id for raw in judged.raw] == ["b-1", *own, "b-1"]
    assert [outcome.verdict for outcome in judged.outcomes] == ["accepted", "rejected", "rejected", "accepted"]
    (finding,) = judged.outcomes[1].findings
    assert (finding.rule, finding.sheet, finding.value) == ("id.conflict", "Sheet 1", "b-1")
    assert finding.message == "batch b-1 attempt 1 came before with other bytes; give changed data a new id or attempt"
    assert (judged.clean["batch_id"].to_pylist(), judged.repeats) == (["b-1"], {3})


def test_a_conflict_of_a_later_attempt_is_attempt_1_of_its_own_id() -> None:
    judged = judge(received(1, attempt=3), received(2, OTHER, attempt=3))
    assert [(outcome.attempt, outcome.hard) for outcome in judged.outcomes] == [(3, 0), (1, 1)]


def test_findings_of_an_outcome_are_capped_and_its_counts_complete() -> None:
    rows = [row | {"SAMPLE_TYPE": "M", "WTEMP_DEG_C": 29.0} for row in make_rows(MOST_FINDINGS + 10)]
    judged = judge(received(1, encode(columns_of(rows))))
    (outcome,) = judged.outcomes
    assert (outcome.hard, outcome.soft, len(outcome.findings)) == (60, 60, 50)
    assert {finding.severity for finding in outcome.findings} == {"hard"}
    assert len(judged.findings[0]) == 120, "all of them are for quarantine"


def test_raw_records_are_what_came() -> None:
    record = replace(received(1, None), key=None, headers=(("a", None), ("a", b"\xff")))
    (raw,) = judge(record).raw
    assert (raw.origin, raw.key, raw.value, raw.headers) == (record.origin, None, None, (("a", None), ("a", b"\xff")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-17T21:00:00+02:00", "2024-05-17T19:00:00+00:00"),
        ("2024-05-17T21:00:00", "2024-05-17T21:00:00+00:00"),
        ("2024-05-17T21:00:00Z", "2024-05-17T21:00:00+00:00"),
        ("yesterday", "2024-05-17T23:30:00+00:00"),
        ("0001-01-01T00:00:00+14:00", "2024-05-17T23:30:00+00:00"),
        ("", "2024-05-17T23:30:00+00:00"),
    ],
)
def test_the_source_time_is_utc_and_the_records_own_where_it_cannot_be_read(text: str, expected: str) -> None:
    (outcome,) = judge(received(1, source_time=text)).outcomes
    assert outcome.source_time == expected


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 2**63 - 1])
def test_a_record_stamped_with_an_impossible_time_is_judged(timestamp_ms: int) -> None:
    record = bare(1)
    (outcome,) = judge(replace(record, origin=replace(record.origin, timestamp_ms=timestamp_ms))).outcomes
    assert outcome.source_time[:4] in ("1970", "9999")


@QUICK
@given(
    st.lists(
        st.builds(
            Received,
            st.builds(Origin, st.just("t"), st.integers(0, 2), st.integers(0, 2**62), st.integers(-1, 2**63 - 1)),
            st.none() | st.binary(max_size=3),
            st.none() | st.binary(max_size=9) | st.sampled_from([GOOD, OTHER, BAD]),
            st.lists(
                st.tuples(st.sampled_from(["ce_id", "ce_type", "ce_attempt", "ce_subject", "ce_sourcetime"]), st.none() | st.sampled_from(
                    [b"a", b"b", b"2", b"org.acidwatch.batch.v1", b"S!B2:C3", b"9999-12-31T23:59:59-12:00"]) | st.binary(max_size=9)),
                max_size=4,
            ).map(tuple),
        ),
        min_size=1, max_size=6, unique_by=lambda record: record.origin,
    )
)  # fmt: skip
def test_whatever_comes_gets_an_outcome_that_can_be_sent_and_one_identity_per_content(records: list[Received]) -> None:
    judged = judge(*records)
    contents: dict[tuple[str, int], str] = {}
    for record, outcome, raw, findings in zip(records, judged.outcomes, judged.raw, judged.findings, strict=True):
        assert Outcome.decode(outcome.encode()) == outcome
        assert (raw.origin, raw.value) == (record.origin, record.value) == (outcome.origin, raw.value)
        assert (raw.batch_id, raw.attempt) == (outcome.batch_id, outcome.attempt)
        assert (outcome.verdict == "rejected") == (outcome.hard > 0) == any(f.severity == "hard" for f in findings)
        assert contents.setdefault((outcome.batch_id, outcome.attempt), outcome.value_sha256) == outcome.value_sha256
    accepted = {(o.batch_id, o.attempt): o.rows for o in judged.outcomes if o.verdict == "accepted"}
    assert judged.clean.num_rows == sum(accepted.values())


SPLICES = [
    b"", b"null", b"NaN", b"1e999", b"[[[[", b"]]}}", b'"', b"\\u0000", b"\\ud800", b"\x00", b"\xff", b"{}", b'{"a":1}', b"true", b"-0",
    b'"\\"', b",", b'"CA_UEQ_L":[1],', b"9" * 400, b"'; DROP TABLE ledger.batches; --", "\u202e".encode(),
]  # fmt: skip


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 40), st.sampled_from(SPLICES)), min_size=1, max_size=4)
)
def test_a_batch_that_was_damaged_anywhere_is_judged_and_its_files_can_be_written_and_read(
    damages: list[tuple[int, int, bytes]],
) -> None:
    value = GOOD
    for start, length, splice in damages:
        value = value[:start] + splice + value[start + length :]
    judged = judge(received(1, value), received(2, OTHER, batch_id="b-2"))
    (damaged, other) = judged.outcomes
    assert (other.verdict, damaged.value_sha256) == ("accepted", value_digest(value))
    footer = manifest(judged.outcomes, {}, with_findings=True)
    assert [record.value for record in read_raw(raw_file(judged.raw, footer))] == [value, OTHER]
    assert read_manifest(clean_file(judged.clean, footer))["outcomes"][0]["verdict"] == damaged.verdict
    written = read_findings(quarantine_file([("b-1", 1, judged.findings[0])], footer))
    assert [finding for _, _, finding in written] == judged.findings[0]
