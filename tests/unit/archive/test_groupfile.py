"""The files of a group: raw records byte for byte, findings, and a manifest that says what became of each batch."""

from __future__ import annotations

import io
from dataclasses import asdict, replace

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from acidwatch.archive.groupfile import (
    RawRecord,
    clean_file,
    manifest,
    quarantine_file,
    raw_file,
    read_findings,
    read_manifest,
    read_raw,
)
from acidwatch.contract.batch import Origin, encode
from acidwatch.contract.judge import CLEAN_SCHEMA, judge
from acidwatch.contract.outcome import FileRef, Finding, Outcome
from tests.unit.contract.makers import QUICK, REFERENCE, columns_of, make_row, submit

FINDING = Finding(
    "hard", "range.CA_UEQ_L", "Sheet 1", "J2", "CA_UEQ_L", "9999", "CA_UEQ_L is 9999, outside 0 to 5000 ueq/L"
)
OUTCOME = Outcome(
    batch_id="b", attempt=2, verdict="rejected", origin=Origin("t", 1, 5, 99), source_id="ab" * 32, source="s.xlsx",
    source_time="2024-05-17T00:00:00+00:00", batch_index=3, batch_count=None, subject="Sheet 1!A2:AD2", rows=1, hard=1, soft=0,
    findings=(FINDING,), value_sha256="cd" * 32, value_bytes=17, contract_version="1.0", reference_version=7, service_version="0",
    judged_at="2024-05-17T00:00:01+00:00", files=(FileRef("raw", "raw/x", 1, "ef" * 32),),
)  # fmt: skip
PATHS = {"raw": "raw/2024-05-17/x.parquet", "quarantine": "quarantine/2024-05-17/x.parquet"}

BYTES = st.none() | st.binary(max_size=20)
NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
RECORD = st.builds(
    RawRecord,
    st.builds(Origin, NAME, st.integers(0, 2**31 - 1), st.integers(0, 2**63 - 1), st.integers(-1, 2**63 - 1)),
    BYTES,
    BYTES,
    st.lists(st.tuples(NAME, BYTES), max_size=3).map(tuple),
    NAME,
    st.integers(1, 2**31 - 1),
)


@QUICK
@given(st.lists(RECORD, max_size=4))
def test_raw_records_come_back_byte_for_byte(records: list[RawRecord]) -> None:
    assert read_raw(raw_file(records, b"{}")) == records


def test_null_and_empty_bytes_and_repeated_headers_are_kept_apart_and_in_order() -> None:
    headers = (("x", b"1"), ("x", None), ("x", b""), ("a", b"\xff\x00"))
    record = RawRecord(Origin("t", 0, 1, 2), None, b"", headers, "b", 1)
    assert read_raw(raw_file([record, replace(record, key=b"", value=None, headers=())], b"{}")) == [
        record,
        replace(record, key=b"", value=None, headers=()),
    ]


def test_a_raw_manifest_holds_each_outcome_whole_but_for_its_files() -> None:
    data = raw_file([], manifest([OUTCOME, replace(OUTCOME, batch_id="c")], PATHS, with_findings=True))
    found = read_manifest(data)
    assert (found["format"], found["files"]) == (1, PATHS)
    expected = orjson.loads(orjson.dumps({name: value for name, value in asdict(OUTCOME).items() if name != "files"}))
    assert found["outcomes"] == [expected, expected | {"batch_id": "c"}]


def test_an_outcome_can_be_made_again_from_a_raw_manifest() -> None:
    (entry,) = read_manifest(raw_file([], manifest([OUTCOME], PATHS, with_findings=True)))["outcomes"]
    assert Outcome.decode(orjson.dumps(entry | {"files": []})) == replace(OUTCOME, files=())


def test_a_manifest_beside_findings_does_not_repeat_them() -> None:
    footer = manifest([OUTCOME], PATHS, with_findings=False)
    assert "findings" not in read_manifest(quarantine_file([], footer))["outcomes"][0]


def test_findings_come_back_with_batch_and_attempt() -> None:
    soft = replace(FINDING, severity="soft", rule="zero.ion", cell="", value="\u03bc")
    data = quarantine_file([("b", 2, [FINDING, soft]), ("c", 1, []), ("d", 1, [FINDING])], b"{}")
    assert read_findings(data) == [("b", 2, FINDING), ("b", 2, soft), ("d", 1, FINDING)]


def test_findings_written_by_another_version_are_read_without_its_columns() -> None:
    table = pq.read_table(io.BytesIO(quarantine_file([("b", 2, [FINDING])], b"{}"))).drop_columns(["value"])
    sink = io.BytesIO()
    pq.write_table(table.append_column("hint", pa.array(["new"])), sink)
    assert read_findings(sink.getvalue()) == [("b", 2, replace(FINDING, value=""))]


def test_clean_rows_are_stored_in_microseconds_and_with_the_contracts_types() -> None:
    clean = judge([submit(encode(columns_of([make_row(WTEMP_DEG_C=29.0)])))], REFERENCE).clean
    table = pq.read_table(io.BytesIO(clean_file(clean, b"{}")))
    assert table.schema.equals(CLEAN_SCHEMA, check_metadata=False)
    assert table.equals(clean)
    assert str(table.schema.field("DATE_SMP").type) == "timestamp[us]"
