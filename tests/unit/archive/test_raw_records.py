"""Single records come back from raw/ as they were judged, or not at all."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from acidwatch.archive.groupfile import RawRecord, manifest, raw_file, read_manifest
from acidwatch.archive.memory import MemoryStore
from acidwatch.archive.raw import read_records, read_sound_records
from acidwatch.archive.sealed import DamagedFileError
from tests.support.outcomes import outcome

PATH = "raw/one.parquet"
BECAME = outcome("a", 0, value=b"as it came")
RECORD = RawRecord(BECAME.origin, b"a", b"as it came", (("h", b"1"),), "a", 1)


@pytest.fixture
def store() -> MemoryStore:
    """With a raw file of one record."""
    made = MemoryStore()
    made.publish(PATH, raw_file([RECORD], manifest([BECAME], {"raw": PATH}, with_findings=True)))
    return made


def test_a_record_comes_back_byte_for_byte(store: MemoryStore) -> None:
    assert read_records(store, [(PATH, RECORD.origin)]) == {RECORD.origin: RECORD}


def test_a_file_that_is_cut_off_is_said_to_be_damaged(store: MemoryStore) -> None:
    store.files[PATH] = store.files[PATH][:-9]
    with pytest.raises(DamagedFileError, match=f"{PATH} is damaged"):
        read_records(store, [(PATH, RECORD.origin)])


def test_bytes_that_are_not_those_that_were_judged_are_not_given_out(store: MemoryStore) -> None:
    other = replace(RECORD, value=b"as it cane")
    store.files[PATH] = raw_file([other], orjson.dumps(read_manifest(store.files[PATH])))
    with pytest.raises(DamagedFileError, match="are not those that were judged"):
        read_records(store, [(PATH, RECORD.origin)])
    store.publish("raw/two.parquet", raw_file([RECORD], manifest([BECAME], {}, with_findings=True)))
    found, damaged = read_sound_records(store, [(PATH, RECORD.origin)])
    assert (found, list(damaged)) == ({}, [RECORD.origin])
    found, damaged = read_sound_records(store, [("raw/two.parquet", RECORD.origin)])
    assert (found, damaged) == ({RECORD.origin: RECORD}, {})
