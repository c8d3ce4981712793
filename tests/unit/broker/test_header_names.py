"""Record batches with header names that are no UTF-8, as aiokafka's consumer would fetch them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from acidwatch.broker.headernames import read_any_header_name

Headers = list[tuple[str, bytes | None]]
GOOD: Headers = [("ce_id", b"\xff\xfe"), ("", None), ("µ", b"")]
BAD: Headers = [("a", b"1"), ("??", b"\xff??"), ("z", None)]
ESCAPED: Headers = [("a", b"1"), (r"\xff\xfe", b"\xff??"), ("z", None)]


def batch(headers: list[Headers], compression: int = 0, first_offset: int = 0) -> bytes:
    """A batch of records; the name `??` becomes two bytes that are no UTF-8."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=10**6
    )  # fmt: skip
    for offset, of_record in enumerate(headers):
        builder.append(offset, timestamp=1000 + offset, key=b"k", value=b"v%d" % offset, headers=of_record)
    data = bytearray(builder.build())
    data[0:8] = first_offset.to_bytes(8, "big")
    data = data.replace(b"\x04??", b"\x04\xff\xfe")  # 4 = the length 2 as a varint, so that values stay
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    return bytes(data)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer's reader, put back afterwards."""
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    read_any_header_name()


def fetched(data: bytes) -> list[tuple[Any, ...]]:
    """What a consumer gets from a fetched piece of a partition."""
    found, records = [], fetcher.MemoryRecords(data)
    while records.has_next():
        one = records.next_batch()
        assert not hasattr(one, "crc") or one.validate_crc()
        found += [(record.offset, record.timestamp, record.key, record.value, list(record.headers)) for record in one]
    return found


def test_a_name_that_is_no_utf_8_is_read_with_escapes_and_all_else_byte_for_byte() -> None:
    read = fetched(batch([GOOD, BAD, GOOD]))
    assert read == [(n, 1000 + n, b"k", b"v%d" % n, headers) for n, headers in enumerate([GOOD, ESCAPED, GOOD])]


def test_the_plain_reader_of_the_client_raises_on_it() -> None:
    with pytest.raises(UnicodeDecodeError):
        list(MemoryRecords(batch([BAD])).next_batch())


def test_batches_after_it_are_read_and_offsets_go_on() -> None:
    read = fetched(batch([BAD, BAD], first_offset=7) + batch([GOOD], first_offset=9))
    assert [line[0] for line in read] == [7, 8, 9]


@pytest.mark.parametrize("compression", [0, 1, 3])
def test_what_has_ordinary_names_is_read_as_before(compression: int) -> None:
    data = batch([GOOD, [], GOOD], compression)
    plain = MemoryRecords(data).next_batch()
    assert fetched(data) == [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in plain]


def test_a_compressed_batch_is_read_with_escapes_too() -> None:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=1, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=10**6
    )  # fmt: skip
    builder.append(0, timestamp=0, key=None, value=b"v", headers=[])
    header, body = bytes(builder.build())[:61], batch([BAD])[61:]
    data = bytearray(header + gzip.compress(body))
    data[8:12] = (len(data) - 12).to_bytes(4, "big")
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    assert fetched(bytes(data))[0][3:] == (b"v0", ESCAPED)


def test_records_from_before_there_were_headers_are_read_as_before() -> None:
    builder = LegacyRecordBatchBuilder(magic=1, compression_type=0, batch_size=1000)
    builder.append(0, timestamp=5, key=b"k", value=b"v")
    assert fetched(bytes(builder.build())) == [(0, 5, b"k", b"v", [])]
