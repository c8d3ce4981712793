"""Batches of the form that acidwatch itself writes, decoded straight to Arrow: a whole group at once, no Python object for each cell.

Whatever is not of that form, or has a cell of another type, is left to `batch.decode` and `typed.type_rows`, which know what to say
about it. Both ways give the same rows and the same findings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from numpy.typing import NDArray

from acidwatch.contract.batch import Payload
from acidwatch.contract.columns import SAMPLES
from acidwatch.contract.typed import PARQUET_TYPES, Rows, iso_dates, rows_of

_COLUMN_BEGIN = b'":['
_SCHEMA = pa.schema(
    [
        pa.field(
            "columns",
            pa.struct(
                [
                    (column.name, pa.list_(pa.string() if column.kind == "datetime" else PARQUET_TYPES[column.kind]))
                    for column in SAMPLES
                ]
            ),
        )
    ]
)


class UsualColumns(Mapping[str, list[Any]]):
    """The columns of a usual value, each decoded when it is asked for."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._begins: dict[str, int] = {}  # of the lists, in the value's order

    def _places(self) -> dict[str, int]:
        end = self._value.find(_COLUMN_BEGIN) if not self._begins else -1
        while end >= 0:
            name = self._value[self._value.rindex(b'"', 0, end) + 1 : end]
            self._begins[name.decode()] = end + 2
            end = self._value.find(_COLUMN_BEGIN, end + 2)
        return self._begins

    def __getitem__(self, name: str) -> list[Any]:
        begin = self._places()[name]
        try:
            cells: list[Any] = orjson.loads(self._value[begin : self._value.index(b"]", begin) + 1])
        except orjson.JSONDecodeError:  # the first bracket is one in a text
            cells = orjson.loads(self._value)["columns"][name]
        return cells

    def __iter__(self) -> Iterator[str]:
        return iter(self._places())

    def __len__(self) -> int:
        return len(self._places())


def read_usual(values: Sequence[bytes | None]) -> tuple[list[Payload], Rows] | None:
    """The batches and typed rows of a group; None when one of them is not of the usual form."""
    usual = [value for value in values if value is not None and _is_usual(value)]
    lines = b"\n".join(usual)
    # With a backslash a text could look like a name; at a zero byte Arrow's parser ends.
    if not usual or len(usual) < len(values) or not lines.isascii() or b"\\" in lines or b"\0" in lines:
        return None
    try:
        columns = _parse(lines)
        arrays = {column.name: columns.field(position).flatten() for position, column in enumerate(SAMPLES)}
        arrays |= {column.name: iso_dates(arrays[column.name]) for column in SAMPLES if column.kind == "datetime"}
    except pa.ArrowInvalid:
        return None
    lengths = _lengths(columns)
    if len(columns) != len(usual) or lengths is None:
        return None
    rows = rows_of(arrays, lengths, [], [])
    if any(_has_odd_numbers(arrays[name], values) for name, values in rows.numbers.items()):
        return None
    return [Payload(UsualColumns(value), count) for value, count in zip(usual, lengths.tolist(), strict=True)], rows


def _is_usual(value: bytes) -> bool:
    """Whether it looks like `{"columns":{"NAME":[...],...}}` with as many lists as there are columns."""
    return value.startswith(b'{"columns":{"') and value.count(_COLUMN_BEGIN) == len(SAMPLES)


def _parse(lines: bytes) -> pa.StructArray:
    table = pj.read_json(
        pa.BufferReader(lines),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=pj.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="error"),
    )
    return table["columns"].combine_chunks()


def _lengths(columns: pa.StructArray) -> NDArray[np.int64] | None:
    """Rows of each batch; None where its columns are not there, or of different lengths."""
    of_each = [columns.field(position).value_lengths() for position in range(len(SAMPLES))]
    first = of_each[0]
    if any(lengths.null_count or not lengths.equals(first) for lengths in of_each) or pc.min(first).as_py() == 0:
        return None
    return np.asarray(first.to_numpy(), dtype=np.int64)


def _has_odd_numbers(array: pa.Array, values: NDArray[np.float64]) -> bool:
    """Arrow reads NaN and Infinity, which are no JSON, and -0 as minus zero, where orjson reads the integer 0."""
    missing = np.isnan(values).sum()
    return bool(missing != array.null_count or np.isinf(values).any() or np.signbit(values[values == 0.0]).any())
