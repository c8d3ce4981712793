"""What a record is counted as while it waits."""

from __future__ import annotations

from types import SimpleNamespace

from acidwatch.streaming.buffer import record_bytes


def test_headers_of_two_bytes_each_are_counted_as_what_they_take_in_memory() -> None:
    message = SimpleNamespace(key=b"k", value=b"v", headers=[("", None)] * 100_000)
    assert record_bytes(message) > 100_000 * 50
