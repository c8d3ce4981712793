"""Two sets of rows, sample by sample and cell by cell: what one has that the other lacks, and what both say differently."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from acidwatch.contract.columns import NATURAL_KEY, SAMPLE_NAMES

Key = tuple[Any, ...]
"""The values of a natural key, in the order of its columns."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that speaks for a sample.

    Attributes:
        key: Its natural key.
        batch_id, attempt, row: Where it is from; the row is the sheet's.
        values: Its cells that are not empty, without those of the key.
    """

    key: dict[str, Any]
    batch_id: str
    attempt: int
    row: int
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that differs."""

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
    left = _by_key(rows.take(np.flatnonzero(before & ~after)))
    right = _by_key(rows.take(np.flatnonzero(after & ~before)))
    changed, reflagged = [], 0
    for key in _ordered(left.keys() & right.keys()):
        old, new = left[key], right[key]
        cells = [Cell(name, old[name], new[name]) for name in SAMPLE_NAMES if old[name] != new[name]]
        if cells:
            changed.append(Changed(_sample(old), _sample(new), cells))
        elif old["flags"] != new["flags"]:
            reflagged += 1
    return Differences(
        [_sample(right[key]) for key in _ordered(right.keys() - left.keys())],
        [_sample(left[key]) for key in _ordered(left.keys() - right.keys())],
        changed,
        reflagged,
    )


def _by_key(rows: pa.Table) -> dict[Key, dict[str, Any]]:
    return {tuple(row[name] for name in NATURAL_KEY): row for row in rows.to_pylist()}


def _ordered(keys: Iterable[Key]) -> list[Key]:
    return sorted(keys, key=lambda key: [(value is not None, value) for value in key])


def _sample(row: dict[str, Any]) -> Sample:
    values = {name: row[name] for name in SAMPLE_NAMES if row[name] is not None and name not in NATURAL_KEY}
    return Sample({name: row[name] for name in NATURAL_KEY}, row["batch_id"], row["attempt"], row["row"], values)
