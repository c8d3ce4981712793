"""Unpack a compressed record batch, and stop where it gets too large: aiokafka unpacks whatever it is given."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import cramjam
from aiokafka.codec import _detect_xerial_stream
from aiokafka.record.default_records import DefaultRecordBase

_HEADER = DefaultRecordBase.HEADER_STRUCT
_LENGTH_AT, _BEFORE_LENGTH = 8, 12  # bytes; the length does not count those up to itself
_ATTRIBUTES_AT = 21
_XERIAL_HEADER = 16


class TooLargeError(ValueError):
    """It unpacks to more than is allowed, or can't be unpacked at all, which the broker would have found."""


def unpacked(batch: bytes | memoryview, most_bytes: int) -> bytes:
    """A batch of format 2 as it would be had it not been compressed; its checksum is that of the compressed one.

    Raises:
        TooLargeError: See there.
    """
    header, body = bytearray(batch[: _HEADER.size]), bytes(batch[_HEADER.size :])
    (attributes,) = struct.unpack_from(">h", header, _ATTRIBUTES_AT)
    codec = attributes & DefaultRecordBase.CODEC_MASK
    try:
        records = _UNPACK[codec](body, most_bytes)
    except (cramjam.DecompressionError, OSError, EOFError, zlib.error, struct.error, KeyError) as error:
        raise TooLargeError(str(error)) from error
    struct.pack_into(">h", header, _ATTRIBUTES_AT, attributes & ~DefaultRecordBase.CODEC_MASK)
    struct.pack_into(">i", header, _LENGTH_AT, _HEADER.size - _BEFORE_LENGTH + len(records))
    return bytes(header) + records


def _gzip(packed: bytes, most_bytes: int) -> bytes:
    found = gzip.GzipFile(fileobj=io.BytesIO(packed)).read(most_bytes + 1)
    if len(found) > most_bytes:
        raise TooLargeError("gzip")
    return found


def _zstd(packed: bytes, most_bytes: int) -> bytes:
    room = bytearray(most_bytes)
    return bytes(memoryview(room)[: cramjam.zstd.decompress_into(packed, room)])


def _lz4(packed: bytes, most_bytes: int) -> bytes:
    room = bytearray(most_bytes)
    return bytes(memoryview(room)[: cramjam.lz4.decompress_into(packed, room)])


def _snappy(packed: bytes, most_bytes: int) -> bytes:
    """In one piece, or in the blocks of Java's library, each after its length."""
    if not _detect_xerial_stream(packed):
        return _snappy_block(packed, most_bytes)
    found, stream = bytearray(), io.BytesIO(packed[_XERIAL_HEADER:])
    while length := stream.read(4):
        found += _snappy_block(stream.read(struct.unpack(">i", length)[0]), most_bytes - len(found))
    return bytes(found)


def _snappy_block(packed: bytes, most_bytes: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(packed) > most_bytes:
        raise TooLargeError("snappy")
    return bytes(cramjam.snappy.decompress_raw(packed))


_UNPACK = {
    DefaultRecordBase.CODEC_GZIP: _gzip,
    DefaultRecordBase.CODEC_SNAPPY: _snappy,
    DefaultRecordBase.CODEC_LZ4: _lz4,
    DefaultRecordBase.CODEC_ZSTD: _zstd,
}
