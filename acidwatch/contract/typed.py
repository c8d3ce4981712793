"""From decoded batches to typed columns: the rows of a whole group at once, with a note of every cell that has another type."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from acidwatch.contract.batch import Payload
from acidwatch.contract.columns import SAMPLES, Column, Kind
from acidwatch.contract.texts import Reading, read_text

PARQUET_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "datetime": pa.timestamp("us"),  # Spark refuses nanoseconds
}

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?"
# Year 0 is ISO 8601 and Arrow reads it, but Python and PostgreSQL have none.
_DATE = re.compile(rf"(?!0000){_ISO}")


@dataclass(frozen=True, slots=True)
class Misfit:
    """A cell that is not of its column's type: row within the group, column, and what was there."""

    row: int
    column: Column
    value: Any


@dataclass(frozen=True, slots=True)
class Taken:
    """A text in a number column that was taken for what it stands for: row within the group, column, the text, its meaning."""

    row: int
    column: Column
    text: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Rows:
    """The typed rows of a group of batches, one after the other.

    Attributes:
        arrays: Column name to Arrow array (contract type, misfits are null), each of `len(batch)` values.
        numbers: Number columns as float64, NaN = missing.
        batch: int32, which payload of the group each row belongs to.
        starts: int64, first row of each payload; one more than there are payloads.
        misfits: Cells of another type.
        taken: Texts in number columns that were taken for what they stand for.
        censored: Rows in which a value is known to lie beyond a limit.
    """

    arrays: dict[str, pa.Array]
    numbers: dict[str, NDArray[np.float64]]
    batch: NDArray[np.int32]
    starts: NDArray[np.int64]
    misfits: list[Misfit]
    taken: list[Taken]
    censored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.batch)


def type_rows(payloads: Sequence[Payload]) -> Rows:
    """Type the cells of several payloads that have every contract column."""
    lengths = np.array([payload.rows for payload in payloads], dtype=np.int64)
    misfits: list[Misfit] = []
    taken: list[Taken] = []
    arrays: dict[str, pa.Array] = {}
    for column in SAMPLES:
        cells: list[Any] = []
        for payload in payloads:
            cells.extend(payload.columns[column.name])
        arrays[column.name] = type_cells(column, cells, misfits, taken)
    return rows_of(arrays, lengths, misfits, taken)


def rows_of(arrays: dict[str, pa.Array], lengths: NDArray[np.int64], misfits: list[Misfit], taken: list[Taken]) -> Rows:
    """The rows of payloads of these lengths, from their typed columns."""
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    batch = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    numbers: dict[str, NDArray[np.float64]] = {
        column.name: arrays[column.name].to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
        for column in SAMPLES
        if column.kind == "number"
    }
    censored = np.zeros(len(batch), dtype=np.bool_)
    censored[[text.row for text in taken if text.reading.rule.startswith("censored.")]] = True
    return Rows(arrays, numbers, batch, starts, misfits, taken, censored)


def type_cells(column: Column, cells: list[Any], misfits: list[Misfit], taken: list[Taken] | None = None) -> pa.Array:
    """Type one column's cells; those that don't fit become null and are noted in `misfits` by their position.

    Where `taken` is given, texts in number columns are taken for what they stand for and noted there. Reference tables are read
    without it: sodium's `NA` is no missing value.
    """
    target = PARQUET_TYPES[column.kind]
    try:
        if column.kind == "datetime":
            return iso_dates(pa.array(cells, type=pa.string()))
        if bool in set(map(type, cells)):
            raise pa.ArrowInvalid("true and false are no numbers, though Arrow takes them for 1 and 0")
        return pa.array(cells, type=target)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError, TypeError):
        pass  # some cell does not fit: find out which
    fitted = []
    readings: dict[str, Reading | None] = {}
    for row, cell in enumerate(cells):
        value = None if cell is None else _FIT[column.kind](cell)
        if value is None and cell is not None:
            reading = None
            if taken is not None and column.kind == "number" and isinstance(cell, str):
                if cell not in readings:
                    readings[cell] = _reading(column, cell)
                reading = readings[cell]
            if taken is None or reading is None:
                misfits.append(Misfit(row, column, cell))
            else:
                taken.append(Taken(row, column, cell, reading))
                value = reading.value
        fitted.append(value)
    return (
        pa.array(fitted, type=pa.string()).cast(target) if column.kind == "datetime" else pa.array(fitted, type=target)
    )


def _reading(column: Column, text: str) -> Reading | None:
    reading = read_text(text)
    # A depth of sampling has no detection limit.
    return None if reading and reading.qualifier and not column.parameter else reading


def iso_dates(texts: pa.Array) -> pa.Array:
    """Dates in ISO 8601 as timestamps.

    Raises:
        pa.ArrowInvalid: One of them is none.
    """
    iso = pc.match_substring_regex(texts, rf"\A{_ISO}\z")
    if pc.any(pc.or_(pc.invert(iso), pc.starts_with(texts, "0000"))).as_py():
        raise pa.ArrowInvalid("a date is not ISO 8601")
    return texts.cast(pa.timestamp("us"))


def _fit_number(cell: Any) -> float | None:
    return float(cell) if type(cell) in (int, float) else None


def _fit_integer(cell: Any) -> int | None:
    fits = type(cell) in (int, float) and -(2**63) <= cell < 2**63  # int64
    return int(cell) if fits and float(cell).is_integer() else None


def _fit_text(cell: Any) -> str | None:
    return cell if isinstance(cell, str) else None


def _fit_date(cell: Any) -> str | None:
    if not isinstance(cell, str) or not _DATE.fullmatch(cell):
        return None
    try:
        pa.scalar(cell, type=pa.string()).cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    return cell


_FIT: dict[Kind, Callable[[Any], Any]] = {
    "number": _fit_number,
    "integer": _fit_integer,
    "text": _fit_text,
    "datetime": _fit_date,
}
