"""What was said about values beside the values themselves: limits of those beyond one, marks, comments of cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from acidwatch.contract.batch import Payload
from acidwatch.contract.columns import SAMPLE_NAMES
from acidwatch.contract.typed import Rows, Taken

REMARKS = pa.list_(
    pa.struct(
        [
            pa.field("column", pa.string(), nullable=False),
            pa.field("qualifier", pa.string()),
            pa.field("limit", pa.float64()),
            pa.field("text", pa.string()),
            pa.field("comment", pa.string()),
        ]
    )
)
"""What was said about values of a row. A value beyond a limit is null in its column; here are its `qualifier` (`<`, `>`), its `limit` (null
where only a word was given) and the `text` it came as. `J` marks an estimated value. `comment` is the cell's, whatever its value."""

BEYOND = ("<", ">")
"""Qualifiers of censored cells: the value lies below, or above, the limit."""

_POSITION = {name: position for position, name in enumerate(SAMPLE_NAMES)}


def meaning(taken: Taken) -> str:
    """What a text was taken for, as a finding says it."""
    reading, name, quoted = taken.reading, taken.column.name, repr(taken.text)
    if reading.rule == "text.missing":
        return f"{name} is {quoted}, taken as an empty cell"
    if reading.value is not None:
        estimated = ", an estimated one" if reading.qualifier else ""
        return f"{name} is the text {quoted}, taken as the number {reading.value:.15g}{estimated}"
    side = "below" if reading.qualifier == "<" else "above"
    limit = f"{reading.limit:.15g} {taken.column.unit}" if reading.limit is not None else "a limit that is not given"
    return f"{name} is {quoted}: {side} {limit}, kept as censored and never as a number"


def limit_fault(taken: Taken) -> str | None:
    """What is wrong with the limit of a value beyond one: outside the column's range no value could be right."""
    limit, column = taken.reading.limit, taken.column
    if limit is None or column.low is None or column.high is None or column.low <= limit <= column.high:
        return None
    return f"{column.name} is {taken.text!r}; its limit is outside {column.low:g} to {column.high:g} {column.unit}".rstrip()


def remarks_column(rows: Rows, payloads: Sequence[Payload], chosen: Sequence[int]) -> pa.Array:
    """The remarks of the chosen rows of a group, REMARKS; an empty list where nothing was said."""
    remarks = _remarks_of(rows, payloads)
    if remarks:
        return pa.array([remarks.get(row, []) for row in chosen], type=REMARKS)
    # The usual case, and ten times as fast.
    offsets = pa.array(np.zeros(len(chosen) + 1, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array([], REMARKS.value_type), type=REMARKS)


def _remarks_of(rows: Rows, payloads: Sequence[Payload]) -> dict[int, list[dict[str, str | float | None]]]:
    """Row to what was said about its values, in the contract's order of columns."""
    said: dict[tuple[int, str], dict[str, str | float | None]] = {}
    for taken in rows.taken:
        if taken.reading.qualifier is not None:
            entry = said.setdefault((taken.row, taken.column.name), {"column": taken.column.name})
            entry |= {"qualifier": taken.reading.qualifier, "limit": taken.reading.limit, "text": taken.text}
    for payload, start in zip(payloads, rows.starts.tolist(), strict=False):
        for name, comments in payload.comments.items():
            if name in rows.arrays:
                for row, comment in comments.items():
                    said.setdefault((start + row, name), {"column": name})["comment"] = comment
    by_row: dict[int, list[dict[str, str | float | None]]] = defaultdict(list)
    for row, name in sorted(said, key=lambda key: (key[0], _POSITION[key[1]])):
        by_row[row].append(said[row, name])
    return by_row
