r"""Read records that aiokafka can't: one of them would stop every consumer of its partition for ever.

- Header names that are no UTF-8: a client in C or Go may send such, and the broker takes them. They are read with escapes (`\xff`);
  all else of the record, values of headers included, stays byte for byte.
- Compressed batches that unpack to more than a record may be large: 30 KB of zstd may hold a gigabyte. They are not unpacked. Their
  records come with PACKED_TYPE as the only header, the first one with the whole batch as it came for a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import _MemoryRecordsPy

from acidwatch.broker.unpacking import TooLargeError, unpacked
from acidwatch.contract.headers import PACKED_TYPE


def read_any_record(most_bytes: int) -> None:
    """Let the consumers of this process read any record, of compressed batches those that unpack to no more than so many bytes."""
    fetcher.MemoryRecords = type("Records", (_Records,), {"most_bytes": most_bytes})


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """A fetched piece of a partition, batch by batch."""

    most_bytes: int
    unpacked_bytes = 0

    def has_next(self) -> bool:
        """Not when so much was unpacked of it: aiokafka holds all records of a piece at once, and fetches again what it has not read."""
        return self.unpacked_bytes < self.most_bytes and super().has_next()

    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        has_headers = data is not None and data[self.MAGIC_OFFSET] >= 2
        return _Batch(batch, data, self) if has_headers else batch


class _Batch:
    """A record batch, read by aiokafka's fast reader as far as that goes, and from there on by the escaping one."""

    def __init__(self, batch: Any, data: memoryview, piece: _Records) -> None:
        self._batch, self._data, self._piece = batch, data, piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        batch: Any = self._batch
        data: bytes | memoryview = self._data
        if batch.compression_type:
            try:
                data = unpacked(data, self._piece.most_bytes)
            except TooLargeError:
                yield from self._left_packed()
                return
            self._piece.unpacked_bytes += len(data)
            batch = DefaultRecordBatch(data)
        last = -1
        try:
            for record in batch:
                last = record.offset
                yield record
        except UnicodeDecodeError:
            for record in _EscapingBatch(data):
                if record.offset > last:
                    yield record

    def _left_packed(self) -> Iterator[Any]:
        """In place of its records."""
        batch, headers = self._batch, [("ce_type", PACKED_TYPE.encode())]
        value: bytes | None = bytes(self._data)
        for offset in range(batch.base_offset, batch.next_offset):
            yield _DefaultRecordPy(offset, batch.max_timestamp, batch.timestamp_type, None, value, headers)
            value = None


class _EscapingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """Aiokafka's own reader in Python, over a buffer whose pieces decode with escapes; header names are all that it decodes."""

    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Escaping(self._buffer)


class _Escaping(bytearray):
    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _Escaping(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return bytes(self).decode(encoding, "backslashreplace")
