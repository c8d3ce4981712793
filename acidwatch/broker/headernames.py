r"""Read records whose header names are no UTF-8: a client in C or Go may send such, the broker takes them, and aiokafka raises.

Without this one such record would stop every consumer of its partition for ever. Its names are read with escapes (`\xff`) instead; all
else of it, values of headers included, stays byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_any_header_name() -> None:
    """Let the consumers of this process read any header name."""
    fetcher.MemoryRecords = _Records


class _Records(_MemoryRecordsPy):  # type: ignore[misc]
    """A fetched piece of a partition, batch by batch."""

    def next_batch(self) -> Any:
        data = self._next_slice
        batch = super().next_batch()
        has_headers = data is not None and data[self.MAGIC_OFFSET] >= 2
        return _Batch(batch, data) if has_headers else batch


class _Batch:
    """A record batch, read by aiokafka's fast reader as far as that goes, and from there on by the escaping one."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        last = -1
        try:
            for record in self._batch:
                last = record.offset
                yield record
        except UnicodeDecodeError:
            for record in _EscapingBatch(self._data):
                if record.offset > last:
                    yield record

    def __next__(self) -> Any:
        return next(self._batch)


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
