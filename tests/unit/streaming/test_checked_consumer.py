"""Records that are read again must be the same records, whether their offsets were committed or not."""

from __future__ import annotations

from types import SimpleNamespace

from faust.types import TP

from acidwatch.errors import OffsetGapError
from acidwatch.streaming import consumer as module
from acidwatch.streaming.consumer import CheckedConsumer

PARTITION = TP("water-quality", 0)


def consumer(gaps: list[OffsetGapError]) -> CheckedConsumer:
    """One that was never connected."""
    kind = type("Consumer", (CheckedConsumer,), {"on_gap": staticmethod(gaps.append)})
    made: CheckedConsumer = object.__new__(kind)
    made._timestamps = {}
    return made


def read(reader: CheckedConsumer, offset: int, timestamp: int) -> None:
    reader._check_same(PARTITION, SimpleNamespace(offset=offset, timestamp=timestamp))


def test_a_record_read_again_with_the_same_timestamp_is_no_gap() -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    for offset in (0, 1, 2, 0, 1, 2, 3):
        read(reader, offset, 100 + offset)
    assert gaps == []


def test_another_record_at_an_offset_that_was_read_before_says_that_the_topic_was_made_anew() -> None:
    gaps: list[OffsetGapError] = []
    reader = consumer(gaps)
    for offset in range(5):
        read(reader, offset, 100 + offset)
    read(reader, 0, 900)
    assert [(gap.expected, gap.found) for gap in gaps] == [(5, 0)]


def test_only_the_records_read_last_are_remembered() -> None:
    reader = consumer([])
    for offset in range(module._REMEMBERED + 10):
        read(reader, offset, offset)
    assert len(reader._timestamps[PARTITION]) == module._REMEMBERED
