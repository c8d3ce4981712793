"""Record batches that aiokafka's consumer can't read: header names that are no UTF-8, and what unpacks to too much."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import Any

import cramjam
import pytest
from aiokafka import TopicPartition
from aiokafka.codec import snappy_decode
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from acidwatch.broker.anyrecord import read_any_record
from acidwatch.broker.unpacking import TooLargeError, unpacked
from acidwatch.contract.headers import PACKED_TYPE

MOST_BYTES = 100_000
TP = TopicPartition("t", 0)
CODECS = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}

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
    read_any_record(MOST_BYTES)


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


@pytest.mark.parametrize("compression", [0, *CODECS])
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


def packed(values: list[bytes], compression: int, first_offset: int = 0) -> bytes:
    """A compressed batch of records with these values."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=10**8
    )  # fmt: skip
    for offset, value in enumerate(values):
        builder.append(offset, timestamp=1000 + offset, key=b"k", value=value, headers=[])
    data = bytearray(builder.build())
    data[0:8] = first_offset.to_bytes(8, "big")
    return bytes(data)


@pytest.mark.parametrize("compression", CODECS, ids=CODECS.get)
def test_a_batch_that_unpacks_to_too_much_is_left_packed_and_what_comes_after_it_is_read(compression: int) -> None:
    large = packed([b"0" * MOST_BYTES, b"1", b"2"], compression, first_offset=5)
    assert len(large) < MOST_BYTES / 10
    read = fetched(large + batch([GOOD], first_offset=8))
    told = [("ce_type", PACKED_TYPE.encode())]
    assert read[:3] == [(5, 1002, None, large, told), (6, 1002, None, None, told), (7, 1002, None, None, told)]
    assert read[3:] == [(8, 1000, b"k", b"v0", GOOD)]


@pytest.mark.parametrize("compression", CODECS, ids=CODECS.get)
def test_a_batch_that_unpacks_to_as_much_as_may_be_is_read(compression: int) -> None:
    value = b"0" * (MOST_BYTES - 20)
    assert [line[3] for line in fetched(packed([value], compression))] == [value]


@pytest.mark.parametrize("compression", CODECS, ids=CODECS.get)
def test_a_batch_whose_compressed_bytes_are_damaged_is_left_packed(compression: int) -> None:
    data = bytearray(packed([b"0" * 1000], compression))
    data[61:] = bytes(255 - byte for byte in data[61:])
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    assert [line[3] for line in fetched(bytes(data))] == [bytes(data)]


def test_of_a_piece_no_more_is_unpacked_at_once_than_a_record_may_be_large_and_the_rest_is_left_to_be_fetched_again() -> (
    None
):
    one = packed([b"0" * (MOST_BYTES // 2)], 4)
    piece = b"".join(packed([b"0" * (MOST_BYTES // 2)], 4, first_offset=offset) for offset in range(20))
    reader = fetcher.PartitionRecords(TP, fetcher.MemoryRecords(piece), [], 0, None, None, True, 0)
    assert [record.offset for record in reader] == [0, 1]
    assert reader.next_fetch_offset == 2
    rest = fetcher.PartitionRecords(TP, fetcher.MemoryRecords(piece[2 * len(one) :]), [], 2, None, None, True, 0)
    assert [record.offset for record in rest] == [2, 3]


def test_snappy_in_one_piece_as_other_clients_write_it_is_read_too() -> None:
    data = packed([b"0" * 1000], 2)
    piece = data[:61] + bytes(cramjam.snappy.compress_raw(snappy_decode(data[61:])))
    assert unpacked(piece, MOST_BYTES) == unpacked(data, MOST_BYTES)
    with pytest.raises(TooLargeError):
        unpacked(piece, 999)


def test_little_memory_is_taken_for_what_would_unpack_to_a_gigabyte() -> None:
    bomb = bytes(cramjam.zstd.compress(bytes(10**9)))
    data = packed([b"0" * 1000], 4)[:61] + bomb
    tracemalloc.start()
    with pytest.raises(TooLargeError):
        unpacked(data, MOST_BYTES)
    assert tracemalloc.get_traced_memory()[1] < 3 * (MOST_BYTES + len(bomb))
    tracemalloc.stop()
