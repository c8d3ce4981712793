"""Two sets of rows, sample by sample and cell by cell: what one has that the other lacks, and what both say differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES
from acidwatch.contract.remarks import BEYOND

Key = tuple[Any, ...]
"""The values of a natural key, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that speaks for a sample.

    Attributes:
        key: Its natural key.
        batch_id, attempt, row: Where it is from; the row is the sheet's.
        values: Its cells that are not empty, without those of the key; text for a value beyond a limit or an estimated one: `<0.5`, `<`
            (no limit was given), `7 J`.
    """

    key: dict[str, Any]
    batch_id: str
    attempt: int
    row: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that differs; its values are as in `Sample.values`."""

    column: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Changed:
    """A sample that both have, with other cells."""

    before: Sample
    after: Sample
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs, in the order of the natural key.

    Attributes:
        reflagged: Samples with equal cells whose flags differ: rules changed, or a neighbour did.
    """

    added: list[Sample]
    removed: list[Sample]
    changed: list[Changed]
    reflagged: int


def compare_samples(rows: pa.Table, before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Differences:
    """Compare the samples of two versions.

    Args:
        rows: `acidwatch.history.rows.ROWS_SCHEMA`, the rows of both.
        before, after: Which of them speak for a sample in each; at most one row for a natural key.
    """
    # A row that speaks in both says the same in both: only the others are looked at.
    left, right = (_by_key(rows, np.flatnonzero(only)) for only in (before & ~after, after & ~before))
    both = _ordered(left.keys() & right.keys())
    old, new = (rows.take(pa.array([side[key] for key in both], pa.int64())) for side in (left, right))
    differs = {name: _differ(old[name], new[name]) for name in SAMPLE_NAMES}
    for (marked, name), _ in _marks(old).items() ^ _marks(new).items():
        differs[name][marked] = True
    any_cell = np.logical_or.reduce(list(differs.values()))
    changed = []
    for place in np.flatnonzero(any_cell):
        (was,), (now,) = (side.slice(place, 1).to_pylist() for side in (old, new))
        cells = [Cell(name, _said(was, name), _said(now, name)) for name in SAMPLE_NAMES if differs[name][place]]
        changed.append(Changed(_sample(was), _sample(now), cells))
    flags = [pc.binary_join(side["flags"], "\n") for side in (old, new)]
    return Differences(
        _samples(rows, [right[key] for key in _ordered(right.keys() - left.keys())]),
        _samples(rows, [left[key] for key in _ordered(left.keys() - right.keys())]),
        changed,
        int((_differ(*flags) & ~any_cell).sum()),
    )


def _by_key(rows: pa.Table, places: NDArray[np.int64]) -> dict[Key, int]:
    keys = (rows[name].take(places).to_pylist() for name in NATURAL_KEY)
    return dict(zip(zip(*keys, strict=True), places.tolist(), strict=True))


def _differ(old: pa.ChunkedArray, new: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Where two columns differ; an empty cell is another than one with a value."""
    other = pc.fill_null(pc.not_equal(old, new), False)
    return np.array(pc.or_(other, pc.xor(pc.is_null(old), pc.is_null(new))).to_numpy(), dtype=np.bool_)


def _marks(rows: pa.Table) -> dict[tuple[int, str], tuple[str, float | None]]:
    """Place of a row and column to qualifier and limit of the cell, where it has them."""
    places = np.flatnonzero(pc.fill_null(pc.list_value_length(rows["remarks"]), 0).to_numpy())
    remarks = rows["remarks"].take(pa.array(places, pa.int64())).to_pylist()
    return {
        (place, remark["column"]): (remark["qualifier"], remark["limit"])
        for place, of_row in zip(places.tolist(), remarks, strict=True)
        for remark in of_row
        if remark["qualifier"] is not None
    }


def _said(row: dict[str, Any], name: str) -> Any:
    """What a cell says: its value, with its mark if there is one."""
    for remark in row["remarks"] or ():
        if remark["column"] == name and remark["qualifier"] is not None:
            number = remark["limit"] if remark["qualifier"] in BEYOND else row[name]
            text = "" if number is None else f"{number:.15g}"
            return remark["qualifier"] + text if remark["qualifier"] in BEYOND else f"{text} {remark['qualifier']}"
    return row[name]


def _samples(rows: pa.Table, places: list[int]) -> list[Sample]:
    return [_sample(row) for row in rows.take(pa.array(places, pa.int64())).to_pylist()]


def _ordered(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: [(value is not None, value) for value in key])


def _sample(row: dict[str, Any]) -> Sample:
    said = {name: _said(row, name) for name in SAMPLE_NAMES if name not in NATURAL_KEY}
    values = {name: value for name, value in said.items() if value is not None}
    return Sample({name: row[name] for name in NATURAL_KEY}, row["batch_id"], row["attempt"], row["row"], values)
